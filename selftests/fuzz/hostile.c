// SPDX-License-Identifier: GPL-2.0-only
#include <sys/prctl.h>

#include "../regalloc_test.h"
#include "hostile.h"
#include "model.h"
#include "random.h"

#define HOSTILE_BATCH	64

/* A word that is anything, or nearly what the kernel expects. */
static uint32_t some_word(uint64_t random)
{
	switch (random % 4) {
	case 0:
		return random >> 32;
	case 1:
		return random >> 63 ? 0 : ~0U;
	default:
		return (random >> 32) % 8 << REGALLOC_STATE_GEN_SHIFT |
		       (random >> 16) % 4;
	}
}

/* In the slice map of a region that may be open. */
static uint32_t *some_state(const struct rt_client *c, uint64_t random)
{
	uint64_t offset = random % REGALLOC_NR_CLASSES * c->info.span_bytes;

	offset += (random >> 8) % MODEL_SLOTS * RT_REGION;
	offset += (random >> 16) % MODEL_SLOT_UNITS * REGALLOC_MIN_SLICE_BYTES;
	return rt_state(c, offset);
}

static uint8_t *some_hint(const struct rt_client *c, uint64_t random)
{
	uint64_t region = (random % REGALLOC_NR_CLASSES * c->info.span_bytes) /
			  RT_REGION + (random >> 8) % MODEL_SLOTS;

	return (uint8_t *)c->map + c->info.hint_offset +
	       region * sizeof(struct regalloc_hint) + (random >> 16) % 2;
}

static void scribble(const struct rt_client *c, uint64_t where, uint64_t what)
{
	switch (where % 8) {
	case 0:
		rt_poke((uint8_t *)c->map + (where >> 8) % 4096, what);
		break;
	case 1:
		rt_poke((uint8_t *)c->map + (where >> 8) % c->info.map_bytes,
			what);
		break;
	case 2:
		rt_poke(some_hint(c, where >> 8), what % 4);
		break;
	default:
		rt_poke_word(some_state(c, where >> 8), some_word(what));
	}
}

static void scribble_forever(const struct rt_client *c, uint64_t seed)
{
	uint64_t where;

	for (;;) {
		where = fuzz_random(&seed);
		scribble(c, where, fuzz_random(&seed));
	}
}

/* What comes back does not matter. */
static void call(const struct rt_client *c, uint64_t random)
{
	static uint64_t handles[HOSTILE_BATCH];
	struct regalloc_ioc_stats stats;
	uint32_t count = 1 + (random >> 8) % HOSTILE_BATCH, got;

	switch (random % 8) {
	case 0 ... 2:
		if (!rt_alloc(c->fd, 1 + (random >> 16) % (256 * 1024), count,
			      random >> 63, handles, &got))
			rt_poke(rt_addr(c, handles[0]), random);
		break;
	case 3 ... 4:
		rt_release(c->fd, handles, count, &got);
		break;
	case 5:
		rt_zero(c->fd, handles[count - 1]);
		break;
	case 6:
		rt_trim(c->fd, NULL);
		break;
	default:
		rt_stats(c->fd, &stats);
	}
}

static void live(uint64_t seed)
{
	struct rt_client c;

	if (rt_client_open(&c) || rt_client_map(&c))
		rt_die("no client for the hostile one");
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		scribble_forever(&c, fuzz_sub_seed(seed, 1));
	}
	for (;;)
		call(&c, fuzz_random(&seed));
}

pid_t hostile_start(uint64_t seed)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		rt_die("fork: %s", strerror(errno));
	if (!pid)
		live(seed);
	return pid;
}

void hostile_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	if (rt_child_status(pid) != 128 + SIGKILL)
		rt_die("the hostile one has ended by itself");
}
