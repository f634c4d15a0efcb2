// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program can do to its mappings, row by row: some of it is refused,
 * the rest hurts nobody, and the charges stay exact.
 */
#include "regalloc_test.h"

#include <regalloc.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define LENGTH	(256 * 1024)
#define COUNT	16		/* a region of that class */

FIXTURE(vma)
{
	struct rt_client c;
	uint64_t handles[COUNT];
	uint64_t window;
	uint8_t *slice;		/* the first; then the others follow */
};

/* One region of live slices, with a byte of its own in each page. */
FIXTURE_SETUP(vma)
{
	unsigned int i;

	ASSERT_TRUE(rt_begin(RT_BUDGET, 0));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, rt_client_map(&self->c));
	self->window = self->c.info.window_bytes;
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	self->slice = rt_addr(&self->c, self->handles[0]);
	for (i = 0; i < RT_REGION / 4096; i++)
		self->slice[i * 4096UL] = i;
}

FIXTURE_TEARDOWN(vma)
{
	rt_client_close(&self->c);
	rt_end();
}

/* The pages of @bytes from @offset in the region hold what setup wrote. */
static bool bytes_right(const uint8_t *region, size_t offset, size_t bytes)
{
	size_t end = offset + bytes;

	for (; offset < end; offset += 4096) {
		uint8_t byte;

		if (rt_peek(region + offset, &byte) ||
		    byte != (uint8_t)(offset / 4096))
			return false;
	}
	return true;
}

static bool charged_exactly(void)
{
	return rt_stat("charged_bytes") == RT_REGION &&
	       rt_stat("live_bytes") == RT_REGION &&
	       !rt_stat("pinned_bytes");
}

/* All comes back in the end, whatever was done to the mapping. */
static bool closes_cleanly(FIXTURE_DATA(vma) * self)
{
	uint8_t byte;

	return !rt_release_all(self->c.fd, self->handles, COUNT) &&
	       rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE) &&
	       rt_peek(self->slice, &byte);
}

/* It may grow; there is nothing beyond the window and nothing comes to be there. */
TEST_F(vma, mremap_grows_nothing)
{
	uint64_t window = self->window;
	size_t in = self->slice - (uint8_t *)self->c.base;
	uint8_t *grown, byte;

	grown = mremap(self->c.base, window, window + RT_REGION,
		       MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, grown);
	self->c.base = grown;
	self->slice = grown + in;
	/* There, the map window begins: this is no way to it. */
	EXPECT_EQ(SIGBUS, rt_peek(grown + window, &byte));
	EXPECT_EQ(SIGBUS, rt_poke(grown + window + RT_REGION - 1, 1));
	EXPECT_TRUE(bytes_right(self->slice, 0, RT_REGION));
	EXPECT_TRUE(charged_exactly());
	ASSERT_EQ(0, munmap(grown + window, RT_REGION));
	EXPECT_TRUE(closes_cleanly(self));
}

/* A length of 0 gives a second mapping of the same pages, DONTUNMAP two of them. */
TEST_F(vma, mremap_twice)
{
	uint8_t *twin, *moved, byte;

	twin = mremap(self->slice, 0, RT_REGION, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, twin);
	EXPECT_TRUE(bytes_right(twin, 0, RT_REGION));
	moved = mremap(twin, RT_REGION, RT_REGION,
		       MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_TRUE(bytes_right(moved, 0, RT_REGION));
	EXPECT_TRUE(bytes_right(twin, 0, RT_REGION));
	twin[4096] = 0x77;
	EXPECT_EQ(0x77, moved[4096]);
	EXPECT_EQ(0x77, self->slice[4096]);
	EXPECT_TRUE(charged_exactly());
	EXPECT_TRUE(closes_cleanly(self));
	EXPECT_EQ(SIGBUS, rt_peek(twin, &byte));
	EXPECT_EQ(SIGBUS, rt_peek(moved + RT_REGION - 1, &byte));
	munmap(twin, RT_REGION);
	munmap(moved, RT_REGION);
}

TEST_F(vma, mremap_of_the_map_window)
{
	uint64_t bytes = self->c.info.map_bytes;

	EXPECT_EQ(MAP_FAILED, mremap(self->c.map, bytes, bytes + 65536,
				     MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(self->c.map, 0, bytes, MREMAP_MAYMOVE));
	EXPECT_TRUE(charged_exactly());
}

/* The windows are two areas where one begins at the end of the other, too. */
TEST_F(vma, windows_side_by_side)
{
	const struct regalloc_ioc_info *info = &self->c.info;
	uint64_t both = info->window_bytes + info->map_bytes;
	uint32_t *word, live;
	uint8_t *at, byte;
	void *map;

	at = mmap(NULL, both, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, at);
	ASSERT_EQ(at, mmap(at, info->window_bytes, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_FIXED, self->c.fd, 0));
	map = at + info->window_bytes;
	ASSERT_EQ(map, mmap(map, info->map_bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, self->c.fd,
			    info->map_offset));
	word = rt_state(&self->c, REGALLOC_HANDLE_OFFSET(self->handles[0]));
	live = rt_load(word);
	ASSERT_EQ(REGALLOC_STATE_LIVE, live & REGALLOC_STATE_MASK);
	word = (uint32_t *)((uint8_t *)map + ((uint8_t *)word -
					      (uint8_t *)self->c.map));
	ASSERT_EQ(0, rt_peek(word, &byte));
	EXPECT_EQ(live, rt_load(word));
	/* Nor does it become one area by a change that is undone. */
	ASSERT_EQ(0, mprotect(at, both, PROT_READ));
	ASSERT_EQ(0, mprotect(at, both, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, rt_peek((uint8_t *)map + info->map_bytes - 1, &byte));
	EXPECT_EQ(SIGBUS, rt_poke((uint8_t *)map + info->map_bytes - 1, 1));
	EXPECT_EQ(live, rt_load(word));
	EXPECT_EQ(0, rt_peek(at + REGALLOC_HANDLE_OFFSET(self->handles[0]),
			     &byte));
	munmap(at, both);
}

/* The library's, wherever the kernel would have mapped it. */
TEST_F(vma, windows_are_aligned)
{
	struct regalloc_slice slice;
	struct regalloc *ra[8];
	void *odd[8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ra); i++) {
		/* Which is next to what was mapped last. */
		odd[i] = mmap(NULL, (i + 1) * RT_PAGE, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, odd[i]);
		ASSERT_EQ(0, regalloc_open(NULL, 0, &ra[i]));
	}
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	for (i = 0; i < ARRAY_SIZE(ra); i++) {
		ASSERT_EQ(0, regalloc_alloc(ra[i], 4096, 0, &slice));
		/* The first slice of the first region. */
		EXPECT_EQ(0, (uintptr_t)slice.addr % RT_REGION);
		EXPECT_EQ(0, regalloc_release(ra[i], slice.handle));
		EXPECT_EQ(0, regalloc_close(ra[i]));
		munmap(odd[i], (i + 1) * RT_PAGE);
	}
}

/* Lines of /proc/self/maps. */
static unsigned int count_areas(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned int n = 0;
	int ch;

	if (!f)
		rt_die("maps: %s", strerror(errno));
	while ((ch = getc(f)) != EOF)
		n += ch == '\n';
	fclose(f);
	return n;
}

/* What mprotect() has split is one area again when it is undone. */
TEST_F(vma, areas_merge)
{
	unsigned int before = count_areas(), i;
	uint8_t *page;

	for (i = 0; i < 1000; i++) {
		page = self->slice + i * 2 * RT_PAGE;
		ASSERT_EQ(0, mprotect(page, RT_PAGE, PROT_READ));
		ASSERT_EQ(0, mprotect(page, RT_PAGE,
				      PROT_READ | PROT_WRITE));
	}
	EXPECT_GE(before + 2, count_areas());
	EXPECT_TRUE(bytes_right(self->slice, 0, RT_REGION));
}

TEST_F(vma, never_executable)
{
	const int prot = PROT_READ | PROT_EXEC;
	const struct regalloc_ioc_info *info = &self->c.info;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, RT_REGION, prot, MAP_SHARED,
				   self->c.fd, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, info->map_bytes, prot, MAP_SHARED,
				   self->c.fd, info->map_offset));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, mprotect(self->slice, 4096, prot));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(self->c.map, 4096, prot));
	EXPECT_EQ(EACCES, errno);
}

/* The node is not written when slices are. */
TEST_F(vma, times_of_the_node)
{
	struct stat before, after;
	uint64_t handle;

	ASSERT_EQ(0, stat(RT_DEVICE, &before));
	/* Times move in ticks of the kernel's coarse clock. */
	usleep(50000);
	handle = rt_alloc_one(self->c.fd, 4096);
	ASSERT_NE(0, handle);
	EXPECT_EQ(0, rt_poke(rt_addr(&self->c, handle), 1));
	EXPECT_EQ(0, rt_release_one(self->c.fd, handle));
	ASSERT_EQ(0, stat(RT_DEVICE, &after));
	EXPECT_EQ(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
}

TEST_F(vma, mremap_moves)
{
	uint64_t room = self->window + RT_REGION;
	uint8_t *to, *moved, *old = self->c.base, byte;
	unsigned int turn;

	/* As it was aligned, and not: huge pages, and small ones. */
	for (turn = 0; turn < 2; turn++) {
		size_t in = self->slice - old;

		to = mmap(NULL, room, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		ASSERT_NE(MAP_FAILED, to);
		to = (uint8_t *)(((uintptr_t)to + 0x1fffff) & ~0x1fffffUL);
		to += turn * RT_PAGE;
		moved = mremap(old, self->window, self->window,
			       MREMAP_MAYMOVE | MREMAP_FIXED, to);
		ASSERT_EQ(to, moved);
		self->slice = moved + in;
		EXPECT_EQ(SIGSEGV, rt_peek(old + in, &byte));
		EXPECT_TRUE(bytes_right(self->slice, 0, RT_REGION));
		EXPECT_TRUE(charged_exactly());
		old = moved;
	}
	self->c.base = old;
	EXPECT_TRUE(closes_cleanly(self));
}

TEST_F(vma, munmap_of_a_part)
{
	uint8_t byte;

	/* The middle half of the region, and not at huge page borders. */
	ASSERT_EQ(0, munmap(self->slice + RT_MIB + RT_PAGE, 2 * RT_MIB));
	EXPECT_EQ(SIGSEGV, rt_peek(self->slice + 2 * RT_MIB, &byte));
	EXPECT_TRUE(bytes_right(self->slice, 0, RT_MIB + RT_PAGE));
	EXPECT_TRUE(bytes_right(self->slice, 3 * RT_MIB + RT_PAGE,
				RT_MIB - RT_PAGE));
	EXPECT_TRUE(charged_exactly());
	EXPECT_TRUE(closes_cleanly(self));
	/* And a region in the slot again, half of which is not mapped. */
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	EXPECT_EQ(0, rt_poke(self->slice, 1));
	EXPECT_EQ(0, rt_poke(self->slice + RT_REGION - 1, 1));
	EXPECT_EQ(SIGSEGV, rt_poke(self->slice + 2 * RT_MIB, 1));
	EXPECT_EQ(SIGSEGV, rt_poke(self->slice + 3 * RT_MIB, 1));
	EXPECT_TRUE(charged_exactly());
	EXPECT_TRUE(closes_cleanly(self));
}

TEST_F(vma, mprotect_of_a_part)
{
	uint8_t byte;

	ASSERT_EQ(0, mprotect(self->slice + RT_MIB + RT_PAGE, 2 * RT_MIB,
			      PROT_READ));
	EXPECT_EQ(SIGSEGV, rt_poke(self->slice + 2 * RT_MIB, 1));
	EXPECT_TRUE(bytes_right(self->slice, 0, RT_REGION));
	ASSERT_EQ(0, mprotect(self->slice + RT_MIB + RT_PAGE, 2 * RT_MIB,
			      PROT_NONE));
	EXPECT_EQ(SIGSEGV, rt_peek(self->slice + 2 * RT_MIB, &byte));
	EXPECT_TRUE(bytes_right(self->slice, 0, RT_MIB));
	ASSERT_EQ(0, mprotect(self->slice + RT_MIB + RT_PAGE, 2 * RT_MIB,
			      PROT_READ | PROT_WRITE));
	EXPECT_TRUE(bytes_right(self->slice, 0, RT_REGION));
	EXPECT_EQ(0, rt_poke(self->slice + 2 * RT_MIB, 0));
	EXPECT_TRUE(charged_exactly());
	EXPECT_TRUE(closes_cleanly(self));
}

TEST_F(vma, map_fixed_over_a_part)
{
	uint8_t *over = self->slice + 2 * RT_MIB + 2 * RT_PAGE;

	ASSERT_EQ(over, mmap(over, RT_MIB, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	memset(over, 0x99, RT_MIB);
	EXPECT_TRUE(bytes_right(self->slice, 0, over - self->slice));
	EXPECT_TRUE(bytes_right(self->slice, 3 * RT_MIB + 2 * RT_PAGE,
				RT_MIB - 2 * RT_PAGE));
	EXPECT_TRUE(charged_exactly());
	EXPECT_TRUE(closes_cleanly(self));
	/* What lies over it is the program's own. */
	EXPECT_TRUE(rt_all_bytes(over, RT_MIB, 0x99));
}

TEST_F(vma, private_mapping)
{
	int fd = self->c.fd;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->window, PROT_READ, MAP_PRIVATE,
				   fd, 0));
	EXPECT_EQ(EINVAL, errno);
	/* Small: overcommit may refuse the whole before the device does. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, RT_REGION, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE, fd, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->c.info.map_bytes, PROT_READ,
				   MAP_PRIVATE, fd, self->c.info.map_offset));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(vma, read_only_descriptor)
{
	struct regalloc_ioc_info info;
	uint8_t *p;
	int fd;

	fd = open(RT_DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, rt_info(fd, &info));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, info.window_bytes,
				   PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, info.map_bytes,
				   PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				   info.map_offset));
	EXPECT_EQ(EACCES, errno);
	p = mmap(NULL, info.window_bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED) {
		EXPECT_EQ(-1, mprotect(p, info.window_bytes,
				       PROT_READ | PROT_WRITE));
		EXPECT_EQ(EACCES, errno);
		munmap(p, info.window_bytes);
	}
	close(fd);
}

/* Nothing beyond the windows, and no sum that overflows gets there. */
TEST_F(vma, beyond_the_window)
{
	const struct regalloc_ioc_info *info = &self->c.info;
	uint64_t end = info->map_offset + info->map_bytes;
	const struct {
		uint64_t length;
		uint64_t offset;
	} bad[] = {
		{ RT_PAGE, end },
		{ 2 * RT_PAGE, end - RT_PAGE },
		{ info->map_bytes + RT_PAGE, info->map_offset },
		{ info->map_bytes, info->map_offset + RT_PAGE },
		{ info->window_bytes + info->map_bytes + RT_PAGE, 0 },
		{ info->window_bytes, end },
		{ RT_PAGE, 1ULL << 46 },
		{ RT_PAGE, 1ULL << 62 },
		{ RT_PAGE, (1ULL << 63) - RT_PAGE },
		{ RT_PAGE, 1ULL << 63 },
		{ RT_PAGE, -RT_PAGE },
		{ RT_REGION, 0xffffffffffc00000ULL },
		{ RT_REGION, 0xffffffffffe00000ULL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		void *p = mmap(NULL, bad[i].length, PROT_READ, MAP_SHARED,
			       self->c.fd, bad[i].offset);

		EXPECT_EQ(MAP_FAILED, p) {
			TH_LOG("case %zu", i);
		}
		/* The core says EOVERFLOW where no file could reach. */
		if (errno != EOVERFLOW)
			EXPECT_EQ(EINVAL, errno) {
				TH_LOG("case %zu", i);
			}
	}
	EXPECT_TRUE(charged_exactly());
}

TEST_F(vma, madvise_keeps_the_bytes)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_WILLNEED, MADV_RANDOM, MADV_SEQUENTIAL,
		MADV_NORMAL, MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_FREE, MADV_REMOVE, MADV_DONTDUMP,
		MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, 20 /* COLD */,
		21 /* PAGEOUT */, 22 /* POPULATE_READ */,
		23 /* POPULATE_WRITE */, 24 /* DONTNEED_LOCKED */,
		25 /* COLLAPSE */,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		int ret = madvise(self->slice, RT_REGION, advice[i]);

		if (advice[i] == MADV_DONTNEED)
			EXPECT_EQ(0, ret);
		EXPECT_TRUE(bytes_right(self->slice, 0, RT_REGION)) {
			TH_LOG("advice %d", advice[i]);
		}
		madvise(self->slice + RT_MIB, 4096, advice[i]);
		EXPECT_TRUE(bytes_right(self->slice, 0, RT_REGION));
		EXPECT_TRUE(charged_exactly()) {
			TH_LOG("advice %d", advice[i]);
		}
	}
	EXPECT_TRUE(closes_cleanly(self));
}

/* dd: not in core dumps; the flags are in Documentation/filesystems/proc.rst. */
TEST_F(vma, left_out_of_core_dumps)
{
	EXPECT_TRUE(rt_smaps_flag(self->slice, "sh"));
	EXPECT_TRUE(rt_smaps_flag(self->slice, "dd"));
	EXPECT_TRUE(rt_smaps_flag(self->c.map, "dd"));
	/* Unless a program wants them. */
	EXPECT_EQ(0, madvise(self->slice, RT_REGION, MADV_DODUMP));
	EXPECT_FALSE(rt_smaps_flag(self->slice, "dd"));
}

TEST_F(vma, madvise_dontneed_of_the_map)
{
	uint32_t *word = rt_state(&self->c,
				  REGALLOC_HANDLE_OFFSET(self->handles[0]));
	uint32_t before = rt_load(word);

	ASSERT_EQ(REGALLOC_STATE_LIVE, before & REGALLOC_STATE_MASK);
	ASSERT_EQ(0, madvise(self->c.map, self->c.info.map_bytes,
			     MADV_DONTNEED));
	EXPECT_EQ(before, rt_load(word));
	EXPECT_TRUE(charged_exactly());
	EXPECT_TRUE(closes_cleanly(self));
}

TEST_F(vma, dontfork)
{
	uint8_t byte;
	pid_t pid;

	ASSERT_EQ(0, madvise(self->c.base, self->window, MADV_DONTFORK));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(rt_peek(self->slice, &byte));
	EXPECT_EQ(SIGSEGV, rt_child_status(pid));
	EXPECT_TRUE(bytes_right(self->slice, 0, RT_REGION));
	EXPECT_TRUE(charged_exactly());

	/* Undone or refused (which it may be): harmless. */
	madvise(self->c.base, self->window, MADV_DOFORK);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(0);
	EXPECT_EQ(0, rt_child_status(pid));
	EXPECT_TRUE(bytes_right(self->slice, 0, RT_REGION));
	EXPECT_TRUE(closes_cleanly(self));
}

TEST_F(vma, remap_file_pages)
{
	uint64_t offset = REGALLOC_HANDLE_OFFSET(self->handles[0]);
	uint8_t byte;
	long ret;

	/* The region's third page in place of its first. */
	ret = syscall(SYS_remap_file_pages, self->slice, RT_PAGE, 0,
		      offset / RT_PAGE + 2, 0);
	ASSERT_EQ(0, rt_peek(self->slice, &byte));
	EXPECT_EQ(ret ? 0 : 2 * RT_PAGE / 4096, byte);
	/* And pages that do not exist. */
	ret = syscall(SYS_remap_file_pages, self->slice, RT_PAGE, 0,
		      (self->c.info.map_offset + self->c.info.map_bytes) /
		      RT_PAGE, 0);
	EXPECT_EQ(-1, ret);
	EXPECT_TRUE(bytes_right(self->slice, RT_PAGE, RT_REGION - RT_PAGE));
	EXPECT_TRUE(charged_exactly());
	EXPECT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
	EXPECT_EQ(SIGBUS, rt_peek(self->slice + RT_PAGE, &byte));
}

TEST_F(vma, mlock)
{
	EXPECT_EQ(0, mlockall(MCL_CURRENT));
	EXPECT_TRUE(bytes_right(self->slice, 0, RT_REGION));
	EXPECT_TRUE(charged_exactly());
	EXPECT_EQ(0, munlockall());
	EXPECT_EQ(0, mlock(self->slice, RT_REGION));
	EXPECT_EQ(4096, rt_smaps_kb(self->slice, "Locked"));
	EXPECT_EQ(0, munlock(self->slice, RT_REGION));
	/* Where no region is open there is nothing to lock. */
	EXPECT_EQ(-1, mlock(self->slice + RT_REGION, 4096));
	EXPECT_EQ(-1, mlock(self->c.base, 1UL << 30));
	EXPECT_TRUE(charged_exactly());
	EXPECT_TRUE(closes_cleanly(self));
}

TEST_F(vma, process_vm_readv)
{
	uint8_t page[4096];
	struct iovec local = { page, sizeof(page) };
	struct iovec remote = { self->slice + 5 * 4096, sizeof(page) };
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		pause();
		_exit(0);
	}
	memset(page, RT_POISON, sizeof(page));
	EXPECT_EQ(4096, process_vm_readv(pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(5, page[0]);
	EXPECT_EQ(0, page[1]);
	page[1] = 0x66;
	EXPECT_EQ(4096, process_vm_writev(pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(0x66, self->slice[5 * 4096 + 1]);
	remote.iov_base = self->slice + RT_REGION;
	EXPECT_EQ(-1, process_vm_readv(pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	kill(pid, SIGKILL);
	rt_child_status(pid);
	EXPECT_TRUE(charged_exactly());
	EXPECT_TRUE(closes_cleanly(self));
}

TEST_F(vma, ptrace_and_proc_mem)
{
	unsigned long word = 0x1122334455667788UL;
	uint8_t *at = self->slice + 7 * 4096;
	char path[64];
	long got;
	int fd;
	pid_t pid;

	memcpy(at + 8, &word, sizeof(word));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		pause();
		_exit(0);
	}
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	errno = 0;
	got = ptrace(PTRACE_PEEKDATA, pid, at + 8, NULL);
	EXPECT_EQ(0, errno);
	EXPECT_EQ(word, got);
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, pid, at + 8, 42L));
	EXPECT_EQ(42, at[8]);
	errno = 0;
	ptrace(PTRACE_PEEKDATA, pid, self->slice + RT_REGION, NULL);
	EXPECT_EQ(EIO, errno);

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(8, pread(fd, &word, 8, (uintptr_t)at + 8));
	EXPECT_EQ(42, word);
	word = 43;
	EXPECT_EQ(8, pwrite(fd, &word, 8, (uintptr_t)at + 8));
	EXPECT_EQ(43, at[8]);
	close(fd);
	kill(pid, SIGKILL);
	rt_child_status(pid);
	EXPECT_TRUE(charged_exactly());
	EXPECT_TRUE(closes_cleanly(self));
}

/* A client that scribbles on its map hurts nobody but itself. */
TEST_F_TIMEOUT(vma, scribbled_map, 600)
{
	uint64_t words = self->c.info.map_bytes / 4, i;
	const uint64_t words_in_page = getpagesize() / 4;
	unsigned int seed, turn, cls;
	struct rt_client other;
	uint64_t theirs, h[64];
	uint32_t got;

	ASSERT_EQ(0, rt_client_open(&other));
	theirs = rt_alloc_one(other.fd, LENGTH);
	ASSERT_NE(0, theirs);
	memset(rt_addr(&other, theirs), 0x21, LENGTH);
	/* Where no word can be trusted, each allocation opens a region. */
	ASSERT_EQ(0, rt_param_set("budget", "256M"));

	for (turn = 0; turn < 6; turn++) {
		seed = turn;
		for (i = 0; i < words; i++) {
			/* Where no slot was open, nothing can be written. */
			if (i % words_in_page == 0 &&
			    rt_poke_word(&self->c.map[i], 0)) {
				i += words_in_page - 1;
				continue;
			}
			rt_store(&self->c.map[i],
				 turn == 0 ? ~0U :
				 turn == 1 ? REGALLOC_STATE_FREE :
				 turn == 2 ? REGALLOC_STATE_LIVE :
				 turn == 3 ? 0 : (uint32_t)rand_r(&seed) * 2 +
						 (rand_r(&seed) & 1));
		}
		for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
			for (i = 0; i < rt_turns(20); i++) {
				got = 0;
				rt_alloc(self->c.fd, rt_class_bytes(cls), 64, 0,
					 h, &got);
				if (got)
					rt_release(self->c.fd, h, got, &got);
			}
			rt_zero(self->c.fd, h[0]);
		}
		rt_release(self->c.fd, self->handles, COUNT, &got);
		rt_trim(self->c.fd, NULL);
		rt_stat("live_bytes");
		rt_stat("spare_bytes");

		/* The other client notices nothing. */
		EXPECT_TRUE(rt_all_bytes(rt_addr(&other, theirs), LENGTH,
					 0x21));
		h[0] = rt_alloc_one(other.fd, LENGTH);
		ASSERT_NE(0, h[0]);
		EXPECT_TRUE(rt_all_bytes(rt_addr(&other, h[0]), LENGTH, 0));
		ASSERT_EQ(0, rt_release_one(other.fd, h[0]));
		EXPECT_LE(rt_stat("charged_bytes"), rt_stat("budget_bytes"));
	}
	/* All that the first one held comes back with it. */
	rt_client_close(&self->c);
	EXPECT_TRUE(rt_wait_until(rt_stat("charged_bytes") == LENGTH,
				  RT_DEADLINE));
	EXPECT_EQ(LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(0, rt_release_one(other.fd, theirs));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	rt_client_close(&other);
	ASSERT_EQ(0, rt_client_open(&self->c));
}

/* Scribbling while the kernel works on it. */
struct scribbler {
	struct rt_client *c;
	bool stop;
};

static void scribble_thread(unsigned int index, void *arg)
{
	struct scribbler *s = arg;
	unsigned int turn, seed = index;
	uint64_t h[16];
	uint32_t got;

	if (!index) {
		for (turn = 0; turn < rt_turns(2000); turn++) {
			rt_alloc(s->c->fd, LENGTH, 16, turn & 1, h, &got);
			if (got)
				rt_release(s->c->fd, h, got, &got);
			if (turn % 16 == 0)
				rt_trim(s->c->fd, NULL);
		}
		rt_store(&s->stop, true);
		return;
	}
	while (!rt_load(&s->stop)) {
		uint64_t off = RT_CLASS_256K * s->c->info.span_bytes +
			       rand_r(&seed) % 64 * LENGTH;

		rt_poke_word(rt_state(s->c, off), rand_r(&seed));
	}
}

TEST_F(vma, scribbled_map_while_working)
{
	struct scribbler s = { .c = &self->c };

	ASSERT_EQ(0, rt_param_set("budget", "64M"));
	rt_threads(3, scribble_thread, &s);
	EXPECT_LE(rt_stat("charged_bytes"), 64 * RT_MIB);
	rt_client_close(&self->c);
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
	EXPECT_EQ(0, rt_stat("live_bytes"));
	ASSERT_EQ(0, rt_client_open(&self->c));
}

TEST_HARNESS_MAIN
