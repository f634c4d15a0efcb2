/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A player is a process with one client, which it uses through the ioctls,
 * through the library and through its own map window, all of the same file.
 */
#ifndef FUZZ_PLAYER_H
#define FUZZ_PLAYER_H

#include <regalloc.h>

#include "../regalloc_test.h"
#include "fail.h"
#include "model.h"
#include "op.h"
#include "pattern.h"
#include "tally.h"
#include "view.h"

/* The most slices that one operation asks for. */
#define PLAYER_BATCH	2048

/**
 * struct player - a process and its client
 * @ra: the client, as the library has it
 * @window: where the library has the data window; NULL: not known yet
 * @c: the same one, with windows of our own; its descriptor is a dup()
 * @m: what must hold of it
 * @view: other mappings of parts of the data window
 * @ops: to be done
 * @nr_ops: number of them
 * @next: the next one
 * @is_child: forked by a player: does not fork, nor close for good
 * @area: two pages, of which the second cannot be touched, and a third one that
 *	cannot be written
 * @handles: room for a batch
 */
struct player {
	struct regalloc *ra;
	uint8_t *window;
	struct rt_client c;
	struct model *m;
	struct view view[VIEW_MOST];
	const struct op *ops;
	uint32_t nr_ops;
	uint32_t next;
	bool is_child;
	uint8_t *area;
	uint64_t handles[PLAYER_BATCH];
};

#define AREA_PAGE	RT_PAGE

/* Once, before any process is forked. */
void player_init(void);
/* A number that nobody had as owner before. */
uint32_t player_new_owner(void);

struct player *player_create(bool alone, uint64_t budget);
void player_open(struct player *p);
/* All mappings, too. */
void player_close(struct player *p);
/* The last descriptor goes, and the mappings of ours stay. */
void player_close_fds(struct player *p);

/* Do the next operation. */
void player_step(struct player *p);
/* Do all, look at everything, and close. */
void player_play(struct player *p, const struct op *ops, uint32_t nr_ops);

/* Helpers of operations; all end the process if something is wrong. */
struct pattern player_pattern(struct player *p, uint64_t handle);
void player_check(struct player *p, uint64_t handle);
void player_check_all(struct player *p);
void player_check_zero(struct player *p, uint64_t handle);
void player_fill(struct player *p, uint64_t handle);
/* What STATS says must be true now. */
void player_check_stats(struct player *p);
/* The same after TRIM, which leaves no room for doubt. Fills @stats. */
void player_settle(struct player *p, struct regalloc_ioc_stats *stats);
/* An allocation has given the first @got of p->handles, or @err. */
void player_took(struct player *p, unsigned int class, uint32_t count,
		 bool zero, int err, uint32_t got);
/* Allocations that were taken back have moved generations on: see where. */
void player_learn_generations(struct player *p);
/* A live handle; 0: there is none. */
uint64_t player_some_live(struct player *p, uint64_t random);
/* Anything that is or was or might be a handle. */
uint64_t player_some_wild(struct player *p, uint64_t random, uint64_t more);

#endif /* FUZZ_PLAYER_H */
