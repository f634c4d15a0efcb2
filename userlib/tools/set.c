// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "file.h"

static _Noreturn void fail_budget(const char *value, int err)
{
	if (err == -EINVAL)
		fail(EXIT_FAILURE, "budget '%s' refused\n"
		     "it must be bytes, as 3221225472 or 3G, or a percentage, as 25%%;\n"
		     "more than 0, and at most the machine's memory", value);
	if (err == -EBUSY)
		fail(EXIT_FAILURE, "budget '%s' refused\n"
		     "clients have reserved more than that: regallocctl clients shows it",
		     value);
	fail_file(PARAMETER_DIR "budget", -err);
}

static _Noreturn void fail_decay(const char *value, int err)
{
	if (err == -EINVAL || err == -ERANGE)
		fail(EXIT_FAILURE, "decay '%s' refused\n"
		     "it must be a number of milliseconds", value);
	fail_file(PARAMETER_DIR "decay_ms", -err);
}

void set_command(const struct options *opts, char **operands)
{
	const char *name = operands[0], *value = operands[1];
	int err;

	(void)opts;
	if (!strcmp(name, "budget")) {
		err = file_write(PARAMETER_DIR "budget", value);
		if (err)
			fail_budget(value, err);
	} else if (!strcmp(name, "decay")) {
		err = file_write(PARAMETER_DIR "decay_ms", value);
		if (err)
			fail_decay(value, err);
	} else {
		fail(EXIT_USAGE, "set wants budget or decay, not '%s'", name);
	}
}
