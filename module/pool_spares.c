// SPDX-License-Identifier: GPL-2.0-only
/* Which regions of a pool have no live slice, and closing those. */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "pool.h"
#include "space.h"

/**
 * regalloc_pool_count_maybe_spares_locked() - how many regions are worth a look
 * @pool: where to look
 *
 * Context: may sleep. Client's lock held.
 * Return: the number of regions that may be without a live slice.
 */
unsigned long
regalloc_pool_count_maybe_spares_locked(struct regalloc_pool *pool)
{
	struct regalloc_region *region;
	unsigned long slot, nr = 0;

	lockdep_assert_held(&pool->owner->lock);
	regalloc_pool_collect_dirty_locked(pool);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_SPARE)
		nr++;
	return nr;
}

/* Close a marked region if it is spare; if not, its last release marks it again. */
static bool close_marked(struct regalloc_pool *pool,
			 struct regalloc_region *region, unsigned long slot,
			 u64 *freed)
{
	if (regalloc_pool_close_spare_locked(pool, region, slot, freed))
		return true;
	if (!region->filling)
		xa_clear_mark(&pool->regions, slot, REGALLOC_MAYBE_SPARE);
	return false;
}

/**
 * regalloc_pool_close_spares_locked() - close regions without a live slice
 * @pool: where to look
 * @bytes: until so much is free
 * @freed: raised by the bytes that are free then
 *
 * Context: may sleep. Client's lock held.
 * Return: how many were closed.
 */
unsigned int regalloc_pool_close_spares_locked(struct regalloc_pool *pool,
					       u64 bytes, u64 *freed)
{
	struct regalloc_region *region;
	unsigned int closed = 0;
	unsigned long slot;

	lockdep_assert_held(&pool->owner->lock);
	regalloc_pool_collect_dirty_locked(pool);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_SPARE) {
		if (*freed >= bytes)
			break;
		cond_resched();
		closed += close_marked(pool, region, slot, freed);
	}
	return closed;
}

/**
 * regalloc_pool_decay_spares_locked() - close regions that have stayed spare
 * @pool: where to look
 * @age: only those into which nothing was released for so long, in jiffies
 * @next: lowered to the jiffies that remain until the next one is due
 *
 * Context: may sleep. Client's lock held.
 * Return: how many were closed.
 */
unsigned int regalloc_pool_decay_spares_locked(struct regalloc_pool *pool,
					       unsigned long age,
					       unsigned long *next)
{
	struct regalloc_region *region;
	unsigned int closed = 0;
	unsigned long slot;

	lockdep_assert_held(&pool->owner->lock);
	regalloc_pool_collect_dirty_locked(pool);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_SPARE) {
		unsigned long now = jiffies - region->released_at;

		cond_resched();
		if (now < age)
			*next = min(*next, age - now);
		else
			closed += close_marked(pool, region, slot, NULL);
	}
	return closed;
}

/**
 * regalloc_pool_shrink_locked() - close spares for the system, without waiting
 * @pool: where to look
 * @looks: at how many regions to look at most; lowered by those looked at
 *
 * Only at those that regalloc_pool_count_maybe_spares_locked() counted or that the
 * kernel knows: what the owner notes meanwhile would be looked at for ever.
 *
 * Context: client's lock held. May run in a fault that has a page locked and
 * allocates memory, so regions of which a page is locked are left alone.
 * Return: how many were closed.
 */
unsigned int regalloc_pool_shrink_locked(struct regalloc_pool *pool,
					 unsigned int *looks)
{
	struct regalloc_region *region;
	unsigned int closed = 0;
	unsigned long slot;

	lockdep_assert_held(&pool->owner->lock);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_SPARE) {
		if (!*looks)
			break;
		cond_resched();
		if (regalloc_space_is_busy(pool->owner->space,
					   regalloc_pool_offset(pool, slot),
					   REGALLOC_REGION_BYTES))
			continue;
		--*looks;
		closed += close_marked(pool, region, slot, NULL);
	}
	return closed;
}
