/* SPDX-License-Identifier: MIT */
/*
 * The frames of a process: slices that hold pages of its caches, on a clock that says
 * which pages to part with first.
 *
 * A cache that needs one slice takes the next that the hand of the clock comes to, and
 * keeps the slice. One that is asked for memory by others evicts as many bytes as they
 * want, wherever they lie: released memory is available to others byte for byte.
 *
 * What is a fair share? A cache does not know what the others do, but this is enough:
 * after it was told that there is no memory it replaces pages of its own before it asks
 * again, one for each 16 MiB that it has and each slice that it asked for. So a cache
 * asks the more often, the more it misses and the less it has, and one that is idle never
 * asks.
 *
 * No locks in here: callers have one.
 */
#ifndef EXAMPLES_FRAME_H
#define EXAMPLES_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <regalloc.h>

/**
 * struct frame - a slice that holds a page
 * @slice: the slice
 * @next: on the clock; or in a list of frames that are out
 * @prev: on the clock
 * @pinned: it is in use
 * @fixed: it is never given up, as long as it is in
 * @hot: it was used since the hand came by
 */
struct frame {
	struct regalloc_slice slice;
	struct frame *next;
	struct frame *prev;
	bool pinned;
	bool fixed;
	bool hot;
};

/**
 * struct frames - all frames
 * @nr: how many
 * @nr_pinned: how many of them are pinned
 * @bytes: of their slices
 * @hand: the next one to look at; NULL if there is none
 * @patience: how many frames to replace before asking for memory again
 *
 * All zero is right to begin with.
 */
struct frames {
	uint64_t nr;
	uint64_t nr_pinned;
	uint64_t bytes;
	struct frame *hand;
	uint64_t patience;
};

/**
 * frames_add() - a frame comes in, pinned
 * @fs: all frames
 * @f: the frame, of which @slice and @fixed are set
 */
void frames_add(struct frames *fs, struct frame *f);

/**
 * frames_remove() - a frame goes out
 * @fs: all frames
 * @f: one of them; its slice is the caller's now
 */
void frames_remove(struct frames *fs, struct frame *f);

/* A frame is in use until it is unpinned. */
void frames_pin(struct frames *fs, struct frame *f);
void frames_unpin(struct frames *fs, struct frame *f);

/* May more memory be asked for? Counts as one frame that is replaced. */
bool frames_may_ask(struct frames *fs);

/* There was no memory for so many slices: have patience. */
void frames_refused(struct frames *fs, uint32_t count);

/**
 * frames_victim() - the frame to replace
 * @fs: all frames
 * @bytes: of its slice
 *
 * Spares once those that were used since the hand came by.
 *
 * Returns a frame, still in, or NULL if all of that size are pinned or fixed.
 */
struct frame *frames_victim(struct frames *fs, uint64_t bytes);

/**
 * frames_evict() - part with memory that others want
 * @fs: all frames
 * @bytes: how much
 * @out: a list of frames, to which those are added that are out now. Their slices
 *	are to be released
 *
 * Takes those first that will be missed least, and none that are pinned or fixed.
 *
 * Returns how many bytes they have: less than @bytes if there are no more, and more by
 * less than a slice.
 */
uint64_t frames_evict(struct frames *fs, uint64_t bytes, struct frame **out);

#endif /* EXAMPLES_FRAME_H */
