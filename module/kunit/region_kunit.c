// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>

#include "../region.c"

#define REGION_PAGES	(REGALLOC_REGION_BYTES / PAGE_SIZE)

struct payer {
	struct regalloc_budget budget;
	struct regalloc_account *account;
};

static int payer_init(struct kunit *test)
{
	struct payer *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	regalloc_budget_init(&p->budget);
	regalloc_budget_set(&p->budget, 2 * REGALLOC_REGION_BYTES);
	p->account = regalloc_account_create(&p->budget, 1);
	KUNIT_ASSERT_NOT_NULL(test, p->account);
	test->priv = p;
	return 0;
}

static void payer_exit(struct kunit *test)
{
	struct payer *p = test->priv;

	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&p->budget.total.charged));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&p->budget.total.pinned));
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&p->account->refs));
	regalloc_account_put(p->account);
}

static struct regalloc_region *open_one(struct kunit *test)
{
	struct payer *p = test->priv;
	struct regalloc_region *region = regalloc_region_open(p->account);

	KUNIT_ASSERT_FALSE(test, IS_ERR(region));
	return region;
}

static void charged_while_open(struct kunit *test)
{
	struct payer *p = test->priv;
	struct regalloc_region *a = open_one(test), *b = open_one(test);

	KUNIT_EXPECT_EQ(test, 2 * REGALLOC_REGION_BYTES,
			atomic64_read(&p->account->own.charged));
	KUNIT_EXPECT_EQ(test, -EDQUOT,
			PTR_ERR(regalloc_region_open(p->account)));
	KUNIT_EXPECT_TRUE(test, regalloc_region_close(a));
	KUNIT_EXPECT_EQ(test, REGALLOC_REGION_BYTES,
			atomic64_read(&p->account->own.charged));
	KUNIT_EXPECT_TRUE(test, regalloc_region_close(b));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&p->account->own.charged));
}

/* Each page once, all zero, and where the data window has them. */
static void pages_in_order(struct kunit *test)
{
	struct regalloc_region *region = open_one(test);
	unsigned int i;
	u32 *word;

	for (i = 0; i < REGION_PAGES; i++) {
		word = page_address(regalloc_region_page(region, i));
		KUNIT_ASSERT_NULL(test, memchr_inv(word, 0, PAGE_SIZE));
		*word = i + 1;
	}
	for (i = 0; i < REGION_PAGES; i++) {
		word = page_address(regalloc_region_page(region, i));
		KUNIT_ASSERT_EQ(test, i + 1, *word);
	}
	regalloc_region_zero(region, PAGE_SIZE, 3 * PAGE_SIZE);
	for (i = 0; i < 6; i++) {
		word = page_address(regalloc_region_page(region, i));
		KUNIT_EXPECT_EQ(test, i < 1 || i > 3 ? i + 1 : 0, *word);
	}
	regalloc_region_set_place(region, 7 * REGALLOC_REGION_BYTES);
	KUNIT_EXPECT_EQ(test, 7 * REGION_PAGES,
			page_folio(regalloc_region_page(region, 0))->index);
	KUNIT_EXPECT_TRUE(test, regalloc_region_close(region));
}

/* What is pinned is for the pinned list, and given back by whoever looks. */
static void pinned_until_it_is_let_go(struct kunit *test)
{
	struct payer *p = test->priv;
	struct regalloc_region *region = open_one(test);
	struct page *page = regalloc_region_page(region, 3);
	u64 bytes = page_size(compound_head(page)), freed = 0;

	get_page(page);
	KUNIT_EXPECT_FALSE(test, regalloc_region_close(region));
	KUNIT_EXPECT_EQ(test, bytes, atomic64_read(&p->account->own.pinned));
	KUNIT_EXPECT_EQ(test, bytes, atomic64_read(&p->account->own.charged));
	KUNIT_EXPECT_FALSE(test, regalloc_region_reap(region, &freed));
	KUNIT_EXPECT_EQ(test, 0, freed);
	KUNIT_EXPECT_EQ(test, bytes, atomic64_read(&p->account->own.charged));
	put_page(page);
	KUNIT_EXPECT_TRUE(test, regalloc_region_reap(region, &freed));
	KUNIT_EXPECT_EQ(test, bytes, freed);
}

static void abandoned(struct kunit *test)
{
	struct regalloc_region *region = open_one(test);
	struct page *page = regalloc_region_page(region, 0);

	get_page(page);
	KUNIT_EXPECT_FALSE(test, regalloc_region_close(region));
	regalloc_region_abandon(region);
	KUNIT_EXPECT_EQ(test, 1, page_count(page));
	put_page(page);
}

static struct kunit_case region_cases[] = {
	KUNIT_CASE(charged_while_open),
	KUNIT_CASE(pages_in_order),
	KUNIT_CASE(pinned_until_it_is_let_go),
	KUNIT_CASE(abandoned),
	{}
};

static struct kunit_suite region_suite = {
	.name = "regalloc_region",
	.init = payer_init,
	.exit = payer_exit,
	.test_cases = region_cases,
};

kunit_test_suite(region_suite);
