// SPDX-License-Identifier: MIT
/*
 * Closes the spares of all clients, as the kernel does itself when it is short of
 * memory: by the shrinker's file in debugfs. The other way, decay_ms to 0 and back,
 * would change a setting for a while, and leave it so if we were killed; and nobody
 * could tell when it is done.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "counters.h"
#include "error.h"
#include "file.h"
#include "table.h"

static _Noreturn void fail_shrink(int err)
{
	if (err == ENOENT && !access(MODULE_DIR, F_OK))
		fail(EXIT_FAILURE, "no " SHRINK_FILE "\n"
		     "mount it with: mount -t debugfs none /sys/kernel/debug");
	fail_file(SHRINK_FILE, err);
}

void trim_command(const struct options *opts, char **operands)
{
	struct counters before, after;
	char pages[24], text[SIZE_TEXT];
	int err;

	(void)opts;
	(void)operands;
	if (access(SHRINK_FILE, R_OK | W_OK))
		fail_shrink(errno);
	counters_read_totals(&before);
	/* The file says how many pages there may be to take. */
	snprintf(pages, sizeof(pages), "%" PRIu64, file_number(SHRINK_FILE));
	err = file_write(SHRINK_FILE, pages);
	if (err)
		fail_shrink(-err);
	counters_read_totals(&after);
	printf("spare: %s", size_text(before.total[SPARE], text));
	printf(", now %s\n", size_text(after.total[SPARE], text));
}
