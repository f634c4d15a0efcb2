// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "budget.h"
#include "map_pages.h"
#include "pool.h"
#include "region.h"
#include "slice_map.h"
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

static u64 slot_offset(const struct regalloc_pool *pool, unsigned long slot)
{
	struct regalloc_place place = { .class = pool->class, .slot = slot };

	return regalloc_geometry_offset(pool->owner->geo, &place);
}

static u64 slot_state_offset(const struct regalloc_pool *pool,
			     unsigned long slot)
{
	return regalloc_geometry_state_offset(pool->owner->geo, pool->class,
					      slot);
}

/* The state words of a slot, or NULL if it has never been open. */
static u32 *slot_words(const struct regalloc_pool *pool, unsigned long slot)
{
	return regalloc_map_pages_find_words(&pool->owner->map,
					     slot_state_offset(pool, slot));
}

/* The end of a region that is out of reach of new claims. */
static void close_region(struct regalloc_pool *pool,
			 struct regalloc_region *region, unsigned long slot)
{
	trace_regalloc_region_close(pool->owner->account->id, pool->class,
				    slot);
	xa_erase(&pool->regions, slot);
	regalloc_region_zap(region, pool->owner->mapping,
			    slot_offset(pool, slot));
	regalloc_region_close(region);
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

/* Claim the first free slice at or after region->first_free. */
static bool claim_in_region(struct regalloc_pool *pool,
			    struct regalloc_region *region,
			    unsigned int *slice, u32 *gen)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	unsigned int i;

	for (i = region->first_free; i < nr; i++) {
		if (!regalloc_slice_claim(&region->words[i], gen))
			continue;
		region->first_free = i + 1;
		*slice = i;
		return true;
	}
	region->first_free = nr;
	return false;
}

static void zero_slice(struct regalloc_pool *pool,
		       struct regalloc_region *region, unsigned int slice)
{
	regalloc_region_zero(region,
			     slice << regalloc_class_shift(pool->class),
			     regalloc_class_bytes(pool->class));
}

static u64 slice_handle(const struct regalloc_pool *pool,
			const struct regalloc_place *place, u32 gen)
{
	u64 offset = regalloc_geometry_offset(pool->owner->geo, place);

	return REGALLOC_HANDLE(offset, gen);
}

/**
 * regalloc_pool_take_locked() - allocate slices of one region
 * @pool: to take from
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Takes from the lowest region with free slices, so that the high ones drain.
 *
 * Context: may sleep. Client's lock held.
 * Return: how many were taken; fewer than @count if the region has no more, 0
 * if no open region has any.
 */
unsigned int regalloc_pool_take_locked(struct regalloc_pool *pool, bool zero,
				       unsigned int count, u64 *handles)
{
	struct regalloc_place place = { .class = pool->class };
	struct regalloc_region *region;
	unsigned int taken = 0;
	u32 gen;

	lockdep_assert_held(&pool->owner->lock);
	while (!taken) {
		region = xa_find(&pool->regions, &place.slot, ULONG_MAX,
				 REGALLOC_MAYBE_FREE);
		if (!region)
			break;
		while (taken < count &&
		       claim_in_region(pool, region, &place.slice, &gen)) {
			if (zero)
				zero_slice(pool, region, place.slice);
			handles[taken++] = slice_handle(pool, &place, gen);
		}
		if (taken < count)
			xa_clear_mark(&pool->regions, place.slot,
				      REGALLOC_MAYBE_FREE);
	}
	return taken;
}

/* Reserve the lowest empty slot, which goes on reading as empty. */
static int reserve_slot(struct regalloc_pool *pool, unsigned long *slot,
			u32 **words)
{
	unsigned long last = regalloc_geometry_slots(pool->owner->geo) - 1;
	u32 id;

	if (xa_alloc(&pool->regions, &id, NULL, XA_LIMIT(0, last),
		     REGALLOC_GFP))
		return -ENOMEM;
	*words = regalloc_map_pages_make_words(&pool->owner->map,
					       slot_state_offset(pool, id));
	if (!*words) {
		xa_erase(&pool->regions, id);
		return -ENOMEM;
	}
	*slot = id;
	return 0;
}

/* Put a region into its reserved slot and let its slices be claimed. */
static void publish_region(struct regalloc_pool *pool,
			   struct regalloc_region *region, unsigned long slot,
			   u32 *words)
{
	region->words = words;
	region->released_at = jiffies;
	regalloc_region_set_place(region, slot_offset(pool, slot));
	/* Needs no memory, and so cannot fail: the slot is reserved. */
	xa_store(&pool->regions, slot, region, 0);
	regalloc_slices_open(words, regalloc_class_slices(pool->class));
	xa_set_mark(&pool->regions, slot, REGALLOC_MAYBE_FREE);
	xa_set_mark(&pool->regions, slot, REGALLOC_MAYBE_SPARE);
	trace_regalloc_region_open(pool->owner->account->id, pool->class, slot,
				   region->nr_chunks);
}

/*
 * Open a region and take slices of it before anybody else can: else it might be
 * closed as a spare by the next who is short of budget.
 */
static int open_and_take(struct regalloc_pool *pool, bool zero,
			 unsigned int count, u64 *handles)
{
	struct regalloc_region *region;
	unsigned int taken;
	unsigned long slot;
	u32 *words;

	region = regalloc_region_open(pool->owner->account);
	if (IS_ERR(region))
		return PTR_ERR(region);
	if (reserve_slot(pool, &slot, &words)) {
		regalloc_region_close(region);
		return -ENOMEM;
	}
	mutex_lock(&pool->owner->lock);
	publish_region(pool, region, slot, words);
	taken = regalloc_pool_take_locked(pool, zero, count, handles);
	mutex_unlock(&pool->owner->lock);
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
 * Return: how many were allocated, at least 1; -EDQUOT if the budget has no
 * room; -ENOMEM if the system or the memory cgroup has not; -EINTR if a fatal
 * signal is pending.
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

/* Whether no slice of the region is live. */
static bool region_is_spare(struct regalloc_pool *pool,
			    struct regalloc_region *region)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	unsigned int live;

	live = regalloc_slices_find_live(region->words, nr, region->witness);
	if (live < nr)
		region->witness = live;
	return live == nr;
}

/* Close a region if no slice of it is live. */
static bool close_spare(struct regalloc_pool *pool,
			struct regalloc_region *region, unsigned long slot)
{
	if (!region_is_spare(pool, region) ||
	    !regalloc_slices_seal(region->words,
				  regalloc_class_slices(pool->class)))
		return false;
	close_region(pool, region, slot);
	return true;
}

/**
 * regalloc_pool_give_locked() - release a slice
 * @pool: of the slice
 * @place: of the slice
 * @gen: generation from its handle
 * @close_now: close the region at once if that was its last live slice
 *
 * Context: may sleep. Client's lock held.
 * Return: 0, or what regalloc_slice_release() says.
 */
int regalloc_pool_give_locked(struct regalloc_pool *pool,
			      const struct regalloc_place *place, u32 gen,
			      bool close_now)
{
	struct regalloc_region *region;
	u32 *words;
	int err;

	lockdep_assert_held(&pool->owner->lock);
	words = slot_words(pool, place->slot);
	if (!words)
		return -ENOENT;
	err = regalloc_slice_release(&words[place->slice], gen);
	if (err)
		return err;

	/* Without a region, the client has made up the live state itself. */
	region = xa_load(&pool->regions, place->slot);
	if (!region)
		return 0;
	region->first_free = min(region->first_free, place->slice);
	region->released_at = jiffies;
	xa_set_mark(&pool->regions, place->slot, REGALLOC_MAYBE_FREE);
	xa_set_mark(&pool->regions, place->slot, REGALLOC_MAYBE_SPARE);
	if (close_now)
		close_spare(pool, region, place->slot);
	return 0;
}

/**
 * regalloc_pool_zero_locked() - fill a live slice with zeros
 * @pool: of the slice
 * @place: of the slice
 * @gen: generation from its handle
 *
 * Context: may sleep. Client's lock held, so the region cannot close.
 * Return: 0, or what regalloc_slice_check() says.
 */
int regalloc_pool_zero_locked(struct regalloc_pool *pool,
			      const struct regalloc_place *place, u32 gen)
{
	struct regalloc_region *region;
	u32 *words;
	int err;

	lockdep_assert_held(&pool->owner->lock);
	words = slot_words(pool, place->slot);
	if (!words)
		return -ENOENT;
	err = regalloc_slice_check(&words[place->slice], gen);
	if (err)
		return err;
	region = xa_load(&pool->regions, place->slot);
	if (region)
		zero_slice(pool, region, place->slice);
	return 0;
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
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_SPARE) {
		unsigned long age = jiffies - region->released_at;

		if (closed == most)
			break;
		if (age < idle)
			*next = min(*next, idle - age);
		else if (close_spare(pool, region, slot))
			closed++;
		else	/* the release of its last slice sets it again */
			xa_clear_mark(&pool->regions, slot,
				      REGALLOC_MAYBE_SPARE);
	}
	return closed;
}
