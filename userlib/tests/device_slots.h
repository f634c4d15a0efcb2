/* SPDX-License-Identifier: MIT */
/* The model's regions: what device.c does with the slots of a client. */
#ifndef TESTS_DEVICE_SLOTS_H
#define TESTS_DEVICE_SLOTS_H

#include "device.h"
#include "geometry.h"
#include "slice_map.h"

/* A region is open; a release into it may have made it a spare. */
#define SLOT_OPEN	1U
#define SLOT_MARK	2U

/**
 * struct slot - a region slot of a client, and where its parts are
 * @client: that has it
 * @flags: of the slot, SLOT_*
 * @words: of its slices
 * @nr: of its slices
 * @hint: about it
 * @class: its size class
 * @number: its number in the class
 */
struct slot {
	struct device_client *client;
	uint8_t *flags;
	u32 *words;
	unsigned int nr;
	struct regalloc_hint *hint;
	unsigned int class;
	unsigned long number;
};

/* The geometry of all clients. */
static inline struct regalloc_geometry device_geometry(void)
{
	return (struct regalloc_geometry){ .span_shift = device->span_shift };
}

/* Slots of each class. */
static inline unsigned long device_nr_slots(void)
{
	struct regalloc_geometry geo = device_geometry();

	return regalloc_geometry_slots(&geo);
}

static inline struct regalloc_control *
client_control(const struct device_client *client)
{
	return (struct regalloc_control *)client->map;
}

static inline u32 *slot_word(const struct slot *s, unsigned int slice)
{
	return regalloc_slice_word(s->words, s->class, slice);
}

/* The client with that descriptor; with 0, none. */
struct device_client *client_find(int fd);

/* What the client's releases have to do: REGALLOC_ATTENTION_*. */
void client_attend(struct device_client *client, uint32_t bits, bool on);

/* Go on to the next open region of a client; from @s all zero to the first. */
bool client_next_open(struct device_client *client, struct slot *s);

struct slot slot_of(struct device_client *client, unsigned int class,
		    unsigned long number);
bool slot_is_spare(const struct slot *s);
void slot_open(const struct slot *s);
bool slot_close_spare(const struct slot *s);
void slot_note_avail(const struct slot *s);

/* Close spares that are known or noted as dirty, @most at most. */
uint32_t client_close_spares(struct device_client *client, uint32_t most);

/* Slices of the lowest slot that has some and says so, or that has some. */
uint32_t client_take(struct device_client *client, unsigned int class,
		     uint32_t count, uint64_t *handles);
uint32_t client_take_hidden(struct device_client *client, unsigned int class,
			    uint32_t count, uint64_t *handles);

#endif /* TESTS_DEVICE_SLOTS_H */
