// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory failure: the core takes a broken page out of a slice. Touching it gives
 * SIGBUS, the rest of the slice keeps its bytes, the page is charged no longer, and
 * what closes afterwards opens whole again. Soft offline moves a page that may
 * break, with its bytes.
 */
#include "regalloc_test.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define LENGTH	(256 * 1024)
#define COUNT	16		/* a region of that class */

FIXTURE(poison)
{
	struct rt_client c;
	uint64_t h[COUNT];
	uint8_t *region;
	size_t page;
	uint64_t broken;	/* pages of the machine before */
};

static uint64_t broken_kb(void)
{
	return rt_proc_number("/proc/meminfo", "HardwareCorrupted");
}

FIXTURE_SETUP(poison)
{
	size_t i;

	if (access("/proc/sys/vm/memory_failure_early_kill", F_OK))
		return;
	self->page = getpagesize();
	ASSERT_TRUE(rt_begin("64M", RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, rt_client_map(&self->c));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->h));
	self->region = rt_addr(&self->c, self->h[0]);
	for (i = 0; i < RT_REGION / self->page; i++)
		self->region[i * self->page] = i;
	self->broken = broken_kb();
}

FIXTURE_TEARDOWN(poison)
{
	if (!self->page)
		return;
	rt_client_close(&self->c);
	rt_end();
}

static bool bytes_right(const uint8_t *region, size_t page, size_t without)
{
	uint8_t byte;
	size_t i;

	for (i = 0; i < RT_REGION / page; i++) {
		if (i == without)
			continue;
		if (rt_peek(region + i * page, &byte) || byte != (uint8_t)i)
			return false;
	}
	return true;
}

TEST_F(poison, a_page_of_a_live_slice)
{
	const size_t broken = 37;
	uint8_t *at = self->region + broken * self->page, byte;
	uint64_t again[COUNT];
	int pipe[2];

	if (!self->page)
		SKIP(return, "no memory failure in this kernel");
	ASSERT_EQ(0, madvise(at, self->page, MADV_HWPOISON));
	EXPECT_EQ(self->broken + self->page / 1024, broken_kb());
	EXPECT_EQ(SIGBUS, rt_peek(at, &byte));
	EXPECT_EQ(SIGBUS, rt_poke(at, 1));
	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	EXPECT_EQ(-1, write(pipe[1], at, 1));
	EXPECT_EQ(EFAULT, errno);
	close(pipe[0]);
	close(pipe[1]);
	EXPECT_TRUE(bytes_right(self->region, self->page, broken));
	/* The kernel leaves it alone, too. */
	EXPECT_EQ(0, rt_zero(self->c.fd, self->h[broken * self->page / LENGTH]));
	EXPECT_EQ(SIGBUS, rt_peek(at, &byte));

	/* Its charge ends with the next change of the client's memory at the latest. */
	again[0] = rt_alloc_one(self->c.fd, 4096);
	ASSERT_NE(0, again[0]);
	EXPECT_EQ(2 * RT_REGION - self->page, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_release_one(self->c.fd, again[0]));
	EXPECT_EQ(0, rt_release_all(self->c.fd, self->h, COUNT));
	EXPECT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_stat("pinned_bytes"));

	/* The same place, whole again. */
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, again));
	EXPECT_EQ(0, rt_peek(at, &byte));
	EXPECT_EQ(0, byte);
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
}

TEST_F(poison, a_page_of_a_free_slice)
{
	uint8_t *at = self->region + 5 * self->page;

	if (!self->page)
		SKIP(return, "no memory failure in this kernel");
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->h, COUNT));
	ASSERT_EQ(0, madvise(at, self->page, MADV_HWPOISON));
	EXPECT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_stat("pinned_bytes"));
}

TEST_F(poison, soft_offline_moves_a_page)
{
	uint64_t migrated = rt_proc_number("/proc/vmstat", "pgmigrate_success");
	size_t i;

	if (!self->page)
		SKIP(return, "no memory failure in this kernel");
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, madvise(self->region + i * 11 * self->page,
				     self->page, MADV_SOFT_OFFLINE));
	EXPECT_LT(migrated, rt_proc_number("/proc/vmstat", "pgmigrate_success"));
	EXPECT_TRUE(bytes_right(self->region, self->page, ~0UL));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_release_all(self->c.fd, self->h, COUNT));
	EXPECT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
}

TEST_HARNESS_MAIN
