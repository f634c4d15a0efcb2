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

/* How many slices begin in the page of this one. */
static uint8_t *page_of(struct model *m, uint64_t handle)
{
	uint64_t offset = REGALLOC_HANDLE_OFFSET(handle);
	uint64_t page = offset & -(uint64_t)RT_PAGE;

	return &m->in_page[page / m->span * MODEL_SLOTS * MODEL_SLOT_UNITS +
			   page % m->span / REGALLOC_MIN_SLICE_BYTES];
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
	if (!(*page_of(m, handle))++)
		m->least_bytes += rt_class_charge(class);
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
	if (!--*page_of(m, handle))
		m->least_bytes -= rt_class_charge(model_handle_class(m, handle));
	if (!--*region_of(m, handle))
		m->busy--;
	m->past[m->nr_past++ % MODEL_PAST] = handle;
}

/* The number of a new filling. */
uint32_t model_refill(struct model *m, uint64_t handle)
{
	return unit_of(m, handle)->serial = next_serial(m);
}

/* Bytes that the client may have by its limit and by the budget. */
static uint64_t cap(const struct model *m)
{
	return m->limit && m->limit < m->budget ? m->limit : m->budget;
}

/* The caller has just seen that nothing is charged but what is live. */
void model_set_limits(struct model *m, uint64_t reserve, uint64_t limit)
{
	m->reserve = (reserve + RT_PAGE - 1) / RT_PAGE * RT_PAGE;
	/* A limit of 0 is none: one that rounds down to it is next to nothing. */
	m->limit = limit < RT_PAGE ? limit : limit / RT_PAGE * RT_PAGE;
	if (limit && m->limit < m->reserve)
		m->limit = m->reserve;
	m->most_bytes = m->least_bytes;
}

/* Likewise. */
void model_set_budget(struct model *m, uint64_t budget)
{
	m->budget = budget;
	m->most_bytes = m->least_bytes;
}

bool model_page_is_live(struct model *m, uint64_t offset)
{
	uint64_t class = offset / m->span;
	uint64_t slice;

	if (class >= REGALLOC_NR_CLASSES)
		return false;
	slice = offset & -(uint64_t)rt_class_charge(class);
	return model_unit(m, slice) &&
	       *page_of(m, REGALLOC_HANDLE(slice, 1));
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

/* How many pages, or slices if they are larger, fit beside what is live. */
static uint32_t units_within(const struct model *m, unsigned int class,
			     uint64_t bytes)
{
	return bytes > m->least_bytes ?
	       (bytes - m->least_bytes) / rt_class_charge(class) : 0;
}

/*
 * An allocation of @count slices gave @got of them, or @err. To be told before
 * model_took() is.
 */
void model_expect_alloc(struct model *m, unsigned int class, uint32_t count,
			int err, uint32_t got)
{
	uint32_t sure = units_within(m, class, cap(m));
	uint32_t most = units_within(m, class, cap(m) > m->most_bytes ?
						cap(m) : m->most_bytes);

	if (err && err != -ENOMEM && err != -ETIMEDOUT && err != -EINTR)
		fail("allocation: %s", strerror(-err));
	if (err)
		got = 0;
	else if (!got || got > count)
		fail("allocation of %u gave %u", count, got);
	/* What is not charged for itself lies in a page that is live. */
	most *= rt_class_charge(class) / rt_class_bytes(class);
	if (rt_class_charge(class) > rt_class_bytes(class))
		most += m->nr_live * RT_PAGE / rt_class_bytes(class);
	if (!m->alone) {
		sure = 0;
		most = MODEL_MOST_LIVE;
	}
	if (got < (sure < count ? sure : count) || got > most)
		fail("%u of class %u: got %u (%s), not %u to %u; %" PRIu64
		     " bytes live, %" PRIu64 " allowed", count, class, got,
		     strerror(-err), sure, most, m->least_bytes, cap(m));
}
