// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sweep over idle memory that is not used: a slice is unused if it is free and its
 * word has not changed since the sweep before. Of the word, the lowest bits of the
 * generation are remembered: a slice that is claimed and released between two
 * sweeps looks unused only if that happens exactly 255 times, or a multiple of it.
 */
#include <linux/bitmap.h>
#include <linux/limits.h>
#include <linux/minmax.h>

#include "pool.h"
#include "slice_map.h"

/* What is remembered of a word: 0 if the slice is not free. */
static u8 look_of(const u32 *word)
{
	u32 now = READ_ONCE(*word);

	if ((now & REGALLOC_STATE_MASK) != REGALLOC_STATE_FREE)
		return 0;
	return 1 + (now >> REGALLOC_STATE_GEN_SHIFT) % 255;
}

/* Spare regions close as a whole, and after a time of their own. */
static bool has_live(const struct regalloc_pool *pool,
		     const struct regalloc_region *region)
{
	return regalloc_slices_find_live(region->map.words, pool->class,
					 region->witness) <
	       regalloc_class_slices(pool->class);
}

/* Remember what a region looks like; returns how many slices are unused. */
static unsigned int sweep_region(struct regalloc_pool *pool,
				 struct regalloc_region *region,
				 unsigned long *unused)
{
	unsigned int nr = regalloc_class_slices(pool->class), i, found = 0;

	bitmap_zero(unused, REGALLOC_SLOT_WORDS);
	for (i = 0; i < nr; i++) {
		u8 now = look_of(regalloc_slice_word(region->map.words,
						     pool->class, i));

		if (now && now == region->seen[i]) {
			__set_bit(i, unused);
			found++;
		}
		region->seen[i] = now;
	}
	return found;
}

/**
 * regalloc_pool_count_idle_locked() - count the idle memory of a pool
 * @pool: to count
 *
 * Context: may sleep. Client's lock held.
 * Return: bytes of free slices, but for those of spare regions.
 */
u64 regalloc_pool_count_idle_locked(struct regalloc_pool *pool)
{
	struct regalloc_region *region;
	unsigned long slot;
	u64 nr = 0;

	lockdep_assert_held(&pool->owner->lock);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_IDLE) {
		cond_resched();
		if (!has_live(pool, region))
			continue;
		region->idle = regalloc_slices_count_free(region->map.words,
							  pool->class);
		if (region->idle)
			nr += region->idle;
		else
			xa_clear_mark(&pool->regions, slot, REGALLOC_MAYBE_IDLE);
	}
	return nr << regalloc_class_shift(pool->class);
}

/**
 * regalloc_pool_sweep_locked() - sweep a region, and remove unused idle memory
 * @pool: of the region
 * @slot: look from this one on; becomes that after the region
 * @all: whatever is idle is unused
 * @excess: bytes of idle memory above what the client may keep; lowered by what is
 *	removed
 *
 * Context: may sleep. Client's lock held.
 * Return: false if there was no region left to sweep.
 */
bool regalloc_pool_sweep_locked(struct regalloc_pool *pool, unsigned long *slot,
				bool all, u64 *excess)
{
	DECLARE_BITMAP(unused, REGALLOC_SLOT_WORDS);
	struct regalloc_region *region;
	unsigned int nr;
	u64 freed = 0;

	lockdep_assert_held(&pool->owner->lock);
	region = xa_find(&pool->regions, slot, ULONG_MAX, REGALLOC_MAYBE_IDLE);
	if (!region)
		return false;
	if (has_live(pool, region)) {
		nr = sweep_region(pool, region, unused);
		if (*excess && (nr || all))
			freed = regalloc_pool_punch_locked(pool, region, *slot,
							   *excess,
							   all ? NULL : unused);
		*excess -= min(*excess, freed);
	}
	++*slot;
	return true;
}
