/* SPDX-License-Identifier: MIT */
/*
 * The words of the slice map, which the kernel keeps and this library reads: a
 * generation and one of three states.
 */
#ifndef REGALLOC_SRC_SLICE_MAP_H
#define REGALLOC_SRC_SLICE_MAP_H

#include "client.h"

/* The word of the slice at a valid offset, as it is at this moment. */
static inline uint32_t regalloc_map_load(const struct regalloc *ra,
					 uint64_t offset)
{
	uint64_t at = regalloc_offset_state(&ra->geo, offset);

	return __atomic_load_n((const uint32_t *)(ra->map + at),
			       __ATOMIC_ACQUIRE);
}

/* The state in a word: REGALLOC_STATE_*. */
static inline uint32_t regalloc_word_state(uint32_t word)
{
	return word & REGALLOC_STATE_MASK;
}

/* The generation in a word. */
static inline uint32_t regalloc_word_gen(uint32_t word)
{
	return word >> REGALLOC_STATE_GEN_SHIFT;
}

#endif /* REGALLOC_SRC_SLICE_MAP_H */
