// SPDX-License-Identifier: GPL-2.0-only
#include "../regalloc_test.h"
#include "fail.h"
#include "op.h"
#include "random.h"
#include "tally.h"

/**
 * struct op_desc - a kind of operation
 * @name: for people
 * @weight: how often it is drawn, compared with others
 * @success: the result when it gets through: 0, or the only one there is
 * @run: does it
 */
struct op_desc {
	const char *name;
	unsigned int weight;
	int success;
	int (*run)(struct player *p, const struct op *op);
};

static const struct op_desc op_descs[] = {
	[OP_ALLOC] = { "alloc", 30, 0, op_alloc },
	[OP_ALLOC_WAIT] = { "alloc_wait", 2, 0, op_alloc_wait },
	[OP_ALLOC_SIGNAL] = { "alloc_signal", 2, 0, op_alloc_signal },
	[OP_RELEASE] = { "release", 30, 0, op_release },
	[OP_RELEASE_WILD] = { "release_wild", 10, -ESTALE, op_release_wild },
	[OP_ZERO] = { "zero", 5, 0, op_zero },
	[OP_LIB_ALLOC] = { "lib_alloc", 20, 0, op_lib_alloc },
	[OP_LIB_ALLOC_MANY] = { "lib_alloc_many", 5, 0, op_lib_alloc_many },
	[OP_LIB_RELEASE] = { "lib_release", 20, 0, op_lib_release },
	[OP_LIB_RELEASE_ADDR] = { "lib_release_addr", 5, 0,
				  op_lib_release_addr },
	[OP_LIB_RELEASE_WILD] = { "lib_release_wild", 5, -ESTALE,
				  op_lib_release_wild },
	[OP_MAP_CLAIM] = { "map_claim", 10, 0, op_map_claim },
	[OP_MAP_RELEASE] = { "map_release", 10, 0, op_map_release },
	[OP_MAP_LOOK] = { "map_look", 5, 0, op_map_look },
	[OP_TRIM] = { "trim", 3, 0, op_trim },
	[OP_TRIM_ARM] = { "trim_arm", 2, 0, op_trim_arm },
	[OP_STATS] = { "stats", 5, 0, op_stats },
	[OP_INFO] = { "info", 1, 0, op_info },
	[OP_LIMITS] = { "limits", 2, 0, op_limits },
	[OP_PRESSURE] = { "pressure", 2, 0, op_pressure },
	[OP_BAD_HEAD] = { "bad_head", 4, -EINVAL, op_bad_head },
	[OP_BAD_FIELD] = { "bad_field", 4, -EINVAL, op_bad_field },
	[OP_BAD_POINTER] = { "bad_pointer", 4, -EFAULT, op_bad_pointer },
	[OP_WRITE] = { "write", 10, 0, op_write },
	[OP_READ] = { "read", 10, 0, op_read },
	[OP_STRAY] = { "stray", 4, FUZZ_SIGBUS, op_stray },
	[OP_VIEW_MAP] = { "view_map", 5, 0, op_view_map },
	[OP_VIEW_MAP_BAD] = { "view_map_bad", 2, -EINVAL, op_view_map_bad },
	[OP_VIEW_UNMAP] = { "view_unmap", 3, 0, op_view_unmap },
	[OP_VIEW_CLOSE] = { "view_close", 3, 0, op_view_close },
	[OP_VIEW_PROTECT] = { "view_protect", 3, 0, op_view_protect },
	[OP_VIEW_MOVE] = { "view_move", 3, 0, op_view_move },
	[OP_VIEW_GROW] = { "view_grow", 2, 0, op_view_grow },
	[OP_VIEW_ADVISE] = { "view_advise", 4, 0, op_view_advise },
	[OP_VIEW_READ] = { "view_read", 10, 0, op_view_read },
	[OP_VIEW_WRITE] = { "view_write", 10, 0, op_view_write },
	[OP_WINDOW_REPLACE] = { "window_replace", 2, 0, op_window_replace },
	[OP_WINDOW_ADVISE] = { "window_advise", 3, 0, op_window_advise },
	[OP_FORK] = { "fork", 1, 0, op_fork },
	[OP_DUP_CLOSE] = { "dup_close", 1, 0, op_dup_close },
	[OP_REOPEN] = { "reopen", 1, 0, op_reopen },
	[OP_DECAY] = { "decay", 1, 0, op_decay },
	[OP_BUDGET] = { "budget", 1, 0, op_budget },
	[OP_SYSFS] = { "sysfs", 1, 0, op_sysfs },
};

const char *op_name(unsigned int kind)
{
	return op_descs[kind].name;
}

int op_success(unsigned int kind)
{
	return op_descs[kind].success;
}

static enum op_kind draw_kind(uint64_t random)
{
	unsigned int sum = 0, kind;

	for (kind = 0; kind < OP_NR_KINDS; kind++)
		sum += op_descs[kind].weight;
	random %= sum;
	for (kind = 0; random >= op_descs[kind].weight; kind++)
		random -= op_descs[kind].weight;
	return kind;
}

struct op op_draw(uint64_t seed, uint32_t nr)
{
	uint64_t own = fuzz_sub_seed(seed, nr);
	struct op op = { .nr = nr };
	unsigned int i;

	op.kind = draw_kind(fuzz_random(&own));
	for (i = 0; i < 3; i++)
		op.arg[i] = fuzz_random(&own);
	return op;
}

int op_run(struct player *p, const struct op *op)
{
	int result;

	fail_context.op = op->nr;
	fail_context.name = op_name(op->kind);
	result = op_descs[op->kind].run(p, op);
	trace("%s", tally_result_name(result));
	tally_add(op->kind, result);
	return result;
}
