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

/* Handles in a stack, the one at the bottom included. */
#define REGALLOC_STACK_HANDLES	8

/**
 * struct regalloc_stack - the slices of a class that a thread released last
 * @handles: what the next allocation of each is called. The first is 0, which
 *	no allocation is called, and ends it
 */
struct regalloc_stack {
	uint64_t handles[REGALLOC_STACK_HANDLES];
} __attribute__((aligned(64)));

/**
 * struct regalloc_cursor - where a thread looks for other slices of a class
 * @first: the number of the first word of the slot that it looks in
 * @next: the next word to look at: so many after @first, modulo those of a slot
 * @end: when @next is this, it has looked at all of the slot
 */
struct regalloc_cursor {
	uint64_t first;
	uint32_t next;
	uint32_t end;
};

/**
 * struct regalloc_thread_hints - what a thread remembers
 * @top: by size class, the top of the stack; points into @stack
 * @client: of which client; never NULL. It starts afresh with each change
 * @number: of the thread
 * @stack: by size class
 * @cursor: by size class
 */
struct regalloc_thread_hints {
	uint64_t *top[REGALLOC_NR_CLASSES];
	const struct regalloc *client;
	uint32_t number;
	struct regalloc_stack stack[REGALLOC_NR_CLASSES];
	struct regalloc_cursor cursor[REGALLOC_NR_CLASSES];
};

/* At a fixed place: no call to find it. The compiler wants to be told twice. */
#define REGALLOC_TLS __attribute__((tls_model("initial-exec")))

extern __thread struct regalloc_thread_hints regalloc_hints REGALLOC_TLS;

/* Are the thread's hints about this client? Then it is not NULL either. */
static inline bool regalloc_hints_valid(const struct regalloc *ra)
{
	return __builtin_expect(regalloc_hints.client == ra, 1);
}

/* Forget and return what was remembered last; 0 if there is nothing. */
static inline uint64_t regalloc_pop(uint64_t class)
{
	uint64_t *top = regalloc_hints.top[class];
	uint64_t handle = *top;

	if (handle)
		regalloc_hints.top[class] = top - 1;
	return handle;
}

/* Remember a handle; false if there is no room. */
static inline bool regalloc_push(uint64_t class, uint64_t handle)
{
	uint64_t *top = regalloc_hints.top[class] + 1;

	/* A stack is as large as its alignment: behind it, the next begins. */
	if ((uintptr_t)top % sizeof(struct regalloc_stack) == 0)
		return false;
	*top = handle;
	regalloc_hints.top[class] = top;
	return true;
}

/*
 * After a release in a slot, does everybody know already what they should?
 * These loads must not come before the release: like it, they are sequentially
 * consistent.
 */
static inline bool regalloc_nothing_to_tell(const struct regalloc *ra,
					    uint64_t slot)
{
	typedef uint16_t __attribute__((may_alias)) both;
	const both all_set = 0x0101;
	both hint = __atomic_load_n((const both *)&ra->hints[slot],
				    __ATOMIC_SEQ_CST);
	uint32_t attention = __atomic_load_n(&ra->control->attention,
					     __ATOMIC_SEQ_CST);

	return __builtin_expect(!((hint ^ all_set) | attention), 1);
}

/**
 * regalloc_take() - claim a free slice, if one can be found without the kernel
 * @ra: the client
 * @class: size class, valid
 *
 * Returns its handle, or 0.
 */
uint64_t regalloc_take(struct regalloc *ra, unsigned int class);

/**
 * regalloc_took() - the kernel gave us a slice: look beside it for the next
 * @ra: the client
 * @handle: of the slice
 */
void regalloc_took(struct regalloc *ra, uint64_t handle);

/**
 * regalloc_remember() - a slice has been released, and all know what they should
 * @class: of the slice
 * @handle: what its next allocation is called
 *
 * If there is no room, the oldest ones are forgotten. The thread's hints are
 * about the client of the slice. Returns 0.
 */
int regalloc_remember(unsigned int class, uint64_t handle);

/**
 * regalloc_gave() - a slice has been released: remember it, and tell others
 * @ra: the client
 * @handle: what its next allocation is called
 *
 * Returns 0.
 */
int regalloc_gave(struct regalloc *ra, uint64_t handle);

#endif /* REGALLOC_SRC_HINTS_H */
