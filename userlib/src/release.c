// SPDX-License-Identifier: MIT
#include <errno.h>

#include "abi.h"
#include "client.h"
#include "hints.h"
#include "slice_map.h"

/* Was a region ever open where this word is? */
static bool was_open(const struct regalloc *ra, uint64_t number)
{
	uint64_t slot = (number & ((UINT64_C(1) << ra->class_shift) - 1)) >>
			REGALLOC_SLOT_WORDS_SHIFT;

	return slot < __atomic_load_n(&ra->control->nr_slots[number >> ra->class_shift],
				      __ATOMIC_ACQUIRE);
}

/* Why a handle of this generation is not live; @word is that of its slice. */
static int not_live(const struct regalloc *ra, uint32_t gen, uint32_t word)
{
	uint32_t next = word ? regalloc_word_gen(word) :
			       __atomic_load_n(&ra->control->first_gen,
					       __ATOMIC_ACQUIRE);

	return gen && gen < next ? -ESTALE : -ENOENT;
}

/* Everything that regalloc_release() does not expect. */
static __attribute__((noinline)) int
release_slow(struct regalloc *ra, uint64_t handle)
{
	uint64_t number = regalloc_handle_number(handle);
	uint32_t word = regalloc_word(handle, REGALLOC_STATE_LIVE), next;

	if (!ra)
		return -EINVAL;
	if (number >= ra->nr_words || !was_open(ra, number))
		return -ENOENT;
	/* From the last generation to the first. */
	if (!regalloc_word_after(word, &next))
		next = regalloc_word(1, REGALLOC_STATE_FREE);
	if (regalloc_word_release(&ra->words[number], &word, next))
		return regalloc_gave(ra, regalloc_handle(number,
							 regalloc_word_gen(next)));
	return not_live(ra, REGALLOC_HANDLE_GEN(handle), word);
}

int regalloc_release(struct regalloc *ra, uint64_t handle)
{
	uint64_t number = regalloc_handle_number(handle);
	uint32_t word = regalloc_word(handle, REGALLOC_STATE_LIVE), next;

	/* Words between those of slices are 0: nothing can be released there. */
	if (!regalloc_hints_valid(ra) || number >= ra->nr_words ||
	    !regalloc_word_after(word, &next) ||
	    !regalloc_word_release(&ra->words[number], &word, next))
		return release_slow(ra, handle);
	if (!regalloc_nothing_to_tell(ra, number >> REGALLOC_SLOT_WORDS_SHIFT))
		return regalloc_gave(ra, handle + 1);
	if (!regalloc_push(number >> ra->class_shift, handle + 1))
		return regalloc_remember(number >> ra->class_shift, handle + 1);
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
	uint64_t offset, number;
	uint32_t word;

	if (!ra || !addr)
		return -EINVAL;

	/* An address below the window wraps to a huge offset. */
	offset = (uintptr_t)addr - (uintptr_t)ra->window;
	if (!regalloc_offset_valid(&ra->geo, offset))
		return -ENOENT;
	if (!regalloc_offset_is_slice(&ra->geo, offset))
		return -EINVAL;

	number = offset >> REGALLOC_MIN_SLICE_SHIFT;
	if (!was_open(ra, number))
		return -ENOENT;
	word = regalloc_word_load(&ra->words[number]);
	if (regalloc_word_state(word) != REGALLOC_STATE_LIVE)
		return -ESTALE;
	return regalloc_release(ra, regalloc_handle(number,
						    regalloc_word_gen(word)));
}

int regalloc_zero(struct regalloc *ra, uint64_t handle)
{
	return ra ? regalloc_abi_zero(ra->fd, handle) : -EINVAL;
}
