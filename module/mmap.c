// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "client.h"
#include "compat.h"
#include "mmap.h"
#include "space.h"

static struct regalloc_client *vma_client(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

/* A page of the slice maps; it is there for whoever looks. */
static vm_fault_t map_fault(struct regalloc_client *client, u64 offset,
			    struct vm_fault *vmf)
{
	if (offset >= regalloc_geometry_map_bytes(&client->domain->geo))
		return VM_FAULT_SIGBUS;
	vmf->page = regalloc_map_pages_make(&client->owner.map,
					    offset >> PAGE_SHIFT,
					    GFP_KERNEL_ACCOUNT);
	if (!vmf->page)
		return VM_FAULT_OOM;
	get_page(vmf->page);
	return 0;
}

static vm_fault_t window_fault(struct vm_fault *vmf)
{
	struct regalloc_client *client = vma_client(vmf->vma);
	u64 data = regalloc_geometry_window_bytes(&client->domain->geo);
	u64 offset = (u64)vmf->pgoff << PAGE_SHIFT;

	if (offset < data)
		return regalloc_space_fault(client->owner.space, vmf);
	return map_fault(client, offset - data, vmf);
}

#ifdef CONFIG_NUMA
/*
 * NUMA balancing unmaps what a task touches, to see from where, and migrates it;
 * our pages cannot be. It leaves an area alone whose policy lacks MPOL_F_MOF. If
 * there is none, the task's own counts, since 6.7, which has it.
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

static const struct vm_operations_struct window_ops = {
	.fault		= window_fault,
#ifdef CONFIG_NUMA
	.get_policy	= window_get_policy,
#endif
};

/**
 * regalloc_mmap() - map the windows, or parts of them
 * @file: of the client
 * @vma: where
 *
 * The area holds ordinary pages with reference counts, so all that works on a
 * file's pages works here: O_DIRECT, ptrace, io_uring. It cannot grow, which
 * also keeps mlock, KSM and khugepaged away, and is left out of core dumps.
 *
 * Return: 0, or -EINVAL if it is not shared or reaches beyond the windows.
 */
int regalloc_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct regalloc_client *client = file->private_data;
	const struct regalloc_geometry *geo = &client->domain->geo;
	u64 end = regalloc_geometry_window_bytes(geo) +
		  regalloc_geometry_map_bytes(geo);

	/* VM_SHARED is cleared on a descriptor that is open for reading only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff > end >> PAGE_SHIFT ||
	    vma_pages(vma) > (end >> PAGE_SHIFT) - vma->vm_pgoff)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &window_ops;
	return 0;
}
