/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults in the map window. */
#ifndef REGALLOC_MAP_FAULT_H
#define REGALLOC_MAP_FAULT_H

#include <linux/mm_types.h>
#include <linux/types.h>

struct regalloc_map_pages;

vm_fault_t regalloc_map_fault(struct regalloc_map_pages *map, u64 offset,
			      struct vm_fault *vmf);
vm_fault_t regalloc_map_mkwrite(struct regalloc_map_pages *map, u64 offset,
				struct vm_fault *vmf);

#endif /* REGALLOC_MAP_FAULT_H */
