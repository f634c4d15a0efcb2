// SPDX-License-Identifier: MIT
/*
 * With more and more regions open, and nearly all their slices in use: what a
 * pair costs, what the slice maps take, how long it takes to read sysfs.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "measure.h"
#include "sysfs_read.h"

/* One slice of so many is free while the time is taken. */
#define FREE_ONE_OF 64
#define PAIRS 2000
#define READS 20

static const uint32_t levels[] = { 1, 16, 128, 512, 768 };

/**
 * struct field - the regions of a run
 * @plan: what to run
 * @pieces: of all regions, in an order that changes
 * @count: of @pieces
 * @open: regions open
 * @per_region: slices of a region
 * @seed: of the random numbers
 */
struct field {
	const struct plan *plan;
	struct piece *pieces;
	uint32_t count;
	uint32_t open;
	uint32_t per_region;
	uint64_t seed;
};

/* Until @count slices are in use. */
static int fill(struct field *f, uint32_t count)
{
	uint32_t got;

	while (f->count < count) {
		int err = regalloc_alloc_many(backend_regalloc_client(),
					      f->plan->bytes, 0,
					      count - f->count,
					      f->pieces + f->count, &got);

		if (err)
			return err;
		f->count += got;
	}
	return 0;
}

/* Releases a random part. */
static int thin_out(struct field *f)
{
	uint32_t n = f->count / FREE_ONE_OF;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = random_next(&f->seed) % f->count;
		int err = f->plan->backend->release(&f->pieces[at]);

		if (err)
			return err;
		f->pieces[at] = f->pieces[--f->count];
	}
	return 0;
}

static int time_pairs(struct field *f, uint64_t *best)
{
	const struct backend *backend = f->plan->backend;
	struct piece p;
	int err;

	*best = UINT64_MAX;
	for (uint32_t i = 0; i < f->plan->repeat; i++) {
		uint64_t start = now_ns();

		for (uint32_t j = 0; j < PAIRS; j++) {
			err = backend->alloc(f->plan->bytes, &p);
			if (!err)
				err = backend->release(&p);
			if (err)
				return err;
		}
		start = now_ns() - start;
		if (start < *best)
			*best = start;
	}
	return 0;
}

/* Releases any slice and allocates one for it, somewhere. */
static int time_swaps(struct field *f, uint64_t *best)
{
	const struct backend *backend = f->plan->backend;
	int err;

	*best = UINT64_MAX;
	for (uint32_t i = 0; i < f->plan->repeat; i++) {
		uint64_t start = now_ns();

		for (uint32_t j = 0; j < PAIRS; j++) {
			struct piece *p =
				&f->pieces[random_next(&f->seed) % f->count];

			err = backend->release(p);
			if (!err)
				err = backend->alloc(f->plan->bytes, p);
			if (err)
				return err;
		}
		start = now_ns() - start;
		if (start < *best)
			*best = start;
	}
	return 0;
}

static int time_reads(const struct field *f, int (*fn)(void),
		      const char *metric)
{
	uint64_t best = UINT64_MAX, start, took;

	for (uint32_t i = 0; i < READS; i++) {
		int err;

		start = now_ns();
		err = fn();
		took = now_ns() - start;
		if (err)
			return err;
		if (took < best)
			best = took;
	}
	row(f->plan, best, "%s@%u", metric, f->open);
	return 0;
}

/**
 * struct reader - a thread that reads sysfs all the time
 * @stop: set when it is to end
 * @reads: how often it did
 * @err: why it ended before
 */
struct reader {
	atomic_bool stop;
	uint64_t reads;
	int err;
};

static void *reader_main(void *arg)
{
	struct reader *r = arg;

	while (!r->err && !atomic_load(&r->stop)) {
		r->err = sysfs_read_all();
		r->reads++;
	}
	return NULL;
}

/* Does a reader of sysfs slow allocations down? */
static int time_pairs_reading(struct field *f)
{
	struct reader r = { .err = 0 };
	pthread_t thread;
	uint64_t best;
	int err;

	err = -pthread_create(&thread, NULL, reader_main, &r);
	if (err)
		return err;

	err = time_pairs(f, &best);
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	if (!err)
		err = r.err;
	if (!err)
		row(f->plan, (double)best / PAIRS, "reading_pair_ns@%u",
		    f->open);
	return err;
}

static int account(struct field *f)
{
	struct regalloc_stats stats;
	int err = regalloc_stats(backend_regalloc_client(), &stats);

	if (err)
		return err;
	if (stats.nr_regions != f->open)
		return -EPROTO;

	row(f->plan, stats.map_bytes, "map_bytes@%u", f->open);
	row(f->plan, stats.charged_bytes, "charged_bytes@%u", f->open);
	return 0;
}

static int measure(struct field *f)
{
	uint64_t best;
	int err;

	err = time_pairs(f, &best);
	if (err)
		return err;
	row(f->plan, (double)best / PAIRS, "pair_ns@%u", f->open);

	err = time_swaps(f, &best);
	if (err)
		return err;
	row(f->plan, (double)best / PAIRS, "swap_ns@%u", f->open);

	err = time_reads(f, sysfs_read_all, "sysfs_all_ns");
	if (!err)
		err = time_reads(f, sysfs_read_live, "sysfs_live_ns");
	if (!err)
		err = time_pairs_reading(f);
	return err;
}

int regions_run(const struct plan *plan)
{
	uint32_t per_region = REGION_BYTES / plan->bytes;
	struct field f = {
		.plan = plan,
		.per_region = per_region,
		.pieces = table_new(levels[ARRAY_SIZE(levels) - 1] * per_region,
				    sizeof(*f.pieces)),
	};
	int err;

	if (!f.pieces)
		return -ENOMEM;
	if (plan->backend != &backend_regalloc)
		return -EOPNOTSUPP;

	err = plan->backend->open(plan->bytes, 0);
	if (!err)
		err = sysfs_find();
	for (unsigned int i = 0; !err && i < ARRAY_SIZE(levels); i++) {
		f.open = levels[i];
		err = fill(&f, f.open * per_region);
		/* As far as the budget goes. */
		if (err == -ENOMEM && i)
			return 0;
		if (!err)
			err = account(&f);
		if (!err)
			err = thin_out(&f);
		if (!err)
			err = measure(&f);
	}
	return err;
}
