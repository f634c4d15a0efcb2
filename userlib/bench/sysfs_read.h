/* SPDX-License-Identifier: MIT */
/* Reads what the module tells in sysfs, the way that a monitor does. */
#ifndef BENCH_SYSFS_READ_H
#define BENCH_SYSFS_READ_H

/**
 * sysfs_find() - find the files of the module
 *
 * Returns 0 or a negative errno; -ENOENT if there is none.
 */
int sysfs_find(void);

/* Opens, reads and closes each file that was found. */
int sysfs_read_all(void);

/* The same with live_bytes alone. */
int sysfs_read_live(void);

#endif /* BENCH_SYSFS_READ_H */
