// SPDX-License-Identifier: MIT
/*
 * Waves that leave something behind: at the end of each, all pieces but a random
 * twentieth are released. The others, the versions, are released at the end of
 * a later wave. How much memory is held for how much that is live?
 */
#include <errno.h>
#include <unistd.h>

#include "measure.h"

#define WAVES 20
#define SURVIVORS(count) ((count) / 20)

/**
 * struct history - the waves of a run
 * @plan: what to run
 * @first: pieces of the first wave
 * @others: pieces of each other wave
 * @life: at the end of how many waves later the versions are released
 * @pieces: of the wave
 * @order: their numbers; those that survive come first
 * @versions: the versions of each wave
 * @nr_versions: how many these are
 * @live: pieces in use
 * @seed: of the random numbers
 */
struct history {
	const struct plan *plan;
	uint32_t first;
	uint32_t others;
	uint32_t life;
	struct piece *pieces;
	uint32_t *order;
	struct piece *versions[WAVES];
	uint32_t nr_versions[WAVES];
	uint32_t live;
	uint64_t seed;
};

static int take(struct history *h, uint32_t count)
{
	const struct backend *backend = h->plan->backend;

	for (uint32_t i = 0; i < count; i++) {
		int err = backend->alloc(h->plan->bytes, &h->pieces[i]);

		if (err)
			return err;
		if (!backend->imaginary)
			touch(h->pieces[i].addr, h->plan->bytes);
	}
	h->live += count;
	return 0;
}

static int release(struct history *h, struct piece *pieces, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		int err;

		/* It survives. */
		if (!pieces[i].bytes)
			continue;
		err = h->plan->backend->release(&pieces[i]);
		if (err)
			return err;
		h->live--;
	}
	return 0;
}

/* Moves the versions of @wave away from the other pieces. */
static int survive(struct history *h, uint32_t wave, uint32_t count)
{
	uint32_t n = SURVIVORS(count);

	h->versions[wave] = table_new(n, sizeof(*h->versions[wave]));
	if (!h->versions[wave])
		return -ENOMEM;

	for (uint32_t i = 0; i < count; i++)
		h->order[i] = i;
	random_choose(&h->seed, h->order, count, n);
	for (uint32_t i = 0; i < n; i++) {
		h->versions[wave][i] = h->pieces[h->order[i]];
		h->pieces[h->order[i]].bytes = 0;
	}
	h->nr_versions[wave] = n;
	return 0;
}

static int run_wave(struct history *h, uint32_t wave)
{
	uint32_t count = wave ? h->others : h->first;
	const struct plan *plan = h->plan;
	int err;

	err = take(h, count);
	if (!err)
		err = survive(h, wave, count);
	if (!err)
		err = release(h, h->pieces, count);
	if (!err && wave >= h->life)
		err = release(h, h->versions[wave - h->life],
			      h->nr_versions[wave - h->life]);
	if (!err && plan->give_back && plan->backend->give_back)
		err = plan->backend->give_back();
	return err;
}

#define LOOK_US		30000
#define MOST_LOOKS	20

/* What is held when that no longer becomes less: some memory goes a little later. */
static int settled(const struct plan *plan, uint64_t *held)
{
	uint64_t before = 0;
	int err;

	err = plan->backend->held(held);
	for (int i = 0; !err && i < MOST_LOOKS && *held != before; i++) {
		before = *held;
		usleep(LOOK_US);
		err = plan->backend->held(held);
	}
	return err;
}

static int run(struct history *h)
{
	const struct plan *plan = h->plan;
	double ratio = 0, sum = 0;
	uint64_t held = 0;
	int err;

	h->pieces = table_new(h->first, sizeof(*h->pieces));
	h->order = table_new(h->first, sizeof(*h->order));
	if (!h->pieces || !h->order)
		return -ENOMEM;

	err = plan->backend->open(plan->bytes, 2 * h->first);
	for (uint32_t wave = 0; !err && wave < WAVES; wave++) {
		err = run_wave(h, wave);
		if (!err)
			err = settled(plan, &held);
		ratio = (double)held / (plan->bytes * h->live);
		sum += ratio;
	}
	if (err)
		return err;

	row(plan, ratio, "held_per_live");
	row(plan, sum / WAVES, "held_per_live_mean");
	row(plan, held, "held_bytes");
	row(plan, plan->bytes * h->live, "live_bytes");
	return 0;
}

/* Equal waves; versions live until the end of the next one. */
int versions_run(const struct plan *plan)
{
	struct history h = {
		.plan = plan,
		.first = plan->total / plan->bytes,
		.others = plan->total / plan->bytes,
		.life = 1,
	};

	return run(&h);
}

/* After a burst, waves an eighth as large; versions live for four of them. */
int burst_run(const struct plan *plan)
{
	struct history h = {
		.plan = plan,
		.first = plan->total / plan->bytes,
		.others = plan->total / plan->bytes / 8,
		.life = 4,
	};

	return run(&h);
}
