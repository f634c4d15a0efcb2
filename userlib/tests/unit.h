/* SPDX-License-Identifier: MIT */
/* What the files of the unit test share: they differ only in their topics. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <regalloc.h>

#include "device.h"

#define SPAN (UINT64_C(1) << 30)

/* A new device with so many regions, and its first client. */
struct regalloc *unit_open(uint64_t budget_regions);

/* One more client. */
struct regalloc *unit_open_more(void);

/* The end of a client that nobody uses; its hints must be right. */
void unit_close(struct regalloc *ra);

/* unit_slices.c */
void test_pairs(void);
void test_errors(void);
void test_generations(void);
void test_release_addr(void);
void test_alloc_many(void);
void test_release_many(void);
void test_zero(void);
void test_closed_memory(void);

/* unit_sharing.c */
void test_two_clients(void);
void test_fork(void);
void test_other_thread(void);
void test_thread_exit(void);

/* unit_hints.c */
void test_remembered(void);
void test_begin(void);
void test_wave(void);
void test_far(void);
void test_shape(void);
void test_full(void);
void test_attention(void);

/* unit_policy.c */
void test_lowest_first(void);
void test_wrong_hints(void);
void test_drain(void);
void test_arm(void);
void test_eager(void);
void test_eager_arm(void);

#endif /* TESTS_UNIT_H */
