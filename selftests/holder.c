// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client that holds what it is told to, until its standard input ends:
 *
 *	holder RESERVE LIMIT LIVE SPARE
 *
 * in MiB; LIMIT 0: none. What is live is in slices of 256 KiB, what is spare is in
 * regions of 64 KiB slices. Prints "ready" when it has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <regalloc.h>

#define MIB		(1024UL * 1024)
#define LIVE_BYTES	(256UL * 1024)
#define SPARE_BYTES	(64UL * 1024)
#define MOST		4096

static uint64_t handles[MOST];

/* Returns how many slices there are in handles. */
static uint32_t take(struct regalloc *ra, unsigned long mib, uint64_t bytes)
{
	uint32_t n = mib * MIB / bytes;
	struct regalloc_slice slice;

	for (uint32_t i = 0; i < n; i++) {
		if (i == MOST || regalloc_alloc(ra, bytes, 0, &slice))
			exit(EXIT_FAILURE);
		handles[i] = slice.handle;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct regalloc *ra;
	uint32_t n, released;
	char c;

	if (argc != 5 || regalloc_open(NULL, 0, &ra) ||
	    regalloc_limits(ra, atol(argv[1]) * MIB, atol(argv[2]) * MIB))
		return EXIT_FAILURE;
	take(ra, atol(argv[3]), LIVE_BYTES);
	n = take(ra, atol(argv[4]), SPARE_BYTES);
	if (regalloc_release_many(ra, n, handles, &released) || released != n)
		return EXIT_FAILURE;
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return EXIT_SUCCESS;
}
