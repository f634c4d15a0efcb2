// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/fs.h>
#include <linux/workqueue.h>

#include "../geometry.c"
#include "../slice_map.c"
#include "../pool_hints.c"
#include "../pool.c"
#include "../pool_grow.c"
#include "../pool_punch.c"
#include "../pool_sweep.c"
#include "../pool_spares.c"
#include "../pool_slices.c"
#include "../pool_usage.c"

#define CREATE_TRACE_POINTS
#include "../trace.h"
#include "space_page.h"

#define OF_256K	6	/* 256 KiB: 16 slices in a region */
#define SLICES	16

struct pool_env {
	struct regalloc_budget budget;
	struct regalloc_geometry geo;
	struct regalloc_owner owner;
	struct regalloc_pool pool;
	u64 handles[3 * SLICES];
};

static int env_init(struct kunit *test)
{
	struct pool_env *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_ASSERT_EQ(test, 0, regalloc_space_init());
	KUNIT_ASSERT_EQ(test, 0, regalloc_pinned_init());
	KUNIT_ASSERT_EQ(test, 0, regalloc_geometry_init(&e->geo, 1ULL << 30));
	regalloc_budget_init(&e->budget);
	regalloc_budget_set(&e->budget, 2 * REGALLOC_REGION_BYTES);
	e->owner.geo = &e->geo;
	e->owner.account = regalloc_account_create(&e->budget, 1);
	KUNIT_ASSERT_NOT_NULL(test, e->owner.account);
	e->owner.space = regalloc_space_create(e->owner.account,
					       regalloc_geometry_window_bytes(&e->geo));
	KUNIT_ASSERT_FALSE(test, IS_ERR(e->owner.space));
	KUNIT_ASSERT_EQ(test, 0, regalloc_map_pages_init(&e->owner.map, &e->geo,
							 e->owner.space,
							 &e->budget,
							 &e->owner.lock));
	e->owner.control = regalloc_map_pages_find(&e->owner.map, 0);
	mutex_init(&e->owner.lock);
	regalloc_pool_init(&e->pool, &e->owner, OF_256K);
	test->priv = e;
	return 0;
}

static void env_exit(struct kunit *test)
{
	struct pool_env *e = test->priv;

	mutex_lock(&e->owner.lock);
	regalloc_pool_fini_locked(&e->pool);
	mutex_unlock(&e->owner.lock);
	regalloc_map_pages_fini(&e->owner.map);
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&e->budget.total.charged));
	regalloc_space_put(e->owner.space);
	regalloc_account_put(e->owner.account);
	regalloc_pinned_exit();
	regalloc_space_exit();
}

static int grow_by(struct pool_env *e, unsigned int count, u64 *handles)
{
	return regalloc_pool_grow(&e->pool, U64_MAX, false, count, handles);
}

static int take_some(struct pool_env *e, unsigned int count, u64 *handles)
{
	int taken;

	mutex_lock(&e->owner.lock);
	taken = regalloc_pool_take_locked(&e->pool, false, count, handles);
	mutex_unlock(&e->owner.lock);
	return taken;
}

static int give(struct pool_env *e, u64 handle, bool close_now)
{
	struct regalloc_place place;
	int err;

	if (!regalloc_geometry_locate(&e->geo, REGALLOC_HANDLE_OFFSET(handle),
				      &place))
		return -ERANGE;
	mutex_lock(&e->owner.lock);
	err = regalloc_pool_give_locked(&e->pool, &place,
					REGALLOC_HANDLE_GEN(handle), close_now);
	mutex_unlock(&e->owner.lock);
	return err;
}

static unsigned int close_spares(struct pool_env *e)
{
	unsigned int closed;
	u64 freed = 0;

	mutex_lock(&e->owner.lock);
	closed = regalloc_pool_close_spares_locked(&e->pool, U64_MAX, &freed);
	mutex_unlock(&e->owner.lock);
	return closed;
}

/* Remove idle memory where most of it is. */
static u64 punch(struct pool_env *e, u64 bytes)
{
	struct regalloc_idle best = { .score = 0 };
	u64 freed = 0;

	mutex_lock(&e->owner.lock);
	regalloc_pool_find_idle_locked(&e->pool, 1, 0, &best);
	if (best.region)
		freed = regalloc_pool_punch_locked(&e->pool, best.region,
						   best.slot, bytes, NULL);
	mutex_unlock(&e->owner.lock);
	return freed;
}

static u64 charged(struct pool_env *e)
{
	return atomic64_read(&e->budget.total.charged);
}

static struct page *slice_page(struct pool_env *e, u64 handle, u64 offset)
{
	return space_get_page(e->owner.space,
			      REGALLOC_HANDLE_OFFSET(handle) + offset);
}

static void opened_when_needed(struct kunit *test)
{
	struct pool_env *e = test->priv;

	KUNIT_EXPECT_EQ(test, 0, take_some(e, 1, e->handles));
	KUNIT_EXPECT_EQ(test, 1, grow_by(e, 1, e->handles));
	KUNIT_EXPECT_EQ(test, 1, e->owner.control->nr_slots[OF_256K]);
	KUNIT_EXPECT_EQ(test, SLICES - 1,
			take_some(e, SLICES, e->handles + 1));
	KUNIT_EXPECT_EQ(test, 0, take_some(e, 1, e->handles + SLICES));
	/* What is not in this region is for the next step. */
	KUNIT_EXPECT_EQ(test, SLICES, grow_by(e, 2 * SLICES,
					      e->handles + SLICES));
	KUNIT_EXPECT_EQ(test, -EDQUOT, grow_by(e, 1, e->handles));
}

/* Who waited while others opened one finds it. */
static void no_more_than_needed(struct kunit *test)
{
	struct pool_env *e = test->priv;

	KUNIT_EXPECT_EQ(test, 1, grow_by(e, 1, e->handles));
	KUNIT_EXPECT_EQ(test, 1, grow_by(e, 1, e->handles + 1));
	KUNIT_EXPECT_EQ(test, 1, e->owner.control->nr_slots[OF_256K]);
}

static void released_once(struct kunit *test)
{
	struct pool_env *e = test->priv;
	u64 *h = e->handles, ahead;

	KUNIT_ASSERT_EQ(test, 2, grow_by(e, 2, h));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[0], false));
	KUNIT_EXPECT_EQ(test, -ESTALE, give(e, h[0], false));
	ahead = h[1] + 1;
	KUNIT_EXPECT_EQ(test, -ENOENT, give(e, ahead, false));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[1], false));
}

static void only_spares_close(struct kunit *test)
{
	struct pool_env *e = test->priv;
	u64 *h = e->handles;

	KUNIT_ASSERT_EQ(test, SLICES, grow_by(e, SLICES, h));
	KUNIT_ASSERT_EQ(test, 1, grow_by(e, 1, h + SLICES));
	KUNIT_EXPECT_EQ(test, 0, close_spares(e));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[SLICES], false));
	KUNIT_EXPECT_EQ(test, 1, close_spares(e));
	KUNIT_EXPECT_EQ(test, REGALLOC_REGION_BYTES,
			atomic64_read(&e->budget.total.charged));
	/* The handle of a slice of a closed region is stale, too. */
	KUNIT_EXPECT_EQ(test, -ESTALE, give(e, h[SLICES], false));
}

static void closed_with_its_last_slice(struct kunit *test)
{
	struct pool_env *e = test->priv;
	u64 *h = e->handles;

	KUNIT_ASSERT_EQ(test, 2, grow_by(e, 2, h));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[0], true));
	KUNIT_EXPECT_LT(test, 0, atomic64_read(&e->budget.total.charged));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[1], true));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&e->budget.total.charged));
	KUNIT_EXPECT_NULL(test, space_get_page(e->owner.space,
					       regalloc_pool_offset(&e->pool, 0)));
}

/* The owner claims a slice by himself, without a word to us. */
static void a_claim_keeps_it_open(struct kunit *test)
{
	struct pool_env *e = test->priv;
	struct regalloc_place place = { .class = OF_256K, .slice = 9 };
	u64 *h = e->handles;
	u32 *word, gen;

	KUNIT_ASSERT_EQ(test, 1, grow_by(e, 1, h));
	word = find_word(&e->pool, &place);
	KUNIT_ASSERT_TRUE(test, regalloc_slice_claim(word, &gen));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[0], true));
	KUNIT_EXPECT_EQ(test, 0, close_spares(e));
	KUNIT_EXPECT_EQ(test, 0, regalloc_slice_release(word, gen));
	slot_hint(&e->pool, 0)->dirty = 1;
	KUNIT_EXPECT_EQ(test, 1, close_spares(e));
}

struct closing {
	struct work_struct work;
	struct pool_env *env;
	unsigned int closed;
};

static void close_one(struct work_struct *work)
{
	struct closing *c = container_of(work, struct closing, work);

	c->closed = close_spares(c->env);
}

/* Until its mapping is in place, and can be taken away. */
static void a_fault_is_waited_for(struct kunit *test)
{
	struct pool_env *e = test->priv;
	struct closing c = { .env = e };
	struct page *page;

	KUNIT_ASSERT_EQ(test, 1, grow_by(e, 1, e->handles));
	KUNIT_ASSERT_EQ(test, 0, give(e, e->handles[0], false));
	page = space_lock_page(e->owner.space, regalloc_pool_offset(&e->pool, 0));
	KUNIT_ASSERT_NOT_NULL(test, page);
	INIT_WORK_ONSTACK(&c.work, close_one);
	schedule_work(&c.work);
	KUNIT_EXPECT_TRUE(test, page_is_waited_for(page));
	put_page(page);
	unlock_page(page);
	flush_work(&c.work);
	destroy_work_on_stack(&c.work);
	KUNIT_EXPECT_EQ(test, 1, c.closed);
}

/* Who claims while the region is on its way to be closed keeps all of it. */
static void isolated_all_or_none(struct kunit *test)
{
	DECLARE_BITMAP(isolated, REGALLOC_SLOT_WORDS) = { 0 };
	struct pool_env *e = test->priv;
	struct regalloc_region *region;
	u64 *h = e->handles;

	KUNIT_ASSERT_EQ(test, 2, grow_by(e, 2, h));
	KUNIT_ASSERT_EQ(test, 0, give(e, h[0], false));
	region = xa_load(&e->pool.regions, 0);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			regalloc_slices_isolate(region->map.words, OF_256K, 0,
						SLICES, isolated));
	KUNIT_EXPECT_EQ(test, SLICES - 1, take_some(e, SLICES, h + SLICES));
}

static void the_lowest_first(struct kunit *test)
{
	struct pool_env *e = test->priv;
	u64 *h = e->handles, again;

	KUNIT_ASSERT_EQ(test, SLICES, grow_by(e, SLICES, h));
	KUNIT_ASSERT_EQ(test, SLICES, grow_by(e, SLICES, h + SLICES));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[SLICES + 3], false));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[5], false));
	KUNIT_EXPECT_EQ(test, 1, take_some(e, 1, &again));
	KUNIT_EXPECT_EQ(test, REGALLOC_HANDLE_OFFSET(h[5]),
			REGALLOC_HANDLE_OFFSET(again));
	KUNIT_EXPECT_EQ(test, h[5] + 1, again);
}

#define SLICE_BYTES	(REGALLOC_REGION_BYTES / SLICES)

/* As many bytes go as are wanted, in whole slices, and come back. */
static void punched_and_filled(struct kunit *test)
{
	struct pool_env *e = test->priv;
	u64 *h = e->handles, again[SLICES];
	struct page *page;
	u8 *bytes;

	KUNIT_ASSERT_EQ(test, SLICES, grow_by(e, SLICES, h));
	page = slice_page(e, h[3], 5000);
	KUNIT_ASSERT_NOT_NULL(test, page);
	bytes = page_address(page);
	bytes[5000 % PAGE_SIZE] = 77;
	put_page(page);

	KUNIT_EXPECT_EQ(test, 0, punch(e, SLICE_BYTES));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[2], false));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[4], false));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[5], false));
	KUNIT_EXPECT_EQ(test, SLICE_BYTES, punch(e, 1));
	KUNIT_EXPECT_EQ(test, (SLICES - 1) * SLICE_BYTES, charged(e));
	KUNIT_EXPECT_EQ(test, 2 * SLICE_BYTES, punch(e, U64_MAX));
	KUNIT_EXPECT_EQ(test, (SLICES - 3) * SLICE_BYTES, charged(e));
	KUNIT_EXPECT_EQ(test, 3 * SLICE_BYTES, e->pool.hole_bytes);
	KUNIT_EXPECT_NULL(test, slice_page(e, h[2], 0));
	KUNIT_EXPECT_NULL(test, slice_page(e, h[5], SLICE_BYTES - 1));
	page = slice_page(e, h[3], 5000);
	KUNIT_ASSERT_NOT_NULL(test, page);
	bytes = page_address(page);
	KUNIT_EXPECT_EQ(test, 77, bytes[5000 % PAGE_SIZE]);
	put_page(page);

	/* Of what is left of the budget, a region would be too much. */
	KUNIT_ASSERT_EQ(test, SLICES, grow_by(e, SLICES, h + SLICES));
	KUNIT_EXPECT_EQ(test, 1, grow_by(e, 1, again));
	KUNIT_EXPECT_EQ(test, REGALLOC_HANDLE_OFFSET(h[2]),
			REGALLOC_HANDLE_OFFSET(again[0]));
	KUNIT_EXPECT_EQ(test, h[2] + 1, again[0]);
	KUNIT_EXPECT_EQ(test, 2, grow_by(e, 2, again + 1));
	KUNIT_EXPECT_EQ(test, 0, e->pool.hole_bytes);
	KUNIT_EXPECT_EQ(test, -EDQUOT, grow_by(e, 1, again));
}

/* With less of the budget left than a region, slices come one by one. */
static void filled_without_room_for_a_region(struct kunit *test)
{
	struct pool_env *e = test->priv;
	u64 *h = e->handles;

	regalloc_budget_set(&e->budget, 3 * SLICE_BYTES);
	KUNIT_EXPECT_EQ(test, 1, grow_by(e, 1, h));
	KUNIT_EXPECT_EQ(test, SLICE_BYTES, charged(e));
	/* Twice as much each time, if there is headroom. */
	KUNIT_EXPECT_EQ(test, 1, grow_by(e, 1, h + 1));
	KUNIT_EXPECT_EQ(test, 2 * SLICE_BYTES, charged(e));
	KUNIT_EXPECT_EQ(test, 1, grow_by(e, 1, h + 2));
	KUNIT_EXPECT_EQ(test, 3 * SLICE_BYTES, charged(e));
	KUNIT_EXPECT_EQ(test, -EDQUOT, grow_by(e, 1, h + 3));
	KUNIT_EXPECT_EQ(test, 1, e->pool.nr);
	KUNIT_EXPECT_EQ(test, 0, give(e, h[0], true));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[1], true));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[2], true));
	KUNIT_EXPECT_EQ(test, 0, charged(e));
	KUNIT_EXPECT_EQ(test, 0, e->pool.hole_bytes);
	/* One that would stay without memory does not stay open. */
	regalloc_budget_set(&e->budget, SLICE_BYTES / 2);
	KUNIT_EXPECT_EQ(test, -EDQUOT, grow_by(e, 1, h));
	KUNIT_EXPECT_EQ(test, 0, e->pool.nr);
}

/* More than one that something works with cannot be removed: it stays idle. */
static void a_reference_keeps_the_folio(struct kunit *test)
{
	struct pool_env *e = test->priv;
	u64 *h = e->handles, again;
	struct page *page;

	KUNIT_ASSERT_EQ(test, SLICES, grow_by(e, SLICES, h));
	page = slice_page(e, h[0], 0);
	KUNIT_ASSERT_NOT_NULL(test, page);
	if (!PageCompound(page)) {
		put_page(page);
		kunit_skip(test, "no huge pages");
	}
	KUNIT_EXPECT_EQ(test, 0, give(e, h[2], false));
	KUNIT_EXPECT_EQ(test, 0, punch(e, U64_MAX));
	KUNIT_EXPECT_EQ(test, REGALLOC_REGION_BYTES, charged(e));
	KUNIT_EXPECT_EQ(test, 0, e->pool.hole_bytes);
	KUNIT_EXPECT_EQ(test, 1, take_some(e, 1, &again));
	KUNIT_EXPECT_EQ(test, h[2] + 1, again);
	put_page(page);
	KUNIT_EXPECT_EQ(test, 0, give(e, again, false));
	KUNIT_EXPECT_EQ(test, SLICE_BYTES, punch(e, U64_MAX));
}

/* Sweep all regions; returns what is too much still. */
static u64 sweep(struct pool_env *e, bool all, u64 excess)
{
	unsigned long slot = 0;

	mutex_lock(&e->owner.lock);
	while (regalloc_pool_sweep_locked(&e->pool, &slot, all, &excess))
		;
	mutex_unlock(&e->owner.lock);
	return excess;
}

/* What has been claimed since the last sweep is not unused. */
static void only_unused_memory_decays(struct kunit *test)
{
	struct pool_env *e = test->priv;
	u64 *h = e->handles, again;

	KUNIT_ASSERT_EQ(test, SLICES, grow_by(e, SLICES, h));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[6], false));
	KUNIT_EXPECT_EQ(test, 0, give(e, h[7], false));
	KUNIT_EXPECT_LT(test, 0, sweep(e, false, REGALLOC_REGION_BYTES));
	KUNIT_EXPECT_EQ(test, REGALLOC_REGION_BYTES, charged(e));
	/* As much may be idle as there is: nothing is to be done. */
	KUNIT_EXPECT_EQ(test, 0, sweep(e, false, 0));
	KUNIT_EXPECT_EQ(test, REGALLOC_REGION_BYTES, charged(e));
	KUNIT_EXPECT_EQ(test, 1, take_some(e, 1, &again));
	KUNIT_EXPECT_EQ(test, 0, give(e, again, false));
	KUNIT_EXPECT_LT(test, 0, sweep(e, false, REGALLOC_REGION_BYTES));
	KUNIT_EXPECT_EQ(test, REGALLOC_REGION_BYTES - SLICE_BYTES, charged(e));
	KUNIT_EXPECT_EQ(test, 1, take_some(e, 1, &again));
	KUNIT_EXPECT_EQ(test, 0, give(e, again, false));
	KUNIT_EXPECT_EQ(test, 0, sweep(e, true, SLICE_BYTES));
	KUNIT_EXPECT_EQ(test, REGALLOC_REGION_BYTES - 2 * SLICE_BYTES,
			charged(e));
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(opened_when_needed),
	KUNIT_CASE(no_more_than_needed),
	KUNIT_CASE(released_once),
	KUNIT_CASE(only_spares_close),
	KUNIT_CASE(closed_with_its_last_slice),
	KUNIT_CASE(a_claim_keeps_it_open),
	KUNIT_CASE(a_fault_is_waited_for),
	KUNIT_CASE(isolated_all_or_none),
	KUNIT_CASE(the_lowest_first),
	KUNIT_CASE(punched_and_filled),
	KUNIT_CASE(filled_without_room_for_a_region),
	KUNIT_CASE(a_reference_keeps_the_folio),
	KUNIT_CASE(only_unused_memory_decays),
	{}
};

static struct kunit_suite pool_suite = {
	.name = "regalloc_pool",
	.init = env_init,
	.exit = env_exit,
	.test_cases = pool_cases,
};

kunit_test_suite(pool_suite);
