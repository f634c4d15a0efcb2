/* SPDX-License-Identifier: GPL-2.0-only */
/* A view: a second mapping of a part of the data window, on which to try things. */
#ifndef FUZZ_VIEW_H
#define FUZZ_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#define VIEW_MOST	6
#define VIEW_PAGES	2048

/**
 * struct view - one mapping
 * @base: where it is; NULL: there is none
 * @offset: in the data window
 * @pages: its length
 * @split: it is not one area any more
 * @prot: of each page; PROT_NONE also stands for one that was unmapped, in whose
 *	place there is something inaccessible then
 */
struct view {
	uint8_t *base;
	uint64_t offset;
	uint32_t pages;
	bool split;
	uint8_t prot[VIEW_PAGES];
};

void view_close(struct view *v);

#endif /* FUZZ_VIEW_H */
