/* SPDX-License-Identifier: MIT */
/*
 * Where things lie in the window. Pure arithmetic: an offset in the data window
 * tells the size class and the slice.
 */
#ifndef REGALLOC_SRC_GEOMETRY_H
#define REGALLOC_SRC_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/regalloc.h>

/**
 * struct regalloc_geometry - what INFO told, ready for arithmetic
 * @span_shift: log2 of the bytes of window per size class
 */
struct regalloc_geometry {
	unsigned int span_shift;
};

/* log2 of the bytes of a slice of @class. */
static inline unsigned int regalloc_slice_shift(unsigned int class)
{
	return REGALLOC_MIN_SLICE_SHIFT + class;
}

/* Can a slice be this long? */
static inline bool regalloc_length_valid(uint64_t bytes)
{
	return bytes - 1 < REGALLOC_MAX_SLICE_BYTES;
}

/* The size class for a valid length. */
static inline unsigned int regalloc_length_class(uint64_t bytes)
{
	uint32_t units = (bytes - 1) >> REGALLOC_MIN_SLICE_SHIFT;

	return 31 ^ __builtin_clz(units << 1 | 1);
}

/* log2 of the slices of a region of @class. */
static inline unsigned int regalloc_region_slices_shift(unsigned int class)
{
	return REGALLOC_REGION_SHIFT - regalloc_slice_shift(class);
}

/* Region slots of each class. */
static inline uint64_t regalloc_nr_slots(const struct regalloc_geometry *geo)
{
	return UINT64_C(1) << (geo->span_shift - REGALLOC_REGION_SHIFT);
}

/* Is @offset in the data window of @geo at all? */
static inline bool regalloc_offset_valid(const struct regalloc_geometry *geo,
					 uint64_t offset)
{
	return (offset >> geo->span_shift) < REGALLOC_NR_CLASSES;
}

/* The size class of a valid offset. */
static inline unsigned int
regalloc_offset_class(const struct regalloc_geometry *geo, uint64_t offset)
{
	return offset >> geo->span_shift;
}

/* Is a valid offset that of the first byte of a slice of its class? */
static inline bool
regalloc_offset_is_slice(const struct regalloc_geometry *geo, uint64_t offset)
{
	unsigned int class = regalloc_offset_class(geo, offset);

	return !(offset & ((UINT64_C(1) << regalloc_slice_shift(class)) - 1));
}

/* The number of the slice that a valid offset is in, counted in its class. */
static inline uint32_t
regalloc_offset_slice(const struct regalloc_geometry *geo, uint64_t offset)
{
	uint64_t in_span = offset & ((UINT64_C(1) << geo->span_shift) - 1);

	return in_span >> regalloc_slice_shift(regalloc_offset_class(geo, offset));
}

/* Offset of a slice in the data window. */
static inline uint64_t
regalloc_slice_offset(const struct regalloc_geometry *geo, unsigned int class,
		      uint32_t slice)
{
	return ((uint64_t)class << geo->span_shift) +
	       ((uint64_t)slice << regalloc_slice_shift(class));
}

/* Bytes of the words of one class. */
static inline uint64_t
regalloc_class_state_bytes(const struct regalloc_geometry *geo,
			   unsigned int class)
{
	return (UINT64_C(1) << (geo->span_shift - regalloc_slice_shift(class))) *
	       sizeof(uint32_t);
}

#endif /* REGALLOC_SRC_GEOMETRY_H */
