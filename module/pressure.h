/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pressure: clients are asked to release memory that somebody else needs.
 *
 * What is missing is divided among the clients that hold more than their reserve, in
 * proportion to what they hold above it; but no client is asked for less than
 * REGALLOC_LEAST_ASK, so that a small need goes to few of them, in turn. What has been
 * asked for and not been given yet counts as on its way for a round, and is not asked
 * for again. What is still missing after that is asked for in the next round.
 *
 * A client that has been asked and has not looked yet is not told again: what is
 * wanted of it becomes more, and that is all. Looking clears it.
 */
#ifndef REGALLOC_PRESSURE_H
#define REGALLOC_PRESSURE_H

#include <linux/poll.h>
#include <linux/types.h>

struct regalloc_client;
struct regalloc_domain;

/* How long clients have to release what they were asked for, in milliseconds. */
#define REGALLOC_ROUND_MS	200U

#define REGALLOC_LEAST_ASK	(256UL << 10)

bool regalloc_pressure_raise(struct regalloc_domain *domain,
			     const struct regalloc_client *except, u64 bytes);
void regalloc_pressure_raise_client(struct regalloc_client *client, u64 bytes);
u64 regalloc_pressure_read(struct regalloc_client *client);
__poll_t regalloc_pressure_poll(struct file *file, poll_table *wait);

#endif /* REGALLOC_PRESSURE_H */
