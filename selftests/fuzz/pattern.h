/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is written into slices: in every KiB a word that says whose it is, of
 * which filling and for which place. So the bytes of somebody else, of another
 * slice or of another time are known as such. All functions return the signal
 * that the access raised, or 0.
 */
#ifndef FUZZ_PATTERN_H
#define FUZZ_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#define PATTERN_STEP		1024
/* Bits of an owner and of the number of a filling. */
#define PATTERN_OWNER_BITS	22
#define PATTERN_SERIAL_BITS	22

/**
 * struct pattern - one filling of one slice
 * @addr: of the slice
 * @bytes: of the slice
 * @owner: whose it is
 * @serial: number of the filling
 * @bad: set by a look: where the first wrong word is; @bytes: there is none
 * @word: and what it is
 */
struct pattern {
	uint8_t *addr;
	uint32_t bytes;
	uint32_t owner;
	uint32_t serial;
	uint32_t bad;
	uint64_t word;
};

int pattern_fill(struct pattern *p);
/* Is it just this filling? */
int pattern_check(struct pattern *p);
/* Is there nothing that somebody else wrote? Zeros and own fillings are right. */
int pattern_check_foreign(struct pattern *p);
/* Are all bytes zero? */
int pattern_check_zero(struct pattern *p);

#endif /* FUZZ_PATTERN_H */
