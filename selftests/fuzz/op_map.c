// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slices directly in the slice map, by the rules of <linux/regalloc.h>, and not
 * as the library would choose them: any slice, whatever the hints say.
 */
#include "player.h"

static uint32_t word_of(uint32_t gen, uint32_t state)
{
	return gen << REGALLOC_STATE_GEN_SHIFT | state;
}

static bool word_move(uint32_t *word, uint32_t from, uint32_t to)
{
	/* A word without memory reads as 0 and must not be written. */
	return rt_load(word) == from &&
	       __atomic_compare_exchange_n(word, &from, to, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static uint64_t some_offset(struct player *p, const struct op *op)
{
	unsigned int class = op->arg[0] % REGALLOC_NR_CLASSES;
	/* Low slots are those that are open. */
	unsigned int slot = op->arg[1] % 8 % (1 + op->arg[1] / 8 % 8);
	uint32_t slice = op->arg[2] % rt_class_slices(class);

	return model_region_offset(p->m, class, slot) +
	       slice * rt_class_bytes(class);
}

int op_map_claim(struct player *p, const struct op *op)
{
	uint64_t offset = some_offset(p, op);
	struct model_unit *u = model_unit(p->m, offset);

	if (!word_move(rt_state(&p->c, offset),
		       word_of(u->gen, REGALLOC_STATE_FREE),
		       word_of(u->gen, REGALLOC_STATE_LIVE)))
		return FUZZ_SKIPPED;
	p->handles[0] = REGALLOC_HANDLE(offset, u->gen);
	trace("%" PRIx64, p->handles[0]);
	player_took(p, model_handle_class(p->m, p->handles[0]), 1, false, 0, 1);
	return 0;
}

static void tell(struct player *p, uint64_t offset)
{
	struct regalloc_control *control = (void *)p->c.map;
	struct regalloc_hint *hint = (void *)((uint8_t *)p->c.map +
					      p->c.info.hint_offset);
	struct regalloc_ioc_trim t = { .size = sizeof(t) };
	uint32_t attention;

	hint += offset / RT_REGION;
	rt_store(&hint->avail, 1);
	rt_store(&hint->dirty, 1);
	attention = rt_load(&control->attention);
	if (!attention)
		return;
	/* CLOSE asks for less, but a TRIM too many does no harm. */
	t.flags = attention == REGALLOC_ATTENTION_ARM ? REGALLOC_TRIM_F_ARM :
							REGALLOC_TRIM_F_NOTIFY;
	if (ioctl(p->c.fd, REGALLOC_IOC_TRIM, &t))
		fail("TRIM: %s", strerror(errno));
}

int op_map_release(struct player *p, const struct op *op)
{
	uint64_t handle = player_some_live(p, op->arg[0]);
	uint64_t offset = REGALLOC_HANDLE_OFFSET(handle);
	uint32_t gen = REGALLOC_HANDLE_GEN(handle);

	if (!handle)
		return FUZZ_SKIPPED;
	player_check(p, handle);
	if (!word_move(rt_state(&p->c, offset),
		       word_of(gen, REGALLOC_STATE_LIVE),
		       word_of(gen + 1, REGALLOC_STATE_FREE)))
		fail("slice %" PRIx64 " has the word %x", handle,
		     *rt_state(&p->c, offset));
	trace("%" PRIx64, handle);
	model_gave(p->m, handle);
	tell(p, offset);
	return 0;
}

static bool word_is_right(const struct model_unit *u, uint32_t word)
{
	uint32_t state = word & REGALLOC_STATE_MASK;

	if (u->serial)
		return word == word_of(u->gen, REGALLOC_STATE_LIVE);
	/* Where words have been dropped, later generations follow. */
	return !word || (word >> REGALLOC_STATE_GEN_SHIFT >= u->gen &&
			 (state == REGALLOC_STATE_FREE ||
			  state == REGALLOC_STATE_CLOSED));
}

/* All words of a region. */
int op_map_look(struct player *p, const struct op *op)
{
	unsigned int class = op->arg[0] % REGALLOC_NR_CLASSES;
	uint64_t offset = model_region_offset(p->m, class,
					      op->arg[1] % MODEL_SLOTS);
	uint32_t slice, word;

	for (slice = 0; slice < rt_class_slices(class); slice++) {
		word = rt_load(rt_state(&p->c, offset));
		if (!word_is_right(model_unit(p->m, offset), word))
			fail("slice at %" PRIx64 " has the word %x", offset,
			     word);
		offset += rt_class_bytes(class);
	}
	return 0;
}

void player_learn_generations(struct player *p)
{
	unsigned int class, slot, slice;
	struct model_unit *u;
	uint64_t offset;
	uint32_t gen;

	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		for (slot = 0; slot < MODEL_SLOTS; slot++)
			for (slice = 0; slice < rt_class_slices(class); slice++) {
				offset = model_region_offset(p->m, class, slot) +
					 slice * rt_class_bytes(class);
				u = model_unit(p->m, offset);
				gen = rt_load(rt_state(&p->c, offset)) >>
				      REGALLOC_STATE_GEN_SHIFT;
				if (!u->serial && gen > u->gen)
					u->gen = gen;
			}
}
