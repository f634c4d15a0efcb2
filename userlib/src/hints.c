// SPDX-License-Identifier: MIT
#include <string.h>

#include "abi.h"
#include "hints.h"
#include "slice_map.h"

/* State words in a cache line. */
#define WORDS_IN_LINE	16

/* No client. */
#define NOBODY	((const struct regalloc *)-1)

__thread struct regalloc_thread_hints regalloc_hints = { .client = NOBODY };

static void hints_reset(const struct regalloc *ra)
{
	static uint32_t nr_threads;
	struct regalloc_thread_hints *hints = &regalloc_hints;

	if (hints->client == NOBODY)
		hints->number = __atomic_fetch_add(&nr_threads, 1,
						   __ATOMIC_RELAXED);
	memset(hints->cursor, 0, sizeof(hints->cursor));
	for (unsigned int c = 0; c < REGALLOC_NR_CLASSES; c++)
		hints->top[c] = hints->stack[c].handles;
	hints->client = ra;
}

static void hints_check(const struct regalloc *ra)
{
	if (!regalloc_hints_valid(ra))
		hints_reset(ra);
}

/* The hints of the slots of a class, or that of one of them. */
static struct regalloc_hint *slot_hint(const struct regalloc *ra,
				       unsigned int class, uint32_t slot)
{
	return &ra->hints[class * regalloc_nr_slots(&ra->geo) + slot];
}

static uint64_t slice_number(const struct regalloc *ra, unsigned int class,
			     uint32_t slot, uint32_t slice)
{
	uint64_t slots = class * regalloc_nr_slots(&ra->geo) + slot;

	return (slots << REGALLOC_SLOT_WORDS_SHIFT) +
	       slice * regalloc_class_stride(class);
}

/*
 * Remember the free slices that come next in the thread's slot, as if it had
 * released them: a wave then takes most of its slices as quickly as a pair does.
 * The stack is empty. They are not claimed, so this keeps none from anybody.
 */
static void look_ahead(struct regalloc *ra, unsigned int class,
		       struct regalloc_cursor *cursor)
{
	uint32_t mask = (1U << regalloc_region_slices_shift(class)) - 1, word;
	uint64_t found[REGALLOC_STACK_HANDLES - 1], number;
	unsigned int n = 0;

	while (n < REGALLOC_STACK_HANDLES - 1 && cursor->next != cursor->end) {
		number = slice_number(ra, class, cursor->slot,
				      cursor->next & mask);
		word = regalloc_word_load(&ra->words[number]);
		if (regalloc_word_state(word) != REGALLOC_STATE_FREE)
			break;
		found[n++] = regalloc_handle(number, regalloc_word_gen(word));
		cursor->next++;
	}
	/* The lowest comes first. */
	while (n)
		regalloc_push(class, found[--n]);
}

/* Claim one of the slices that are left to look at in the thread's slot. */
static uint64_t take_in_slot(struct regalloc *ra, unsigned int class,
			     struct regalloc_cursor *cursor)
{
	uint32_t mask = (1U << regalloc_region_slices_shift(class)) - 1, gen;
	uint64_t number;

	while (cursor->next != cursor->end) {
		number = slice_number(ra, class, cursor->slot,
				      cursor->next & mask);
		cursor->next++;
		if (regalloc_word_claim_any(&ra->words[number], &gen)) {
			look_ahead(ra, class, cursor);
			return regalloc_handle(number, gen);
		}
	}
	return 0;
}

/* Look in a slot from the slice @first on. */
static void look_from(struct regalloc_cursor *cursor, unsigned int class,
		      uint32_t slot, uint32_t first)
{
	cursor->slot = slot;
	cursor->next = first;
	cursor->end = first + (1U << regalloc_region_slices_shift(class));
}

static void enter_slot(struct regalloc_cursor *cursor, unsigned int class,
		       uint32_t slot)
{
	uint32_t slices_in_line = WORDS_IN_LINE >> class;

	look_from(cursor, class, slot,
		  regalloc_hints.number * (slices_in_line ? slices_in_line : 1));
}

/*
 * The thread has seen no free slice in its slot. Say so to all, and then look
 * again: a release before that is seen by us, one after it says the contrary.
 */
static uint64_t leave_slot(struct regalloc *ra, unsigned int class,
			   struct regalloc_cursor *cursor)
{
	uint8_t *avail = &slot_hint(ra, class, cursor->slot)->avail;
	uint64_t handle;

	__atomic_store_n(avail, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	enter_slot(cursor, class, cursor->slot);
	handle = take_in_slot(ra, class, cursor);
	if (handle)
		__atomic_store_n(avail, 1, __ATOMIC_RELAXED);
	return handle;
}

/* Hints in a cache line, which are looked at in one go. */
#define HINTS_AT_ONCE	32

/* Is none of so many slots avail? */
static bool none_avail(const struct regalloc_hint *hints)
{
	typedef uint64_t __attribute__((may_alias)) some;
	static const struct regalloc_hint mask[]
		__attribute__((aligned(sizeof(some)))) = {
		{ .avail = 0xff }, { .avail = 0xff },
		{ .avail = 0xff }, { .avail = 0xff },
	};
	const some *line = (const some *)hints;
	some any = 0;

	for (unsigned int i = 0; i < HINTS_AT_ONCE * sizeof(*hints) / sizeof(any);
	     i++)
		any |= __atomic_load_n(&line[i], __ATOMIC_RELAXED);
	return !(any & *(const some *)mask);
}

/* The first slot of @from to @to - 1 that may have a free slice, else @to. */
static uint32_t find_avail(const struct regalloc *ra, unsigned int class,
			   uint32_t from, uint32_t to)
{
	const struct regalloc_hint *hints = slot_hint(ra, class, 0);
	uint32_t slot;

	for (slot = from; slot < to; slot++) {
		if (slot % HINTS_AT_ONCE == 0 && to - slot >= HINTS_AT_ONCE &&
		    none_avail(&hints[slot]))
			slot += HINTS_AT_ONCE - 1;
		else if (__atomic_load_n(&hints[slot].avail, __ATOMIC_RELAXED))
			return slot;
	}
	return to;
}

/* Go to the lowest slot that may have a free slice. */
static bool next_slot(struct regalloc *ra, unsigned int class,
		      struct regalloc_cursor *cursor)
{
	uint32_t *lowest = &ra->control->lowest[class];
	uint32_t from = __atomic_load_n(lowest, __ATOMIC_RELAXED);
	uint32_t end = __atomic_load_n(&ra->control->nr_slots[class],
				       __ATOMIC_ACQUIRE);
	uint32_t slot;

	if (end > regalloc_nr_slots(&ra->geo))
		return false;
	slot = find_avail(ra, class, from, end);
	if (slot >= end) {
		/* The hint may have been too high. */
		slot = find_avail(ra, class, 0, from < end ? from : end);
		if (slot >= from || slot == end)
			return false;
	}
	if (slot != from)
		__atomic_store_n(lowest, slot, __ATOMIC_RELAXED);
	enter_slot(cursor, class, slot);
	return true;
}

static uint64_t take_elsewhere(struct regalloc *ra, unsigned int class,
			       struct regalloc_cursor *cursor)
{
	uint64_t handle = 0;

	/* It is at its end: but of which slot? At first, of none. */
	if (cursor->next)
		handle = leave_slot(ra, class, cursor);
	while (!handle && next_slot(ra, class, cursor)) {
		handle = take_in_slot(ra, class, cursor);
		if (!handle)
			handle = leave_slot(ra, class, cursor);
	}
	return handle;
}

/* Claim a slice that the thread released a while ago. */
static uint64_t take_recent(struct regalloc *ra, unsigned int class)
{
	uint64_t handle, number;
	uint32_t gen;

	for (;;) {
		handle = regalloc_pop(class);
		if (!handle)
			return 0;
		number = regalloc_handle_number(handle);
		if (regalloc_word_claim_any(&ra->words[number], &gen))
			return regalloc_handle(number, gen);
	}
}

uint64_t regalloc_take(struct regalloc *ra, unsigned int class)
{
	struct regalloc_cursor *cursor = &regalloc_hints.cursor[class];
	uint64_t handle;

	hints_check(ra);
	handle = take_recent(ra, class);
	if (!handle)
		handle = take_in_slot(ra, class, cursor);
	if (!handle)
		handle = take_elsewhere(ra, class, cursor);
	return handle;
}

void regalloc_took(struct regalloc *ra, uint64_t handle)
{
	uint64_t number = regalloc_handle_number(handle);
	unsigned int class = number >> ra->class_shift;
	struct regalloc_cursor *cursor = &regalloc_hints.cursor[class];
	uint32_t in_span = number & ((UINT64_C(1) << ra->class_shift) - 1);

	hints_check(ra);
	look_from(cursor, class, in_span >> REGALLOC_SLOT_WORDS_SHIFT,
		  (in_span / regalloc_class_stride(class)) + 1);
}

/* Remember a handle; if there is no room, instead of the oldest ones. */
static void remember(unsigned int class, uint64_t handle)
{
	uint64_t *handles = regalloc_hints.stack[class].handles;
	const unsigned int half = REGALLOC_STACK_HANDLES / 2;

	if (regalloc_push(class, handle))
		return;
	memcpy(handles + 1, handles + half + 1,
	       (half - 1) * sizeof(*handles));
	regalloc_hints.top[class] = handles + half - 1;
	regalloc_push(class, handle);
}

static void note_avail(struct regalloc *ra, unsigned int class, uint32_t slot)
{
	uint32_t *lowest = &ra->control->lowest[class];

	__atomic_store_n(&slot_hint(ra, class, slot)->avail, 1,
			 __ATOMIC_RELAXED);
	if (__atomic_load_n(lowest, __ATOMIC_RELAXED) > slot)
		__atomic_store_n(lowest, slot, __ATOMIC_RELAXED);
}

static void note_dirty(struct regalloc *ra, unsigned int class, uint32_t slot)
{
	__atomic_store_n(&slot_hint(ra, class, slot)->dirty, 1,
			 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Close the region in @slot if no slice of it is live. */
static void close_if_empty(struct regalloc *ra, unsigned int class,
			   uint32_t slot)
{
	uint32_t nr = 1U << regalloc_region_slices_shift(class);
	uint16_t *witness = &ra->witness[slot_hint(ra, class, slot) - ra->hints];
	uint32_t first = __atomic_load_n(witness, __ATOMIC_RELAXED);

	for (uint32_t i = 0; i < nr; i++) {
		uint32_t slice = (first + i) & (nr - 1);
		uint64_t number = slice_number(ra, class, slot, slice);

		if (!regalloc_word_is_live(&ra->words[number]))
			continue;
		if (i)
			__atomic_store_n(witness, slice, __ATOMIC_RELAXED);
		return;
	}
	regalloc_abi_trim(ra->fd, 0);
}

int regalloc_gave(struct regalloc *ra, uint64_t handle)
{
	uint64_t number = regalloc_handle_number(handle);
	unsigned int class = number >> ra->class_shift;
	uint32_t slot = (number & ((UINT64_C(1) << ra->class_shift) - 1)) >>
			REGALLOC_SLOT_WORDS_SHIFT;
	const struct regalloc_hint *hint = slot_hint(ra, class, slot);
	uint32_t attention;

	hints_check(ra);
	remember(class, handle);
	if (!__atomic_load_n(&hint->avail, __ATOMIC_SEQ_CST))
		note_avail(ra, class, slot);
	if (!__atomic_load_n(&hint->dirty, __ATOMIC_SEQ_CST))
		note_dirty(ra, class, slot);
	attention = __atomic_load_n(&ra->control->attention, __ATOMIC_SEQ_CST);
	if (attention & REGALLOC_ATTENTION_WAIT)
		regalloc_abi_trim(ra->fd, 0);
	else if (attention & REGALLOC_ATTENTION_CLOSE)
		close_if_empty(ra, class, slot);
	else if (attention & REGALLOC_ATTENTION_ARM)
		regalloc_abi_trim(ra->fd, REGALLOC_TRIM_F_ARM);
	return 0;
}
