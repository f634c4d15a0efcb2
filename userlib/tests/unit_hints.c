// SPDX-License-Identifier: MIT
/* What threads remember, where they look, and what a release tells. */
#include <errno.h>
#include <pthread.h>

#include "unit.h"

#define BYTES		65536
#define PER_REGION	64

static uint64_t offset_in_region(const struct regalloc_slice *s)
{
	return REGALLOC_HANDLE_OFFSET(s->handle) % REGALLOC_REGION_BYTES;
}

static void run(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, fn, arg));
	CHECK(!pthread_join(thread, NULL));
}

/* However many a thread releases, the last four come back, the latest first. */
void test_remembered(void)
{
	struct regalloc *ra = unit_open(1);
	struct regalloc_slice s[PER_REGION], t;
	uint32_t n;

	CHECK(!regalloc_alloc_many(ra, BYTES, 0, PER_REGION, s, &n));
	for (int nr = 1; nr <= 20; nr++) {
		for (int i = 0; i < nr; i++)
			CHECK(!regalloc_release(ra, s[i].handle));
		for (int i = nr - 1; i >= 0; i--) {
			CHECK(!regalloc_alloc(ra, BYTES, 0, &t));
			CHECK(i < nr - 4 || t.addr == s[i].addr);
			CHECK(i < nr - 4 || t.handle == s[i].handle + 1);
		}
		CHECK(device_nr_live() == PER_REGION);
		for (int i = 0; i < nr; i++)
			s[i].handle++;
	}
	CHECK(device->nr_allocs == 1);
	unit_close(ra);
}

/* A thread that allocates one slice of each class. */
struct beginner {
	struct regalloc *ra;
	struct regalloc_slice s[REGALLOC_NR_CLASSES];
};

static void *begin(void *arg)
{
	struct beginner *b = arg;

	for (int c = 0; c < REGALLOC_NR_CLASSES; c++)
		CHECK(!regalloc_alloc(b->ra, REGALLOC_MIN_SLICE_BYTES << c, 0,
				      &b->s[c]));
	return NULL;
}

/* Each thread begins in the cache line that follows that of the one before. */
void test_begin(void)
{
	struct regalloc *ra = unit_open(REGALLOC_NR_CLASSES);
	struct beginner first = { .ra = ra }, a = first, b = first;
	uint64_t line, between;

	begin(&first);
	for (int c = 0; c < REGALLOC_NR_CLASSES; c++)
		CHECK(!regalloc_release(ra, first.s[c].handle));
	run(begin, &a);
	run(begin, &b);
	CHECK(device->nr_allocs == REGALLOC_NR_CLASSES);
	for (int c = 0; c < REGALLOC_NR_CLASSES; c++) {
		line = 16 * REGALLOC_MIN_SLICE_BYTES;
		if (line < a.s[c].bytes)
			line = a.s[c].bytes;
		between = offset_in_region(&b.s[c]) - offset_in_region(&a.s[c]);
		CHECK(between % REGALLOC_REGION_BYTES == line);
	}
	unit_close(ra);
}

static void *take_region(void *arg)
{
	struct regalloc_slice s;

	for (int i = 0; i < PER_REGION; i++) {
		CHECK(!regalloc_alloc(arg, BYTES, 0, &s));
		CHECK(offset_in_region(&s) == (uint64_t)i * BYTES);
	}
	return NULL;
}

/* A wave goes on beside the slice that the kernel gave, in order. */
void test_wave(void)
{
	struct regalloc *ra = unit_open(1);

	run(take_region, ra);
	CHECK(device->nr_allocs == 1);
	unit_close(ra);
}

/* One free slice is found in whichever of many full regions it is. */
void test_far(void)
{
	enum { REGIONS = 200, SLICES = REGIONS * 16 };
	static struct regalloc_slice s[SLICES];
	struct regalloc *ra = unit_open(REGIONS);
	uint64_t allocs;
	uint32_t n;

	CHECK(!regalloc_alloc_many(ra, 262144, 0, SLICES, s, &n));
	CHECK(n == SLICES);
	allocs = device->nr_allocs;
	for (int i = 0; i < 2 * REGIONS; i++) {
		struct regalloc_slice *far = &s[i * 77 % REGIONS * 16 + i % 16];
		void *addr = far->addr;

		CHECK(!device_release_one(device->fd, far->handle));
		CHECK(!regalloc_alloc(ra, 262144, 0, far) && far->addr == addr);
	}
	CHECK(device->nr_allocs == allocs);
	unit_close(ra);
}

/* What is remembered of a client says nothing of one with another window. */
void test_shape(void)
{
	struct regalloc_slice s;
	struct regalloc *ra;

	for (uint64_t span = 4 * SPAN; span >= SPAN; span /= 2) {
		device_reset(span, 1);
		ra = unit_open_more();
		CHECK(!regalloc_alloc(ra, 262144, 0, &s));
		CHECK(REGALLOC_HANDLE_OFFSET(s.handle) == 6 * span);
		*(uint64_t *)s.addr = s.handle;
		CHECK(!regalloc_release(ra, s.handle));
		unit_close(ra);
	}
}

/* A slot that all took for full has a free slice again, and says so. */
void test_full(void)
{
	struct regalloc *ra = unit_open(2);
	struct regalloc_slice s[PER_REGION], t;
	uint32_t n;

	CHECK(!regalloc_alloc_many(ra, BYTES, 0, PER_REGION, s, &n));
	CHECK(!regalloc_release(ra, s[0].handle));
	CHECK(!regalloc_alloc(ra, BYTES, 0, &s[0]));
	CHECK(!regalloc_alloc(ra, BYTES, 0, &t) && device->charged == 2);
	CHECK(!device_control()->attention);
	CHECK(!regalloc_release(ra, s[1].handle));
	CHECK(device_hints_right());
	unit_close(ra);
}

/* Release a slice while that is asked for: how often is the kernel told? */
static void check_told(struct regalloc *ra, const struct regalloc_slice *s,
		       uint32_t attention, uint64_t trims, uint64_t arms)
{
	device->nr_trims = 0;
	device->nr_arms = 0;
	device_control()->attention = attention;
	CHECK(!regalloc_release(ra, s->handle));
	CHECK(device->nr_trims == trims && device->nr_arms == arms);
}

/* Of all that a release is asked for, it does the first that applies. */
void test_attention(void)
{
	const uint32_t wait = REGALLOC_ATTENTION_WAIT;
	const uint32_t close = REGALLOC_ATTENTION_CLOSE;
	const uint32_t arm = REGALLOC_ATTENTION_ARM;
	struct regalloc *ra = unit_open(1);
	struct regalloc_slice a, b;

	for (uint32_t bits = 0; bits <= (wait | close | arm); bits++) {
		bool trim = bits & wait, arms = (bits & arm) && !trim;

		CHECK(!regalloc_alloc(ra, BYTES, 0, &a));
		CHECK(!regalloc_alloc(ra, BYTES, 0, &b));
		/* The region has a live slice still, and then it has none. */
		check_told(ra, &a, bits, trim, arms);
		check_told(ra, &b, bits, trim || bits & close,
			   arms && !(bits & close));
	}
	unit_close(ra);
}
