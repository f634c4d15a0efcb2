// SPDX-License-Identifier: MIT
#include <errno.h>

#include "abi.h"
#include "client.h"
#include "slice_map.h"

int regalloc_release(struct regalloc *ra, uint64_t handle)
{
	uint32_t released;

	if (!ra)
		return -EINVAL;

	return regalloc_abi_release(ra->fd, 1, &handle, &released);
}

int regalloc_release_many(struct regalloc *ra, uint32_t count,
			  const uint64_t *handles, uint32_t *released)
{
	uint32_t done = 0;
	int err = 0;

	if (!ra || !released || (count && !handles))
		return -EINVAL;

	while (done < count) {
		uint32_t want = count - done, n;

		if (want > REGALLOC_ABI_BATCH)
			want = REGALLOC_ABI_BATCH;
		err = regalloc_abi_release(ra->fd, want, handles + done, &n);
		if (err)
			break;
		done += n;
		if (n < want)
			break;
	}

	if (err && !done)
		return err;
	*released = done;
	return 0;
}

int regalloc_release_addr(struct regalloc *ra, void *addr)
{
	uint64_t offset;
	uint32_t word;

	if (!ra || !addr)
		return -EINVAL;

	/* An address below the window wraps to a huge offset. */
	offset = (uintptr_t)addr - (uintptr_t)ra->window;
	if (!regalloc_offset_valid(&ra->geo, offset))
		return -ENOENT;
	if (!regalloc_offset_is_slice(&ra->geo, offset))
		return -EINVAL;

	word = regalloc_map_load(ra, offset);
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
