// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "abi.h"
#include "client.h"
#include "hints.h"
#include "slice_map.h"

#define KNOWN_FLAGS REGALLOC_ALLOC_F_ZERO

static bool request_valid(uint64_t bytes, uint32_t flags)
{
	return regalloc_length_valid(bytes) && !(flags & ~KNOWN_FLAGS);
}

/* Describe a slice of a class. */
static inline void describe(const struct regalloc *ra, unsigned int class,
			    uint32_t slice, uint32_t gen,
			    struct regalloc_slice *out)
{
	const struct regalloc_class_map *map = &ra->class[class];
	unsigned int shift = regalloc_slice_shift(class);
	char *addr = map->base + ((uint64_t)slice << shift);

	out->addr = addr;
	out->bytes = UINT64_C(1) << shift;
	/* REGALLOC_HANDLE(), knowing that slices are aligned. */
	out->handle = (uint64_t)(addr - ra->window) <<
		      (REGALLOC_HANDLE_GEN_BITS - REGALLOC_MIN_SLICE_SHIFT) | gen;
}

/* A slice that can be had without the kernel. */
static bool take(struct regalloc *ra, unsigned int class, uint32_t flags,
		 struct regalloc_slice *out)
{
	uint32_t slice, gen;

	if (!regalloc_take(ra, class, &slice, &gen))
		return false;
	describe(ra, class, slice, gen, out);
	if (flags & REGALLOC_ALLOC_F_ZERO)
		memset(out->addr, 0, out->bytes);
	return true;
}

/* Up to REGALLOC_ABI_BATCH slices from the kernel, in one call. */
static int ask_kernel(struct regalloc *ra, unsigned int class, uint32_t flags,
		      uint32_t count, struct regalloc_slice *out, uint32_t *got)
{
	uint64_t handles[REGALLOC_ABI_BATCH];
	uint32_t slice_bytes, slice = 0;
	int err;

	if (count > REGALLOC_ABI_BATCH)
		count = REGALLOC_ABI_BATCH;
	err = regalloc_abi_alloc(ra->fd, 1ULL << regalloc_slice_shift(class),
				 flags, count, handles, got, &slice_bytes);
	if (err)
		return err;
	for (uint32_t i = 0; i < *got; i++) {
		slice = regalloc_offset_slice(&ra->geo,
					      REGALLOC_HANDLE_OFFSET(handles[i]));
		describe(ra, class, slice, REGALLOC_HANDLE_GEN(handles[i]),
			 &out[i]);
	}
	regalloc_took(ra, class, slice);
	return 0;
}

/* Anything but a slice that this thread has just released. */
static __attribute__((noinline)) int
alloc_slow(struct regalloc *ra, uint64_t bytes, uint32_t flags,
	   struct regalloc_slice *out)
{
	unsigned int class;
	uint32_t got;

	if (!ra || !out || !request_valid(bytes, flags))
		return -EINVAL;
	class = regalloc_length_class(bytes);
	if (take(ra, class, flags, out))
		return 0;
	return ask_kernel(ra, class, flags, 1, out, &got);
}

int regalloc_alloc(struct regalloc *ra, uint64_t bytes, uint32_t flags,
		   struct regalloc_slice *out)
{
	unsigned int class;
	uint32_t slice, gen;

	if (!ra || !out || !request_valid(bytes, flags) || flags ||
	    !regalloc_hints_valid(ra))
		return alloc_slow(ra, bytes, flags, out);
	class = regalloc_length_class(bytes);
	slice = regalloc_pop_recent(&regalloc_hints.class[class]);
	if (slice == REGALLOC_NO_SLICE ||
	    !regalloc_word_claim(&ra->class[class].words[slice], &gen))
		return alloc_slow(ra, bytes, flags, out);
	describe(ra, class, slice, gen, out);
	return 0;
}

int regalloc_alloc_many(struct regalloc *ra, uint64_t bytes, uint32_t flags,
			uint32_t count, struct regalloc_slice *out,
			uint32_t *got)
{
	uint32_t done = 0, n;
	unsigned int class;
	int err = 0;

	if (!ra || !got || (count && !out) || !request_valid(bytes, flags))
		return -EINVAL;
	class = regalloc_length_class(bytes);
	while (done < count) {
		if (take(ra, class, flags, out + done)) {
			done++;
			continue;
		}
		err = ask_kernel(ra, class, flags, count - done, out + done, &n);
		if (err)
			break;
		done += n;
	}
	if (err && !done)
		return err;
	*got = done;
	return 0;
}
