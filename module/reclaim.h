/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reclaim: when spare regions are closed and idle memory is punched, and for whom.
 *
 *	room	somebody needs memory and the budget has none left, see alloc.h
 *	trim	a client asks for it
 *	decay	it has not been used for decay_ms
 *	fit	the budget has been lowered, or a reserve raised
 *
 * With decay_ms = 0, and while somebody waits for room, a region does not become
 * a spare: the release that empties it closes it.
 */
#ifndef REGALLOC_RECLAIM_H
#define REGALLOC_RECLAIM_H

#include <linux/types.h>

struct regalloc_client;
struct regalloc_domain;

u64 regalloc_reclaim_own(struct regalloc_client *client, u64 bytes);
u64 regalloc_reclaim_others(struct regalloc_client *client, u64 bytes);
bool regalloc_reclaim_map_pages(struct regalloc_domain *domain,
				struct regalloc_client *client);
unsigned int regalloc_reclaim_trim(struct regalloc_client *client);
void regalloc_reclaim_kick_own(const struct regalloc_client *client);
unsigned int regalloc_reclaim_notified(struct regalloc_client *client);
unsigned int regalloc_reclaim_arm_client(struct regalloc_client *client);
void regalloc_reclaim_flush(struct regalloc_client *client);
void regalloc_reclaim_fit_client(struct regalloc_client *client);
void regalloc_reclaim_fit(struct regalloc_domain *domain,
			  const struct regalloc_client *except);
void regalloc_reclaim_update_closing(struct regalloc_domain *domain);

void regalloc_reclaim_init(struct regalloc_domain *domain);
void regalloc_reclaim_exit(struct regalloc_domain *domain);
void regalloc_reclaim_expect_idle(struct regalloc_domain *domain);
void regalloc_reclaim_arm(struct regalloc_client *client);
void regalloc_reclaim_set_decay(struct regalloc_domain *domain,
				unsigned int decay_ms);
int regalloc_reclaim_set_budget(struct regalloc_domain *domain, u64 bytes);

#endif /* REGALLOC_RECLAIM_H */
