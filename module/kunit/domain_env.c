// SPDX-License-Identifier: GPL-2.0-only
#include "../client.h"
#include "../pinned.h"
#include "../reclaim.h"
#include "../slice_map.h"
#include "../space.h"
#include "domain_env.h"

int domain_env_init(struct kunit *test)
{
	struct domain_env *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);
	struct regalloc_domain *domain;

	KUNIT_ASSERT_NOT_NULL(test, e);
	domain = &e->domain;
	KUNIT_ASSERT_EQ(test, 0, regalloc_geometry_init(&domain->geo,
							1ULL << 30));
	domain->decay_ms = ENV_DECAY_MS;
	KUNIT_ASSERT_EQ(test, 0, regalloc_domain_init(domain));
	regalloc_budget_init(&domain->budget);
	regalloc_budget_set(&domain->budget, 2 * REGION);
	regalloc_reclaim_init(domain);
	KUNIT_ASSERT_EQ(test, 0, regalloc_space_init());
	KUNIT_ASSERT_EQ(test, 0, regalloc_pinned_init());
	e->a = regalloc_client_create(domain);
	e->b = regalloc_client_create(domain);
	KUNIT_ASSERT_FALSE(test, IS_ERR(e->a));
	KUNIT_ASSERT_FALSE(test, IS_ERR(e->b));
	test->priv = e;
	return 0;
}

void domain_env_exit(struct kunit *test)
{
	struct domain_env *e = test->priv;
	struct regalloc_client *client, *next;

	list_for_each_entry_safe(client, next, &e->domain.clients, node)
		regalloc_client_destroy(client);
	KUNIT_EXPECT_EQ(test, 0, e->domain.nr_clients);
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&e->domain.budget.total.charged));
	KUNIT_EXPECT_EQ(test, 0, e->domain.budget.spoken_for);
	regalloc_reclaim_exit(&e->domain);
	regalloc_pinned_exit();
	regalloc_space_exit();
	regalloc_domain_exit(&e->domain);
}

void domain_env_open(struct kunit *test, struct regalloc_client *client,
		     unsigned int class, unsigned int count, u64 *handles)
{
	KUNIT_ASSERT_EQ(test, count,
			regalloc_pool_grow(&client->pools[class], U64_MAX, false,
					   count, handles));
}

void domain_env_open_full(struct kunit *test, struct regalloc_client *client,
			  unsigned int class, u64 *handle)
{
	u64 rest;
	unsigned int i;

	domain_env_open(test, client, class, 1, handle);
	for (i = 1; i < regalloc_class_slices(class); i++)
		KUNIT_ASSERT_EQ(test, 1, regalloc_client_take(client, class,
							      false, 1, &rest));
}

void domain_env_open_spare(struct kunit *test, struct regalloc_client *client,
			   unsigned int class)
{
	u64 handle;

	domain_env_open(test, client, class, 1, &handle);
	KUNIT_ASSERT_EQ(test, 0, regalloc_client_give(client, handle));
}

int domain_env_release_and_die(struct regalloc_client *client, u64 handle)
{
	struct regalloc_region *region;
	struct regalloc_place place;

	if (!regalloc_geometry_locate(&client->domain->geo,
				      REGALLOC_HANDLE_OFFSET(handle), &place))
		return -ERANGE;
	region = xa_load(&client->pools[place.class].regions, place.slot);
	return regalloc_slice_release(regalloc_slice_word(region->map.words,
							  place.class,
							  place.slice),
				      REGALLOC_HANDLE_GEN(handle));
}

u64 domain_env_regions(const struct regalloc_client *client)
{
	return div_u64(atomic64_read(&client->owner.account->own.charged),
		       REGION);
}

bool domain_env_attends(const struct regalloc_client *client, u32 bit)
{
	return READ_ONCE(client->owner.control->attention) & bit;
}
