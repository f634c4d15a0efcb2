// SPDX-License-Identifier: MIT
#include "client.h"

#define STRING(text) #text
#define STRING_OF(macro) STRING(macro)

/* There is one place that says it: VERSION in the Makefile. */
const char *regalloc_version(void)
{
	return STRING_OF(REGALLOC_VERSION);
}
