/* SPDX-License-Identifier: GPL-2.0-only */
/* The windows: what a client sees through mmap. */
#ifndef REGALLOC_MMAP_H
#define REGALLOC_MMAP_H

struct file;
struct vm_area_struct;

int regalloc_mmap(struct file *file, struct vm_area_struct *vma);

#endif /* REGALLOC_MMAP_H */
