// SPDX-License-Identifier: GPL-2.0-only
/* Counting what a pool holds without its locks, so that no task has to wait. */
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "pool.h"
#include "slice_map.h"

static void add_region(struct regalloc_pool *pool,
		       struct regalloc_region *region,
		       struct regalloc_usage *usage)
{
	unsigned int class = pool->class, live;
	const u32 *words = region->map.words;
	u64 bytes = READ_ONCE(region->bytes), live_bytes;

	usage->regions++;
	usage->hole_bytes += REGALLOC_REGION_BYTES - bytes;
	/* Most have the live slice that was seen last still. */
	live = regalloc_slices_find_live(words, class,
					 READ_ONCE(region->witness));
	if (live == regalloc_class_slices(class)) {
		usage->spare_bytes += bytes;
	} else if (usage->count_live) {
		live = regalloc_slices_count_live(words, class);
		live_bytes = live * regalloc_class_bytes(class);
		usage->live += live;
		usage->live_bytes += live_bytes;
		/* The owner may write what it likes into its words. */
		usage->idle_bytes += bytes - min(bytes, live_bytes);
	}
}

/**
 * regalloc_pool_add_usage() - count what a pool holds
 * @pool: to count
 * @usage: to add it to
 *
 * Takes no lock; exact only if nobody allocates or releases meanwhile.
 *
 * Context: may sleep. The client cannot go away.
 */
void regalloc_pool_add_usage(struct regalloc_pool *pool,
			     struct regalloc_usage *usage)
{
	struct regalloc_region *region;
	unsigned long slot;

	rcu_read_lock();
	xa_for_each(&pool->regions, slot, region) {
		add_region(pool, region, usage);
		if (need_resched()) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
}
