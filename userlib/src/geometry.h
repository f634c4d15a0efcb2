/* SPDX-License-Identifier: MIT */
/*
 * Where things lie in the window. Pure arithmetic: an offset in the data window
 * tells the size class, the slice and the slice's word in the map window.
 */
#ifndef REGALLOC_SRC_GEOMETRY_H
#define REGALLOC_SRC_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/regalloc.h>

/**
 * struct regalloc_geometry - what INFO told, ready for arithmetic
 * @span_shift: log2 of the bytes of window per size class
 * @state_offset: for each class, offset in the map window of its words
 */
struct regalloc_geometry {
	unsigned int span_shift;
	uint64_t state_offset[REGALLOC_NR_CLASSES];
};

/* log2 of the bytes of a slice of @class. */
static inline unsigned int regalloc_slice_shift(unsigned int class)
{
	return REGALLOC_MIN_SLICE_SHIFT + class;
}

/* Can a slice be this long? */
static inline bool regalloc_length_valid(uint64_t bytes)
{
	return bytes && bytes <= REGALLOC_MAX_SLICE_BYTES;
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

/* Offset in the map window of the word of the slice that a valid offset is in. */
static inline uint64_t
regalloc_offset_state(const struct regalloc_geometry *geo, uint64_t offset)
{
	unsigned int class = regalloc_offset_class(geo, offset);
	uint64_t in_span = offset & ((UINT64_C(1) << geo->span_shift) - 1);
	uint64_t slice = in_span >> regalloc_slice_shift(class);

	return geo->state_offset[class] + slice * sizeof(uint32_t);
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
