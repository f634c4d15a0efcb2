/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must hold of one client: which slices are its own, of which generation
 * and with what in them, and how much it can get. Lies in memory that a forked
 * child shares, and knows nothing of the device: it is told what happened, and
 * ends the process if that cannot be.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/regalloc.h>

/* No budget here is larger. */
#define MODEL_REGIONS		16
#define MODEL_MOST_BUDGET	(MODEL_REGIONS * REGALLOC_REGION_BYTES)
/*
 * New regions take the lowest slot, and none opens while a class has more holes than
 * live slices.
 */
#define MODEL_SLOTS		(2 * MODEL_REGIONS + 2)
#define MODEL_SLOT_UNITS	\
	(REGALLOC_REGION_BYTES / REGALLOC_MIN_SLICE_BYTES)
#define MODEL_UNITS		\
	(REGALLOC_NR_CLASSES * MODEL_SLOTS * MODEL_SLOT_UNITS)
#define MODEL_MOST_LIVE		(MODEL_REGIONS * MODEL_SLOT_UNITS)
#define MODEL_PAST		64

/**
 * struct model_unit - what is known of a slice, by its first 4 KiB
 * @gen: generation of the live allocation, or else of the next one
 * @serial: of its filling; 0: not live
 * @index: in model.live, if it is live
 */
struct model_unit {
	uint32_t gen;
	uint32_t serial;
	uint32_t index;
};

/**
 * struct model - one client
 * @alone: there is no other, so that failures can be foretold exactly
 * @owner: in its fillings
 * @span: bytes of window per class
 * @budget: of the module
 * @limit: of the client, as set; 0: none
 * @reserve: of the client, in whole pages
 * @most_bytes: what was live when the budget or the limit changed: as much may be
 *	had again without more being charged
 * @serial: of the last filling
 * @busy: regions with a live slice
 * @live_bytes: of all live slices
 * @least_bytes: of the pages that have a live slice
 * @nr_live: number of live slices
 * @live: their handles
 * @nr_past: how often something has been released
 * @past: handles of the last ones
 * @in_region: live slices of a region
 * @in_page: live slices that begin in a page, if it may hold several
 * @unit: of all places
 */
struct model {
	bool alone;
	uint32_t owner;
	uint64_t span;
	uint64_t budget;
	uint64_t limit;
	uint64_t reserve;
	uint64_t most_bytes;
	uint32_t serial;
	uint32_t busy;
	uint64_t live_bytes;
	uint64_t least_bytes;
	uint32_t nr_live;
	uint64_t live[MODEL_MOST_LIVE];
	uint32_t nr_past;
	uint64_t past[MODEL_PAST];
	uint16_t in_region[REGALLOC_NR_CLASSES][MODEL_SLOTS];
	uint8_t in_page[MODEL_UNITS];
	struct model_unit unit[MODEL_UNITS];
};

struct model *model_create(void);
/* A client that holds nothing yet. */
void model_reset(struct model *m, uint32_t owner, uint64_t span);

/* Geometry */
unsigned int model_class_of(uint64_t length);
unsigned int model_handle_class(const struct model *m, uint64_t handle);
uint64_t model_region_offset(const struct model *m, unsigned int class,
			     unsigned int slot);
/* The unit of an offset, or NULL if nothing can ever be there. */
struct model_unit *model_unit(struct model *m, uint64_t offset);

/* The model learns what has happened. */
void model_took(struct model *m, uint64_t handle, unsigned int class);
void model_gave(struct model *m, uint64_t handle);
uint32_t model_refill(struct model *m, uint64_t handle);
void model_set_limits(struct model *m, uint64_t reserve, uint64_t limit);
void model_set_budget(struct model *m, uint64_t budget);

/* The model answers. */
bool model_is_live(struct model *m, uint64_t handle);
bool model_page_is_live(struct model *m, uint64_t offset);
int model_release_error(struct model *m, uint64_t handle);
void model_expect_alloc(struct model *m, unsigned int class, uint32_t count,
			int err, uint32_t got);

#endif /* FUZZ_MODEL_H */
