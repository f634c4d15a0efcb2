/* SPDX-License-Identifier: MIT */
/*
 * The words of the slice map, one for each slice: a generation and a state. The
 * kernel opens and closes; the two changes that are ours are here, each one
 * compare-and-swap. <linux/regalloc.h> has the rules. Both are sequentially
 * consistent, and so are the loads of hints that must not come before them.
 *
 * Both load the word first: it may have no memory, which reads as 0 and must not be
 * written.
 */
#ifndef REGALLOC_SRC_SLICE_MAP_H
#define REGALLOC_SRC_SLICE_MAP_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/regalloc.h>

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

/* Bits of @gen above those of a generation do not count. */
static inline uint32_t regalloc_word(uint32_t gen, uint32_t state)
{
	return (gen << REGALLOC_STATE_GEN_SHIFT) + state;
}

static inline uint32_t regalloc_word_load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline bool regalloc_word_is_live(const uint32_t *word)
{
	return regalloc_word_state(regalloc_word_load(word)) ==
	       REGALLOC_STATE_LIVE;
}

/* Take a slice if it is free and of generation @gen. */
static inline bool regalloc_word_claim(uint32_t *word, uint32_t gen)
{
	uint32_t free = regalloc_word(gen, REGALLOC_STATE_FREE);
	uint32_t live = free - REGALLOC_STATE_FREE + REGALLOC_STATE_LIVE;

	return regalloc_word_load(word) == free &&
	       __atomic_compare_exchange_n(word, &free, live, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Take a slice if it is free; @gen is that of the allocation. */
static inline bool regalloc_word_claim_any(uint32_t *word, uint32_t *gen)
{
	uint32_t old = regalloc_word_load(word);

	*gen = regalloc_word_gen(old);
	return regalloc_word_state(old) == REGALLOC_STATE_FREE &&
	       regalloc_word_claim(word, *gen);
}

/*
 * What the word of a live slice becomes with its release. False, with another
 * @next, if that was the last generation: after it comes the first, which is 1.
 */
static inline bool regalloc_word_after(uint32_t live, uint32_t *next)
{
	const uint32_t step = (1U << REGALLOC_STATE_GEN_SHIFT) -
			      REGALLOC_STATE_LIVE + REGALLOC_STATE_FREE;

	return !__builtin_add_overflow(live, step, next);
}

/* Replace *@live by @next; else *@live is what the word holds. */
static inline bool regalloc_word_release(uint32_t *word, uint32_t *live,
					 uint32_t next)
{
	uint32_t now = regalloc_word_load(word);

	if (now != *live) {
		*live = now;
		return false;
	}
	return __atomic_compare_exchange_n(word, live, next, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

#endif /* REGALLOC_SRC_SLICE_MAP_H */
