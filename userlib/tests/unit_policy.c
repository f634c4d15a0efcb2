// SPDX-License-Identifier: MIT
/* Which slices are taken, and when regions are closed. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "unit.h"

#define BYTES		65536
#define PER_REGION	64
#define REGIONS		8
#define SLICES		(REGIONS * PER_REGION)

static uint64_t region_of(const struct regalloc_slice *s)
{
	return REGALLOC_HANDLE_OFFSET(s->handle) % SPAN / REGALLOC_REGION_BYTES;
}

static void fill(struct regalloc *ra, struct regalloc_slice *s)
{
	uint32_t n;

	CHECK(!regalloc_alloc_many(ra, BYTES, 0, SLICES, s, &n) && n == SLICES);
	for (uint32_t i = 0; i < SLICES; i++)
		CHECK(region_of(&s[i]) == i / PER_REGION);
}

static void release(struct regalloc *ra, const struct regalloc_slice *s, int nr)
{
	for (int i = 0; i < nr; i++)
		CHECK(!regalloc_release(ra, s[i].handle));
}

static void *take_lowest(void *arg)
{
	static const uint64_t order[] = { 1, 2, 5 };
	struct regalloc_slice s;

	for (int i = 0; i < 3 * 20; i++) {
		CHECK(!regalloc_alloc(arg, BYTES, 0, &s));
		CHECK(region_of(&s) == order[i / 20]);
	}
	return NULL;
}

/* In a thread that remembers nothing. */
static void run_fresh(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, fn, arg));
	CHECK(!pthread_join(thread, NULL));
}

/* Whoever remembers nothing takes from the lowest region that has slices. */
void test_lowest_first(void)
{
	static struct regalloc_slice s[SLICES];
	struct regalloc *ra = unit_open(REGIONS);
	uint64_t calls;

	fill(ra, s);
	release(ra, s + 5 * PER_REGION, 20);
	release(ra, s + 1 * PER_REGION + 44, 20);
	release(ra, s + 2 * PER_REGION + 22, 20);
	calls = device->nr_calls;
	run_fresh(take_lowest, ra);
	CHECK(device->nr_calls == calls);
	CHECK(device_nr_live() == SLICES);
	unit_close(ra);
}

static void *take_twenty(void *arg)
{
	struct regalloc_slice s;

	for (int i = 0; i < 20; i++)
		CHECK(!regalloc_alloc(arg, BYTES, 0, &s));
	return NULL;
}

/* Wrong hints cost time, and no slice and no call. */
void test_wrong_hints(void)
{
	static const uint32_t wrong[] = { 0, 5, REGIONS, UINT32_MAX };
	static struct regalloc_slice s[SLICES];
	struct regalloc *ra = unit_open(REGIONS);
	uint64_t allocs;

	fill(ra, s);
	for (int i = 0; i < 4; i++) {
		allocs = device->nr_allocs;
		release(ra, s + i * PER_REGION, 20);
		device_control()->lowest[4] = wrong[i];
		run_fresh(take_twenty, ra);
		CHECK(device->nr_allocs == allocs);
	}

	/* More than we remember, in the region where we have looked already. */
	for (int i = 0; i < 100; i++) {
		if (i % 20 == 0)
			release(ra, s + SLICES - PER_REGION, 20);
		CHECK(!regalloc_alloc(ra, BYTES, 0,
				      &s[SLICES - PER_REGION + i % 20]));
		CHECK(device_hints_right());
	}
	CHECK(device->nr_opened == REGIONS);
	unit_close(ra);
}

static void swap(struct regalloc_slice *a, struct regalloc_slice *b)
{
	struct regalloc_slice tmp = *a;

	*a = *b;
	*b = tmp;
}

/*
 * A quarter of the slices stay in use, and change: they gather in the low
 * regions, and the others go back.
 */
void test_drain(void)
{
	static struct regalloc_slice s[SLICES];
	struct regalloc *ra = unit_open(REGIONS);
	const int live = SLICES / 4;

	srand(1);
	fill(ra, s);
	for (int i = 0; i < SLICES; i++)
		swap(&s[i], &s[i + rand() % (SLICES - i)]);
	release(ra, s + live, SLICES - live);
	device_decay();
	CHECK(device->charged == REGIONS);
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 32; i++)
			swap(&s[i], &s[i + rand() % (live - i)]);
		release(ra, s, 32);
		for (int i = 0; i < 32; i++)
			CHECK(!regalloc_alloc(ra, BYTES, 0, &s[i]));
	}
	device_decay();
	CHECK(device->charged <= REGIONS / 4 + 1);
	CHECK(device->nr_opened == REGIONS);
	unit_close(ra);
}

/* The kernel is told once in a decay period, however much is released. */
void test_arm(void)
{
	static struct regalloc_slice s[SLICES];
	struct regalloc *ra = unit_open(REGIONS);

	fill(ra, s);
	CHECK(!device->nr_arms);
	release(ra, s, SLICES - 1);
	CHECK(device->nr_arms == 1 && device->charged == REGIONS);

	device_decay();
	CHECK(device->charged == 1 && device->nr_closed == REGIONS - 1);
	release(ra, s + SLICES - 1, 1);
	CHECK(device->nr_arms == 2);
	device_decay();
	CHECK(!device->charged);

	/* Nothing is released: nothing to tell. */
	fill(ra, s);
	device_decay();
	CHECK(device->nr_arms == 2);
	for (int i = 0; i < 5; i++) {
		release(ra, s + i, 1);
		CHECK(device->nr_arms == 3U + i);
		device_decay();
	}
	CHECK(!device->nr_trims);
	unit_close(ra);
}

/* In any order, the release of the last slice and no other closes a region. */
void test_eager(void)
{
	static struct regalloc_slice s[SLICES];
	struct regalloc *ra = unit_open(REGIONS);
	int left[REGIONS];
	uint64_t trims;

	srand(1);
	device_set_eager(true);
	for (int round = 0; round < 3; round++) {
		fill(ra, s);
		for (int i = 0; i < REGIONS; i++)
			left[i] = PER_REGION;
		for (int i = 0; i < SLICES; i++) {
			bool last;

			swap(&s[i], &s[i + rand() % (SLICES - i)]);
			last = !--left[region_of(&s[i])];
			trims = device->nr_trims;
			CHECK(!regalloc_release(ra, s[i].handle));
			CHECK(device->nr_trims == trims + last);
		}
		CHECK(!device->charged);
	}
	/* The others tell of idle memory, once until the kernel has looked. */
	CHECK(device->nr_closed == 3 * REGIONS && device->nr_arms == 1);
	unit_close(ra);
}

/* The mode changes while the client is there. */
void test_eager_arm(void)
{
	static struct regalloc_slice s[SLICES];
	struct regalloc *ra = unit_open(REGIONS);

	fill(ra, s);
	device_set_eager(true);
	/* What does not empty its region is for the decay. */
	release(ra, s, PER_REGION + 1);
	CHECK(device->charged == REGIONS - 1 && device->nr_arms == 1);
	device_set_eager(false);
	device_decay();
	release(ra, s + PER_REGION + 1, PER_REGION);
	CHECK(device->charged == REGIONS - 1 && device->nr_arms == 2);
	device_decay();
	CHECK(device->charged == REGIONS - 2);
	device_set_eager(true);
	release(ra, s + 2 * PER_REGION + 1, PER_REGION - 1);
	CHECK(device->charged == REGIONS - 3 && device->nr_arms == 3);
	unit_close(ra);
}
