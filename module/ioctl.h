/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctls of a client. */
#ifndef REGALLOC_IOCTL_H
#define REGALLOC_IOCTL_H

struct file;

long regalloc_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* REGALLOC_IOCTL_H */
