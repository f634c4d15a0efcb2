// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "number.h"

uint64_t number(const char *option, const char *text, uint64_t min,
		uint64_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno || n < min ||
	    n > max) {
		fprintf(stderr, "%s: --%s wants %" PRIu64 " to %" PRIu64 "\n",
			program_invocation_short_name, option, min, max);
		exit(EXIT_USAGE);
	}
	return n;
}
