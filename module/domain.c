// SPDX-License-Identifier: GPL-2.0-only
/* How clients come and go, and what they are told. */
#include <linux/err.h>
#include <linux/slab.h>

#include "client.h"
#include "space.h"

/**
 * regalloc_domain_init() - begin with no client
 * @domain: to be set up but for its budget, its decay and the device
 *
 * Return: 0 or -ENOMEM.
 */
int regalloc_domain_init(struct regalloc_domain *domain)
{
	mutex_init(&domain->lock);
	INIT_LIST_HEAD(&domain->clients);
	return init_srcu_struct(&domain->walks);
}

/**
 * regalloc_domain_exit() - undo regalloc_domain_init()
 * @domain: in which no client is left
 *
 * Context: may sleep.
 */
void regalloc_domain_exit(struct regalloc_domain *domain)
{
	cleanup_srcu_struct(&domain->walks);
}

/**
 * regalloc_client_attend() - say what the client's releases have to do
 * @client: of which the releases without us are meant
 * @bits: REGALLOC_ATTENTION_*
 * @on: whether they have to do that from now on
 *
 * A full barrier: who released before and has not seen it, his release is seen
 * after it.
 */
void regalloc_client_attend(struct regalloc_client *client, u32 bits, bool on)
{
	/* The owner may write there, which is between him and his releases. */
	atomic_t *attention = (atomic_t *)&client->owner.control->attention;

	if (on)
		atomic_or(bits, attention);
	else
		atomic_andnot(bits, attention);
	smp_mb__after_atomic();	/* see above */
}

/**
 * regalloc_client_begin_wait() - a thread is going to wait for a slice
 * @client: of the thread
 *
 * From now on, releases without us tell us, and those with us tell who waits. A
 * full barrier, as for regalloc_client_attend().
 *
 * Context: may sleep. Takes the domain's lock.
 */
void regalloc_client_begin_wait(struct regalloc_client *client)
{
	mutex_lock(&client->domain->lock);
	WRITE_ONCE(client->nr_waiting, client->nr_waiting + 1);
	regalloc_client_attend(client, REGALLOC_ATTENTION_WAIT, true);
	mutex_unlock(&client->domain->lock);
}

/**
 * regalloc_client_end_wait() - a thread waits no more
 * @client: of the thread
 *
 * Context: may sleep. Takes the domain's lock.
 */
void regalloc_client_end_wait(struct regalloc_client *client)
{
	mutex_lock(&client->domain->lock);
	WRITE_ONCE(client->nr_waiting, client->nr_waiting - 1);
	if (!client->nr_waiting)
		regalloc_client_attend(client, REGALLOC_ATTENTION_WAIT, false);
	mutex_unlock(&client->domain->lock);
}

static void domain_add(struct regalloc_domain *domain,
		       struct regalloc_client *client)
{
	mutex_lock(&domain->lock);
	/* Others may be on their way through the list. */
	list_add_tail_rcu(&client->node, &domain->clients);
	regalloc_client_attend(client, REGALLOC_ATTENTION_ARM, true);
	regalloc_client_attend(client, REGALLOC_ATTENTION_CLOSE,
			       domain->closing);
	domain->nr_clients++;
	mutex_unlock(&domain->lock);
}

static void domain_remove(struct regalloc_domain *domain,
			  struct regalloc_client *client)
{
	mutex_lock(&domain->lock);
	list_del_rcu(&client->node);
	domain->nr_clients--;
	mutex_unlock(&domain->lock);
	/* Those who have found it may take their time. */
	synchronize_srcu_expedited(&domain->walks);
}

static int owner_init(struct regalloc_owner *owner,
		      struct regalloc_domain *domain)
{
	const struct regalloc_geometry *geo = &domain->geo;
	int err = -ENOMEM;

	owner->account =
		regalloc_account_create(&domain->budget,
					atomic64_inc_return(&domain->last_id));
	if (!owner->account)
		return err;
	owner->space = regalloc_space_create(owner->account,
					     regalloc_geometry_window_bytes(geo) +
					     regalloc_geometry_map_bytes(geo));
	if (IS_ERR(owner->space)) {
		err = PTR_ERR(owner->space);
		goto err_space;
	}
	mutex_init(&owner->lock);
	err = regalloc_map_pages_init(&owner->map, geo, owner->space,
				      &domain->budget, &owner->lock);
	if (err)
		goto err_map;
	owner->control = regalloc_map_pages_find(&owner->map, 0);
	WRITE_ONCE(owner->control->first_gen, owner->map.first_gen);
	owner->geo = geo;
	return 0;

err_map:
	regalloc_space_put(owner->space);
err_space:
	regalloc_account_put(owner->account);
	return err;
}

static void owner_fini(struct regalloc_owner *owner)
{
	regalloc_map_pages_fini(&owner->map);
	regalloc_space_put(owner->space);
	regalloc_account_put(owner->account);
}

/**
 * regalloc_client_create() - a client that holds nothing yet
 * @domain: that it joins
 *
 * Context: may sleep. Takes the domain's lock.
 * Return: the client, which regalloc_client_destroy() ends, or an ERR_PTR.
 */
struct regalloc_client *regalloc_client_create(struct regalloc_domain *domain)
{
	struct regalloc_client *client;
	unsigned int class;
	int err;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return ERR_PTR(-ENOMEM);
	client->domain = domain;
	init_waitqueue_head(&client->asked);
	err = owner_init(&client->owner, domain);
	if (err) {
		kfree(client);
		return ERR_PTR(err);
	}
	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		regalloc_pool_init(&client->pools[class], &client->owner, class);
	domain_add(domain, client);
	return client;
}

/**
 * regalloc_client_destroy() - give back all that a client holds
 * @client: whose file nobody has open or mapped any more
 *
 * Context: may sleep. Takes the client's lock, then the domain's, and waits for
 * those who walk through the list.
 */
void regalloc_client_destroy(struct regalloc_client *client)
{
	struct regalloc_owner *owner = &client->owner;
	unsigned int class;

	/*
	 * Still listed: who is short of budget waits for this to end. He would
	 * not look at what a reserve holds.
	 */
	mutex_lock(&owner->lock);
	regalloc_account_set_limits(owner->account, 0, U64_MAX);
	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		regalloc_pool_fini_locked(&client->pools[class]);
	mutex_unlock(&owner->lock);

	domain_remove(client->domain, client);
	owner_fini(owner);
	kfree(client);
}
