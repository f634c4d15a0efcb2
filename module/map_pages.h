/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pages of one client's map window.
 *
 * Which exist. The first page (struct regalloc_control) is there as long as the
 * client. A page of words or hints is allocated when a slot that it covers is opened
 * for the first time. It is in use while one of its slots is open; one that is
 * not in use may be dropped to make room for others, and is allocated again when
 * a slot opens or the owner writes to it. Where a page has been dropped the
 * xarray holds a value entry.
 *
 * What is absent reads as zeros: a page of zeros, one for the client, is mapped
 * without write permission. Populating a mapping allocates nothing, and writing
 * where no slot was ever open gives SIGBUS.
 *
 * Generations. A slice whose word is absent or zero opens with the generation
 * @first_gen, which lies above all that were in dropped pages, so a handle from
 * before stays stale.
 *
 * Bound. All clients together have at most 1/64 of the budget in pages, the
 * first page of each and that of zeros not counted; budget.h has the sum. Pages in
 * use are far less than that, so dropping makes room for a slot that opens. A
 * write to a place where a page was dropped adds one only up to half of the bound,
 * and else in exchange for another page of the same client.
 *
 * Faults against changes. A fault locks the page that it is going to map, the
 * page of zeros like any other, and then checks under that lock whether it is
 * still the right one. A task that changes what a place holds changes the xarray
 * first, takes and drops the lock of the page that was there, and unmaps the
 * place after that.
 *
 * Locks: the client's lock is held where a page is dropped or looked up without
 * being in use; the xarray's lock protects the number of users, which is in
 * page->private. The kernel's own readers hold the client's lock, or are under RCU,
 * which freeing a dropped page waits for.
 */
#ifndef REGALLOC_MAP_PAGES_H
#define REGALLOC_MAP_PAGES_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "budget.h"

struct mutex;
struct regalloc_geometry;
struct regalloc_space;

/**
 * struct regalloc_map_pages - the pages behind a map window
 * @pages: by page number in the map window; a value entry where one was dropped
 * @nr: how many there are, that of zeros included
 * @zero: what absent pages read as
 * @first_gen: generation of slices that have no word yet. Client's lock
 * @geo: of the window
 * @space: of the same client; its mapping has the areas, its cgroup pays
 * @budget: bounds the pages
 * @lock: the client's
 */
struct regalloc_map_pages {
	struct xarray pages;
	atomic_long_t nr;
	struct page *zero;
	u32 first_gen;
	const struct regalloc_geometry *geo;
	struct regalloc_space *space;
	struct regalloc_budget *budget;
	struct mutex *lock;	/* the client's: see above */
};

int regalloc_map_pages_init(struct regalloc_map_pages *map,
			    const struct regalloc_geometry *geo,
			    struct regalloc_space *space,
			    struct regalloc_budget *budget, struct mutex *lock);
void regalloc_map_pages_fini(struct regalloc_map_pages *map);
void *regalloc_map_pages_get(struct regalloc_map_pages *map, u64 offset);
void regalloc_map_pages_put(struct regalloc_map_pages *map, u64 offset);
void *regalloc_map_pages_find(struct regalloc_map_pages *map, u64 offset);
unsigned int regalloc_map_pages_drop(struct regalloc_map_pages *map,
				     unsigned int max, struct list_head *dropped);
void regalloc_map_pages_free(struct regalloc_map_pages *map,
			     struct list_head *dropped);
u64 regalloc_map_pages_bytes(const struct regalloc_map_pages *map);

int regalloc_map_pages_add(struct regalloc_map_pages *map, unsigned long index,
			   gfp_t gfp, enum regalloc_map_max max);

/* The page at @index, or NULL. Stays only if the caller sees to that. */
static inline struct page *
regalloc_map_pages_load(struct regalloc_map_pages *map, unsigned long index)
{
	struct page *page = xa_load(&map->pages, index);

	return xa_is_value(page) ? NULL : page;
}

#endif /* REGALLOC_MAP_PAGES_H */
