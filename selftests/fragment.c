// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory in small pieces costs speed and never the allocation: with next to no
 * free block of 2 MiB left, regions still open, and hold what is written.
 */
#include "regalloc_test.h"

#include <sys/sysinfo.h>

#define LENGTH		(256 * 1024)
#define COUNT		16		/* a region of that class */
#define HUGE_ORDER	9
#define WITH_SMALL_PAGES	16	/* regions in which to look for errors */
#define MAX_REGIONS	256	/* the budget */
#define AT_LEAST	(768 * RT_MIB)	/* in pieces: half of it are regions */
#define COMPACT_UNEVICTABLE "/proc/sys/vm/compact_unevictable_allowed"

FIXTURE(fragment)
{
	struct rt_client c;
	uint64_t handles[MAX_REGIONS * COUNT];
	uint64_t compact;
	uint8_t *filler;
	size_t filler_bytes;
};

FIXTURE_SETUP(fragment)
{
	ASSERT_TRUE(rt_begin("1G", 0));
	ASSERT_EQ(0, rt_client_open(&self->c));
	self->compact = rt_read_u64(COMPACT_UNEVICTABLE);
}

FIXTURE_TEARDOWN(fragment)
{
	rt_write_file(COMPACT_UNEVICTABLE, self->compact ? "1" : "0");
	if (self->filler)
		munmap(self->filler, self->filler_bytes);
	rt_client_close(&self->c);
	rt_end();
}

/* Free blocks of at least 2 MiB, in such blocks. */
static unsigned long free_huge_blocks(void)
{
	unsigned long blocks = 0;
	char line[512];
	FILE *f;

	f = fopen("/proc/buddyinfo", "re");
	if (!f)
		rt_die("buddyinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		char *p = strstr(line, "zone");
		int order, skip;
		unsigned long n;

		if (!p || sscanf(p, "zone %*s%n", &skip) < 0)
			continue;
		p += skip;
		for (order = 0; sscanf(p, "%lu%n", &n, &skip) == 1; order++) {
			p += skip;
			if (order >= HUGE_ORDER)
				blocks += n << (order - HUGE_ORDER);
		}
	}
	fclose(f);
	return blocks;
}

/*
 * Takes nearly all memory in small pages that do not move (locked, and
 * compaction told to leave those alone), then gives every other page back; or
 * every other few, where the kernel's own objects take more than a page each.
 * Where rt_turns() says so, most is taken as a whole, and stays so.
 */
static bool fragment(FIXTURE_DATA(fragment) * self)
{
	size_t hole = rt_env_u32("REGALLOC_HOLE_PAGES", 1) * RT_PAGE;
	struct sysinfo si;
	size_t off, bytes, whole;
	uint8_t *p;

	if (rt_write_file("/proc/sys/vm/drop_caches", "3") ||
	    rt_write_file(COMPACT_UNEVICTABLE, "0") || sysinfo(&si))
		return false;
	bytes = si.freeram * si.mem_unit - 160 * RT_MIB -
		rt_read_u64("/proc/sys/vm/min_free_kbytes") * 1024;
	bytes &= -RT_PAGE;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	self->filler = p;
	self->filler_bytes = bytes;
	whole = bytes / 100 * (100 - rt_turns(100)) & -RT_PAGE;
	if (whole + AT_LEAST > bytes)
		whole = bytes > AT_LEAST ? bytes - AT_LEAST : 0;
	if (madvise(p + whole, bytes - whole, MADV_NOHUGEPAGE) ||
	    mlock(p, bytes))
		return false;
	for (off = whole; off + hole <= bytes; off += 2 * hole)
		if (madvise(p + off, hole, 24 /* MADV_DONTNEED_LOCKED */))
			return false;
	return true;
}

TEST_F_TIMEOUT(fragment, regions_of_small_pages, 600)
{
	unsigned int regions = 0, with_small = 0, i, at;
	uint8_t *first = NULL;
	long huge = 0;

	ASSERT_TRUE(fragment(self));
	TH_LOG("%lu free blocks of 2 MiB in the beginning", free_huge_blocks());

	/* More than the blocks are good for; the kernel may yet find some. */
	while (with_small < WITH_SMALL_PAGES) {
		long before = huge;

		if (regions == MAX_REGIONS)
			SKIP(return, "memory would not fragment");
		i = regions++;
		ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT,
					  self->handles + i * COUNT)) {
			TH_LOG("region %u", i);
		}
		first = rt_addr(&self->c, self->handles[i * COUNT]);
		EXPECT_TRUE(rt_all_bytes(first, RT_REGION, 0));
		for (at = 0; at < RT_REGION; at += 4096)
			*(uint32_t *)(first + at) = i << 16 | at / 4096;
		huge = rt_smaps_kb(first, "FilePmdMapped");
		with_small += huge - before < (long)(RT_REGION / 1024);
	}
	TH_LOG("%ld of %u huge pages", huge / 2048, 2 * regions);
	EXPECT_EQ(regions * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(regions * 4096, rt_smaps_kb(first, "Rss"));

	/* Each page is its own, and zeroing reaches across the pieces. */
	for (i = 0; i < regions; i++) {
		unsigned int wrong = 0;

		first = rt_addr(&self->c, self->handles[i * COUNT]);
		for (at = 0; at < RT_REGION; at += 4096)
			wrong += *(uint32_t *)(first + at) !=
				 (i << 16 | at / 4096);
		EXPECT_EQ(0, wrong);
		memset(first, 0xff, 3 * LENGTH);
		ASSERT_EQ(0, rt_zero(self->c.fd, self->handles[i * COUNT + 1]));
		EXPECT_TRUE(rt_all_bytes(first, LENGTH, 0xff));
		EXPECT_TRUE(rt_all_bytes(first + LENGTH, LENGTH, 0));
		EXPECT_TRUE(rt_all_bytes(first + 2 * LENGTH, LENGTH, 0xff));
	}
	/* And all of it is given back in the release. */
	for (i = 0; i < regions; i++) {
		uint8_t byte;

		first = rt_addr(&self->c, self->handles[i * COUNT]);
		ASSERT_EQ(0, rt_release_all(self->c.fd,
					    self->handles + i * COUNT, COUNT));
		EXPECT_EQ((regions - i - 1) * RT_REGION,
			  rt_stat("charged_bytes"));
		EXPECT_EQ(SIGBUS, rt_peek(first + 12345, &byte));
	}
	EXPECT_EQ(0, rt_stat("pinned_bytes"));
}

TEST_HARNESS_MAIN
