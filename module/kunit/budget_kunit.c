// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>

#include "../budget.c"
#include "../counters.c"

static struct regalloc_kept_places kept;

#define REGION	4
#define LIMIT	(10 * REGION)
#define CHARGERS	8
#define ROUNDS	2000

struct accounts {
	struct regalloc_budget budget;
	struct regalloc_account *a;
	struct regalloc_account *b;
};

static int accounts_init(struct kunit *test)
{
	struct accounts *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	regalloc_budget_init(&s->budget);
	KUNIT_ASSERT_EQ(test, 0, regalloc_budget_set(&s->budget, LIMIT));
	s->a = regalloc_account_create(&s->budget, 1);
	s->b = regalloc_account_create(&s->budget, 2);
	KUNIT_ASSERT_NOT_NULL(test, s->a);
	KUNIT_ASSERT_NOT_NULL(test, s->b);
	test->priv = s;
	return 0;
}

static void accounts_exit(struct kunit *test)
{
	struct accounts *s = test->priv;

	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&s->budget.total.charged));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&s->budget.total.pinned));
	regalloc_account_put(s->a);
	regalloc_account_put(s->b);
}

static void up_to_the_limit(struct kunit *test)
{
	struct accounts *s = test->priv;

	KUNIT_EXPECT_EQ(test, 0, regalloc_account_try_charge(s->a, LIMIT - 1));
	KUNIT_EXPECT_EQ(test, -EDQUOT, regalloc_account_try_charge(s->b, 2));
	KUNIT_EXPECT_EQ(test, -EDQUOT, regalloc_account_check_room(s->b, 2));
	KUNIT_EXPECT_EQ(test, 0, regalloc_account_try_charge(s->b, 1));
	KUNIT_EXPECT_EQ(test, LIMIT, atomic64_read(&s->budget.peak));
	regalloc_account_uncharge(s->a, LIMIT - 1);
	regalloc_account_uncharge(s->b, 1);
	KUNIT_EXPECT_EQ(test, LIMIT, atomic64_read(&s->budget.peak));
}

static void a_limit_of_its_own(struct kunit *test)
{
	struct accounts *s = test->priv;

	KUNIT_EXPECT_EQ(test, 0, regalloc_account_set_limits(s->a, 0, REGION));
	KUNIT_EXPECT_EQ(test, 0, regalloc_account_try_charge(s->a, REGION));
	KUNIT_EXPECT_EQ(test, -ENOSPC, regalloc_account_try_charge(s->a, 1));
	KUNIT_EXPECT_EQ(test, 0, regalloc_account_try_charge(s->b, REGION));
	regalloc_account_uncharge(s->a, REGION);
	regalloc_account_uncharge(s->b, REGION);
}

static void what_is_reserved_is_kept(struct kunit *test)
{
	struct accounts *s = test->priv;

	KUNIT_EXPECT_EQ(test, 0, regalloc_account_set_limits(s->a, 6 * REGION,
							     U64_MAX));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			regalloc_account_set_limits(s->b, 5 * REGION, U64_MAX));
	KUNIT_EXPECT_EQ(test, -EBUSY, regalloc_budget_set(&s->budget, REGION));
	KUNIT_EXPECT_EQ(test, 0, regalloc_account_try_charge(s->b, 4 * REGION));
	KUNIT_EXPECT_EQ(test, -EDQUOT, regalloc_account_try_charge(s->b, 1));
	KUNIT_EXPECT_EQ(test, 0, regalloc_account_try_charge(s->a, 6 * REGION));
	regalloc_account_uncharge(s->a, 6 * REGION);
	regalloc_account_uncharge(s->b, 4 * REGION);
}

static void excess_after_it_was_lowered(struct kunit *test)
{
	struct accounts *s = test->priv;

	KUNIT_EXPECT_EQ(test, 0, regalloc_account_try_charge(s->a, LIMIT));
	KUNIT_EXPECT_EQ(test, 0, regalloc_budget_excess(&s->budget));
	KUNIT_EXPECT_EQ(test, 0, regalloc_budget_set(&s->budget, REGION));
	KUNIT_EXPECT_EQ(test, LIMIT - REGION,
			regalloc_budget_excess(&s->budget));
	KUNIT_EXPECT_EQ(test, LIMIT, regalloc_account_above_reserve(s->a));
	regalloc_account_uncharge(s->a, LIMIT);
}

/**
 * struct charger - a thread that charges and uncharges
 * @account: what
 * @charged: how often it got something
 * @above: how often the total was above the limit
 * @done: at the end
 */
struct charger {
	struct regalloc_account *account;
	unsigned int charged;
	unsigned int above;
	struct completion done;
};

static int charger_main(void *data)
{
	struct charger *c = data;
	struct regalloc_budget *budget = c->account->budget;
	unsigned int i;

	/* While one of them is kept from running, the others get nothing. */
	for (i = 0; i < ROUNDS || !c->charged; i++) {
		cond_resched();
		if (!regalloc_account_try_charge(c->account, 3 * REGION)) {
			c->charged++;
			c->above += atomic64_read(&budget->total.charged) > LIMIT;
			cond_resched();
			regalloc_account_uncharge(c->account, 3 * REGION);
		}
	}
	complete(&c->done);
	return 0;
}

static void never_above_by_many(struct kunit *test)
{
	struct accounts *s = test->priv;
	struct charger *c;
	unsigned int i;

	c = kunit_kcalloc(test, CHARGERS, sizeof(*c), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	for (i = 0; i < CHARGERS; i++) {
		c[i].account = i % 2 ? s->a : s->b;
		init_completion(&c[i].done);
		if (IS_ERR(kthread_run(charger_main, &c[i], "charger%u", i)))
			complete(&c[i].done);
	}
	for (i = 0; i < CHARGERS; i++) {
		wait_for_completion(&c[i].done);
		KUNIT_EXPECT_LT(test, 0, c[i].charged);
		KUNIT_EXPECT_EQ(test, 0, c[i].above);
	}
	KUNIT_EXPECT_GE(test, LIMIT, atomic64_read(&s->budget.peak));
}

/* Whether the turn comes again to one who has tried in vain. */
static bool is_kicked(struct regalloc_waiters *waiters,
		      struct regalloc_waiter *waiter)
{
	bool turn = waiter->turn;

	if (turn)
		regalloc_waiter_pass(waiters, waiter);
	return turn;
}

static void more_room_is_told_to_who_waits(struct kunit *test)
{
	struct accounts *s = test->priv;
	struct regalloc_waiters *waiters = &s->budget.waiters;
	struct regalloc_wait_point point = {};
	struct regalloc_waiter waiter;

	regalloc_waiter_join(waiters, &waiter, &point, &kept);
	KUNIT_EXPECT_TRUE(test, is_kicked(waiters, &waiter));
	KUNIT_EXPECT_EQ(test, 0, regalloc_account_try_charge(s->a, REGION));
	KUNIT_EXPECT_FALSE(test, is_kicked(waiters, &waiter));
	regalloc_account_uncharge(s->a, REGION);
	KUNIT_EXPECT_TRUE(test, is_kicked(waiters, &waiter));
	KUNIT_EXPECT_EQ(test, 0, regalloc_account_set_limits(s->a, REGION, LIMIT));
	KUNIT_EXPECT_TRUE(test, is_kicked(waiters, &waiter));
	KUNIT_EXPECT_EQ(test, 0, regalloc_budget_set(&s->budget, 2 * LIMIT));
	KUNIT_EXPECT_TRUE(test, is_kicked(waiters, &waiter));
	KUNIT_EXPECT_FALSE(test, is_kicked(waiters, &waiter));
	regalloc_waiter_leave(waiters, &waiter);
}

static struct kunit_case budget_cases[] = {
	KUNIT_CASE(up_to_the_limit),
	KUNIT_CASE(a_limit_of_its_own),
	KUNIT_CASE(what_is_reserved_is_kept),
	KUNIT_CASE(excess_after_it_was_lowered),
	KUNIT_CASE(more_room_is_told_to_who_waits),
	KUNIT_CASE(never_above_by_many),
	{}
};

static struct kunit_suite budget_suite = {
	.name = "regalloc_budget",
	.init = accounts_init,
	.exit = accounts_exit,
	.test_cases = budget_cases,
};

kunit_test_suite(budget_suite);
