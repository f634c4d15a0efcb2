// SPDX-License-Identifier: GPL-2.0-only
/* Opening regions for a pool. */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "budget.h"
#include "pool.h"
#include "slice_map.h"
#include "space.h"
#include "trace.h"

/* Have pages behind the words and the hint of a slot. */
static int get_map(struct regalloc_pool *pool, unsigned long slot,
		   struct regalloc_slot_map *map)
{
	const struct regalloc_geometry *geo = pool->owner->geo;
	struct regalloc_map_pages *pages = &pool->owner->map;
	u64 words = regalloc_geometry_state_offset(geo, pool->class, slot);
	u64 hint = regalloc_geometry_hint_offset(geo, pool->class, slot);

	map->words = regalloc_map_pages_get(pages, words);
	if (IS_ERR(map->words))
		return PTR_ERR(map->words);
	map->hint = regalloc_map_pages_get(pages, hint);
	if (IS_ERR(map->hint)) {
		regalloc_map_pages_put(pages, words);
		return PTR_ERR(map->hint);
	}
	return 0;
}

/**
 * regalloc_pool_put_map() - a slot has closed: its words and its hint may go
 * @pool: of the slot
 * @slot: region slot
 */
void regalloc_pool_put_map(struct regalloc_pool *pool, unsigned long slot)
{
	const struct regalloc_geometry *geo = pool->owner->geo;
	struct regalloc_map_pages *pages = &pool->owner->map;

	regalloc_map_pages_put(pages, regalloc_geometry_state_offset(geo, pool->class,
								     slot));
	regalloc_map_pages_put(pages, regalloc_geometry_hint_offset(geo, pool->class,
								    slot));
}

/* Reserve the lowest empty slot, which goes on reading as empty. */
static int reserve_slot(struct regalloc_pool *pool, unsigned long *slot,
			struct regalloc_slot_map *map)
{
	unsigned long last = regalloc_geometry_slots(pool->owner->geo) - 1;
	u32 id;
	int err;

	if (xa_alloc(&pool->regions, &id, NULL, XA_LIMIT(0, last),
		     REGALLOC_GFP))
		return -ENOMEM;
	err = get_map(pool, id, map);
	if (err)
		xa_erase(&pool->regions, id);
	*slot = id;
	return err;
}

/* Undo reserve_slot(). */
static void unreserve_slot(struct regalloc_pool *pool, unsigned long slot)
{
	regalloc_pool_put_map(pool, slot);
	xa_erase(&pool->regions, slot);
}

/* Put a region into its reserved slot and let its slices be claimed. */
static void publish_region(struct regalloc_pool *pool,
			   struct regalloc_region *region, unsigned long slot,
			   unsigned int nr_folios)
{
	u32 *nr_slots = &pool->owner->control->nr_slots[pool->class];

	region->released_at = jiffies;
	regalloc_account_note_open(pool->owner->account);
	/* Needs no memory, and so cannot fail: the slot is reserved. */
	xa_store(&pool->regions, slot, region, 0);
	xa_set_mark(&pool->regions, slot, REGALLOC_MAYBE_SPARE);
	pool->end = max(pool->end, slot + 1);
	WRITE_ONCE(*nr_slots, pool->end);
	regalloc_slices_open(region->map.words, pool->class,
			     pool->owner->map.first_gen);
	regalloc_pool_note_avail_locked(pool, region, slot);
	trace_regalloc_region_open(pool->owner->account->id, pool->class, slot,
				   nr_folios);
}

/*
 * Add memory to a slot that is reserved for @region, and open it. Slices are
 * claimed before anybody else can: else the region might be closed as a spare by the
 * next task that is short of budget. The memory has been charged.
 */
static int open_in_slot(struct regalloc_pool *pool,
			struct regalloc_region *region, unsigned long slot,
			bool zero, unsigned int count, u64 *handles)
{
	unsigned int taken;
	int nr_folios;

	nr_folios = regalloc_space_add(pool->owner->space,
				       regalloc_pool_offset(pool, slot),
				       REGALLOC_REGION_BYTES);
	mutex_lock(&pool->owner->lock);
	if (nr_folios < 0) {
		regalloc_pool_drop_memory(pool, slot);
		mutex_unlock(&pool->owner->lock);
		return nr_folios;
	}
	publish_region(pool, region, slot, nr_folios);
	/* From this one: if nobody took of it, nobody would ever release. */
	taken = regalloc_pool_take_in_slot_locked(pool, slot, zero, count,
						  handles);
	mutex_unlock(&pool->owner->lock);
	return taken ?: -EAGAIN;
}

/* Open a region and take slices of it. */
static int open_region(struct regalloc_pool *pool, bool zero,
		       unsigned int count, u64 *handles)
{
	struct regalloc_space *space = pool->owner->space;
	struct regalloc_region *region;
	unsigned long slot;
	int taken;

	taken = regalloc_space_charge(space, REGALLOC_REGION_BYTES);
	if (taken)
		return taken;
	region = kzalloc(sizeof(*region), REGALLOC_GFP);
	taken = region ? reserve_slot(pool, &slot, &region->map) : -ENOMEM;
	if (taken) {
		regalloc_space_uncharge(space, REGALLOC_REGION_BYTES);
		kfree(region);
		return taken;
	}
	taken = open_in_slot(pool, region, slot, zero, count, handles);
	if (taken == -ENOMEM) {
		unreserve_slot(pool, slot);
		kfree(region);
	}
	return taken;
}

/* The cgroup of the client pays for all that this needs. */
static int open_and_take(struct regalloc_pool *pool, bool zero,
			 unsigned int count, u64 *handles)
{
	struct mem_cgroup *old = set_active_memcg(pool->owner->space->memcg);
	int taken = open_region(pool, zero, count, handles);

	set_active_memcg(old);
	return taken;
}

/**
 * regalloc_pool_grow() - allocate slices, from a new region if need be
 * @pool: in which no free slice was found
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Context: may sleep. Takes grow_lock and the client's lock.
 * Return: how many were allocated, at least 1; -EAGAIN if others were faster;
 * -ENOSPC if the client is at its limit; -EDQUOT if the budget has no room;
 * -ENOMEM if the system or the memory cgroup has not; -ENOBUFS if map pages must
 * be dropped first; -EINTR if a fatal signal
 * is pending.
 */
int regalloc_pool_grow(struct regalloc_pool *pool, bool zero,
		       unsigned int count, u64 *handles)
{
	int taken;

	if (mutex_lock_killable(&pool->grow_lock))
		return -EINTR;
	/* Whoever had the lock before us may have opened a region. */
	mutex_lock(&pool->owner->lock);
	taken = regalloc_pool_take_locked(pool, zero, count, handles);
	mutex_unlock(&pool->owner->lock);
	if (!taken)
		taken = open_and_take(pool, zero, count, handles);
	mutex_unlock(&pool->grow_lock);
	return taken;
}
