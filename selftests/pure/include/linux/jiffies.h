/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_JIFFIES_H
#define SHIM_LINUX_JIFFIES_H

/* Time passes as a test says. */
static unsigned long jiffies __attribute__((unused));

#define time_before(a, b)	((long)((a) - (b)) < 0)

#endif /* SHIM_LINUX_JIFFIES_H */
