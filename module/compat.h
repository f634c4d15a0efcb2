/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that regalloc supports, 6.1 to 7.2. Nothing
 * else in the module asks for a version.
 */
#ifndef REGALLOC_COMPAT_H
#define REGALLOC_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

/* The parameters of vm_operations_struct.get_policy. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define REGALLOC_GET_POLICY_PARAMS					\
	struct vm_area_struct *vma, unsigned long addr
#else
#define REGALLOC_GET_POLICY_PARAMS					\
	struct vm_area_struct *vma, unsigned long addr, pgoff_t *ilx
#endif

#endif /* REGALLOC_COMPAT_H */
