/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations. What one does follows from its three random numbers and from the
 * model's state, so that a sequence with some of them left out is a sequence,
 * too. Each gives 0, a negative errno or one of FUZZ_*, after it has compared
 * that with what the model expects.
 */
#ifndef FUZZ_OP_H
#define FUZZ_OP_H

#include <stdint.h>

struct player;

enum op_kind {
	OP_ALLOC,
	OP_ALLOC_WAIT,
	OP_ALLOC_SIGNAL,
	OP_RELEASE,
	OP_RELEASE_WILD,
	OP_ZERO,
	OP_LIB_ALLOC,
	OP_LIB_ALLOC_MANY,
	OP_LIB_RELEASE,
	OP_LIB_RELEASE_ADDR,
	OP_LIB_RELEASE_WILD,
	OP_MAP_CLAIM,
	OP_MAP_RELEASE,
	OP_MAP_LOOK,
	OP_TRIM,
	OP_TRIM_ARM,
	OP_STATS,
	OP_INFO,
	OP_LIMITS,
	OP_PRESSURE,
	OP_BAD_HEAD,
	OP_BAD_FIELD,
	OP_BAD_POINTER,
	OP_WRITE,
	OP_READ,
	OP_STRAY,
	OP_VIEW_MAP,
	OP_VIEW_MAP_BAD,
	OP_VIEW_UNMAP,
	OP_VIEW_CLOSE,
	OP_VIEW_PROTECT,
	OP_VIEW_MOVE,
	OP_VIEW_GROW,
	OP_VIEW_ADVISE,
	OP_VIEW_READ,
	OP_VIEW_WRITE,
	OP_WINDOW_REPLACE,
	OP_WINDOW_ADVISE,
	OP_FORK,
	OP_DUP_CLOSE,
	OP_REOPEN,
	OP_DECAY,
	OP_BUDGET,
	OP_SYSFS,
	OP_NR_KINDS
};

/**
 * struct op - one operation
 * @kind: what to do
 * @nr: its place in the whole sequence
 * @arg: random numbers
 */
struct op {
	enum op_kind kind;
	uint32_t nr;
	uint64_t arg[3];
};

const char *op_name(unsigned int kind);
/* The result that an operation of this kind has when it gets through. */
int op_success(unsigned int kind);
/* The operation with this number of the sequence of a seed. */
struct op op_draw(uint64_t seed, uint32_t nr);
int op_run(struct player *p, const struct op *op);

/* What the kinds do, by file. */
int op_alloc(struct player *p, const struct op *op);
int op_alloc_wait(struct player *p, const struct op *op);
int op_alloc_signal(struct player *p, const struct op *op);
int op_release(struct player *p, const struct op *op);
int op_release_wild(struct player *p, const struct op *op);
int op_zero(struct player *p, const struct op *op);
int op_write(struct player *p, const struct op *op);
int op_read(struct player *p, const struct op *op);
int op_stray(struct player *p, const struct op *op);

int op_lib_alloc(struct player *p, const struct op *op);
int op_lib_alloc_many(struct player *p, const struct op *op);
int op_lib_release(struct player *p, const struct op *op);
int op_lib_release_addr(struct player *p, const struct op *op);
int op_lib_release_wild(struct player *p, const struct op *op);

int op_map_claim(struct player *p, const struct op *op);
int op_map_release(struct player *p, const struct op *op);
int op_map_look(struct player *p, const struct op *op);

int op_trim(struct player *p, const struct op *op);
int op_trim_arm(struct player *p, const struct op *op);
int op_stats(struct player *p, const struct op *op);
int op_info(struct player *p, const struct op *op);
int op_limits(struct player *p, const struct op *op);
int op_pressure(struct player *p, const struct op *op);
int op_sysfs(struct player *p, const struct op *op);
int op_decay(struct player *p, const struct op *op);
int op_budget(struct player *p, const struct op *op);

int op_bad_head(struct player *p, const struct op *op);
int op_bad_field(struct player *p, const struct op *op);
int op_bad_pointer(struct player *p, const struct op *op);

int op_view_map(struct player *p, const struct op *op);
int op_view_map_bad(struct player *p, const struct op *op);
int op_view_unmap(struct player *p, const struct op *op);
int op_view_close(struct player *p, const struct op *op);
int op_view_protect(struct player *p, const struct op *op);
int op_view_move(struct player *p, const struct op *op);
int op_view_grow(struct player *p, const struct op *op);
int op_view_advise(struct player *p, const struct op *op);
int op_view_read(struct player *p, const struct op *op);
int op_view_write(struct player *p, const struct op *op);
int op_window_replace(struct player *p, const struct op *op);
int op_window_advise(struct player *p, const struct op *op);

int op_fork(struct player *p, const struct op *op);
int op_dup_close(struct player *p, const struct op *op);
int op_reopen(struct player *p, const struct op *op);

#endif /* FUZZ_OP_H */
