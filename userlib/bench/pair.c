// SPDX-License-Identifier: MIT
/* Allocate, release, and so on; in one thread or several at once. */
#include <errno.h>
#include <pthread.h>

#include "measure.h"

/*
 * How long one measurement takes: long against the clock, and for threads
 * against the scheduler; short, so that one of several is undisturbed.
 */
#define ENOUGH_NS 10000000UL
#define ENOUGH_NS_THREADS 40000000UL
#define MAX_THREADS 64

/**
 * struct runner - one thread
 * @plan: what to run
 * @start: where the threads meet
 * @count: pairs
 * @began: when
 * @ended: when
 * @err: why it stopped before the end
 * @thread: the thread
 */
struct runner {
	const struct plan *plan;
	pthread_barrier_t *start;
	uint64_t count;
	uint64_t began;
	uint64_t ended;
	int err;
	pthread_t thread;
};

static int pairs(const struct plan *plan, uint64_t count)
{
	int (*alloc)(uint64_t, struct piece *) = plan->backend->alloc;
	int (*release)(const struct piece *) = plan->backend->release;
	struct piece p;
	int err;

	for (uint64_t i = 0; i < count; i++) {
		err = alloc(plan->bytes, &p);
		if (!err)
			err = release(&p);
		if (err)
			return err;
	}
	return 0;
}

/* Finds out how many pairs take long enough. */
static int calibrate(const struct plan *plan, uint64_t enough, uint64_t *count)
{
	uint64_t start, took;
	int err;

	for (*count = 256;; *count *= 2) {
		start = now_ns();
		err = pairs(plan, *count);
		took = now_ns() - start;
		if (err || took >= enough)
			return err;
		if (took > enough / 64)
			break;
	}
	*count = *count * enough / took + 1;
	return 0;
}

static void *runner_main(void *arg)
{
	struct runner *r = arg;

	/* Each has what a thread gets once before the clock starts. */
	r->err = pairs(r->plan, 256);
	pthread_barrier_wait(r->start);
	r->began = now_ns();
	if (!r->err)
		r->err = pairs(r->plan, r->count);
	r->ended = now_ns();
	return NULL;
}

/* From the start of the first to the end of the last. */
static int threads_time(const struct plan *plan, uint64_t count, uint64_t *took)
{
	struct runner runners[MAX_THREADS];
	uint64_t began = UINT64_MAX, ended = 0;
	pthread_barrier_t start;
	int err = 0;

	pthread_barrier_init(&start, NULL, plan->threads);
	for (uint32_t i = 0; i < plan->threads; i++) {
		runners[i] = (struct runner){
			.plan = plan,
			.start = &start,
			.count = count,
		};
		if (pthread_create(&runners[i].thread, NULL, runner_main,
				   &runners[i]))
			return -EAGAIN; /* ends the program */
	}
	for (uint32_t i = 0; i < plan->threads; i++) {
		struct runner *r = &runners[i];

		pthread_join(r->thread, NULL);
		if (r->err)
			err = r->err;
		if (r->began < began)
			began = r->began;
		if (r->ended > ended)
			ended = r->ended;
	}
	pthread_barrier_destroy(&start);
	*took = ended - began;
	return err;
}

int pair_run(const struct plan *plan)
{
	uint64_t enough = plan->threads > 1 ? ENOUGH_NS_THREADS : ENOUGH_NS;
	uint64_t count, took, best = UINT64_MAX;
	int err;

	if (plan->threads > MAX_THREADS ||
	    (plan->threads > 1 && !plan->backend->threads))
		return -EOPNOTSUPP;

	err = plan->backend->open(plan->bytes, plan->threads);
	if (err)
		return err;

	err = calibrate(plan, enough, &count);
	for (uint32_t i = 0; !err && i < plan->repeat; i++) {
		err = threads_time(plan, count, &took);
		if (took < best)
			best = took;
	}
	if (!err)
		row(plan, (double)best / count / plan->threads, "pair_ns");
	return err;
}
