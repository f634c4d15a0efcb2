// SPDX-License-Identifier: GPL-2.0-only
/* Claiming and releasing the slices of a pool. */
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "map_pages.h"
#include "pool.h"
#include "slice_map.h"
#include "space.h"

/* The state word of a slice, or NULL if its slot has never been open. */
static u32 *find_word(const struct regalloc_pool *pool,
		      const struct regalloc_place *place)
{
	u64 offset = regalloc_geometry_state_offset(pool->owner->geo,
						    pool->class, place->slot);
	u32 *words = regalloc_map_pages_find(&pool->owner->map, offset);

	return words ? regalloc_slice_word(words, pool->class, place->slice) :
		       NULL;
}

/* Why a slice whose word is absent or 0 is not of this generation. */
static int absent_error(const struct regalloc_pool *pool,
			const struct regalloc_place *place, u32 gen)
{
	return place->slot < pool->end && gen &&
	       gen < pool->owner->map.first_gen ? -ESTALE : -ENOENT;
}

/* Claim a free slice of a region, whichever comes first. */
static bool claim_in_region(struct regalloc_pool *pool,
			    struct regalloc_region *region,
			    unsigned int *slice, u32 *gen)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	unsigned int i, n;
	u32 *word;

	for (n = 0; n < nr; n++) {
		i = (region->first_free + n) & (nr - 1);
		word = regalloc_slice_word(region->map.words, pool->class, i);
		if (!regalloc_slice_claim(word, gen))
			continue;
		region->first_free = (i + 1) & (nr - 1);
		*slice = i;
		return true;
	}
	return false;
}

/**
 * regalloc_pool_zero_slice_locked() - fill a slice of an open region with zeros
 * @pool: of the slice
 * @place: of the slice
 *
 * Context: may sleep. Client's lock held.
 */
void regalloc_pool_zero_slice_locked(struct regalloc_pool *pool,
				     const struct regalloc_place *place)
{
	lockdep_assert_held(&pool->owner->lock);
	regalloc_space_zero(pool->owner->space,
			    regalloc_geometry_offset(pool->owner->geo, place),
			    regalloc_class_bytes(pool->class));
}

static u64 slice_handle(const struct regalloc_pool *pool,
			const struct regalloc_place *place, u32 gen)
{
	u64 offset = regalloc_geometry_offset(pool->owner->geo, place);

	return REGALLOC_HANDLE(offset, gen);
}

/*
 * One at a time, slices may well go to different threads, and those should not
 * share a cache line of the slice map: leave this one.
 */
static void leave_line(struct regalloc_pool *pool,
		       struct regalloc_region *region)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	unsigned int words = L1_CACHE_BYTES / sizeof(u32);
	unsigned int stride = regalloc_class_stride(pool->class);

	if (stride < words)
		region->first_free = round_up(region->first_free,
					      words / stride) & (nr - 1);
}

/*
 * Allocate up to @count slices of a region, and no more than it has: its owner
 * may release them while we take.
 */
static unsigned int take_in_region(struct regalloc_pool *pool,
				   struct regalloc_region *region,
				   unsigned long slot, bool zero,
				   unsigned int count, u64 *handles)
{
	struct regalloc_place place = { .class = pool->class, .slot = slot };
	unsigned int most = min(count, regalloc_class_slices(pool->class));
	unsigned int taken = 0;
	u32 gen;

	while (taken < most &&
	       claim_in_region(pool, region, &place.slice, &gen)) {
		if (zero)
			regalloc_pool_zero_slice_locked(pool, &place);
		handles[taken++] = slice_handle(pool, &place, gen);
	}
	if (count == 1 && taken)
		leave_line(pool, region);
	return taken;
}

/**
 * regalloc_pool_take_in_slot_locked() - allocate slices of one region
 * @pool: to take from
 * @slot: of the region; there need not be one
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Keeps the hint of the slot true.
 *
 * Context: may sleep. Client's lock held.
 * Return: how many were taken.
 */
unsigned int regalloc_pool_take_in_slot_locked(struct regalloc_pool *pool,
					       unsigned long slot, bool zero,
					       unsigned int count, u64 *handles)
{
	struct regalloc_region *region = xa_load(&pool->regions, slot);
	unsigned int taken, more;

	if (!region)
		return 0;
	taken = take_in_region(pool, region, slot, zero, count, handles);
	if (taken == count)
		return taken;
	WRITE_ONCE(region->map.hint->avail, 0);
	smp_mb();	/* a release sets it again, or we see its slice */
	more = take_in_region(pool, region, slot, zero, count - taken,
			      handles + taken);
	if (more)
		WRITE_ONCE(region->map.hint->avail, 1);
	return taken + more;
}

/**
 * regalloc_pool_take_locked() - allocate slices where a hint says there are some
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
	const struct regalloc_hint avail = { .avail = 0xff };
	u32 *lowest = &pool->owner->control->lowest[pool->class];
	unsigned long from = READ_ONCE(*lowest), slot;
	bool whole = false;
	unsigned int taken;

	lockdep_assert_held(&pool->owner->lock);
	if (from >= pool->end)
		from = 0;
	for (;;) {
		slot = regalloc_pool_find_hint_locked(pool, from, avail);
		if (slot == pool->end) {
			if (whole)
				return 0;
			/* The hint may have been too high. */
			whole = true;
			from = 0;
			continue;
		}
		taken = regalloc_pool_take_in_slot_locked(pool, slot, zero,
							  count, handles);
		if (taken) {
			WRITE_ONCE(*lowest, slot);
			return taken;
		}
		from = slot + 1;
	}
}

/**
 * regalloc_pool_last_look_locked() - look at every word before saying no
 * @pool: in which there seems to be no free slice
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Hints do not count here: one is wrong for a moment while somebody looks, or
 * for ever if he was killed meanwhile. And while we look, one slice may be
 * released behind us and another claimed before us; so finding none means
 * something only if nothing was released.
 *
 * Context: may sleep. Client's lock held.
 * Return: how many were taken; 0 if there was a moment without a free slice;
 * -EAGAIN if that is not sure.
 */
int regalloc_pool_last_look_locked(struct regalloc_pool *pool, bool zero,
				   unsigned int count, u64 *handles)
{
	struct regalloc_region *region;
	unsigned long slot;
	unsigned int taken;

	lockdep_assert_held(&pool->owner->lock);
	regalloc_pool_collect_dirty_locked(pool);
	xa_for_each(&pool->regions, slot, region) {
		cond_resched();
		taken = take_in_region(pool, region, slot, zero, count,
				       handles);
		if (taken) {
			regalloc_pool_note_avail_locked(pool, region, slot);
			return taken;
		}
	}
	smp_mb();	/* the bytes are read after the words */
	return regalloc_pool_any_dirty_locked(pool) ? -EAGAIN : 0;
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
	u32 *word;
	int err;

	lockdep_assert_held(&pool->owner->lock);
	word = find_word(pool, place);
	err = word && READ_ONCE(*word) ? regalloc_slice_release(word, gen) :
					 absent_error(pool, place, gen);
	if (err)
		return err;

	/* Without a region, the client has made up the live state itself. */
	region = xa_load(&pool->regions, place->slot);
	if (!region)
		return 0;
	region->first_free = min(region->first_free, place->slice);
	region->released_at = jiffies;
	regalloc_pool_note_avail_locked(pool, region, place->slot);
	regalloc_pool_note_idle_locked(pool, region, place->slot);
	if (close_now)
		regalloc_pool_close_spare_locked(pool, region, place->slot, NULL);
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
	u32 *word;
	int err;

	lockdep_assert_held(&pool->owner->lock);
	word = find_word(pool, place);
	err = word && READ_ONCE(*word) ? regalloc_slice_check(word, gen) :
					 absent_error(pool, place, gen);
	if (err)
		return err;
	if (xa_load(&pool->regions, place->slot))
		regalloc_pool_zero_slice_locked(pool, place);
	return 0;
}
