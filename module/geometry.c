// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/log2.h>

#include "geometry.h"

/* A span is at least this large, however small the machine. */
#define MIN_SPAN_SHIFT	30

/*
 * A handle has 34 bits for the place of a slice, so the data window, which is
 * less than 8 spans, must not exceed 2^46 bytes.
 */
#define MAX_SPAN_SHIFT	43

/* Bytes at the start of the map window for struct regalloc_control. */
#define CONTROL_BYTES	4096

/**
 * regalloc_class_from_length() - the size class that serves a length
 * @length: bytes
 *
 * Return: the smallest class whose slices hold @length bytes, or -EINVAL if
 * @length is 0 or above the largest slice.
 */
int regalloc_class_from_length(u64 length)
{
	if (length == 0 || length > REGALLOC_MAX_SLICE_BYTES)
		return -EINVAL;
	if (length <= REGALLOC_MIN_SLICE_BYTES)
		return 0;
	return ilog2(length - 1) + 1 - REGALLOC_MIN_SLICE_SHIFT;
}

/**
 * regalloc_geometry_init() - choose spans that each hold the whole memory
 * @geo: to be set
 * @ram_bytes: memory of the machine
 *
 * Return: 0, or -E2BIG if the machine has more memory than handles can name.
 */
int regalloc_geometry_init(struct regalloc_geometry *geo, u64 ram_bytes)
{
	unsigned int shift = MIN_SPAN_SHIFT;

	while (shift <= MAX_SPAN_SHIFT && (1ULL << shift) < ram_bytes)
		shift++;
	if (shift > MAX_SPAN_SHIFT)
		return -E2BIG;
	geo->span_shift = shift;
	return 0;
}

/**
 * regalloc_geometry_slots() - region slots of each class
 * @geo: the geometry
 *
 * Return: their number.
 */
unsigned long regalloc_geometry_slots(const struct regalloc_geometry *geo)
{
	return 1UL << (geo->span_shift - REGALLOC_REGION_SHIFT);
}

/**
 * regalloc_geometry_window_bytes() - size of the data window
 * @geo: the geometry
 *
 * Return: bytes; also the mmap offset of the map window.
 */
u64 regalloc_geometry_window_bytes(const struct regalloc_geometry *geo)
{
	return (u64)REGALLOC_NR_CLASSES << geo->span_shift;
}

/* The number of a slot among those of all classes. */
static u64 slot_number(const struct regalloc_geometry *geo, unsigned int class,
		       unsigned long slot)
{
	return (u64)class * regalloc_geometry_slots(geo) + slot;
}

/**
 * regalloc_geometry_state_offset() - where the state words of a slot lie
 * @geo: the geometry
 * @class: size class; REGALLOC_NR_CLASSES gives the end of all words
 * @slot: region slot
 *
 * They fill a page.
 *
 * Return: offset in the map window, in bytes.
 */
u64 regalloc_geometry_state_offset(const struct regalloc_geometry *geo,
				   unsigned int class, unsigned long slot)
{
	return CONTROL_BYTES + slot_number(geo, class, slot) *
			       REGALLOC_SLOT_WORDS * sizeof(u32);
}

/**
 * regalloc_geometry_hint_offset() - where the hints about a slot lie
 * @geo: the geometry
 * @class: size class; REGALLOC_NR_CLASSES gives the end of all hints
 * @slot: region slot
 *
 * Return: offset in the map window, in bytes.
 */
u64 regalloc_geometry_hint_offset(const struct regalloc_geometry *geo,
				  unsigned int class, unsigned long slot)
{
	return regalloc_geometry_state_offset(geo, REGALLOC_NR_CLASSES, 0) +
	       slot_number(geo, class, slot) * sizeof(struct regalloc_hint);
}

/**
 * regalloc_geometry_map_bytes() - size of the map window
 * @geo: the geometry
 *
 * Return: bytes, a multiple of 64 KiB.
 */
u64 regalloc_geometry_map_bytes(const struct regalloc_geometry *geo)
{
	u64 end = regalloc_geometry_hint_offset(geo, REGALLOC_NR_CLASSES, 0);

	return (end + 0xffff) & ~0xffffULL;
}

/**
 * regalloc_geometry_offset() - the inverse of regalloc_geometry_locate()
 * @geo: the geometry
 * @place: of a slice
 *
 * Return: offset of the slice in the data window, in bytes.
 */
u64 regalloc_geometry_offset(const struct regalloc_geometry *geo,
			     const struct regalloc_place *place)
{
	return ((u64)place->class << geo->span_shift) +
	       ((u64)place->slot << REGALLOC_REGION_SHIFT) +
	       ((u64)place->slice << regalloc_class_shift(place->class));
}

/**
 * regalloc_geometry_locate() - find the slice at an offset
 * @geo: the geometry
 * @offset: in the data window, in bytes; may be anything
 * @place: where to store the slice that contains it
 *
 * Return: whether @offset is inside the data window.
 */
bool regalloc_geometry_locate(const struct regalloc_geometry *geo, u64 offset,
			      struct regalloc_place *place)
{
	u64 in_span = offset & ((1ULL << geo->span_shift) - 1);

	if (offset >= regalloc_geometry_window_bytes(geo))
		return false;
	place->class = offset >> geo->span_shift;
	place->slot = in_span >> REGALLOC_REGION_SHIFT;
	place->slice = (in_span & (REGALLOC_REGION_BYTES - 1)) >>
		       regalloc_class_shift(place->class);
	return true;
}
