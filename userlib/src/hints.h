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
 * @top: the place of the next one in @recent
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
} __attribute__((aligned(64)));

/**
 * struct regalloc_thread_hints - what a thread remembers
 * @client: of which client; it starts afresh with each change
 * @start: where in a slot it begins to look
 * @class: by size class
 */
struct regalloc_thread_hints {
	uint64_t client;
	uint32_t start;
	struct regalloc_class_hints class[REGALLOC_NR_CLASSES];
};

extern __thread struct regalloc_thread_hints regalloc_hints
	__attribute__((tls_model("initial-exec")));

/* Are the thread's hints about this client? */
static inline bool regalloc_hints_valid(const struct regalloc *ra)
{
	return __builtin_expect(regalloc_hints.client == ra->id, 1);
}

/* Forget and return the slice that was released last, if we know one. */
static inline uint32_t regalloc_pop_recent(struct regalloc_class_hints *h)
{
	uint32_t top = (h->top - 1) % REGALLOC_NR_RECENT;
	uint32_t slice = h->recent[top];

	if (slice != REGALLOC_NO_SLICE) {
		h->recent[top] = REGALLOC_NO_SLICE;
		h->top = top;
	}
	return slice;
}

static inline void regalloc_push_recent(struct regalloc_class_hints *h,
					uint32_t slice)
{
	uint32_t top = h->top;

	h->recent[top] = slice;
	h->top = (top + 1) % REGALLOC_NR_RECENT;
}

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
 * regalloc_gave() - a slice has been released: remember it, and tell others
 * @ra: the client
 * @class: size class
 * @slice: its number in the class
 *
 * Returns 0.
 */
int regalloc_gave(struct regalloc *ra, unsigned int class, uint32_t slice);

/*
 * After a release in @slot of a class, does everybody know already what they
 * should? These loads must not come before the release: like it, they are
 * sequentially consistent.
 */
static inline bool regalloc_nothing_to_tell(const struct regalloc *ra,
					    const struct regalloc_class_map *map,
					    uint32_t slot)
{
	return __atomic_load_n(&map->avail[slot], __ATOMIC_SEQ_CST) &&
	       __atomic_load_n(&map->dirty[slot], __ATOMIC_SEQ_CST) &&
	       __atomic_load_n(&ra->control->armed, __ATOMIC_SEQ_CST) &&
	       !__atomic_load_n(&ra->control->eager, __ATOMIC_SEQ_CST);
}

#endif /* REGALLOC_SRC_HINTS_H */
