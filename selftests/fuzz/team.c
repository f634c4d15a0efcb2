// SPDX-License-Identifier: GPL-2.0-only
#include "hostile.h"
#include "player.h"
#include "random.h"
#include "solo.h"
#include "team.h"

#define TEAM_BUDGET	"48M"
#define TEAM_BYTES	(48 * RT_MIB)
/* By then, a player that will be killed has got somewhere. */
#define TEAM_LONGEST_LIFE_MS	1500

/**
 * struct member - a process of the team
 * @pid: its number
 * @dies: when it is to be killed, after the start; 0: never
 */
struct member {
	pid_t pid;
	uint32_t dies;
};

static pid_t member_start(uint64_t seed, uint32_t nr_ops)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		rt_die("fork: %s", strerror(errno));
	if (!pid) {
		fail_context = (struct fail_context) { .seed = seed };
		player_play(player_create(false, TEAM_BYTES),
			    solo_draw(seed, nr_ops), nr_ops);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

/* Whether the process has been killed, or has found nothing wrong. */
static bool member_end(const struct member *m)
{
	int status = rt_child_status(m->pid);

	if (!status || (m->dies && status == 128 + SIGKILL))
		return true;
	printf("# process %d ended with %d\n", m->pid, status);
	return false;
}

static void kill_some(const struct member *members, uint32_t nr)
{
	uint32_t ms, i;

	for (ms = 1; ms <= TEAM_LONGEST_LIFE_MS; ms++) {
		for (i = 0; i < nr; i++)
			if (members[i].dies == ms)
				kill(members[i].pid, SIGKILL);
		usleep(1000);
	}
}

/* Nothing is charged, and nobody is there. */
static bool nothing_left(void)
{
	if (rt_wait_until(!rt_stat("charged_bytes") && !rt_stat("nr_clients"),
			  RT_DEADLINE))
		return true;
	printf("# left: %" PRIu64 " bytes charged, %" PRIu64 " clients\n",
	       rt_stat("charged_bytes"), rt_stat("nr_clients"));
	return false;
}

bool team_run(uint64_t seed, uint32_t nr_ops, uint32_t procs, bool hostile)
{
	struct member members[TEAM_MOST];
	uint64_t own = seed;
	bool good = true;
	pid_t enemy = 0;
	uint32_t i;

	if (!rt_begin(TEAM_BUDGET, 100))
		return nothing_left();
	if (hostile)
		enemy = hostile_start(fuzz_random(&own));
	for (i = 0; i < procs; i++) {
		members[i].pid = member_start(fuzz_sub_seed(seed, i), nr_ops);
		members[i].dies = fuzz_random(&own) % 3 ? 0 :
				  1 + fuzz_random(&own) % TEAM_LONGEST_LIFE_MS;
	}
	kill_some(members, procs);
	for (i = 0; i < procs; i++)
		good &= member_end(&members[i]);
	if (enemy)
		hostile_stop(enemy);
	return good & nothing_left();
}
