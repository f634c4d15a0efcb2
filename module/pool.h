/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools: one client's region slots of one size class.
 *
 * The xarray holds the open regions by slot. A region is in it exactly as long
 * as it is open. It opens with all of its memory while there is headroom for that,
 * else with none. Where memory is punched out there are holes, whose words are
 * closed, until memory is filled in again. Only one with a live slice keeps its holes:
 * without one it is a spare, and closes.
 *
 * Hints say where a scan may be worth while; the first two are those of struct
 * regalloc_hint in the map window:
 *
 *	avail		some slice may be free. Set when that becomes possible;
 *			cleared by whoever looked and found none: clear, fence,
 *			look once more
 *	dirty		the owner has released a slice without us. Turned into the
 *			marks below when we look
 *	REGALLOC_MAYBE_SPARE	a mark in the xarray: there may be no live slice
 *	REGALLOC_MAYBE_IDLE	likewise: there may be a free slice
 *
 * The hints are the owner's to write, like the state words: a wrong one costs
 * the owner time or memory. What memory a region has is not asked of them: @bytes
 * of the region counts what has been added and removed.
 *
 * Locks, outer first:
 *
 *	grow_lock	one at a time adds memory to the pool, so that many
 *			that find it empty open one region and not one each
 *	lock		the client's, the same for all its pools: opening and
 *			closing in the xarray, its marks, the bookkeeping in the
 *			regions. Held while memory is removed, so a task that holds it
 *			sees memory either charged or given back. No memory
 *			is added under it
 *
 * Faults take neither and counting takes neither: it looks up under RCU. User memory is
 * never touched under a lock, since a fault would come back to us.
 */
#ifndef REGALLOC_POOL_H
#define REGALLOC_POOL_H

#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "map_pages.h"
#include "geometry.h"
#include "waiters.h"

struct regalloc_account;
struct regalloc_space;

#define REGALLOC_MAYBE_SPARE	XA_MARK_1
#define REGALLOC_MAYBE_IDLE	XA_MARK_2

/* Nobody has counted the idle slices of a region since some were released. */
#define REGALLOC_IDLE_UNKNOWN	UINT_MAX

/**
 * struct regalloc_owner - what all pools of one client share
 * @geo: shape of the windows
 * @account: what the client has charged
 * @space: its memory
 * @map: its slice maps
 * @control: the beginning of its map window
 * @lock: the client's lock
 */
struct regalloc_owner {
	const struct regalloc_geometry *geo;
	struct regalloc_account *account;
	struct regalloc_space *space;
	struct regalloc_map_pages map;
	struct regalloc_control *control;
	struct mutex lock;	/* the open regions of all its pools */
};

/**
 * struct regalloc_slot_map - what the map window says of one slot
 * @words: the state words of its slices
 * @hint: where to look
 */
struct regalloc_slot_map {
	u32 *words;
	struct regalloc_hint *hint;
};

/**
 * struct regalloc_region - what a pool remembers of an open region
 * @map: of its slot
 * @witness: a slice that was live at the last look. Client's lock
 * @first_free: the first slice to look at for a free one. Client's lock
 * @released_at: jiffies of the last release that we know of, or of the opening.
 *	Client's lock
 * @bytes: memory that it has; the rest are holes. Written under the client's lock
 * @idle: free slices at the last count, or REGALLOC_IDLE_UNKNOWN. Client's lock
 * @tried: the scan that could not punch any of them. Client's lock
 * @tried_at: jiffies of that
 * @filling: memory is being added, so it must not close. Client's lock
 * @rcu: to free it
 * @seen: for each slice, what its word looked like in the last sweep; see
 *	pool_sweep.c. Client's lock
 */
struct regalloc_region {
	struct regalloc_slot_map map;
	unsigned int witness;
	unsigned int first_free;
	unsigned long released_at;
	u32 bytes;
	unsigned int idle;
	u32 tried;
	unsigned long tried_at;
	bool filling;
	struct rcu_head rcu;
	u8 seen[];
};

/**
 * struct regalloc_pool - region slots of one class
 * @owner: of the pool
 * @class: size class of all its slices
 * @grow_lock: held while memory is being added
 * @wait: for those who wait for slices of the pool
 * @regions: the open regions, by slot
 * @end: slots from this one on have never been open. Client's lock
 * @nr: open regions. Client's lock
 * @hole_bytes: of their holes. Client's lock
 * @first_hole: no region below this slot has a hole. Client's lock
 * @fill_bytes: how much to fill next. grow_lock
 * @no_dense_until: until then there is no memory for a whole region, in jiffies.
 *	grow_lock
 */
struct regalloc_pool {
	struct regalloc_owner *owner;
	unsigned int class;
	struct mutex grow_lock;	/* adding memory */
	struct regalloc_wait_point wait;
	struct xarray regions;
	unsigned long end;
	unsigned long nr;
	u64 hole_bytes;
	unsigned long first_hole;
	u64 fill_bytes;
	unsigned long no_dense_until;
};

/**
 * struct regalloc_idle - a region with idle memory
 * @pool: of the region
 * @region: NULL: there is none
 * @slot: its slot
 * @score: more is better
 */
struct regalloc_idle {
	struct regalloc_pool *pool;
	struct regalloc_region *region;
	unsigned long slot;
	u64 score;
};

/**
 * struct regalloc_usage - what pools hold
 * @count_live: also count live slices, for which each word must be looked at
 * @regions: open regions
 * @spare_bytes: memory of those of them without a live slice
 * @idle_bytes: memory of free slices in the others, if @count_live
 * @hole_bytes: address space without memory in them
 * @live: live slices, if @count_live
 * @live_bytes: bytes of them
 */
struct regalloc_usage {
	bool count_live;
	u64 regions;
	u64 spare_bytes;
	u64 idle_bytes;
	u64 hole_bytes;
	u64 live;
	u64 live_bytes;
};

/* pool.c */
void regalloc_pool_init(struct regalloc_pool *pool,
			struct regalloc_owner *owner, unsigned int class);
void regalloc_pool_fini_locked(struct regalloc_pool *pool);
u64 regalloc_pool_offset(const struct regalloc_pool *pool, unsigned long slot);
struct regalloc_region *regalloc_pool_reserve(struct regalloc_pool *pool,
					      unsigned long *slot);
void regalloc_pool_unreserve(struct regalloc_pool *pool,
			     struct regalloc_region *region, unsigned long slot);
void regalloc_pool_open_locked(struct regalloc_pool *pool,
			       struct regalloc_region *region, unsigned long slot,
			       unsigned int nr_folios);
void regalloc_pool_add_memory_locked(struct regalloc_pool *pool,
				     struct regalloc_region *region,
				     unsigned long slot, s64 bytes);
u64 regalloc_pool_drop_memory_locked(struct regalloc_pool *pool, u64 offset,
				     u64 bytes);
bool regalloc_pool_close_spare_locked(struct regalloc_pool *pool,
				      struct regalloc_region *region,
				      unsigned long slot, u64 *freed);

/* pool_spares.c */
unsigned int regalloc_pool_close_spares_locked(struct regalloc_pool *pool,
					       u64 bytes, u64 *freed);
unsigned int regalloc_pool_decay_spares_locked(struct regalloc_pool *pool,
					       unsigned long age,
					       unsigned long *next);
unsigned long
regalloc_pool_count_maybe_spares_locked(struct regalloc_pool *pool);
unsigned int regalloc_pool_shrink_locked(struct regalloc_pool *pool,
					 unsigned int *looks);

/* pool_grow.c */
int regalloc_pool_grow(struct regalloc_pool *pool, u64 max, bool zero,
		       unsigned int count, u64 *handles);
u64 regalloc_pool_fill_bytes(const struct regalloc_pool *pool,
			     unsigned int count);

/* pool_punch.c */
unsigned int regalloc_pool_unit_slices(const struct regalloc_pool *pool);
u64 regalloc_pool_punch_locked(struct regalloc_pool *pool,
			       struct regalloc_region *region,
			       unsigned long slot, u64 bytes,
			       const unsigned long *only);
void regalloc_pool_find_idle_locked(struct regalloc_pool *pool, u32 scan,
				    unsigned long pause,
				    struct regalloc_idle *best);

/* pool_sweep.c */
u64 regalloc_pool_count_idle_locked(struct regalloc_pool *pool);
bool regalloc_pool_sweep_locked(struct regalloc_pool *pool, unsigned long *slot,
				bool all, u64 *excess);

/* pool_slices.c */
unsigned int regalloc_pool_take_locked(struct regalloc_pool *pool, bool zero,
				       unsigned int count, u64 *handles);
unsigned int regalloc_pool_take_in_slot_locked(struct regalloc_pool *pool,
					       unsigned long slot, bool zero,
					       unsigned int count,
					       u64 *handles);
int regalloc_pool_last_look_locked(struct regalloc_pool *pool, bool zero,
				   unsigned int count, u64 *handles);
int regalloc_pool_give_locked(struct regalloc_pool *pool,
			      const struct regalloc_place *place, u32 gen,
			      bool close_now);
void regalloc_pool_zero_slice_locked(struct regalloc_pool *pool,
				     const struct regalloc_place *place);
int regalloc_pool_zero_locked(struct regalloc_pool *pool,
			      const struct regalloc_place *place, u32 gen);

/* pool_hints.c */
unsigned long regalloc_pool_find_hint_locked(struct regalloc_pool *pool,
					     unsigned long from,
					     struct regalloc_hint mask);
void regalloc_pool_note_avail_locked(struct regalloc_pool *pool,
				     struct regalloc_region *region,
				     unsigned long slot);
void regalloc_pool_note_idle_locked(struct regalloc_pool *pool,
				    struct regalloc_region *region,
				    unsigned long slot);
void regalloc_pool_collect_dirty_locked(struct regalloc_pool *pool);
bool regalloc_pool_any_dirty_locked(struct regalloc_pool *pool);
void regalloc_pool_forget_hints_locked(struct regalloc_pool *pool);

/* pool_usage.c */
void regalloc_pool_add_usage(struct regalloc_pool *pool,
			     struct regalloc_usage *usage);

#endif /* REGALLOC_POOL_H */
