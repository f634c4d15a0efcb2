/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools: one client's region slots of one size class.
 *
 * The xarray holds the open regions by slot. A region is in it exactly as long
 * as it is open. Hints say where a look may be worth while; the first two are
 * those of struct regalloc_hint in the map window:
 *
 *	avail		some slice may be free. Set when that becomes possible;
 *			cleared by whoever looked and found none: clear, fence,
 *			look once more
 *	dirty		the owner has released a slice without us. Turned into the
 *			mark below when we look
 *	REGALLOC_MAYBE_SPARE	a mark in the xarray: there may be no live slice
 *
 * The hints are the owner's to write, like the state words: a wrong one costs
 * the owner time or memory.
 *
 * Locks, outer first:
 *
 *	grow_lock	one at a time opens regions for the pool, so that many
 *			that find it empty open one and not one each
 *	lock		the client's, the same for all its pools: opening and
 *			closing in the xarray, its marks, the bookkeeping in the
 *			regions. Held while a region closes, so whoever holds it
 *			sees every region either open or given back. No memory
 *			is allocated under it
 *
 * Faults take neither and counting takes neither: it looks up under RCU. User memory is
 * never touched under a lock, since a fault would come back to us.
 */
#ifndef REGALLOC_POOL_H
#define REGALLOC_POOL_H

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
 * @rcu: to free it
 */
struct regalloc_region {
	struct regalloc_slot_map map;
	unsigned int witness;
	unsigned int first_free;
	unsigned long released_at;
	struct rcu_head rcu;
};

/**
 * struct regalloc_pool - region slots of one class
 * @owner: of the pool
 * @class: size class of all its slices
 * @grow_lock: held while a region is being opened
 * @wait: for those who wait for slices of the pool
 * @regions: the open regions, by slot
 * @end: slots from this one on have never been open. Client's lock
 */
struct regalloc_pool {
	struct regalloc_owner *owner;
	unsigned int class;
	struct mutex grow_lock;	/* opening a region */
	struct regalloc_wait_point wait;
	struct xarray regions;
	unsigned long end;
};

/**
 * struct regalloc_usage - what pools hold
 * @count_live: also count live slices, for which each word must be looked at
 * @regions: open regions
 * @spares: those of them without a live slice
 * @live: live slices
 * @live_bytes: bytes of them
 */
struct regalloc_usage {
	bool count_live;
	u64 regions;
	u64 spares;
	u64 live;
	u64 live_bytes;
};

void regalloc_pool_init(struct regalloc_pool *pool,
			struct regalloc_owner *owner, unsigned int class);
void regalloc_pool_fini_locked(struct regalloc_pool *pool);

u64 regalloc_pool_offset(const struct regalloc_pool *pool, unsigned long slot);
unsigned long regalloc_pool_find_hint_locked(struct regalloc_pool *pool,
					     unsigned long from,
					     struct regalloc_hint mask);
int regalloc_pool_grow(struct regalloc_pool *pool, bool zero,
		       unsigned int count, u64 *handles);
unsigned int regalloc_pool_take_locked(struct regalloc_pool *pool, bool zero,
				       unsigned int count, u64 *handles);
void regalloc_pool_collect_dirty_locked(struct regalloc_pool *pool);
bool regalloc_pool_any_dirty_locked(struct regalloc_pool *pool);
void regalloc_pool_note_avail_locked(struct regalloc_pool *pool,
				     struct regalloc_region *region,
				     unsigned long slot);
unsigned int regalloc_pool_take_in_slot_locked(struct regalloc_pool *pool,
					       unsigned long slot, bool zero,
					       unsigned int count,
					       u64 *handles);
int regalloc_pool_last_look_locked(struct regalloc_pool *pool, bool zero,
				   unsigned int count, u64 *handles);
void regalloc_pool_forget_hints_locked(struct regalloc_pool *pool);
int regalloc_pool_give_locked(struct regalloc_pool *pool,
			      const struct regalloc_place *place, u32 gen,
			      bool close_now);
void regalloc_pool_zero_slice_locked(struct regalloc_pool *pool,
				     const struct regalloc_place *place);
int regalloc_pool_zero_locked(struct regalloc_pool *pool,
			      const struct regalloc_place *place, u32 gen);
unsigned long
regalloc_pool_count_maybe_spares_locked(struct regalloc_pool *pool);
bool regalloc_pool_close_spare_locked(struct regalloc_pool *pool,
				      struct regalloc_region *region,
				      unsigned long slot);
unsigned int regalloc_pool_close_spares_locked(struct regalloc_pool *pool,
					       unsigned int most,
					       unsigned long idle,
					       unsigned long *next);
unsigned int regalloc_pool_shrink_locked(struct regalloc_pool *pool,
					 unsigned int *looks);

void regalloc_pool_add_usage(struct regalloc_pool *pool,
			     struct regalloc_usage *usage);

#endif /* REGALLOC_POOL_H */
