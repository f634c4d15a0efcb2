// SPDX-License-Identifier: GPL-2.0-only
#include "../regalloc_test.h"
#include "fail.h"
#include "model.h"

struct model *model_create(void)
{
	struct model *m;

	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m == MAP_FAILED)
		rt_die("no memory for a model");
	return m;
}

void model_reset(struct model *m, uint32_t owner, uint64_t span)
{
	bool alone = m->alone;
	uint64_t budget = m->budget;
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->alone = alone;
	m->budget = budget;
	m->owner = owner;
	m->span = span;
	for (i = 0; i < MODEL_UNITS; i++)
		m->unit[i].gen = 1;
}

unsigned int model_class_of(uint64_t length)
{
	unsigned int class = 0;

	while (rt_class_bytes(class) < length)
		class++;
	return class;
}

unsigned int model_handle_class(const struct model *m, uint64_t handle)
{
	return REGALLOC_HANDLE_OFFSET(handle) / m->span;
}

uint64_t model_region_offset(const struct model *m, unsigned int class,
			     unsigned int slot)
{
	return class * m->span + slot * RT_REGION;
}

struct model_unit *model_unit(struct model *m, uint64_t offset)
{
	uint64_t class = offset / m->span;
	uint64_t number = offset % m->span / REGALLOC_MIN_SLICE_BYTES;

	if (class >= REGALLOC_NR_CLASSES ||
	    number >= MODEL_SLOTS * MODEL_SLOT_UNITS ||
	    offset % rt_class_bytes(class))
		return NULL;
	return &m->unit[class * MODEL_SLOTS * MODEL_SLOT_UNITS + number];
}

static struct model_unit *unit_of(struct model *m, uint64_t handle)
{
	return model_unit(m, REGALLOC_HANDLE_OFFSET(handle));
}

/* Live slices of the region that a handle lies in. */
static uint16_t *region_of(struct model *m, uint64_t handle)
{
	uint64_t offset = REGALLOC_HANDLE_OFFSET(handle);

	return &m->in_region[offset / m->span][offset % m->span / RT_REGION];
}

static uint32_t next_serial(struct model *m)
{
	m->serial = (m->serial + 1) & 0x3fffff;
	if (!m->serial)
		m->serial = 1;
	return m->serial;
}

void model_took(struct model *m, uint64_t handle, unsigned int class)
{
	struct model_unit *u = unit_of(m, handle);
	uint16_t *in_region;

	if (!u || model_handle_class(m, handle) != class)
		fail("got handle %" PRIx64 ", which class %u cannot have",
		     handle, class);
	if (u->serial)
		fail("got handle %" PRIx64 ": that slice is live", handle);
	/* A slot whose words were dropped opens with later ones. */
	if (REGALLOC_HANDLE_GEN(handle) < u->gen)
		fail("got handle %" PRIx64 ": not generation %u or later",
		     handle, u->gen);
	u->gen = REGALLOC_HANDLE_GEN(handle);
	u->serial = next_serial(m);
	u->index = m->nr_live;
	m->live[m->nr_live++] = handle;
	m->live_bytes += rt_class_bytes(class);
	in_region = region_of(m, handle);
	if (!(*in_region)++)
		m->busy++;
}

void model_gave(struct model *m, uint64_t handle)
{
	struct model_unit *u = unit_of(m, handle);
	uint64_t last = m->live[--m->nr_live];

	m->live[u->index] = last;
	unit_of(m, last)->index = u->index;
	u->serial = 0;
	u->gen++;
	m->live_bytes -= rt_class_bytes(model_handle_class(m, handle));
	if (!--*region_of(m, handle))
		m->busy--;
	m->past[m->nr_past++ % MODEL_PAST] = handle;
}

/* The number of a new filling. */
uint32_t model_refill(struct model *m, uint64_t handle)
{
	return unit_of(m, handle)->serial = next_serial(m);
}

/* Regions that the client may have by its limit and by the budget. */
static uint32_t cap(const struct model *m)
{
	uint64_t bytes = m->budget;

	if (m->limit && m->limit < bytes)
		bytes = m->limit;
	return bytes / RT_REGION;
}

/* The caller has just closed all spares, so that what is open is busy. */
void model_set_limits(struct model *m, uint64_t reserve, uint64_t limit)
{
	m->reserve = (reserve + RT_REGION - 1) / RT_REGION * RT_REGION;
	/* A limit of 0 is none. */
	m->limit = limit && limit < m->reserve ? m->reserve : limit;
	m->most_open = m->busy;
}

/* Likewise. */
void model_set_budget(struct model *m, uint64_t budget)
{
	m->budget = budget;
	m->most_open = m->busy;
}

bool model_is_live(struct model *m, uint64_t handle)
{
	struct model_unit *u = unit_of(m, handle);

	return u && u->serial && u->gen == REGALLOC_HANDLE_GEN(handle);
}

/* What RELEASE and ZERO must say of a handle. */
int model_release_error(struct model *m, uint64_t handle)
{
	struct model_unit *u = unit_of(m, handle);
	uint32_t gen = REGALLOC_HANDLE_GEN(handle);

	if (model_is_live(m, handle))
		return 0;
	return u && gen && gen < u->gen ? -ESTALE : -ENOENT;
}

/* Free slices of the class beside live ones, which nothing can take away. */
static uint32_t free_beside(const struct model *m, unsigned int class)
{
	uint32_t sum = 0;
	unsigned int slot;

	for (slot = 0; slot < MODEL_SLOTS; slot++)
		if (m->in_region[class][slot])
			sum += rt_class_slices(class) -
			       m->in_region[class][slot];
	return sum;
}

static uint32_t in_regions(const struct model *m, unsigned int class,
			   uint32_t regions)
{
	return regions > m->busy ?
	       (regions - m->busy) * rt_class_slices(class) : 0;
}

/*
 * An allocation of @count slices gave @got of them, or @err. To be told before
 * model_took() is.
 */
void model_expect_alloc(struct model *m, unsigned int class, uint32_t count,
			int err, uint32_t got)
{
	uint32_t sure = free_beside(m, class), most;

	if (err && err != -ENOMEM && err != -ETIMEDOUT && err != -EINTR)
		fail("allocation: %s", strerror(-err));
	if (err)
		got = 0;
	else if (!got || got > count)
		fail("allocation of %u gave %u", count, got);
	most = sure + in_regions(m, class, cap(m) > m->most_open ?
					   cap(m) : m->most_open);
	if (m->alone)
		sure += in_regions(m, class, cap(m));
	else
		most = MODEL_MOST_LIVE;
	if (got < (sure < count ? sure : count) || got > most)
		fail("%u of class %u: got %u (%s), not %u to %u; %u regions busy, %u allowed",
		     count, class, got, strerror(-err), sure, most, m->busy,
		     cap(m));
}
