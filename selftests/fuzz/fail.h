/* SPDX-License-Identifier: GPL-2.0-only */
/* What a process does when it sees something that must not be. */
#ifndef FUZZ_FAIL_H
#define FUZZ_FAIL_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct fail_context - what to say besides; one for a process
 * @seed: of its sequence
 * @op: number of the operation
 * @name: of its kind
 * @trace: print what is done
 * @mute: do not say why it failed
 */
struct fail_context {
	uint64_t seed;
	uint32_t op;
	const char *name;
	bool trace;
	bool mute;
};

extern struct fail_context fail_context;

/* Exit status of a process that failed. */
#define FAIL_STATUS	3

void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *fmt, ...);
void __attribute__((format(printf, 1, 2)))
trace(const char *fmt, ...);

#endif /* FUZZ_FAIL_H */
