/* SPDX-License-Identifier: MIT */
/*
 * The client: a file descriptor, its two mappings and their geometry. All of
 * it is written by regalloc_open() and constant until regalloc_close(), so any
 * number of threads read it without a lock, and a child of fork has its own
 * copy, which means the same open file description and the same memory. What
 * changes is in the map window, see slice_map.h and hints.h.
 *
 * A thread knows by the address of the struct whether its hints are about this
 * client. That is true of another one later at the same address, too, as far as
 * hints need be true, if only its windows have the same shape: so a closed one
 * is kept for the next of that shape.
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
 * struct regalloc - one client of the device
 * @words: the state words, by the upper part of a handle
 * @nr_words: how many there are
 * @hints: where to look in them: one for each region slot, class by class
 * @control: the beginning of the map window
 * @window: the data window
 * @class_shift: the upper part of a handle shifted right by this is its class
 * @slice_bytes: by size class: to load it is shorter than to compute it
 * @class_of: by the number of a length, its size class; likewise
 * @fd: the open file description
 * @geo: of both windows
 * @witness: for each region slot, a slice that was live at our last look
 * @window_bytes: size of the data window
 * @map: the map window
 * @map_bytes: its size
 * @witness_bytes: size of the witnesses
 * @next: in the list of those that are closed
 */
struct regalloc {
	uint32_t *words;
	uint64_t nr_words;
	struct regalloc_hint *hints;
	struct regalloc_control *control;
	char *window;
	unsigned int class_shift;
	uint64_t slice_bytes[REGALLOC_NR_CLASSES];
	uint8_t class_of[REGALLOC_NR_LENGTHS];
	int fd;
	struct regalloc_geometry geo;
	uint16_t *witness;
	size_t window_bytes;
	char *map;
	size_t map_bytes;
	size_t witness_bytes;
	struct regalloc *next;
};

#endif /* REGALLOC_SRC_CLIENT_H */
