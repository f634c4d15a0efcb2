// SPDX-License-Identifier: GPL-2.0-only
/* Faults in the map window; map_pages.h says how they meet changes. */
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
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

/* Add a page, and drop another one of the client for it if there is one. */
static int exchange_page(struct regalloc_map_pages *map, unsigned long index)
{
	LIST_HEAD(dropped);

	mutex_lock(map->lock);
	regalloc_map_pages_drop(map, 1, &dropped);
	mutex_unlock(map->lock);
	regalloc_map_pages_free(map, &dropped);
	return regalloc_map_pages_add(map, index, GFP_KERNEL_ACCOUNT,
				      REGALLOC_MAP_ANY);
}

/*
 * A write where no page is. It is right only where one has been: then a thread was
 * about to claim or release a slice when the slot closed, and gets no signal for it.
 */
static vm_fault_t write_absent(struct regalloc_map_pages *map, unsigned long index)
{
	void *entry = xa_load(&map->pages, index);
	int err = 0;

	if (!entry)
		return VM_FAULT_SIGBUS;
	if (xa_is_value(entry))
		err = regalloc_map_pages_add(map, index, GFP_KERNEL_ACCOUNT,
					     REGALLOC_MAP_HALF);
	if (err == -ENOBUFS)
		err = exchange_page(map, index);
	/* The access is tried again. */
	return err ? VM_FAULT_OOM : VM_FAULT_NOPAGE;
}

/* A read where no page is. */
static vm_fault_t read_absent(struct regalloc_map_pages *map, unsigned long index,
			      struct vm_fault *vmf)
{
	struct page *zero = map->zero;

	/* mlock() and MAP_POPULATE would fill page tables with it. */
	if (!(vmf->flags & (FAULT_FLAG_USER | FAULT_FLAG_INTERRUPTIBLE)))
		return VM_FAULT_SIGBUS;
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

/* Hand a page to the core; it would look for the mapping of a broken one. */
static vm_fault_t finish(struct vm_fault *vmf)
{
	if (!PageHWPoison(vmf->page))
		return VM_FAULT_LOCKED;
	unlock_page(vmf->page);
	put_page(vmf->page);
	vmf->page = NULL;
	return VM_FAULT_HWPOISON;
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
	vm_fault_t ret = VM_FAULT_LOCKED;

	vmf->page = lock_page_at(map, index);
	if (!vmf->page)
		ret = vmf->flags & FAULT_FLAG_WRITE ?
		      write_absent(map, index) : read_absent(map, index, vmf);
	return ret == VM_FAULT_LOCKED ? finish(vmf) : ret;
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
