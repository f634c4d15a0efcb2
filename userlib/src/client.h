/* SPDX-License-Identifier: MIT */
/*
 * The client: a file descriptor, its two mappings and their geometry. All of
 * it is written by regalloc_open() and constant until regalloc_close(), so any
 * number of threads read it without a lock, and a child of fork has its own
 * copy, which means the same open file description and the same memory.
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
 * @fd: the open file description
 * @window: the data window
 * @window_bytes: its size
 * @map: the map window, read only
 * @map_bytes: its size
 * @geo: of both
 */
struct regalloc {
	int fd;
	char *window;
	size_t window_bytes;
	const char *map;
	size_t map_bytes;
	struct regalloc_geometry geo;
};

#endif /* REGALLOC_SRC_CLIENT_H */
