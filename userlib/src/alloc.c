// SPDX-License-Identifier: MIT
#include <errno.h>

#include "abi.h"
#include "client.h"

#define KNOWN_FLAGS REGALLOC_ALLOC_F_ZERO

/* What a handle and a size tell the caller. */
static struct regalloc_slice slice_of(const struct regalloc *ra,
				      uint64_t handle, uint32_t slice_bytes)
{
	return (struct regalloc_slice){
		.addr = ra->window + REGALLOC_HANDLE_OFFSET(handle),
		.bytes = slice_bytes,
		.handle = handle,
	};
}

/* At most REGALLOC_ABI_BATCH slices, in one call. */
static int alloc_batch(struct regalloc *ra, uint64_t bytes, uint32_t flags,
		       uint32_t count, struct regalloc_slice *out,
		       uint32_t *got)
{
	uint64_t handles[REGALLOC_ABI_BATCH];
	uint32_t slice_bytes;
	int err;

	err = regalloc_abi_alloc(ra->fd, bytes, flags, count, handles, got,
				 &slice_bytes);
	if (err)
		return err;

	for (uint32_t i = 0; i < *got; i++)
		out[i] = slice_of(ra, handles[i], slice_bytes);
	return 0;
}

int regalloc_alloc(struct regalloc *ra, uint64_t bytes, uint32_t flags,
		   struct regalloc_slice *out)
{
	uint32_t got, slice_bytes;
	uint64_t handle;
	int err;

	if (!ra || !out)
		return -EINVAL;

	err = regalloc_abi_alloc(ra->fd, bytes, flags, 1, &handle, &got,
				 &slice_bytes);
	if (!err)
		*out = slice_of(ra, handle, slice_bytes);
	return err;
}

int regalloc_alloc_many(struct regalloc *ra, uint64_t bytes, uint32_t flags,
			uint32_t count, struct regalloc_slice *out,
			uint32_t *got)
{
	uint32_t done = 0;
	int err = 0;

	if (!ra || !got || (count && !out))
		return -EINVAL;
	/* The kernel says so too, but is not asked for none. */
	if (!regalloc_length_valid(bytes) || flags & ~KNOWN_FLAGS)
		return -EINVAL;

	while (done < count) {
		uint32_t want = count - done, n;

		if (want > REGALLOC_ABI_BATCH)
			want = REGALLOC_ABI_BATCH;
		err = alloc_batch(ra, bytes, flags, want, out + done, &n);
		if (err)
			break;
		done += n;
		if (n < want)
			break;
	}

	if (err && !done)
		return err;
	*got = done;
	return 0;
}
