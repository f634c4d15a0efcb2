/* SPDX-License-Identifier: MIT */
/*
 * The frames of a process: slices that hold pages of its caches, sorted by the
 * region that they lie in, and the clock that says which page to part with.
 *
 * Memory goes back to the budget in regions. So there are two ways to part with
 * pages: who needs one slice takes the next that the hand of the clock comes to,
 * and keeps the slice; who is asked for memory by others empties the regions
 * that he will miss least.
 *
 * How much is a fair share? Nobody knows what the others do, but this is enough:
 * who was told that there is no memory goes on with what he has, and does not ask
 * again until he has replaced a quarter of that. Then a cache asks the more often,
 * the more it misses and the less it has, and one that is idle never asks.
 *
 * No locks in here: callers have one.
 */
#ifndef EXAMPLES_FRAME_H
#define EXAMPLES_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <regalloc.h>

#define FRAME_REGION_SHIFT 22
#define FRAME_REGION_BYTES (UINT64_C(1) << FRAME_REGION_SHIFT)
#define FRAME_NR_BUCKETS 1024

struct frame_region;

/**
 * struct frame - a slice that holds a page
 * @slice: the slice
 * @region: that it lies in
 * @next: for a list of frames that are out
 * @pinned: somebody has got it
 * @fixed: it will never be given up, as long as it is in
 * @hot: it was used since the hand came by
 */
struct frame {
	struct regalloc_slice slice;
	struct frame_region *region;
	struct frame *next;
	bool pinned;
	bool fixed;
	bool hot;
};

/**
 * struct frames - all frames
 * @nr: how many
 * @nr_pinned: how many of them are pinned
 * @regions: those with frames, in no order
 * @nr_regions: how many
 * @room: for how many there is room in @regions
 * @at_region: where the hand is
 * @at_slice: and where in that region
 * @patience: how many frames to replace before asking for memory again
 * @buckets: the regions by number
 *
 * All zero is right to begin with.
 */
struct frames {
	uint64_t nr;
	uint64_t nr_pinned;
	struct frame_region **regions;
	uint32_t nr_regions;
	uint32_t room;
	uint32_t at_region;
	uint32_t at_slice;
	uint64_t patience;
	struct frame_region *buckets[FRAME_NR_BUCKETS];
};

/**
 * frames_add() - a frame comes in, pinned
 * @fs: all frames
 * @f: the frame, of which @slice and @fixed are set
 *
 * Returns 0 or -ENOMEM.
 */
int frames_add(struct frames *fs, struct frame *f);

/**
 * frames_remove() - a frame goes out
 * @fs: all frames
 * @f: one of them; its slice is the caller's now
 */
void frames_remove(struct frames *fs, struct frame *f);

/* Somebody uses a frame, and keeps it until it is unpinned. */
void frames_pin(struct frames *fs, struct frame *f);

/*
 * Nobody has the frame any more. Returns true if it has to go, because others
 * want its region: then the caller removes it and releases the slice.
 */
bool frames_unpin(struct frames *fs, struct frame *f);

/* May more memory be asked for? Counts as one frame that is replaced. */
bool frames_may_ask(struct frames *fs);

/* There was no memory: have patience. */
void frames_refused(struct frames *fs);

/**
 * frames_victim() - the frame to replace
 * @fs: all frames
 * @bytes: of its slice
 *
 * Spares once those that were used since the hand came by.
 *
 * Returns a frame, still in, or NULL if all of that size are pinned.
 */
struct frame *frames_victim(struct frames *fs, uint64_t bytes);

/**
 * frames_drain() - begin to empty the region that will be missed least
 * @fs: all frames
 * @out: a list of frames, to which those are added that are out now. Their slices
 *	are to be released. Those that are pinned follow when they are unpinned
 *
 * Returns false if there is no region to give up.
 */
bool frames_drain(struct frames *fs, struct frame **out);

/* Free what keeps track of the frames, which are all out. */
void frames_free(struct frames *fs);

#endif /* EXAMPLES_FRAME_H */
