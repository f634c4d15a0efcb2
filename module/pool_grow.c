// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adding memory to a pool: a whole region while there is headroom for one, else some
 * of it to the holes of the regions that are open. A region opens without memory only
 * if no other has a hole.
 *
 * A pool with more holes than live slices fills them first, so that a program whose
 * slices are spread over many regions does not open still more. What is filled at
 * a time doubles, as long as there is headroom, until something is punched again.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "budget.h"
#include "pool.h"
#include "slice_map.h"
#include "space.h"
#include "trace.h"

/* The most that is filled at once: what the core maps with one entry. */
#define MAX_FILL_BYTES	(REGALLOC_REGION_BYTES / 2)

/*
 * After there was no memory for a whole region: to try it again for each slice, up to
 * where it ends, would take far longer than the slice.
 */
#define DENSE_BACKOFF	HZ

/**
 * struct hole - slices without memory, side by side
 * @region: where they are; it does not close
 * @slot: of the region
 * @first: number of the first
 * @bytes: how much they hold, a power of two; they lie at a multiple of it
 */
struct hole {
	struct regalloc_region *region;
	unsigned long slot;
	unsigned int first;
	u64 bytes;
};

/* The least that can be filled. */
static u64 unit_bytes(const struct regalloc_pool *pool)
{
	return regalloc_pool_unit_slices(pool) * regalloc_class_bytes(pool->class);
}

static unsigned int hole_slices(const struct regalloc_pool *pool,
				const struct hole *hole)
{
	return hole->bytes >> regalloc_class_shift(pool->class);
}

static u64 hole_offset(const struct regalloc_pool *pool, const struct hole *hole)
{
	return regalloc_pool_offset(pool, hole->slot) +
	       ((u64)hole->first << regalloc_class_shift(pool->class));
}

/**
 * regalloc_pool_fill_bytes() - how much memory would be filled next
 * @pool: with holes, or without
 * @count: how many slices are wanted
 *
 * Return: bytes, a power of two.
 */
u64 regalloc_pool_fill_bytes(const struct regalloc_pool *pool,
			     unsigned int count)
{
	u64 bytes = roundup_pow_of_two(count * regalloc_class_bytes(pool->class));

	bytes = max3(bytes, READ_ONCE(pool->fill_bytes), unit_bytes(pool));
	return min_t(u64, bytes, MAX_FILL_BYTES);
}

/* The slices that opened last are claimed before any other task can do so. */
static int claim_in(struct regalloc_pool *pool, unsigned long slot, bool zero,
		    unsigned int count, u64 *handles)
{
	unsigned int taken;

	taken = regalloc_pool_take_in_slot_locked(pool, slot, zero, count,
						  handles);
	return taken ?: -EAGAIN;
}

/* Let the slices be claimed for which there is memory now. */
static void open_slices(struct regalloc_pool *pool,
			struct regalloc_region *region, unsigned long slot,
			unsigned int first, unsigned int nr)
{
	regalloc_slices_open(region->map.words, pool->class, first, nr,
			     pool->owner->map.first_gen);
	region->first_free = first;
	/* The next sweep is to see them for the first time. */
	memset(region->seen + first, 0, nr);
	regalloc_pool_note_idle_locked(pool, region, slot);
	regalloc_pool_note_avail_locked(pool, region, slot);
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
	u64 offset = regalloc_pool_offset(pool, slot);
	int nr_folios, taken;

	nr_folios = regalloc_space_add(pool->owner->space, offset,
				       REGALLOC_REGION_BYTES);
	mutex_lock(&pool->owner->lock);
	if (nr_folios < 0) {
		regalloc_pool_drop_memory_locked(pool, offset,
						 REGALLOC_REGION_BYTES);
		mutex_unlock(&pool->owner->lock);
		return nr_folios;
	}
	regalloc_pool_open_locked(pool, region, slot, nr_folios);
	regalloc_pool_add_memory_locked(pool, region, slot,
					REGALLOC_REGION_BYTES);
	open_slices(pool, region, slot, 0, regalloc_class_slices(pool->class));
	/* From this one: with nothing claimed, no release would ever close it. */
	taken = claim_in(pool, slot, zero, count, handles);
	mutex_unlock(&pool->owner->lock);
	return taken;
}

/* Open a region with all of its memory and claim slices of it. */
static int open_dense(struct regalloc_pool *pool, bool zero,
		      unsigned int count, u64 *handles)
{
	struct regalloc_space *space = pool->owner->space;
	struct regalloc_region *region;
	unsigned long slot;
	int taken;

	taken = regalloc_space_charge(space, REGALLOC_REGION_BYTES);
	if (taken)
		return taken;
	region = regalloc_pool_reserve(pool, &slot);
	if (IS_ERR(region)) {
		regalloc_space_uncharge(space, REGALLOC_REGION_BYTES);
		return PTR_ERR(region);
	}
	taken = open_in_slot(pool, region, slot, zero, count, handles);
	if (taken == -ENOMEM)
		regalloc_pool_unreserve(pool, region, slot);
	return taken;
}

/* Open a region that is all hole. */
static int open_empty(struct regalloc_pool *pool)
{
	struct regalloc_region *region;
	unsigned long slot;

	region = regalloc_pool_reserve(pool, &slot);
	if (IS_ERR(region))
		return PTR_ERR(region);
	mutex_lock(&pool->owner->lock);
	regalloc_pool_open_locked(pool, region, slot, 0);
	mutex_unlock(&pool->owner->lock);
	return 0;
}

/* The lowest hole of a region, and as much of it as is wanted and aligned. */
static bool find_in_region(const struct regalloc_pool *pool, struct hole *hole,
			   u64 bytes)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	unsigned int max = bytes >> regalloc_class_shift(pool->class);
	unsigned int n = regalloc_pool_unit_slices(pool), i;
	const u32 *words = hole->region->map.words;

	for (i = 0; i < nr; i += n)
		if (regalloc_slices_are_closed(words, pool->class, i, n))
			break;
	if (i >= nr)
		return false;
	while (2 * n <= max && !(i & n) &&
	       regalloc_slices_are_closed(words, pool->class, i + n, n))
		n *= 2;
	hole->first = i;
	hole->bytes = (u64)n << regalloc_class_shift(pool->class);
	return true;
}

/* Find a hole in the lowest region that has one, and keep it from closing. */
static bool find_hole(struct regalloc_pool *pool, struct hole *hole, u64 bytes)
{
	bool found = false;

	mutex_lock(&pool->owner->lock);
	hole->slot = pool->first_hole;
	xa_for_each_start(&pool->regions, hole->slot, hole->region,
			  pool->first_hole) {
		found = hole->region->bytes < REGALLOC_REGION_BYTES &&
			find_in_region(pool, hole, bytes);
		if (found)
			break;
		cond_resched();
	}
	/* Where the owner has hidden them, they count no longer as some. */
	pool->first_hole = found ? hole->slot : pool->end;
	if (found)
		hole->region->filling = true;
	mutex_unlock(&pool->owner->lock);
	return found;
}

/*
 * Add memory to a hole. The memory has been charged. Returns 0 or an error; @added
 * tells how much is new.
 */
static int add_to_hole(struct regalloc_pool *pool, struct hole *hole, u64 *added)
{
	struct regalloc_space *space = pool->owner->space;
	u64 offset = hole_offset(pool, hole), bytes = hole->bytes;
	int err;

	*added = 0;
	/* What the owner has made look like a hole is opened as it is. */
	if (regalloc_space_has_memory(space, offset, bytes)) {
		hole->bytes = unit_bytes(pool);
		regalloc_space_uncharge(space, bytes);
		return 0;
	}
	err = regalloc_space_add(space, offset, bytes);
	if (err < 0)
		return err;
	*added = bytes;
	return 0;
}

/* What has been added to a hole, or the end of the attempt. Client's lock. */
static int finish_hole(struct regalloc_pool *pool, struct hole *hole, u64 added,
		       int err)
{
	struct regalloc_region *region = hole->region;

	lockdep_assert_held(&pool->owner->lock);
	region->filling = false;
	if (err == -ENOMEM)
		regalloc_pool_drop_memory_locked(pool, hole_offset(pool, hole),
						 hole->bytes);
	if (err) {
		regalloc_pool_close_spare_locked(pool, region, hole->slot, NULL);
		return err;
	}
	regalloc_pool_add_memory_locked(pool, region, hole->slot, added);
	regalloc_account_note_filled(pool->owner->account, added);
	trace_regalloc_fill(pool->owner->account->id, pool->class, hole->slot,
			    added);
	open_slices(pool, region, hole->slot, hole->first,
		    hole_slices(pool, hole));
	return 0;
}

/* Whether a pool has more holes than memory, whatever its words say. */
static bool is_mostly_holes(const struct regalloc_pool *pool)
{
	lockdep_assert_held(&pool->owner->lock);
	return 2 * pool->hole_bytes > pool->nr * REGALLOC_REGION_BYTES;
}

/*
 * Find a hole, in a new region if no other has one. An owner that hides its holes gets
 * no other ones: a region without memory costs a map page, and is charged nothing.
 */
static int get_hole(struct regalloc_pool *pool, struct hole *hole, u64 bytes)
{
	bool hidden;
	int err;

	if (find_hole(pool, hole, bytes))
		return 0;
	mutex_lock(&pool->owner->lock);
	hidden = is_mostly_holes(pool);
	mutex_unlock(&pool->owner->lock);
	if (hidden)
		return -ENOMEM;
	err = open_empty(pool);
	if (err)
		return err;
	/* The owner may have hidden it at once. */
	return find_hole(pool, hole, bytes) ? 0 : -ENOMEM;
}

/* Fill a hole of up to so many bytes and claim slices of it. */
static int fill_some(struct regalloc_pool *pool, bool zero, unsigned int count,
		     u64 *handles, u64 bytes)
{
	struct regalloc_space *space = pool->owner->space;
	struct hole hole;
	u64 added;
	int ret;

	ret = regalloc_space_charge_up_to(space, unit_bytes(pool), &bytes);
	if (ret)
		return ret;
	ret = get_hole(pool, &hole, bytes);
	regalloc_space_uncharge(space, ret ? bytes : bytes - hole.bytes);
	if (ret)
		return ret;
	ret = add_to_hole(pool, &hole, &added);
	mutex_lock(&pool->owner->lock);
	ret = finish_hole(pool, &hole, added, ret);
	if (!ret)
		ret = claim_in(pool, hole.slot, zero, count, handles);
	mutex_unlock(&pool->owner->lock);
	if (ret > 0)
		WRITE_ONCE(pool->fill_bytes, 2 * hole.bytes);
	return ret;
}

static int fill(struct regalloc_pool *pool, u64 max, bool zero,
		unsigned int count, u64 *handles)
{
	u64 bytes = regalloc_pool_fill_bytes(pool, count);
	u64 unit = unit_bytes(pool);
	int ret;

	if (max < unit)
		return -EDQUOT;
	bytes = min_t(u64, bytes, rounddown_pow_of_two(max));

	ret = fill_some(pool, zero, count, handles, bytes);
	if (ret != -ENOMEM || bytes == unit)
		return ret;
	WRITE_ONCE(pool->fill_bytes, 0);
	return fill_some(pool, zero, count, handles, unit);
}

static bool is_shortage(int err)
{
	return err == -EDQUOT || err == -ENOSPC || err == -ENOMEM;
}

/* The client's cgroup pays. */
static int grow(struct regalloc_pool *pool, u64 max, bool zero,
		unsigned int count, u64 *handles)
{
	struct mem_cgroup *old = set_active_memcg(pool->owner->space->memcg);
	int taken = -EDQUOT;

	if (max >= REGALLOC_REGION_BYTES &&
	    time_after_eq(jiffies, pool->no_dense_until))
		taken = open_dense(pool, zero, count, handles);
	if (taken == -ENOMEM)
		pool->no_dense_until = jiffies + DENSE_BACKOFF;
	if (is_shortage(taken))
		taken = fill(pool, max, zero, count, handles);
	set_active_memcg(old);
	return taken;
}

/**
 * regalloc_pool_grow() - allocate slices, with new memory if need be
 * @pool: in which no free slice was found
 * @max: how much memory may be added at most
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Context: may sleep. Takes grow_lock and the client's lock.
 * Return: how many were allocated, at least 1; -EAGAIN if others were faster;
 * -ENOSPC if the client is at its limit; -EDQUOT if the budget has no room;
 * -ENOMEM if the system or the memory cgroup has not; -ENOBUFS if map pages must
 * be dropped first; -EINTR if a fatal signal is pending.
 */
int regalloc_pool_grow(struct regalloc_pool *pool, u64 max, bool zero,
		       unsigned int count, u64 *handles)
{
	int taken;

	if (mutex_lock_killable(&pool->grow_lock))
		return -EINTR;
	/* Whoever had the lock before us may have added memory. */
	mutex_lock(&pool->owner->lock);
	taken = regalloc_pool_take_locked(pool, zero, count, handles);
	if (is_mostly_holes(pool))
		max = min_t(u64, max, MAX_FILL_BYTES);
	mutex_unlock(&pool->owner->lock);
	if (!taken)
		taken = grow(pool, max, zero, count, handles);
	mutex_unlock(&pool->grow_lock);
	return taken;
}
