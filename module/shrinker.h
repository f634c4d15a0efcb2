/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shrinker: when the system is short of memory, spare regions go before
 * anything else has to.
 *
 * It runs inside other people's allocations, and only tries the clients' locks.
 * /sys/kernel/debug/regalloc/shrink has lockdep see those that it takes inside.
 */
#ifndef REGALLOC_SHRINKER_H
#define REGALLOC_SHRINKER_H

struct regalloc_domain;

int regalloc_shrinker_init(struct regalloc_domain *domain);
void regalloc_shrinker_exit(void);

#endif /* REGALLOC_SHRINKER_H */
