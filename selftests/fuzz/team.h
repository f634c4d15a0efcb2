/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several players at once, each in its process with its client, under a budget
 * that is too small for all of them. Some are killed on the way.
 */
#ifndef FUZZ_TEAM_H
#define FUZZ_TEAM_H

#include <stdbool.h>
#include <stdint.h>

#define TEAM_MOST	16

/**
 * team_run() - let a team play
 * @seed: decides what each of them does, though not in which order
 * @nr_ops: operations of each
 * @procs: number of players, up to TEAM_MOST
 * @hostile: beside them, one that obeys no rule
 *
 * Return: whether all that were not killed found everything right, and nothing
 * was left in the end.
 */
bool team_run(uint64_t seed, uint32_t nr_ops, uint32_t procs, bool hostile);

#endif /* FUZZ_TEAM_H */
