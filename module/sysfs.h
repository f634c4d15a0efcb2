/* SPDX-License-Identifier: GPL-2.0-only */
/* What operators read: sysfs for the domain, fdinfo for one client. */
#ifndef REGALLOC_SYSFS_H
#define REGALLOC_SYSFS_H

struct attribute_group;
struct file;
struct seq_file;

extern const struct attribute_group *regalloc_sysfs_groups[];

void regalloc_show_fdinfo(struct seq_file *m, struct file *file);

#endif /* REGALLOC_SYSFS_H */
