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
	return regalloc_length_number(bytes) < REGALLOC_NR_LENGTHS &&
	       !(flags & ~KNOWN_FLAGS);
}

/* Describe a slice of a class. */
static inline void describe(const struct regalloc *ra, uint64_t class,
			    uint64_t handle, struct regalloc_slice *out)
{
	out->addr = ra->window + REGALLOC_HANDLE_OFFSET(handle);
	/* Atomic so that no compiler takes the detour of a vector of two. */
	__atomic_store_n(&out->bytes, ra->slice_bytes[class], __ATOMIC_RELAXED);
	out->handle = handle;
}

/* A slice that can be had without the kernel. */
static inline bool take(struct regalloc *ra, unsigned int class, uint32_t flags,
			struct regalloc_slice *out)
{
	uint64_t handle = regalloc_take(ra, class);

	if (!handle)
		return false;
	describe(ra, class, handle, out);
	if (flags & REGALLOC_ALLOC_F_ZERO)
		memset(out->addr, 0, out->bytes);
	return true;
}

/* Up to REGALLOC_ABI_BATCH slices from the kernel, in one call. */
static int ask_kernel(struct regalloc *ra, unsigned int class, uint32_t flags,
		      uint32_t count, uint32_t timeout_ms,
		      struct regalloc_slice *out, uint32_t *got)
{
	uint64_t handles[REGALLOC_ABI_BATCH];
	uint32_t slice_bytes;
	int err;

	if (count > REGALLOC_ABI_BATCH)
		count = REGALLOC_ABI_BATCH;
	err = regalloc_abi_alloc(ra->fd, 1ULL << regalloc_slice_shift(class),
				 flags, count, timeout_ms, handles, got,
				 &slice_bytes);
	if (err)
		return err;
	for (uint32_t i = 0; i < *got; i++)
		describe(ra, class, handles[i], &out[i]);
	regalloc_took(ra, handles[*got - 1]);
	return 0;
}

static bool somebody_waits(const struct regalloc *ra)
{
	return __atomic_load_n(&ra->control->attention, __ATOMIC_RELAXED) &
	       REGALLOC_ATTENTION_WAIT;
}

int regalloc_alloc_wait(struct regalloc *ra, uint64_t bytes, uint32_t flags,
			uint32_t timeout_ms, struct regalloc_slice *out)
{
	unsigned int class;
	uint32_t got;

	if (!ra || !out || !request_valid(bytes, flags))
		return -EINVAL;
	class = regalloc_length_class(bytes);
	/* Who may wait does not overtake those who do. */
	if (!(timeout_ms && somebody_waits(ra)) && take(ra, class, flags, out))
		return 0;
	return ask_kernel(ra, class, flags, 1, timeout_ms, out, &got);
}

/* Anything but a slice that this thread has just released. */
static __attribute__((noinline)) int
alloc_slow(struct regalloc *ra, uint64_t bytes, uint32_t flags,
	   struct regalloc_slice *out)
{
	return regalloc_alloc_wait(ra, bytes, flags, 0, out);
}

int regalloc_alloc(struct regalloc *ra, uint64_t bytes, uint32_t flags,
		   struct regalloc_slice *out)
{
	uint64_t length = regalloc_length_number(bytes), class, handle;

	if (flags || !regalloc_hints_valid(ra) || !out ||
	    length >= REGALLOC_NR_LENGTHS)
		return alloc_slow(ra, bytes, flags, out);
	class = ra->class_of[length];
	handle = regalloc_pop(class);
	if (!handle ||
	    !regalloc_word_claim(&ra->words[regalloc_handle_number(handle)],
				 handle))
		return alloc_slow(ra, bytes, flags, out);
	describe(ra, class, handle, out);
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
		err = ask_kernel(ra, class, flags, count - done, 0, out + done,
				 &n);
		if (err)
			break;
		done += n;
	}
	if (err && !done)
		return err;
	*got = done;
	return 0;
}
