/* SPDX-License-Identifier: MIT */
/*
 * The client: a file descriptor, its two mappings and their geometry. All of
 * it is written by regalloc_open() and constant until regalloc_close(), so any
 * number of threads read it without a lock, and a child of fork has its own
 * copy, which means the same open file description and the same memory. What
 * changes is in the map window, see slice_map.h and hints.h.
 */
#ifndef REGALLOC_SRC_CLIENT_H
#define REGALLOC_SRC_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/* What the public header declares is exported, and nothing else. */
#pragma GCC visibility push(default)
#include <regalloc.h>
#pragma GCC visibility pop

#include "geometry.h"

/**
 * struct regalloc_class_map - what the map window says of one size class
 * @words: the state of each slice
 * @avail: for each slot, whether there may be a free slice
 * @dirty: for each slot, whether a slice was released since the kernel looked
 * @witness: for each slot, a slice that was live at our last look; ours alone
 * @base: where the data of its first slice is
 */
struct regalloc_class_map {
	uint32_t *words;
	uint8_t *avail;
	uint8_t *dirty;
	uint16_t *witness;
	char *base;
} __attribute__((aligned(64)));

/**
 * struct regalloc - one client of the device
 * @fd: the open file description
 * @id: not that of any other client in this process, past ones included
 * @span_mask: bytes of window per size class in units of the smallest slice,
 *	minus 1
 * @class_shift: a handle shifted right by this is the size class
 * @window: the data window
 * @window_bytes: its size
 * @map: the map window
 * @map_bytes: its size
 * @control: the beginning of the map window
 * @class: the rest of it, by size class
 * @witnesses: memory of all witnesses
 * @witness_bytes: its size
 * @geo: of both windows
 */
struct regalloc {
	int fd;
	uint64_t id;
	uint64_t span_mask;
	unsigned int class_shift;
	char *window;
	size_t window_bytes;
	char *map;
	size_t map_bytes;
	struct regalloc_control *control;
	struct regalloc_class_map class[REGALLOC_NR_CLASSES];
	void *witnesses;
	size_t witness_bytes;
	struct regalloc_geometry geo;
};

#endif /* REGALLOC_SRC_CLIENT_H */
