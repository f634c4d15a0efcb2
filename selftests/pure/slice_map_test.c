// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slice map: every change of every state, and with threads: no slice with
 * two owners, no sealed region with one, no stale release that does anything.
 *
 * What owners write to a slice is plain memory here, so the thread sanitizer
 * tells if a claim, a release or a seal orders too little.
 */
#include <errno.h>
#include <stdint.h>
#include <linux/regalloc.h>

#include "slice_map.h"

#include "kselftest_harness.h"
#include "threads.h"

#define NR	16
#define TURNS	20000
#define MASK	REGALLOC_HANDLE_GEN_MASK

static u32 word(u32 gen, u32 state)
{
	return gen << REGALLOC_STATE_GEN_SHIFT | state;
}

TEST(claim)
{
	u32 gen = 12345, w;

	w = word(7, REGALLOC_STATE_FREE);
	EXPECT_TRUE(regalloc_slice_claim(&w, &gen));
	EXPECT_EQ(7, gen);
	EXPECT_EQ(word(7, REGALLOC_STATE_LIVE), w);

	gen = 12345;
	EXPECT_FALSE(regalloc_slice_claim(&w, &gen));
	EXPECT_EQ(word(7, REGALLOC_STATE_LIVE), w);
	w = word(7, REGALLOC_STATE_CLOSED);
	EXPECT_FALSE(regalloc_slice_claim(&w, &gen));
	EXPECT_EQ(word(7, REGALLOC_STATE_CLOSED), w);
	w = word(7, 3);
	EXPECT_FALSE(regalloc_slice_claim(&w, &gen));
	EXPECT_EQ(word(7, 3), w);
	w = 0;
	EXPECT_FALSE(regalloc_slice_claim(&w, &gen));
	EXPECT_EQ(0, w);
	EXPECT_EQ(12345, gen);
}

/* Both give the same error; only a release that succeeds changes the word. */
static int release_and_check(u32 w, u32 gen)
{
	u32 before = w;
	int check = regalloc_slice_check(&w, gen);
	int err = regalloc_slice_release(&w, gen);

	if (check != err)
		return -EBADMSG;
	if (err && w != before)
		return -EBADE;
	if (!err && w != word(gen + 1, REGALLOC_STATE_FREE))
		return -EBADE;
	return err;
}

TEST(release)
{
	static const u32 states[] = {
		REGALLOC_STATE_CLOSED, REGALLOC_STATE_FREE,
		REGALLOC_STATE_LIVE, 3,
	};
	size_t i;

	EXPECT_EQ(0, release_and_check(word(7, REGALLOC_STATE_LIVE), 7));
	EXPECT_EQ(-ENOENT, release_and_check(word(7, REGALLOC_STATE_FREE), 7));
	EXPECT_EQ(-ENOENT, release_and_check(word(7, REGALLOC_STATE_CLOSED),
					     7));
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		EXPECT_EQ(-ESTALE, release_and_check(word(7, states[i]), 6));
		EXPECT_EQ(-ESTALE, release_and_check(word(7, states[i]), 1));
		EXPECT_EQ(-ENOENT, release_and_check(word(7, states[i]), 8));
		EXPECT_EQ(-ENOENT, release_and_check(word(7, states[i]), MASK));
		EXPECT_EQ(-ENOENT, release_and_check(word(7, states[i]), 0));
		EXPECT_EQ(-ENOENT, release_and_check(word(1, states[i]), 0));
	}
	EXPECT_EQ(-ENOENT, release_and_check(0, 0));
	EXPECT_EQ(-ENOENT, release_and_check(0, 1));
	EXPECT_EQ(-ENOENT, release_and_check(0, MASK));
}

/* After 2^30 releases generations begin again, and none is 0. */
TEST(generation_is_never_zero)
{
	u32 w = word(MASK, REGALLOC_STATE_FREE), gen, turn;

	for (turn = 0; turn < 4; turn++) {
		ASSERT_TRUE(regalloc_slice_claim(&w, &gen));
		EXPECT_NE(0, gen);
		EXPECT_GE(MASK, gen);
		ASSERT_EQ(0, regalloc_slice_release(&w, gen));
	}
}

TEST(open_and_seal)
{
	u32 words[NR] = { 0 }, gen;
	unsigned int i;

	regalloc_slices_open(words, NR);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(word(1, REGALLOC_STATE_FREE), words[i]);

	ASSERT_TRUE(regalloc_slice_claim(&words[5], &gen));
	EXPECT_FALSE(regalloc_slices_seal(words, NR));
	for (i = 0; i < NR; i++)
		EXPECT_EQ(word(1, i == 5 ? REGALLOC_STATE_LIVE :
					   REGALLOC_STATE_FREE), words[i]);
	EXPECT_EQ(1, regalloc_slices_count_live(words, NR));
	EXPECT_EQ(5, regalloc_slices_find_live(words, NR, 0));
	EXPECT_EQ(5, regalloc_slices_find_live(words, NR, 5));
	EXPECT_EQ(5, regalloc_slices_find_live(words, NR, 6));

	ASSERT_EQ(0, regalloc_slice_release(&words[5], gen));
	EXPECT_TRUE(regalloc_slices_seal(words, NR));
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(word(i == 5 ? 2 : 1, REGALLOC_STATE_CLOSED),
			  words[i]);
		EXPECT_FALSE(regalloc_slice_claim(&words[i], &gen));
	}
	EXPECT_EQ(-ESTALE, regalloc_slice_release(&words[5], 1));
	EXPECT_EQ(NR, regalloc_slices_find_live(words, NR, 3));
	EXPECT_EQ(0, regalloc_slices_count_live(words, NR));

	/* Open again: the generations are kept. */
	regalloc_slices_open(words, NR);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(word(i == 5 ? 2 : 1, REGALLOC_STATE_FREE), words[i]);
	EXPECT_EQ(-ESTALE, regalloc_slice_release(&words[5], 1));
}

/* Wherever the live one is, and how many there are, the seal undoes its part. */
TEST(seal_is_all_or_nothing)
{
	unsigned int mask, i;

	for (mask = 1; mask < 1U << 10; mask++) {
		u32 words[10];

		for (i = 0; i < 10; i++)
			words[i] = word(3, mask >> i & 1 ? REGALLOC_STATE_LIVE :
							   REGALLOC_STATE_FREE);
		ASSERT_FALSE(regalloc_slices_seal(words, 10));
		for (i = 0; i < 10; i++)
			ASSERT_EQ(word(3, mask >> i & 1 ? REGALLOC_STATE_LIVE :
							  REGALLOC_STATE_FREE),
				  words[i]);
		ASSERT_EQ(__builtin_popcount(mask),
			  regalloc_slices_count_live(words, 10));
		ASSERT_EQ(__builtin_ctz(mask),
			  regalloc_slices_find_live(words, 10, 0));
	}
}

/* Whatever a client writes there, the work ends and stays inside. */
TEST(scribbled_words)
{
	unsigned int seed = 1, turn, i;

	for (turn = 0; turn < 10000; turn++) {
		u32 words[NR + 2], gen;

		for (i = 0; i < NR + 2; i++)
			words[i] = (u32)rand_r(&seed) << 1 ^ rand_r(&seed);
		words[0] = 0xdeadbeef;
		words[NR + 1] = 0xdeadbeef;
		regalloc_slices_open(words + 1, NR);
		regalloc_slice_claim(&words[1 + turn % NR], &gen);
		regalloc_slice_release(&words[1 + turn % NR], turn);
		ASSERT_GE(NR, regalloc_slices_find_live(words + 1, NR,
							turn % NR));
		ASSERT_GE(NR, regalloc_slices_count_live(words + 1, NR));
		regalloc_slices_seal(words + 1, NR);
		ASSERT_EQ(0xdeadbeef, words[0]);
		ASSERT_EQ(0xdeadbeef, words[NR + 1]);
	}
}

struct map {
	u32 words[NR];
	unsigned int owners[NR];	/* never more than one */
	u64 memory[NR];			/* plain, on purpose */
	bool open;			/* plain: the memory is there */
	u64 wrong;
	u64 claims;
	u64 seals;
	bool stop;
	unsigned int workers;
};

/* The handle that was released is released again; nothing may come of it. */
static void release_twice(struct map *m, unsigned int i, u32 gen)
{
	if (regalloc_slice_release(&m->words[i], gen))
		shared_add(&m->wrong, 1);
	if (regalloc_slice_release(&m->words[i], gen) != -ESTALE)
		shared_add(&m->wrong, 1);
	if (regalloc_slice_check(&m->words[i], gen) != -ESTALE)
		shared_add(&m->wrong, 1);
}

static void own_and_release(struct map *m, unsigned int i, u32 gen, u64 mine)
{
	shared_add(&m->claims, 1);
	if (shared_add(&m->owners[i], 1) || !m->open)
		shared_add(&m->wrong, 1);
	m->memory[i] = mine;
	if (regalloc_slice_check(&m->words[i], gen) || m->memory[i] != mine)
		shared_add(&m->wrong, 1);
	shared_add(&m->owners[i], -1);
	release_twice(m, i, gen);
}

static void worker(struct map *m, unsigned int index)
{
	unsigned int seed = index, turn;

	for (turn = 0; turn < TURNS; turn++) {
		unsigned int i = rand_r(&seed) % NR;
		u32 gen;

		if (regalloc_slice_claim(&m->words[i], &gen))
			own_and_release(m, i, gen, (u64)index << 32 | turn);
		/* Room for the sealer, of which there is one. */
		if (turn % 4 == 0)
			sched_yield();
	}
	if (__atomic_sub_fetch(&m->workers, 1, __ATOMIC_RELAXED) == 0)
		shared_store(&m->stop, true);
}

/* Seals when it can; then nobody has a slice, and the memory may go. */
static void sealer(struct map *m)
{
	unsigned int i;

	while (!shared_load(&m->stop)) {
		if (!regalloc_slices_seal(m->words, NR))
			continue;
		m->seals++;
		m->open = false;
		for (i = 0; i < NR; i++) {
			if (shared_load(&m->owners[i]))
				shared_add(&m->wrong, 1);
			m->memory[i] = ~0ULL;
		}
		m->open = true;
		regalloc_slices_open(m->words, NR);
	}
}

static void race(unsigned int index, void *arg)
{
	if (index)
		worker(arg, index);
	else
		sealer(arg);
}

TEST(claim_release_and_seal_race)
{
	static struct map m;
	unsigned int i;

	m.open = true;
	m.workers = 4;
	regalloc_slices_open(m.words, NR);
	run_threads(5, race, &m);
	EXPECT_EQ(0, m.wrong);
	EXPECT_LT(0, m.claims);
	EXPECT_LT(0, m.seals);
	TH_LOG("%llu claims, %llu seals", (unsigned long long)m.claims,
	       (unsigned long long)m.seals);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(REGALLOC_STATE_FREE,
			  m.words[i] & REGALLOC_STATE_MASK);
	EXPECT_EQ(0, regalloc_slices_count_live(m.words, NR));
	EXPECT_TRUE(regalloc_slices_seal(m.words, NR));
}

struct contest {
	u32 word;
	u32 gen;
	unsigned int won;
	unsigned int stale;
};

static void contestant(unsigned int index, void *arg)
{
	struct contest *c = arg;
	int err = regalloc_slice_release(&c->word, c->gen);

	if (!err)
		shared_add(&c->won, 1);
	else if (err == -ESTALE)
		shared_add(&c->stale, 1);
}

TEST(racing_releases)
{
	unsigned int turn;

	for (turn = 1; turn < 300; turn++) {
		struct contest c = {
			.word = word(turn, REGALLOC_STATE_LIVE), .gen = turn,
		};

		run_threads(4, contestant, &c);
		ASSERT_EQ(1, c.won);
		ASSERT_EQ(3, c.stale);
		ASSERT_EQ(word(turn + 1, REGALLOC_STATE_FREE), c.word);
	}
}

TEST_HARNESS_MAIN
