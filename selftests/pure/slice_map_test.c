// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slice map: every change of every state, and with threads: no slice with
 * two owners, no isolated slice with one, no stale release that does anything.
 *
 * What owners write to a slice is plain memory here, so the thread sanitizer
 * tells if a claim, a release or an isolation orders too little.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/regalloc.h>

#include "slice_map.h"

#include "kselftest_harness.h"
#include "threads.h"

/* The class with the fewest slices, and their number. */
#define CLASS	6
#define NR	16
#define WORDS	REGALLOC_SLOT_WORDS

/* Of slice @_i of a region of that class. */
#define AT(_words, _i)	((_words)[(_i) * (WORDS / NR)])
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

static u32 state_of(unsigned int mask, unsigned int i)
{
	return mask >> i & 1 ? REGALLOC_STATE_LIVE : REGALLOC_STATE_FREE;
}

/* All slices of a region, or none: whether there is one that is live. */
static bool isolate_all(u32 *words, unsigned int class)
{
	unsigned long isolated[WORDS / 8 / sizeof(long)] = { 0 };

	return regalloc_slices_isolate(words, class, 0,
				       regalloc_class_slices(class),
				       isolated) >= 0;
}

static void open_all(u32 *words, unsigned int class)
{
	regalloc_slices_open(words, class, 0, regalloc_class_slices(class), 1);
}

TEST(open_and_isolate)
{
	u32 words[WORDS] = { 0 }, gen;
	unsigned int i;

	open_all(words, CLASS);
	for (i = 0; i < WORDS; i++)
		EXPECT_EQ(i % (WORDS / NR) ? 0 : word(1, REGALLOC_STATE_FREE),
			  words[i]);

	ASSERT_TRUE(regalloc_slice_claim(&AT(words, 5), &gen));
	EXPECT_FALSE(isolate_all(words, CLASS));
	for (i = 0; i < NR; i++)
		EXPECT_EQ(word(1, state_of(1U << 5, i)), AT(words, i));
	EXPECT_EQ(1, regalloc_slices_count_live(words, CLASS));
	EXPECT_EQ(5, regalloc_slices_find_live(words, CLASS, 0));
	EXPECT_EQ(5, regalloc_slices_find_live(words, CLASS, 5));
	EXPECT_EQ(5, regalloc_slices_find_live(words, CLASS, 6));

	ASSERT_EQ(0, regalloc_slice_release(&AT(words, 5), gen));
	EXPECT_TRUE(isolate_all(words, CLASS));
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(word(i == 5 ? 2 : 1, REGALLOC_STATE_CLOSED),
			  AT(words, i));
		EXPECT_FALSE(regalloc_slice_claim(&AT(words, i), &gen));
	}
	EXPECT_EQ(-ESTALE, regalloc_slice_release(&AT(words, 5), 1));
	EXPECT_EQ(NR, regalloc_slices_find_live(words, CLASS, 3));
	EXPECT_EQ(0, regalloc_slices_count_live(words, CLASS));

	/* Open again: the generations are kept. */
	open_all(words, CLASS);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(word(i == 5 ? 2 : 1, REGALLOC_STATE_FREE),
			  AT(words, i));
	EXPECT_EQ(-ESTALE, regalloc_slice_release(&AT(words, 5), 1));
}

/* Wherever the live one is, and how many there are, isolation undoes its part. */
TEST(isolate_is_all_or_nothing)
{
	u32 words[WORDS] = { 0 };
	unsigned int mask, i;

	for (mask = 1; mask < 1U << NR; mask += 7) {
		for (i = 0; i < NR; i++)
			AT(words, i) = word(3, state_of(mask, i));
		ASSERT_FALSE(isolate_all(words, CLASS));
		for (i = 0; i < NR; i++)
			ASSERT_EQ(word(3, state_of(mask, i)), AT(words, i));
		ASSERT_EQ(__builtin_popcount(mask),
			  regalloc_slices_count_live(words, CLASS));
		ASSERT_EQ(__builtin_ctz(mask),
			  regalloc_slices_find_live(words, CLASS, 0));
	}
}

/* Of a part of a region, and put back: with those left out that were closed before. */
TEST(isolate_and_putback)
{
	unsigned long isolated[WORDS / 8 / sizeof(long)] = { 0 };
	unsigned long none[WORDS / 8 / sizeof(long)] = { 0 };
	u32 words[WORDS] = { 0 };
	unsigned int i;

	regalloc_slices_open(words, CLASS, 0, NR, 4);
	AT(words, 5) = word(9, REGALLOC_STATE_CLOSED);
	AT(words, 8) = word(7, REGALLOC_STATE_LIVE);
	EXPECT_EQ(NR - 2, regalloc_slices_count_free(words, CLASS));
	EXPECT_EQ(3, regalloc_slices_isolate(words, CLASS, 4, 4, isolated));
	EXPECT_EQ(0xd0, isolated[0]);
	EXPECT_EQ(NR - 5, regalloc_slices_count_free(words, CLASS));
	EXPECT_EQ(-EBUSY, regalloc_slices_isolate(words, CLASS, 6, 4, none));
	EXPECT_EQ(0, none[0]);
	EXPECT_EQ(NR - 5, regalloc_slices_count_free(words, CLASS));
	regalloc_slices_putback(words, CLASS, 4, 2, isolated);
	EXPECT_EQ(0xc0, isolated[0]);
	regalloc_slices_open(words, CLASS, 6, 2, 4);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(i == 5 ? word(9, REGALLOC_STATE_CLOSED) :
			  i == 8 ? word(7, REGALLOC_STATE_LIVE) :
				   word(4, REGALLOC_STATE_FREE), AT(words, i));
}

/* Counted in pairs or one by one, in each class what is there. */
TEST(count_of_every_class)
{
	u32 words[WORDS] __attribute__((aligned(8)));
	unsigned int seed = 1, class, i, live, stride;

	for (class = 0; class < REGALLOC_NR_CLASSES; class++) {
		stride = regalloc_class_stride(class);
		memset(words, 0, sizeof(words));
		open_all(words, class);
		EXPECT_EQ(0, regalloc_slices_count_live(words, class));
		for (i = 0, live = 0; i < WORDS; i += stride) {
			if (rand_r(&seed) % 3)
				continue;
			words[i] = word(MASK, REGALLOC_STATE_LIVE);
			live++;
		}
		EXPECT_EQ(live, regalloc_slices_count_live(words, class));
		for (i = 0; i < WORDS; i += stride)
			words[i] = word(MASK, REGALLOC_STATE_LIVE);
		EXPECT_EQ(regalloc_class_slices(class),
			  regalloc_slices_count_live(words, class));
	}
}

/* Whatever a client writes there, the work ends and stays inside. */
TEST(scribbled_words)
{
	static u32 guarded[WORDS + 4] __attribute__((aligned(8)));
	u32 *words = guarded + 2, gen;
	unsigned int seed = 1, turn, class, nr, i;

	guarded[1] = 0xdeadbeef;
	guarded[WORDS + 2] = 0xdeadbeef;
	for (turn = 0; turn < 1400; turn++) {
		class = turn % REGALLOC_NR_CLASSES;
		nr = regalloc_class_slices(class);
		for (i = 0; i < WORDS; i++)
			words[i] = (u32)rand_r(&seed) << 1 ^ rand_r(&seed);
		i = turn % nr;
		open_all(words, class);
		regalloc_slice_claim(regalloc_slice_word(words, class, i), &gen);
		regalloc_slice_release(regalloc_slice_word(words, class, i),
				       turn);
		ASSERT_GE(nr, regalloc_slices_find_live(words, class, i));
		ASSERT_GE(nr, regalloc_slices_count_live(words, class));
		isolate_all(words, class);
		ASSERT_EQ(0xdeadbeef, guarded[1]);
		ASSERT_EQ(0xdeadbeef, guarded[WORDS + 2]);
	}
}

/* The first one that counts, from and up to any place. */
TEST(find_a_hint)
{
	const struct regalloc_hint avail = { .avail = 0xff };
	const struct regalloc_hint dirty = { .dirty = 0xff };
	static struct regalloc_hint hints[40] __attribute__((aligned(8)));
	unsigned int from, nr, at;

	for (from = 0; from < 9; from++) {
		for (nr = 0; nr < 20; nr++) {
			EXPECT_EQ(nr, regalloc_hints_find(hints + from, nr,
							  avail));
			for (at = 0; at < nr; at++) {
				hints[from + at].avail = 1;
				hints[from + nr].avail = 0x80;
				hints[from + nr].dirty = 1;
				EXPECT_EQ(at, regalloc_hints_find(hints + from,
								  nr, avail));
				EXPECT_EQ(nr, regalloc_hints_find(hints + from,
								  nr, dirty));
				hints[from + at].dirty = 0x80;
				hints[from + at].avail = 0;
				EXPECT_EQ(at, regalloc_hints_find(hints + from,
								  nr, dirty));
				EXPECT_EQ(nr, regalloc_hints_find(hints + from,
								  nr, avail));
				memset(hints, 0, sizeof(hints));
			}
		}
	}
}

struct map {
	u32 words[WORDS];
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
	if (regalloc_slice_release(&AT(m->words, i), gen))
		shared_add(&m->wrong, 1);
	if (regalloc_slice_release(&AT(m->words, i), gen) != -ESTALE)
		shared_add(&m->wrong, 1);
	if (regalloc_slice_check(&AT(m->words, i), gen) != -ESTALE)
		shared_add(&m->wrong, 1);
}

static void own_and_release(struct map *m, unsigned int i, u32 gen, u64 mine)
{
	shared_add(&m->claims, 1);
	if (shared_add(&m->owners[i], 1) || !m->open)
		shared_add(&m->wrong, 1);
	m->memory[i] = mine;
	if (regalloc_slice_check(&AT(m->words, i), gen) || m->memory[i] != mine)
		shared_add(&m->wrong, 1);
	shared_add(&m->owners[i], -1);
	release_twice(m, i, gen);
}

/* On a busy machine, one may sleep through all the others' turns. */
static bool all_had_success(struct map *m)
{
	return shared_load(&m->seals) && shared_load(&m->claims);
}

static void worker(struct map *m, unsigned int index)
{
	unsigned int seed = index, turn;

	for (turn = 0; turn < TURNS || !all_had_success(m); turn++) {
		unsigned int i = rand_r(&seed) % NR;
		u32 gen;

		if (regalloc_slice_claim(&AT(m->words, i), &gen))
			own_and_release(m, i, gen, (u64)index << 32 | turn);
		/* Room for the sealer, of which there is one. */
		if (turn % 64 == 0)
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
		if (!isolate_all(m->words, CLASS))
			continue;
		shared_add(&m->seals, 1);
		m->open = false;
		for (i = 0; i < NR; i++) {
			if (shared_load(&m->owners[i]))
				shared_add(&m->wrong, 1);
			m->memory[i] = ~0ULL;
		}
		m->open = true;
		open_all(m->words, CLASS);
	}
}

static void race(unsigned int index, void *arg)
{
	if (index)
		worker(arg, index);
	else
		sealer(arg);
}

TEST(claim_release_and_isolate_race)
{
	static struct map m;
	unsigned int i;

	m.open = true;
	m.workers = 4;
	open_all(m.words, CLASS);
	run_threads(5, race, &m);
	EXPECT_EQ(0, m.wrong);
	EXPECT_LT(0, m.claims);
	EXPECT_LT(0, m.seals);
	TH_LOG("%llu claims, %llu seals", (unsigned long long)m.claims,
	       (unsigned long long)m.seals);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(REGALLOC_STATE_FREE,
			  AT(m.words, i) & REGALLOC_STATE_MASK);
	EXPECT_EQ(0, regalloc_slices_count_live(m.words, CLASS));
	EXPECT_TRUE(isolate_all(m.words, CLASS));
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
