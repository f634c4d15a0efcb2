// SPDX-License-Identifier: MIT
/* Allocate, release, and so on; in one thread or several at once. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "measure.h"

/*
 * How long one measurement takes: long against the clock, and for threads
 * against the scheduler; short, so that one of several is undisturbed.
 */
#define ENOUGH_NS 10000000L
#define ENOUGH_NS_THREADS 40000000L
#define MAX_THREADS 64
/* Pairs before the clock starts: each thread has then what it gets once. */
#define WARM_UP 256
/* Pairs between looks at whether it is over, which so cost nothing. */
#define BLOCK 64

/**
 * struct race - what the threads of a measurement share
 * @plan: what to run
 * @start: where they meet, and the thread that stops them
 * @stop: set when it is over
 */
struct race {
	const struct plan *plan;
	pthread_barrier_t start;
	atomic_bool stop;
};

/**
 * struct runner - one thread
 * @race: that it is in
 * @count: pairs that it did
 * @began: when
 * @ended: when
 * @err: why it stopped before the end
 * @thread: the thread
 */
struct runner {
	struct race *race;
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

static void *runner_main(void *arg)
{
	struct runner *r = arg;
	struct race *race = r->race;
	uint64_t count = 0, began;
	int err;

	err = pairs(race->plan, WARM_UP);
	pthread_barrier_wait(&race->start);
	began = now_ns();
	while (!err && !atomic_load_explicit(&race->stop,
					     memory_order_relaxed)) {
		err = pairs(race->plan, BLOCK);
		count += BLOCK;
	}
	r->ended = now_ns();
	r->began = began;
	r->count = count;
	r->err = err;
	return NULL;
}

static int runners_start(struct race *race, struct runner *runners)
{
	for (uint32_t i = 0; i < race->plan->threads; i++) {
		runners[i].race = race;
		if (pthread_create(&runners[i].thread, NULL, runner_main,
				   &runners[i]))
			return -EAGAIN; /* ends the program */
	}
	return 0;
}

/* From the start of the first to the end of the last, and what all of them did. */
static int runners_join(const struct race *race, struct runner *runners,
			double *pair_ns)
{
	uint64_t began = UINT64_MAX, ended = 0, count = 0;
	int err = 0;

	for (uint32_t i = 0; i < race->plan->threads; i++) {
		struct runner *r = &runners[i];

		pthread_join(r->thread, NULL);
		if (r->err)
			err = r->err;
		if (r->began < began)
			began = r->began;
		if (r->ended > ended)
			ended = r->ended;
		count += r->count;
	}
	*pair_ns = (double)(ended - began) / count;
	return err;
}

/*
 * All run for the same time, and their pairs are added up. If each did so many, the
 * last one would run alone for a while.
 */
static int threads_time(const struct plan *plan, double *pair_ns)
{
	const struct timespec enough = {
		.tv_nsec = plan->threads > 1 ? ENOUGH_NS_THREADS : ENOUGH_NS,
	};
	struct runner runners[MAX_THREADS] = { 0 };
	struct race race = { .plan = plan };
	int err;

	pthread_barrier_init(&race.start, NULL, plan->threads + 1);
	err = runners_start(&race, runners);
	if (err)
		return err;
	pthread_barrier_wait(&race.start);
	nanosleep(&enough, NULL);
	atomic_store(&race.stop, true);
	err = runners_join(&race, runners, pair_ns);
	pthread_barrier_destroy(&race.start);
	return err;
}

int pair_run(const struct plan *plan)
{
	double pair_ns = 0, best = 0;
	int err;

	if (plan->threads > MAX_THREADS ||
	    (plan->threads > 1 && !plan->backend->threads))
		return -EOPNOTSUPP;

	err = plan->backend->open(plan->bytes, plan->threads);
	for (uint32_t i = 0; !err && i < plan->repeat; i++) {
		err = threads_time(plan, &pair_ns);
		if (!i || pair_ns < best)
			best = pair_ns;
	}
	if (!err)
		row(plan, best, "pair_ns");
	return err;
}
