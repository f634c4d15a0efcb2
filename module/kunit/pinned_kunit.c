// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/regalloc.h>

#include "../budget.h"
#include "../pinned.c"
#include "space_page.h"

/**
 * struct holder - a space of which one removed page is referenced
 * @budget: of @account
 * @account: pays for the memory
 * @space: of the memory
 * @page: that has been removed
 */
struct holder {
	struct regalloc_budget budget;
	struct regalloc_account *account;
	struct regalloc_space *space;
	struct page *page;
};

static int holder_init(struct kunit *test)
{
	struct holder *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_ASSERT_EQ(test, 0, regalloc_space_init());
	KUNIT_ASSERT_EQ(test, 0, regalloc_pinned_init());
	regalloc_budget_init(&h->budget);
	regalloc_budget_set(&h->budget, REGALLOC_REGION_BYTES);
	h->account = regalloc_account_create(&h->budget, 1);
	KUNIT_ASSERT_NOT_NULL(test, h->account);
	h->space = regalloc_space_create(h->account, REGALLOC_REGION_BYTES);
	KUNIT_ASSERT_FALSE(test, IS_ERR(h->space));
	KUNIT_ASSERT_EQ(test, 0, regalloc_space_charge(h->space,
						       REGALLOC_REGION_BYTES));
	KUNIT_ASSERT_LT(test, 0, regalloc_space_add(h->space, 0,
						    REGALLOC_REGION_BYTES));
	h->page = space_get_page(h->space, 0);
	KUNIT_ASSERT_LT(test,
			regalloc_space_remove(h->space, 0, REGALLOC_REGION_BYTES),
			(u64)REGALLOC_REGION_BYTES);
	test->priv = h;
	return 0;
}

static void holder_exit(struct kunit *test)
{
	struct holder *h = test->priv;

	regalloc_pinned_exit();
	regalloc_space_put(h->space);
	regalloc_space_exit();
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&h->budget.total.charged));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&h->budget.total.pinned));
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&h->account->refs));
	regalloc_account_put(h->account);
}

static void reaped_once_it_is_let_go(struct kunit *test)
{
	struct holder *h = test->priv;

	regalloc_pinned_add(h->space);
	KUNIT_EXPECT_FALSE(test, regalloc_pinned_reap());
	KUNIT_EXPECT_NE(test, 0, atomic64_read(&h->account->own.pinned));
	put_page(h->page);
	regalloc_pinned_reap();
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&h->account->own.pinned));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&h->account->own.charged));
}

/**
 * struct closer - a task that has removed memory
 * @work: that hands it over
 * @space: of the memory
 * @done: it is handed over
 */
struct closer {
	struct work_struct work;
	struct regalloc_space *space;
	struct completion done;
};

static void add_fn(struct work_struct *work)
{
	struct closer *closer = container_of(work, struct closer, work);

	regalloc_pinned_add(closer->space);
	complete(&closer->done);
}

/* Whoever looks at what is pinned may take his time. */
static void closing_waits_for_no_look(struct kunit *test)
{
	struct closer *closer = kunit_kzalloc(test, sizeof(*closer), GFP_KERNEL);
	struct holder *h = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, closer);
	closer->space = h->space;
	INIT_WORK(&closer->work, add_fn);
	init_completion(&closer->done);
	mutex_lock(&reap_lock);
	schedule_work(&closer->work);
	KUNIT_EXPECT_NE(test, 0, wait_for_completion_timeout(&closer->done,
							     10 * HZ));
	mutex_unlock(&reap_lock);
	flush_work(&closer->work);
	put_page(h->page);
}

/* The list has it once, and one reference, however often memory was pinned. */
static void listed_once(struct kunit *test)
{
	struct holder *h = test->priv;

	regalloc_pinned_add(h->space);
	regalloc_pinned_add(h->space);
	KUNIT_EXPECT_EQ(test, 2, refcount_read(&h->space->refs));
	regalloc_pinned_reap();
	KUNIT_EXPECT_EQ(test, 2, refcount_read(&h->space->refs));
	put_page(h->page);
	KUNIT_EXPECT_TRUE(test, regalloc_pinned_reap());
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&h->space->refs));
}

static void pinned_at_the_very_end(struct kunit *test)
{
	struct holder *h = test->priv;

	regalloc_pinned_add(h->space);
	regalloc_pinned_exit();
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&h->account->own.charged));
	KUNIT_EXPECT_EQ(test, 1, page_count(h->page));
	put_page(h->page);
	KUNIT_ASSERT_EQ(test, 0, regalloc_pinned_init());
}

static struct kunit_case pinned_cases[] = {
	KUNIT_CASE(reaped_once_it_is_let_go),
	KUNIT_CASE(closing_waits_for_no_look),
	KUNIT_CASE(listed_once),
	KUNIT_CASE(pinned_at_the_very_end),
	{}
};

static struct kunit_suite pinned_suite = {
	.name = "regalloc_pinned",
	.init = holder_init,
	.exit = holder_exit,
	.test_cases = pinned_cases,
};

kunit_test_suite(pinned_suite);
