// SPDX-License-Identifier: MIT
/*
 * Whatever malloc() the program runs with; and nothing, or nothing but the locked
 * operations of a pair, to see what that costs.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/regalloc.h>

#include "measure.h"

/* jemalloc's number for all arenas. */
#define ALL_ARENAS "4096"

typedef int (*mallctl_fn)(const char *name, void *oldp, size_t *oldlenp,
			  void *newp, size_t newlen);

static uint64_t before;
static void (*tc_release)(void);
static void (*mi_collect_fn)(bool force);
static mallctl_fn je_ctl;

static int heap_open(uint64_t bytes, uint32_t count)
{
	(void)bytes;
	(void)count;
	*(void **)&tc_release = dlsym(RTLD_DEFAULT,
				      "MallocExtension_ReleaseFreeMemory");
	*(void **)&mi_collect_fn = dlsym(RTLD_DEFAULT, "mi_collect");
	*(void **)&je_ctl = dlsym(RTLD_DEFAULT, "mallctl");
	return resident_bytes(&before);
}

static int heap_alloc(uint64_t bytes, struct piece *out)
{
	out->addr = malloc(bytes);
	out->bytes = bytes;
	return out->addr ? 0 : -ENOMEM;
}

static int heap_release(const struct piece *p)
{
	free(p->addr);
	return 0;
}

static int jemalloc_purge(void)
{
	int err = je_ctl("thread.tcache.flush", NULL, NULL, NULL, 0);

	if (!err)
		err = je_ctl("arena." ALL_ARENAS ".purge", NULL, NULL, NULL, 0);
	return -err;
}

static int heap_give_back(void)
{
	if (je_ctl)
		return jemalloc_purge();

	if (tc_release)
		tc_release();
	else if (mi_collect_fn)
		mi_collect_fn(true);
	else
		malloc_trim(0);
	return 0;
}

static int heap_held(uint64_t *bytes)
{
	uint64_t now;
	int err = resident_bytes(&now);

	if (!err)
		*bytes = now > before ? now - before : 0;
	return err;
}

const struct backend backend_malloc = {
	.name = "malloc",
	.threads = true,
	.open = heap_open,
	.alloc = heap_alloc,
	.release = heap_release,
	.give_back = heap_give_back,
	.held = heap_held,
};

static int none_alloc(uint64_t bytes, struct piece *out)
{
	out->bytes = bytes;
	return 0;
}

static int none_release(const struct piece *p)
{
	(void)p;
	return 0;
}

const struct backend backend_none = {
	.name = "none",
	.threads = true,
	.open = heap_open,
	.alloc = none_alloc,
	.release = none_release,
	.held = heap_held,
};

/* The word of a slice, as the library changes it. */
static __thread uint32_t word = REGALLOC_STATE_FREE;

static int locked_alloc(uint64_t bytes, struct piece *out)
{
	uint32_t free = REGALLOC_STATE_FREE;

	out->bytes = bytes;
	return __atomic_compare_exchange_n(&word, &free, REGALLOC_STATE_LIVE,
					   false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED) ? 0 : -EINVAL;
}

static int locked_release(const struct piece *p)
{
	uint32_t live = REGALLOC_STATE_LIVE;

	(void)p;
	return __atomic_compare_exchange_n(&word, &live, REGALLOC_STATE_FREE,
					   false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED) ? 0 : -EINVAL;
}

const struct backend backend_locked = {
	.name = "locked",
	.threads = true,
	.open = heap_open,
	.alloc = locked_alloc,
	.release = locked_release,
	.held = heap_held,
};
