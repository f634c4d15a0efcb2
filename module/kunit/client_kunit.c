// SPDX-License-Identifier: GPL-2.0-only
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include "../client.c"
#include "../domain.c"
#include "domain_env.h"
#include "space_page.h"

static void joins_and_leaves(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_client *c;

	KUNIT_EXPECT_TRUE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_ARM));
	KUNIT_EXPECT_FALSE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_CLOSE));
	KUNIT_EXPECT_EQ(test, i_size_read(e->a->owner.space->inode),
			regalloc_geometry_window_bytes(&e->domain.geo) +
			regalloc_geometry_map_bytes(&e->domain.geo));
	/* Who comes while regions close at once is told so. */
	e->domain.closing = true;
	c = regalloc_client_create(&e->domain);
	KUNIT_ASSERT_FALSE(test, IS_ERR(c));
	KUNIT_EXPECT_TRUE(test, domain_env_attends(c, REGALLOC_ATTENTION_CLOSE));
	KUNIT_EXPECT_EQ(test, 3, e->domain.nr_clients);
	KUNIT_EXPECT_EQ(test, 3, c->owner.account->id);
	regalloc_client_destroy(c);
	KUNIT_EXPECT_EQ(test, 2, e->domain.nr_clients);
	KUNIT_EXPECT_PTR_EQ(test, &e->b->node, e->domain.clients.prev);
}

struct visit {
	struct work_struct come;
	struct work_struct go;
	struct completion came;
	struct completion gone;
	struct regalloc_domain *domain;
	struct regalloc_client *client;
};

static void visit_come(struct work_struct *work)
{
	struct visit *v = container_of(work, struct visit, come);

	v->client = regalloc_client_create(v->domain);
	complete(&v->came);
}

static void visit_go(struct work_struct *work)
{
	struct visit *v = container_of(work, struct visit, go);

	regalloc_client_destroy(v->client);
	complete(&v->gone);
}

/* Waits until the visitor is not in the list any more. */
static bool visitor_has_left_list(const struct domain_env *e)
{
	unsigned int i;

	for (i = 0; i < 500 && READ_ONCE(e->domain.nr_clients) > 2; i++)
		msleep(20);
	return READ_ONCE(e->domain.nr_clients) == 2;
}

/* Only who goes waits for those who walk through the list. */
static void walks_may_take_long(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct visit v = { .domain = &e->domain };
	bool came;
	int walk;

	init_completion(&v.came);
	init_completion(&v.gone);
	INIT_WORK_ONSTACK(&v.come, visit_come);
	INIT_WORK_ONSTACK(&v.go, visit_go);
	walk = srcu_read_lock(&e->domain.walks);
	schedule_work(&v.come);
	came = wait_for_completion_timeout(&v.came, 10 * HZ) &&
	       !IS_ERR(v.client);
	KUNIT_EXPECT_TRUE(test, came);
	if (came) {
		KUNIT_EXPECT_EQ(test, 0,
				regalloc_account_set_limits(v.client->owner.account,
							    REGION, REGION));
		schedule_work(&v.go);
		KUNIT_EXPECT_TRUE(test, visitor_has_left_list(e));
		msleep(200);
		KUNIT_EXPECT_FALSE(test, completion_done(&v.gone));
		/* Who is there finds his way on; nothing else is kept. */
		KUNIT_EXPECT_PTR_EQ(test, v.client->node.next,
				    &e->domain.clients);
		KUNIT_EXPECT_EQ(test, 0, e->domain.budget.reserved);
		KUNIT_EXPECT_FALSE(test, mutex_is_locked(&e->domain.lock));
	}
	srcu_read_unlock(&e->domain.walks, walk);
	flush_work(&v.come);
	flush_work(&v.go);
	destroy_work_on_stack(&v.come);
	destroy_work_on_stack(&v.go);
}

static void takes_all_with_it(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_account *account = e->a->owner.account;

	KUNIT_EXPECT_EQ(test, 0, regalloc_account_set_limits(account, REGION,
							     U64_MAX));
	domain_env_open(test, e->a, OF_256K, 3, e->handles);
	domain_env_open_spare(test, e->a, OF_64K);
	regalloc_client_destroy(e->a);
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&e->domain.budget.total.charged));
	KUNIT_EXPECT_EQ(test, 0, e->domain.budget.reserved);
}

static void what_handles_name(struct kunit *test)
{
	struct domain_env *e = test->priv;
	u64 *h = e->handles, inside;
	u64 end = regalloc_geometry_window_bytes(&e->domain.geo);

	domain_env_open(test, e->a, OF_256K, 2, h);
	inside = REGALLOC_HANDLE(REGALLOC_HANDLE_OFFSET(h[0]) + PAGE_SIZE, 0);
	/* Beyond the window; inside of a slice; a closed slot; not of this client. */
	KUNIT_EXPECT_EQ(test, -ENOENT,
			regalloc_client_give(e->a, REGALLOC_HANDLE(end, 0)));
	KUNIT_EXPECT_EQ(test, -ENOENT, regalloc_client_give(e->a, inside));
	KUNIT_EXPECT_EQ(test, -ENOENT, regalloc_client_give(e->a, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, regalloc_client_give(e->b, h[0]));
	KUNIT_EXPECT_EQ(test, -ENOENT, regalloc_client_zero(e->b, h[0]));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			regalloc_client_zero(e->a, REGALLOC_HANDLE(end, 0)));
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_give(e->a, h[0]));
	KUNIT_EXPECT_EQ(test, -ESTALE, regalloc_client_give(e->a, h[0]));
	KUNIT_EXPECT_EQ(test, -ESTALE, regalloc_client_zero(e->a, h[0]));
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_zero(e->a, h[1]));
}

static void zeroes_one_slice(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_space *space = e->a->owner.space;
	unsigned int pages = SZ_256K / PAGE_SIZE, i;
	struct regalloc_place place;
	u64 at;

	domain_env_open(test, e->a, OF_256K, 3, e->handles);
	KUNIT_ASSERT_EQ(test, 0, locate_handle(e->a, e->handles[1], &place));
	at = regalloc_pool_offset(&e->a->pools[OF_256K], place.slot);
	for (i = 0; i < 3 * pages; i++)
		memset(space_page_address(space, at + i * PAGE_SIZE), 'x',
		       PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_zero(e->a, e->handles[1]));
	for (i = 0; i < 3 * pages; i++) {
		KUNIT_ASSERT_NULL(test, memchr_inv(space_page_address(space,
								      at + i * PAGE_SIZE),
						   i / pages == place.slice ? 0 : 'x',
						   PAGE_SIZE));
	}
}

/* A hint that is missing hides a slice from the first look, not from the last. */
static void the_last_look_trusts_no_hint(struct kunit *test)
{
	struct domain_env *e = test->priv;
	u64 *h = e->handles, again;

	domain_env_open(test, e->a, OF_256K, SLICES, h);
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_take(e->a, OF_256K, false, 1,
						      &again));
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_last_look(e->a, OF_256K, false,
							   1, &again));
	KUNIT_ASSERT_EQ(test, 0, domain_env_release_and_die(e->a, h[7]));
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_take(e->a, OF_256K, false, 1,
						      &again));
	KUNIT_EXPECT_EQ(test, 1, regalloc_client_last_look(e->a, OF_256K, false,
							   1, &again));
	KUNIT_EXPECT_EQ(test, h[7] + 1, again);
	/* Or until a process has gone. */
	KUNIT_ASSERT_EQ(test, 0, domain_env_release_and_die(e->a, h[3]));
	regalloc_client_forget_hints(e->a);
	KUNIT_EXPECT_EQ(test, 1, regalloc_client_take(e->a, OF_256K, false, 1,
						      &again));
	KUNIT_EXPECT_EQ(test, h[3] + 1, again);
}

static void closes_spares_of_all_classes(struct kunit *test)
{
	struct domain_env *e = test->priv;
	unsigned long next = MAX_JIFFY_OFFSET;
	u64 freed = 0;

	domain_env_open_spare(test, e->a, OF_64K);
	domain_env_open_spare(test, e->a, OF_256K);
	KUNIT_EXPECT_EQ(test, 2, regalloc_client_count_maybe_spares(e->a));
	regalloc_client_decay(e->a, 600 * HZ, &next);
	KUNIT_EXPECT_EQ(test, 2, domain_env_regions(e->a));
	KUNIT_EXPECT_LE(test, next, 600 * HZ);
	KUNIT_EXPECT_LT(test, 500 * HZ, next);
	KUNIT_EXPECT_EQ(test, 1, regalloc_client_close_spares(e->a, 1, &freed));
	KUNIT_EXPECT_EQ(test, REGION, freed);
	KUNIT_EXPECT_EQ(test, 1, domain_env_regions(e->a));
	KUNIT_EXPECT_EQ(test, 1, regalloc_client_close_spares(e->a, U64_MAX,
							      &freed));
	KUNIT_EXPECT_EQ(test, 0, domain_env_regions(e->a));
	KUNIT_EXPECT_EQ(test, 0, regalloc_client_count_maybe_spares(e->a));
}

static void counts_what_it_holds(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_usage usage = { .count_live = true };

	domain_env_open(test, e->a, OF_256K, 3, e->handles);
	domain_env_open_spare(test, e->a, OF_64K);
	regalloc_client_add_usage(e->a, &usage);
	regalloc_client_add_usage(e->b, &usage);
	KUNIT_EXPECT_EQ(test, 2, usage.regions);
	KUNIT_EXPECT_EQ(test, REGION, usage.spare_bytes);
	KUNIT_EXPECT_EQ(test, REGION - 3 * SZ_256K, usage.idle_bytes);
	KUNIT_EXPECT_EQ(test, 0, usage.hole_bytes);
	KUNIT_EXPECT_EQ(test, 3, usage.live);
	KUNIT_EXPECT_EQ(test, 3 * SZ_256K, usage.live_bytes);
}

static void tells_as_long_as_one_waits(struct kunit *test)
{
	struct domain_env *e = test->priv;

	regalloc_client_begin_wait(e->a);
	regalloc_client_begin_wait(e->a);
	regalloc_client_end_wait(e->a);
	KUNIT_EXPECT_TRUE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_WAIT));
	KUNIT_EXPECT_FALSE(test, domain_env_attends(e->b, REGALLOC_ATTENTION_WAIT));
	regalloc_client_end_wait(e->a);
	KUNIT_EXPECT_FALSE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_WAIT));
	KUNIT_EXPECT_TRUE(test, domain_env_attends(e->a, REGALLOC_ATTENTION_ARM));
}

static struct kunit_case client_cases[] = {
	KUNIT_CASE(joins_and_leaves),
	KUNIT_CASE(walks_may_take_long),
	KUNIT_CASE(takes_all_with_it),
	KUNIT_CASE(what_handles_name),
	KUNIT_CASE(zeroes_one_slice),
	KUNIT_CASE(the_last_look_trusts_no_hint),
	KUNIT_CASE(closes_spares_of_all_classes),
	KUNIT_CASE(counts_what_it_holds),
	KUNIT_CASE(tells_as_long_as_one_waits),
	{}
};

static struct kunit_suite client_suite = {
	.name = "regalloc_client",
	.init = domain_env_init,
	.exit = domain_env_exit,
	.test_cases = client_cases,
};

kunit_test_suite(client_suite);
