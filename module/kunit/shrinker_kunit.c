// SPDX-License-Identifier: GPL-2.0-only
#include "../shrinker.c"
#include "domain_env.h"
#include "space_page.h"

/* This copy of the layer has a domain of ours, and no shrinker that is registered. */
static int shrinker_env_init(struct kunit *test)
{
	int err = domain_env_init(test);
	struct domain_env *e = test->priv;

	domain = &e->domain;
	return err;
}

static unsigned long count_regions(void)
{
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL };

	return count_pages(NULL, &sc) / REGION_PAGES;
}

static unsigned long scan(unsigned long nr, unsigned long *scanned)
{
	struct shrink_control sc = {
		.gfp_mask = GFP_KERNEL,
		.nr_to_scan = nr,
	};
	unsigned long freed = scan_pages(NULL, &sc);

	*scanned = sc.nr_scanned;
	return freed;
}

static void counts_what_may_be_spare(struct kunit *test)
{
	struct domain_env *e = test->priv;
	unsigned long scanned;

	KUNIT_EXPECT_EQ(test, 0, count_regions());
	domain_env_open_spare(test, e->a, OF_256K);
	domain_env_open(test, e->b, OF_256K, 1, e->handles);
	KUNIT_EXPECT_EQ(test, 2, count_regions());
	/* A look shows that there is something live in one of them. */
	KUNIT_EXPECT_EQ(test, REGION_PAGES, scan(LONG_MAX, &scanned));
	KUNIT_EXPECT_EQ(test, 0, count_regions());
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->b));
}

static void takes_no_more_than_it_is_told_to(struct kunit *test)
{
	struct domain_env *e = test->priv;
	unsigned long scanned;

	domain_env_open_spare(test, e->a, OF_256K);
	domain_env_open_spare(test, e->b, OF_256K);
	KUNIT_EXPECT_EQ(test, REGION_PAGES, scan(1, &scanned));
	KUNIT_EXPECT_EQ(test, REGION_PAGES, scanned);
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->b));
	KUNIT_EXPECT_EQ(test, REGION_PAGES, scan(2 * REGION_PAGES, &scanned));
	KUNIT_EXPECT_EQ(test, SHRINK_STOP, scan(1, &scanned));
	KUNIT_EXPECT_EQ(test, 0, scanned);
}

static void a_look_counts_as_much(struct kunit *test)
{
	struct domain_env *e = test->priv;
	unsigned long scanned;

	domain_env_open(test, e->a, OF_256K, 1, e->handles);
	domain_env_open_spare(test, e->b, OF_256K);
	KUNIT_EXPECT_EQ(test, 0, scan(1, &scanned));
	KUNIT_EXPECT_EQ(test, REGION_PAGES, scanned);
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->b));
	KUNIT_EXPECT_EQ(test, REGION_PAGES, scan(1, &scanned));
	KUNIT_EXPECT_EQ(test, REGION_PAGES, scanned);
}

/* Its owner notes releases in one of them all the time. */
static void a_hot_region_is_in_nobodys_way(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_region *hot;
	unsigned long scanned;

	domain_env_open(test, e->a, OF_256K, 1, e->handles);
	domain_env_open_spare(test, e->b, OF_256K);
	hot = xa_load(&e->a->pools[OF_256K].regions, 0);
	WRITE_ONCE(hot->map.hint->dirty, 1);
	KUNIT_EXPECT_EQ(test, 2, count_regions());
	WRITE_ONCE(hot->map.hint->dirty, 1);
	KUNIT_EXPECT_EQ(test, 0, scan(1, &scanned));
	WRITE_ONCE(hot->map.hint->dirty, 1);
	KUNIT_EXPECT_EQ(test, REGION_PAGES, scan(1, &scanned));
	KUNIT_EXPECT_EQ(test, 0, domain_env_regions(e->b));
	KUNIT_EXPECT_EQ(test, 1, count_regions());
}

/* Whoever needs memory may hold them himself, or a page of a region. */
static void waits_for_no_lock(struct kunit *test)
{
	struct domain_env *e = test->priv;
	unsigned long scanned;
	struct page *page;

	domain_env_open_spare(test, e->a, OF_256K);
	mutex_lock(&e->domain.lock);
	KUNIT_EXPECT_EQ(test, 1, count_regions());
	mutex_unlock(&e->domain.lock);

	mutex_lock(&e->a->owner.lock);
	KUNIT_EXPECT_EQ(test, 0, count_regions());
	KUNIT_EXPECT_EQ(test, SHRINK_STOP, scan(1, &scanned));
	mutex_unlock(&e->a->owner.lock);

	page = space_lock_page(e->a->owner.space,
			       regalloc_pool_offset(&e->a->pools[OF_256K], 0));
	KUNIT_EXPECT_EQ(test, SHRINK_STOP, scan(1, &scanned));
	unlock_page(page);
	put_page(page);
	KUNIT_EXPECT_EQ(test, 1, count_regions());
	KUNIT_EXPECT_EQ(test, REGION_PAGES, scan(1, &scanned));
}

/* The holder of a folio's lock may wait for a file system. */
static void not_for_a_file_system(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct shrink_control sc = { .gfp_mask = GFP_NOFS, .nr_to_scan = 1 };

	domain_env_open_spare(test, e->a, OF_256K);
	KUNIT_EXPECT_EQ(test, 0, count_pages(NULL, &sc));
	KUNIT_EXPECT_EQ(test, SHRINK_STOP, scan_pages(NULL, &sc));
	KUNIT_EXPECT_EQ(test, 1, count_regions());
}

static struct kunit_case shrinker_cases[] = {
	KUNIT_CASE(counts_what_may_be_spare),
	KUNIT_CASE(takes_no_more_than_it_is_told_to),
	KUNIT_CASE(a_look_counts_as_much),
	KUNIT_CASE(a_hot_region_is_in_nobodys_way),
	KUNIT_CASE(waits_for_no_lock),
	KUNIT_CASE(not_for_a_file_system),
	{}
};

static struct kunit_suite shrinker_suite = {
	.name = "regalloc_shrinker",
	.init = shrinker_env_init,
	.exit = domain_env_exit,
	.test_cases = shrinker_cases,
};

kunit_test_suite(shrinker_suite);
