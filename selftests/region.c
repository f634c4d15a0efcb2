// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a region: opened when needed, zero, in huge pages, closed when
 * its last slice came back, at once or after the decay; SIGBUS afterwards.
 */
#include "regalloc_test.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <regalloc.h>

#define LENGTH	(256 * 1024)
#define COUNT	16		/* a region of that class */

FIXTURE(region)
{
	struct rt_client c;
	uint64_t handles[COUNT];
};

FIXTURE_SETUP(region)
{
	ASSERT_TRUE(rt_begin(RT_BUDGET, 0));
	ASSERT_EQ(0, rt_client_open(&self->c));
}

FIXTURE_TEARDOWN(region)
{
	rt_client_close(&self->c);
	rt_end();
}

TEST_F(region, nothing_at_the_start)
{
	struct regalloc_ioc_stats s;
	unsigned int cls;

	/* Or idle memory might go meanwhile. */
	ASSERT_EQ(0, rt_decay_set(RT_DECAY_NEVER_MS));
	EXPECT_EQ(1, rt_stat("nr_clients"));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_stat("nr_regions"));
	ASSERT_EQ(0, rt_client_map(&self->c));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	ASSERT_EQ(0, rt_stats(self->c.fd, &s));
	EXPECT_EQ(0, s.charged_bytes);
	EXPECT_EQ(0, s.live_bytes);
	EXPECT_EQ(0, s.regions_opened);

	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		ASSERT_NE(0, rt_alloc_one(self->c.fd, rt_class_bytes(cls)));
		EXPECT_EQ((cls + 1) * RT_REGION, rt_stat("charged_bytes"));
		EXPECT_EQ(cls + 1, rt_stat("nr_regions"));
	}
	/* The next slice is in the region that is there. */
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++)
		ASSERT_NE(0, rt_alloc_one(self->c.fd, rt_class_bytes(cls)));
	EXPECT_EQ(REGALLOC_NR_CLASSES * RT_REGION, rt_stat("charged_bytes"));
}

/* Live slices stay; a region without one goes, inside the release. */
TEST_F(region, bug01_closed_by_the_last_release)
{
	unsigned int cls, i;
	uint64_t h[1024];

	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint32_t n = rt_class_slices(cls);
		uint64_t keep;

		ASSERT_EQ(0, rt_alloc_all(self->c.fd, rt_class_bytes(cls), n,
					  h));
		/* As many returns as the region has slices, and more. */
		for (i = 0; i < 3 * n; i++) {
			ASSERT_EQ(0, rt_release_one(self->c.fd, h[0]));
			h[0] = rt_alloc_one(self->c.fd, rt_class_bytes(cls));
			ASSERT_NE(0, h[0]);
		}
		/* In the meantime, the work may have made a hole of it. */
		EXPECT_GE(2 * RT_REGION, rt_stat("charged_bytes"));
		keep = h[n / 3];
		h[n / 3] = h[n - 1];
		memset(rt_addr(&self->c, keep), 0x77, rt_class_bytes(cls));
		for (i = 0; i < n - 1; i++)
			ASSERT_EQ(0, rt_release_one(self->c.fd, h[i]));
		EXPECT_TRUE(rt_wait_until(rt_stat("charged_bytes") ==
					  rt_class_charge(cls), RT_DEADLINE)) {
			TH_LOG("class %u: %" PRIu64 " charged, %" PRIu64 " idle",
			       cls, rt_stat("charged_bytes"),
			       rt_stat("idle_bytes"));
		}
		EXPECT_EQ(1, rt_stat("nr_regions"));
		EXPECT_TRUE(rt_all_bytes(rt_addr(&self->c, keep),
					 rt_class_bytes(cls), 0x77));
		ASSERT_EQ(0, rt_release_one(self->c.fd, keep));
		EXPECT_EQ(0, rt_stat("charged_bytes"));
		EXPECT_EQ(0, rt_stat("nr_regions"));
	}
}

TEST_F(region, closed_by_a_batch_that_empties_several)
{
	uint64_t h[5 * COUNT];

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, 5 * COUNT, h));
	ASSERT_EQ(5 * RT_REGION, rt_stat("charged_bytes"));
	ASSERT_EQ(0, rt_release_all(self->c.fd, h, 5 * COUNT));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
}

/* In whatever order they come back. */
TEST_F(region, bug01_closed_in_any_order)
{
	unsigned int turn, i, seed = 7;
	uint64_t h[4 * COUNT];

	for (turn = 0; turn < 20; turn++) {
		ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, 4 * COUNT, h));
		for (i = 4 * COUNT; i; i--) {
			unsigned int victim = rand_r(&seed) % i;

			ASSERT_EQ(0, rt_release_one(self->c.fd, h[victim]));
			h[victim] = h[i - 1];
		}
		ASSERT_EQ(0, rt_stat("charged_bytes"));
	}
	EXPECT_EQ(rt_stat("regions_opened"), rt_stat("regions_closed"));
}

TEST_F(region, closed_inside_the_release_of_the_library)
{
	struct regalloc_slice s[COUNT];
	struct regalloc *ra;
	unsigned int i;

	ASSERT_EQ(0, regalloc_open(NULL, 0, &ra));
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(0, regalloc_alloc(ra, LENGTH, 0, &s[i]));
	for (i = 0; i < COUNT; i++) {
		EXPECT_LE((COUNT - i) * LENGTH, rt_stat("charged_bytes"));
		ASSERT_EQ(0, regalloc_release(ra, s[i].handle));
	}
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	ASSERT_EQ(0, regalloc_close(ra));
}

TEST_F(region, decay)
{
	uint64_t opened;

	ASSERT_EQ(0, rt_decay_set(RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	opened = rt_stat("regions_opened");
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(RT_REGION, rt_stat("spare_bytes"));
	EXPECT_EQ(0, rt_stat("live_bytes"));

	/* Taken again before it has decayed: the same region. */
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	EXPECT_EQ(opened, rt_stat("regions_opened"));
	EXPECT_EQ(0, rt_stat("spare_bytes"));
	ASSERT_EQ(0, rt_decay_set(RT_DECAY_MS));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
	EXPECT_EQ(0, rt_stat("nr_regions"));
}

/* Nothing live, no pressure, and no call: the memory goes by itself. */
TEST_F(region, bug06_all_goes_without_pressure)
{
	unsigned int cls;
	uint64_t h[1024];

	ASSERT_EQ(0, rt_decay_set(RT_DECAY_MS));
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint32_t n = rt_class_slices(cls);

		ASSERT_EQ(0, rt_alloc_all(self->c.fd, rt_class_bytes(cls), n,
					  h));
		ASSERT_EQ(0, rt_release_all(self->c.fd, h, n));
	}
	EXPECT_LT(0, rt_stat("regions_opened"));
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
}

/*
 * The same when all was released through the library. The second time, the work
 * that the new decay time had started is over: the releases must start it.
 */
TEST_F(region, bug06_decay_after_library_releases)
{
	struct regalloc_slice s[64];
	struct regalloc *ra;
	unsigned int i, turn;

	ASSERT_EQ(0, rt_decay_set(RT_DECAY_MS));
	ASSERT_EQ(0, regalloc_open(NULL, 0, &ra));
	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < 64; i++)
			ASSERT_EQ(0, regalloc_alloc(ra, LENGTH, 0, &s[i]));
		ASSERT_EQ(4 * RT_REGION, rt_stat("charged_bytes"));
		for (i = 0; i < 64; i++)
			ASSERT_EQ(0, regalloc_release(ra, s[i].handle));
		EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"),
					  RT_DEADLINE));
	}
	ASSERT_EQ(0, regalloc_close(ra));
}

/* What is in use does not decay. */
TEST_F(region, decay_leaves_the_live_ones)
{
	uint64_t h[2 * COUNT];

	ASSERT_EQ(0, rt_decay_set(RT_DECAY_MS));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, 2 * COUNT, h));
	memset(rt_addr(&self->c, h[3]), 0x42, LENGTH);
	ASSERT_EQ(0, rt_release_all(self->c.fd, h, 3));
	ASSERT_EQ(0, rt_release_all(self->c.fd, h + 4, 2 * COUNT - 4));
	EXPECT_TRUE(rt_wait_until(rt_stat("charged_bytes") == LENGTH,
				  RT_DEADLINE));
	EXPECT_TRUE(rt_all_bytes(rt_addr(&self->c, h[3]), LENGTH, 0x42));
	ASSERT_EQ(0, rt_release_one(self->c.fd, h[3]));
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
}

TEST_F(region, bug12_no_region_for_each_turn)
{
	uint64_t opened = rt_stat("regions_opened");
	unsigned int turn;

	ASSERT_EQ(0, rt_decay_set(RT_DECAY_NEVER_MS));
	for (turn = 0; turn < rt_turns(300); turn++) {
		uint64_t handle = rt_alloc_one(self->c.fd, LENGTH);

		ASSERT_NE(0, handle);
		ASSERT_EQ(0, rt_release_one(self->c.fd, handle));
	}
	EXPECT_EQ(opened + 1, rt_stat("regions_opened"));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
}

TEST_F(region, trim)
{
	uint32_t regions;

	ASSERT_EQ(0, rt_decay_set(RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_trim(self->c.fd, &regions));
	EXPECT_EQ(0, regions);
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	ASSERT_NE(0, rt_alloc_one(self->c.fd, 4096));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT - 1));
	ASSERT_EQ(0, rt_trim(self->c.fd, &regions));
	EXPECT_EQ(0, regions);
	EXPECT_EQ(LENGTH + RT_PAGE, rt_stat("charged_bytes"));
	ASSERT_EQ(0, rt_release_one(self->c.fd, self->handles[COUNT - 1]));
	ASSERT_EQ(0, rt_trim(self->c.fd, &regions));
	EXPECT_EQ(1, regions);
	EXPECT_EQ(RT_PAGE, rt_stat("charged_bytes"));
}

/* TRIM is the caller's own affair. */
TEST_F(region, trim_leaves_other_clients_alone)
{
	struct rt_client other;
	uint64_t handle;

	ASSERT_EQ(0, rt_decay_set(RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&other));
	handle = rt_alloc_one(other.fd, LENGTH);
	ASSERT_NE(0, handle);
	ASSERT_EQ(0, rt_release_one(other.fd, handle));
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
	rt_client_close(&other);
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
}

/* 0, or the signal; in a child, its status. */
static int peek_in_child(const void *addr)
{
	uint8_t byte;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(rt_peek(addr, &byte));
	return rt_child_status(pid);
}

TEST_F(region, sigbus_after_the_close)
{
	uint8_t *first, *last, byte;
	unsigned int i;
	int go[2], ready[2];
	pid_t pid;

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	for (i = 0; i < COUNT; i++)
		memset(rt_addr(&self->c, self->handles[i]), 0x31, LENGTH);
	first = rt_addr(&self->c, self->handles[0]);
	last = rt_addr(&self->c, self->handles[COUNT - 1]);
	last += LENGTH - 1;

	/* A child that has it mapped and touched, too, while it is open. */
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int before = rt_peek(first, &byte) | rt_peek(last, &byte);

		if (before || write(ready[1], "r", 1) != 1 ||
		    read(go[0], &byte, 1) != 1)
			_exit(1);
		if (rt_peek(first, &byte) != SIGBUS ||
		    rt_peek(last, &byte) != SIGBUS ||
		    rt_poke(first, 1) != SIGBUS)
			_exit(2);
		_exit(0);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	ASSERT_EQ(0, rt_peek(first, &byte));
	EXPECT_EQ(0x31, byte);
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	ASSERT_EQ(0, rt_stat("charged_bytes"));
	for (i = 0; i < COUNT; i++) {
		uint8_t *slice = rt_addr(&self->c, self->handles[i]);

		EXPECT_EQ(SIGBUS, rt_peek(slice, &byte));
		EXPECT_EQ(SIGBUS, rt_poke(slice + LENGTH - 1, 1));
	}
	ASSERT_EQ(1, write(go[1], "g", 1));
	EXPECT_EQ(0, rt_child_status(pid));
	EXPECT_EQ(SIGBUS, peek_in_child(first));
	EXPECT_EQ(0, rt_stat("charged_bytes"));

	/* Open again: memory again, and zero. */
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	EXPECT_EQ(first, rt_addr(&self->c, self->handles[0]));
	EXPECT_TRUE(rt_all_bytes(first, RT_REGION, 0));
	EXPECT_EQ(0, peek_in_child(first));
}

TEST_F(region, sigbus_where_no_region_is)
{
	uint8_t byte;
	unsigned int cls;

	ASSERT_EQ(0, rt_decay_set(RT_DECAY_NEVER_MS));
	ASSERT_NE(0, rt_alloc_one(self->c.fd, LENGTH));
	for (cls = 0; cls < REGALLOC_NR_CLASSES - 1; cls++) {
		uint8_t *span = self->c.base + cls * self->c.info.span_bytes;

		EXPECT_EQ(SIGBUS, rt_peek(span, &byte));
		EXPECT_EQ(SIGBUS, rt_poke(span + RT_REGION, 1));
		EXPECT_EQ(SIGBUS, rt_peek(span + self->c.info.span_bytes - 1,
					  &byte));
	}
	EXPECT_EQ(SIGBUS, rt_peek(self->c.base + self->c.info.window_bytes - 1,
				  &byte));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
}

/*
 * Bytes of the past are never seen: not in a region opened anew, nor by another
 * client. (Boot with init_on_alloc=0, or the page allocator hides the bug.)
 */
TEST_F(region, bug04_new_regions_are_zero)
{
	unsigned int turn, cls;
	uint64_t h[1024];

	for (turn = 0; turn < 2; turn++) {
		for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
			uint32_t n = rt_class_slices(cls);
			uint8_t *first;

			ASSERT_EQ(0, rt_alloc_all(self->c.fd,
						  rt_class_bytes(cls), n, h));
			first = rt_addr(&self->c, h[0]);
			EXPECT_TRUE(rt_all_bytes(first, RT_REGION, 0));
			memset(first, 0xee, RT_REGION);
			ASSERT_EQ(0, rt_release_all(self->c.fd, h, n));
			ASSERT_EQ(0, rt_stat("charged_bytes"));
		}
	}
}

TEST_F(region, bug04_nothing_of_another_client)
{
	enum { REGIONS = 16 };
	uint64_t h[REGIONS * COUNT];
	unsigned int turn;

	for (turn = 0; turn < 3; turn++) {
		struct rt_client other;
		uint8_t *first;

		ASSERT_EQ(0, rt_client_open(&other));
		ASSERT_EQ(0, rt_alloc_all(other.fd, LENGTH, REGIONS * COUNT,
					  h));
		first = rt_addr(&other, h[0]);
		EXPECT_TRUE(rt_all_bytes(first, REGIONS * RT_REGION, 0));
		memset(first, 0xdd, REGIONS * RT_REGION);
		rt_client_close(&other);
		ASSERT_TRUE(rt_wait_until(!rt_stat("charged_bytes"),
					  RT_DEADLINE));
	}
}

/* A slice used again keeps its bytes; with F_ZERO it does not. */
TEST_F(region, bug04_zero_flag)
{
	unsigned int cls, i;

	ASSERT_EQ(0, rt_decay_set(RT_DECAY_NEVER_MS));
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint32_t bytes = rt_class_bytes(cls), got;
		uint64_t h[4];

		ASSERT_EQ(0, rt_alloc_all(self->c.fd, bytes, 4, h));
		for (i = 0; i < 4; i++)
			memset(rt_addr(&self->c, h[i]), 0xcc, bytes);
		ASSERT_EQ(0, rt_release_all(self->c.fd, h, 4));
		ASSERT_EQ(0, rt_alloc(self->c.fd, bytes, 3,
				      REGALLOC_ALLOC_F_ZERO, h, &got));
		ASSERT_EQ(3, got);
		for (i = 0; i < 3; i++)
			EXPECT_TRUE(rt_all_bytes(rt_addr(&self->c, h[i]), bytes,
						 0));
		/* Zeroing did not run into the next slice. */
		h[3] = rt_alloc_one(self->c.fd, bytes);
		ASSERT_NE(0, h[3]);
		EXPECT_TRUE(rt_all_bytes(rt_addr(&self->c, h[3]), bytes, 0xcc));
	}
}

TEST_F(region, zero)
{
	unsigned int cls;
	uint64_t h[3];

	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint32_t bytes = rt_class_bytes(cls);
		uint8_t *first;

		ASSERT_EQ(0, rt_alloc_all(self->c.fd, bytes, 3, h));
		first = rt_addr(&self->c, h[0]);
		memset(first, 0xbb, 3 * bytes);
		ASSERT_EQ(0, rt_zero(self->c.fd, h[1]));
		EXPECT_TRUE(rt_all_bytes(first, bytes, 0xbb));
		EXPECT_TRUE(rt_all_bytes(first + bytes, bytes, 0));
		EXPECT_TRUE(rt_all_bytes(first + 2 * bytes, bytes, 0xbb));
	}
}

TEST_F(region, two_huge_pages)
{
	uint8_t *first, byte;

	if (!rt_has_huge_pages())
		SKIP(return, "a huge page is larger than a region");
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	first = rt_addr(&self->c, self->handles[0]);
	EXPECT_EQ(0, rt_smaps_kb(first, "FilePmdMapped"));
	ASSERT_EQ(0, rt_peek(first + 123456, &byte));
	EXPECT_EQ(2048, rt_smaps_kb(first, "FilePmdMapped"));
	ASSERT_EQ(0, rt_poke(first + RT_REGION - 1, 1));
	EXPECT_EQ(4096, rt_smaps_kb(first, "FilePmdMapped"));
	EXPECT_EQ(4096, rt_smaps_kb(first, "Rss"));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	EXPECT_EQ(0, rt_smaps_kb(first, "Rss"));
}

/* Write to each page of a region without huge pages: how many faults does it take? */
static int faults_by_pages(uint8_t *region)
{
	struct rusage before, after;
	size_t i;

	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) ||
	    madvise(region, RT_REGION, MADV_NOHUGEPAGE))
		return 100;
	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < RT_REGION; i += 4096)
		region[i] = 1;
	getrusage(RUSAGE_SELF, &after);
	/* An exit status ends at 255. */
	return after.ru_minflt - before.ru_minflt < 100 ?
	       after.ru_minflt - before.ru_minflt : 100;
}

/* One for each page table, one for the table itself, and what the program needs. */
TEST_F(region, few_faults_without_huge_pages)
{
	pid_t pid;

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(faults_by_pages(rt_addr(&self->c, self->handles[0])));
	EXPECT_GE(16, rt_child_status(pid));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
}

/* Leave marks of another use on most of the memory's huge pages. */
static bool use_as_anonymous_memory(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 1, bytes);
	return !munmap(p, bytes);
}

/* What a page was before it became ours must not cost us the large mapping. */
TEST_F(region, huge_pages_that_others_used_before)
{
	enum { REGIONS = 64 };
	uint64_t *h;
	unsigned int i;

	if (!rt_has_huge_pages())
		SKIP(return, "a huge page is larger than a region");
	h = calloc(REGIONS * COUNT, sizeof(*h));
	ASSERT_NE(NULL, h);
	ASSERT_TRUE(use_as_anonymous_memory(rt_turns(2560) * RT_MIB));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, REGIONS * COUNT, h));
	for (i = 0; i < REGIONS * COUNT; i++)
		ASSERT_EQ(0, rt_poke(rt_addr(&self->c, h[i]), 1));
	EXPECT_EQ(REGIONS * 4096,
		  rt_smaps_kb(rt_addr(&self->c, h[0]), "FilePmdMapped"));
	ASSERT_EQ(0, rt_release_all(self->c.fd, h, REGIONS * COUNT));
	free(h);
}

/* 3 GiB are 768 regions, and not one more. */
TEST_F(region, fill_the_budget)
{
	const unsigned int regions = rt_turns(768);
	struct rt_sampler sampler;
	uint64_t *h, failures;
	char budget[32];
	unsigned int i;

	h = calloc(regions * COUNT, sizeof(*h));
	ASSERT_NE(NULL, h);
	snprintf(budget, sizeof(budget), "%uM", 4 * regions);
	ASSERT_EQ(0, rt_param_set("budget", budget));
	failures = rt_stat("alloc_failures");
	rt_sampler_start(&sampler, "charged_bytes");
	for (i = 0; i < regions; i++) {
		ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT,
					  h + i * COUNT)) {
			TH_LOG("region %u", i);
		}
	}
	EXPECT_EQ(regions * RT_REGION, rt_stat("charged_bytes"));
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(0, rt_alloc_one(self->c.fd, LENGTH));
		EXPECT_EQ(ENOMEM, errno);
		EXPECT_EQ(0, rt_alloc_one(self->c.fd, 4096));
		EXPECT_EQ(ENOMEM, errno);
	}
	EXPECT_EQ(failures + 20, rt_stat("alloc_failures"));
	EXPECT_EQ(regions * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(regions * RT_REGION, rt_stat("live_bytes"));

	/* A batch gets what there is. */
	ASSERT_EQ(0, rt_release_all(self->c.fd, h, 3));
	EXPECT_EQ(0, rt_alloc(self->c.fd, LENGTH, COUNT, 0, h, &i));
	EXPECT_EQ(3, i);

	ASSERT_EQ(0, rt_release_all(self->c.fd, h, 3));
	ASSERT_EQ(0, rt_release_all(self->c.fd, h + COUNT,
				    (regions - 1) * COUNT));
	EXPECT_TRUE(rt_wait_until(rt_stat("charged_bytes") ==
				  (COUNT - 3) * LENGTH, RT_DEADLINE));
	rt_sampler_stop(&sampler);
	EXPECT_EQ(regions * RT_REGION, sampler.max);
	EXPECT_LE(regions * RT_REGION, rt_stat("peak_charged_bytes"));
	EXPECT_GE(3UL << 30, rt_stat("peak_charged_bytes"));
	TH_LOG("%" PRIu64 " samples", sampler.samples);
	free(h);
}

TEST_HARNESS_MAIN
