// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include "../reclaim.c"
#include "../decay.c"
#include "domain_env.h"
#include "space_page.h"

static struct regalloc_kept_places kept;

static u64 wanted(const struct regalloc_client *client)
{
	return atomic64_read(&client->wanted);
}

static bool decay_pending(struct domain_env *e)
{
	return delayed_work_pending(&e->domain.decay);
}

/* What happens by itself has happened by then. */
static bool comes_down_to(const struct regalloc_client *client, u64 regions)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		if (domain_env_regions(client) == regions)
			return true;
		msleep(20);
	}
	return false;
}

/* What to add to a handle for one so many slices of 256 KiB further. */
static u64 slices_on(unsigned int nr)
{
	return REGALLOC_HANDLE((u64)nr * SZ_256K, 0);
}

static void own_spares_and_then_idle(struct kunit *test)
{
	struct domain_env *e = test->priv;

	domain_env_open_full(test, e->a, OF_256K, e->handles);
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_own(e->a, REGION));
	domain_env_open_spare(test, e->a, OF_64K);
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_own(e->b, REGION));
	KUNIT_EXPECT_EQ(test, REGION, regalloc_reclaim_own(e->a, 1));
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_own(e->a, REGION));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->a));
	/* What is idle goes by the slice, and no more than is needed. */
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_give(e->a, e->handles[0]));
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_give(e->a, *e->handles +
						      slices_on(3)));
	KUNIT_EXPECT_EQ(test, SZ_256K, regalloc_reclaim_own(e->a, 4096));
	KUNIT_EXPECT_EQ(test, SZ_256K, regalloc_reclaim_own(e->a, REGION));
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_own(e->a, REGION));
	KUNIT_EXPECT_EQ(test, REGION - 2 * SZ_256K,
			atomic64_read(&e->domain.budget.total.charged));
}

static void others_in_turn(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_client *c = regalloc_client_create(&e->domain);

	KUNIT_ASSERT_FALSE(test, IS_ERR(c));
	regalloc_budget_set(&e->domain.budget, 5 * REGION);
	domain_env_open_spare(test, e->a, OF_256K);
	domain_env_open_spare(test, e->b, OF_64K);
	domain_env_open_spare(test, e->b, OF_256K);
	domain_env_open_spare(test, c, OF_64K);
	domain_env_open_spare(test, c, OF_256K);
	KUNIT_EXPECT_EQ(test, REGION, regalloc_reclaim_others(e->a, 1));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->b));
	KUNIT_EXPECT_EQ(test, REGION, regalloc_reclaim_others(e->a, 1));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(c));
	KUNIT_EXPECT_EQ(test, REGION, regalloc_reclaim_others(e->a, 1));
	KUNIT_EXPECT_EQ(test, 0, domain_env_regions(e->b));
	/* What it has by right is no room for others. */
	KUNIT_EXPECT_EQ(test, 0, regalloc_account_set_limits(c->owner.account,
							     REGION, U64_MAX));
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_others(e->a, 1));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(c));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->a));
}

/* A spare of one before idle memory of another. */
static void spares_of_all_before_idle_memory(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_client *c = regalloc_client_create(&e->domain);

	KUNIT_ASSERT_FALSE(test, IS_ERR(c));
	domain_env_open_full(test, e->b, OF_256K, e->handles);
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_give(e->b, e->handles[0]));
	domain_env_open_spare(test, c, OF_64K);
	KUNIT_EXPECT_EQ(test, REGION, regalloc_reclaim_others(e->a, 1));
	KUNIT_EXPECT_EQ(test, 0, domain_env_regions(c));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->b));
	KUNIT_EXPECT_EQ(test, SZ_256K, regalloc_reclaim_others(e->a, REGION));
}

struct search {
	struct work_struct work;
	struct regalloc_client *client;
	u64 found;
};

static void search_others(struct work_struct *work)
{
	struct search *s = container_of(work, struct search, work);

	s->found = regalloc_reclaim_others(s->client, 1);
}

/* All misc devices are opened under one lock: ours must not keep it for long. */
static void nobody_opening_waits(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct search s = { .client = e->a };
	struct page *page;

	domain_env_open_spare(test, e->b, OF_64K);
	/* Here is a fault that takes its time. */
	page = space_lock_page(e->b->owner.space,
			       regalloc_pool_offset(&e->b->pools[OF_64K], 0));
	KUNIT_ASSERT_NOT_NULL(test, page);
	INIT_WORK_ONSTACK(&s.work, search_others);
	schedule_work(&s.work);
	KUNIT_EXPECT_TRUE(test, page_is_waited_for(page));
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&e->domain.lock));
	put_page(page);
	unlock_page(page);
	flush_work(&s.work);
	destroy_work_on_stack(&s.work);
	KUNIT_EXPECT_EQ(test, REGION, s.found);
}

static void trim_takes_all(struct kunit *test)
{
	struct domain_env *e = test->priv;

	domain_env_open_spare(test, e->a, OF_64K);
	domain_env_open_spare(test, e->a, OF_256K);
	KUNIT_EXPECT_EQ(test, 2, regalloc_reclaim_trim(e->a));
	KUNIT_EXPECT_EQ(test, 0, domain_env_regions(e->a));
}

/* Its threads: others have no use for a slice of it. */
static void tells_those_of_the_client(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_waiters *waiters = &e->domain.budget.waiters;
	struct regalloc_wait_point point = {};
	struct regalloc_waiter waiter;

	regalloc_client_begin_wait(e->a);
	regalloc_waiter_join(waiters, &waiter, &point, &kept);
	regalloc_waiter_pass(waiters, &waiter);
	regalloc_reclaim_trim(e->b);
	regalloc_reclaim_arm(e->b);
	KUNIT_EXPECT_FALSE(test, waiter.turn);
	regalloc_reclaim_arm(e->a);
	KUNIT_EXPECT_TRUE(test, waiter.turn);
	/* A release without us may have brought the client here. */
	regalloc_waiter_pass(waiters, &waiter);
	regalloc_reclaim_trim(e->a);
	KUNIT_EXPECT_TRUE(test, waiter.turn);
	/* One that was killed may have left a spare. */
	regalloc_waiter_pass(waiters, &waiter);
	regalloc_reclaim_flush(e->b);
	KUNIT_EXPECT_TRUE(test, waiter.turn);
	regalloc_waiter_leave(waiters, &waiter);
	regalloc_client_end_wait(e->a);
}

static void decay_waits_and_closes(struct kunit *test)
{
	struct domain_env *e = test->priv;

	domain_env_open_full(test, e->a, OF_64K, e->handles);
	domain_env_open_spare(test, e->a, OF_256K);
	KUNIT_EXPECT_FALSE(test, decay_pending(e));
	regalloc_reclaim_arm(e->a);
	KUNIT_EXPECT_TRUE(test, decay_pending(e));
	/* Before its time it closes nothing, and comes again. */
	mod_delayed_work(regalloc_wq, &e->domain.decay, 0);
	flush_delayed_work(&e->domain.decay);
	KUNIT_EXPECT_EQ(test, 2, domain_env_regions(e->a));
	KUNIT_EXPECT_TRUE(test, decay_pending(e));
	regalloc_reclaim_set_decay(&e->domain, 30);
	KUNIT_EXPECT_TRUE(test, comes_down_to(e->a, 1));
	/* And not again if there is nothing left to do. */
	flush_delayed_work(&e->domain.decay);
	KUNIT_EXPECT_FALSE(test, decay_pending(e));
}

static void armed_once_by_a_release(struct kunit *test)
{
	struct domain_env *e = test->priv;

	domain_env_open_spare(test, e->a, OF_256K);
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_arm_client(e->a));
	KUNIT_EXPECT_FALSE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_ARM));
	KUNIT_EXPECT_TRUE(test, domain_env_attends(e->b, REGALLOC_ATTENTION_ARM));
	KUNIT_EXPECT_TRUE(test, decay_pending(e));
	mod_delayed_work(regalloc_wq, &e->domain.decay, 0);
	flush_delayed_work(&e->domain.decay);
	KUNIT_EXPECT_TRUE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_ARM));
}

/* Who has read it before it was changed does not put off the next look. */
static void changed_while_armed(struct kunit *test)
{
	struct domain_env *e = test->priv;

	queue_decay(&e->domain, 10 * ENV_DECAY_MS);
	flush_work(&e->domain.decay.work);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&e->domain.decay));
}

static void without_decay_at_once(struct kunit *test)
{
	struct domain_env *e = test->priv;

	domain_env_open_spare(test, e->a, OF_256K);
	domain_env_open(test, e->b, OF_256K, 2, e->handles);
	regalloc_reclaim_set_decay(&e->domain, 0);
	KUNIT_EXPECT_TRUE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_CLOSE));
	KUNIT_EXPECT_TRUE(test, domain_env_attends(e->b, REGALLOC_ATTENTION_CLOSE));
	KUNIT_EXPECT_TRUE(test, comes_down_to(e->a, 0));
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_give(e->b, e->handles[0]));
	KUNIT_EXPECT_EQ(test, 1, e->b->pools[OF_256K].nr);
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_give(e->b, e->handles[1]));
	KUNIT_EXPECT_EQ(test, 0, domain_env_regions(e->b));
	/* What the client says leads to a look. */
	domain_env_open(test, e->a, OF_256K, 1, e->handles);
	KUNIT_ASSERT_EQ(test, 0, domain_env_release_and_die(e->a, e->handles[0]));
	regalloc_client_forget_hints(e->a);
	KUNIT_EXPECT_EQ(test, 1, regalloc_reclaim_arm_client(e->a));
	flush_delayed_work(&e->domain.decay);
	KUNIT_EXPECT_FALSE(test, decay_pending(e));
	regalloc_reclaim_set_decay(&e->domain, ENV_DECAY_MS);
	KUNIT_EXPECT_FALSE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_CLOSE));
}

static void closing_while_room_is_wanted(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_waiters *waiters = &e->domain.budget.waiters;
	struct regalloc_wait_point point = {};
	struct regalloc_waiter waiter;

	regalloc_waiter_join(waiters, &waiter, &point, &kept);
	regalloc_reclaim_update_closing(&e->domain);
	KUNIT_EXPECT_FALSE(test, e->domain.closing);
	regalloc_waiter_want(waiters, &waiter, REGION);
	regalloc_reclaim_update_closing(&e->domain);
	KUNIT_EXPECT_TRUE(test, e->domain.closing);
	KUNIT_EXPECT_TRUE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_CLOSE));
	regalloc_waiter_leave(waiters, &waiter);
	regalloc_reclaim_update_closing(&e->domain);
	KUNIT_EXPECT_FALSE(test, e->domain.closing);
	KUNIT_EXPECT_FALSE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_CLOSE));
}

/* Somebody has been killed between a release and its hint. */
static void flush_looks_everywhere(struct kunit *test)
{
	struct domain_env *e = test->priv;

	domain_env_open_full(test, e->a, OF_256K, e->handles);
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_trim(e->a));
	KUNIT_ASSERT_EQ(test, 0, domain_env_release_and_die(e->a, e->handles[0]));
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_trim(e->a));
	regalloc_reclaim_flush(e->a);
	KUNIT_EXPECT_TRUE(test, decay_pending(e));
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_trim(e->a));
	KUNIT_EXPECT_EQ(test, REGION - SZ_256K,
			atomic64_read(&e->domain.budget.total.charged));
}

static void fits_a_lower_budget(struct kunit *test)
{
	struct domain_env *e = test->priv;

	domain_env_open_full(test, e->a, OF_256K, e->handles);
	domain_env_open_spare(test, e->b, OF_256K);
	/* Spares are enough: nobody is asked. */
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_set_budget(&e->domain, REGION));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->a));
	KUNIT_EXPECT_EQ(test, 0, domain_env_regions(e->b));
	KUNIT_EXPECT_EQ(test, 0, wanted(e->a));
	/* They are not. */
	KUNIT_EXPECT_EQ(test, 0, regalloc_reclaim_set_budget(&e->domain, 100));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->a));
	KUNIT_EXPECT_EQ(test, REGION - 100, wanted(e->a));
}

static void fits_a_new_reserve(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_account *account = e->a->owner.account;

	domain_env_open_spare(test, e->a, OF_256K);
	domain_env_open_full(test, e->b, OF_256K, e->handles);
	KUNIT_EXPECT_EQ(test, 0, regalloc_account_set_limits(account, 2 * REGION,
							     U64_MAX));
	/* Who has got it is left alone. */
	regalloc_reclaim_fit(&e->domain, e->a);
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->a));
	KUNIT_EXPECT_EQ(test, 0, wanted(e->a));
	KUNIT_EXPECT_EQ(test, REGION, wanted(e->b));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			regalloc_reclaim_set_budget(&e->domain, REGION));
	KUNIT_EXPECT_EQ(test, 2 * REGION,
			atomic64_read(&e->domain.budget.limit));
}

static void fits_a_lower_limit(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_account *account = e->a->owner.account;

	domain_env_open_spare(test, e->a, OF_256K);
	domain_env_open_spare(test, e->a, OF_64K);
	regalloc_reclaim_fit_client(e->a);
	KUNIT_EXPECT_EQ(test, 2, domain_env_regions(e->a));
	KUNIT_EXPECT_EQ(test, 0, regalloc_account_set_limits(account, 0, REGION));
	regalloc_reclaim_fit_client(e->a);
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->a));
}

static struct kunit_case reclaim_cases[] = {
	KUNIT_CASE(own_spares_and_then_idle),
	KUNIT_CASE(others_in_turn),
	KUNIT_CASE(spares_of_all_before_idle_memory),
	KUNIT_CASE(nobody_opening_waits),
	KUNIT_CASE(trim_takes_all),
	KUNIT_CASE(tells_those_of_the_client),
	KUNIT_CASE(decay_waits_and_closes),
	KUNIT_CASE(armed_once_by_a_release),
	KUNIT_CASE(changed_while_armed),
	KUNIT_CASE(without_decay_at_once),
	KUNIT_CASE(closing_while_room_is_wanted),
	KUNIT_CASE(flush_looks_everywhere),
	KUNIT_CASE(fits_a_lower_budget),
	KUNIT_CASE(fits_a_new_reserve),
	KUNIT_CASE(fits_a_lower_limit),
	{}
};

static struct kunit_suite reclaim_suite = {
	.name = "regalloc_reclaim",
	.init = domain_env_init,
	.exit = domain_env_exit,
	.test_cases = reclaim_cases,
};

kunit_test_suite(reclaim_suite);
