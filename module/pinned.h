/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The spaces with pinned memory (space.h). They are scanned from time to time,
 * and whenever a task is short of budget, until all of it is free.
 *
 * Locks, outer first:
 *
 *	reap_lock	a mutex, held while spaces are scanned, which are not in the
 *			list meanwhile
 *	pinned_lock	a spinlock, for the list and the delay until the next
 *			scan; the only one that a task that removes memory waits for
 */
#ifndef REGALLOC_PINNED_H
#define REGALLOC_PINNED_H

#include <linux/types.h>

struct regalloc_space;
struct workqueue_struct;

/* For work that frees memory: it may take long and likes any CPU. */
extern struct workqueue_struct *regalloc_wq;

void regalloc_pinned_add(struct regalloc_space *space);
bool regalloc_pinned_reap(void);

int regalloc_pinned_init(void);
void regalloc_pinned_exit(void);

#endif /* REGALLOC_PINNED_H */
