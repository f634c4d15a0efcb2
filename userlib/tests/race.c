// SPDX-License-Identifier: MIT
/*
 * Threads that allocate and release through the library while the kernel opens
 * and closes regions all the time: race [SECONDS]
 *
 * Each live slice has one owner, who alone writes to it. An owner may also give
 * a slice up: then it is nobody's, and all threads may try to release it, of
 * which one must succeed.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <regalloc.h>

#include "device.h"

#define RAM		(UINT64_C(1) << 30)
#define NR_THREADS	4
#define REGIONS		4
#define MOST_HELD	20
#define NR_DUELS	8

/* Slices of the smallest class in the window. */
#define NR_PLACES	(REGALLOC_NR_CLASSES * (RAM >> REGALLOC_MIN_SLICE_SHIFT))

/**
 * struct worker - one thread
 * @thread: for joining
 * @id: 1 for the first one
 * @random: state of its random numbers
 * @held: slices that it owns
 * @nr_held: how many
 * @bytes: of the slices that it allocates at present
 * @allocated: slices that it got
 * @released: releases that succeeded
 * @failed: allocations for which there was no memory
 */
struct worker {
	pthread_t thread;
	uint32_t id;
	uint32_t random;
	struct regalloc_slice held[MOST_HELD];
	uint32_t nr_held;
	uint64_t bytes;
	uint64_t allocated;
	uint64_t released;
	uint64_t failed;
};

int failures;

static struct regalloc *ra;
static uint32_t owners[NR_PLACES];
static uint64_t duels[NR_DUELS];
static bool stop;

static uint32_t random_below(struct worker *w, uint32_t limit)
{
	w->random = w->random * 1664525 + 1013904223;
	return (w->random >> 8) % limit;
}

static uint32_t *owner_of(const struct regalloc_slice *s)
{
	return &owners[REGALLOC_HANDLE_OFFSET(s->handle) >>
		       REGALLOC_MIN_SLICE_SHIFT];
}

static uint64_t *last_word(const struct regalloc_slice *s)
{
	return (uint64_t *)((char *)s->addr + s->bytes) - 1;
}

static void own(struct worker *w, const struct regalloc_slice *s, uint32_t flags)
{
	uint64_t *first = s->addr;

	CHECK(!__atomic_exchange_n(owner_of(s), w->id, __ATOMIC_RELAXED));
	if (flags & REGALLOC_ALLOC_F_ZERO)
		CHECK(!*first && !*last_word(s));
	*first = s->handle;
	*last_word(s) = ~s->handle;
	w->allocated++;
}

static void disown(struct worker *w, const struct regalloc_slice *s)
{
	uint64_t *first = s->addr;

	CHECK(*first == s->handle && *last_word(s) == ~s->handle);
	CHECK(__atomic_exchange_n(owner_of(s), 0, __ATOMIC_RELAXED) == w->id);
}

static void take_slices(struct worker *w)
{
	uint32_t flags = random_below(w, 8) ? 0 : REGALLOC_ALLOC_F_ZERO;
	uint32_t most = MOST_HELD - w->nr_held, count, n = 0;
	struct regalloc_slice *s = &w->held[w->nr_held];
	int err;

	if (!most)
		return;
	count = random_below(w, 4) ? 1 : 1 + random_below(w, most);
	err = count == 1 ? regalloc_alloc(ra, w->bytes, flags, s) :
			   regalloc_alloc_many(ra, w->bytes, flags, count, s,
					       &n);
	if (err) {
		CHECK(err == -ENOMEM);
		w->failed++;
		return;
	}
	if (count == 1)
		n = 1;
	for (uint32_t i = 0; i < n; i++) {
		CHECK(s[i].bytes == w->bytes);
		own(w, &s[i], flags);
	}
	w->nr_held += n;
}

/* One of those held, in no order. */
static struct regalloc_slice pick(struct worker *w)
{
	uint32_t i = random_below(w, w->nr_held);
	struct regalloc_slice s = w->held[i];

	w->held[i] = w->held[--w->nr_held];
	return s;
}

static void release(struct worker *w)
{
	struct regalloc_slice s;
	int err;

	if (!w->nr_held)
		return;
	s = pick(w);
	disown(w, &s);
	err = random_below(w, 2) ? regalloc_release(ra, s.handle) :
				   regalloc_release_addr(ra, s.addr);
	CHECK(!err);
	w->released++;
	CHECK(regalloc_release(ra, s.handle) == -ESTALE);
}

static void try_release(struct worker *w, uint64_t handle)
{
	int err = regalloc_release(ra, handle);

	CHECK(!err || err == -ESTALE);
	w->released += !err;
}

/* Give one up, for all to release. */
static void challenge(struct worker *w)
{
	uint64_t *duel = &duels[random_below(w, NR_DUELS)], none = 0;
	struct regalloc_slice s;

	if (!w->nr_held)
		return;
	s = pick(w);
	disown(w, &s);
	if (!__atomic_compare_exchange_n(duel, &none, s.handle, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		try_release(w, s.handle);
		return;
	}
	/* Let others see it. */
	for (uint32_t i = random_below(w, 64); i; i--)
		__atomic_load_n(duel, __ATOMIC_RELAXED);
	try_release(w, s.handle);
	__atomic_store_n(duel, 0, __ATOMIC_SEQ_CST);
}

static void accept(struct worker *w)
{
	uint64_t handle;

	for (int i = 0; i < NR_DUELS; i++) {
		handle = __atomic_load_n(&duels[i], __ATOMIC_SEQ_CST);
		if (handle)
			try_release(w, handle);
	}
}

static void do_something(struct worker *w)
{
	switch (random_below(w, 8)) {
	case 0 ... 2:
		take_slices(w);
		break;
	case 3 ... 4:
		release(w);
		break;
	case 5:
		challenge(w);
		break;
	default:
		accept(w);
	}
}

/* One size at a time, and nothing in between, so that regions become empty. */
static void *worker_main(void *arg)
{
	struct worker *w = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		w->bytes = REGALLOC_MIN_SLICE_BYTES << random_below(w, 7);
		for (uint32_t i = random_below(w, 200); i; i--)
			do_something(w);
		while (w->nr_held)
			release(w);
	}
	return NULL;
}

/* Closes what is empty, in each of the ways there are. */
static void *kernel_main(void *unused)
{
	const struct timespec pause = { .tv_nsec = 20000 };

	(void)unused;
	for (uint32_t i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		if (i % 64 == 0)
			device_set_eager(i / 64 % 4 == 3);
		if (i % 3)
			CHECK(!regalloc_trim(ra));
		else
			device_decay();
		/* The lock is not fair. */
		nanosleep(&pause, NULL);
	}
	device_set_eager(false);
	return NULL;
}

static void run(struct worker *workers, unsigned int seconds)
{
	struct timespec t = { .tv_sec = seconds };
	pthread_t kernel;

	pthread_create(&kernel, NULL, kernel_main, NULL);
	for (uint32_t i = 0; i < NR_THREADS; i++) {
		workers[i].id = i + 1;
		workers[i].random = 12345 * (i + 1);
		pthread_create(&workers[i].thread, NULL, worker_main,
			       &workers[i]);
	}
	nanosleep(&t, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < NR_THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_join(kernel, NULL);
}

/*
 * Two threads that allocate the only free slice at the same moment, and then
 * release it at the same moment. Even rounds are releases.
 */
static struct {
	uint32_t round;
	uint32_t answered;
	uint32_t last;
	uint64_t handle;
	bool first_won;
	bool second_won;
	struct regalloc_slice first;
	struct regalloc_slice second;
} match;

/* So many at most, and while it takes no longer than seconds. */
#define NR_ROUNDS	100000U
#define MATCH_SECONDS	3

static void wait_for(const uint32_t *word, uint32_t value)
{
	uint32_t looks = 0;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		if (++looks % (1 << 17) == 0)
			sched_yield();
}

static bool play(uint32_t round, struct regalloc_slice *s)
{
	if (round % 2)
		return !regalloc_alloc(ra, REGALLOC_MAX_SLICE_BYTES, 0, s);
	return !regalloc_release(ra, match.handle);
}

static void *second_main(void *unused)
{
	(void)unused;
	for (uint32_t i = 1; ; i++) {
		wait_for(&match.round, i);
		if (i == match.last)
			return NULL;
		match.second_won = play(i, &match.second);
		__atomic_store_n(&match.answered, i, __ATOMIC_RELEASE);
	}
}

/* The delay is there to try all overlaps. */
static void play_round(uint32_t round)
{
	__atomic_store_n(&match.round, round, __ATOMIC_RELEASE);
	for (uint32_t i = round % 512; i; i--)
		__atomic_load_n(&match.answered, __ATOMIC_RELAXED);
	match.first_won = play(round, &match.first);
	wait_for(&match.answered, round);
	CHECK(match.first_won != match.second_won);
	match.handle = match.first_won ? match.first.handle :
					 match.second.handle;
}

/* Each round has one winner. */
static void check_matches(void)
{
	enum { OTHERS = REGIONS * 16 - 1 };
	time_t end = time(NULL) + MATCH_SECONDS;
	struct regalloc_slice others[OTHERS];
	uint32_t round = 0, firsts = 0, n;
	pthread_t second;

	CHECK(!regalloc_alloc_many(ra, REGALLOC_MAX_SLICE_BYTES, 0, OTHERS,
				   others, &n) && n == OTHERS);
	pthread_create(&second, NULL, second_main, NULL);
	while (round < NR_ROUNDS && time(NULL) < end && !failures) {
		play_round(++round);
		firsts += match.first_won;
		play_round(++round);
		firsts += match.first_won;
	}
	match.last = round + 1;
	__atomic_store_n(&match.round, round + 1, __ATOMIC_RELEASE);
	pthread_join(second, NULL);
	printf("# %u of %u matches to the first\n", firsts, round);
	for (uint32_t i = 0; i < n; i++)
		CHECK(!regalloc_release(ra, others[i].handle));
	CHECK(!device_nr_live());
}

/* Nothing is lost: the whole budget can be had again, in each class. */
static void check_budget(void)
{
	static struct regalloc_slice s[REGIONS * 1024 + 1];
	uint32_t n, all;

	for (uint64_t bytes = 4096; bytes <= 262144; bytes *= 2) {
		all = REGIONS * (REGALLOC_REGION_BYTES / bytes);
		CHECK(!regalloc_alloc_many(ra, bytes, 0, all + 1, s, &n));
		CHECK(n == all && device->charged == REGIONS);
		for (uint32_t i = 0; i < n; i++)
			CHECK(!regalloc_release(ra, s[i].handle));
	}
	CHECK(!regalloc_trim(ra) && !device->charged);
}

int main(int argc, char **argv)
{
	static struct worker workers[NR_THREADS];
	uint64_t allocated = 0, released = 0, failed = 0;

	device_reset(RAM, REGIONS);
	if (regalloc_open(NULL, 0, &ra))
		return EXIT_FAILURE;
	run(workers, argc > 1 ? strtoul(argv[1], NULL, 0) : 3);
	for (int i = 0; i < NR_THREADS; i++) {
		allocated += workers[i].allocated;
		released += workers[i].released;
		failed += workers[i].failed;
	}
	CHECK(allocated == released && !device_nr_live());
	CHECK(device_hints_right());
	printf("# %lu allocated, %lu released, %lu times no memory\n",
	       (unsigned long)allocated, (unsigned long)released,
	       (unsigned long)failed);
	printf("# %lu regions opened, %lu closed\n",
	       (unsigned long)device->nr_opened,
	       (unsigned long)device->nr_closed);
	CHECK(allocated && device->nr_closed);
	device_decay();
	CHECK(!device->charged);
	check_budget();
	check_matches();
	CHECK(!regalloc_close(ra));
	printf("TAP version 13\n1..1\n%s 1 race\n", failures ? "not ok" : "ok");
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
