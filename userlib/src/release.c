// SPDX-License-Identifier: MIT
#include <errno.h>

#include "abi.h"
#include "client.h"
#include "hints.h"
#include "slice_map.h"

/* Smallest slices in a region. */
#define REGION_UNITS_SHIFT (REGALLOC_REGION_SHIFT - REGALLOC_MIN_SLICE_SHIFT)

int regalloc_release(struct regalloc *ra, uint64_t handle)
{
	uint64_t units = handle >> REGALLOC_HANDLE_GEN_BITS, class, slice;
	const struct regalloc_class_map *map;
	int err;

	if (!ra)
		return -EINVAL;
	class = handle >> ra->class_shift;
	if (class >= REGALLOC_NR_CLASSES)
		return -ENOENT;
	/* Slices of class 1 have 2 units, those of class 2 have 4, and so on. */
	units &= ra->span_mask;
	slice = units >> class;
	if (slice << class != units)
		return -ENOENT;
	map = &ra->class[class];
	err = regalloc_word_release(&map->words[slice], handle);
	if (err)
		return err;
	if (!regalloc_hints_valid(ra) ||
	    !regalloc_nothing_to_tell(ra, map, units >> REGION_UNITS_SHIFT))
		return regalloc_gave(ra, class, slice);
	regalloc_push_recent(&regalloc_hints.class[class], slice);
	return 0;
}

int regalloc_release_many(struct regalloc *ra, uint32_t count,
			  const uint64_t *handles, uint32_t *released)
{
	uint32_t done;
	int err = 0;

	if (!ra || !released || (count && !handles))
		return -EINVAL;
	for (done = 0; done < count; done++) {
		err = regalloc_release(ra, handles[done]);
		if (err)
			break;
	}
	if (err && !done)
		return err;
	*released = done;
	return 0;
}

int regalloc_release_addr(struct regalloc *ra, void *addr)
{
	uint32_t word, slice;
	unsigned int class;
	uint64_t offset;

	if (!ra || !addr)
		return -EINVAL;

	/* An address below the window wraps to a huge offset. */
	offset = (uintptr_t)addr - (uintptr_t)ra->window;
	if (!regalloc_offset_valid(&ra->geo, offset))
		return -ENOENT;
	if (!regalloc_offset_is_slice(&ra->geo, offset))
		return -EINVAL;

	class = regalloc_offset_class(&ra->geo, offset);
	slice = regalloc_offset_slice(&ra->geo, offset);
	word = regalloc_word_load(&ra->class[class].words[slice]);
	if (!word)
		return -ENOENT;
	if (regalloc_word_state(word) != REGALLOC_STATE_LIVE)
		return -ESTALE;
	return regalloc_release(ra, REGALLOC_HANDLE(offset,
						    regalloc_word_gen(word)));
}

int regalloc_zero(struct regalloc *ra, uint64_t handle)
{
	return ra ? regalloc_abi_zero(ra->fd, handle) : -EINVAL;
}
