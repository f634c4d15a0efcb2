// SPDX-License-Identifier: MIT
#include "client.h"

/* There is one place that says it: VERSION in the Makefile. */
const char *regalloc_version(void)
{
	return REGALLOC_VERSION;
}
