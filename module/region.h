/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regions: the memory behind the slices.
 *
 * Ownership. A region owns its chunks (compound pages, largest first) and one
 * reference to the account that they are charged to. It belongs to the pool
 * that opened it, and is open exactly as long as it is in that pool's xarray.
 * When the pool closes it, the chunks that nobody references are freed at
 * once; if some are left, the region goes over to the pinned ones (pinned.h).
 *
 * Faults against closing. A fault takes a reference to a chunk, locks it, and
 * looks under that lock whether the region is still in the xarray. The pool
 * removes the region from there before it calls regalloc_region_zap(), which takes
 * and drops each chunk's lock once, and then unmaps. So a fault that still
 * saw the region has put its mapping in place before that, and one that
 * comes later sees nothing. The struct itself is freed after a grace period.
 */
#ifndef REGALLOC_REGION_H
#define REGALLOC_REGION_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct address_space;
struct page;
struct regalloc_account;
struct regalloc_hint;

/**
 * struct regalloc_chunk - a compound page of a region
 * @page: its head, or NULL once it is free
 * @pgoff: its first page in the region
 */
struct regalloc_chunk {
	struct page *page;
	unsigned int pgoff;
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
 * struct regalloc_region - 4 MiB of memory, all zero when it is opened
 * @account: that it is charged to; holds a reference
 * @map: of its slot; set by the pool
 * @witness: a slice that was live at the last look. Client's lock
 * @first_free: the first slice to look at for a free one. Client's lock
 * @released_at: jiffies of the last release that we know of, or of the opening.
 *	Client's lock
 * @link: in the list of pinned regions
 * @rcu: to free it
 * @nr_chunks: how many there are in @chunks
 * @chunks: the memory, in the order of @pgoff
 */
struct regalloc_region {
	struct regalloc_account *account;
	struct regalloc_slot_map map;
	unsigned int witness;
	unsigned int first_free;
	unsigned long released_at;
	struct list_head link;
	struct rcu_head rcu;
	unsigned int nr_chunks;
	struct regalloc_chunk chunks[];
};

struct regalloc_region *regalloc_region_open(struct regalloc_account *account);
void regalloc_region_zap(struct regalloc_region *region,
			 struct address_space *mapping, u64 offset);
bool regalloc_region_is_busy(const struct regalloc_region *region);
void regalloc_region_set_place(struct regalloc_region *region, u64 offset);
struct page *regalloc_region_page(const struct regalloc_region *region,
				  unsigned int pgoff);
void regalloc_region_zero(const struct regalloc_region *region,
			  unsigned int offset, unsigned int bytes);
bool __must_check regalloc_region_close(struct regalloc_region *region);
bool regalloc_region_reap(struct regalloc_region *region, u64 *freed);
void regalloc_region_abandon(struct regalloc_region *region);

#endif /* REGALLOC_REGION_H */
