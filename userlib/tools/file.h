/* SPDX-License-Identifier: MIT */
/* Files of sysfs, debugfs and /proc, and where they are. */
#ifndef TOOLS_FILE_H
#define TOOLS_FILE_H

#include <stdint.h>

#define DEVICE		"/dev/regalloc"
#define SYSFS_DIR	"/sys/class/misc/regalloc/"
#define MODULE_DIR	"/sys/module/regalloc/"
#define PARAMETER_DIR	MODULE_DIR "parameters/"
#define SHRINK_FILE	"/sys/kernel/debug/regalloc/shrink"

/* The number in a file. Ends the program if it cannot be read. */
uint64_t file_number(const char *path);

/* Writes a line. Returns 0 or a negative errno. */
int file_write(const char *path, const char *text);

#endif /* TOOLS_FILE_H */
