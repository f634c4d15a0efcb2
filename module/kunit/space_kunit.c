// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/regalloc.h>

#include "../space.c"
#include "../space_remove.c"
#include "../space_fault.c"
#include "space_page.h"

#define REGION		REGALLOC_REGION_BYTES

/* Room for two regions. */
struct space_env {
	struct regalloc_budget budget;
	struct regalloc_account *account;
	struct regalloc_space *space;
};

static int env_init(struct kunit *test)
{
	struct space_env *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_ASSERT_EQ(test, 0, regalloc_space_init());
	regalloc_budget_init(&e->budget);
	regalloc_budget_set(&e->budget, 2 * REGION);
	e->account = regalloc_account_create(&e->budget, 1);
	KUNIT_ASSERT_NOT_NULL(test, e->account);
	e->space = regalloc_space_create(e->account, 16 * REGION);
	KUNIT_ASSERT_FALSE(test, IS_ERR(e->space));
	test->priv = e;
	return 0;
}

static void env_exit(struct kunit *test)
{
	struct space_env *e = test->priv;

	KUNIT_EXPECT_EQ(test, 0, e->space->inode->i_mapping->nrpages);
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&e->budget.total.charged));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&e->budget.total.pinned));
	regalloc_space_put(e->space);
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&e->account->refs));
	regalloc_account_put(e->account);
	regalloc_space_exit();
}

static u64 charged(const struct space_env *e)
{
	return atomic64_read(&e->account->own.charged);
}

static void add_region(struct kunit *test, u64 offset)
{
	struct space_env *e = test->priv;

	KUNIT_ASSERT_EQ(test, 0, regalloc_space_charge(e->space, REGION));
	KUNIT_ASSERT_LT(test, 0, regalloc_space_add(e->space, offset, REGION));
}

static void charged_while_there(struct kunit *test)
{
	struct space_env *e = test->priv;

	add_region(test, 0);
	add_region(test, 3 * REGION);
	KUNIT_EXPECT_EQ(test, 2 * REGION, charged(e));
	KUNIT_EXPECT_EQ(test, -EDQUOT, regalloc_space_charge(e->space, REGION));
	KUNIT_EXPECT_EQ(test, (u64)REGION,
			regalloc_space_remove(e->space, 0, REGION));
	KUNIT_EXPECT_EQ(test, REGION, charged(e));
	/* Charged before it is there, and not after it has been called off. */
	KUNIT_EXPECT_EQ(test, 0, regalloc_space_charge(e->space, REGION));
	KUNIT_EXPECT_EQ(test, 2 * REGION, charged(e));
	regalloc_space_uncharge(e->space, REGION);
	KUNIT_EXPECT_EQ(test, REGION, charged(e));
	KUNIT_EXPECT_EQ(test, (u64)REGION,
			regalloc_space_remove(e->space, 3 * REGION, REGION));
	KUNIT_EXPECT_EQ(test, 0, charged(e));
}

/* Each page once, all zero; what follows in the space has none. */
static void pages_in_order(struct kunit *test)
{
	struct space_env *e = test->priv;
	struct regalloc_space *space = e->space;
	const u64 at = 7 * REGION;
	unsigned int i;
	u32 *word;

	add_region(test, at);
	for (i = 0; i < REGION_PAGES; i++) {
		word = space_page_address(space, at + i * PAGE_SIZE);
		KUNIT_ASSERT_NOT_NULL(test, word);
		KUNIT_ASSERT_NULL(test, memchr_inv(word, 0, PAGE_SIZE));
		*word = i + 1;
	}
	for (i = 0; i < REGION_PAGES; i++) {
		word = space_page_address(space, at + i * PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, i + 1, *word);
	}
	KUNIT_EXPECT_NULL(test, space_page_address(space, at - PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, space_page_address(space, at + REGION));
	regalloc_space_zero(space, at + PAGE_SIZE, 3 * PAGE_SIZE);
	for (i = 0; i < 6; i++) {
		word = space_page_address(space, at + i * PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, i < 1 || i > 3 ? i + 1 : 0, *word);
	}
	/* Where there is nothing, nothing is to be done. */
	regalloc_space_zero(space, 0, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, (u64)REGION,
			regalloc_space_remove(space, at, REGION));
}

/* What the core needs to know, or does not write back, drop or count twice. */
static void folios_are_as_they_should_be(struct kunit *test)
{
	struct space_env *e = test->priv;
	struct folio *folio;
	struct page *page;
	unsigned int i;

	add_region(test, 0);
	for (i = 0; i < REGION_PAGES; i++) {
		page = space_get_page(e->space, i * PAGE_SIZE);
		folio = page_folio(page);
		KUNIT_ASSERT_TRUE(test, folio_test_uptodate(folio));
		KUNIT_ASSERT_TRUE(test, folio_test_dirty(folio));
		KUNIT_ASSERT_FALSE(test, folio_test_locked(folio));
		KUNIT_ASSERT_NE(test, 1, folio_order(folio));
		KUNIT_ASSERT_LE(test, folio_size(folio), PMD_SIZE);
		/* Those of the mapping and that of this test: LRU batches have none. */
		KUNIT_ASSERT_EQ(test, folio_nr_pages(folio) + 1,
				folio_ref_count(folio));
		put_page(page);
	}
	KUNIT_EXPECT_TRUE(test, mapping_unevictable(e->space->inode->i_mapping));
	KUNIT_EXPECT_EQ(test, (u64)REGION,
			regalloc_space_remove(e->space, 0, REGION));
}

/* Of what has been added before memory ran out. */
static void a_part_can_be_removed(struct kunit *test)
{
	struct space_env *e = test->priv;

	KUNIT_ASSERT_EQ(test, 0, regalloc_space_charge(e->space, REGION));
	KUNIT_ASSERT_LT(test, 0, regalloc_space_add(e->space, 0, REGION / 2));
	regalloc_space_uncharge(e->space, REGION / 2);
	KUNIT_EXPECT_EQ(test, REGION / 2, charged(e));
	KUNIT_EXPECT_EQ(test, (u64)REGION / 2,
			regalloc_space_remove(e->space, 0, REGION));
}

/* Small folios come in several batches. */
static void small_folios(struct kunit *test)
{
	struct space_env *e = test->priv;
	struct address_space *mapping = e->space->inode->i_mapping;
	struct page *page;
	u64 freed = 0;

	mapping_set_folio_order_range(mapping, 0, 0);
	KUNIT_ASSERT_EQ(test, 0, regalloc_space_charge(e->space, REGION));
	KUNIT_ASSERT_EQ(test, REGION_PAGES,
			regalloc_space_add(e->space, 0, REGION));
	page = space_get_page(e->space, 100 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 2, page_count(page));
	KUNIT_EXPECT_LT(test,
			regalloc_space_remove(e->space, 0, REGION), (u64)REGION);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, charged(e));
	put_page(page);
	KUNIT_EXPECT_TRUE(test, regalloc_space_reap(e->space, &freed));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, freed);
}

static void pinned_until_it_is_let_go(struct kunit *test)
{
	struct space_env *e = test->priv;
	struct page *page;
	u64 bytes, freed = 0;

	add_region(test, 0);
	page = space_get_page(e->space, 3 * PAGE_SIZE);
	bytes = folio_size(page_folio(page));
	KUNIT_EXPECT_LT(test,
			regalloc_space_remove(e->space, 0, REGION), (u64)REGION);
	KUNIT_EXPECT_NULL(test, space_page_address(e->space, 3 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, bytes, atomic64_read(&e->account->own.pinned));
	KUNIT_EXPECT_EQ(test, bytes, charged(e));
	KUNIT_EXPECT_FALSE(test, regalloc_space_reap(e->space, &freed));
	KUNIT_EXPECT_EQ(test, 0, freed);
	KUNIT_EXPECT_EQ(test, bytes, charged(e));
	put_page(page);
	KUNIT_EXPECT_TRUE(test, regalloc_space_reap(e->space, &freed));
	KUNIT_EXPECT_EQ(test, bytes, freed);
}

static void abandoned(struct kunit *test)
{
	struct space_env *e = test->priv;
	struct page *page;

	add_region(test, 0);
	page = space_get_page(e->space, 0);
	KUNIT_EXPECT_LT(test,
			regalloc_space_remove(e->space, 0, REGION), (u64)REGION);
	regalloc_space_abandon(e->space);
	KUNIT_EXPECT_EQ(test, 1, page_count(page));
	put_page(page);
}

static void busy_while_a_folio_is_locked(struct kunit *test)
{
	struct space_env *e = test->priv;
	struct page *page;

	add_region(test, 0);
	KUNIT_EXPECT_FALSE(test, regalloc_space_is_busy(e->space, 0, REGION));
	page = space_lock_page(e->space, REGION - PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, regalloc_space_is_busy(e->space, 0, REGION));
	unlock_page(page);
	put_page(page);
	KUNIT_EXPECT_FALSE(test, regalloc_space_is_busy(e->space, 0, REGION));
	KUNIT_EXPECT_EQ(test, (u64)REGION,
			regalloc_space_remove(e->space, 0, REGION));
}

static struct kunit_case space_cases[] = {
	KUNIT_CASE(charged_while_there),
	KUNIT_CASE(pages_in_order),
	KUNIT_CASE(folios_are_as_they_should_be),
	KUNIT_CASE(a_part_can_be_removed),
	KUNIT_CASE(small_folios),
	KUNIT_CASE(pinned_until_it_is_let_go),
	KUNIT_CASE(abandoned),
	KUNIT_CASE(busy_while_a_folio_is_locked),
	{}
};

static struct kunit_suite space_suite = {
	.name = "regalloc_space",
	.init = env_init,
	.exit = env_exit,
	.test_cases = space_cases,
};

kunit_test_suite(space_suite);
