// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/sched.h>

#include "budget.h"
#include "map_pages.h"

/**
 * regalloc_map_pages_init() - begin without any page
 * @map: to be set up; regalloc_map_pages_fini() ends it
 */
void regalloc_map_pages_init(struct regalloc_map_pages *map)
{
	xa_init(&map->pages);
	atomic_long_set(&map->nr, 0);
}

/**
 * regalloc_map_pages_fini() - drop all pages
 * @map: that nobody uses any more
 *
 * Context: may sleep.
 */
void regalloc_map_pages_fini(struct regalloc_map_pages *map)
{
	struct page *page;
	unsigned long index;

	xa_for_each(&map->pages, index, page) {
		put_page(page);
		cond_resched();
	}
	xa_destroy(&map->pages);
}

/**
 * regalloc_map_pages_make() - find a page, or add it
 * @map: the pages
 * @index: page number in the map window, which the caller has checked
 * @gfp: how hard to try for memory
 *
 * Context: may sleep; does not use the locks of regalloc.
 * Return: the page, on which the caller has no reference of its own: it stays
 * until regalloc_map_pages_fini(). NULL without memory.
 */
struct page *regalloc_map_pages_make(struct regalloc_map_pages *map,
				     unsigned long index, gfp_t gfp)
{
	struct page *page, *old;

	page = xa_load(&map->pages, index);
	if (page)
		return page;
	page = alloc_page(gfp | __GFP_ZERO);
	if (!page)
		return NULL;
	old = xa_cmpxchg(&map->pages, index, NULL, page, gfp);
	if (!old) {
		atomic_long_inc(&map->nr);
		return page;
	}
	put_page(page);
	return xa_is_err(old) ? NULL : old;
}

static void *page_at(struct page *page, u64 offset)
{
	return page ? page_address(page) + offset_in_page(offset) : NULL;
}

/**
 * regalloc_map_pages_need() - what lies at an offset, with memory behind it
 * @map: the pages
 * @offset: in the map window
 *
 * Context: may sleep; does not use the locks of regalloc.
 * Return: its address, good up to the end of the page; NULL without memory.
 */
void *regalloc_map_pages_need(struct regalloc_map_pages *map, u64 offset)
{
	return page_at(regalloc_map_pages_make(map, offset >> PAGE_SHIFT,
					       REGALLOC_GFP), offset);
}

/**
 * regalloc_map_pages_find() - what lies at an offset, if it was ever needed
 * @map: the pages
 * @offset: in the map window
 *
 * Return: its address, good up to the end of the page; NULL if it was never
 * needed, and so is all 0.
 */
void *regalloc_map_pages_find(struct regalloc_map_pages *map, u64 offset)
{
	return page_at(xa_load(&map->pages, offset >> PAGE_SHIFT), offset);
}

/**
 * regalloc_map_pages_bytes() - the memory of the pages
 * @map: the pages
 *
 * Return: bytes.
 */
u64 regalloc_map_pages_bytes(const struct regalloc_map_pages *map)
{
	return (u64)atomic_long_read(&map->nr) << PAGE_SHIFT;
}
