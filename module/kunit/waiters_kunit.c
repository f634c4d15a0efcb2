// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#include "../waiters.c"

static struct regalloc_kept_places kept;

/* Three who want different things, in the order of their letters. */
struct line {
	struct regalloc_waiters waiters;
	struct regalloc_wait_point point[3];
	struct regalloc_waiter a, b, c;
	struct delayed_work rescue;
};

static int line_init(struct kunit *test)
{
	struct line *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	regalloc_waiters_init(&l->waiters);
	test->priv = l;
	return 0;
}

static void join_all(struct line *l)
{
	regalloc_waiter_join(&l->waiters, &l->a, &l->point[0], &kept);
	regalloc_waiter_join(&l->waiters, &l->b, &l->point[1], &kept);
	regalloc_waiter_join(&l->waiters, &l->c, &l->point[2], &kept);
}

/* Everybody tries in vain, as often as it takes until nobody has the turn. */
static void settle(struct line *l)
{
	struct regalloc_waiter *waiter;
	bool any;

	do {
		any = false;
		list_for_each_entry(waiter, &l->waiters.queue, node) {
			if (!waiter->turn)
				continue;
			any = true;
			regalloc_waiter_pass(&l->waiters, waiter);
			break;
		}
	} while (any);
}

static void first_come_first_served(struct kunit *test)
{
	struct line *l = test->priv;

	join_all(l);
	KUNIT_EXPECT_TRUE(test, l->a.turn);
	settle(l);
	KUNIT_EXPECT_FALSE(test, l->waiters.passing);

	regalloc_waiters_kick(&l->waiters);
	KUNIT_EXPECT_TRUE(test, l->a.turn);
	KUNIT_EXPECT_FALSE(test, l->b.turn);
	regalloc_waiter_pass(&l->waiters, &l->a);
	KUNIT_EXPECT_TRUE(test, l->b.turn);
	regalloc_waiter_leave(&l->waiters, &l->b);
	KUNIT_EXPECT_TRUE(test, l->c.turn);
	regalloc_waiter_leave(&l->waiters, &l->c);
	KUNIT_EXPECT_FALSE(test, l->a.turn);
	regalloc_waiter_leave(&l->waiters, &l->a);
	KUNIT_EXPECT_TRUE(test, list_empty(&l->waiters.queue));
}

static void who_wants_the_same_is_left_out(struct kunit *test)
{
	struct line *l = test->priv;

	regalloc_waiter_join(&l->waiters, &l->a, &l->point[0], &kept);
	regalloc_waiter_join(&l->waiters, &l->b, &l->point[0], &kept);
	settle(l);
	regalloc_waiters_kick(&l->waiters);
	regalloc_waiter_pass(&l->waiters, &l->a);
	KUNIT_EXPECT_FALSE(test, l->b.turn);
	KUNIT_EXPECT_FALSE(test, l->waiters.passing);
	/* And not if the first one got what he wanted. */
	regalloc_waiters_kick(&l->waiters);
	regalloc_waiter_leave(&l->waiters, &l->a);
	KUNIT_EXPECT_TRUE(test, l->b.turn);
	regalloc_waiter_leave(&l->waiters, &l->b);
}

static void a_kick_meanwhile_starts_again(struct kunit *test)
{
	struct line *l = test->priv;

	join_all(l);
	regalloc_waiter_want(&l->waiters, &l->a, 100);
	settle(l);
	regalloc_waiters_kick(&l->waiters);
	regalloc_waiter_pass(&l->waiters, &l->a);
	regalloc_waiters_kick(&l->waiters);
	KUNIT_EXPECT_EQ(test, 100, regalloc_waiters_claimed(&l->waiters, &l->b));
	regalloc_waiter_pass(&l->waiters, &l->b);
	KUNIT_EXPECT_TRUE(test, l->c.turn);
	KUNIT_EXPECT_EQ(test, 100, regalloc_waiters_claimed(&l->waiters, &l->c));
	regalloc_waiter_pass(&l->waiters, &l->c);
	KUNIT_EXPECT_TRUE(test, l->a.turn);
	KUNIT_EXPECT_EQ(test, 0, regalloc_waiters_claimed(&l->waiters, &l->a));
	regalloc_waiter_leave(&l->waiters, &l->c);
	regalloc_waiter_leave(&l->waiters, &l->b);
	regalloc_waiter_leave(&l->waiters, &l->a);
}

/* Kicks may come all the time: who waits for other things is in nobody's way. */
static void room_is_for_who_wants_it(struct kunit *test)
{
	struct line *l = test->priv;

	join_all(l);
	settle(l);
	regalloc_waiter_want(&l->waiters, &l->b, 100);
	regalloc_waiters_kick(&l->waiters);
	regalloc_waiter_pass(&l->waiters, &l->a);
	regalloc_waiters_kick(&l->waiters);
	KUNIT_EXPECT_EQ(test, 0, regalloc_waiters_claimed(&l->waiters, &l->b));
	regalloc_waiter_pass(&l->waiters, &l->b);
	KUNIT_EXPECT_EQ(test, 100, regalloc_waiters_claimed(&l->waiters, &l->c));
	regalloc_waiter_leave(&l->waiters, &l->b);
	regalloc_waiter_leave(&l->waiters, &l->c);
	regalloc_waiter_leave(&l->waiters, &l->a);
}

/* It gets no processor: the next kick gives the turn to those behind it. */
static void the_turn_is_a_lease(struct kunit *test)
{
	struct line *l = test->priv;

	join_all(l);
	regalloc_waiters_kick(&l->waiters);
	KUNIT_EXPECT_TRUE(test, l->a.turn);
	KUNIT_EXPECT_FALSE(test, l->b.turn);
	l->waiters.turn_at -= LEASE + 1;
	regalloc_waiters_kick(&l->waiters);
	KUNIT_EXPECT_TRUE(test, l->b.turn);
	KUNIT_EXPECT_FALSE(test, l->c.turn);
	/* The first one has its turn still, and is in nobody's way. */
	KUNIT_EXPECT_TRUE(test, l->a.turn);
	regalloc_waiter_pass(&l->waiters, &l->a);
	KUNIT_EXPECT_TRUE(test, l->b.turn);
	KUNIT_EXPECT_FALSE(test, l->c.turn);
	regalloc_waiter_pass(&l->waiters, &l->b);
	KUNIT_EXPECT_TRUE(test, l->c.turn);
	regalloc_waiter_leave(&l->waiters, &l->c);
	regalloc_waiter_leave(&l->waiters, &l->b);
	regalloc_waiter_leave(&l->waiters, &l->a);
	KUNIT_EXPECT_NULL(test, l->waiters.holder);
}

/* A task that a signal has interrupted comes back to its place, if it comes soon. */
static void a_place_is_kept(struct kunit *test)
{
	struct line *l = test->priv;

	join_all(l);
	settle(l);
	regalloc_waiter_keep_place(&l->waiters, &l->b, &kept);
	regalloc_waiter_leave(&l->waiters, &l->b);
	regalloc_waiter_join(&l->waiters, &l->b, &l->point[1], &kept);
	KUNIT_EXPECT_PTR_EQ(test, &l->b.node, l->a.node.next);
	KUNIT_EXPECT_PTR_EQ(test, &l->c.node, l->b.node.next);
	/* Once, and not for long. */
	regalloc_waiter_leave(&l->waiters, &l->b);
	regalloc_waiter_join(&l->waiters, &l->b, &l->point[1], &kept);
	KUNIT_EXPECT_PTR_EQ(test, &l->b.node, l->c.node.next);
	regalloc_waiter_keep_place(&l->waiters, &l->a, &kept);
	kept.of[(kept.next - 1) % REGALLOC_KEPT_PLACES].at -= KEPT + 1;
	regalloc_waiter_leave(&l->waiters, &l->a);
	regalloc_waiter_join(&l->waiters, &l->a, &l->point[0], &kept);
	KUNIT_EXPECT_PTR_EQ(test, &l->a.node, l->b.node.next);
	regalloc_waiter_leave(&l->waiters, &l->c);
	regalloc_waiter_leave(&l->waiters, &l->b);
	regalloc_waiter_leave(&l->waiters, &l->a);
}

static void wanted_is_a_sum(struct kunit *test)
{
	struct line *l = test->priv;

	join_all(l);
	regalloc_waiter_want(&l->waiters, &l->a, 100);
	regalloc_waiter_want(&l->waiters, &l->b, 20);
	regalloc_waiter_want(&l->waiters, &l->a, 300);
	KUNIT_EXPECT_EQ(test, 320, regalloc_waiters_wanted(&l->waiters));
	regalloc_waiter_leave(&l->waiters, &l->a);
	KUNIT_EXPECT_EQ(test, 20, regalloc_waiters_wanted(&l->waiters));
	regalloc_waiter_leave(&l->waiters, &l->b);
	regalloc_waiter_leave(&l->waiters, &l->c);
	KUNIT_EXPECT_EQ(test, 0, regalloc_waiters_wanted(&l->waiters));
}

/* Gives the turn to whoever sleeps too long. */
static void rescue_fn(struct work_struct *work)
{
	struct line *l = container_of(to_delayed_work(work), struct line, rescue);

	regalloc_waiter_pass(&l->waiters, &l->a);
}

static void sleep_ends(struct kunit *test)
{
	struct line *l = test->priv;
	ktime_t end;

	join_all(l);
	KUNIT_EXPECT_EQ(test, 0, regalloc_waiter_sleep(&l->a, KTIME_MAX));
	end = ktime_add_ms(ktime_get(), 2);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, regalloc_waiter_sleep(&l->b, end));
	KUNIT_EXPECT_LE(test, end, ktime_get());
	/* Who comes too late does not sleep at all. */
	INIT_DELAYED_WORK(&l->rescue, rescue_fn);
	schedule_delayed_work(&l->rescue, 5 * HZ);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, regalloc_waiter_sleep(&l->b, end));
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, regalloc_waiter_sleep(&l->b, 0));
	cancel_delayed_work_sync(&l->rescue);
	regalloc_waiter_leave(&l->waiters, &l->a);
	regalloc_waiter_leave(&l->waiters, &l->b);
	regalloc_waiter_leave(&l->waiters, &l->c);
}

static struct kunit_case waiters_cases[] = {
	KUNIT_CASE(first_come_first_served),
	KUNIT_CASE(who_wants_the_same_is_left_out),
	KUNIT_CASE(a_kick_meanwhile_starts_again),
	KUNIT_CASE(room_is_for_who_wants_it),
	KUNIT_CASE(the_turn_is_a_lease),
	KUNIT_CASE(a_place_is_kept),
	KUNIT_CASE(wanted_is_a_sum),
	KUNIT_CASE(sleep_ends),
	{}
};

static struct kunit_suite waiters_suite = {
	.name = "regalloc_waiters",
	.init = line_init,
	.test_cases = waiters_cases,
};

kunit_test_suite(waiters_suite);

MODULE_DESCRIPTION("KUnit tests of regalloc");
MODULE_LICENSE("GPL");
