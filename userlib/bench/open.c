// SPDX-License-Identifier: MIT
/*
 * What a region costs from nothing to nothing, and what it must cost at least:
 * zeros are written to 4 MiB.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "measure.h"

#define ROUNDS_PER_REPEAT 32
#define HUGE_BYTES (2UL << 20)
#define WORDS_PER_TURN 8

/* The best of many, each of them short. */
static int best_of(const struct plan *plan, int (*fn)(const struct plan *),
		   const char *metric)
{
	uint64_t best = UINT64_MAX, start, took;
	int err;

	for (uint32_t i = 0; i < plan->repeat * ROUNDS_PER_REPEAT; i++) {
		start = now_ns();
		err = fn(plan);
		took = now_ns() - start;
		if (err)
			return err;
		if (took < best)
			best = took;
	}
	row(plan, best, "%s", metric);
	return 0;
}

static int region_once(const struct plan *plan)
{
	uint32_t count = REGION_BYTES / plan->bytes;
	struct piece pieces[REGION_BYTES / PAGE];
	int err;

	for (uint32_t i = 0; i < count; i++) {
		err = plan->backend->alloc(plan->bytes, &pieces[i]);
		if (err)
			return err;
		touch(pieces[i].addr, plan->bytes);
	}
	for (uint32_t i = 0; i < count; i++) {
		err = plan->backend->release(&pieces[i]);
		if (err)
			return err;
	}
	return 0;
}

/* Opens a region, touches it and closes it. Needs decay_ms=0, and checks it. */
int open_run(const struct plan *plan)
{
	uint64_t held;
	int err;

	err = plan->backend->open(plan->bytes, REGION_BYTES / plan->bytes);
	if (!err)
		err = best_of(plan, region_once, "region_ns");
	if (!err)
		err = plan->backend->held(&held);
	if (!err && held)
		err = -EBUSY;
	return err;
}

static char *area;

static int zero_memset(const struct plan *plan)
{
	(void)plan;
	memset(area, 0, REGION_BYTES);
	touch(area, REGION_BYTES);
	return 0;
}

/* Any change of a mapping has the processor forget its translations. */
static int forget(void)
{
	if (mprotect(area, REGION_BYTES, PROT_READ) ||
	    mprotect(area, REGION_BYTES, PROT_READ | PROT_WRITE))
		return -errno;
	return 0;
}

/*
 * A region is zeroed and touched at different addresses, neither of which the
 * processor knows after the last region was closed.
 */
static int zero_forgotten(const struct plan *plan)
{
	int err;

	(void)plan;
	err = forget();
	if (err)
		return err;
	memset(area, 0, REGION_BYTES);
	err = forget();
	touch(area, REGION_BYTES);
	return err;
}

static void store_zero(uint64_t *p)
{
	__atomic_store_n(p, 0, __ATOMIC_RELAXED);
}

/*
 * As the kernel does it on a processor without fast string instructions; atomic,
 * so that the compiler does not make memset() of it.
 */
static int zero_stores(const struct plan *plan)
{
	uint64_t *end = (uint64_t *)(area + REGION_BYTES);

	(void)plan;
	for (uint64_t *p = (uint64_t *)area; p < end; p += WORDS_PER_TURN) {
		store_zero(p);
		store_zero(p + 1);
		store_zero(p + 2);
		store_zero(p + 3);
		store_zero(p + 4);
		store_zero(p + 5);
		store_zero(p + 6);
		store_zero(p + 7);
	}
	touch(area, REGION_BYTES);
	return 0;
}

/* What map_new() maps; the start of a huge page lies in the first one of it. */
#define MAP_BYTES (REGION_BYTES + HUGE_BYTES)

static int map_new(int advice, char **map)
{
	*map = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*map == MAP_FAILED || madvise(*map, MAP_BYTES, advice))
		return -errno;
	return 0;
}

static char *first_huge_page(char *map)
{
	return (char *)(((uintptr_t)map + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
}

/* An anonymous mapping from nothing to nothing; @advice says of which pages. */
static int map_once(int advice)
{
	char *map;
	int err = map_new(advice, &map);

	if (err)
		return err;
	touch(first_huge_page(map), REGION_BYTES);
	return munmap(map, MAP_BYTES) ? -errno : 0;
}

static int zero_huge(const struct plan *plan)
{
	(void)plan;
	return map_once(MADV_HUGEPAGE);
}

static int zero_small(const struct plan *plan)
{
	(void)plan;
	return map_once(MADV_NOHUGEPAGE);
}

/* What it is compared with: 4 MiB zeroed and touched, in several ways. */
int zero_run(const struct plan *plan)
{
	char *map;
	int err = map_new(MADV_HUGEPAGE, &map);

	if (err)
		return err;
	area = first_huge_page(map);
	err = best_of(plan, zero_memset, "memset_ns");
	if (!err)
		err = best_of(plan, zero_stores, "stores_ns");
	if (!err)
		err = best_of(plan, zero_forgotten, "empty_tlb_ns");
	if (!err)
		err = best_of(plan, zero_huge, "huge_pages_ns");
	if (!err)
		err = best_of(plan, zero_small, "small_pages_ns");
	return err;
}

/*
 * Takes --total bytes once. A virtual machine gets its memory from its host at
 * the first touch, slowly, and that is not to be measured.
 */
int warm_run(const struct plan *plan)
{
	char *map = mmap(NULL, plan->total, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || madvise(map, plan->total, MADV_HUGEPAGE))
		return -errno;

	touch(map, plan->total);
	return munmap(map, plan->total) ? -errno : 0;
}
