/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_BITOPS_H
#define SHIM_LINUX_BITOPS_H

#include <stdbool.h>

#define SHIM_LONG_BITS	(8 * sizeof(long))

static inline void __set_bit(unsigned int nr, unsigned long *bits)
{
	bits[nr / SHIM_LONG_BITS] |= 1UL << nr % SHIM_LONG_BITS;
}

static inline bool __test_and_clear_bit(unsigned int nr, unsigned long *bits)
{
	unsigned long mask = 1UL << nr % SHIM_LONG_BITS;
	bool was = bits[nr / SHIM_LONG_BITS] & mask;

	bits[nr / SHIM_LONG_BITS] &= ~mask;
	return was;
}

#endif /* SHIM_LINUX_BITOPS_H */
