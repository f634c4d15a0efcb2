/* SPDX-License-Identifier: GPL-2.0-only */
/* A single player with the device to himself: the same again with each run. */
#ifndef FUZZ_SOLO_H
#define FUZZ_SOLO_H

#include <stdbool.h>
#include <stdint.h>

#include "op.h"

/* The operations of a seed; to be freed. */
struct op *solo_draw(uint64_t seed, uint32_t nr_ops);
/* Play them in a process of their own; its exit status. */
int solo_play(uint64_t seed, const struct op *ops, uint32_t nr_ops,
	      bool trace, bool mute);
/* Play the sequence of a seed; whether all went well. */
bool solo_run(uint64_t seed, uint32_t nr_ops);

#endif /* FUZZ_SOLO_H */
