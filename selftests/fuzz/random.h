/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that depend on a seed alone, on every machine (splitmix64). */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include <stdint.h>

static inline uint64_t fuzz_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* The next number; moves the seed on. */
static inline uint64_t fuzz_random(uint64_t *seed)
{
	*seed += 0x9e3779b97f4a7c15ULL;
	return fuzz_mix(*seed);
}

/* A seed for what has its own sequence: the same @nr gives the same one. */
static inline uint64_t fuzz_sub_seed(uint64_t seed, uint64_t nr)
{
	return fuzz_mix(seed + fuzz_mix(nr + 1));
}

#endif /* FUZZ_RANDOM_H */
