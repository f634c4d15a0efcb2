// SPDX-License-Identifier: MIT
/*
 * What must caches evict until another program has so many bytes? The caches hold the
 * whole budget, and evict what they are asked for in an order of their own: that of the
 * label. --threads says how many caches there are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

#define MOST_CACHES 8
#define WANTED (16UL << 20)

/**
 * struct pool - a cache
 * @ra: its client
 * @slices: that it has; the one at the end is evicted next
 * @nr: how many
 */
struct pool {
	struct regalloc *ra;
	struct regalloc_slice *slices;
	uint32_t nr;
};

static int fill_in_turn(struct pool *pools, uint32_t nr_pools, uint64_t bytes,
			uint32_t most)
{
	int err;

	for (uint32_t i = 0;; i++) {
		struct pool *p = &pools[i % nr_pools];

		if (p->nr == most)
			return -ERANGE;
		err = regalloc_alloc(p->ra, bytes, 0, &p->slices[p->nr]);
		if (err)
			return err == -ENOMEM ? 0 : err;
		p->nr++;
	}
}

static void reverse(struct pool *p)
{
	for (uint32_t i = 0; i < p->nr / 2; i++) {
		struct regalloc_slice s = p->slices[i];

		p->slices[i] = p->slices[p->nr - 1 - i];
		p->slices[p->nr - 1 - i] = s;
	}
}

static void shuffle(struct pool *p, uint64_t *seed)
{
	for (uint32_t i = p->nr; i > 1; i--) {
		uint32_t j = random_next(seed) % i;
		struct regalloc_slice s = p->slices[i - 1];

		p->slices[i - 1] = p->slices[j];
		p->slices[j] = s;
	}
}

/* Into the order in which they are evicted: at random, or the oldest first. */
static int put_in_order(struct pool *p, const char *label, uint64_t *seed)
{
	if (!strcmp(label, "random"))
		shuffle(p, seed);
	else if (!strcmp(label, "oldest"))
		reverse(p);
	else
		return -EINVAL;
	return 0;
}

/* Each cache evicts what it is asked for; adds what all of them did. */
static int evict(struct pool *pools, uint32_t nr_pools, uint64_t bytes,
		 uint64_t *evicted)
{
	for (uint32_t i = 0; i < nr_pools; i++) {
		struct pool *p = &pools[i];
		uint64_t wanted, done = 0;
		int err = regalloc_pressure(p->ra, &wanted);

		for (; !err && done < wanted && p->nr; done += bytes)
			err = regalloc_release(p->ra, p->slices[--p->nr].handle);
		if (err)
			return err;
		*evicted += done;
	}
	return 0;
}

int given_run(const struct plan *plan)
{
	uint32_t most = (1UL << 30) / plan->bytes, nr = plan->threads;
	uint64_t seed = 1, evicted = 0, given = 0;
	struct pool pools[MOST_CACHES] = { 0 };
	struct regalloc_slice slice;
	struct regalloc *other;
	int err;

	if (nr > MOST_CACHES)
		return -EINVAL;
	err = regalloc_open(NULL, 0, &other);
	for (uint32_t i = 0; !err && i < nr; i++) {
		err = regalloc_open(NULL, 0, &pools[i].ra);
		pools[i].slices = table_new(most, sizeof(slice));
		if (!pools[i].slices)
			err = -ENOMEM;
	}
	if (!err)
		err = fill_in_turn(pools, nr, plan->bytes, most);
	for (uint32_t i = 0; !err && i < nr; i++)
		err = put_in_order(&pools[i], plan->label, &seed);
	while (!err && given < WANTED) {
		err = regalloc_alloc_wait(other, plan->bytes, 0, 1, &slice);
		if (!err)
			given += plan->bytes;
		else if (err == -ETIMEDOUT || err == -ENOMEM)
			err = evict(pools, nr, plan->bytes, &evicted);
	}
	if (!err)
		row(plan, (double)evicted / given, "evicted_per_given");
	return err;
}
