// SPDX-License-Identifier: GPL-2.0-only
/* The budget is exact under threads. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <linux/regalloc.h>

#include "budget.h"
#include "counters.c"

#include "kselftest_harness.h"
#include "threads.h"

#define REGION		REGALLOC_REGION_BYTES
#define NR_THREADS	8

/* Who waits is not the matter here; only that somebody is told. */
static u64 kicks;

void regalloc_waiters_init(struct regalloc_waiters *waiters)
{
}

void regalloc_waiters_kick(struct regalloc_waiters *waiters)
{
	shared_add(&kicks, 1);
}

FIXTURE(charge)
{
	struct regalloc_budget budget;
	struct regalloc_account *a;
	struct regalloc_account *b;
};

FIXTURE_SETUP(charge)
{
	regalloc_budget_init(&self->budget);
	self->a = regalloc_account_create(&self->budget, 1);
	self->b = regalloc_account_create(&self->budget, 2);
	ASSERT_NE(NULL, self->a);
	ASSERT_NE(NULL, self->b);
	atomic64_set(&self->budget.limit, 10 * REGION);
}

FIXTURE_TEARDOWN(charge)
{
	regalloc_account_put(self->a);
	regalloc_account_put(self->b);
}

#define total(name)	atomic64_read(&self->budget.total.name)
#define own(acc, name)	atomic64_read(&(acc)->own.name)

TEST_F(charge, exactly_to_the_limit)
{
	unsigned int i;

	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, regalloc_account_try_charge(i % 2 ? self->a :
							self->b, REGION));
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->a, 1));
	EXPECT_EQ(10 * REGION, total(charged));
	EXPECT_EQ(5 * REGION, own(self->a, charged));
	EXPECT_EQ(5 * REGION, own(self->b, charged));
	EXPECT_EQ(10 * REGION, atomic64_read(&self->budget.peak));

	regalloc_account_uncharge(self->b, REGION);
	EXPECT_EQ(9 * REGION, total(charged));
	EXPECT_EQ(4 * REGION, own(self->b, charged));
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->a, REGION + 1));
	EXPECT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(10 * REGION, atomic64_read(&self->budget.peak));
}

TEST_F(charge, limit_zero_and_lowered)
{
	atomic64_set(&self->budget.limit, 0);
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(0, total(charged));
	EXPECT_EQ(0, atomic64_read(&self->budget.peak));
	atomic64_set(&self->budget.limit, 2 * REGION);
	EXPECT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	atomic64_set(&self->budget.limit, REGION);
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->b, REGION));
	regalloc_account_uncharge(self->a, REGION);
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->b, REGION));
	regalloc_account_uncharge(self->a, REGION);
	EXPECT_EQ(0, regalloc_account_try_charge(self->b, REGION));
}

TEST_F(charge, pins_and_notes)
{
	ASSERT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	regalloc_account_note_open(self->a);
	regalloc_account_note_close(self->a);
	regalloc_account_pin(self->a, REGION);
	EXPECT_EQ(REGION, total(pinned));
	EXPECT_EQ(REGION, own(self->a, pinned));
	EXPECT_EQ(0, own(self->b, pinned));
	EXPECT_EQ(REGION, total(charged));
	regalloc_account_unpin(self->a, REGION / 2);
	regalloc_account_uncharge(self->a, REGION / 2);
	EXPECT_EQ(REGION / 2, total(pinned));
	EXPECT_EQ(REGION / 2, total(charged));
	regalloc_account_note_failure(self->b);
	EXPECT_EQ(1, total(opened));
	EXPECT_EQ(1, total(closed));
	EXPECT_EQ(1, own(self->a, opened));
	EXPECT_EQ(1, own(self->a, closed));
	EXPECT_EQ(0, own(self->a, alloc_failures));
	EXPECT_EQ(1, own(self->b, alloc_failures));
	EXPECT_EQ(1, total(alloc_failures));
}

/* The account outlives its client as long as something has a reference. */
TEST_F(charge, references)
{
	struct regalloc_account *c = regalloc_account_create(&self->budget, 3);

	ASSERT_NE(NULL, c);
	EXPECT_EQ(3, c->id);
	regalloc_account_get(c);
	regalloc_account_put(c);
	EXPECT_EQ(0, regalloc_account_try_charge(c, REGION));
	regalloc_account_uncharge(c, REGION);
	regalloc_account_put(c);
}

TEST_F(charge, limit_of_an_account)
{
	EXPECT_EQ(0, regalloc_account_set_limits(self->a, 0, 2 * REGION));
	EXPECT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(-ENOSPC, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(-ENOSPC, regalloc_account_check_room(self->a, REGION));
	EXPECT_EQ(0, regalloc_account_try_charge(self->b, REGION));
	/* Lowered below what is charged, it takes nothing away. */
	EXPECT_EQ(0, regalloc_account_set_limits(self->a, 0, REGION));
	EXPECT_EQ(2 * REGION, own(self->a, charged));
	regalloc_account_uncharge(self->a, REGION);
	EXPECT_EQ(-ENOSPC, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(0, regalloc_account_set_limits(self->a, 0, U64_MAX));
	EXPECT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(3 * REGION, total(charged));
}

TEST_F(charge, reserve_is_kept)
{
	unsigned int i;

	EXPECT_EQ(0, regalloc_account_set_limits(self->b, 3 * REGION, U64_MAX));
	for (i = 0; i < 7; i++)
		EXPECT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(0, regalloc_account_check_room(self->b, REGION));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, regalloc_account_try_charge(self->b, REGION));
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->b, REGION));
	EXPECT_EQ(10 * REGION, total(charged));
	EXPECT_EQ(7 * REGION, regalloc_account_above_reserve(self->a));
	EXPECT_EQ(0, regalloc_account_above_reserve(self->b));

	/* What it releases stays its own. */
	regalloc_account_uncharge(self->b, REGION);
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(0, regalloc_account_set_limits(self->b, 0, U64_MAX));
	EXPECT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(2 * REGION, regalloc_account_above_reserve(self->b));
}

TEST_F(charge, reserves_never_exceed_the_budget)
{
	EXPECT_EQ(0, regalloc_account_set_limits(self->a, 6 * REGION, U64_MAX));
	EXPECT_EQ(-EBUSY, regalloc_account_set_limits(self->b, 5 * REGION,
						      U64_MAX));
	EXPECT_EQ(-EBUSY, regalloc_account_set_limits(self->b, U64_MAX,
						      U64_MAX));
	EXPECT_EQ(0, self->b->reserve);
	EXPECT_EQ(0, regalloc_account_set_limits(self->b, 4 * REGION, U64_MAX));
	EXPECT_EQ(-EBUSY, regalloc_account_set_limits(self->a, 7 * REGION,
						      U64_MAX));
	EXPECT_EQ(6 * REGION, self->a->reserve);
	EXPECT_EQ(-EBUSY, regalloc_budget_set(&self->budget, 9 * REGION));
	EXPECT_EQ(10 * REGION, (u64)atomic64_read(&self->budget.limit));
	EXPECT_EQ(0, regalloc_account_set_limits(self->b, 0, U64_MAX));
	EXPECT_EQ(0, regalloc_budget_set(&self->budget, 6 * REGION));
	EXPECT_EQ(6 * REGION, self->budget.spoken_for);
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->b, REGION));
}

/* A reserve set while others have the memory: never above the budget. */
TEST_F(charge, reserve_that_others_hold)
{
	unsigned int i;

	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(0, regalloc_budget_excess(&self->budget));
	EXPECT_EQ(0, regalloc_account_set_limits(self->b, 2 * REGION, U64_MAX));
	EXPECT_EQ(2 * REGION, regalloc_budget_excess(&self->budget));
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->b, REGION));
	regalloc_account_uncharge(self->a, REGION);
	EXPECT_EQ(REGION, regalloc_budget_excess(&self->budget));
	EXPECT_EQ(-EDQUOT, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(0, regalloc_account_try_charge(self->b, REGION));
	EXPECT_EQ(10 * REGION, total(charged));
	EXPECT_EQ(10 * REGION, atomic64_read(&self->budget.peak));
}

/* Whatever makes room tells those who wait for it. */
TEST_F(charge, waiters_are_told)
{
	u64 before = kicks;

	EXPECT_EQ(0, regalloc_account_try_charge(self->a, REGION));
	EXPECT_EQ(before, kicks);
	regalloc_account_uncharge(self->a, REGION);
	EXPECT_LT(before, kicks);
	before = kicks;
	EXPECT_EQ(0, regalloc_budget_set(&self->budget, 20 * REGION));
	EXPECT_LT(before, kicks);
	before = kicks;
	EXPECT_EQ(0, regalloc_account_set_limits(self->a, REGION, U64_MAX));
	EXPECT_LT(before, kicks);
}

struct crowd {
	struct regalloc_budget *budget;
	struct regalloc_account *accounts[NR_THREADS];
	u64 granted;
	u64 above;
	u64 running;
};

/* Takes one each; nobody gives back. */
static void grab(unsigned int index, void *arg)
{
	struct crowd *crowd = arg;

	while (!regalloc_account_try_charge(crowd->accounts[index], REGION))
		shared_add(&crowd->granted, 1);
}

/* Takes and gives back, one at a time. */
static void churn(unsigned int index, void *arg)
{
	struct crowd *crowd = arg;
	unsigned int turn;

	for (turn = 0; turn < 5000; turn++) {
		s64 limit = atomic64_read(&crowd->budget->limit);

		if (regalloc_account_try_charge(crowd->accounts[index],
						REGION))
			continue;
		shared_add(&crowd->granted, 1);
		if (shared_add(&crowd->running, 1) >= (u64)limit / REGION ||
		    atomic64_read(&crowd->budget->total.charged) > limit)
			shared_add(&crowd->above, 1);
		shared_add(&crowd->running, -1);
		regalloc_account_uncharge(crowd->accounts[index], REGION);
	}
}

static bool crowd_init(struct crowd *crowd, struct regalloc_budget *budget)
{
	unsigned int i;

	memset(crowd, 0, sizeof(*crowd));
	crowd->budget = budget;
	for (i = 0; i < NR_THREADS; i++) {
		crowd->accounts[i] = regalloc_account_create(budget, i);
		if (!crowd->accounts[i])
			return false;
	}
	return true;
}

TEST_F(charge, bug05_eight_threads_do_not_overshoot)
{
	unsigned int turn, i;

	for (turn = 0; turn < 50; turn++) {
		struct crowd crowd;
		s64 sum = 0;

		ASSERT_TRUE(crowd_init(&crowd, &self->budget));
		run_threads(NR_THREADS, grab, &crowd);
		ASSERT_EQ(10, crowd.granted);
		ASSERT_EQ(10 * REGION, total(charged));
		for (i = 0; i < NR_THREADS; i++) {
			struct regalloc_account *a = crowd.accounts[i];
			s64 mine = atomic64_read(&a->own.charged);

			sum += mine;
			regalloc_account_uncharge(a, mine);
			ASSERT_EQ(0, atomic64_read(&a->own.charged));
			regalloc_account_put(a);
		}
		ASSERT_EQ(10 * REGION, sum);
		ASSERT_EQ(0, total(charged));
	}
	EXPECT_EQ(10 * REGION, atomic64_read(&self->budget.peak));
}

TEST_F(charge, bug05_and_09_take_and_give)
{
	struct crowd crowd;
	unsigned int i;

	atomic64_set(&self->budget.limit, 3 * REGION);
	ASSERT_TRUE(crowd_init(&crowd, &self->budget));
	run_threads(NR_THREADS, churn, &crowd);
	EXPECT_EQ(0, crowd.above);
	EXPECT_LT(0, crowd.granted);
	EXPECT_EQ(0, total(charged));
	EXPECT_GE(3 * REGION, atomic64_read(&self->budget.peak));
	for (i = 0; i < NR_THREADS; i++) {
		EXPECT_EQ(0, atomic64_read(&crowd.accounts[i]->own.charged));
		regalloc_account_put(crowd.accounts[i]);
	}
}

TEST_HARNESS_MAIN
