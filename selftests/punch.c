// SPDX-License-Identifier: GPL-2.0-only
/*
 * Byte for byte: what one program releases is available to another, wherever it
 * lies, and what lies beside it keeps its bytes.
 */
#include "regalloc_test.h"

#include <sys/uio.h>

#define BUDGET_MIB	64
#define MAX_SLICES	(BUDGET_MIB * RT_MIB / 4096)

FIXTURE(punch)
{
	struct rt_client a;
	struct rt_client b;
	uint64_t *handles;	/* of a */
	uint64_t *others;	/* of b */
	uint32_t nr;		/* handles that are live */
	uint32_t seed;
};

FIXTURE_SETUP(punch)
{
	char budget[16];

	snprintf(budget, sizeof(budget), "%uM", BUDGET_MIB);
	ASSERT_TRUE(rt_begin(budget, RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->a));
	ASSERT_EQ(0, rt_client_open(&self->b));
	self->handles = calloc(MAX_SLICES, sizeof(uint64_t));
	self->others = calloc(MAX_SLICES, sizeof(uint64_t));
	ASSERT_NE(NULL, self->handles);
	ASSERT_NE(NULL, self->others);
	self->seed = 1;
}

FIXTURE_TEARDOWN(punch)
{
	rt_client_close(&self->a);
	rt_client_close(&self->b);
	free(self->handles);
	free(self->others);
	rt_end();
}

#define SELF	struct _test_data_punch

/* Never 0, so that a page of zeros is noticed. */
static uint64_t pattern(uint64_t handle, size_t page)
{
	return handle * 0x9e3779b97f4a7c15 + page + 1;
}

static void write_slice(struct rt_client *c, uint64_t handle, uint32_t bytes)
{
	uint8_t *addr = rt_addr(c, handle);

	for (size_t at = 0; at < bytes; at += 4096)
		*(uint64_t *)(addr + at) = pattern(handle, at / 4096);
}

static bool slice_is_intact(struct rt_client *c, uint64_t handle, uint32_t bytes)
{
	const uint8_t *addr = rt_addr(c, handle);

	for (size_t at = 0; at < bytes; at += 4096)
		if (*(uint64_t *)(addr + at) != pattern(handle, at / 4096))
			return false;
	return true;
}

/* Fill the budget, or a part of it, with slices of one class. */
static bool fill(SELF *self, unsigned int cls, uint64_t bytes)
{
	uint32_t size = rt_class_bytes(cls);

	self->nr = bytes / size;
	for (uint32_t i = 0; i < self->nr; i++) {
		self->handles[i] = rt_alloc_one(self->a.fd, size);
		if (!self->handles[i])
			return false;
		write_slice(&self->a, self->handles[i], size);
	}
	return true;
}

static bool all_intact(SELF *self, unsigned int cls)
{
	for (uint32_t i = 0; i < self->nr; i++)
		if (!slice_is_intact(&self->a, self->handles[i],
				     rt_class_bytes(cls)))
			return false;
	return true;
}

static bool evict(SELF *self, uint32_t at)
{
	uint64_t handle = self->handles[at];

	self->handles[at] = self->handles[--self->nr];
	return !rt_release_one(self->a.fd, handle);
}

static bool evict_any(SELF *self)
{
	self->seed = self->seed * 1664525 + 1013904223;
	return evict(self, (self->seed >> 8) % self->nr);
}

/* Bytes that must be evicted at random until the other client has so many. */
static uint64_t evicted_for(SELF *self, unsigned int from, unsigned int to,
			    uint64_t wanted)
{
	uint32_t bytes = rt_class_bytes(to);
	uint64_t evicted = 0;

	for (uint64_t got = 0; got < wanted;) {
		uint64_t handle = rt_alloc_one(self->b.fd, bytes);

		if (handle) {
			if (!rt_all_bytes(rt_addr(&self->b, handle), bytes, 0))
				rt_die("bytes of another client");
			got += bytes;
		} else {
			if (errno != ENOMEM || !self->nr || !evict_any(self))
				rt_die("errno %d, %u left", errno, self->nr);
			evicted += rt_class_bytes(from);
		}
	}
	return evicted;
}

/*
 * With pages larger than a slice, memory comes back when all the slices of a page have
 * been released.
 */
static bool is_page(unsigned int cls)
{
	return rt_class_bytes(cls) >= RT_PAGE;
}

FIXTURE_VARIANT(punch)
{
	unsigned int from;
	unsigned int to;
};

FIXTURE_VARIANT_ADD(punch, from_4K_to_4K)	{ .from = 0, .to = 0 };
FIXTURE_VARIANT_ADD(punch, from_16K_to_16K)	{ .from = 2, .to = 2 };
FIXTURE_VARIANT_ADD(punch, from_64K_to_64K)	{ .from = 4, .to = 4 };
FIXTURE_VARIANT_ADD(punch, from_256K_to_256K)	{ .from = 6, .to = 6 };
FIXTURE_VARIANT_ADD(punch, from_4K_to_256K)	{ .from = 0, .to = 6 };
FIXTURE_VARIANT_ADD(punch, from_256K_to_4K)	{ .from = 6, .to = 0 };

TEST_F(punch, byte_for_byte)
{
	static const unsigned int mib[] = { 4, 16, 32 };
	uint64_t given = 0, evicted = 0, budget = BUDGET_MIB * RT_MIB;

	if (!is_page(variant->from))
		SKIP(return, "pages are larger than slices");
	ASSERT_TRUE(fill(self, variant->from, budget));
	EXPECT_EQ(budget, rt_stat("charged_bytes"));
	for (unsigned int i = 0; i < 3; i++) {
		evicted += evicted_for(self, variant->from, variant->to,
				       mib[i] * RT_MIB - given);
		given = mib[i] * RT_MIB;
		TH_LOG("%u MiB given, %" PRIu64 " KiB evicted", mib[i],
		       evicted >> 10);
		EXPECT_LE(evicted, given + given / 20);
	}
	EXPECT_TRUE(all_intact(self, variant->from));
	EXPECT_GE(budget, rt_stat("charged_bytes"));
	EXPECT_EQ(rt_stat("charged_bytes"),
		  rt_stat("live_bytes") + rt_stat("idle_bytes") +
		  rt_stat("spare_bytes") + rt_stat("pinned_bytes"));
	EXPECT_LE(given / 2, rt_stat("punched_bytes"));
}

/* After TRIM, nothing is held but what lives, and a hole is one. */
TEST_F(punch, trim_leaves_what_lives)
{
	uint32_t bytes = rt_class_bytes(variant->from);
	uint64_t live, last = 0;
	uint8_t byte, *hole;

	if (!is_page(variant->from))
		SKIP(return, "pages are larger than slices");
	ASSERT_TRUE(fill(self, variant->from, 32 * RT_MIB));
	while (self->nr > 32 * RT_MIB / bytes / 20) {
		last = self->handles[self->nr - 1];
		ASSERT_TRUE(evict_any(self));
	}
	hole = rt_addr(&self->a, last);
	live = (uint64_t)self->nr * bytes;
	ASSERT_EQ(0, rt_trim(self->a.fd, NULL));
	EXPECT_EQ(live, rt_stat("live_bytes"));
	EXPECT_EQ(live, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_stat("idle_bytes"));
	EXPECT_EQ(rt_stat("nr_regions") * RT_REGION - live,
		  rt_stat("hole_bytes"));
	EXPECT_TRUE(all_intact(self, variant->from));
	if (!slice_is_intact(&self->a, last, 8)) {
		int fd[2];

		EXPECT_EQ(SIGBUS, rt_peek(hole, &byte));
		EXPECT_EQ(SIGBUS, rt_poke(hole, 1));
		ASSERT_EQ(0, pipe(fd));
		EXPECT_EQ(-1, write(fd[1], hole, 1));
		EXPECT_EQ(EFAULT, errno);
		close(fd[0]);
		close(fd[1]);
	}
	/* What is claimed there again is new. */
	for (uint32_t i = 0; i < 100; i++) {
		uint64_t handle = rt_alloc_one(self->a.fd, bytes);

		ASSERT_NE(0, handle);
		write_slice(&self->a, handle, bytes);
		self->handles[self->nr++] = handle;
	}
	EXPECT_TRUE(all_intact(self, variant->from));
}

/* ---- without variants ---- */

FIXTURE(idle)
{
	struct rt_client a;
	uint64_t handles[MAX_SLICES];
};

FIXTURE_SETUP(idle)
{
	ASSERT_TRUE(rt_begin("64M", RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->a));
}

FIXTURE_TEARDOWN(idle)
{
	rt_client_close(&self->a);
	rt_end();
}

#define SLICE	(64 * 1024U)

/* One of 20 survives a wave, and two decay periods later only that is held. */
TEST_F(idle, unused_memory_decays)
{
	uint32_t nr = 32 * RT_MIB / SLICE, live = 0, i;

	ASSERT_EQ(0, rt_alloc_all(self->a.fd, SLICE, nr, self->handles));
	for (i = 0; i < nr; i++)
		write_slice(&self->a, self->handles[i], SLICE);
	ASSERT_EQ(0, rt_decay_set(200));
	for (i = 0; i < nr; i++) {
		if (i % 20 == 7)
			self->handles[live++] = self->handles[i];
		else
			ASSERT_EQ(0, rt_release_one(self->a.fd,
						    self->handles[i]));
	}
	EXPECT_TRUE(rt_wait_until(rt_stat("charged_bytes") <=
				  live * SLICE + live * SLICE / 50,
				  RT_DEADLINE));
	EXPECT_LE(live * SLICE, rt_stat("charged_bytes"));
	for (i = 0; i < live; i++)
		EXPECT_TRUE(slice_is_intact(&self->a, self->handles[i], SLICE));
}

/* A cache that releases and claims all the time keeps its memory, and huge pages. */
TEST_F(idle, churn_keeps_huge_pages)
{
	uint32_t nr = 32 * RT_MIB / SLICE, seed = 1, got;
	uint64_t punched = rt_stat("punched_bytes"), end;
	long before;

	ASSERT_EQ(0, rt_alloc_all(self->a.fd, SLICE, nr, self->handles));
	for (uint32_t i = 0; i < nr; i++)
		write_slice(&self->a, self->handles[i], SLICE);
	before = rt_smaps_kb(self->a.base, "FilePmdMapped");
	if (rt_has_huge_pages())
		EXPECT_LT(0, before);
	ASSERT_EQ(0, rt_decay_set(50));
	end = rt_now_ms() + 2000;
	while (rt_now_ms() < end) {
		uint32_t first = rand_r(&seed) % (nr - 4);

		ASSERT_EQ(0, rt_release_all(self->a.fd, self->handles + first, 4));
		usleep(rand_r(&seed) % 1000);
		ASSERT_EQ(0, rt_alloc(self->a.fd, SLICE, 4, 0,
				      self->handles + first, &got));
		ASSERT_EQ(4, got);
	}
	/* A hundredth of it may stay unused for any time. */
	ASSERT_EQ(0, rt_release_all(self->a.fd, self->handles, nr / 100));
	usleep(500 * 1000);
	EXPECT_EQ(punched, rt_stat("punched_bytes"));
	EXPECT_EQ(before, rt_smaps_kb(self->a.base, "FilePmdMapped"));
}

/* No class keeps memory from another one. */
TEST_F(idle, mixed_classes_use_all_of_it)
{
	uint64_t budget = 69 * RT_MIB / 2;
	unsigned int failed = 0, seed = 1, turn = 0;

	ASSERT_EQ(0, rt_param_set("budget", "35328K"));
	/* Mostly small ones, until there is no room for any. */
	while (failed != 0x7f) {
		unsigned int cls = rand_r(&seed) % REGALLOC_NR_CLASSES;

		if (rt_alloc_one(self->a.fd, rt_class_bytes(cls)))
			failed = 0;
		else
			failed |= 1U << cls;
		turn++;
	}
	TH_LOG("%" PRIu64 " KiB of %" PRIu64 " live after %u turns",
	       rt_stat("live_bytes") >> 10, budget >> 10, turn);
	EXPECT_GE(budget, rt_stat("charged_bytes"));
	EXPECT_LE(budget - 256 * 1024, rt_stat("live_bytes"));
}

TEST_F(idle, one_slice_of_each_class)
{
	unsigned int cls;

	ASSERT_EQ(0, rt_decay_set(200));
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++)
		ASSERT_NE(0, rt_alloc_one(self->a.fd, rt_class_bytes(cls)));
	EXPECT_LE(REGALLOC_NR_CLASSES * RT_REGION,
		  rt_stat("peak_charged_bytes"));
	EXPECT_TRUE(rt_wait_until(rt_stat("charged_bytes") <= RT_MIB,
				  RT_DEADLINE));
}

/* Regions without memory are charged nothing: an owner cannot have many. */
TEST_F(idle, hidden_holes)
{
	unsigned int got = 0, i;
	uint64_t handle;

	ASSERT_EQ(0, rt_client_map(&self->a));
	ASSERT_EQ(0, rt_param_set("budget", "3M"));
	for (i = 0; i < 200; i++) {
		handle = rt_alloc_one(self->a.fd, SLICE);
		if (!handle)
			continue;
		got++;
		/* No word of its region says that there is a hole. */
		handle = REGALLOC_HANDLE_OFFSET(handle) & ~(RT_REGION - 1);
		for (unsigned int n = 0; n < RT_REGION / SLICE; n++)
			*rt_state(&self->a, handle + n * SLICE) =
				1 << REGALLOC_STATE_GEN_SHIFT |
				REGALLOC_STATE_LIVE;
	}
	EXPECT_LT(0, got);
	EXPECT_GE(2, rt_stat("nr_regions"));
	EXPECT_GE(3 * RT_MIB, rt_stat("charged_bytes"));
}

/* What has memory is asked of the mapping, not of the words. */
TEST_F(idle, forged_words)
{
	uint32_t nr = RT_REGION / SLICE, i, got;
	uint8_t *base, byte;

	ASSERT_EQ(0, rt_client_map(&self->a));
	ASSERT_EQ(0, rt_alloc_all(self->a.fd, SLICE, nr, self->handles));
	base = rt_addr(&self->a, self->handles[0]);
	for (i = 0; i < nr - 1; i++)
		ASSERT_EQ(0, rt_release_one(self->a.fd, self->handles[i]));
	ASSERT_EQ(0, rt_trim(self->a.fd, NULL));
	EXPECT_EQ(SLICE, rt_stat("charged_bytes"));
	EXPECT_EQ(RT_REGION - SLICE, rt_stat("hole_bytes"));
	/* A hole that looks free: nothing there, and nothing to remove. */
	for (i = 0; i < nr - 1; i++)
		*rt_state(&self->a, REGALLOC_HANDLE_OFFSET(self->handles[i])) |=
			REGALLOC_STATE_FREE;
	EXPECT_EQ(SIGBUS, rt_peek(base, &byte));
	ASSERT_EQ(0, rt_trim(self->a.fd, NULL));
	EXPECT_EQ(SLICE, rt_stat("charged_bytes"));
	EXPECT_EQ(RT_REGION - SLICE, rt_stat("hole_bytes"));
	/* A live one that looks like a hole is opened as it is. */
	base = rt_addr(&self->a, self->handles[nr - 1]);
	*base = 0x33;
	*rt_state(&self->a, REGALLOC_HANDLE_OFFSET(self->handles[nr - 1])) &=
		~REGALLOC_STATE_MASK;
	ASSERT_EQ(0, rt_param_set("budget", "1M"));
	ASSERT_EQ(0, rt_alloc(self->a.fd, SLICE, nr, 0, self->handles, &got));
	EXPECT_LE(RT_MIB / SLICE - 1, got);
	EXPECT_GE(RT_MIB, rt_stat("charged_bytes"));
	EXPECT_EQ(0x33, *base);
}

/* ---- neighbours of what is pinned ---- */

#define RACE_SLICES	256U	/* of 4 KiB in a huge page's neighbourhood */

/**
 * struct race - slices that are released in runs, beside one that is pinned
 * @c: the client
 * @handles: of slices that lie side by side; 0: released
 * @pin: the slice that is pinned next
 * @stop: set to end it
 * @pins: how often that has been done
 */
struct race {
	struct rt_client *c;
	uint64_t handles[RACE_SLICES];
	unsigned int pin;
	bool stop;
	uint64_t pins;
};

/* Pins a live slice for a moment, and again. */
static void *pin_and_unpin(void *arg)
{
	struct race *r = arg;
	uint8_t page[4096];
	int fd[2];

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK))
		rt_die("no pipe");
	while (!rt_load(&r->stop)) {
		uint64_t handle = rt_load(&r->handles[rt_load(&r->pin)]);
		struct iovec iov = { rt_addr(r->c, handle), sizeof(page) };

		if (!handle || vmsplice(fd[1], &iov, 1, 0) < 0)
			continue;
		rt_add(&r->pins, 1);
		if (read(fd[0], page, sizeof(page)) < 0)
			rt_die("nothing in the pipe");
	}
	close(fd[0]);
	close(fd[1]);
	return NULL;
}

/*
 * Runs of any length are released and punched before a live slice that another thread
 * pins and unpins: what lives keeps its bytes. 7.x would lose some if a run was
 * truncated at once.
 */
TEST_F_TIMEOUT(idle, neighbours_of_what_is_pinned, 1000)
{
	uint64_t end = rt_now_ms() + 1000 * rt_env_u32("REGALLOC_SECONDS", 5);
	struct race race = { .c = &self->a }, *r = &race;
	unsigned int wrong = 0, punches = 0, seed = 1, i;
	pthread_t thread;

	if (rt_class_charge(0) > 4096)
		SKIP(return, "pages are larger than slices");
	ASSERT_EQ(0, pthread_create(&thread, NULL, pin_and_unpin, r));
	while (rt_now_ms() < end && !wrong) {
		unsigned int first, n;

		/* A region with huge pages again, and as many slices live. */
		ASSERT_EQ(0, rt_alloc_all(self->a.fd, 4096, RACE_SLICES,
					  r->handles));
		for (i = 0; i < RACE_SLICES; i++)
			write_slice(&self->a, r->handles[i], 4096);
		first = rand_r(&seed) % (RACE_SLICES / 2);
		n = 3 + rand_r(&seed) % (RACE_SLICES / 2 - 3);
		rt_store(&r->pin, first + n);
		usleep(rand_r(&seed) % 500);
		ASSERT_EQ(0, rt_release_all(self->a.fd, r->handles + first, n));
		memset(r->handles + first, 0, n * sizeof(uint64_t));
		ASSERT_EQ(0, rt_trim(self->a.fd, NULL));
		punches++;
		for (i = 0; i < RACE_SLICES; i++)
			wrong += r->handles[i] &&
				 !slice_is_intact(&self->a, r->handles[i], 4096);
		rt_store(&r->pin, 0);
		for (i = 0; i < RACE_SLICES; i++)
			if (r->handles[i])
				ASSERT_EQ(0, rt_release_one(self->a.fd,
							    r->handles[i]));
		ASSERT_EQ(0, rt_trim(self->a.fd, NULL));
	}
	rt_store(&r->stop, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, wrong);
	TH_LOG("%u punches, %" PRIu64 " pins", punches, r->pins);
}

TEST_HARNESS_MAIN
