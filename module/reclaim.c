// SPDX-License-Identifier: GPL-2.0-only
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/minmax.h>

#include "client.h"
#include "pinned.h"
#include "pressure.h"
#include "reclaim.h"

/* Map pages are freed so many at once: each time takes a grace period. */
#define MAP_BATCH	64

/**
 * regalloc_reclaim_own() - return spare and idle memory of a client
 * @client: that needs room, or gives it
 * @bytes: until so much is free
 *
 * Context: may sleep. Takes the client's lock.
 * Return: how many bytes are free now.
 */
u64 regalloc_reclaim_own(struct regalloc_client *client, u64 bytes)
{
	u64 freed = 0;

	regalloc_client_close_spares(client, bytes, &freed);
	if (freed < bytes)
		regalloc_client_punch_idle(client, true, bytes, &freed);
	return freed;
}

/* What may be reclaimed: of one client all spares go before any idle memory. */
enum what { SPARES, IDLE };

/* Reclaim from other clients with a number of @first to @last. */
static void reclaim_among(struct regalloc_client *client, enum what what,
			  u64 first, u64 last, u64 bytes, u64 *freed)
{
	struct regalloc_domain *domain = client->domain;
	struct regalloc_client *other;

	regalloc_for_each_client(other, domain) {
		struct regalloc_account *account = other->owner.account;
		u64 before = *freed, above, most;

		cond_resched();
		if (*freed >= bytes)
			return;
		if (other == client || account->id < first ||
		    account->id > last)
			continue;
		above = regalloc_account_above_reserve(account);
		if (!above)
			continue;
		most = min(bytes, *freed + above);
		if (what == SPARES)
			regalloc_client_close_spares(other, most, freed);
		else
			regalloc_client_punch_idle(other, false, most, freed);
		if (*freed > before)
			WRITE_ONCE(domain->gave, account->id);
	}
}

/**
 * regalloc_reclaim_others() - return spare and idle memory of other clients
 * @client: that needs room
 * @bytes: until so much is free
 *
 * Spares of all before idle memory of any, which costs more. Not always of the same
 * client: the search goes on after the one that gave last. What belongs to a reserve
 * stays: its owner could not have it back at once.
 *
 * Context: may sleep. Takes the clients' locks.
 * Return: how many bytes are free now.
 */
u64 regalloc_reclaim_others(struct regalloc_client *client, u64 bytes)
{
	struct regalloc_domain *domain = client->domain;
	u64 gave = READ_ONCE(domain->gave), freed = 0;
	enum what what;
	int walk;

	walk = srcu_read_lock(&domain->walks);
	for (what = SPARES; what <= IDLE; what++) {
		reclaim_among(client, what, gave + 1, U64_MAX, bytes, &freed);
		reclaim_among(client, what, 0, gave, bytes, &freed);
	}
	srcu_read_unlock(&domain->walks, walk);
	return freed;
}

/*
 * Whether there is room for what a slot needs, a page of words and one of hints. Room
 * for one would be taken by the words each time, to be dropped for the hints.
 */
static bool has_map_room(struct regalloc_domain *domain)
{
	return !regalloc_budget_map_excess(&domain->budget, 2 * PAGE_SIZE);
}

/**
 * regalloc_reclaim_map_pages() - free map pages of closed slots
 * @domain: with too many map pages
 * @client: that needs some, and gives its own first; may be NULL
 *
 * Context: may sleep. Takes the clients' locks.
 * Return: whether there is room for a page now, or may be.
 */
bool regalloc_reclaim_map_pages(struct regalloc_domain *domain,
				struct regalloc_client *client)
{
	static DEFINE_MUTEX(lock);	/* a task that waits finds what was freed */
	struct regalloc_client *other;
	bool freed;
	int walk;

	mutex_lock(&lock);
	freed = has_map_room(domain);
	if (!freed && client)
		freed = regalloc_client_drop_map_pages(client, MAP_BATCH);
	walk = srcu_read_lock(&domain->walks);
	regalloc_for_each_client(other, domain) {
		if (has_map_room(domain))
			break;
		cond_resched();
		freed |= regalloc_client_drop_map_pages(other, MAP_BATCH) > 0;
	}
	srcu_read_unlock(&domain->walks, walk);
	mutex_unlock(&lock);
	return freed;
}

/**
 * regalloc_reclaim_kick_own() - slices of a client may have become free
 * @client: of which those threads are woken that wait
 *
 * Others wait for room, and the uncharge tells them. Full barrier, which goes with that
 * of regalloc_client_begin_wait().
 */
void regalloc_reclaim_kick_own(const struct regalloc_client *client)
{
	smp_mb();	/* what has become free, before the look at who waits */
	if (READ_ONCE(client->nr_waiting))
		regalloc_waiters_kick(&client->domain->budget.waiters);
}

/**
 * regalloc_reclaim_trim() - return all spare and idle memory of a client
 * @client: that asks for it, or that somebody waits for
 *
 * Context: may sleep. Takes the client's lock.
 * Return: how many regions were closed.
 */
unsigned int regalloc_reclaim_trim(struct regalloc_client *client)
{
	unsigned int closed;
	u64 freed = 0;

	closed = regalloc_client_close_spares(client, U64_MAX, &freed);
	regalloc_client_punch_idle(client, true, U64_MAX, &freed);
	regalloc_reclaim_kick_own(client);
	return closed;
}

/**
 * regalloc_reclaim_notified() - a client has released what it was told to tell of
 * @client: of which a thread waits, or that has emptied a region while memory is short
 *
 * Returns no more than waiters lack.
 *
 * Context: may sleep. Takes the client's lock.
 * Return: how many regions were closed.
 */
unsigned int regalloc_reclaim_notified(struct regalloc_client *client)
{
	struct regalloc_budget *budget = &client->domain->budget;
	u64 wanted = regalloc_waiters_wanted(&budget->waiters);
	u64 headroom = regalloc_budget_headroom(budget);
	u64 need = min(wanted - min(wanted, headroom),
		       regalloc_account_above_reserve(client->owner.account));
	unsigned int closed = 0;
	u64 freed = 0;

	if (READ_ONCE(client->domain->closing))
		closed = regalloc_client_close_spares(client, U64_MAX, &freed);
	if (freed < need)
		regalloc_client_punch_idle(client, true, need, &freed);
	regalloc_reclaim_kick_own(client);
	return closed;
}

/**
 * regalloc_reclaim_flush() - look after what a process may have left undone
 * @client: of which a descriptor is being closed
 *
 * Context: may sleep. Takes the client's lock.
 */
void regalloc_reclaim_flush(struct regalloc_client *client)
{
	regalloc_client_forget_hints(client);
	regalloc_reclaim_arm_client(client);
	/* Also those of others: it may have been killed before it closed a region. */
	regalloc_waiters_kick(&client->domain->budget.waiters);
}

/**
 * regalloc_reclaim_fit_client() - after a change, return what is above the limit
 * @client: that may have more than its limit now
 *
 * Context: may sleep. Takes the client's lock.
 */
void regalloc_reclaim_fit_client(struct regalloc_client *client)
{
	regalloc_reclaim_own(client,
			     regalloc_account_above_limit(client->owner.account));
}

/**
 * regalloc_reclaim_fit() - after a change, return memory until the budget fits
 * @domain: with more spoken for than there is
 * @except: a client to leave alone; may be NULL
 *
 * Clients are asked for what spare and idle memory does not give.
 *
 * Context: may sleep. Takes the clients' locks, and then the domain's.
 */
void regalloc_reclaim_fit(struct regalloc_domain *domain,
			  const struct regalloc_client *except)
{
	struct regalloc_client *client;
	u64 bytes;
	int walk;

	regalloc_pinned_reap();
	walk = srcu_read_lock(&domain->walks);
	regalloc_for_each_client(client, domain) {
		cond_resched();
		if (client == except)
			continue;
		bytes = min(regalloc_budget_excess(&domain->budget),
			    regalloc_account_above_reserve(client->owner.account));
		regalloc_reclaim_own(client, bytes);
	}
	srcu_read_unlock(&domain->walks, walk);
	bytes = regalloc_budget_excess(&domain->budget);
	if (bytes)
		regalloc_pressure_raise(domain, except, bytes);
}

/**
 * regalloc_reclaim_set_budget() - change a domain's budget
 * @domain: to change
 * @bytes: the new limit
 *
 * What is live stays, even if it is more than that: nothing new can be charged
 * until enough has been released.
 *
 * Context: as regalloc_reclaim_fit().
 * Return: 0, or -EBUSY if more than that is reserved.
 */
int regalloc_reclaim_set_budget(struct regalloc_domain *domain, u64 bytes)
{
	int err = regalloc_budget_set(&domain->budget, bytes);

	if (err)
		return err;
	regalloc_reclaim_fit(domain, NULL);
	while (regalloc_budget_map_excess(&domain->budget, 0) &&
	       regalloc_reclaim_map_pages(domain, NULL))
		;
	return 0;
}
