// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer with a model: random operations on the device, of which it is known
 * what must come of them. What of a failing sequence is needed for it to fail is
 * found out and printed, unless several processes took part, which never do the
 * same twice. Numbers in the environment:
 *
 *	REGALLOC_SECONDS	one sequence after another, for so long
 *	REGALLOC_OPS		operations in a sequence (default: 3000)
 *	REGALLOC_SEED		play the sequence of this seed, and only the one way
 *				that the next two say
 *	REGALLOC_PROCS		so many processes, each with its client (default: 1)
 *	REGALLOC_HOSTILE	1: beside one that scribbles on its slice map
 *
 * "make fuzz" passes them on as TIME, OPS, SEED, PROCS and HOSTILE.
 */
#include "../regalloc_test.h"
#include "player.h"
#include "random.h"
#include "shrink.h"
#include "solo.h"
#include "tally.h"
#include "team.h"

struct options {
	uint32_t seed;
	uint32_t ops;
	uint32_t procs;
	uint32_t seconds;
	bool hostile;
};

static struct options options_from_env(void)
{
	uint64_t now = rt_now_ms() ^ (uint64_t)getpid() << 32;
	struct options o = {
		.seed = rt_env_u32("REGALLOC_SEED", fuzz_mix(now) >> 32),
		.ops = rt_env_u32("REGALLOC_OPS", 3000),
		.procs = rt_env_u32("REGALLOC_PROCS", 1),
		.seconds = rt_env_u32("REGALLOC_SECONDS", 0),
		.hostile = rt_env_u32("REGALLOC_HOSTILE", 0),
	};

	if (!o.ops || !o.procs || o.procs > TEAM_MOST)
		rt_die("REGALLOC_OPS or REGALLOC_PROCS out of range");
	return o;
}

/* Before it is played: the kernel may take us with it. */
static void print_command(const struct options *o)
{
	printf("# make fuzz SEED=%u OPS=%u", o->seed, o->ops);
	if (o->procs > 1)
		printf(" PROCS=%u", o->procs);
	if (o->hostile)
		printf(" HOSTILE=1");
	putchar('\n');
}

static bool is_solo(const struct options *o)
{
	return o->procs == 1 && !o->hostile;
}

static bool play(const struct options *o)
{
	print_command(o);
	return is_solo(o) ? solo_run(o->seed, o->ops) :
			    team_run(o->seed, o->ops, o->procs, o->hostile);
}

static unsigned int nr_results;

/* One sequence after another, until the time is over; at least one. */
static bool run(struct options *o, const char *name)
{
	uint64_t end = rt_now_ms() + o->seconds * 1000ULL;
	bool good;

	while ((good = play(o)) && rt_now_ms() < end)
		o->seed++;
	printf("%s %u fuzzer.%s\n", good ? "ok" : "not ok", ++nr_results, name);
	if (good)
		return true;
	if (is_solo(o))
		shrink(o->seed, o->ops);
	printf("# once more:\n");
	print_command(o);
	return false;
}

/* Each way of playing for a share of the time. */
static bool short_test(struct options o)
{
	bool solo, team, hostile, all;

	printf("1..4\n");
	o.seconds = (o.seconds ?: 15) / 3;
	o.procs = 1;
	o.hostile = false;
	solo = run(&o, "one_process");
	o.procs = 4;
	team = run(&o, "four_processes");
	o.hostile = true;
	hostile = run(&o, "beside_a_hostile_client");
	all = tally_all_succeeded();
	printf("%s %u fuzzer.each_operation_has_worked\n", all ? "ok" : "not ok",
	       ++nr_results);
	return solo && team && hostile && all;
}

static bool replay(struct options o)
{
	printf("1..1\n");
	return run(&o, "replay");
}

int main(void)
{
	struct options o = options_from_env();
	bool good;

	setvbuf(stdout, NULL, _IOLBF, 0);
	tally_init();
	player_init();
	printf("TAP version 13\n");
	good = getenv("REGALLOC_SEED") ? replay(o) : short_test(o);
	tally_print();
	rt_end();
	printf("# %" PRIu64 " operations, %s\n", tally_total(),
	       good ? "all as expected" : "FAILED");
	return good ? 0 : 1;
}
