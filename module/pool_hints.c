// SPDX-License-Identifier: GPL-2.0-only
/* The hints of a pool: in which slots a look is worth while. */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "map_pages.h"
#include "pool.h"
#include "slice_map.h"

static u64 hint_offset(const struct regalloc_pool *pool, unsigned long slot)
{
	return regalloc_geometry_hint_offset(pool->owner->geo, pool->class,
					     slot);
}

/* The hint of a slot, or NULL if all slots around it are closed. */
static struct regalloc_hint *slot_hint(const struct regalloc_pool *pool,
				       unsigned long slot)
{
	return regalloc_map_pages_find(&pool->owner->map,
				       hint_offset(pool, slot));
}

/**
 * regalloc_pool_find_hint_locked() - look for a slot with a hint that is set
 * @pool: of the slots
 * @from: first slot to look at
 * @mask: the bytes that count are 0xff here, the others 0
 *
 * Context: may sleep. Client's lock held.
 * Return: the slot; the pool's end if there is none.
 */
unsigned long regalloc_pool_find_hint_locked(struct regalloc_pool *pool,
					     unsigned long from,
					     struct regalloc_hint mask)
{
	const struct regalloc_hint *hints;
	unsigned long nr, found;

	/* As far as the page goes that they are in. */
	for (; from < pool->end; from += nr) {
		cond_resched();
		hints = slot_hint(pool, from);
		nr = (PAGE_SIZE - offset_in_page(hint_offset(pool, from))) /
		     sizeof(*hints);
		nr = min(nr, pool->end - from);
		found = hints ? regalloc_hints_find(hints, nr, mask) : nr;
		if (found < nr)
			return from + found;
	}
	return pool->end;
}

/**
 * regalloc_pool_note_avail_locked() - there may be a free slice in a slot
 * @pool: of the slot
 * @region: that is open there
 * @slot: region slot
 *
 * Context: client's lock held.
 */
void regalloc_pool_note_avail_locked(struct regalloc_pool *pool,
				     struct regalloc_region *region,
				     unsigned long slot)
{
	u32 *lowest = &pool->owner->control->lowest[pool->class];

	if (!READ_ONCE(region->map.hint->avail))
		WRITE_ONCE(region->map.hint->avail, 1);
	if (READ_ONCE(*lowest) > slot)
		WRITE_ONCE(*lowest, slot);
}

/**
 * regalloc_pool_note_idle_locked() - a slice has been released, or may have been
 * @pool: of the slot
 * @region: that is open there
 * @slot: region slot
 *
 * Context: client's lock held.
 */
void regalloc_pool_note_idle_locked(struct regalloc_pool *pool,
				    struct regalloc_region *region,
				    unsigned long slot)
{
	region->idle = REGALLOC_IDLE_UNKNOWN;
	xa_set_mark(&pool->regions, slot, REGALLOC_MAYBE_SPARE);
	xa_set_mark(&pool->regions, slot, REGALLOC_MAYBE_IDLE);
}

/**
 * regalloc_pool_collect_dirty_locked() - take over what the owner has noted
 * @pool: of the owner
 *
 * Context: may sleep. Client's lock held.
 */
void regalloc_pool_collect_dirty_locked(struct regalloc_pool *pool)
{
	const struct regalloc_hint dirty = { .dirty = 0xff };
	struct regalloc_region *region;
	unsigned long slot;

	for (slot = 0;; slot++) {
		slot = regalloc_pool_find_hint_locked(pool, slot, dirty);
		if (slot == pool->end)
			break;
		WRITE_ONCE(slot_hint(pool, slot)->dirty, 0);
		region = xa_load(&pool->regions, slot);
		if (!region)
			continue;
		region->released_at = jiffies;
		regalloc_pool_note_idle_locked(pool, region, slot);
	}
	smp_mb();	/* a release from now on is noted anew, or we see it */
}

/**
 * regalloc_pool_forget_hints_locked() - let every region be looked at again
 * @pool: of a client of which a process is about to go
 *
 * It may have been killed after it released a slice, and before it said so.
 *
 * Context: may sleep. Client's lock held.
 */
void regalloc_pool_forget_hints_locked(struct regalloc_pool *pool)
{
	struct regalloc_region *region;
	unsigned long slot;

	lockdep_assert_held(&pool->owner->lock);
	xa_for_each(&pool->regions, slot, region) {
		regalloc_pool_note_avail_locked(pool, region, slot);
		regalloc_pool_note_idle_locked(pool, region, slot);
		cond_resched();
	}
}

/**
 * regalloc_pool_any_dirty_locked() - has the owner released anything since then?
 * @pool: of which regalloc_pool_collect_dirty_locked() has taken over the hints
 *
 * Context: may sleep. Client's lock held.
 * Return: whether there are hints that say so.
 */
bool regalloc_pool_any_dirty_locked(struct regalloc_pool *pool)
{
	const struct regalloc_hint dirty = { .dirty = 0xff };

	return regalloc_pool_find_hint_locked(pool, 0, dirty) < pool->end;
}
