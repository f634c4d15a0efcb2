/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools: one client's region slots of one size class.
 *
 * The xarray holds the open regions by slot. A region is in it exactly as long
 * as it is open, and two marks say where a look may be worth while:
 *
 *	REGALLOC_MAYBE_FREE	some slice may be free
 *	REGALLOC_MAYBE_SPARE	there may be no live slice
 *
 * Both are set when they become possible and cleared by whoever looked and
 * found the contrary.
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
 * Faults and counting take neither: they look up under RCU. User memory is
 * never touched under a lock, since a fault would come back to us.
 */
#ifndef REGALLOC_POOL_H
#define REGALLOC_POOL_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "map_pages.h"
#include "size_class.h"

struct address_space;
struct page;
struct regalloc_account;

#define REGALLOC_MAYBE_FREE	XA_MARK_1
#define REGALLOC_MAYBE_SPARE	XA_MARK_2

/**
 * struct regalloc_owner - what all pools of one client share
 * @geo: shape of the windows
 * @account: what the client has charged
 * @mapping: where its windows are mapped
 * @map: its slice maps
 * @lock: the client's lock
 */
struct regalloc_owner {
	const struct regalloc_geometry *geo;
	struct regalloc_account *account;
	struct address_space *mapping;
	struct regalloc_map_pages map;
	struct mutex lock;	/* the open regions of all its pools */
};

/**
 * struct regalloc_pool - region slots of one class
 * @owner: of the pool
 * @class: size class of all its slices
 * @grow_lock: held while a region is being opened
 * @regions: the open regions, by slot
 */
struct regalloc_pool {
	struct regalloc_owner *owner;
	unsigned int class;
	struct mutex grow_lock;	/* opening a region */
	struct xarray regions;
};

/**
 * struct regalloc_usage - what pools hold
 * @regions: open regions
 * @spares: those of them without a live slice
 * @live: live slices
 * @live_bytes: bytes of them
 */
struct regalloc_usage {
	u64 regions;
	u64 spares;
	u64 live;
	u64 live_bytes;
};

void regalloc_pool_init(struct regalloc_pool *pool,
			struct regalloc_owner *owner, unsigned int class);
void regalloc_pool_fini_locked(struct regalloc_pool *pool);

int regalloc_pool_grow(struct regalloc_pool *pool, bool zero,
		       unsigned int count, u64 *handles);
unsigned int regalloc_pool_take_locked(struct regalloc_pool *pool, bool zero,
				       unsigned int count, u64 *handles);
int regalloc_pool_give_locked(struct regalloc_pool *pool,
			      const struct regalloc_place *place, u32 gen,
			      bool close_now);
int regalloc_pool_zero_locked(struct regalloc_pool *pool,
			      const struct regalloc_place *place, u32 gen);
unsigned int regalloc_pool_close_spares_locked(struct regalloc_pool *pool,
					       unsigned int most,
					       unsigned long idle,
					       unsigned long *next);

struct page *regalloc_pool_lock_page(struct regalloc_pool *pool,
				     unsigned long slot, unsigned int pgoff);
void regalloc_pool_add_usage(struct regalloc_pool *pool,
			     struct regalloc_usage *usage);

#endif /* REGALLOC_POOL_H */
