// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "client.h"
#include "compat.h"
#include "map_fault.h"
#include "mmap.h"
#include "space.h"

static struct regalloc_client *vmf_client(const struct vm_fault *vmf)
{
	return vmf->vma->vm_file->private_data;
}

static u64 vmf_offset(const struct vm_fault *vmf)
{
	return (u64)vmf->pgoff << PAGE_SHIFT;
}

/* Whether a fault is in the map window, and at which offset. */
static bool is_in_map(const struct vm_fault *vmf, u64 *offset)
{
	const struct regalloc_geometry *geo = &vmf_client(vmf)->domain->geo;

	/* Below the data window, this wraps. */
	*offset = vmf_offset(vmf) - regalloc_geometry_window_bytes(geo);
	return *offset < regalloc_geometry_map_bytes(geo);
}

/* An area may have grown beyond the window: there is nothing in the space then. */
static vm_fault_t data_fault(struct vm_fault *vmf)
{
	return regalloc_space_fault(vmf_client(vmf)->owner.space, vmf);
}

static vm_fault_t map_fault(struct vm_fault *vmf)
{
	u64 offset;

	if (!is_in_map(vmf, &offset))
		return data_fault(vmf);
	return regalloc_map_fault(&vmf_client(vmf)->owner.map, offset, vmf);
}

static vm_fault_t map_mkwrite(struct vm_fault *vmf)
{
	u64 offset;

	if (!is_in_map(vmf, &offset))
		return regalloc_space_mkwrite(vmf_client(vmf)->owner.space, vmf);
	return regalloc_map_mkwrite(&vmf_client(vmf)->owner.map, offset, vmf);
}

#ifdef CONFIG_NUMA
/*
 * NUMA balancing unmaps what a task touches, to see from where, and would
 * migrate it; it leaves dirty pages of files alone, but finds that out only after
 * the fault. It skips an area whose policy lacks MPOL_F_MOF. If there is no
 * policy, that of the task counts, which has it since 6.7.
 */
static struct mempolicy window_policy = {
	.refcnt	= ATOMIC_INIT(1),
	.mode	= MPOL_LOCAL,
};

static struct mempolicy *window_get_policy(REGALLOC_GET_POLICY_PARAMS)
{
	return &window_policy;
}
#endif

static const struct vm_operations_struct data_ops = {
	.fault		= data_fault,
	.map_pages	= regalloc_space_map_pages,
#ifdef CONFIG_NUMA
	.get_policy	= window_get_policy,
#endif
};

/* With page_mkwrite, what is only read is mapped without write permission. */
static const struct vm_operations_struct map_ops = {
	.fault		= map_fault,
	.page_mkwrite	= map_mkwrite,
#ifdef CONFIG_NUMA
	.get_policy	= window_get_policy,
#endif
};

/**
 * regalloc_mmap() - map the windows, or parts of them
 * @file: of the client
 * @vma: where
 *
 * The area holds pages of a file, so all that works on a file's pages works
 * here: O_DIRECT, ptrace, io_uring, mlock. It is left out of core dumps unless
 * MADV_DODUMP asks for it. An area of the data window may grow, but there is
 * nothing beyond the window; one with a part of the map window may not.
 *
 * Return: 0; -EINVAL if it is not shared or reaches beyond the windows; -EPERM
 * if it is to be executable.
 */
int regalloc_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct regalloc_client *client = file->private_data;
	const struct regalloc_geometry *geo = &client->domain->geo;
	u64 data = regalloc_geometry_window_bytes(geo) >> PAGE_SHIFT;
	u64 end = data + (regalloc_geometry_map_bytes(geo) >> PAGE_SHIFT);

	/* VM_SHARED is cleared on a descriptor that is open for reading only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (vma->vm_pgoff > end || vma_pages(vma) > end - vma->vm_pgoff)
		return -EINVAL;
	vm_flags_clear(vma, VM_MAYEXEC);
	vm_flags_set(vma, VM_DONTDUMP);
	vma->vm_ops = &data_ops;
	if (vma->vm_pgoff + vma_pages(vma) <= data)
		return 0;
	/* The core merges areas of one file whatever their operations, if not these. */
	vm_flags_set(vma, VM_DONTEXPAND);
	vma->vm_ops = &map_ops;
	return 0;
}
