/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_SHRINK_H
#define FUZZ_SHRINK_H

#include <stdint.h>

/*
 * Print the operations of a failing sequence without which it does not fail,
 * and what happens in them. After some minutes, what has been found by then.
 */
void shrink(uint64_t seed, uint32_t nr_ops);

#endif /* FUZZ_SHRINK_H */
