// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>

#include "../map_pages.c"

static int map_init(struct kunit *test)
{
	struct regalloc_map_pages *map;

	map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, map);
	regalloc_map_pages_init(map);
	test->priv = map;
	return 0;
}

static void map_exit(struct kunit *test)
{
	regalloc_map_pages_fini(test->priv);
}

static void nothing_until_needed(struct kunit *test)
{
	struct regalloc_map_pages *map = test->priv;

	KUNIT_EXPECT_NULL(test, regalloc_map_pages_find(map, 12345));
	KUNIT_EXPECT_EQ(test, 0, regalloc_map_pages_bytes(map));
}

static void one_page_for_all(struct kunit *test)
{
	struct regalloc_map_pages *map = test->priv;
	char *at = regalloc_map_pages_need(map, 5 * PAGE_SIZE + 100);

	KUNIT_ASSERT_NOT_NULL(test, at);
	KUNIT_EXPECT_NULL(test, memchr_inv(at - 100, 0, PAGE_SIZE));
	*at = 'x';
	KUNIT_EXPECT_PTR_EQ(test, at,
			    regalloc_map_pages_need(map, 5 * PAGE_SIZE + 100));
	KUNIT_EXPECT_PTR_EQ(test, at + 7,
			    regalloc_map_pages_find(map, 5 * PAGE_SIZE + 107));
	KUNIT_EXPECT_NULL(test, regalloc_map_pages_find(map, 6 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, regalloc_map_pages_bytes(map));
}

static void references_outlive_it(struct kunit *test)
{
	struct regalloc_map_pages *map = test->priv;
	struct page *page;

	page = regalloc_map_pages_make(map, 1UL << 30, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	get_page(page);
	regalloc_map_pages_fini(map);
	KUNIT_EXPECT_EQ(test, 1, page_count(page));
	put_page(page);
	regalloc_map_pages_init(map);
}

static struct kunit_case map_cases[] = {
	KUNIT_CASE(nothing_until_needed),
	KUNIT_CASE(one_page_for_all),
	KUNIT_CASE(references_outlive_it),
	{}
};

static struct kunit_suite map_suite = {
	.name = "regalloc_map_pages",
	.init = map_init,
	.exit = map_exit,
	.test_cases = map_cases,
};

kunit_test_suite(map_suite);
