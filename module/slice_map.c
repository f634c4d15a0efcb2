// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/regalloc.h>

#include "slice_map.h"

static u32 word_make(u32 gen, u32 state)
{
	return gen << REGALLOC_STATE_GEN_SHIFT | state;
}

static u32 word_gen(u32 word)
{
	return word >> REGALLOC_STATE_GEN_SHIFT;
}

static u32 word_state(u32 word)
{
	return word & REGALLOC_STATE_MASK;
}

/*
 * Change the state of @word and keep its generation, if it is in state @from.
 * Nobody who plays by the rules leaves a word in that state and changes it, so
 * there is no second try, and no work for one who does not.
 */
static bool word_move(u32 *word, u32 from, u32 to)
{
	u32 old = READ_ONCE(*word);

	return word_state(old) == from &&
	       try_cmpxchg(word, &old, word_make(word_gen(old), to));
}

/* Generations go from 1 to the mask, and then from 1 again. */
static u32 gen_next(u32 gen)
{
	return gen == REGALLOC_HANDLE_GEN_MASK ? 1 : gen + 1;
}

/**
 * regalloc_slice_claim() - take a slice if it is free
 * @word: of the slice
 * @gen: where to store the generation of this allocation
 *
 * Return: whether the slice is the caller's now.
 */
bool regalloc_slice_claim(u32 *word, u32 *gen)
{
	u32 old = READ_ONCE(*word);

	/*
	 * Generation 0 is never given out, even if the owner wrote it. If the
	 * word changes now, somebody else was faster.
	 */
	if (word_state(old) != REGALLOC_STATE_FREE || !word_gen(old) ||
	    !try_cmpxchg(word, &old,
			 word_make(word_gen(old), REGALLOC_STATE_LIVE)))
		return false;
	*gen = word_gen(old);
	return true;
}

/*
 * Why (@gen, live) is not what @word holds. Generation 0 is never given out,
 * and one that lies ahead has not been given out yet.
 */
static int mismatch_error(u32 word, u32 gen)
{
	return gen && gen < word_gen(word) ? -ESTALE : -ENOENT;
}

/**
 * regalloc_slice_release() - give a slice back
 * @word: of the slice
 * @gen: generation of the allocation that ends
 *
 * Return: 0; -ESTALE if that allocation has ended before; -ENOENT if there has
 * been none with this generation. The slice is unchanged after an error. What
 * is said of a generation holds until the slice has been released 2^30 times.
 */
int regalloc_slice_release(u32 *word, u32 gen)
{
	u32 old = word_make(gen, REGALLOC_STATE_LIVE);

	if (try_cmpxchg(word, &old,
			word_make(gen_next(gen), REGALLOC_STATE_FREE)))
		return 0;
	return mismatch_error(old, gen);
}

/**
 * regalloc_slice_check() - see whether an allocation is live
 * @word: of the slice
 * @gen: generation of the allocation
 *
 * Return: 0, or the error that regalloc_slice_release() would give now.
 */
int regalloc_slice_check(const u32 *word, u32 gen)
{
	u32 cur = READ_ONCE(*word);

	if (cur == word_make(gen, REGALLOC_STATE_LIVE))
		return 0;
	return mismatch_error(cur, gen);
}

/**
 * regalloc_slices_open() - let slices that have memory be claimed
 * @words: of the region
 * @class: size class
 * @first: the first slice
 * @nr: how many
 * @first_gen: generation of slices that have none: their word is 0
 */
void regalloc_slices_open(u32 *words, unsigned int class, unsigned int first,
			  unsigned int nr, u32 first_gen)
{
	unsigned int i;
	u32 *word;

	for (i = first; i < first + nr; i++) {
		word = regalloc_slice_word(words, class, i);
		cmpxchg(word, 0, word_make(first_gen, REGALLOC_STATE_CLOSED));
		word_move(word, REGALLOC_STATE_CLOSED, REGALLOC_STATE_FREE);
	}
}

/**
 * regalloc_slices_isolate() - make slices unclaimable, all or none
 * @words: of the region
 * @class: size class
 * @first: the first slice
 * @nr: how many
 * @isolated: bitmap of the slices of the region; the bits of those that were free
 *	are set
 *
 * Slices without memory count as isolated already. While this runs, free slices may
 * look closed for a moment.
 *
 * Return: how many were free; -EBUSY if one is live, with nothing changed.
 */
int regalloc_slices_isolate(u32 *words, unsigned int class, unsigned int first,
			    unsigned int nr, unsigned long *isolated)
{
	unsigned int i;
	int moved = 0;

	for (i = first; i < first + nr; i++) {
		u32 *word = regalloc_slice_word(words, class, i);

		if (word_move(word, REGALLOC_STATE_FREE, REGALLOC_STATE_CLOSED)) {
			__set_bit(i, isolated);
			moved++;
		} else if (!regalloc_slice_is_closed(word)) {
			regalloc_slices_putback(words, class, first, i - first,
						isolated);
			return -EBUSY;
		}
	}
	return moved;
}

/**
 * regalloc_slices_putback() - let isolated slices be claimed again
 * @words: of the region
 * @class: size class
 * @first: the first slice
 * @nr: how many
 * @isolated: as from regalloc_slices_isolate(); the bits are cleared
 */
void regalloc_slices_putback(u32 *words, unsigned int class, unsigned int first,
			     unsigned int nr, unsigned long *isolated)
{
	unsigned int i;

	for (i = first; i < first + nr; i++)
		if (__test_and_clear_bit(i, isolated))
			word_move(regalloc_slice_word(words, class, i),
				  REGALLOC_STATE_CLOSED, REGALLOC_STATE_FREE);
}

/**
 * regalloc_slices_are_closed() - whether slices have no memory, as their words tell
 * @words: of the region
 * @class: size class
 * @first: the first slice
 * @nr: how many
 *
 * Return: whether it is so for all of them.
 */
bool regalloc_slices_are_closed(const u32 *words, unsigned int class,
				unsigned int first, unsigned int nr)
{
	unsigned int stride = regalloc_class_stride(class), i;

	for (i = first; i < first + nr; i++)
		if (!regalloc_slice_is_closed(&words[i * stride]))
			return false;
	return true;
}

static bool slice_is_live(const u32 *word)
{
	return word_state(READ_ONCE(*word)) == REGALLOC_STATE_LIVE;
}

/**
 * regalloc_slices_find_live() - look for a live slice
 * @words: of the region
 * @class: size class
 * @start: the first to look at; the search wraps around
 *
 * Return: the number of a live slice, or that of all slices if none was seen.
 */
unsigned int regalloc_slices_find_live(const u32 *words, unsigned int class,
				       unsigned int start)
{
	unsigned int nr = regalloc_class_slices(class);
	unsigned int stride = regalloc_class_stride(class), i;

	for (i = start; i < nr; i++)
		if (slice_is_live(&words[i * stride]))
			return i;
	for (i = 0; i < start; i++)
		if (slice_is_live(&words[i * stride]))
			return i;
	return nr;
}

/* The smallest slices, which are many: two words at a time. */
static unsigned int count_pairs(const u32 *words, u32 state)
{
	const u64 *pairs = (const u64 *)words;
	const u64 both = state | (u64)state << 32;
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < REGALLOC_SLOT_WORDS / 2; i++)
		sum += READ_ONCE(pairs[i]) & both;
	return ((u32)sum + (u32)(sum >> 32)) / state;
}

/* Count the slices in a state, which is a bit that no other state has. */
static unsigned int count_state(const u32 *words, unsigned int class, u32 state)
{
	unsigned int stride = regalloc_class_stride(class);
	unsigned int i, nr = 0;

	if (stride == 1)
		return count_pairs(words, state);
	for (i = 0; i < REGALLOC_SLOT_WORDS; i += stride)
		nr += word_state(READ_ONCE(words[i])) == state;
	return nr;
}

/**
 * regalloc_slices_count_live() - count the live slices
 * @words: of the region, at least 8-byte aligned
 * @class: size class
 *
 * Return: their number; exact only if nobody claims or releases meanwhile.
 */
unsigned int regalloc_slices_count_live(const u32 *words, unsigned int class)
{
	return count_state(words, class, REGALLOC_STATE_LIVE);
}

/**
 * regalloc_slices_count_free() - count the slices that can be claimed
 * @words: of the region, at least 8-byte aligned
 * @class: size class
 *
 * Return: their number; exact only if nobody claims or releases meanwhile.
 */
unsigned int regalloc_slices_count_free(const u32 *words, unsigned int class)
{
	return count_state(words, class, REGALLOC_STATE_FREE);
}

/* So many hints are looked at in one go if they are aligned. */
#define HINTS_AT_ONCE	(sizeof(u64) / sizeof(struct regalloc_hint))

static bool hint_matches(const struct regalloc_hint *hint,
			 struct regalloc_hint mask)
{
	return (READ_ONCE(hint->avail) & mask.avail) ||
	       (READ_ONCE(hint->dirty) & mask.dirty);
}

/**
 * regalloc_hints_find() - look for a hint that is set
 * @hints: where to look
 * @nr: how many there are
 * @mask: the bytes that count are 0xff here, the others 0
 *
 * Return: the number of the first one of which a byte that counts is not 0;
 * @nr if there is none.
 */
unsigned long regalloc_hints_find(const struct regalloc_hint *hints,
				  unsigned long nr, struct regalloc_hint mask)
{
	const union {
		struct regalloc_hint one[HINTS_AT_ONCE];
		u64 all;
	} wide = { .one = { mask, mask, mask, mask } };
	unsigned long i;

	for (i = 0; i < nr; i++) {
		if (((unsigned long)&hints[i] & (sizeof(u64) - 1)) == 0 &&
		    nr - i >= HINTS_AT_ONCE &&
		    !(READ_ONCE(*(const u64 *)&hints[i]) & wide.all))
			i += HINTS_AT_ONCE - 1;
		else if (hint_matches(&hints[i], mask))
			break;
	}
	return i;
}
