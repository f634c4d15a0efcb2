// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer with a model: random operations on the device, of which it is known
 * what must come of them.
 *
 *	fuzzer				a test with TAP output, REGALLOC_SECONDS long
 *	fuzzer --seed N [--ops N]	one sequence, the same each time
 *	fuzzer --seed N [--ops N] --shrink
 *					what of it is needed for it to fail
 *	fuzzer --procs N [--seed N] [--ops N]
 *					several processes, each with its client
 *	fuzzer --hostile [...]		one of them scribbles on its slice map
 *	fuzzer --time SECONDS [...]	one seed after another
 */
#include <getopt.h>

#include "../regalloc_test.h"
#include "player.h"
#include "random.h"
#include "shrink.h"
#include "solo.h"
#include "tally.h"
#include "team.h"

struct options {
	uint64_t seed;
	uint32_t ops;
	uint32_t procs;
	uint32_t seconds;
	bool shrink;
	bool hostile;
};

static const struct option long_options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "ops", required_argument, NULL, 'o' },
	{ "procs", required_argument, NULL, 'p' },
	{ "time", required_argument, NULL, 't' },
	{ "shrink", no_argument, NULL, 'm' },
	{ "hostile", no_argument, NULL, 'h' },
	{ }
};

static struct options parse(int argc, char **argv)
{
	struct options o = {
		.seed = fuzz_mix(rt_now_ms() ^ (uint64_t)getpid() << 32) >> 16,
		.ops = 3000,
		.procs = 1,
	};
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
		switch (c) {
		case 's':
			o.seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			o.ops = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			o.procs = strtoul(optarg, NULL, 0);
			break;
		case 't':
			o.seconds = strtoul(optarg, NULL, 0);
			break;
		case 'm':
			o.shrink = true;
			break;
		case 'h':
			o.hostile = true;
			break;
		default:
			exit(2);
		}
	}
	if (!o.ops || !o.procs || o.procs > TEAM_MOST)
		exit(2);
	return o;
}

/* One sequence after another, until the time is over; at least one. */
static bool run(const struct options *o)
{
	uint64_t end = rt_now_ms() + o->seconds * 1000ULL, seed = o->seed;
	bool good;

	do {
		if (o->procs > 1 || o->hostile)
			good = team_run(seed, o->ops, o->procs, o->hostile);
		else
			good = solo_run(seed, o->ops);
		seed++;
	} while (good && rt_now_ms() < end);
	return good;
}

static unsigned int nr_results;

static void result(bool good, const char *name)
{
	printf("%s %u fuzzer.%s\n", good ? "ok" : "not ok", ++nr_results, name);
}

/* Each way of playing for a share of the time. */
static bool short_test(struct options o)
{
	bool solo, team, hostile, all;

	printf("TAP version 13\n1..4\n");
	o.seconds = rt_env_u32("REGALLOC_SECONDS", 15) / 3;
	solo = run(&o);
	result(solo, "one_process");
	o.procs = 4;
	team = run(&o);
	result(team, "four_processes");
	o.hostile = true;
	hostile = run(&o);
	result(hostile, "beside_a_hostile_client");
	tally_print();
	all = tally_all_succeeded();
	result(all, "each_operation_has_worked");
	return solo && team && hostile && all;
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	bool good;

	setvbuf(stdout, NULL, _IOLBF, 0);
	tally_init();
	player_init();
	printf("# seed %" PRIu64 ", %u operations\n", o.seed, o.ops);
	if (argc == 1) {
		good = short_test(o);
	} else if (o.shrink) {
		good = !shrink(o.seed, o.ops);
	} else {
		good = run(&o);
		tally_print();
	}
	rt_end();
	printf("# %" PRIu64 " operations, %s\n", tally_total(),
	       good ? "all as expected" : "FAILED");
	return good ? 0 : 1;
}
