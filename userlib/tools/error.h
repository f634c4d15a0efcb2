/* SPDX-License-Identifier: MIT */
/* How the program ends when something is wrong: with a cause and a remedy. */
#ifndef TOOLS_ERROR_H
#define TOOLS_ERROR_H

/* Beside EXIT_SUCCESS and EXIT_FAILURE. */
enum {
	EXIT_USAGE = 2,
	EXIT_NO_MODULE = 3,
	EXIT_NO_PERMISSION = 4,
};

/* Prints a line and ends the program. */
_Noreturn void fail(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * fail_file() - the same for a file of the module or of the system
 * @path: which could not be read or written
 * @err: why, as errno
 */
_Noreturn void fail_file(const char *path, int err);

/**
 * fail_device() - the same for the device
 * @what: could not be done
 * @err: what the library returned
 */
_Noreturn void fail_device(const char *what, int err);

#endif /* TOOLS_ERROR_H */
