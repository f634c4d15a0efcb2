// SPDX-License-Identifier: GPL-2.0-only
/* Opening and closing regions. */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
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
	pool->no_dense_until = jiffies;
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

/**
 * regalloc_pool_drop_memory_locked() - remove memory whose slices are isolated
 * @pool: of the memory
 * @offset: where it begins in the data window
 * @bytes: how much
 *
 * Context: may sleep. Client's lock held: a task that reclaims sees memory either
 * charged or free.
 * Return: how many bytes are free now.
 */
u64 regalloc_pool_drop_memory_locked(struct regalloc_pool *pool, u64 offset,
				     u64 bytes)
{
	struct regalloc_space *space = pool->owner->space;
	u64 freed;

	lockdep_assert_held(&pool->owner->lock);
	freed = regalloc_space_remove(space, offset, bytes);
	if (regalloc_space_has_pinned(space))
		regalloc_pinned_add(space);
	return freed;
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

/**
 * regalloc_pool_reserve() - prepare a region in the lowest empty slot
 * @pool: of the slot, which goes on reading as empty
 * @slot: where to store it
 *
 * Context: may sleep. grow_lock held.
 * Return: the region, for regalloc_pool_open_locked() or
 * regalloc_pool_unreserve(), or an ERR_PTR: -ENOMEM, or -ENOBUFS if map pages must
 * be dropped first.
 */
struct regalloc_region *regalloc_pool_reserve(struct regalloc_pool *pool,
					      unsigned long *slot)
{
	unsigned long last = regalloc_geometry_slots(pool->owner->geo) - 1;
	unsigned int nr = regalloc_class_slices(pool->class);
	struct regalloc_region *region;
	int err = -ENOMEM;
	u32 id;

	lockdep_assert_held(&pool->grow_lock);
	region = kzalloc(struct_size(region, seen, nr), REGALLOC_GFP);
	if (!region)
		return ERR_PTR(err);
	if (xa_alloc(&pool->regions, &id, NULL, XA_LIMIT(0, last), REGALLOC_GFP))
		goto err_free;
	err = get_map(pool, id, &region->map);
	if (err)
		goto err_erase;
	*slot = id;
	return region;

err_erase:
	xa_erase(&pool->regions, id);
err_free:
	kfree(region);
	return ERR_PTR(err);
}

/**
 * regalloc_pool_unreserve() - undo regalloc_pool_reserve()
 * @pool: of the slot
 * @region: freed
 * @slot: empty afterwards
 */
void regalloc_pool_unreserve(struct regalloc_pool *pool,
			     struct regalloc_region *region, unsigned long slot)
{
	put_map(pool, slot);
	xa_erase(&pool->regions, slot);
	kfree(region);
}

/**
 * regalloc_pool_open_locked() - put a region without memory into its slot
 * @pool: of the slot
 * @region: from regalloc_pool_reserve()
 * @slot: its slot
 * @nr_folios: in how many pieces its memory is going to come; 0: later
 *
 * Context: client's lock held.
 */
void regalloc_pool_open_locked(struct regalloc_pool *pool,
			       struct regalloc_region *region, unsigned long slot,
			       unsigned int nr_folios)
{
	u32 *nr_slots = &pool->owner->control->nr_slots[pool->class];

	lockdep_assert_held(&pool->owner->lock);
	region->released_at = jiffies;
	regalloc_account_note_open(pool->owner->account);
	/* Needs no memory, and so cannot fail: the slot is reserved. */
	xa_store(&pool->regions, slot, region, 0);
	pool->nr++;
	pool->hole_bytes += REGALLOC_REGION_BYTES;
	pool->first_hole = min(pool->first_hole, slot);
	regalloc_pool_note_idle_locked(pool, region, slot);
	pool->end = max(pool->end, slot + 1);
	WRITE_ONCE(*nr_slots, pool->end);
	trace_regalloc_region_open(pool->owner->account->id, pool->class, slot, nr_folios);
}

/**
 * regalloc_pool_add_memory_locked() - a region has more memory, or less
 * @pool: of the region
 * @region: that is open
 * @slot: its slot
 * @bytes: that have been added to the space; negative if they have been removed
 *
 * Context: client's lock held.
 */
void regalloc_pool_add_memory_locked(struct regalloc_pool *pool,
				     struct regalloc_region *region,
				     unsigned long slot, s64 bytes)
{
	lockdep_assert_held(&pool->owner->lock);
	/* Pages that memory failure has taken are counted still, and filled again. */
	bytes = clamp_t(s64, bytes, -(s64)region->bytes,
			REGALLOC_REGION_BYTES - region->bytes);
	WRITE_ONCE(region->bytes, region->bytes + bytes);
	pool->hole_bytes -= bytes;
	if (region->bytes < REGALLOC_REGION_BYTES)
		pool->first_hole = min(pool->first_hole, slot);
}

/* The end of a region that is out of reach of new claims; returns what is free. */
static u64 close_region(struct regalloc_pool *pool,
			struct regalloc_region *region, unsigned long slot)
{
	u64 freed;

	trace_regalloc_region_close(pool->owner->account->id, pool->class,
				    slot);
	xa_erase(&pool->regions, slot);
	pool->nr--;
	pool->hole_bytes -= REGALLOC_REGION_BYTES - region->bytes;
	WRITE_ONCE(region->map.hint->avail, 0);
	WRITE_ONCE(region->map.hint->dirty, 0);
	regalloc_account_note_close(pool->owner->account);
	cond_resched();
	freed = regalloc_pool_drop_memory_locked(pool,
						 regalloc_pool_offset(pool, slot),
						 REGALLOC_REGION_BYTES);
	put_map(pool, slot);
	kfree_rcu(region, rcu);
	return freed;
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
 * @freed: raised by the bytes that are free then; may be NULL
 *
 * Context: may sleep. Client's lock held.
 * Return: whether it was closed.
 */
bool regalloc_pool_close_spare_locked(struct regalloc_pool *pool,
				      struct regalloc_region *region,
				      unsigned long slot, u64 *freed)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	DECLARE_BITMAP(isolated, REGALLOC_SLOT_WORDS);
	u64 bytes;

	if (region->filling || !region_is_spare(pool, region))
		return false;
	bitmap_zero(isolated, REGALLOC_SLOT_WORDS);
	if (regalloc_slices_isolate(region->map.words, pool->class, 0, nr,
				    isolated) < 0) {
		/* Who looked in the meantime has seen no free slice. */
		regalloc_pool_note_avail_locked(pool, region, slot);
		regalloc_waiters_kick(&pool->owner->account->budget->waiters);
		return false;
	}
	bytes = close_region(pool, region, slot);
	if (freed)
		*freed += bytes;
	return true;
}
