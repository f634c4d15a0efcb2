// SPDX-License-Identifier: GPL-2.0-only
/*
 * Removing idle memory from regions that stay open: the slices are isolated, their
 * memory is removed in aligned blocks, and what cannot be removed is put back.
 */
#include <linux/bitmap.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/sched/mm.h>

#include "budget.h"
#include "pinned.h"
#include "pool.h"
#include "slice_map.h"
#include "space.h"
#include "trace.h"

/* Bits of a bitmap, one for each slice of a region. */
#define NR_BITS	REGALLOC_SLOT_WORDS

/**
 * struct job - some slices of a region that are to lose their memory
 * @pool: of the region
 * @region: that they are in
 * @slot: of the region
 * @bytes: that they hold
 * @units: bitmap of the units that are to go
 * @isolated: bitmap of the slices that were free
 */
struct job {
	struct regalloc_pool *pool;
	struct regalloc_region *region;
	unsigned long slot;
	u64 bytes;
	DECLARE_BITMAP(units, NR_BITS);
	DECLARE_BITMAP(isolated, NR_BITS);
};

/**
 * regalloc_pool_unit_slices() - how many slices lose their memory together
 * @pool: of the slices
 *
 * Return: 1, or as many as a page holds if it holds more.
 */
unsigned int regalloc_pool_unit_slices(const struct regalloc_pool *pool)
{
	return max_t(unsigned int, 1,
		     PAGE_SIZE >> regalloc_class_shift(pool->class));
}

static u64 units_bytes(const struct regalloc_pool *pool, unsigned int nr)
{
	return (u64)(nr * regalloc_pool_unit_slices(pool)) <<
	       regalloc_class_shift(pool->class);
}

static bool is_wanted(const unsigned long *only, unsigned int first,
		      unsigned int nr)
{
	return !only || find_next_zero_bit(only, first + nr, first) == first + nr;
}

/* From the end on: slices are claimed from the beginning of a region. */
static void isolate(struct job *job, u64 bytes, const unsigned long *only)
{
	struct regalloc_pool *pool = job->pool;
	unsigned int n = regalloc_pool_unit_slices(pool);
	unsigned int first = regalloc_class_slices(pool->class);

	while (first && job->bytes < bytes) {
		first -= n;
		if (!is_wanted(only, first, n) ||
		    regalloc_slices_isolate(job->region->map.words, pool->class,
					    first, n, job->isolated) <= 0)
			continue;
		__set_bit(first / n, job->units);
		job->bytes += units_bytes(pool, 1);
	}
}

static void putback(struct job *job, unsigned int unit, unsigned int nr)
{
	unsigned int n = regalloc_pool_unit_slices(job->pool);

	regalloc_slices_putback(job->region->map.words, job->pool->class,
				unit * n, nr * n, job->isolated);
	regalloc_pool_note_avail_locked(job->pool, job->region, job->slot);
}

/* How many units from this one on are an aligned block of those that are to go. */
static unsigned int block_units(const struct job *job, unsigned int unit)
{
	unsigned int n = 1;

	while (!(unit & n) && unit + 2 * n <= NR_BITS &&
	       is_wanted(job->units, unit + n, n))
		n *= 2;
	return n;
}

static void remove_blocks(struct job *job, struct regalloc_punch *punch)
{
	struct regalloc_pool *pool = job->pool;
	u64 start = regalloc_pool_offset(pool, job->slot);
	unsigned int first = find_first_bit(job->units, NR_BITS);
	unsigned int last = find_last_bit(job->units, NR_BITS);
	unsigned int unit, n;

	regalloc_space_punch_begin(punch, pool->owner->space,
				   start + units_bytes(pool, first),
				   units_bytes(pool, last + 1 - first));
	for (unit = first; unit <= last;
	     unit = find_next_bit(job->units, NR_BITS, unit + n)) {
		n = block_units(job, unit);
		if (!regalloc_space_punch_block(punch,
						start + units_bytes(pool, unit),
						units_bytes(pool, n)))
			putback(job, unit, n);
	}
	regalloc_space_punch_end(punch);
}

/* The client's cgroup pays for what it takes to split folios. */
static u64 punch_job(struct job *job)
{
	struct regalloc_owner *owner = job->pool->owner;
	struct mem_cgroup *old = set_active_memcg(owner->space->memcg);
	struct regalloc_punch punch;

	remove_blocks(job, &punch);
	set_active_memcg(old);
	if (regalloc_space_has_pinned(owner->space))
		regalloc_pinned_add(owner->space);
	regalloc_pool_add_memory_locked(job->pool, job->region, job->slot,
					-(s64)punch.removed);
	regalloc_account_note_punched(owner->account, punch.removed);
	trace_regalloc_punch(owner->account->id, job->pool->class, job->slot,
			     punch.removed);
	return punch.freed;
}

/**
 * regalloc_pool_punch_locked() - remove idle memory of a region
 * @pool: of the region
 * @region: that is open
 * @slot: its slot
 * @bytes: until so much is free
 * @only: bitmap of the slices that may lose it; NULL: all
 *
 * What is left of the folio keeps its place, and live slices their bytes.
 *
 * Context: may sleep. Client's lock held.
 * Return: how many bytes are free now.
 */
u64 regalloc_pool_punch_locked(struct regalloc_pool *pool,
			       struct regalloc_region *region,
			       unsigned long slot, u64 bytes,
			       const unsigned long *only)
{
	struct job job = { .pool = pool, .region = region, .slot = slot };

	lockdep_assert_held(&pool->owner->lock);
	isolate(&job, bytes, only);
	region->idle = REGALLOC_IDLE_UNKNOWN;
	return job.bytes ? punch_job(&job) : 0;
}

/* The free slices of a region; those of one that has none are not counted again. */
static unsigned int count_idle(struct regalloc_pool *pool,
			       struct regalloc_region *region, unsigned long slot)
{
	if (region->idle == REGALLOC_IDLE_UNKNOWN)
		region->idle = regalloc_slices_count_free(region->map.words,
							  pool->class);
	if (!region->idle)
		xa_clear_mark(&pool->regions, slot, REGALLOC_MAYBE_IDLE);
	return region->idle;
}

/**
 * regalloc_pool_find_idle_locked() - find the region where punching gains most
 * @pool: where to look
 * @scan: regions that could not be punched in this scan are left out, and
 * @pause: those that could not be punched so short a time ago, in jiffies
 * @best: the best region so far, replaced by a better one
 *
 * One that still has all of its memory has huge folios to be split, which costs more
 * than to remove smaller ones.
 *
 * Context: may sleep. Client's lock held, and what the owner noted has been collected.
 */
void regalloc_pool_find_idle_locked(struct regalloc_pool *pool, u32 scan,
				    unsigned long pause,
				    struct regalloc_idle *best)
{
	struct regalloc_region *region;
	unsigned long slot;
	u64 score;

	lockdep_assert_held(&pool->owner->lock);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_IDLE) {
		cond_resched();
		if (region->tried == scan ||
		    (region->tried &&
		     time_before(jiffies, region->tried_at + pause)))
			continue;
		score = (u64)count_idle(pool, region, slot) <<
			regalloc_class_shift(pool->class);
		if (region->bytes == REGALLOC_REGION_BYTES)
			score /= 2;
		if (score > best->score)
			*best = (struct regalloc_idle){ pool, region, slot, score };
	}
}
