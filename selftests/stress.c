// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eight threads, all classes, at the edge of the budget, through the library;
 * one's slices are sometimes released by another. Each page of a slice carries
 * its handle, which must still be there at the end.
 *
 * REGALLOC_STRESS_SECONDS says how long (60).
 */
#include "regalloc_test.h"

#include <regalloc.h>
#include <time.h>

#define NR_THREADS	8
#define HELD		320		/* slices that a thread may hold */
#define EXCHANGE	64
#define ENOUGH		1000		/* allocations, to say anything */

struct piece {
	uint64_t handle;
	uint8_t *addr;
	uint64_t bytes;
};

struct stress {
	struct regalloc *ra;
	uint64_t until;
	struct piece exchange[EXCHANGE];
	pthread_mutex_t lock;		/* of @exchange */
	uint64_t allocations;
	uint64_t refusals;
	uint64_t corrupt;
	uint64_t errors;
	uint64_t handed_over;
};

FIXTURE(stress)
{
	struct stress s;
	struct rt_sampler sampler;
};

FIXTURE_VARIANT(stress)
{
	const char *budget;
	unsigned int mib;
	unsigned int decay_ms;
	unsigned int share;	/* of the time, in sixths */
};

/* What is live comes to some 70 MiB, so each of these is at its limit. */
FIXTURE_VARIANT_ADD(stress, decaying)
{
	.budget = "64M", .mib = 64, .decay_ms = 50, .share = 4,
};

FIXTURE_VARIANT_ADD(stress, at_once)
{
	.budget = "40M", .mib = 40, .decay_ms = 0, .share = 2,
};

FIXTURE_SETUP(stress)
{
	ASSERT_TRUE(rt_begin(variant->budget, variant->decay_ms));
	ASSERT_EQ(0, regalloc_open(NULL, 0, &self->s.ra));
	pthread_mutex_init(&self->s.lock, NULL);
	self->s.until = rt_now_ms() + variant->share * 1000ULL / 6 *
			rt_env_u32("REGALLOC_STRESS_SECONDS", 60);
}

FIXTURE_TEARDOWN(stress)
{
	regalloc_close(self->s.ra);
	rt_end();
}

static void sign(const struct piece *p)
{
	uint64_t off;

	for (off = 0; off < p->bytes; off += 4096)
		rt_store((uint64_t *)(p->addr + off), p->handle ^ off);
}

static bool signature_right(const struct piece *p)
{
	uint64_t off;

	for (off = 0; off < p->bytes; off += 4096)
		if (rt_load((uint64_t *)(p->addr + off)) != (p->handle ^ off))
			return false;
	return true;
}

static void give_back(struct stress *s, struct piece *p, unsigned int how)
{
	uint32_t released = 1;
	int err;

	if (!signature_right(p))
		rt_add(&s->corrupt, 1);
	switch (how % 8) {
	case 0:
		err = regalloc_release_addr(s->ra, p->addr);
		break;
	case 1:
		err = regalloc_release_many(s->ra, 1, &p->handle, &released);
		break;
	default:
		err = regalloc_release(s->ra, p->handle);
	}
	if (err || released != 1)
		rt_add(&s->errors, 1);
	p->handle = 0;
}

/* Swaps one piece, or none, for what another thread has left. */
static void exchange(struct stress *s, struct piece *p, unsigned int at)
{
	struct piece other;

	pthread_mutex_lock(&s->lock);
	other = s->exchange[at];
	s->exchange[at] = *p;
	pthread_mutex_unlock(&s->lock);
	if (other.handle)
		rt_add(&s->handed_over, 1);
	*p = other;
}

/* 85 % of 64K and so on: the mix of the workload. */
static uint64_t some_bytes(unsigned int dice)
{
	dice %= 100;
	if (dice < 85)
		return 65536 - dice * 10;
	if (dice < 91)
		return 32768;
	if (dice < 95)
		return 16384;
	if (dice < 98)
		return 131072;
	return dice < 99 ? 262144 : 1 + dice % 2 * 4096;
}

/* Where all is slow, it takes longer to see something of everything. */
static bool is_enough(struct stress *s)
{
	return rt_now_ms() >= s->until && rt_load(&s->allocations) > ENOUGH &&
	       rt_load(&s->refusals) && rt_load(&s->handed_over);
}

static void stress_thread(unsigned int index, void *arg)
{
	struct stress *s = arg;
	unsigned int seed = index + 1, i;
	struct piece *held = calloc(HELD, sizeof(*held));

	while (!is_enough(s)) {
		struct piece *p = &held[rand_r(&seed) % HELD];
		unsigned int dice = rand_r(&seed);
		struct regalloc_slice slice;
		int err;

		if (dice % 16 == 0)
			exchange(s, p, dice / 16 % EXCHANGE);
		if (p->handle) {
			give_back(s, p, dice / 1024);
			continue;
		}
		err = regalloc_alloc(s->ra, some_bytes(rand_r(&seed)),
				     dice % 32 == 1 ? REGALLOC_ALLOC_F_ZERO : 0,
				     &slice);
		if (err == -ENOMEM) {
			rt_add(&s->refusals, 1);
			continue;
		}
		if (err || !slice.handle ||
		    (uintptr_t)slice.addr % slice.bytes) {
			rt_add(&s->errors, 1);
			continue;
		}
		if (dice % 32 == 1 && !rt_all_bytes(slice.addr, slice.bytes, 0))
			rt_add(&s->corrupt, 1);
		rt_add(&s->allocations, 1);
		*p = (struct piece){ slice.handle, slice.addr, slice.bytes };
		sign(p);
	}
	for (i = 0; i < HELD; i++)
		if (held[i].handle)
			give_back(s, &held[i], i);
	free(held);
}

TEST_F_TIMEOUT(stress, canaries_at_the_edge, 600)
{
	struct regalloc_stats stats;
	struct stress *s = &self->s;
	unsigned int i;

	rt_sampler_start(&self->sampler, "charged_bytes");
	rt_threads(NR_THREADS, stress_thread, s);
	for (i = 0; i < EXCHANGE; i++)
		if (s->exchange[i].handle)
			give_back(s, &s->exchange[i], i);
	rt_sampler_stop(&self->sampler);
	TH_LOG("%" PRIu64 " allocations, %" PRIu64 " refused, %" PRIu64
	       " handed over, peak %" PRIu64 " MiB in %" PRIu64 " samples",
	       s->allocations, s->refusals, s->handed_over,
	       self->sampler.max / RT_MIB, self->sampler.samples);
	EXPECT_EQ(0, s->corrupt);
	EXPECT_EQ(0, s->errors);
	EXPECT_LE(self->sampler.max, variant->mib * RT_MIB);
	/* It was at the edge, or this says nothing. */
	EXPECT_GE(self->sampler.max, variant->mib * RT_MIB * 95 / 100);
	EXPECT_LT(0, s->refusals);
	EXPECT_LT(ENOUGH, s->allocations);
	EXPECT_LT(0, s->handed_over);

	EXPECT_EQ(0, rt_stat("live_bytes"));
	ASSERT_EQ(0, regalloc_trim(s->ra));
	ASSERT_EQ(0, regalloc_stats(s->ra, &stats));
	EXPECT_EQ(0, stats.live_bytes);
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
	EXPECT_EQ(0, rt_stat("spare_bytes"));
	EXPECT_EQ(0, rt_stat("pinned_bytes"));
	EXPECT_EQ(rt_stat("regions_opened"), rt_stat("regions_closed"));
}

TEST_HARNESS_MAIN
