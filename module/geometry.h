/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Geometry: what lies where in a client's windows. Pure arithmetic, the same
 * for every client; nothing here takes a lock or can sleep.
 *
 * The data window is one span per size class, each as large as the whole
 * budget can be, so an offset tells its class, slot and slice without a lookup
 * and a slot never changes its class. Behind it lies the map window: one page
 * of struct regalloc_control; a state word for each smallest slice of the data
 * window, so that each region has one page of them, whatever its class, and
 * slices of 64 KiB and more a cache line each; a struct regalloc_hint for each
 * region slot.
 */
#ifndef REGALLOC_GEOMETRY_H
#define REGALLOC_GEOMETRY_H

#include <linux/types.h>
#include <linux/regalloc.h>

/* State words of a region. */
#define REGALLOC_SLOT_WORDS	\
	(1U << (REGALLOC_REGION_SHIFT - REGALLOC_MIN_SLICE_SHIFT))

/**
 * struct regalloc_geometry - the shape of every client's windows
 * @span_shift: a class has 1 << @span_shift bytes of the data window
 */
struct regalloc_geometry {
	unsigned int span_shift;
};

/**
 * struct regalloc_place - where a slice is
 * @class: its size class, 0 to REGALLOC_NR_CLASSES - 1
 * @slice: its number in the region
 * @slot: the region's slot in the span of the class
 */
struct regalloc_place {
	unsigned int class;
	unsigned int slice;
	unsigned long slot;
};

static inline unsigned int regalloc_class_shift(unsigned int class)
{
	return REGALLOC_MIN_SLICE_SHIFT + class;
}

static inline u64 regalloc_class_bytes(unsigned int class)
{
	return 1ULL << regalloc_class_shift(class);
}

/* Slices in a region of @class. */
static inline unsigned int regalloc_class_slices(unsigned int class)
{
	return 1U << (REGALLOC_REGION_SHIFT - regalloc_class_shift(class));
}

/* From the state word of a slice of @class to that of the next. */
static inline unsigned int regalloc_class_stride(unsigned int class)
{
	return 1U << class;
}

int regalloc_class_from_length(u64 length);

int regalloc_geometry_init(struct regalloc_geometry *geo, u64 ram_bytes);
unsigned long regalloc_geometry_slots(const struct regalloc_geometry *geo);
u64 regalloc_geometry_window_bytes(const struct regalloc_geometry *geo);
u64 regalloc_geometry_state_offset(const struct regalloc_geometry *geo,
				   unsigned int class, unsigned long slot);
u64 regalloc_geometry_hint_offset(const struct regalloc_geometry *geo,
				  unsigned int class, unsigned long slot);
u64 regalloc_geometry_map_bytes(const struct regalloc_geometry *geo);
u64 regalloc_geometry_offset(const struct regalloc_geometry *geo,
			     const struct regalloc_place *place);
bool regalloc_geometry_locate(const struct regalloc_geometry *geo, u64 offset,
			      struct regalloc_place *place);

#endif /* REGALLOC_GEOMETRY_H */
