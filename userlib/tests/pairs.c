// SPDX-License-Identifier: MIT
/*
 * Steady state for callgrind.sh, which counts what the library does in it:
 * pairs BYTES COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <regalloc.h>

#include "device.h"

int failures;

static __attribute__((noinline)) void
steady_pairs(struct regalloc *ra, uint64_t bytes, uint32_t count)
{
	struct regalloc_slice s;

	while (count--) {
		regalloc_alloc(ra, bytes, 0, &s);
		regalloc_release(ra, s.handle);
	}
}

int main(int argc, char **argv)
{
	uint64_t bytes = argc > 1 ? strtoul(argv[1], NULL, 0) : 4096;
	uint32_t count = argc > 2 ? strtoul(argv[2], NULL, 0) : 100000;
	struct regalloc_slice s;
	struct regalloc *ra;
	uint64_t calls;

	device_reset(UINT64_C(1) << 30, 1);
	if (regalloc_open(NULL, 0, &ra))
		return EXIT_FAILURE;
	CHECK(!regalloc_alloc(ra, bytes, 0, &s));
	CHECK(!regalloc_release(ra, s.handle));
	calls = device->nr_calls;
	steady_pairs(ra, bytes, count);
	CHECK(device->nr_calls == calls && !device_nr_live());
	CHECK(!regalloc_close(ra));
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
