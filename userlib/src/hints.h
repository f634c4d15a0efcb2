/* SPDX-License-Identifier: MIT */
/*
 * Hints: where to look for a free slice, and what to tell the kernel of those
 * that were released. They own nothing. A wrong one costs time; no slice is ever
 * kept for a thread, so a thread may end, or a process fork, at any moment.
 *
 * Each thread remembers the slices that it released last, which are the warm
 * ones, and where it stopped to look in which slot. Threads begin at different
 * places of a slot, so that they do not fight over a cache line. When a slot
 * has no more, they go on to the lowest one that may have, so that the high
 * ones drain.
 */
#ifndef REGALLOC_SRC_HINTS_H
#define REGALLOC_SRC_HINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "client.h"

#define REGALLOC_NR_RECENT	8
#define REGALLOC_NO_SLICE	UINT32_MAX

/**
 * struct regalloc_class_hints - where a thread looks for slices of one class
 * @recent: slices that it released, or REGALLOC_NO_SLICE; used as a stack, and
 *	the oldest ones are forgotten
 * @top: the place for the next one, modulo the size of @recent
 * @slot: that it looks in
 * @next: the next slice of the slot to look at, modulo their number
 * @left: how many of the slot it has not looked at
 */
struct regalloc_class_hints {
	uint32_t recent[REGALLOC_NR_RECENT];
	uint32_t top;
	uint32_t slot;
	uint32_t next;
	uint32_t left;
};

/**
 * regalloc_take() - claim a free slice, if one can be found without the kernel
 * @ra: the client
 * @class: size class, valid
 * @slice: its number in the class
 * @gen: its generation
 */
bool regalloc_take(struct regalloc *ra, unsigned int class, uint32_t *slice,
		   uint32_t *gen);

/**
 * regalloc_took() - the kernel gave us a slice: look beside it for the next
 * @ra: the client
 * @class: size class
 * @slice: its number in the class
 */
void regalloc_took(struct regalloc *ra, unsigned int class, uint32_t slice);

/**
 * regalloc_gave() - a slice has been released: see that others learn of it
 * @ra: the client
 * @class: size class
 * @slice: its number in the class
 */
void regalloc_gave(struct regalloc *ra, unsigned int class, uint32_t slice);

#endif /* REGALLOC_SRC_HINTS_H */
