// SPDX-License-Identifier: MIT
/*
 * A transaction: takes pieces one by one and writes to each page of them, then
 * releases them all in the same order. How much memory is held then tells whether
 * the back end has really returned it.
 */
#include <errno.h>

#include "measure.h"

/**
 * struct wave - the waves of a run
 * @plan: what to run
 * @pieces: the pieces taken
 * @count: how many a wave takes
 * @took_ns: the fastest wave
 * @take_ns: the fastest first half
 * @release_ns: the fastest second half, with give_back if wanted
 * @faults: page faults of the last wave
 * @peak: bytes held before the release, the most of all waves
 * @after: bytes held after it, the most of all waves
 */
struct wave {
	const struct plan *plan;
	struct piece *pieces;
	uint32_t count;
	uint64_t took_ns;
	uint64_t take_ns;
	uint64_t release_ns;
	uint64_t faults;
	uint64_t peak;
	uint64_t after;
};

static int take_all(struct wave *w)
{
	const struct plan *plan = w->plan;

	for (uint32_t i = 0; i < w->count; i++) {
		int err = plan->backend->alloc(plan->bytes, &w->pieces[i]);

		if (err)
			return err;
		touch(w->pieces[i].addr, plan->bytes);
	}
	return 0;
}

static int release_all(struct wave *w)
{
	const struct backend *backend = w->plan->backend;

	for (uint32_t i = 0; i < w->count; i++) {
		int err = backend->release(&w->pieces[i]);

		if (err)
			return err;
	}
	return w->plan->give_back && backend->give_back ?
		backend->give_back() : 0;
}

static void keep_min(uint64_t *best, uint64_t value)
{
	if (value < *best)
		*best = value;
}

static void keep_max(uint64_t *most, uint64_t value)
{
	if (value > *most)
		*most = value;
}

/* One wave. Its looks at the memory are not part of its time. */
static int wave_once(struct wave *w)
{
	uint64_t start, take, release, held;
	int err;

	w->faults = page_faults();
	start = now_ns();
	err = take_all(w);
	take = now_ns() - start;
	if (!err)
		err = w->plan->backend->held(&held);
	if (err)
		return err;
	keep_max(&w->peak, held);

	start = now_ns();
	err = release_all(w);
	release = now_ns() - start;
	if (!err)
		err = w->plan->backend->held(&held);
	if (err)
		return err;
	keep_max(&w->after, held);
	w->faults = page_faults() - w->faults;

	keep_min(&w->take_ns, take);
	keep_min(&w->release_ns, release);
	keep_min(&w->took_ns, take + release);
	return 0;
}

int wave_run(const struct plan *plan)
{
	struct wave w = {
		.plan = plan,
		.count = plan->total / plan->bytes,
		.took_ns = UINT64_MAX,
		.take_ns = UINT64_MAX,
		.release_ns = UINT64_MAX,
	};
	int err;

	w.pieces = table_new(w.count, sizeof(*w.pieces));
	if (!w.pieces)
		return -ENOMEM;

	/* The first wave is the warm-up: the minimum will not be its. */
	err = plan->backend->open(plan->bytes, w.count);
	for (uint32_t i = 0; !err && i <= plan->repeat; i++)
		err = wave_once(&w);
	if (err)
		return err;

	row(plan, (double)w.took_ns / w.count, "slice_ns");
	row(plan, (double)w.take_ns / w.count, "take_ns");
	row(plan, (double)w.release_ns / w.count, "release_ns");
	row(plan, (double)w.faults / w.count, "faults");
	row(plan, w.peak, "peak_bytes");
	row(plan, w.after, "after_bytes");
	return 0;
}

/*
 * The same, for those that keep their memory: they hardly ever flush
 * the TLB, so it would keep the size that another run has left. Twice
 * as much, for what is taken next need not be what has been released.
 */
int kept_run(const struct plan *plan)
{
	int err = settle(2 * plan->total);

	return err ? err : wave_run(plan);
}
