/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinned memory: closed regions of which somebody still references a page.
 *
 * Direct I/O, io_uring, vmsplice and the like may hold on to a page for as long
 * as they want. The region has left its pool, belongs to the list here and stays
 * charged for those chunks. It is looked at from time to time, and whenever
 * somebody is short of budget, until all of them are free.
 *
 * Locks, outer first:
 *
 *	reap_lock	a mutex, held while looking at the regions, which are not
 *			in the list meanwhile
 *	pinned_lock	a spinlock, for the list and the delay until the next
 *			look; all that who closes a region waits for
 */
#ifndef REGALLOC_PINNED_H
#define REGALLOC_PINNED_H

#include <linux/types.h>

struct regalloc_region;
struct workqueue_struct;

/* For work that closes regions: it may take long and likes any CPU. */
extern struct workqueue_struct *regalloc_wq;

void regalloc_pinned_add(struct regalloc_region *region);
bool regalloc_pinned_reap(void);

int regalloc_pinned_init(void);
void regalloc_pinned_exit(void);

#endif /* REGALLOC_PINNED_H */
