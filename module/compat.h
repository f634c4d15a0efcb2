/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that regalloc supports, which are named in
 * Documentation/regalloc.rst. Nothing else in the module asks for a version.
 */
#ifndef REGALLOC_COMPAT_H
#define REGALLOC_COMPAT_H

#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#include <linux/pagevec.h>
#else
#include <linux/folio_batch.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline struct shrinker *shrinker_alloc(unsigned int flags,
					      const char *name)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (shrinker)
		shrinker->flags = flags;
	return shrinker;
}

static inline int regalloc_shrinker_register(struct shrinker *shrinker)
{
	return register_shrinker(shrinker, "regalloc");
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#else
static inline int regalloc_shrinker_register(struct shrinker *shrinker)
{
	shrinker_register(shrinker);
	return 0;
}
#endif

/* Memory failure takes a page out of the page cache. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define REGALLOC_ERROR_REMOVE_FOLIO					\
	.error_remove_page = generic_error_remove_page,
#else
#define REGALLOC_ERROR_REMOVE_FOLIO					\
	.error_remove_folio = generic_error_remove_folio,
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
