// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "../alloc.c"
#include "domain_env.h"
#include "space_page.h"

static struct regalloc_kept_places kept;

static int alloc_some(struct regalloc_client *client, unsigned int class,
		      unsigned int count, u64 *handles, u32 timeout_ms)
{
	const struct regalloc_request req = {
		.client = client,
		.class = class,
		.count = count,
		.handles = handles,
		.end = timeout_ms ? ktime_add_ms(ktime_get(), timeout_ms) : 0,
	};

	return regalloc_alloc(&req);
}

static u64 failures(const struct regalloc_client *client)
{
	return atomic64_read(&client->owner.account->own.alloc_failures);
}

static u64 wanted(const struct regalloc_client *client)
{
	return atomic64_read(&client->wanted);
}

static void an_open_slice_first(struct kunit *test)
{
	struct domain_env *e = test->priv;
	u64 *h = e->handles;

	KUNIT_EXPECT_EQ(test, 1, alloc_some(e->a, OF_256K, 1, h, 0));
	KUNIT_EXPECT_EQ(test, SLICES - 1,
			alloc_some(e->a, OF_256K, SLICES - 1, h + 1, 0));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->a));
	KUNIT_EXPECT_EQ(test, 1, alloc_some(e->a, OF_256K, 1, h + SLICES, 0));
	KUNIT_EXPECT_EQ(test, 2, domain_env_regions(e->a));
}

static void a_new_region_before_any_spare(struct kunit *test)
{
	struct domain_env *e = test->priv;

	domain_env_open_spare(test, e->a, OF_64K);
	KUNIT_EXPECT_EQ(test, 1, alloc_some(e->a, OF_256K, 1, e->handles, 0));
	KUNIT_EXPECT_EQ(test, 2, domain_env_regions(e->a));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&e->domain.budget.total.closed));
}

static void an_own_spare_before_that_of_another(struct kunit *test)
{
	struct domain_env *e = test->priv;

	domain_env_open_spare(test, e->b, OF_64K);
	domain_env_open_spare(test, e->a, OF_64K);
	KUNIT_EXPECT_EQ(test, SLICES,
			alloc_some(e->a, OF_256K, SLICES, e->handles, 0));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->a));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->b));
	KUNIT_EXPECT_EQ(test, 1, alloc_some(e->a, OF_128K, 1, e->handles, 0));
	KUNIT_EXPECT_EQ(test, 2, domain_env_regions(e->a));
	KUNIT_EXPECT_EQ(test, 0, domain_env_regions(e->b));
	KUNIT_EXPECT_EQ(test, 0, failures(e->a));
}

static void then_others_are_asked(struct kunit *test)
{
	struct domain_env *e = test->priv;

	domain_env_open_full(test, e->a, OF_64K, e->handles);
	domain_env_open_full(test, e->b, OF_64K, e->handles);
	KUNIT_EXPECT_EQ(test, -ENOMEM, alloc_some(e->a, OF_256K, 1, e->handles, 0));
	KUNIT_EXPECT_EQ(test, 1, failures(e->a));
	KUNIT_EXPECT_EQ(test, SZ_256K, wanted(e->b));
	KUNIT_EXPECT_EQ(test, 0, wanted(e->a));
}

static void as_many_as_there_are(struct kunit *test)
{
	struct domain_env *e = test->priv;

	KUNIT_EXPECT_EQ(test, 2 * SLICES,
			alloc_some(e->a, OF_256K, 3 * SLICES, e->handles, 0));
	KUNIT_EXPECT_EQ(test, 0, failures(e->a));
	/* The number of bytes that would be enough is asked for. */
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			alloc_some(e->b, OF_256K, SLICES + 1, e->handles, 0));
	KUNIT_EXPECT_EQ(test, REGION + SZ_256K, wanted(e->a));
}

static void at_its_limit_only_its_own(struct kunit *test)
{
	struct domain_env *e = test->priv;

	KUNIT_EXPECT_EQ(test, 0,
			regalloc_account_set_limits(e->a->owner.account, 0,
						    REGION));
	domain_env_open_spare(test, e->b, OF_64K);
	domain_env_open_spare(test, e->a, OF_64K);
	KUNIT_EXPECT_EQ(test, SLICES,
			alloc_some(e->a, OF_256K, SLICES, e->handles, 0));
	KUNIT_EXPECT_EQ(test, -ENOMEM, alloc_some(e->a, OF_64K, 1, e->handles, 0));
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->b));
	KUNIT_EXPECT_EQ(test, 0, wanted(e->b));
}

static void waits_in_vain(struct kunit *test)
{
	struct domain_env *e = test->priv;
	ktime_t end;

	domain_env_open_full(test, e->b, OF_64K, e->handles);
	domain_env_open_full(test, e->b, OF_128K, e->handles);
	end = ktime_add_ms(ktime_get(), 50);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			alloc_some(e->a, OF_256K, 1, e->handles, 50));
	KUNIT_EXPECT_LE(test, end, ktime_get());
	KUNIT_EXPECT_EQ(test, 1, failures(e->a));
	KUNIT_EXPECT_EQ(test, SZ_256K, wanted(e->b));
	/* And leaves nothing behind. */
	KUNIT_EXPECT_EQ(test, 0, e->a->nr_waiting);
	KUNIT_EXPECT_FALSE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_WAIT));
	KUNIT_EXPECT_FALSE(test, e->domain.closing);
	KUNIT_EXPECT_EQ(test, 0,
			regalloc_waiters_wanted(&e->domain.budget.waiters));
	KUNIT_EXPECT_TRUE(test, list_empty(&e->domain.budget.waiters.queue));
}

/**
 * struct later - a release while somebody waits
 * @work: that does it
 * @client: whose slice it is
 * @handle: of the slice
 * @err: what came of it
 */
struct later {
	struct delayed_work work;
	struct regalloc_client *client;
	u64 handle;
	int err;
};

static void release_fn(struct work_struct *work)
{
	struct later *later = container_of(to_delayed_work(work), struct later,
					   work);

	later->err = regalloc_client_give(later->client, later->handle);
}

/* Of one slice, which a sweep finds. */
static void waits_for_room(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct later *later = kunit_kzalloc(test, sizeof(*later), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, later);
	domain_env_open_full(test, e->b, OF_64K, e->handles);
	domain_env_open_full(test, e->b, OF_256K, &later->handle);
	later->client = e->b;
	INIT_DELAYED_WORK(&later->work, release_fn);
	schedule_delayed_work(&later->work, msecs_to_jiffies(50));
	KUNIT_EXPECT_EQ(test, 1, alloc_some(e->a, OF_256K, 1, e->handles,
					    60000));
	flush_delayed_work(&later->work);
	KUNIT_EXPECT_EQ(test, 0, later->err);
	KUNIT_EXPECT_EQ(test, SZ_256K,
			atomic64_read(&e->a->owner.account->own.charged));
	KUNIT_EXPECT_EQ(test, 0, failures(e->a));
	KUNIT_EXPECT_FALSE(test, e->domain.closing);
}

static void room_belongs_to_those_who_wait(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_waiters *waiters = &e->domain.budget.waiters;
	struct regalloc_wait_point point = {};
	struct regalloc_waiter waiter;
	u64 again;

	regalloc_waiter_join(waiters, &waiter, &point, &kept);
	regalloc_waiter_want(waiters, &waiter, 2 * REGION);
	KUNIT_EXPECT_EQ(test, -ENOMEM, alloc_some(e->a, OF_256K, 1, e->handles, 0));
	/* Except for what is reserved. */
	KUNIT_EXPECT_EQ(test, 0,
			regalloc_account_set_limits(e->a->owner.account, REGION,
						    U64_MAX));
	KUNIT_EXPECT_EQ(test, SLICES,
			alloc_some(e->a, OF_256K, SLICES, e->handles, 0));
	KUNIT_EXPECT_EQ(test, -ENOMEM, alloc_some(e->a, OF_64K, 1, &again, 0));
	/* As whatever class. */
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_give(e->a, e->handles[0]));
	KUNIT_EXPECT_EQ(test, 1, alloc_some(e->a, OF_64K, 1, &again, 0));
	KUNIT_EXPECT_GE(test, REGION,
			atomic64_read(&e->a->owner.account->own.charged));
	regalloc_waiter_leave(waiters, &waiter);
	KUNIT_EXPECT_EQ(test, 1, alloc_some(e->a, OF_256K, 1, e->handles, 0));
}

/* A claim is as large as the demand: what is beyond it is for all. */
static void room_beyond_the_claims(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_waiters *waiters = &e->domain.budget.waiters;
	struct regalloc_wait_point point = {};
	struct regalloc_waiter waiter;
	unsigned int got = 0;
	u64 handle;

	domain_env_open_full(test, e->b, OF_64K, e->handles);
	regalloc_waiter_join(waiters, &waiter, &point, &kept);
	regalloc_waiter_want(waiters, &waiter, SZ_256K);
	while (alloc_some(e->a, OF_256K, 1, &handle, 0) == 1)
		got++;
	KUNIT_EXPECT_EQ(test, SLICES - 1, got);
	KUNIT_EXPECT_EQ(test, 2 * REGION - SZ_256K,
			atomic64_read(&e->domain.budget.total.charged));
	regalloc_waiter_leave(waiters, &waiter);
	KUNIT_EXPECT_EQ(test, 1, alloc_some(e->a, OF_256K, 1, &handle, 0));
}

/* Close a spare of which somebody references two pages. */
static void close_pinned(struct kunit *test, struct regalloc_client *client,
			 unsigned int class, struct page **pages)
{
	u64 at = regalloc_pool_offset(&client->pools[class], 0), freed = 0;

	domain_env_open_spare(test, client, class);
	pages[0] = space_get_page(client->owner.space, at);
	pages[1] = space_get_page(client->owner.space, at + REGION / 2);
	KUNIT_EXPECT_EQ(test, 1, regalloc_client_close_spares(client, 1, &freed));
}

/* What is reserved is there at once, also if it is pinned no more just now. */
static void reserve_comes_from_what_was_pinned(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_waiters *waiters = &e->domain.budget.waiters;
	struct regalloc_wait_point point = {};
	struct regalloc_waiter waiter;
	struct page *pages[4];
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0,
			regalloc_account_set_limits(e->a->owner.account, REGION,
						    U64_MAX));
	close_pinned(test, e->a, OF_256K, pages);
	close_pinned(test, e->a, OF_64K, pages + 2);
	regalloc_waiter_join(waiters, &waiter, &point, &kept);
	regalloc_waiter_want(waiters, &waiter, REGION);
	KUNIT_EXPECT_EQ(test, -ENOMEM, alloc_some(e->a, OF_256K, 1, e->handles, 0));
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		put_page(pages[i]);
	KUNIT_EXPECT_EQ(test, 1, alloc_some(e->a, OF_256K, 1, e->handles, 0));
	regalloc_waiter_leave(waiters, &waiter);
}

/**
 * struct slow - somebody who has the turn and does nothing with it
 * @work: that takes it, and then releases
 * @waiters: where he waits
 * @waiter: himself
 * @point: what for
 * @client: whose slice is released
 * @handle: of the slice
 */
struct slow {
	struct delayed_work work;
	struct regalloc_waiters *waiters;
	struct regalloc_waiter waiter;
	struct regalloc_wait_point point;
	struct regalloc_client *client;
	u64 handle;
};

static void slow_fn(struct work_struct *work)
{
	struct slow *slow = container_of(to_delayed_work(work), struct slow,
					 work);
	unsigned int i;

	regalloc_waiter_join(slow->waiters, &slow->waiter, &slow->point, &kept);
	for (i = 0; i < 2000 && !READ_ONCE(slow->waiter.turn); i++)
		usleep_range(1000, 2000);
	regalloc_client_give(slow->client, slow->handle);
}

/* Who has tried in vain takes what has become free since, if only at the end. */
static void one_look_when_the_time_is_up(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct slow *slow = kunit_kzalloc(test, sizeof(*slow), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, slow);
	domain_env_open(test, e->a, OF_256K, SLICES, e->handles);
	domain_env_open_full(test, e->b, OF_64K, e->handles + SLICES);
	slow->waiters = &e->domain.budget.waiters;
	slow->client = e->a;
	slow->handle = e->handles[0];
	INIT_DELAYED_WORK(&slow->work, slow_fn);
	schedule_delayed_work(&slow->work, msecs_to_jiffies(50));
	KUNIT_EXPECT_EQ(test, 1, alloc_some(e->a, OF_256K, 1, e->handles, 3000));
	flush_delayed_work(&slow->work);
	regalloc_waiter_leave(slow->waiters, &slow->waiter);
}

/* However often something becomes free, and whoever came first. */
static void who_is_at_his_limit_is_in_nobodys_way(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_waiters *waiters = &e->domain.budget.waiters;
	const struct regalloc_request at_limit = {
		.client = e->a, .class = OF_64K, .count = 1,
		.handles = e->handles,
	};
	const struct regalloc_request req = {
		.client = e->b, .class = OF_64K, .count = 1,
		.handles = e->handles,
	};
	struct regalloc_waiter first, second;

	KUNIT_EXPECT_EQ(test, 0,
			regalloc_account_set_limits(e->a->owner.account, 0,
						    REGION));
	domain_env_open_full(test, e->a, OF_256K, e->handles);
	regalloc_waiter_join(waiters, &first, &req_pool(&at_limit)->wait, &kept);
	regalloc_waiter_join(waiters, &second, &req_pool(&req)->wait, &kept);
	KUNIT_EXPECT_EQ(test, -ENOSPC, take_turn(&at_limit, &first));
	KUNIT_ASSERT_TRUE(test, second.turn);
	regalloc_waiters_kick(waiters);
	KUNIT_EXPECT_EQ(test, 1, take_turn(&req, &second));
	regalloc_waiter_leave(waiters, &first);
	regalloc_waiter_leave(waiters, &second);
}

static struct kunit_case alloc_cases[] = {
	KUNIT_CASE(an_open_slice_first),
	KUNIT_CASE(a_new_region_before_any_spare),
	KUNIT_CASE(an_own_spare_before_that_of_another),
	KUNIT_CASE(then_others_are_asked),
	KUNIT_CASE(as_many_as_there_are),
	KUNIT_CASE(at_its_limit_only_its_own),
	KUNIT_CASE(waits_in_vain),
	KUNIT_CASE(waits_for_room),
	KUNIT_CASE(room_belongs_to_those_who_wait),
	KUNIT_CASE(room_beyond_the_claims),
	KUNIT_CASE(reserve_comes_from_what_was_pinned),
	KUNIT_CASE(one_look_when_the_time_is_up),
	KUNIT_CASE(who_is_at_his_limit_is_in_nobodys_way),
	{}
};

static struct kunit_suite alloc_suite = {
	.name = "regalloc_alloc",
	.init = domain_env_init,
	.exit = domain_env_exit,
	.test_cases = alloc_cases,
};

kunit_test_suite(alloc_suite);
