// SPDX-License-Identifier: GPL-2.0-only
/*
 * No byte is lost while the core moves the memory about: writers check every page
 * of their slices again and again, beside compaction, reclaim, drop_caches,
 * soft offline, pins and a process that eats what memory is free.
 *
 * REGALLOC_SECONDS says how long; "make storm TIME=1h" sets it.
 */
#include "regalloc_test.h"

#include <sys/prctl.h>
#include <sys/uio.h>

#ifndef MADV_COLD
#define MADV_COLD		20
#define MADV_PAGEOUT		21
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define WRITERS		3
#define SLICES		200		/* that a writer holds at most */
#define BUDGET		"512M"
#define MAX_OFFLINE	500		/* pages that the machine loses */

/**
 * struct held - a slice of a writer
 * @handle: 0: none
 * @bytes: its size
 * @serial: what was written last
 */
struct held {
	uint64_t handle;
	uint32_t bytes;
	uint32_t serial;
};

/**
 * struct storm - what all threads share
 * @c: the client
 * @end: when to stop, in milliseconds
 * @checks: pages that were checked
 * @wrong: pages that were not as they had been written
 * @pinned: pages that were read through a pipe
 * @offline: pages that were put offline
 * @some: an address in a live slice, for those that disturb
 */
struct storm {
	struct rt_client c;
	uint64_t end;
	uint64_t checks;
	uint64_t wrong;
	uint64_t pinned;
	uint64_t offline;
	uint8_t *some;
};

static bool is_over(struct storm *s)
{
	return rt_now_ms() >= s->end;
}

static void count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static uint64_t pattern(const struct held *h, size_t at)
{
	return (h->handle * 0x9e3779b97f4a7c15ULL) ^ (at << 20) ^ h->serial;
}

/* The first and the last word of each page. */
static void write_pages(struct storm *s, struct held *h)
{
	uint8_t *p = rt_addr(&s->c, h->handle);
	size_t at;

	h->serial++;
	for (at = 0; at < h->bytes; at += 4096) {
		*(uint64_t *)(p + at) = pattern(h, at);
		*(uint64_t *)(p + at + 4088) = pattern(h, at + 1);
	}
}

static void check_pages(struct storm *s, const struct held *h)
{
	const uint8_t *p = rt_addr(&s->c, h->handle);
	uint64_t wrong = 0;
	size_t at;

	for (at = 0; at < h->bytes; at += 4096)
		wrong += *(uint64_t *)(p + at) != pattern(h, at) ||
			 *(uint64_t *)(p + at + 4088) != pattern(h, at + 1);
	count(&s->checks, h->bytes / 4096);
	count(&s->wrong, wrong);
}

static void check_zeros(struct storm *s, const struct held *h)
{
	count(&s->checks, h->bytes / 4096);
	count(&s->wrong, !rt_all_bytes(rt_addr(&s->c, h->handle), h->bytes, 0));
}

static void take(struct storm *s, struct held *h, uint64_t random)
{
	bool zero = random >> 40 & 1;
	uint32_t got;

	h->bytes = rt_class_bytes(random % REGALLOC_NR_CLASSES);
	if (rt_alloc(s->c.fd, h->bytes, 1, zero ? REGALLOC_ALLOC_F_ZERO : 0,
		     &h->handle, &got))
		h->handle = 0;
	if (!h->handle)
		return;
	if (zero)
		check_zeros(s, h);
	write_pages(s, h);
	__atomic_store_n(&s->some, rt_addr(&s->c, h->handle), __ATOMIC_RELAXED);
}

static void give(struct storm *s, struct held *h)
{
	check_pages(s, h);
	if (rt_release_one(s->c.fd, h->handle))
		count(&s->wrong, 1);
	h->handle = 0;
}

/* What is in a pipe is the page itself, wherever the core would like it to be. */
static void pin(struct storm *s, struct held *h)
{
	struct iovec iov = { rt_addr(&s->c, h->handle), 4096 };
	uint64_t word[512];
	int pipe[2];

	if (pipe2(pipe, O_CLOEXEC))
		return;
	if (vmsplice(pipe[1], &iov, 1, 0) == 4096) {
		usleep(1000);
		count(&s->wrong, read(pipe[0], word, 4096) != 4096 ||
		      word[0] != pattern(h, 0) ||
				 word[511] != pattern(h, 1));
		count(&s->pinned, 1);
	}
	close(pipe[0]);
	close(pipe[1]);
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void one_step(struct storm *s, struct held *h, uint64_t random)
{
	if (!h->handle) {
		take(s, h, random >> 8);
		return;
	}
	switch (random >> 8 & 15) {
	case 0 ... 5:
		give(s, h);
		break;
	case 6:
		if (rt_zero(s->c.fd, h->handle))
			count(&s->wrong, 1);
		check_zeros(s, h);
		write_pages(s, h);
		break;
	case 7:
		pin(s, h);
		break;
	case 8:
		if (!(random >> 16 & 63))
			rt_trim(s->c.fd, NULL);
		break;
	default:
		check_pages(s, h);
		write_pages(s, h);
	}
}

static void write_and_check(struct storm *s, unsigned int index)
{
	struct held held[SLICES] = {};
	uint64_t random = 88172645463325252ULL + index;
	unsigned int i, rounds = 0;

	while (!is_over(s)) {
		/* All of it comes back now and then, so that regions close. */
		if (!(++rounds % 4096))
			for (i = 0; i < SLICES; i++)
				if (held[i].handle)
					give(s, &held[i]);
		one_step(s, &held[next_random(&random) % SLICES],
			 next_random(&random));
	}
	for (i = 0; i < SLICES; i++)
		if (held[i].handle)
			give(s, &held[i]);
}

/* What the core would do to the memory some day, it does now. */
static void disturb(struct storm *s)
{
	static const int advice[] = { MADV_COLD, MADV_PAGEOUT, MADV_DONTNEED };
	unsigned int turn = 0;
	uint8_t *at;

	while (!is_over(s)) {
		at = __atomic_load_n(&s->some, __ATOMIC_RELAXED);
		at = (uint8_t *)((uintptr_t)at & ~(RT_REGION - 1));
		rt_write_file("/proc/sys/vm/compact_memory", "1");
		if (at)
			madvise(at, RT_REGION, advice[turn % 3]);
		if (turn % 16 == 0)
			rt_write_file("/proc/sys/vm/drop_caches", "3");
		if (at && turn % 8 == 0 && s->offline < MAX_OFFLINE)
			s->offline += !madvise(at + turn * 20480 % RT_REGION,
					       getpagesize(), MADV_SOFT_OFFLINE);
		turn++;
		usleep(2000);
	}
}

static void storm_thread(unsigned int index, void *arg)
{
	if (index == WRITERS)
		disturb(arg);
	else
		write_and_check(arg, index);
}

/* Eats most of what is free, and gives it back: free memory is all in pieces then. */
static void __attribute__((noreturn)) hog(void)
{
	uint64_t bytes, i;
	uint8_t *p;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rt_write_file("/proc/self/oom_score_adj", "1000");
	for (;;) {
		bytes = rt_proc_number("/proc/meminfo", "MemFree") * 1024;
		bytes = bytes > 600 * RT_MIB ? bytes - 600 * RT_MIB : RT_MIB;
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			continue;
		madvise(p, bytes, MADV_NOHUGEPAGE);
		for (i = 0; i < bytes; i += 4096)
			p[i] = 1;
		for (i = 0; i < bytes; i += 3 * 65536)
			madvise(p + i, 65536, MADV_DONTNEED);
		usleep(200 * 1000);
		munmap(p, bytes);
	}
}

FIXTURE(storm)
{
	struct storm s;
};

FIXTURE_SETUP(storm)
{
	ASSERT_TRUE(rt_begin(BUDGET, 20));
	ASSERT_EQ(0, rt_client_open(&self->s.c));
	ASSERT_EQ(0, rt_client_map(&self->s.c));
}

FIXTURE_TEARDOWN(storm)
{
	rt_client_close(&self->s.c);
	rt_end();
}

TEST_F_TIMEOUT(storm, no_byte_is_lost, 90000)
{
	uint64_t migrated = rt_proc_number("/proc/vmstat", "pgmigrate_success");
	struct storm *s = &self->s;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		hog();
	s->end = rt_now_ms() +
		 rt_env_u32("REGALLOC_SECONDS", rt_turns(20)) * 1000ULL;
	rt_threads(WRITERS + 1, storm_thread, s);
	kill(pid, SIGKILL);
	rt_child_status(pid);
	migrated = rt_proc_number("/proc/vmstat", "pgmigrate_success") - migrated;
	TH_LOG("pages: %" PRIu64 " checked, %" PRIu64 " wrong, %" PRIu64 " pinned",
	       s->checks, s->wrong, s->pinned);
	TH_LOG("pages: %" PRIu64 " migrated, %" PRIu64 " offline; regions: %" PRIu64,
	       migrated, s->offline, rt_stat("regions_opened"));
	EXPECT_EQ(0, s->wrong);
	EXPECT_LT(0, s->pinned);
	/* Else it was no storm. */
	EXPECT_LT(0, migrated);
	EXPECT_EQ(0, rt_trim(s->c.fd, NULL));
	EXPECT_EQ(0, rt_stat("live_bytes"));
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
}

TEST_HARNESS_MAIN
