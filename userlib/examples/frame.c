// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "frame.h"

/* What a frame costs more than one that nobody would miss. */
#define COST_HOT 7
#define COST_PINNED 63

/**
 * struct frame_region - a region with frames in it
 * @number: its address in units of its size
 * @slice_bytes: of all slices in it
 * @at: where it is in the array of regions
 * @nr: frames
 * @nr_pinned: those that are pinned
 * @nr_fixed: those that are fixed
 * @nr_hot: those that are hot
 * @leaving: others want it
 * @next: in its bucket
 * @frames: for each slice its frame, or NULL
 */
struct frame_region {
	uintptr_t number;
	uint64_t slice_bytes;
	uint32_t at;
	uint32_t nr;
	uint32_t nr_pinned;
	uint32_t nr_fixed;
	uint32_t nr_hot;
	bool leaving;
	struct frame_region *next;
	struct frame *frames[];
};

static uint32_t region_nr_slices(const struct frame_region *r)
{
	return FRAME_REGION_BYTES / r->slice_bytes;
}

static uintptr_t region_number(const struct frame *f)
{
	return (uintptr_t)f->slice.addr >> FRAME_REGION_SHIFT;
}

static struct frame **region_place(struct frame_region *r,
				   const struct frame *f)
{
	uint64_t offset = (uintptr_t)f->slice.addr % FRAME_REGION_BYTES;

	return &r->frames[offset / r->slice_bytes];
}

static struct frame_region **region_bucket(struct frames *fs, uintptr_t number)
{
	return &fs->buckets[number % FRAME_NR_BUCKETS];
}

static struct frame_region *region_find(struct frames *fs, uintptr_t number)
{
	struct frame_region *r = *region_bucket(fs, number);

	while (r && r->number != number)
		r = r->next;
	return r;
}

static int regions_make_room(struct frames *fs)
{
	uint32_t room = fs->room ? 2 * fs->room : 64;
	struct frame_region **regions;

	if (fs->nr_regions < fs->room)
		return 0;
	regions = realloc(fs->regions, room * sizeof(*regions));
	if (!regions)
		return -ENOMEM;
	fs->regions = regions;
	fs->room = room;
	return 0;
}

/* A region without frames, for the first one. */
static struct frame_region *region_new(struct frames *fs, const struct frame *f)
{
	uint32_t nr = FRAME_REGION_BYTES / f->slice.bytes;
	struct frame_region *r, **bucket;

	if (regions_make_room(fs))
		return NULL;
	r = calloc(1, sizeof(*r) + nr * sizeof(struct frame *));
	if (!r)
		return NULL;

	r->number = region_number(f);
	r->slice_bytes = f->slice.bytes;
	bucket = region_bucket(fs, r->number);
	r->next = *bucket;
	*bucket = r;
	r->at = fs->nr_regions;
	fs->regions[fs->nr_regions++] = r;
	return r;
}

static void region_free(struct frames *fs, struct frame_region *r)
{
	struct frame_region **link = region_bucket(fs, r->number);
	struct frame_region *last = fs->regions[--fs->nr_regions];

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	last->at = r->at;
	fs->regions[last->at] = last;
	free(r);
}

static void set_hot(struct frame *f, bool hot)
{
	f->region->nr_hot += hot - f->hot;
	f->hot = hot;
}

static void set_pinned(struct frames *fs, struct frame *f, bool pinned)
{
	fs->nr_pinned += pinned - f->pinned;
	f->region->nr_pinned += pinned - f->pinned;
	f->pinned = pinned;
}

int frames_add(struct frames *fs, struct frame *f)
{
	struct frame_region *r = region_find(fs, region_number(f));

	if (!r)
		r = region_new(fs, f);
	if (!r)
		return -ENOMEM;

	/* What was to go could not, for so long that it is in use again. */
	r->leaving = false;
	*region_place(r, f) = f;
	f->region = r;
	f->hot = false;
	f->pinned = false;
	set_pinned(fs, f, true);
	r->nr_fixed += f->fixed;
	r->nr++;
	fs->nr++;
	return 0;
}

void frames_remove(struct frames *fs, struct frame *f)
{
	struct frame_region *r = f->region;

	set_hot(f, false);
	set_pinned(fs, f, false);
	*region_place(r, f) = NULL;
	r->nr_fixed -= f->fixed;
	r->nr--;
	fs->nr--;
	if (!r->nr)
		region_free(fs, r);
}

void frames_pin(struct frames *fs, struct frame *f)
{
	set_pinned(fs, f, true);
	set_hot(f, true);
}

bool frames_unpin(struct frames *fs, struct frame *f)
{
	set_pinned(fs, f, false);
	return f->region->leaving;
}

bool frames_may_ask(struct frames *fs)
{
	if (!fs->patience)
		return true;
	fs->patience--;
	return false;
}

void frames_refused(struct frames *fs)
{
	fs->patience = fs->nr / 4;
}

/* On to the next region, or on from one that is there no more. */
static void hand_turn(struct frames *fs)
{
	fs->at_slice = 0;
	if (++fs->at_region >= fs->nr_regions)
		fs->at_region = 0;
}

/* The rest of a region, from the hand on. */
static struct frame *hand_pass(struct frames *fs, struct frame_region *r)
{
	while (fs->at_slice < region_nr_slices(r)) {
		struct frame *f = r->frames[fs->at_slice++];

		if (!f || f->pinned)
			continue;
		if (!f->hot)
			return f;
		set_hot(f, false);
	}
	return NULL;
}

struct frame *frames_victim(struct frames *fs, uint64_t bytes)
{
	struct frame *f = NULL;

	if (!fs->nr_regions)
		return NULL;
	/*
	 * Twice round, and the part of a region where the hand began: the first
	 * time may only have found frames to spare once.
	 */
	for (uint64_t i = 0; !f && i < 2 * (uint64_t)fs->nr_regions + 1; i++) {
		struct frame_region *r;

		if (fs->at_region >= fs->nr_regions)
			hand_turn(fs);
		r = fs->regions[fs->at_region];
		if (r->slice_bytes == bytes && r->nr > r->nr_pinned)
			f = hand_pass(fs, r);
		if (!f)
			hand_turn(fs);
	}
	return f;
}

static uint64_t region_cost(const struct frame_region *r)
{
	return r->nr + COST_HOT * (uint64_t)r->nr_hot +
	       COST_PINNED * (uint64_t)r->nr_pinned;
}

/* Who works keeps the last region that he has. */
static bool region_may_leave(const struct frames *fs,
			     const struct frame_region *r)
{
	return !r->leaving && !r->nr_fixed &&
	       (fs->nr_regions > 1 || !r->nr_pinned);
}

/* The region that will be missed least, or NULL. */
static struct frame_region *region_cheapest(struct frames *fs)
{
	struct frame_region *best = NULL;

	for (uint32_t i = 0; i < fs->nr_regions; i++) {
		struct frame_region *r = fs->regions[i];

		if (!region_may_leave(fs, r))
			continue;
		if (!best || region_cost(r) < region_cost(best))
			best = r;
	}
	return best;
}

bool frames_drain(struct frames *fs, struct frame **out)
{
	struct frame_region *r = region_cheapest(fs);
	uint32_t left;

	if (!r)
		return false;

	r->leaving = true;
	left = r->nr - r->nr_pinned;
	for (uint32_t i = 0; left; i++) {
		struct frame *f = r->frames[i];

		if (!f || f->pinned)
			continue;
		/* The last one takes the region along. */
		left--;
		frames_remove(fs, f);
		f->next = *out;
		*out = f;
	}
	return true;
}

void frames_free(struct frames *fs)
{
	free(fs->regions);
}
