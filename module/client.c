// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/nospec.h>
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

/**
 * regalloc_client_take() - allocate slices from an open region
 * @client: that wants them
 * @class: their size class
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Context: may sleep. Takes the client's lock.
 * Return: as regalloc_pool_take_locked().
 */
unsigned int regalloc_client_take(struct regalloc_client *client,
				  unsigned int class, bool zero,
				  unsigned int count, u64 *handles)
{
	unsigned int taken;

	mutex_lock(&client->owner.lock);
	taken = regalloc_pool_take_locked(&client->pools[class], zero, count,
					  handles);
	mutex_unlock(&client->owner.lock);
	return taken;
}

/**
 * regalloc_client_last_look() - look for a free slice before saying no
 * @client: that wants slices
 * @class: their size class
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Context: may sleep. Takes the client's lock.
 * Return: as regalloc_pool_last_look_locked().
 */
int regalloc_client_last_look(struct regalloc_client *client,
			      unsigned int class, bool zero,
			      unsigned int count, u64 *handles)
{
	int taken;

	mutex_lock(&client->owner.lock);
	taken = regalloc_pool_last_look_locked(&client->pools[class], zero,
					       count, handles);
	mutex_unlock(&client->owner.lock);
	return taken;
}

/**
 * regalloc_client_forget_hints() - let every region be looked at again
 * @client: of which a process is about to go
 *
 * Context: may sleep. Takes the client's lock.
 */
void regalloc_client_forget_hints(struct regalloc_client *client)
{
	unsigned int class;

	mutex_lock(&client->owner.lock);
	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		regalloc_pool_forget_hints_locked(&client->pools[class]);
	mutex_unlock(&client->owner.lock);
}

/* Find the slice that a handle names; -ENOENT if it cannot name any. */
static int locate_handle(const struct regalloc_client *client, u64 handle,
			 struct regalloc_place *place)
{
	const struct regalloc_geometry *geo = &client->domain->geo;
	u64 offset = REGALLOC_HANDLE_OFFSET(handle);

	if (!regalloc_geometry_locate(geo, offset, place) ||
	    regalloc_geometry_offset(geo, place) != offset)
		return -ENOENT;
	place->class = array_index_nospec(place->class, REGALLOC_NR_CLASSES);
	return 0;
}

/**
 * regalloc_client_give() - release a slice
 * @client: that has it
 * @handle: from userspace, may be anything
 *
 * Context: may sleep. Takes the client's lock.
 * Return: 0, -ESTALE or -ENOENT, see regalloc_slice_release().
 */
int regalloc_client_give(struct regalloc_client *client, u64 handle)
{
	struct regalloc_place place;
	int err;

	err = locate_handle(client, handle, &place);
	if (err)
		return err;
	mutex_lock(&client->owner.lock);
	err = regalloc_pool_give_locked(&client->pools[place.class], &place,
					REGALLOC_HANDLE_GEN(handle),
					READ_ONCE(client->domain->closing));
	mutex_unlock(&client->owner.lock);
	return err;
}

/**
 * regalloc_client_zero() - fill a live slice with zeros
 * @client: that has it
 * @handle: from userspace, may be anything
 *
 * Context: may sleep. Takes the client's lock.
 * Return: 0, -ESTALE or -ENOENT, see regalloc_slice_check().
 */
int regalloc_client_zero(struct regalloc_client *client, u64 handle)
{
	struct regalloc_place place;
	int err;

	err = locate_handle(client, handle, &place);
	if (err)
		return err;
	mutex_lock(&client->owner.lock);
	err = regalloc_pool_zero_locked(&client->pools[place.class], &place,
					REGALLOC_HANDLE_GEN(handle));
	mutex_unlock(&client->owner.lock);
	return err;
}

/**
 * regalloc_client_close_spares() - close regions without a live slice
 * @client: where to look
 * @most: how many to close at most
 * @idle: only those into which nothing was released for so long, in jiffies
 * @next: lowered to the jiffies that remain until the next one is due; may be
 *	NULL if @idle is 0
 *
 * Context: may sleep. Takes the client's lock once for all classes, so a spare
 * that is there all the time is not missed.
 * Return: how many were closed.
 */
unsigned int regalloc_client_close_spares(struct regalloc_client *client,
					  unsigned int most,
					  unsigned long idle,
					  unsigned long *next)
{
	unsigned int class, closed = 0;

	mutex_lock(&client->owner.lock);
	for (class = 0; class < REGALLOC_NR_CLASSES && closed < most; class++)
		closed += regalloc_pool_close_spares_locked(&client->pools[class],
							    most - closed,
							    idle, next);
	mutex_unlock(&client->owner.lock);
	return closed;
}

/**
 * regalloc_client_count_maybe_spares() - how many regions are worth a look
 * @client: where to look
 *
 * Context: does not wait for the client's lock.
 * Return: the number of regions that may be without a live slice; 0 if somebody
 * is at work on them.
 */
unsigned long
regalloc_client_count_maybe_spares(struct regalloc_client *client)
{
	unsigned long nr = 0;
	unsigned int class;

	if (!mutex_trylock(&client->owner.lock))
		return 0;
	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		nr += regalloc_pool_count_maybe_spares_locked(&client->pools[class]);
	mutex_unlock(&client->owner.lock);
	return nr;
}

/**
 * regalloc_client_shrink() - close spares for the system, without waiting
 * @client: where to look
 * @looks: at how many regions to look at most; lowered by those looked at
 *
 * Context: as regalloc_pool_shrink_locked(); does not wait for the client's
 * lock either.
 * Return: how many were closed.
 */
unsigned int regalloc_client_shrink(struct regalloc_client *client,
				    unsigned int *looks)
{
	unsigned int class, closed = 0;

	if (!mutex_trylock(&client->owner.lock))
		return 0;
	for (class = 0; class < REGALLOC_NR_CLASSES && *looks; class++)
		closed += regalloc_pool_shrink_locked(&client->pools[class],
						      looks);
	mutex_unlock(&client->owner.lock);
	return closed;
}

/**
 * regalloc_client_drop_map_pages() - free map pages of closed slots
 * @client: where to look
 * @max: how many at most
 *
 * Context: may sleep. Takes the client's lock.
 * Return: how many were freed.
 */
unsigned int regalloc_client_drop_map_pages(struct regalloc_client *client,
					    unsigned int max)
{
	LIST_HEAD(dropped);
	unsigned int nr;

	mutex_lock(&client->owner.lock);
	nr = regalloc_map_pages_drop(&client->owner.map, max, &dropped);
	mutex_unlock(&client->owner.lock);
	regalloc_map_pages_free(&client->owner.map, &dropped);
	return nr;
}

/**
 * regalloc_client_add_usage() - count what a client holds
 * @client: that cannot go away meanwhile
 * @usage: to add it to
 *
 * Context: may sleep. Takes no lock.
 */
void regalloc_client_add_usage(struct regalloc_client *client,
			       struct regalloc_usage *usage)
{
	unsigned int class;

	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		regalloc_pool_add_usage(&client->pools[class], usage);
}
