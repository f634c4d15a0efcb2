// SPDX-License-Identifier: GPL-2.0-only
#include "player.h"
#include "solo.h"

#define SOLO_BUDGET	"48M"
#define SOLO_BYTES	(48 * RT_MIB)

struct op *solo_draw(uint64_t seed, uint32_t nr_ops)
{
	struct op *ops = calloc(nr_ops, sizeof(*ops));
	uint32_t i;

	if (!ops)
		rt_die("no memory for %u operations", nr_ops);
	for (i = 0; i < nr_ops; i++)
		ops[i] = op_draw(seed, i);
	return ops;
}

int solo_play(uint64_t seed, const struct op *ops, uint32_t nr_ops,
	      bool trace, bool mute)
{
	pid_t pid;

	if (!rt_begin(SOLO_BUDGET, RT_DECAY_MS)) {
		printf("# the module does not come to rest\n");
		return FAIL_STATUS;
	}
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		rt_die("fork: %s", strerror(errno));
	if (!pid) {
		fail_context = (struct fail_context) {
			.seed = seed, .trace = trace, .mute = mute,
		};
		player_play(player_create(true, SOLO_BYTES), ops, nr_ops);
		fflush(stdout);
		_exit(0);
	}
	return rt_child_status(pid);
}

bool solo_run(uint64_t seed, uint32_t nr_ops)
{
	struct op *ops = solo_draw(seed, nr_ops);
	int status = solo_play(seed, ops, nr_ops, false, false);

	free(ops);
	if (status)
		printf("# the process ended with %d\n", status);
	return !status;
}
