// SPDX-License-Identifier: MIT
#include <string.h>

#include "abi.h"
#include "hints.h"
#include "slice_map.h"

#define LINE_BYTES	64
#define WORDS_IN_LINE	(LINE_BYTES / (uint32_t)sizeof(uint32_t))
#define WORDS_IN_SLOT	(1U << REGALLOC_SLOT_WORDS_SHIFT)
#define HINTS_IN_LINE	(LINE_BYTES / (uint32_t)sizeof(struct regalloc_hint))

/* No client. */
#define NOBODY	((const struct regalloc *)-1)

__thread struct regalloc_thread_hints regalloc_hints REGALLOC_TLS = {
	.client = NOBODY,
};

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

/* Claim a slice that the thread remembers. */
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

/* The number of the next word to look at. */
static uint64_t next_number(const struct regalloc_cursor *cursor)
{
	return cursor->first + cursor->next % WORDS_IN_SLOT;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/*
 * Remember those of the slices that come next in the thread's slot that are free,
 * as if it had released them: a wave then takes most of its slices as quickly as a
 * pair does. They are not claimed, so this keeps none from anybody. The stack is
 * empty.
 */
static void look_ahead(struct regalloc *ra, unsigned int class,
		       struct regalloc_cursor *cursor)
{
	uint64_t number = next_number(cursor);
	uint64_t *top = regalloc_hints.stack[class].handles;
	uint32_t stride = regalloc_class_stride(class), word;
	uint32_t n = (REGALLOC_STACK_HANDLES - 1) * stride;

	/* At the end of the slot, it goes on at its beginning the next time. */
	n = least(n, cursor->end - cursor->next);
	n = least(n, WORDS_IN_SLOT - cursor->next % WORDS_IN_SLOT);
	cursor->next += n;
	/* The lowest is to come first, and so goes last onto the stack. */
	while (n) {
		n -= stride;
		word = regalloc_word_load(&ra->words[number + n]);
		top[1] = regalloc_handle(number + n, regalloc_word_gen(word));
		top += regalloc_word_state(word) == REGALLOC_STATE_FREE;
	}
	regalloc_hints.top[class] = top;
}

/* Eight bytes of shared memory. */
static uint64_t load(const void *at)
{
	typedef uint64_t __attribute__((may_alias)) some;

	return __atomic_load_n((const some *)at, __ATOMIC_RELAXED);
}

/* All bits that are set somewhere in a cache line; a loop would take twice as long. */
static inline uint64_t any_in_line(const void *line)
{
	const char *at = line;

	return load(at) | load(at + 8) | load(at + 16) | load(at + 24) |
	       load(at + 32) | load(at + 40) | load(at + 48) | load(at + 56);
}

/* Leave out a cache line of words to look at that has no free slice. */
static bool skip_line(const struct regalloc *ra, struct regalloc_cursor *cursor)
{
	/* No other state has this bit, and words between those of slices are 0. */
	const uint64_t free = REGALLOC_STATE_FREE |
			      (uint64_t)REGALLOC_STATE_FREE << 32;

	if (cursor->next % WORDS_IN_LINE ||
	    cursor->end - cursor->next < WORDS_IN_LINE ||
	    any_in_line(&ra->words[next_number(cursor)]) & free)
		return false;
	cursor->next += WORDS_IN_LINE;
	return true;
}

/* Claim one of the slices that are left to look at in the thread's slot. */
static uint64_t take_in_slot(struct regalloc *ra, unsigned int class,
			     struct regalloc_cursor *cursor)
{
	bool lines = regalloc_class_stride(class) < WORDS_IN_LINE;
	uint64_t handle = 0;

	while (!handle && cursor->next != cursor->end) {
		if (lines && skip_line(ra, cursor))
			continue;
		look_ahead(ra, class, cursor);
		handle = take_recent(ra, class);
	}
	return handle;
}

/* Look in the slot of a word, from so many words behind its beginning on. */
static void look_from(struct regalloc_cursor *cursor, uint64_t number,
		      uint32_t next)
{
	cursor->first = number - number % WORDS_IN_SLOT;
	cursor->next = next;
	cursor->end = next + WORDS_IN_SLOT;
}

/* Each thread begins at a place of its own. */
static void enter_slot(struct regalloc_cursor *cursor, unsigned int class,
		       uint64_t number)
{
	uint32_t stride = regalloc_class_stride(class);

	look_from(cursor, number,
		  regalloc_hints.number *
		  (stride > WORDS_IN_LINE ? stride : WORDS_IN_LINE));
}

/*
 * The thread has seen no free slice in its slot. Say so to all, and then look
 * again: a release before that is seen by us, one after it says the contrary.
 */
static uint64_t leave_slot(struct regalloc *ra, unsigned int class,
			   struct regalloc_cursor *cursor)
{
	uint8_t *avail = &ra->hints[cursor->first / WORDS_IN_SLOT].avail;
	uint64_t handle;

	/* A hint that is 0 may have no memory. */
	if (__atomic_load_n(avail, __ATOMIC_RELAXED))
		__atomic_store_n(avail, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	enter_slot(cursor, class, cursor->first);
	handle = take_in_slot(ra, class, cursor);
	if (handle)
		__atomic_store_n(avail, 1, __ATOMIC_RELAXED);
	return handle;
}

/* Is none of the slots avail whose hints fill a cache line? */
static bool none_avail(const struct regalloc_hint *hints)
{
	static const struct regalloc_hint mask[]
		__attribute__((aligned(sizeof(uint64_t)))) = {
		{ .avail = 0xff }, { .avail = 0xff },
		{ .avail = 0xff }, { .avail = 0xff },
	};

	return !(any_in_line(hints) & load(mask));
}

/* The first slot of @from to @to - 1 that may have a free slice, else @to. */
static uint32_t find_avail(const struct regalloc *ra, unsigned int class,
			   uint32_t from, uint32_t to)
{
	const struct regalloc_hint *hints = slot_hint(ra, class, 0);
	uint32_t slot;

	for (slot = from; slot < to; slot++) {
		if (slot % HINTS_IN_LINE == 0 && to - slot >= HINTS_IN_LINE &&
		    none_avail(&hints[slot]))
			slot += HINTS_IN_LINE - 1;
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
	enter_slot(cursor, class, slice_number(ra, class, slot, 0));
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

	hints_check(ra);
	look_from(&regalloc_hints.cursor[class], number,
		  number % WORDS_IN_SLOT + regalloc_class_stride(class));
}

int regalloc_remember(unsigned int class, uint64_t handle)
{
	uint64_t *handles = regalloc_hints.stack[class].handles;
	const unsigned int half = REGALLOC_STACK_HANDLES / 2;

	if (regalloc_push(class, handle))
		return 0;
	memcpy(handles + 1, handles + half + 1,
	       (half - 1) * sizeof(*handles));
	handles[half] = handle;
	regalloc_hints.top[class] = handles + half;
	return 0;
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

/* Close the region in @slot if no slice of it is live; whether it was so. */
static bool close_if_empty(struct regalloc *ra, unsigned int class,
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
		return false;
	}
	regalloc_abi_trim(ra->fd, REGALLOC_TRIM_F_NOTIFY);
	return true;
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
	regalloc_remember(class, handle);
	if (!__atomic_load_n(&hint->avail, __ATOMIC_SEQ_CST))
		note_avail(ra, class, slot);
	if (!__atomic_load_n(&hint->dirty, __ATOMIC_SEQ_CST))
		note_dirty(ra, class, slot);
	attention = __atomic_load_n(&ra->control->attention, __ATOMIC_SEQ_CST);
	if (attention & REGALLOC_ATTENTION_WAIT)
		regalloc_abi_trim(ra->fd, REGALLOC_TRIM_F_NOTIFY);
	else if ((!(attention & REGALLOC_ATTENTION_CLOSE) ||
		  !close_if_empty(ra, class, slot)) &&
		 (attention & REGALLOC_ATTENTION_ARM))
		regalloc_abi_trim(ra->fd, REGALLOC_TRIM_F_ARM);
	return 0;
}
