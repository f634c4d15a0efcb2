/* SPDX-License-Identifier: GPL-2.0-only */
/* Sizes as operators write them. */
#ifndef REGALLOC_SIZE_H
#define REGALLOC_SIZE_H

#include <linux/types.h>

int regalloc_size_parse(const char *text, u64 ram_bytes, u64 *bytes,
			const char **why);

#endif /* REGALLOC_SIZE_H */
