// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sizes.h>

#include "../pressure.c"
#include "domain_env.h"

/* A client that holds so much, without any memory. */
static void hold(struct kunit *test, struct regalloc_client *client, u64 bytes)
{
	KUNIT_ASSERT_EQ(test, 0,
			regalloc_account_try_charge(client->owner.account,
						    bytes));
}

static void let_go(struct regalloc_client *client, u64 bytes)
{
	regalloc_account_uncharge(client->owner.account, bytes);
}

static u64 events(const struct regalloc_client *client)
{
	return atomic64_read(&client->owner.account->own.pressure_events);
}

static u64 wanted(const struct regalloc_client *client)
{
	return atomic64_read(&client->wanted);
}

static void all_but_one_are_asked(struct kunit *test)
{
	struct domain_env *e = test->priv;

	hold(test, e->a, REGION);
	hold(test, e->b, REGION);
	regalloc_pressure_raise(&e->domain, e->a, 100);
	KUNIT_EXPECT_EQ(test, 0, wanted(e->a));
	KUNIT_EXPECT_EQ(test, 100, wanted(e->b));
	/* What that one has been asked for is on its way. */
	regalloc_pressure_raise(&e->domain, NULL, 100);
	KUNIT_EXPECT_EQ(test, 0, wanted(e->a));
	regalloc_pressure_raise(&e->domain, NULL, 110);
	KUNIT_EXPECT_EQ(test, 10, wanted(e->a));
	KUNIT_EXPECT_EQ(test, 100, wanted(e->b));
	let_go(e->a, REGION);
	let_go(e->b, REGION);
}

/* As if it had been asked so long ago. */
static void end_round(struct regalloc_client *client)
{
	client->owner.account->asked_at = jiffies - round_length();
}

/* By what they hold above their reserve, and together what is missing. */
static void divided_in_proportion(struct kunit *test)
{
	struct domain_env *e = test->priv;

	regalloc_budget_set(&e->domain.budget, 6 * REGION);
	KUNIT_EXPECT_EQ(test, 0,
			regalloc_account_set_limits(e->b->owner.account, REGION,
						    U64_MAX));
	hold(test, e->a, REGION);
	hold(test, e->b, 4 * REGION);
	regalloc_pressure_raise(&e->domain, NULL, 2 * REGION);
	KUNIT_EXPECT_EQ(test, REGION / 2, wanted(e->a));
	KUNIT_EXPECT_EQ(test, 3 * REGION / 2, wanted(e->b));
	/* A part has been given, and the rest is not. */
	let_go(e->b, REGION);
	end_round(e->a);
	end_round(e->b);
	regalloc_pressure_read(e->a);
	regalloc_pressure_read(e->b);
	regalloc_pressure_raise(&e->domain, NULL, REGION);
	KUNIT_EXPECT_EQ(test, round_up(REGION / 3, PAGE_SIZE), wanted(e->a));
	KUNIT_EXPECT_EQ(test, REGION, wanted(e->a) + wanted(e->b));
	let_go(e->a, REGION);
	let_go(e->b, 3 * REGION);
}

static void small_needs_go_to_one_in_turn(struct kunit *test)
{
	struct domain_env *e = test->priv;

	hold(test, e->a, REGION);
	hold(test, e->b, REGION);
	regalloc_pressure_raise(&e->domain, NULL, SZ_64K);
	KUNIT_EXPECT_EQ(test, SZ_64K, wanted(e->a));
	KUNIT_EXPECT_EQ(test, 0, wanted(e->b));
	/* It gives, which is uncharged and so no longer on its way. */
	let_go(e->a, SZ_64K);
	regalloc_pressure_read(e->a);
	regalloc_pressure_raise(&e->domain, NULL, SZ_64K);
	KUNIT_EXPECT_EQ(test, 0, wanted(e->a));
	KUNIT_EXPECT_EQ(test, SZ_64K, wanted(e->b));
	/* It does not, and so the other one is asked in the next round. */
	regalloc_pressure_read(e->b);
	regalloc_pressure_raise(&e->domain, NULL, SZ_64K);
	KUNIT_EXPECT_EQ(test, 0, wanted(e->a));
	end_round(e->b);
	regalloc_pressure_raise(&e->domain, NULL, SZ_64K);
	KUNIT_EXPECT_EQ(test, SZ_64K, wanted(e->a));
	KUNIT_EXPECT_EQ(test, 0, wanted(e->b));
	let_go(e->a, REGION - SZ_64K);
	let_go(e->b, REGION);
}

static void only_for_what_is_above_its_reserve(struct kunit *test)
{
	struct domain_env *e = test->priv;

	KUNIT_EXPECT_EQ(test, 0,
			regalloc_account_set_limits(e->a->owner.account, REGION,
						    U64_MAX));
	hold(test, e->a, REGION);
	regalloc_pressure_raise(&e->domain, NULL, 2 * REGION);
	KUNIT_EXPECT_EQ(test, 0, wanted(e->a));
	KUNIT_EXPECT_EQ(test, 0, wanted(e->b));
	KUNIT_EXPECT_EQ(test, 0, events(e->a));
	hold(test, e->a, 100);
	regalloc_pressure_raise(&e->domain, NULL, 2 * REGION);
	KUNIT_EXPECT_EQ(test, 100, wanted(e->a));
	/* It has released meanwhile. */
	let_go(e->a, 60);
	KUNIT_EXPECT_EQ(test, 40, regalloc_pressure_read(e->a));
	let_go(e->a, REGION + 40);
}

static void told_once_until_it_looks(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_control *control = e->a->owner.control;

	hold(test, e->a, REGION);
	regalloc_pressure_raise(&e->domain, NULL, 10);
	regalloc_pressure_raise(&e->domain, NULL, 30);
	regalloc_pressure_raise(&e->domain, NULL, 20);
	KUNIT_EXPECT_EQ(test, 1, events(e->a));
	KUNIT_EXPECT_EQ(test, 1, control->pressure);
	KUNIT_EXPECT_EQ(test, 30, regalloc_pressure_read(e->a));
	KUNIT_EXPECT_EQ(test, 0, regalloc_pressure_read(e->a));
	end_round(e->a);
	regalloc_pressure_raise(&e->domain, NULL, 5);
	KUNIT_EXPECT_EQ(test, 2, events(e->a));
	KUNIT_EXPECT_EQ(test, 2, control->pressure);
	KUNIT_EXPECT_EQ(test, 2, atomic64_read(&e->domain.budget.total.pressure_events));
	let_go(e->a, REGION);
}

static int count_wake_up(struct wait_queue_entry *entry, unsigned int mode,
			 int flags, void *key)
{
	unsigned int *count = entry->private;

	*count += key_to_poll(key) == EPOLLPRI;
	return 0;
}

static void poll_tells(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);
	unsigned int woken = 0;
	struct wait_queue_entry entry = {
		.func = count_wake_up,
		.private = &woken,
	};

	KUNIT_ASSERT_NOT_NULL(test, file);
	file->private_data = e->a;
	hold(test, e->a, REGION);
	add_wait_queue(&e->a->asked, &entry);
	KUNIT_EXPECT_EQ(test, 0, (__force int)regalloc_pressure_poll(file, NULL));
	regalloc_pressure_raise(&e->domain, NULL, 1);
	regalloc_pressure_raise(&e->domain, NULL, 2);
	KUNIT_EXPECT_EQ(test, 1, woken);
	KUNIT_EXPECT_EQ(test, (__force int)EPOLLPRI,
			(__force int)regalloc_pressure_poll(file, NULL));
	regalloc_pressure_read(e->a);
	KUNIT_EXPECT_EQ(test, 0, (__force int)regalloc_pressure_poll(file, NULL));
	remove_wait_queue(&e->a->asked, &entry);
	let_go(e->a, REGION);
}

static struct kunit_case pressure_cases[] = {
	KUNIT_CASE(all_but_one_are_asked),
	KUNIT_CASE(divided_in_proportion),
	KUNIT_CASE(small_needs_go_to_one_in_turn),
	KUNIT_CASE(only_for_what_is_above_its_reserve),
	KUNIT_CASE(told_once_until_it_looks),
	KUNIT_CASE(poll_tells),
	{}
};

static struct kunit_suite pressure_suite = {
	.name = "regalloc_pressure",
	.init = domain_env_init,
	.exit = domain_env_exit,
	.test_cases = pressure_cases,
};

kunit_test_suite(pressure_suite);
