// SPDX-License-Identifier: MIT
#include <string.h>

#include "abi.h"
#include "hints.h"
#include "slice_map.h"

/* State words in a cache line. */
#define WORDS_IN_LINE	16

__thread struct regalloc_thread_hints regalloc_hints;

static void hints_reset(const struct regalloc *ra)
{
	static uint32_t nr_threads;
	struct regalloc_thread_hints *hints = &regalloc_hints;

	if (!hints->client)
		hints->start = WORDS_IN_LINE *
			__atomic_fetch_add(&nr_threads, 1, __ATOMIC_RELAXED);
	memset(hints->class, 0, sizeof(hints->class));
	for (unsigned int c = 0; c < REGALLOC_NR_CLASSES; c++)
		memset(hints->class[c].recent, 0xff,
		       sizeof(hints->class[c].recent));
	hints->client = ra->id;
}

static struct regalloc_class_hints *hints_of(const struct regalloc *ra,
					     unsigned int class)
{
	if (!regalloc_hints_valid(ra))
		hints_reset(ra);
	return &regalloc_hints.class[class];
}

/* Claim one of the slices that are left to look at in the thread's slot. */
static bool take_in_slot(struct regalloc *ra, unsigned int class,
			 struct regalloc_class_hints *h, uint32_t *slice,
			 uint32_t *gen)
{
	unsigned int shift = regalloc_region_slices_shift(class);
	uint32_t mask = (1U << shift) - 1;

	while (h->left) {
		*slice = h->slot << shift | (h->next & mask);
		h->next++;
		h->left--;
		if (regalloc_word_claim(&ra->class[class].words[*slice], gen))
			return true;
	}
	return false;
}

static void enter_slot(struct regalloc_class_hints *h, unsigned int class,
		       uint32_t slot)
{
	h->slot = slot;
	h->next = regalloc_hints.start;
	h->left = 1U << regalloc_region_slices_shift(class);
}

/*
 * The thread has seen no free slice in its slot. Say so to all, and then look
 * again: a release before that is seen by us, one after it says the contrary.
 */
static bool leave_slot(struct regalloc *ra, unsigned int class,
		       struct regalloc_class_hints *h, uint32_t *slice,
		       uint32_t *gen)
{
	uint8_t *avail = &ra->class[class].avail[h->slot];

	__atomic_store_n(avail, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	enter_slot(h, class, h->slot);
	if (!take_in_slot(ra, class, h, slice, gen))
		return false;
	__atomic_store_n(avail, 1, __ATOMIC_RELAXED);
	return true;
}

/* The first slot of @from to @to - 1 that may have a free slice, else @to. */
static uint32_t find_avail(const struct regalloc *ra, unsigned int class,
			   uint32_t from, uint32_t to)
{
	const uint8_t *avail = ra->class[class].avail;
	const uint8_t *found;

	if (from >= to)
		return to;
	found = memchr(avail + from, 1, to - from);
	return found ? (uint32_t)(found - avail) : to;
}

/* Go to the lowest slot that may have a free slice. */
static bool next_slot(struct regalloc *ra, unsigned int class,
		      struct regalloc_class_hints *h)
{
	uint32_t *lowest = &ra->control->lowest[class];
	uint32_t from = __atomic_load_n(lowest, __ATOMIC_RELAXED);
	uint32_t end = __atomic_load_n(&ra->control->nr_slots[class],
				       __ATOMIC_ACQUIRE);
	uint32_t slot;

	if (end > regalloc_nr_slots(&ra->geo))
		return false;
	slot = find_avail(ra, class, from, end);
	if (slot == end) {
		/* The hint may have been too high. */
		slot = find_avail(ra, class, 0, from < end ? from : end);
		if (slot >= from || slot == end)
			return false;
	}
	if (slot != from)
		__atomic_store_n(lowest, slot, __ATOMIC_RELAXED);
	enter_slot(h, class, slot);
	return true;
}

static bool
take_elsewhere(struct regalloc *ra, unsigned int class,
	       struct regalloc_class_hints *h, uint32_t *slice, uint32_t *gen)
{
	/* It is at its end: but of which slot? At first, of none. */
	if (h->next && leave_slot(ra, class, h, slice, gen))
		return true;
	while (next_slot(ra, class, h)) {
		if (take_in_slot(ra, class, h, slice, gen) ||
		    leave_slot(ra, class, h, slice, gen))
			return true;
	}
	return false;
}

bool regalloc_take(struct regalloc *ra, unsigned int class, uint32_t *slice,
		   uint32_t *gen)
{
	struct regalloc_class_hints *h = hints_of(ra, class);

	for (;;) {
		*slice = regalloc_pop_recent(h);
		if (*slice == REGALLOC_NO_SLICE)
			break;
		if (regalloc_word_claim(&ra->class[class].words[*slice], gen))
			return true;
	}
	return take_in_slot(ra, class, h, slice, gen) ||
	       take_elsewhere(ra, class, h, slice, gen);
}

void regalloc_took(struct regalloc *ra, unsigned int class, uint32_t slice)
{
	struct regalloc_class_hints *h = hints_of(ra, class);
	unsigned int shift = regalloc_region_slices_shift(class);

	enter_slot(h, class, slice >> shift);
	h->next = (slice & ((1U << shift) - 1)) + 1;
}

static void
note_avail(struct regalloc *ra, unsigned int class, uint32_t slot)
{
	uint32_t *lowest = &ra->control->lowest[class];

	__atomic_store_n(&ra->class[class].avail[slot], 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(lowest, __ATOMIC_RELAXED) > slot)
		__atomic_store_n(lowest, slot, __ATOMIC_RELAXED);
}

static void
note_dirty(struct regalloc *ra, unsigned int class, uint32_t slot)
{
	__atomic_store_n(&ra->class[class].dirty[slot], 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Close the region in @slot if no slice of it is live. */
static void
close_if_empty(struct regalloc *ra, unsigned int class, uint32_t slot)
{
	unsigned int shift = regalloc_region_slices_shift(class);
	uint32_t nr = 1U << shift;
	const uint32_t *words = ra->class[class].words + ((size_t)slot << shift);
	uint16_t *witness = &ra->class[class].witness[slot];
	uint32_t first = __atomic_load_n(witness, __ATOMIC_RELAXED);

	for (uint32_t i = 0; i < nr; i++) {
		uint32_t slice = (first + i) & (nr - 1);

		if (!regalloc_word_is_live(&words[slice]))
			continue;
		if (i)
			__atomic_store_n(witness, slice, __ATOMIC_RELAXED);
		return;
	}
	regalloc_abi_trim(ra->fd, 0);
}

int regalloc_gave(struct regalloc *ra, unsigned int class, uint32_t slice)
{
	const struct regalloc_class_map *map = &ra->class[class];
	uint32_t slot = slice >> regalloc_region_slices_shift(class);

	regalloc_push_recent(hints_of(ra, class), slice);
	if (!__atomic_load_n(&map->avail[slot], __ATOMIC_SEQ_CST))
		note_avail(ra, class, slot);
	if (!__atomic_load_n(&map->dirty[slot], __ATOMIC_SEQ_CST))
		note_dirty(ra, class, slot);
	if (__atomic_load_n(&ra->control->eager, __ATOMIC_SEQ_CST))
		close_if_empty(ra, class, slot);
	else if (!__atomic_load_n(&ra->control->armed, __ATOMIC_SEQ_CST))
		regalloc_abi_trim(ra->fd, REGALLOC_TRIM_F_ARM);
	return 0;
}
