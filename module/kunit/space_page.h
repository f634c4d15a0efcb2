/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests that look at the pages of a space, or hold one as a fault does. */
#ifndef REGALLOC_KUNIT_SPACE_PAGE_H
#define REGALLOC_KUNIT_SPACE_PAGE_H

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/pagemap.h>

#include "../space.h"

/* The page at an offset, with a reference for the caller; NULL if there is none. */
static inline struct page *space_get_page(struct regalloc_space *space, u64 offset)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	struct folio *folio = filemap_get_folio(space->inode->i_mapping, index);

	return IS_ERR_OR_NULL(folio) ? NULL : folio_file_page(folio, index);
}

/* The same, locked, as a fault that takes its time. */
static inline struct page *space_lock_page(struct regalloc_space *space, u64 offset)
{
	struct page *page = space_get_page(space, offset);

	if (page)
		lock_page(page);
	return page;
}

/* Where a page lies in memory; the caller knows that it is there and stays. */
static inline void *space_page_address(struct regalloc_space *space, u64 offset)
{
	struct page *page = space_get_page(space, offset);

	if (!page)
		return NULL;
	put_page(page);
	return page_address(page);
}

/* Whether another task comes to wait for a page that the caller has locked. */
static inline bool page_is_waited_for(struct page *page)
{
	unsigned int i;

	for (i = 0; i < 500 && !folio_test_waiters(page_folio(page)); i++)
		msleep(20);
	return folio_test_waiters(page_folio(page));
}

#endif /* REGALLOC_KUNIT_SPACE_PAGE_H */
