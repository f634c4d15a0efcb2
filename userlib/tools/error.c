// SPDX-License-Identifier: MIT
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <regalloc.h>

#include "error.h"
#include "file.h"
#include "terminal.h"

void fail(int status, const char *format, ...)
{
	va_list args;

	/* What is on the screen or has been said already comes first. */
	terminal_end();
	fflush(stdout);
	fputs("regallocctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

static void fail_unless_loaded(void)
{
	if (access(MODULE_DIR, F_OK))
		fail(EXIT_NO_MODULE, "the module is not loaded\n"
		     "load it with: modprobe regalloc");
}

void fail_file(const char *path, int err)
{
	fail_unless_loaded();
	if (err == EPERM && !geteuid())
		fail(EXIT_NO_PERMISSION, "%s is forbidden even to root\n"
		     "the kernel is locked down, see kernel_lockdown(7)", path);
	if (err == EACCES || err == EPERM)
		fail(EXIT_NO_PERMISSION, "no permission to use %s\n"
		     "it is root's: run this as root", path);
	fail(EXIT_FAILURE, "%s: %s", path, strerror(err));
}

static _Noreturn void fail_permission(void)
{
	const struct group *group;
	struct stat st;

	if (stat(DEVICE, &st))
		fail(EXIT_NO_PERMISSION, DEVICE ": %s", strerror(errno));
	if (!(st.st_mode & 0060))
		fail(EXIT_NO_PERMISSION, "no permission to use " DEVICE "\n"
		     "it is its owner's alone: run this as root, or open it to a\n"
		     "group with a udev rule, see regallocctl(8)");
	group = getgrgid(st.st_gid);
	if (!group)
		fail(EXIT_NO_PERMISSION, "no permission to use " DEVICE "\n"
		     "it is for group %u, which has no name", st.st_gid);
	fail(EXIT_NO_PERMISSION, "no permission to use " DEVICE "\n"
	     "it is for group %s: log in again after, as root,\n"
	     "usermod -aG %s USER", group->gr_name, group->gr_name);
}

void fail_device(const char *what, int err)
{
	fail_unless_loaded();
	if (err == -EACCES || err == -EPERM)
		fail_permission();
	fail(EXIT_FAILURE, "%s: %s", what, regalloc_strerror(err));
}
