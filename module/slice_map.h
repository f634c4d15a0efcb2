/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The slice map: one word for each slice, and the four ways to change it; and
 * the search in the hints that say where to look.
 *
 * A word holds a state (closed, free, live) and a generation. Each change is
 * one compare-and-swap of one word:
 *
 *	open	(g, closed) -> (g, free)	the kernel, with memory in place
 *	claim	(g, free) -> (g, live)		whoever allocates
 *	release	(g, live) -> (g + 1, free)	whoever has the handle (slice, g)
 *	isolate	(g, free) -> (g, closed)	the kernel, before removing the memory
 *
 * So of two racing releases one wins, a slice never has two owners, and a slice
 * that is isolated has no owner and gets none. Where the memory could not be
 * removed, putback is open again.
 *
 * The words lie in pages that the owning client can write. What is read here
 * is therefore used as a state and as nothing else: a client that scribbles on
 * its words confuses itself, and all work is bounded by the words of a region
 * or the number that the caller passes.
 *
 * Open and isolate of the words of one slot must not run at the same time: the
 * caller holds the client's lock. Claim and release need no lock. Nothing here
 * sleeps.
 */
#ifndef REGALLOC_SLICE_MAP_H
#define REGALLOC_SLICE_MAP_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/regalloc.h>

#include "geometry.h"

/* The word of a slice in a region of @class whose words begin at @words. */
static inline u32 *regalloc_slice_word(u32 *words, unsigned int class,
				       unsigned int slice)
{
	return &words[slice * regalloc_class_stride(class)];
}

/* Whether there is a slice with memory that nobody has. */
static inline bool regalloc_slice_is_free(const u32 *word)
{
	return (READ_ONCE(*word) & REGALLOC_STATE_MASK) == REGALLOC_STATE_FREE;
}

/* Whether a slice has no memory, as far as its word tells. */
static inline bool regalloc_slice_is_closed(const u32 *word)
{
	return (READ_ONCE(*word) & REGALLOC_STATE_MASK) == REGALLOC_STATE_CLOSED;
}

bool regalloc_slice_claim(u32 *word, u32 *gen);
int regalloc_slice_release(u32 *word, u32 gen);
int regalloc_slice_check(const u32 *word, u32 gen);

void regalloc_slices_open(u32 *words, unsigned int class, unsigned int first,
			  unsigned int nr, u32 first_gen);
int regalloc_slices_isolate(u32 *words, unsigned int class, unsigned int first,
			    unsigned int nr, unsigned long *isolated);
void regalloc_slices_putback(u32 *words, unsigned int class, unsigned int first,
			     unsigned int nr, unsigned long *isolated);
bool regalloc_slices_are_closed(const u32 *words, unsigned int class,
				unsigned int first, unsigned int nr);
unsigned int regalloc_slices_find_live(const u32 *words, unsigned int class,
				       unsigned int start);
unsigned int regalloc_slices_count_live(const u32 *words, unsigned int class);
unsigned int regalloc_slices_count_free(const u32 *words, unsigned int class);

unsigned long regalloc_hints_find(const struct regalloc_hint *hints,
				  unsigned long nr,
				  struct regalloc_hint mask);

#endif /* REGALLOC_SLICE_MAP_H */
