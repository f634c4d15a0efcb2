/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests that are a fault which takes its time. */
#ifndef REGALLOC_KUNIT_PAGE_WAIT_H
#define REGALLOC_KUNIT_PAGE_WAIT_H

#include <linux/delay.h>
#include <linux/pagemap.h>

/* Whether somebody comes to wait for a page that the caller has locked. */
static inline bool page_is_waited_for(struct page *page)
{
	unsigned int i;

	for (i = 0; i < 500 && !folio_test_waiters(page_folio(page)); i++)
		msleep(20);
	return folio_test_waiters(page_folio(page));
}

#endif /* REGALLOC_KUNIT_PAGE_WAIT_H */
