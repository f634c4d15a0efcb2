/* SPDX-License-Identifier: GPL-2.0-only */
/* The domain: one budget, and all clients under it. client.h has the locks. */
#ifndef REGALLOC_DOMAIN_H
#define REGALLOC_DOMAIN_H

#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include "budget.h"
#include "geometry.h"

/**
 * struct regalloc_domain - one budget and the clients under it
 * @misc: the device through which they come
 * @geo: shape of the clients' windows
 * @budget: what all of them may hold
 * @decay_ms: how long a spare region stays open if nobody needs its memory.
 *	Written under the domain's lock
 * @decay: closes those whose time has come
 * @last_id: the number that the latest client got
 * @walks: those through @clients by who takes his time
 * @gave: number of the client that gave memory to another one last. Only a place
 *	to go on at
 * @asked: number of the client that was asked for memory last, likewise. Domain's
 *	lock
 * @lock: protects the members below
 * @clients: all clients
 * @nr_clients: how many there are
 * @closing: they close each region in the release that empties it
 */
struct regalloc_domain {
	struct miscdevice misc;
	struct regalloc_geometry geo;
	struct regalloc_budget budget;
	unsigned int decay_ms;
	struct delayed_work decay;
	atomic64_t last_id;
	struct srcu_struct walks;
	u64 gave;
	u64 asked;
	struct mutex lock;	/* the list of clients */
	struct list_head clients;
	unsigned int nr_clients;
	bool closing;
};

int regalloc_domain_init(struct regalloc_domain *domain);
void regalloc_domain_exit(struct regalloc_domain *domain);

#endif /* REGALLOC_DOMAIN_H */
