// SPDX-License-Identifier: MIT
#include <stddef.h>

#include "frame.h"

/* Any size will do. */
#define ANY_BYTES 0

/* See frame.h: one frame is to be replaced for so much memory. */
#define BYTES_PER_REPLACED (16 << 20)

static void set_pinned(struct frames *fs, struct frame *f, bool pinned)
{
	fs->nr_pinned += pinned - f->pinned;
	f->pinned = pinned;
}

/* Behind the hand: it comes there last. */
void frames_add(struct frames *fs, struct frame *f)
{
	struct frame *hand = fs->hand ? fs->hand : f;

	if (hand == f)
		f->prev = f;
	f->next = hand;
	f->prev = hand->prev;
	hand->prev->next = f;
	hand->prev = f;
	fs->hand = hand;
	f->hot = false;
	f->pinned = false;
	set_pinned(fs, f, true);
	fs->nr++;
	fs->bytes += f->slice.bytes;
}

void frames_remove(struct frames *fs, struct frame *f)
{
	if (fs->hand == f)
		fs->hand = f->next == f ? NULL : f->next;
	f->prev->next = f->next;
	f->next->prev = f->prev;
	set_pinned(fs, f, false);
	fs->nr--;
	fs->bytes -= f->slice.bytes;
}

void frames_pin(struct frames *fs, struct frame *f)
{
	set_pinned(fs, f, true);
	f->hot = true;
}

void frames_unpin(struct frames *fs, struct frame *f)
{
	set_pinned(fs, f, false);
}

bool frames_may_ask(struct frames *fs)
{
	if (!fs->patience)
		return true;
	fs->patience--;
	return false;
}

void frames_refused(struct frames *fs, uint32_t count)
{
	fs->patience = fs->bytes * count / BYTES_PER_REPLACED;
}

/* The next frame that has not been used since the hand came by. */
static struct frame *find_cold(struct frames *fs, uint64_t bytes)
{
	/* Twice round: the first time may only have found frames to spare once. */
	for (uint64_t i = 0; i < 2 * fs->nr; i++) {
		struct frame *f = fs->hand;

		fs->hand = f->next;
		if (f->pinned || f->fixed ||
		    (bytes != ANY_BYTES && f->slice.bytes != bytes))
			continue;
		if (!f->hot)
			return f;
		f->hot = false;
	}
	return NULL;
}

struct frame *frames_victim(struct frames *fs, uint64_t bytes)
{
	return find_cold(fs, bytes);
}

uint64_t frames_evict(struct frames *fs, uint64_t bytes, struct frame **out)
{
	uint64_t evicted = 0;
	struct frame *f;

	while (evicted < bytes && (f = find_cold(fs, ANY_BYTES))) {
		frames_remove(fs, f);
		f->next = *out;
		*out = f;
		evicted += f->slice.bytes;
	}
	return evicted;
}
