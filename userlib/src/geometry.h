/* SPDX-License-Identifier: MIT */
/*
 * Where things lie in the window. Pure arithmetic: an offset in the data window
 * tells the size class and the slice, and so does the number of the slice's
 * state word, which is the offset in units of the smallest slice.
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

/*
 * Lengths are numbered in units of the smallest slice. That of one that no slice
 * can have is REGALLOC_NR_LENGTHS or more.
 */
#define REGALLOC_NR_LENGTHS \
	(REGALLOC_MAX_SLICE_BYTES / REGALLOC_MIN_SLICE_BYTES)

static inline uint64_t regalloc_length_number(uint64_t bytes)
{
	return (bytes - 1) >> REGALLOC_MIN_SLICE_SHIFT;
}

/* The size class for a length that a slice can have. */
static inline unsigned int regalloc_length_class(uint64_t bytes)
{
	return 63 ^ __builtin_clzll(2 * regalloc_length_number(bytes) + 1);
}

/* log2 of the slices of a region of @class. */
static inline unsigned int regalloc_region_slices_shift(unsigned int class)
{
	return REGALLOC_REGION_SHIFT - regalloc_slice_shift(class);
}

/* From the word of a slice of @class to that of the next. */
static inline uint32_t regalloc_class_stride(unsigned int class)
{
	return 1U << class;
}

/* log2 of the words of a region, of whatever class. */
#define REGALLOC_SLOT_WORDS_SHIFT \
	(REGALLOC_REGION_SHIFT - REGALLOC_MIN_SLICE_SHIFT)

/*
 * A handle is a generation, and above it the number of the slice's word. Bits
 * of @gen above those of a generation must be 0.
 */
static inline uint64_t regalloc_handle(uint64_t number, uint32_t gen)
{
	return number << REGALLOC_HANDLE_GEN_BITS | gen;
}

static inline uint64_t regalloc_handle_number(uint64_t handle)
{
	return handle >> REGALLOC_HANDLE_GEN_BITS;
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

#endif /* REGALLOC_SRC_GEOMETRY_H */
