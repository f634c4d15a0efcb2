/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pages of one client's map window, each allocated when first needed and
 * kept, with the generations in it, until the client goes.
 *
 * Lookup and insertion need no lock of the caller's. The pages are zeroed, the
 * client may write them at any time, and a mapping or a transfer may hold a
 * reference to one for longer than the client lives.
 */
#ifndef REGALLOC_MAP_PAGES_H
#define REGALLOC_MAP_PAGES_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct page;

/**
 * struct regalloc_map_pages - the pages behind a map window
 * @pages: by page number in the map window
 * @nr: how many there are
 */
struct regalloc_map_pages {
	struct xarray pages;
	atomic_long_t nr;
};

void regalloc_map_pages_init(struct regalloc_map_pages *map);
void regalloc_map_pages_fini(struct regalloc_map_pages *map);
struct page *regalloc_map_pages_make(struct regalloc_map_pages *map,
				     unsigned long index, gfp_t gfp);
void *regalloc_map_pages_need(struct regalloc_map_pages *map, u64 offset);
void *regalloc_map_pages_find(struct regalloc_map_pages *map, u64 offset);
u64 regalloc_map_pages_bytes(const struct regalloc_map_pages *map);

#endif /* REGALLOC_MAP_PAGES_H */
