// SPDX-License-Identifier: GPL-2.0-only
/* Slices through the library, which works on the slice map. */
#include "player.h"

static int alloc_many(struct player *p, const struct op *op, uint32_t count)
{
	unsigned int class = op->arg[0] % REGALLOC_NR_CLASSES;
	bool zero = op->arg[0] >> 32 & 1;
	struct regalloc_slice slices[64];
	uint32_t got = 0, i;
	int err;

	err = regalloc_alloc_many(p->ra, rt_class_bytes(class),
				  zero ? REGALLOC_ALLOC_F_ZERO : 0, count,
				  slices, &got);
	trace("%u of class %u, zero %u: %s, %u", count, class, zero,
	      strerror(-err), got);
	for (i = 0; i < got; i++) {
		p->handles[i] = slices[i].handle;
		if (slices[i].bytes != rt_class_bytes(class))
			fail("a slice of %" PRIu64 " bytes", slices[i].bytes);
	}
	player_took(p, class, count, zero, err, got);
	return err;
}

int op_lib_alloc_many(struct player *p, const struct op *op)
{
	return alloc_many(p, op, 1 + op->arg[1] % 64);
}

int op_lib_alloc(struct player *p, const struct op *op)
{
	unsigned int class = op->arg[0] % REGALLOC_NR_CLASSES;
	uint32_t timeout_ms = op->arg[1] % 16 ? 0 : 3;
	bool zero = op->arg[0] >> 32 & 1;
	uint32_t flags = zero ? REGALLOC_ALLOC_F_ZERO : 0;
	struct regalloc_slice slice;
	int err;

	if (timeout_ms)
		err = regalloc_alloc_wait(p->ra, rt_class_bytes(class), flags,
					  timeout_ms, &slice);
	else
		err = regalloc_alloc(p->ra, rt_class_bytes(class), flags,
				     &slice);
	trace("class %u, zero %u, timeout %u: %s", class, zero, timeout_ms,
	      strerror(-err));
	if (!err) {
		p->handles[0] = slice.handle;
		p->window = (uint8_t *)slice.addr -
			    REGALLOC_HANDLE_OFFSET(slice.handle);
	}
	player_took(p, class, 1, zero, err, 1);
	return err;
}

static void released(struct player *p, uint64_t handle, int err)
{
	trace("%" PRIx64 ": %s", handle, strerror(-err));
	if (err)
		fail("release of %" PRIx64 ": %s", handle, strerror(-err));
	model_gave(p->m, handle);
}

int op_lib_release(struct player *p, const struct op *op)
{
	uint64_t handle = player_some_live(p, op->arg[0]);

	if (!handle)
		return FUZZ_SKIPPED;
	player_check(p, handle);
	released(p, handle, regalloc_release(p->ra, handle));
	return 0;
}

int op_lib_release_addr(struct player *p, const struct op *op)
{
	uint64_t handle = player_some_live(p, op->arg[0]);

	if (!handle || !p->window)
		return FUZZ_SKIPPED;
	player_check(p, handle);
	released(p, handle,
		 regalloc_release_addr(p->ra, p->window +
				       REGALLOC_HANDLE_OFFSET(handle)));
	return 0;
}

int op_lib_release_wild(struct player *p, const struct op *op)
{
	uint64_t handle = player_some_wild(p, op->arg[0], op->arg[1]);
	int expected = model_release_error(p->m, handle), err;

	err = regalloc_release(p->ra, handle);
	trace("%" PRIx64 ": %s", handle, strerror(-err));
	if (err != expected)
		fail("release of %" PRIx64 ": %s, not %s", handle,
		     strerror(-err), strerror(-expected));
	if (!err)
		model_gave(p->m, handle);
	return err;
}
