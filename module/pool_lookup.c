// SPDX-License-Identifier: GPL-2.0-only
/*
 * What looks at a pool without its locks: faults, which must not take them, and
 * counting, which should not hold anybody up.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "pool.h"
#include "region.h"
#include "slice_map.h"

/* The page at a place, if a region is open there. Under RCU, no reference. */
static struct page *find_page(struct regalloc_pool *pool, unsigned long slot,
			      unsigned int pgoff)
{
	struct regalloc_region *region = xa_load(&pool->regions, slot);

	return region ? regalloc_region_page(region, pgoff) : NULL;
}

static bool page_is_current(struct regalloc_pool *pool, unsigned long slot,
			    unsigned int pgoff, const struct page *page)
{
	bool current_page;

	rcu_read_lock();
	current_page = find_page(pool, slot, pgoff) == page;
	rcu_read_unlock();
	return current_page;
}

/**
 * regalloc_pool_lock_page() - find the page at a place, for a fault
 * @pool: to look in
 * @slot: region slot
 * @pgoff: page number in the region
 *
 * Context: may sleep. Takes the page lock and none of our locks, since the
 * caller holds mmap_lock.
 * Return: the page, locked and with a reference for the caller; as long as it
 * is locked, its region does not close. NULL if no region is open there.
 */
struct page *regalloc_pool_lock_page(struct regalloc_pool *pool,
				     unsigned long slot, unsigned int pgoff)
{
	struct folio *folio = NULL;
	struct page *page;

	rcu_read_lock();
	page = find_page(pool, slot, pgoff);
	if (page) {
		folio = page_folio(page);
		if (!folio_try_get(folio))
			folio = NULL;
	}
	rcu_read_unlock();
	if (!folio)
		return NULL;

	/* It may have been freed and used again before we had it: look again. */
	if (page_folio(page) != folio ||
	    !page_is_current(pool, slot, pgoff, page))
		goto err_put;
	folio_lock(folio);
	if (!page_is_current(pool, slot, pgoff, page))
		goto err_unlock;
	return page;

err_unlock:
	folio_unlock(folio);
err_put:
	folio_put(folio);
	return NULL;
}

static void add_region(struct regalloc_pool *pool,
		       struct regalloc_region *region,
		       struct regalloc_usage *usage)
{
	unsigned int class = pool->class, live;
	const u32 *words = region->map.words;

	usage->regions++;
	/* Most have the live slice that was seen last still. */
	live = regalloc_slices_find_live(words, class,
					 READ_ONCE(region->witness));
	if (live == regalloc_class_slices(class)) {
		usage->spares++;
	} else if (usage->count_live) {
		live = regalloc_slices_count_live(words, class);
		usage->live += live;
		usage->live_bytes += live * regalloc_class_bytes(class);
	}
}

/**
 * regalloc_pool_add_usage() - count what a pool holds
 * @pool: to count
 * @usage: to add it to
 *
 * Takes no lock; exact only if nobody allocates or releases meanwhile.
 *
 * Context: may sleep. The client cannot go away.
 */
void regalloc_pool_add_usage(struct regalloc_pool *pool,
			     struct regalloc_usage *usage)
{
	struct regalloc_region *region;
	unsigned long slot;

	rcu_read_lock();
	xa_for_each(&pool->regions, slot, region) {
		add_region(pool, region, usage);
		if (need_resched()) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
}
