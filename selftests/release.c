// SPDX-License-Identifier: GPL-2.0-only
/*
 * Releasing: each allocation ends exactly once, and what is not the handle of a
 * live slice changes nothing.
 */
#include "regalloc_test.h"

#include <regalloc.h>

#define LENGTH	(256 * 1024)
#define COUNT	16		/* a region of that class */

FIXTURE(release)
{
	struct rt_client c;
};

FIXTURE_SETUP(release)
{
	ASSERT_TRUE(rt_begin(RT_BUDGET, RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->c));
}

FIXTURE_TEARDOWN(release)
{
	rt_client_close(&self->c);
	rt_end();
}

static uint64_t handle_with_gen(uint64_t handle, uint32_t gen)
{
	return REGALLOC_HANDLE(REGALLOC_HANDLE_OFFSET(handle),
			       gen & REGALLOC_HANDLE_GEN_MASK);
}

TEST_F(release, in_order_up_to_the_first_bad_one)
{
	uint64_t handles[COUNT], batch[COUNT];
	uint32_t released;

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, handles));
	memcpy(batch, handles, sizeof(batch));
	batch[5] = 0;
	EXPECT_EQ(0, rt_release(self->c.fd, batch, COUNT, &released));
	EXPECT_EQ(5, released);
	EXPECT_EQ(11UL * LENGTH, rt_stat("live_bytes"));

	/* The bad one first: an error, and nothing is released. */
	EXPECT_EQ(-ENOENT, rt_release(self->c.fd, batch + 5, COUNT - 5,
				      &released));
	EXPECT_EQ(11UL * LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(-ESTALE, rt_release(self->c.fd, batch, COUNT, &released));
	EXPECT_EQ(11UL * LENGTH, rt_stat("live_bytes"));

	EXPECT_EQ(0, rt_release(self->c.fd, handles + 5, 11, &released));
	EXPECT_EQ(11, released);
	EXPECT_EQ(0, rt_stat("live_bytes"));
}

/* The same handle twice in one call: the second one stops it. */
TEST_F(release, bug07_twice_in_one_batch)
{
	uint64_t handles[COUNT], batch[3];
	uint32_t released;

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, handles));
	batch[0] = handles[3];
	batch[1] = handles[3];
	batch[2] = handles[4];
	EXPECT_EQ(0, rt_release(self->c.fd, batch, 3, &released));
	EXPECT_EQ(1, released);
	EXPECT_EQ(15UL * LENGTH, rt_stat("live_bytes"));
}

TEST_F(release, bug07_double_release)
{
	uint64_t handles[COUNT], again[COUNT];
	unsigned int i, j;

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, handles));
	ASSERT_EQ(0, rt_release_one(self->c.fd, handles[7]));
	EXPECT_EQ(-ESTALE, rt_release_one(self->c.fd, handles[7]));
	EXPECT_EQ(-ESTALE, rt_release_one(self->c.fd, handles[7]));
	EXPECT_EQ(15UL * LENGTH, rt_stat("live_bytes"));

	/* One came back, so one is to be had: not two owners of one slice. */
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, again));
	for (i = 0; i < COUNT; i++) {
		for (j = 0; j < COUNT; j++) {
			if (j == 7)
				continue;
			EXPECT_NE(rt_addr(&self->c, handles[j]),
				  rt_addr(&self->c, again[i]));
		}
		for (j = 0; j < i; j++)
			EXPECT_NE(rt_addr(&self->c, again[j]),
				  rt_addr(&self->c, again[i]));
	}
	EXPECT_EQ(31UL * LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(2 * RT_REGION, rt_stat("charged_bytes"));
}

TEST_F(release, bug08_stale_release_spares_the_new_owner)
{
	uint64_t handles[COUNT], fresh;
	unsigned int turn;

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, handles));
	fresh = handles[9];
	for (turn = 0; turn < 50; turn++) {
		uint64_t old = fresh;

		ASSERT_EQ(0, rt_release_one(self->c.fd, old));
		fresh = rt_alloc_one(self->c.fd, LENGTH);
		/* The region was full, so it is the same slice. */
		ASSERT_EQ(rt_addr(&self->c, old), rt_addr(&self->c, fresh));
		ASSERT_NE(old, fresh);
		memset(rt_addr(&self->c, fresh), turn, 4096);
		EXPECT_EQ(-ESTALE, rt_release_one(self->c.fd, old));
		EXPECT_EQ(-ESTALE, rt_release_one(self->c.fd, handles[9]));
		EXPECT_EQ(-ESTALE, rt_zero(self->c.fd, old));
		EXPECT_TRUE(rt_all_bytes(rt_addr(&self->c, fresh), 4096, turn));
		EXPECT_EQ(16UL * LENGTH, rt_stat("live_bytes"));
	}
	EXPECT_EQ(0, rt_release_one(self->c.fd, fresh));
}

/* Generations outlive the region: a stale handle stays stale. */
TEST_F(release, bug08_stale_after_close_and_reopen)
{
	uint64_t handles[COUNT], fresh[COUNT];
	unsigned int i;

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, handles));
	ASSERT_EQ(0, rt_release_all(self->c.fd, handles, COUNT));
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	ASSERT_EQ(0, rt_stat("charged_bytes"));
	for (i = 0; i < COUNT; i++) {
		EXPECT_EQ(-ESTALE, rt_release_one(self->c.fd, handles[i]));
		EXPECT_EQ(-ESTALE, rt_zero(self->c.fd, handles[i]));
	}

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, fresh));
	for (i = 0; i < COUNT; i++) {
		/* Lowest slot first: the same place. */
		EXPECT_EQ(REGALLOC_HANDLE_OFFSET(handles[i]),
			  REGALLOC_HANDLE_OFFSET(fresh[i]));
		EXPECT_NE(handles[i], fresh[i]);
		EXPECT_EQ(-ESTALE, rt_release_one(self->c.fd, handles[i]));
		EXPECT_EQ(-ESTALE, rt_zero(self->c.fd, handles[i]));
	}
	EXPECT_EQ(16UL * LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(0, rt_release_all(self->c.fd, fresh, COUNT));
}

TEST_F(release, never_was_a_handle)
{
	uint64_t span = self->c.info.span_bytes;
	uint64_t live, bad[32];
	unsigned int n = 0, i;
	uint32_t gen;

	live = rt_alloc_one(self->c.fd, LENGTH);
	ASSERT_NE(0, live);
	gen = REGALLOC_HANDLE_GEN(live);

	bad[n++] = 0;
	bad[n++] = ~0ULL;
	bad[n++] = 0x123456789abcdef0ULL;
	bad[n++] = 1ULL << 63;
	/* Outside the window, just and far. */
	bad[n++] = REGALLOC_HANDLE(self->c.info.window_bytes, gen);
	bad[n++] = REGALLOC_HANDLE(self->c.info.window_bytes - 4096, gen);
	bad[n++] = REGALLOC_HANDLE(1ULL << 45, gen);
	/* Inside the slice, inside others, in other classes. */
	bad[n++] = REGALLOC_HANDLE(REGALLOC_HANDLE_OFFSET(live) + 4096, gen);
	bad[n++] = REGALLOC_HANDLE(REGALLOC_HANDLE_OFFSET(live) + LENGTH / 2,
				   gen);
	bad[n++] = REGALLOC_HANDLE(REGALLOC_HANDLE_OFFSET(live) + LENGTH - 4096,
				   gen);
	bad[n++] = REGALLOC_HANDLE(0, gen);
	bad[n++] = REGALLOC_HANDLE(span, gen);
	bad[n++] = REGALLOC_HANDLE(3 * span, gen);
	/* A neighbour that was never handed out; a slot that was never open. */
	bad[n++] = REGALLOC_HANDLE(REGALLOC_HANDLE_OFFSET(live) + LENGTH, gen);
	bad[n++] = REGALLOC_HANDLE(REGALLOC_HANDLE_OFFSET(live) + RT_REGION,
				   gen);
	bad[n++] = REGALLOC_HANDLE(REGALLOC_HANDLE_OFFSET(live) + span -
				   RT_REGION, gen);
	/* Generations that have not been. */
	bad[n++] = handle_with_gen(live, gen + 1);
	bad[n++] = handle_with_gen(live, gen + 1000);
	bad[n++] = handle_with_gen(live, REGALLOC_HANDLE_GEN_MASK);
	bad[n++] = handle_with_gen(live, 0);

	for (i = 0; i < n; i++) {
		EXPECT_EQ(-ENOENT, rt_release_one(self->c.fd, bad[i])) {
			TH_LOG("release: handle %u, %" PRIx64, i, bad[i]);
		}
		EXPECT_EQ(-ENOENT, rt_zero(self->c.fd, bad[i])) {
			TH_LOG("zero: handle %u, %" PRIx64, i, bad[i]);
		}
	}
	EXPECT_EQ(LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(0, rt_release_one(self->c.fd, live));

	/* Free now: the next generation has not been given out yet. */
	EXPECT_EQ(-ENOENT, rt_release_one(self->c.fd,
					  handle_with_gen(live, gen + 1)));
	EXPECT_EQ(-ESTALE, rt_release_one(self->c.fd, live));
	EXPECT_EQ(0, rt_stat("live_bytes"));
}

/* A handle is good with its own client only. */
TEST_F(release, bug11_handle_of_another_client)
{
	struct rt_client other;
	uint64_t mine, theirs;

	ASSERT_EQ(0, rt_client_open(&other));
	theirs = rt_alloc_one(other.fd, LENGTH);
	ASSERT_NE(0, theirs);
	EXPECT_EQ(-ENOENT, rt_release_one(self->c.fd, theirs));
	EXPECT_EQ(-ENOENT, rt_zero(self->c.fd, theirs));

	/* The numbers may be equal; the slices are not. */
	mine = rt_alloc_one(self->c.fd, LENGTH);
	ASSERT_NE(0, mine);
	EXPECT_EQ(mine, theirs);
	EXPECT_EQ(2UL * LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(0, rt_release_one(self->c.fd, mine));
	EXPECT_EQ(-ESTALE, rt_release_one(self->c.fd, mine));
	EXPECT_EQ(LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(0, rt_release_one(other.fd, theirs));
	rt_client_close(&other);
}

struct race {
	int fd;
	uint64_t handle;
	unsigned int won;
	unsigned int stale;
	unsigned int other;
};

static void race_thread(unsigned int index, void *arg)
{
	struct race *race = arg;

	switch (rt_release_one(race->fd, race->handle)) {
	case 0:
		rt_add(&race->won, 1);
		break;
	case -ESTALE:
		rt_add(&race->stale, 1);
		break;
	default:
		rt_add(&race->other, 1);
	}
}

/* Of racing releases of one handle exactly one wins. */
static void race_once(struct race *race, int fd, uint64_t handle)
{
	*race = (struct race){ .fd = fd, .handle = handle };
	rt_threads(8, race_thread, race);
}

TEST_F(release, bug07_racing_releases)
{
	uint64_t keep = rt_alloc_one(self->c.fd, LENGTH);
	unsigned int turn;
	struct race race;

	ASSERT_NE(0, keep);
	for (turn = 0; turn < 100; turn++) {
		uint64_t handle = rt_alloc_one(self->c.fd, LENGTH);

		ASSERT_NE(0, handle);
		race_once(&race, self->c.fd, handle);
		EXPECT_EQ(1, race.won);
		EXPECT_EQ(7, race.stale);
		EXPECT_EQ(0, race.other);
		EXPECT_EQ(LENGTH, rt_stat("live_bytes"));
	}
}

/* The same when the one that wins closes the region. */
TEST_F(release, bug07_racing_releases_of_the_last_slice)
{
	unsigned int turn;
	struct race race;

	ASSERT_EQ(0, rt_decay_set(0));
	for (turn = 0; turn < 50; turn++) {
		uint64_t handle = rt_alloc_one(self->c.fd, LENGTH);

		ASSERT_NE(0, handle);
		race_once(&race, self->c.fd, handle);
		EXPECT_EQ(1, race.won);
		EXPECT_EQ(7, race.stale);
		EXPECT_EQ(0, race.other);
		EXPECT_EQ(0, rt_stat("charged_bytes"));
	}
}

/*
 * A slice that has been released 2^30 times: the generation begins again, and
 * 0 is still no handle. The map is the client's own to write, so the test need
 * not wait for that.
 */
TEST_F(release, handle_is_never_zero)
{
	unsigned int turn;
	uint64_t handle;
	uint32_t *word;

	handle = rt_alloc_one(self->c.fd, 4096);
	ASSERT_NE(0, handle);
	ASSERT_EQ(0, REGALLOC_HANDLE_OFFSET(handle));
	ASSERT_EQ(0, rt_release_one(self->c.fd, handle));
	ASSERT_EQ(0, rt_client_map(&self->c));
	word = rt_state(&self->c, 0);
	ASSERT_EQ(REGALLOC_STATE_FREE, rt_load(word) & REGALLOC_STATE_MASK);
	rt_store(word, (REGALLOC_HANDLE_GEN_MASK - 1) <<
		       REGALLOC_STATE_GEN_SHIFT | REGALLOC_STATE_FREE);

	for (turn = 0; turn < 4; turn++) {
		/* Ends the process if the handle is 0. */
		handle = rt_alloc_one(self->c.fd, 4096);
		ASSERT_NE(0, handle);
		ASSERT_EQ(0, REGALLOC_HANDLE_OFFSET(handle));
		ASSERT_NE(0, REGALLOC_HANDLE_GEN(handle));
		ASSERT_EQ(0, rt_release_one(self->c.fd, handle));
	}
}

FIXTURE(library)
{
	struct regalloc *ra;
};

FIXTURE_SETUP(library)
{
	ASSERT_TRUE(rt_begin(RT_BUDGET, RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, regalloc_open(NULL, 0, &self->ra));
}

FIXTURE_TEARDOWN(library)
{
	regalloc_close(self->ra);
	rt_end();
}

TEST_F(library, bug11_interior_and_foreign_addresses)
{
	struct regalloc_slice s, next;
	struct regalloc *other;
	uint64_t span, off;
	char local;

	ASSERT_EQ(0, regalloc_alloc(self->ra, LENGTH, 0, &s));
	ASSERT_EQ(0, regalloc_alloc(self->ra, LENGTH, 0, &next));
	for (off = 1; off < LENGTH; off = off < 4096 ? off * 2 : off + 4096)
		EXPECT_EQ(-EINVAL, regalloc_release_addr(self->ra,
							 (char *)s.addr + off));
	EXPECT_EQ(-EINVAL, regalloc_release_addr(self->ra,
						 (char *)s.addr + LENGTH - 1));
	EXPECT_EQ(-EINVAL, regalloc_release_addr(self->ra, NULL));
	EXPECT_EQ(-ENOENT, regalloc_release_addr(self->ra, &local));
	EXPECT_EQ(-ENOENT, regalloc_release_addr(self->ra, (void *)~0UL));
	/* Another client's slice, another class's place, a slot not open. */
	ASSERT_EQ(0, regalloc_open(NULL, 0, &other));
	EXPECT_EQ(-ENOENT, regalloc_release_addr(other, s.addr));
	regalloc_close(other);
	span = REGALLOC_HANDLE_OFFSET(s.handle) / RT_CLASS_256K;
	EXPECT_EQ(-ENOENT, regalloc_release_addr(self->ra,
						 (char *)s.addr - span));
	EXPECT_EQ(-ENOENT, regalloc_release_addr(self->ra, (char *)s.addr +
						 RT_REGION));
	EXPECT_EQ(2UL * LENGTH, rt_stat("live_bytes"));

	EXPECT_EQ(0, regalloc_release_addr(self->ra, s.addr));
	EXPECT_EQ(LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(-ESTALE, regalloc_release_addr(self->ra, s.addr));
	EXPECT_EQ(-ESTALE, regalloc_release(self->ra, s.handle));
	EXPECT_EQ(LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(0, regalloc_release(self->ra, next.handle));
}

TEST_F(library, bug07_and_08_by_handle)
{
	struct regalloc_slice s, again;
	uint64_t handles[3];
	uint32_t released;

	ASSERT_EQ(0, regalloc_alloc(self->ra, LENGTH, 0, &s));
	ASSERT_EQ(0, regalloc_release(self->ra, s.handle));
	EXPECT_EQ(-ESTALE, regalloc_release(self->ra, s.handle));
	ASSERT_EQ(0, regalloc_alloc(self->ra, LENGTH, 0, &again));
	EXPECT_EQ(-ESTALE, regalloc_release(self->ra, s.handle));
	EXPECT_EQ(-ESTALE, regalloc_zero(self->ra, s.handle));
	EXPECT_EQ(-ENOENT, regalloc_release(self->ra, 0));
	EXPECT_EQ(-ENOENT, regalloc_release(self->ra, again.handle + 1));
	EXPECT_EQ(LENGTH, rt_stat("live_bytes"));

	handles[0] = again.handle;
	handles[1] = s.handle;
	handles[2] = again.handle;
	released = RT_POISON32;
	EXPECT_EQ(0, regalloc_release_many(self->ra, 3, handles, &released));
	EXPECT_EQ(1, released);
	released = RT_POISON32;
	EXPECT_EQ(-ESTALE, regalloc_release_many(self->ra, 3, handles,
						 &released));
	EXPECT_EQ(RT_POISON32, released);
	EXPECT_EQ(0, rt_stat("live_bytes"));
}

TEST_HARNESS_MAIN
