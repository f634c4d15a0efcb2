// SPDX-License-Identifier: GPL-2.0-only
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
	regalloc_pressure_raise(&e->domain, NULL, 10);
	KUNIT_EXPECT_EQ(test, 10, wanted(e->a));
	KUNIT_EXPECT_EQ(test, 100, wanted(e->b));
	let_go(e->a, REGION);
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
