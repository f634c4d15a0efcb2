// SPDX-License-Identifier: GPL-2.0-only
/* Faults in the data window. */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/regalloc.h>

#include "space.h"

#define REGION_PAGES	(REGALLOC_REGION_BYTES >> PAGE_SHIFT)

/*
 * Map the pages around a write, as the core does around a read: up to the borders of
 * the area, the page table and the region. The memory is there and charged, so
 * more than one page costs less than more than one fault. Returns VM_FAULT_NOPAGE
 * if the page of the fault is mapped now.
 */
static vm_fault_t map_around(struct vm_fault *vmf)
{
	unsigned long in_area = vmf->pgoff - vmf->vma->vm_pgoff;
	unsigned long in_table = pte_index(vmf->address);
	unsigned long in_region = vmf->pgoff & (REGION_PAGES - 1);
	unsigned long before = min3(in_area, in_table, in_region);
	unsigned long after = min3(vma_pages(vmf->vma) - in_area,
				   PTRS_PER_PTE - in_table,
				   REGION_PAGES - in_region) - 1;
	vm_fault_t ret;

	rcu_read_lock();
	ret = filemap_map_pages(vmf, vmf->pgoff - before, vmf->pgoff + after);
	rcu_read_unlock();
	return ret;
}

/* Whether a write fault finds a page table: no huge page can be mapped there. */
static bool is_write_by_pages(const struct vm_fault *vmf)
{
	return (vmf->flags & FAULT_FLAG_WRITE) && !pmd_none(*vmf->pmd);
}

static vm_fault_t find_page(struct regalloc_space *space, struct vm_fault *vmf)
{
	struct folio *folio;

	if (is_write_by_pages(vmf) && map_around(vmf) & VM_FAULT_NOPAGE)
		return VM_FAULT_NOPAGE;
	folio = filemap_lock_folio(space->inode->i_mapping, vmf->pgoff);
	if (IS_ERR_OR_NULL(folio))
		return VM_FAULT_SIGBUS;
	vmf->page = folio_file_page(folio, vmf->pgoff);
	return VM_FAULT_LOCKED;
}

/**
 * regalloc_space_fault() - find the page for a fault
 * @space: of the client
 * @vmf: the fault, in the data window
 *
 * Context: may sleep. Takes the invalidate_lock, the folio lock and none of
 * regalloc's, since the caller holds mmap_lock. While it waits for the folio's lock
 * it has a reference, and the invalidate_lock keeps that from a punch.
 * Return: VM_FAULT_LOCKED with the page; VM_FAULT_SIGBUS if there is none.
 */
vm_fault_t regalloc_space_fault(struct regalloc_space *space,
				struct vm_fault *vmf)
{
	struct address_space *mapping = space->inode->i_mapping;
	vm_fault_t ret;

	filemap_invalidate_lock_shared(mapping);
	ret = find_page(space, vmf);
	filemap_invalidate_unlock_shared(mapping);
	return ret;
}

/**
 * regalloc_space_map_pages() - map what there is around a read
 * @vmf: the fault, in the data window
 * @start: the first page, as an offset of the file
 * @end: the last one
 *
 * Context: under RCU; does not wait.
 * Return: as map_pages() of an area; 0, for the fault handler to do it, during a
 * punch.
 */
vm_fault_t regalloc_space_map_pages(struct vm_fault *vmf, pgoff_t start,
				    pgoff_t end)
{
	struct address_space *mapping = vmf->vma->vm_file->f_mapping;
	vm_fault_t ret;

	if (!filemap_invalidate_trylock_shared(mapping))
		return 0;
	ret = filemap_map_pages(vmf, start, end);
	filemap_invalidate_unlock_shared(mapping);
	return ret;
}

/**
 * regalloc_space_mkwrite() - a page that is mapped is going to be written
 * @space: of the client
 * @vmf: the fault, in an area that the core tells of writes
 *
 * Context: may sleep. Takes the folio lock.
 * Return: VM_FAULT_LOCKED; VM_FAULT_NOPAGE if the page has been removed.
 */
vm_fault_t regalloc_space_mkwrite(struct regalloc_space *space,
				  struct vm_fault *vmf)
{
	struct folio *folio = page_folio(vmf->page);

	folio_lock(folio);
	if (folio->mapping == space->inode->i_mapping)
		return VM_FAULT_LOCKED;
	folio_unlock(folio);
	return VM_FAULT_NOPAGE;
}
