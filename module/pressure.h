/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pressure: clients are asked to release memory that somebody else needs.
 *
 * Who has no more than its reserve is not asked. Who has been asked and has not
 * looked yet is not asked again: what is wanted of it becomes more, and that is
 * all. Looking clears it.
 */
#ifndef REGALLOC_PRESSURE_H
#define REGALLOC_PRESSURE_H

#include <linux/poll.h>
#include <linux/types.h>

struct regalloc_client;
struct regalloc_domain;

void regalloc_pressure_raise(struct regalloc_domain *domain,
			     const struct regalloc_client *except, u64 bytes);
void regalloc_pressure_raise_client(struct regalloc_client *client, u64 bytes);
u64 regalloc_pressure_read(struct regalloc_client *client);
__poll_t regalloc_pressure_poll(struct file *file, poll_table *wait);

#endif /* REGALLOC_PRESSURE_H */
