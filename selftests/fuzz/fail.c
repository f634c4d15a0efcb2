// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "fail.h"

struct fail_context fail_context;

static void say(const char *prefix, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	/* One write, so that several processes do not mix their lines. */
	printf("# %s seed %" PRIu64 " op %u %s: %s\n", prefix,
	       fail_context.seed, fail_context.op, fail_context.name, text);
	fflush(stdout);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!fail_context.mute)
		say("FAILED", fmt, ap);
	va_end(ap);
	_exit(FAIL_STATUS);
}

void trace(const char *fmt, ...)
{
	va_list ap;

	if (!fail_context.trace)
		return;
	va_start(ap, fmt);
	say("done", fmt, ap);
	va_end(ap);
}
