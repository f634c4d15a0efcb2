// SPDX-License-Identifier: GPL-2.0-only
/* Delta debugging: leave out whatever can be left out. */
#include "../regalloc_test.h"
#include "fail.h"
#include "shrink.h"
#include "solo.h"

/* A program of the tests may run for 30 minutes, and TIME. */
#define MOST_SECONDS	300

/**
 * struct sequence - operations that fail
 * @seed: that they are of
 * @ops: the operations
 * @nr: number of them
 * @runs: how often we have tried
 * @end: when to be content with what we have
 */
struct sequence {
	uint64_t seed;
	struct op *ops;
	uint32_t nr;
	uint32_t runs;
	uint64_t end;
};

static bool fails(struct sequence *s, const struct op *ops, uint32_t nr)
{
	s->runs++;
	return solo_play(s->seed, ops, nr, false, true);
}

/* Does it fail without these? Then they are gone. */
static bool leave_out(struct sequence *s, uint32_t first, uint32_t nr)
{
	struct op *rest;
	uint32_t nr_rest = s->nr - nr;

	if (rt_now_ms() >= s->end)
		return false;
	rest = calloc(s->nr, sizeof(*rest));
	if (!rest)
		rt_die("no memory to shrink");
	memcpy(rest, s->ops, first * sizeof(*rest));
	memcpy(rest + first, s->ops + first + nr,
	       (nr_rest - first) * sizeof(*rest));
	if (!fails(s, rest, nr_rest)) {
		free(rest);
		return false;
	}
	free(s->ops);
	s->ops = rest;
	s->nr = nr_rest;
	return true;
}

/* One pass, in pieces of a length. From the end, where less depends on them. */
static bool leave_out_pieces(struct sequence *s, uint32_t length)
{
	uint32_t end = s->nr, n;
	bool any = false;

	while (end) {
		n = length < end ? length : end;
		any |= leave_out(s, end - n, n);
		end -= n;
	}
	return any;
}

void shrink(uint64_t seed, uint32_t nr_ops)
{
	struct sequence s = {
		.seed = seed,
		.ops = solo_draw(seed, nr_ops),
		.nr = nr_ops,
		.end = rt_now_ms() + MOST_SECONDS * 1000ULL,
	};
	uint32_t length;

	if (!fails(&s, s.ops, s.nr)) {
		printf("# does not fail when it is played again\n");
		free(s.ops);
		return;
	}
	for (length = nr_ops / 2; length > 1; length /= 2)
		leave_out_pieces(&s, length);
	while (leave_out_pieces(&s, 1))
		;
	printf("# shrunk to %u of %u operations in %u runs:\n", s.nr, nr_ops,
	       s.runs);
	solo_play(seed, s.ops, s.nr, true, false);
	free(s.ops);
}
