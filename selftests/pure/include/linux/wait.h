/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_WAIT_H
#define SHIM_LINUX_WAIT_H

#include <linux/compiler.h>

#define wait_queue_head_t	int

#endif /* SHIM_LINUX_WAIT_H */
