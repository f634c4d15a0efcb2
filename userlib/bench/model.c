// SPDX-License-Identifier: MIT
/*
 * Makes a library of its own of regalloc and the model of the device, so that
 * bench measures it where the module is not loaded. LD_PRELOAD chooses it, as it
 * chooses a malloc: the program, its loop and its table of functions stay the same.
 * The code of an allocation and a release is that of the library; the model answers
 * only system calls, of which a pair makes none.
 */
#include <stdlib.h>

#include "../tests/device.h"

/* The window of a small machine, and more regions than pairs need. */
#define RAM_BYTES (UINT64_C(1) << 30)
#define BUDGET_REGIONS 16

int failures;

static __attribute__((constructor)) void model_start(void)
{
	device_reset(RAM_BYTES, BUDGET_REGIONS);
}

/* What the model found wrong ends the program with an error. */
static __attribute__((destructor)) void model_end(void)
{
	if (failures)
		_Exit(EXIT_FAILURE);
}
