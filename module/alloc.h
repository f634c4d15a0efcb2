/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocation: where memory is looked for, and in which order.
 *
 *	1. a free slice of an open region
 *	2. a new region, or memory in a hole, if limit and budget have room for it
 *	3. room made by returning spare and idle memory of the client's own
 *	4. room made by returning that of other clients
 *	5. room that others make when they are asked to (pressure.h), for those
 *	   who wait (waiters.h)
 *
 * Room in the budget belongs to those who wait for it: whoever comes later gets
 * none beyond its reserve.
 */
#ifndef REGALLOC_ALLOC_H
#define REGALLOC_ALLOC_H

#include <linux/ktime.h>
#include <linux/types.h>

struct regalloc_client;

/**
 * struct regalloc_request - slices that somebody wants
 * @client: who
 * @class: size class
 * @zero: they are to be filled with zeros
 * @count: how many, at least 1
 * @handles: where to store their handles
 * @end: until when to wait if there is no memory, by ktime_get(); 0: not at all;
 *	KTIME_MAX: without end
 */
struct regalloc_request {
	struct regalloc_client *client;
	unsigned int class;
	bool zero;
	unsigned int count;
	u64 *handles;
	ktime_t end;
};

int regalloc_alloc(const struct regalloc_request *req);

#endif /* REGALLOC_ALLOC_H */
