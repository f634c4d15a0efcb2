// SPDX-License-Identifier: GPL-2.0-only
/*
 * Batches, partial success, and counters that stay exact whatever fails and
 * whoever races.
 */
#include "regalloc_test.h"

#define LENGTH	(256 * 1024)
#define COUNT	16		/* a region of that class */

FIXTURE(batch)
{
	struct rt_client c;
	uint64_t *handles;	/* REGALLOC_MAX_BATCH */
};

FIXTURE_SETUP(batch)
{
	ASSERT_TRUE(rt_begin("64M", RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->c));
	self->handles = calloc(REGALLOC_MAX_BATCH, sizeof(*self->handles));
	ASSERT_NE(NULL, self->handles);
}

FIXTURE_TEARDOWN(batch)
{
	free(self->handles);
	rt_client_close(&self->c);
	rt_end();
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

TEST_F(batch, partial_success)
{
	uint32_t got, released;

	/* 256 slices fit; a batch that wants more gets those. */
	ASSERT_EQ(0, rt_alloc(self->c.fd, LENGTH, 300, 0, self->handles, &got));
	EXPECT_EQ(256, got);
	EXPECT_EQ(16 * RT_REGION, rt_stat("live_bytes"));
	EXPECT_EQ(16 * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(-ENOMEM, rt_alloc(self->c.fd, LENGTH, 300, 0,
				    self->handles + 300, &got));
	EXPECT_EQ(16 * RT_REGION, rt_stat("live_bytes"));
	ASSERT_EQ(0, rt_release(self->c.fd, self->handles, 256, &released));
	EXPECT_EQ(256, released);
	EXPECT_EQ(0, rt_stat("live_bytes"));
	EXPECT_EQ(16 * RT_REGION, rt_stat("spare_bytes"));
}

TEST_F(batch, largest)
{
	uint32_t got, released, i;

	ASSERT_EQ(0, rt_param_set("budget", "256M"));
	ASSERT_EQ(0, rt_alloc(self->c.fd, 4096, REGALLOC_MAX_BATCH, 0,
			      self->handles, &got));
	ASSERT_EQ(REGALLOC_MAX_BATCH, got);
	EXPECT_EQ(64 * RT_REGION, rt_stat("live_bytes"));
	EXPECT_EQ(64 * RT_REGION, rt_stat("charged_bytes"));
	qsort(self->handles, got, sizeof(uint64_t), compare_u64);
	for (i = 1; i < got; i++)
		ASSERT_NE(REGALLOC_HANDLE_OFFSET(self->handles[i - 1]),
			  REGALLOC_HANDLE_OFFSET(self->handles[i]));
	ASSERT_EQ(0, rt_release(self->c.fd, self->handles, got, &released));
	EXPECT_EQ(REGALLOC_MAX_BATCH, released);
	EXPECT_EQ(0, rt_stat("live_bytes"));
}

/*
 * Whatever failed to be allocated or released, each slice is afterwards either
 * live or to be had, and the numbers say which.
 */
TEST_F(batch, bug09_and_10_exact_after_failures)
{
	struct regalloc_ioc_stats s;
	uint32_t got, released;
	unsigned int i;

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, 256, self->handles));
	for (i = 0; i < 50; i++) {
		EXPECT_EQ(-ENOMEM, rt_alloc(self->c.fd, 4096, 1, 0,
					    self->handles + 256, &got));
		EXPECT_EQ(-ENOENT, rt_release_one(self->c.fd, 0));
	}
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, 100));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-ESTALE, rt_release(self->c.fd, self->handles + i,
					      256 - i, &released));
	ASSERT_EQ(0, rt_stats(self->c.fd, &s));
	EXPECT_EQ(156UL * LENGTH, s.live_bytes);
	EXPECT_EQ(16 * RT_REGION, s.charged_bytes);
	/* The lowest 100 slices: six regions are empty, one is not. */
	EXPECT_EQ(6 * RT_REGION, s.spare_bytes);
	EXPECT_EQ(16, s.nr_regions);
	EXPECT_EQ(16, s.regions_opened);
	EXPECT_EQ(0, s.regions_closed);
	EXPECT_EQ(50, s.alloc_failures);

	ASSERT_EQ(0, rt_alloc(self->c.fd, LENGTH, 300, 0, self->handles + 256,
			      &got));
	EXPECT_EQ(100, got);
	EXPECT_EQ(16 * RT_REGION, rt_stat("live_bytes"));
	EXPECT_EQ(0, rt_stat("spare_bytes"));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles + 100, 256));
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	ASSERT_EQ(0, rt_stats(self->c.fd, &s));
	EXPECT_EQ(0, s.live_bytes);
	EXPECT_EQ(0, s.charged_bytes);
	EXPECT_EQ(0, s.spare_bytes);
	EXPECT_EQ(0, s.pinned_bytes);
	EXPECT_EQ(0, s.nr_regions);
	EXPECT_EQ(s.regions_opened, s.regions_closed);
}

/* Out of memory in the middle of a batch leaves nothing half done. */
TEST_F(batch, bug15_nothing_half_built_after_enomem)
{
	unsigned int cls, turn;
	uint32_t got;

	for (turn = 0; turn < rt_turns(3); turn++) {
		for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
			uint32_t n = rt_class_slices(cls), all = 16 * n;
			uint64_t *more = self->handles + all;

			ASSERT_EQ(0, rt_alloc(self->c.fd, rt_class_bytes(cls),
					      all + 5, 0, self->handles,
					      &got));
			ASSERT_EQ(all, got);
			EXPECT_EQ(-ENOMEM, rt_alloc(self->c.fd,
						    rt_class_bytes(cls), 5, 0,
						    more, &got));
			EXPECT_EQ(0, rt_stat("spare_bytes"));
			EXPECT_EQ(16, rt_stat("nr_regions"));
			EXPECT_EQ(16 * RT_REGION, rt_stat("live_bytes"));
			ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles,
						    all));
		}
	}
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	EXPECT_EQ(rt_stat("regions_opened"), rt_stat("regions_closed"));
}

/* Closing with live slices is complete: all of it comes back, at once. */
TEST_F(batch, bug16_close_with_live_slices)
{
	unsigned int cls, turn;

	for (turn = 0; turn < rt_turns(20); turn++) {
		struct rt_client c;
		uint32_t got;

		ASSERT_EQ(0, rt_client_open(&c));
		for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
			ASSERT_EQ(0, rt_alloc(c.fd, rt_class_bytes(cls),
					      1 + turn * 3, 0, self->handles,
					      &got));
			memset(rt_addr(&c, self->handles[0]), 1, 4096);
		}
		ASSERT_LE(REGALLOC_NR_CLASSES * RT_REGION,
			  rt_stat("charged_bytes"));
		rt_client_close(&c);
		ASSERT_EQ(0, rt_stat("charged_bytes"));
		ASSERT_EQ(0, rt_stat("live_bytes"));
		ASSERT_EQ(0, rt_stat("nr_regions"));
		ASSERT_EQ(1, rt_stat("nr_clients"));
	}
	EXPECT_EQ(rt_stat("regions_opened"), rt_stat("regions_closed"));
}

struct crew {
	struct rt_client *c;
	unsigned int turns;
	unsigned int slices;	/* each thread holds at a time, at most */
	uint64_t claims;
	uint64_t closed;	/* regions, when it began */
	uint64_t corrupt;
	uint64_t failures;
	uint64_t odd;
	bool stop;
};

/* Takes one, signs it, looks at the signature, gives it back. */
static void crew_thread(unsigned int index, void *arg)
{
	struct crew *crew = arg;
	unsigned int turn, seed = index;

	for (turn = 0; turn < crew->turns; turn++) {
		uint64_t h = rt_alloc_one(crew->c->fd, LENGTH);
		uint64_t *first, *last;

		if (!h) {
			rt_add(&crew->failures, 1);
			continue;
		}
		first = rt_addr(crew->c, h);
		last = first + LENGTH / 8 - 1;
		rt_store(first, h ^ index);
		rt_store(last, h ^ index);
		if (rand_r(&seed) % 4 == 0)
			sched_yield();
		if (rt_load(first) != (h ^ index) ||
		    rt_load(last) != (h ^ index))
			rt_add(&crew->corrupt, 1);
		if (rt_release_one(crew->c->fd, h))
			rt_add(&crew->odd, 1);
	}
}

/*
 * The last slice comes back while another thread takes one, over and over: the
 * region may close or not, but never under somebody's feet. SIGBUS would end
 * the test.
 */
TEST_F(batch, bug02_last_slice_while_another_takes)
{
	struct crew crew = { .c = &self->c, .turns = rt_turns(3000) };

	ASSERT_EQ(0, rt_decay_set(0));
	rt_threads(2, crew_thread, &crew);
	EXPECT_EQ(0, crew.corrupt);
	EXPECT_EQ(0, crew.failures);
	EXPECT_EQ(0, crew.odd);
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_stat("live_bytes"));

	crew = (struct crew){ .c = &self->c, .turns = rt_turns(500) };
	rt_threads(8, crew_thread, &crew);
	EXPECT_EQ(0, crew.corrupt);
	EXPECT_EQ(0, crew.failures);
	EXPECT_EQ(0, crew.odd);
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	EXPECT_EQ(rt_stat("regions_opened"), rt_stat("regions_closed"));
}

/* The same with somebody who trims all the time. */
static void trimmed_thread(unsigned int index, void *arg)
{
	struct crew *crew = arg;

	if (index) {
		crew_thread(index, arg);
		rt_store(&crew->stop, true);
		return;
	}
	while (!rt_load(&crew->stop))
		if (rt_trim(crew->c->fd, NULL))
			rt_add(&crew->odd, 1);
}

TEST_F(batch, bug02_trim_against_alloc)
{
	struct crew crew = { .c = &self->c, .turns = rt_turns(1500) };

	rt_threads(4, trimmed_thread, &crew);
	EXPECT_EQ(0, crew.corrupt);
	EXPECT_EQ(0, crew.failures);
	EXPECT_EQ(0, crew.odd);
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
}

/*
 * Claims a slice as a program with the map can, without a system call: one
 * compare-and-swap (g, free) -> (g, live). Returns its handle, 0: it was taken.
 */
static uint64_t claim_in_map(struct rt_client *c, uint64_t offset)
{
	uint32_t *word = rt_state(c, offset), old = rt_load(word);

	if ((old & REGALLOC_STATE_MASK) != REGALLOC_STATE_FREE)
		return 0;
	if (!__atomic_compare_exchange_n(word, &old, old ^
					 REGALLOC_STATE_FREE ^
					 REGALLOC_STATE_LIVE, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return 0;
	return REGALLOC_HANDLE(offset, old >> REGALLOC_STATE_GEN_SHIFT);
}

/* Index 0 closes and opens the region, the others claim in it. */
static void map_thread(unsigned int index, void *arg)
{
	struct crew *crew = arg;
	unsigned int seed = index;

	while (!rt_load(&crew->stop)) {
		uint64_t offset = rand_r(&seed) % 1024 * 4096UL, h;
		uint64_t begin = rt_now_ms();
		uint8_t byte = 0;

		if (!index) {
			if (rt_trim(crew->c->fd, NULL))
				rt_add(&crew->odd, 1);
			h = rt_alloc_one(crew->c->fd, 4096);
			if (!h || rt_release_one(crew->c->fd, h))
				rt_add(&crew->odd, 1);
			continue;
		}
		h = claim_in_map(crew->c, offset);
		if (!h)
			continue;
		rt_add(&crew->claims, 1);
		if (rt_poke(rt_addr(crew->c, h), index) ||
		    rt_peek(rt_addr(crew->c, h), &byte) || byte != index)
			rt_add(&crew->corrupt, 1);
		if (rt_release_one(crew->c->fd, h))
			rt_add(&crew->odd, 1);
		/*
		 * Now and then nobody has one, and the region can close: also
		 * where it takes long to have one.
		 */
		usleep(rand_r(&seed) % (512 + 2000 * (rt_now_ms() - begin)));
	}
}

/*
 * Seal against claim: the kernel closes the region only if it got every slice
 * of it, and what it got in vain it puts back.
 */
static void map_main(unsigned int index, void *arg)
{
	struct crew *crew = arg;

	if (index < 3) {
		map_thread(index, arg);
		return;
	}
	rt_wait_until(rt_load(&crew->claims) > rt_turns(200) &&
		      rt_stat("regions_closed") > crew->closed + rt_turns(100),
		      4 * RT_DEADLINE);
	rt_store(&crew->stop, true);
}

TEST_F(batch, bug02_claim_in_the_map_against_trim)
{
	struct crew crew = {
		.c = &self->c, .closed = rt_stat("regions_closed"),
	};
	struct regalloc_ioc_stats s;

	ASSERT_EQ(0, rt_client_map(&self->c));
	rt_threads(4, map_main, &crew);
	EXPECT_EQ(0, crew.corrupt);
	EXPECT_EQ(0, crew.odd);
	EXPECT_LT(rt_turns(200), crew.claims);
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	ASSERT_EQ(0, rt_stats(self->c.fd, &s));
	EXPECT_EQ(0, s.charged_bytes);
	EXPECT_LT(rt_turns(100), s.regions_closed);
	TH_LOG("%" PRIu64 " claims, %" PRIu64 " regions", crew.claims,
	       (uint64_t)s.regions_closed);
	/* No slice of it is lost. */
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, 4096, 1024, self->handles));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
}

/* Holds some slices of mixed classes, at the edge of the budget. */
static void mixed_thread(unsigned int index, void *arg)
{
	struct crew *crew = arg;
	unsigned int turn, i, seed = index, n = crew->slices;
	uint64_t *h = calloc(n, sizeof(*h));

	for (turn = 0; turn < crew->turns; turn++) {
		i = rand_r(&seed) % n;
		if (h[i]) {
			uint64_t old = h[i];

			h[i] = 0;
			if (rt_release_one(crew->c->fd, old))
				rt_add(&crew->odd, 1);
			/* And once more, which must change nothing. */
			if (turn % 8 == 0 &&
			    rt_release_one(crew->c->fd, old) != -ESTALE)
				rt_add(&crew->odd, 1);
			continue;
		}
		h[i] = rt_alloc_one(crew->c->fd, rt_class_bytes(rand_r(&seed) %
								7));
		if (!h[i] && errno != ENOMEM)
			rt_add(&crew->odd, 1);
		if (!h[i])
			rt_add(&crew->failures, 1);
	}
	for (i = 0; i < n; i++)
		if (h[i] && rt_release_one(crew->c->fd, h[i]))
			rt_add(&crew->odd, 1);
	free(h);
}

/*
 * Numbers that drift do it here; one that goes negative looks enormous. Only
 * what is charged is one number: the others are counted while they move.
 */
TEST_F(batch, bug09_counters_under_races)
{
	static const char * const names[] = {
		"charged_bytes", "live_bytes", "spare_bytes", "pinned_bytes",
	};
	struct crew crew = {
		.c = &self->c, .slices = 256,
		/* With fewer, all of it fits into the budget. */
		.turns = 300 + rt_turns(1200),
	};
	struct rt_sampler samplers[ARRAY_SIZE(names)];
	unsigned int i, turn;

	ASSERT_EQ(0, rt_param_set("budget", "40M"));
	for (turn = 0; turn < 2; turn++) {
		ASSERT_EQ(0, rt_decay_set(turn ? 0 : 20));
		for (i = 0; i < ARRAY_SIZE(names); i++)
			rt_sampler_start(&samplers[i], names[i]);
		rt_threads(8, mixed_thread, &crew);
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			rt_sampler_stop(&samplers[i]);
			EXPECT_LE(samplers[i].max,
				  (i ? 1024 * 1024 : 40) * RT_MIB) {
				TH_LOG("%s", names[i]);
			}
		}
		EXPECT_EQ(0, crew.odd);
		/* It came to the edge, or this says little. */
		EXPECT_LT(0, crew.failures);
		EXPECT_EQ(0, rt_stat("live_bytes"));
		EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"),
					  RT_DEADLINE));
		EXPECT_EQ(0, rt_stat("spare_bytes"));
		EXPECT_EQ(0, rt_stat("pinned_bytes"));
		EXPECT_EQ(0, rt_stat("nr_regions"));
		EXPECT_EQ(rt_stat("regions_opened"),
			  rt_stat("regions_closed"));
	}
}

TEST_HARNESS_MAIN
