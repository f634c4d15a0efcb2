/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often each kind of operation had which result, in memory that all
 * processes share.
 */
#ifndef FUZZ_TALLY_H
#define FUZZ_TALLY_H

#include <stdbool.h>
#include <stdint.h>

/* Beside 0 and negative errnos, an operation may result in these. */
#define FUZZ_SKIPPED	1	/* there was nothing that it could be done to */
#define FUZZ_SIGBUS	2
#define FUZZ_SIGSEGV	3

void tally_init(void);
void tally_add(unsigned int kind, int result);
uint64_t tally_total(void);
/* Prints the table. */
void tally_print(void);
/* Whether each kind of operation that is drawn at all has succeeded. */
bool tally_all_succeeded(void);

/* What a signal is as a result. */
int tally_signal(int sig);
const char *tally_result_name(int result);

#endif /* FUZZ_TALLY_H */
