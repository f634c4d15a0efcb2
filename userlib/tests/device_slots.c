// SPDX-License-Identifier: MIT
#include <sys/mman.h>

#include "device_slots.h"

struct slot slot_of(struct device_client *client, unsigned int class,
		    unsigned long number)
{
	struct regalloc_geometry geo = device_geometry();

	return (struct slot){
		.client = client,
		.flags = client->slots + class * device_nr_slots() + number,
		.words = (u32 *)(client->map +
				 regalloc_geometry_state_offset(&geo, class, number)),
		.nr = regalloc_class_slices(class),
		.hint = (struct regalloc_hint *)(client->map +
				regalloc_geometry_hint_offset(&geo, class, number)),
		.class = class,
		.number = number,
	};
}

static char *slot_memory(const struct slot *s)
{
	struct regalloc_geometry geo = device_geometry();
	struct regalloc_place place = { .class = s->class, .slot = s->number };

	return s->client->window + regalloc_geometry_offset(&geo, &place);
}

void slot_note_avail(const struct slot *s)
{
	u32 *lowest = &client_control(s->client)->lowest[s->class];

	__atomic_store_n(&s->hint->avail, 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(lowest, __ATOMIC_RELAXED) > s->number)
		__atomic_store_n(lowest, s->number, __ATOMIC_RELAXED);
}

/* There is fresh memory, then slices, and then somebody may look for them. */
void slot_open(const struct slot *s)
{
	u32 *nr_slots = &client_control(s->client)->nr_slots[s->class];
	char *mem = slot_memory(s);

	mprotect(mem, REGALLOC_REGION_BYTES, PROT_READ | PROT_WRITE);
	madvise(mem, REGALLOC_REGION_BYTES, MADV_REMOVE);
	if (*nr_slots <= s->number)
		__atomic_store_n(nr_slots, s->number + 1, __ATOMIC_RELEASE);
	*s->flags = SLOT_OPEN | SLOT_MARK;
	s->client->nr_regions++;
	device->charged++;
	device->nr_opened++;
	regalloc_slices_open(s->words, s->class, 0, s->nr, 1);
	slot_note_avail(s);
}

bool slot_is_spare(const struct slot *s)
{
	return regalloc_slices_find_live(s->words, s->class, 0) == s->nr;
}

bool slot_close_spare(const struct slot *s)
{
	unsigned long isolated[REGALLOC_SLOT_WORDS / 8 / sizeof(long)] = { 0 };

	if (!slot_is_spare(s))
		return false;
	if (regalloc_slices_isolate(s->words, s->class, 0, s->nr, isolated) < 0) {
		slot_note_avail(s);
		return false;
	}
	mprotect(slot_memory(s), REGALLOC_REGION_BYTES, PROT_NONE);
	*s->flags = 0;
	s->client->nr_regions--;
	device->charged--;
	device->nr_closed++;
	return true;
}

/* Take over what the owner has noted of his releases. */
static void collect_dirty(struct device_client *client, unsigned int class)
{
	u32 end = client_control(client)->nr_slots[class];
	const struct regalloc_hint dirty = { .dirty = 0xff };
	struct slot s = slot_of(client, class, 0);
	unsigned long i = 0;

	for (;;) {
		i += regalloc_hints_find(s.hint + i, end - i, dirty);
		if (i == end)
			break;
		__atomic_store_n(&s.hint[i].dirty, 0, __ATOMIC_RELAXED);
		if (s.flags[i])
			s.flags[i] |= SLOT_MARK;
		i++;
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint32_t close_marked(struct device_client *client, unsigned int class,
			     uint32_t most)
{
	u32 end = client_control(client)->nr_slots[class];
	uint32_t closed = 0;
	struct slot s;

	for (u32 i = 0; i < end && closed < most; i++) {
		s = slot_of(client, class, i);
		if (!(*s.flags & SLOT_MARK))
			continue;
		if (slot_close_spare(&s))
			closed++;
		else	/* the release of its last slice sets it again */
			*s.flags &= ~SLOT_MARK;
	}
	return closed;
}

uint32_t client_close_spares(struct device_client *client, uint32_t most)
{
	uint32_t closed = 0;

	for (unsigned int c = 0; c < REGALLOC_NR_CLASSES; c++) {
		collect_dirty(client, c);
		closed += close_marked(client, c, most - closed);
	}
	return closed;
}

static uint32_t claim_in_slot(const struct slot *s, uint32_t count,
			      uint64_t *handles)
{
	struct regalloc_geometry geo = device_geometry();
	struct regalloc_place place = { .class = s->class, .slot = s->number };
	uint32_t taken = 0, gen;
	u64 offset;

	for (place.slice = 0; taken < count && place.slice < s->nr;
	     place.slice++) {
		if (!regalloc_slice_claim(slot_word(s, place.slice), &gen))
			continue;
		offset = regalloc_geometry_offset(&geo, &place);
		handles[taken++] = REGALLOC_HANDLE(offset, gen);
	}
	return taken;
}

static uint32_t take_in_slot(const struct slot *s, uint32_t count,
			     uint64_t *handles)
{
	uint32_t taken = claim_in_slot(s, count, handles);

	if (taken)
		return taken;
	__atomic_store_n(&s->hint->avail, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	taken = claim_in_slot(s, count, handles);
	if (taken)
		__atomic_store_n(&s->hint->avail, 1, __ATOMIC_RELAXED);
	return taken;
}

uint32_t client_take(struct device_client *client, unsigned int class,
		     uint32_t count, uint64_t *handles)
{
	u32 end = client_control(client)->nr_slots[class];
	const struct regalloc_hint avail = { .avail = 0xff };
	struct slot first = slot_of(client, class, 0), s;
	unsigned long i = 0;
	uint32_t taken;

	for (;;) {
		i += regalloc_hints_find(first.hint + i, end - i, avail);
		if (i == end)
			return 0;
		s = slot_of(client, class, i);
		taken = take_in_slot(&s, count, handles);
		if (taken)
			return taken;
		i++;
	}
}

uint32_t client_take_hidden(struct device_client *client, unsigned int class,
			    uint32_t count, uint64_t *handles)
{
	u32 end = client_control(client)->nr_slots[class];
	uint32_t taken;
	struct slot s;

	for (u32 i = 0; i < end; i++) {
		s = slot_of(client, class, i);
		if (*s.flags)
			slot_note_avail(&s);
	}
	taken = client_take(client, class, count, handles);
	device->nr_hidden += !!taken;
	return taken;
}
