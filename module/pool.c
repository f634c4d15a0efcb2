// SPDX-License-Identifier: GPL-2.0-only
/* Opening and closing regions, and the sweep over those that may be closed. */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "budget.h"
#include "map_pages.h"
#include "pinned.h"
#include "pool.h"
#include "slice_map.h"
#include "space.h"
#include "trace.h"

/**
 * regalloc_pool_init() - begin without any region
 * @pool: to be set up; regalloc_pool_fini_locked() ends it
 * @owner: of the pool
 * @class: size class of its slices
 */
void regalloc_pool_init(struct regalloc_pool *pool,
			struct regalloc_owner *owner, unsigned int class)
{
	pool->owner = owner;
	pool->class = class;
	mutex_init(&pool->grow_lock);
	xa_init_flags(&pool->regions, XA_FLAGS_ALLOC);
}

/**
 * regalloc_pool_offset() - where a slot lies in the data window
 * @pool: of the slot
 * @slot: region slot
 *
 * Return: its offset in bytes.
 */
u64 regalloc_pool_offset(const struct regalloc_pool *pool, unsigned long slot)
{
	struct regalloc_place place = { .class = pool->class, .slot = slot };

	return regalloc_geometry_offset(pool->owner->geo, &place);
}

/* Under the client's lock: a task that reclaims sees memory either open or free. */
static void drop_memory(struct regalloc_pool *pool, unsigned long slot)
{
	struct regalloc_space *space = pool->owner->space;

	lockdep_assert_held(&pool->owner->lock);
	if (!regalloc_space_remove(space, regalloc_pool_offset(pool, slot),
				   REGALLOC_REGION_BYTES))
		regalloc_pinned_add(space);
}

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

/* A slot has closed: its words and its hint may go. */
static void put_map(struct regalloc_pool *pool, unsigned long slot)
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

static void unreserve_slot(struct regalloc_pool *pool, unsigned long slot)
{
	put_map(pool, slot);
	xa_erase(&pool->regions, slot);
}

/* Put a region into its slot and let its slices be claimed. */
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
	trace_regalloc_region_open(pool->owner->account->id, pool->class, slot, nr_folios);
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
		drop_memory(pool, slot);
		mutex_unlock(&pool->owner->lock);
		return nr_folios;
	}
	publish_region(pool, region, slot, nr_folios);
	/* From this one: with nothing claimed, no release would ever close it. */
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

/* The client's cgroup pays. */
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

/* The end of a region that is out of reach of new claims. */
static void close_region(struct regalloc_pool *pool,
			 struct regalloc_region *region, unsigned long slot)
{
	trace_regalloc_region_close(pool->owner->account->id, pool->class,
				    slot);
	xa_erase(&pool->regions, slot);
	WRITE_ONCE(region->map.hint->avail, 0);
	WRITE_ONCE(region->map.hint->dirty, 0);
	regalloc_account_note_close(pool->owner->account);
	cond_resched();
	drop_memory(pool, slot);
	put_map(pool, slot);
	kfree_rcu(region, rcu);
}

/**
 * regalloc_pool_fini_locked() - close all regions, whoever has slices in them
 * @pool: of a client that nobody uses any more
 *
 * Context: may sleep. Client's lock held.
 */
void regalloc_pool_fini_locked(struct regalloc_pool *pool)
{
	struct regalloc_region *region;
	unsigned long slot;

	lockdep_assert_held(&pool->owner->lock);
	xa_for_each(&pool->regions, slot, region)
		close_region(pool, region, slot);
	xa_destroy(&pool->regions);
}

/* Whether no slice of the region is live. */
static bool region_is_spare(struct regalloc_pool *pool,
			    struct regalloc_region *region)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	unsigned int live;

	live = regalloc_slices_find_live(region->map.words, pool->class,
					 region->witness);
	if (live < nr)
		WRITE_ONCE(region->witness, live);
	return live == nr;
}

/**
 * regalloc_pool_close_spare_locked() - close a region if no slice of it is live
 * @pool: of the region
 * @region: that is open
 * @slot: its slot
 *
 * Context: may sleep. Client's lock held.
 * Return: whether it was closed.
 */
bool regalloc_pool_close_spare_locked(struct regalloc_pool *pool,
				      struct regalloc_region *region,
				      unsigned long slot)
{
	if (!region_is_spare(pool, region))
		return false;
	if (!regalloc_slices_seal(region->map.words, pool->class)) {
		/* Who looked in the meantime has seen no free slice. */
		regalloc_pool_note_avail_locked(pool, region, slot);
		regalloc_waiters_kick(&pool->owner->account->budget->waiters);
		return false;
	}
	close_region(pool, region, slot);
	return true;
}

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
			 struct regalloc_region *region, unsigned long slot)
{
	if (regalloc_pool_close_spare_locked(pool, region, slot))
		return true;
	xa_clear_mark(&pool->regions, slot, REGALLOC_MAYBE_SPARE);
	return false;
}

/**
 * regalloc_pool_close_spares_locked() - close regions without a live slice
 * @pool: where to look
 * @most: how many to close at most
 * @idle: only those into which nothing was released for so long, in jiffies
 * @next: lowered to the jiffies that remain until the next one is due; may be
 *	NULL if @idle is 0
 *
 * Context: may sleep. Client's lock held.
 * Return: how many were closed.
 */
unsigned int regalloc_pool_close_spares_locked(struct regalloc_pool *pool,
					       unsigned int most,
					       unsigned long idle,
					       unsigned long *next)
{
	struct regalloc_region *region;
	unsigned int closed = 0;
	unsigned long slot;

	lockdep_assert_held(&pool->owner->lock);
	regalloc_pool_collect_dirty_locked(pool);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_SPARE) {
		unsigned long age = jiffies - region->released_at;

		if (closed == most)
			break;
		cond_resched();
		if (age < idle)
			*next = min(*next, idle - age);
		else
			closed += close_marked(pool, region, slot);
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
		closed += close_marked(pool, region, slot);
	}
	return closed;
}
