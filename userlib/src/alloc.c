// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "abi.h"
#include "client.h"
#include "hints.h"

#define KNOWN_FLAGS REGALLOC_ALLOC_F_ZERO

static bool request_valid(uint64_t bytes, uint32_t flags)
{
	return regalloc_length_valid(bytes) && !(flags & ~KNOWN_FLAGS);
}

/* Describe the slice that lies at @offset. */
static void describe(const struct regalloc *ra, unsigned int class,
		     uint64_t offset, uint64_t handle,
		     struct regalloc_slice *out)
{
	out->addr = ra->window + offset;
	out->bytes = UINT64_C(1) << regalloc_slice_shift(class);
	out->handle = handle;
}

/* A slice that can be had without the kernel. */
static inline bool take(struct regalloc *ra, unsigned int class, uint32_t flags,
			struct regalloc_slice *out)
{
	uint32_t slice, gen;
	uint64_t offset;

	if (!regalloc_take(ra, class, &slice, &gen))
		return false;
	offset = regalloc_slice_offset(&ra->geo, class, slice);
	describe(ra, class, offset, REGALLOC_HANDLE(offset, gen), out);
	if (flags & REGALLOC_ALLOC_F_ZERO)
		memset(out->addr, 0, out->bytes);
	return true;
}

/* Up to REGALLOC_ABI_BATCH slices from the kernel, in one call. */
static int ask_kernel(struct regalloc *ra, unsigned int class, uint32_t flags,
		      uint32_t count, struct regalloc_slice *out, uint32_t *got)
{
	uint64_t handles[REGALLOC_ABI_BATCH], offset = 0;
	uint32_t slice_bytes;
	int err;

	if (count > REGALLOC_ABI_BATCH)
		count = REGALLOC_ABI_BATCH;
	err = regalloc_abi_alloc(ra->fd, 1ULL << regalloc_slice_shift(class),
				 flags, count, handles, got, &slice_bytes);
	if (err)
		return err;
	for (uint32_t i = 0; i < *got; i++) {
		offset = REGALLOC_HANDLE_OFFSET(handles[i]);
		describe(ra, class, offset, handles[i], &out[i]);
	}
	regalloc_took(ra, class, regalloc_offset_slice(&ra->geo, offset));
	return 0;
}

int regalloc_alloc(struct regalloc *ra, uint64_t bytes, uint32_t flags,
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
