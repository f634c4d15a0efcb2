// SPDX-License-Identifier: GPL-2.0-only
/* Faults in the map window; map_pages.h says how they meet changes. */
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>

#include "map_fault.h"
#include "map_pages.h"

/* The page at @index, locked and with a reference; NULL if there is none. */
static struct page *lock_page_at(struct regalloc_map_pages *map,
				 unsigned long index)
{
	struct page *page;

	rcu_read_lock();
	page = regalloc_map_pages_load(map, index);
	if (page && !get_page_unless_zero(page))
		page = NULL;
	rcu_read_unlock();
	if (!page)
		return NULL;
	lock_page(page);
	if (regalloc_map_pages_load(map, index) == page)
		return page;
	unlock_page(page);
	put_page(page);
	return NULL;
}

/* A write where no page is: only where one has been. */
static vm_fault_t write_absent(struct regalloc_map_pages *map, unsigned long index)
{
	void *entry = xa_load(&map->pages, index);

	if (!entry || (xa_is_value(entry) && regalloc_map_pages_add(map, index)))
		return VM_FAULT_SIGBUS;
	return VM_FAULT_NOPAGE;		/* the access is tried again */
}

static struct page *zero_page(struct regalloc_map_pages *map)
{
	struct page *zero = READ_ONCE(map->zero), *old;

	if (zero)
		return zero;
	zero = regalloc_map_pages_new(map);
	if (!zero)
		return NULL;
	/* A full barrier, for replace_zeros(). */
	old = cmpxchg(&map->zero, NULL, zero);
	if (!old) {
		atomic_long_inc(&map->nr);
		return zero;
	}
	put_page(zero);
	return old;
}

/* A read where no page is. */
static vm_fault_t read_absent(struct regalloc_map_pages *map, unsigned long index,
			      struct vm_fault *vmf)
{
	struct page *zero;

	/* mlock() and MAP_POPULATE would fill page tables with it. */
	if (!(vmf->flags & (FAULT_FLAG_USER | FAULT_FLAG_INTERRUPTIBLE)))
		return VM_FAULT_SIGBUS;
	zero = zero_page(map);
	if (!zero)
		return VM_FAULT_OOM;
	lock_page(zero);
	if (regalloc_map_pages_load(map, index)) {
		unlock_page(zero);
		return VM_FAULT_NOPAGE;
	}
	/* The count must not overflow, however often it is mapped. */
	if (page_ref_count(zero) > INT_MAX / 2) {
		unlock_page(zero);
		return VM_FAULT_SIGBUS;
	}
	get_page(zero);
	vmf->page = zero;
	return VM_FAULT_LOCKED;
}

/**
 * regalloc_map_fault() - find the page for a fault
 * @map: the pages
 * @offset: in the map window
 * @vmf: the fault
 *
 * Context: may sleep. Takes page locks.
 * Return: VM_FAULT_LOCKED with the page, or as the fault handler of an area.
 */
vm_fault_t regalloc_map_fault(struct regalloc_map_pages *map, u64 offset,
				    struct vm_fault *vmf)
{
	unsigned long index = offset >> PAGE_SHIFT;

	vmf->page = lock_page_at(map, index);
	if (vmf->page)
		return VM_FAULT_LOCKED;
	if (vmf->flags & FAULT_FLAG_WRITE)
		return write_absent(map, index);
	return read_absent(map, index, vmf);
}

/**
 * regalloc_map_mkwrite() - a page that is mapped is going to be written
 * @map: the pages
 * @offset: in the map window
 * @vmf: the fault; its page may be that of zeros
 *
 * Context: may sleep. Takes page locks.
 * Return: VM_FAULT_LOCKED, or as for page_mkwrite() of an area.
 */
vm_fault_t regalloc_map_mkwrite(struct regalloc_map_pages *map, u64 offset,
				      struct vm_fault *vmf)
{
	unsigned long index = offset >> PAGE_SHIFT;
	struct page *page = lock_page_at(map, index);
	bool mapped = page && page == vmf->page;

	if (!page)
		return write_absent(map, index);
	put_page(page);
	if (mapped)
		return VM_FAULT_LOCKED;
	unlock_page(page);
	return VM_FAULT_NOPAGE;
}
