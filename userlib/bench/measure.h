/* SPDX-License-Identifier: MIT */
/*
 * Clock, memory counters and output. Nothing here calls malloc(), which may be
 * what is being measured.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench.h"

/* Nanoseconds on a clock that only goes forward. */
uint64_t now_ns(void);

/* Prints a row; @metric is a printf format. */
void row(const struct plan *plan, double value, const char *metric, ...)
	__attribute__((format(printf, 3, 4)));

/* Resident bytes of this process. */
int resident_bytes(uint64_t *bytes);

/* Bytes of this machine that are not in use. */
int free_bytes(uint64_t *bytes);

/* Page faults of this process so far. */
uint64_t page_faults(void);

/* Zeroed memory that is there already: touching it costs nothing more. */
void *table_new(size_t count, size_t size);

/* Writes a word to each page. */
void touch(void *addr, uint64_t bytes);

/*
 * QEMU's TLB doubles when it is flushed while it is nearly full, shrinks when it is
 * flushed after a while of little use, and else stays as whatever ran before left
 * it. This has it adapt to a program that touches so many bytes. A processor's TLB
 * does not care.
 */
int settle(uint64_t bytes);

/* Random numbers, the same in every run. */
uint64_t random_next(uint64_t *state);

/* The first @n of @count numbers in @list become a random choice of them all. */
void random_choose(uint64_t *state, uint32_t *list, uint32_t count, uint32_t n);

#endif /* BENCH_MEASURE_H */
