// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/regalloc.h>

#include "budget.h"
#include "map_pages.h"
#include "geometry.h"
#include "space.h"

/* The page that is always there and does not count. */
#define CONTROL_INDEX	0

/* Remove a page of the map window from all address spaces. */
static void unmap(struct regalloc_map_pages *map, unsigned long index)
{
	u64 start = regalloc_geometry_window_bytes(map->geo) +
		    ((u64)index << PAGE_SHIFT);

	unmap_mapping_range(map->space->inode->i_mapping, start, PAGE_SIZE, 1);
}

/* After this, a fault has its mapping of @page in place or does not map it. */
static void wait_for_faults(struct page *page)
{
	lock_page(page);
	unlock_page(page);
}

/* Put a page where there is none: 0, -EEXIST if another task was faster, -ENOMEM. */
static int store_page(struct regalloc_map_pages *map, unsigned long index,
		      struct page *page, gfp_t gfp)
{
	void *old = xa_load(&map->pages, index), *now;

	if (old && !xa_is_value(old))
		return -EEXIST;
	/* It may be dropped at once: whether it was there is decided here. */
	atomic_long_inc(&map->nr);
	now = xa_cmpxchg(&map->pages, index, old, page, gfp);
	if (now == old)
		return 0;
	atomic_long_dec(&map->nr);
	return xa_err(now) ?: -EEXIST;
}

/* The task that reads zeros there is to see the new page. */
static void replace_zeros(struct regalloc_map_pages *map, unsigned long index)
{
	wait_for_faults(map->zero);
	unmap(map, index);
}

/**
 * regalloc_map_pages_add() - have a page, not in use yet
 * @map: the pages
 * @index: page number in the map window, not that of the first page
 * @gfp: how hard to try for memory
 * @max: what all clients may have; see regalloc_budget_charge_map()
 *
 * Context: may sleep. Takes the lock of the page of zeros.
 * Return: 0, also if another task was faster; -ENOMEM; -ENOBUFS if all clients
 * together have @max.
 */
int regalloc_map_pages_add(struct regalloc_map_pages *map, unsigned long index,
			   gfp_t gfp, enum regalloc_map_max max)
{
	struct mem_cgroup *old = set_active_memcg(map->space->memcg);
	struct page *page;
	int err = -ENOBUFS;

	if (!regalloc_budget_charge_map(map->budget, PAGE_SIZE, max))
		goto out;
	page = alloc_page(gfp | __GFP_ZERO);
	err = page ? store_page(map, index, page, gfp) : -ENOMEM;
	if (!err) {
		replace_zeros(map, index);
	} else {
		if (page)
			put_page(page);
		regalloc_budget_uncharge_map(map->budget, PAGE_SIZE);
	}
	if (err == -EEXIST)
		err = 0;
out:
	set_active_memcg(old);
	return err;
}

/* A page that stays until the end. */
static struct page *own_page(struct regalloc_map_pages *map)
{
	struct mem_cgroup *old = set_active_memcg(map->space->memcg);
	struct page *page = alloc_page(REGALLOC_GFP | __GFP_ZERO);

	set_active_memcg(old);
	atomic_long_add(!!page, &map->nr);
	return page;
}

/**
 * regalloc_map_pages_init() - begin with the first page and that of zeros
 * @map: to be set up; regalloc_map_pages_fini() ends it
 * @geo: of the window
 * @space: of the client; stays until the end
 * @budget: bounds the pages
 * @lock: the client's
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int regalloc_map_pages_init(struct regalloc_map_pages *map,
			    const struct regalloc_geometry *geo,
			    struct regalloc_space *space,
			    struct regalloc_budget *budget, struct mutex *lock)
{
	struct page *first;

	xa_init(&map->pages);
	atomic_long_set(&map->nr, 0);
	map->first_gen = 1;
	map->geo = geo;
	map->space = space;
	map->budget = budget;
	map->lock = lock;
	map->zero = own_page(map);
	first = own_page(map);
	/* Needs no memory: an entry at index 0 alone is in no node. */
	if (map->zero && first &&
	    !xa_err(xa_store(&map->pages, CONTROL_INDEX, first, REGALLOC_GFP)))
		return 0;
	if (map->zero)
		put_page(map->zero);
	if (first)
		put_page(first);
	return -ENOMEM;
}

/**
 * regalloc_map_pages_fini() - free all pages
 * @map: that nothing uses any more
 *
 * Context: may sleep.
 */
void regalloc_map_pages_fini(struct regalloc_map_pages *map)
{
	unsigned long index;
	struct page *page;
	u64 counted = 0;

	xa_for_each(&map->pages, index, page) {
		if (xa_is_value(page))
			continue;
		if (index != CONTROL_INDEX)
			counted += PAGE_SIZE;
		set_page_private(page, 0);
		put_page(page);
		cond_resched();
	}
	xa_destroy(&map->pages);
	put_page(map->zero);
	regalloc_budget_uncharge_map(map->budget, counted);
}

static void *page_at(struct page *page, u64 offset)
{
	return page_address(page) + offset_in_page(offset);
}

/* Add to the users of a page; NULL if there is none. */
static struct page *use_page(struct regalloc_map_pages *map, unsigned long index,
			     int users)
{
	struct page *page;

	xa_lock(&map->pages);
	page = regalloc_map_pages_load(map, index);
	if (page)
		set_page_private(page, page_private(page) + users);
	xa_unlock(&map->pages);
	return page;
}

/**
 * regalloc_map_pages_get() - what lies at an offset, for a slot that opens
 * @map: the pages
 * @offset: in the map window
 *
 * The page is not dropped before as many calls of regalloc_map_pages_put().
 *
 * Context: may sleep; takes no lock that a fault holds for long.
 * Return: the address, valid up to the end of the page; an ERR_PTR: -ENOMEM, or
 * -ENOBUFS if all clients have too many pages and some must be dropped.
 */
void *regalloc_map_pages_get(struct regalloc_map_pages *map, u64 offset)
{
	unsigned long index = offset >> PAGE_SHIFT;
	struct page *page;
	int err;

	for (;;) {
		page = use_page(map, index, 1);
		if (page)
			return page_at(page, offset);
		err = regalloc_map_pages_add(map, index, REGALLOC_GFP,
					     REGALLOC_MAP_MAX);
		if (err)
			return ERR_PTR(err);
	}
}

/**
 * regalloc_map_pages_put() - the slot has closed
 * @map: the pages
 * @offset: as for regalloc_map_pages_get()
 */
void regalloc_map_pages_put(struct regalloc_map_pages *map, u64 offset)
{
	use_page(map, offset >> PAGE_SHIFT, -1);
}

/**
 * regalloc_map_pages_find() - what lies at an offset, if there is a page
 * @map: the pages
 * @offset: in the map window
 *
 * Context: client's lock held, or the page is in use.
 * Return: the address, valid up to the end of the page; NULL if it is absent and
 * so is all zeros.
 */
void *regalloc_map_pages_find(struct regalloc_map_pages *map, u64 offset)
{
	struct page *page = regalloc_map_pages_load(map, offset >> PAGE_SHIFT);

	return page ? page_at(page, offset) : NULL;
}

/* Raise the first generation above those in the words of a page. */
static void raise_first_gen(struct regalloc_map_pages *map, unsigned long index,
			    struct page *page)
{
	u64 start = (u64)index << PAGE_SHIFT;
	u64 end = min(start + PAGE_SIZE,
		      regalloc_geometry_hint_offset(map->geo, 0, 0));
	struct regalloc_control *control = regalloc_map_pages_find(map, 0);
	const u32 *words = page_address(page);
	u32 last = map->first_gen - 1;

	/* Behind the words lie hints. */
	for (; start < end; start += sizeof(*words), words++)
		last = max(last, READ_ONCE(*words) >> REGALLOC_STATE_GEN_SHIFT);
	map->first_gen = last < REGALLOC_HANDLE_GEN_MASK ? last + 1 : 1;
	WRITE_ONCE(control->first_gen, map->first_gen);
	smp_wmb();	/* whoever finds the page absent knows it */
}

/* Take a page that is not in use out of the window. */
static bool drop_page(struct regalloc_map_pages *map, unsigned long index,
		      struct page *page)
{
	bool unused;

	if (page_private(page))
		return false;
	raise_first_gen(map, index, page);
	xa_lock(&map->pages);
	unused = !page_private(page);
	/* Needs no memory: there is an entry already. */
	if (unused)
		__xa_store(&map->pages, index, xa_mk_value(0), 0);
	xa_unlock(&map->pages);
	if (!unused)
		return false;
	wait_for_faults(page);
	unmap(map, index);
	return true;
}

/**
 * regalloc_map_pages_drop() - drop pages that are not in use
 * @map: the pages
 * @max: how many at most
 * @dropped: list that they are added to, for regalloc_map_pages_free()
 *
 * Context: may sleep. Client's lock held.
 * Return: how many were dropped.
 */
unsigned int regalloc_map_pages_drop(struct regalloc_map_pages *map,
				     unsigned int max, struct list_head *dropped)
{
	unsigned int nr = 0;
	unsigned long index;
	struct page *page;

	xa_for_each_start(&map->pages, index, page, CONTROL_INDEX + 1) {
		if (nr == max)
			break;
		cond_resched();
		if (xa_is_value(page) || !drop_page(map, index, page))
			continue;
		list_add(&page->lru, dropped);
		nr++;
	}
	return nr;
}

/**
 * regalloc_map_pages_free() - free dropped pages
 * @map: that they were in
 * @dropped: list of them, empty afterwards
 *
 * Context: may sleep, for an RCU grace period; no lock held.
 */
void regalloc_map_pages_free(struct regalloc_map_pages *map,
			     struct list_head *dropped)
{
	struct page *page, *next;
	u64 bytes = 0;

	if (list_empty(dropped))
		return;
	synchronize_rcu();
	list_for_each_entry_safe(page, next, dropped, lru) {
		list_del(&page->lru);
		put_page(page);
		bytes += PAGE_SIZE;
	}
	atomic_long_sub(bytes >> PAGE_SHIFT, &map->nr);
	regalloc_budget_uncharge_map(map->budget, bytes);
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
