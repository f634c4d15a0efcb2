// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer with a model: random operations on the device, of which it is known
 * what must come of them.
 *
 *	fuzzer				a short test with TAP output
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

struct options {
	uint64_t seed;
	uint32_t ops;
	uint32_t procs;
	uint32_t seconds;
	bool seeded;
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
			o.seeded = true;
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
	return o;
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	bool good;

	setvbuf(stdout, NULL, _IOLBF, 0);
	tally_init();
	player_init();
	printf("# seed %" PRIu64 ", %u operations\n", o.seed, o.ops);
	if (o.shrink) {
		good = !shrink(o.seed, o.ops);
	} else {
		good = solo_run(o.seed, o.ops, o.seconds);
		tally_print();
	}
	rt_end();
	printf("# %" PRIu64 " operations, %s\n", tally_total(),
	       good ? "all as expected" : "FAILED");
	return good ? 0 : 1;
}
