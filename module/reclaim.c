// SPDX-License-Identifier: GPL-2.0-only
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "client.h"
#include "pinned.h"
#include "pressure.h"
#include "reclaim.h"

/* Map pages are freed so many at once: each time takes a grace period. */
#define MAP_BATCH	64

/**
 * regalloc_reclaim_own() - close one spare of a client
 * @client: that needs room, or gives it
 *
 * Context: may sleep. Takes the client's lock.
 * Return: whether there was one.
 */
bool regalloc_reclaim_own(struct regalloc_client *client)
{
	return regalloc_client_close_spares(client, 1, 0, NULL);
}

/* Close a spare of another client with a number of @first to @last. */
static bool close_spare_among(struct regalloc_client *client, u64 first,
			      u64 last)
{
	struct regalloc_domain *domain = client->domain;
	struct regalloc_client *other;

	regalloc_for_each_client(other, domain) {
		struct regalloc_account *account = other->owner.account;

		cond_resched();
		if (other == client || account->id < first ||
		    account->id > last ||
		    !regalloc_account_above_reserve(account) ||
		    !regalloc_reclaim_own(other))
			continue;
		WRITE_ONCE(domain->gave, account->id);
		return true;
	}
	return false;
}

/**
 * regalloc_reclaim_others() - close one spare of another client
 * @client: that needs room
 *
 * Not always of the same one: the search goes on after the one that gave last.
 * What belongs to a reserve stays: its owner could not have it back at once.
 *
 * Context: may sleep. Takes the clients' locks.
 * Return: whether there was one.
 */
bool regalloc_reclaim_others(struct regalloc_client *client)
{
	struct regalloc_domain *domain = client->domain;
	u64 gave = READ_ONCE(domain->gave);
	bool closed;
	int walk;

	walk = srcu_read_lock(&domain->walks);
	closed = close_spare_among(client, gave + 1, U64_MAX) ||
		 close_spare_among(client, 0, gave);
	srcu_read_unlock(&domain->walks, walk);
	return closed;
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

/*
 * Slices of the client may have become free: wake those of its threads that wait.
 * Others wait for room, and the uncharge tells them. Full barrier, which goes with
 * that of regalloc_client_begin_wait().
 */
static void kick_own(const struct regalloc_client *client)
{
	smp_mb();	/* what has become free, before the look at who waits */
	if (READ_ONCE(client->nr_waiting))
		regalloc_waiters_kick(&client->domain->budget.waiters);
}

/**
 * regalloc_reclaim_trim() - close all spares of a client
 * @client: that asks for it, or that somebody waits for
 *
 * Context: may sleep. Takes the client's lock.
 * Return: how many regions were closed.
 */
unsigned int regalloc_reclaim_trim(struct regalloc_client *client)
{
	unsigned int closed;

	closed = regalloc_client_close_spares(client, UINT_MAX, 0, NULL);
	kick_own(client);
	return closed;
}

static void decay_work_fn(struct work_struct *work)
{
	struct regalloc_domain *domain =
		container_of(to_delayed_work(work), struct regalloc_domain, decay);
	unsigned long idle = msecs_to_jiffies(READ_ONCE(domain->decay_ms));
	unsigned long next = MAX_JIFFY_OFFSET;
	struct regalloc_client *client;
	int walk;

	walk = srcu_read_lock(&domain->walks);
	regalloc_for_each_client(client, domain) {
		cond_resched();
		/* Who finds us armed still, we see what he did. */
		regalloc_client_attend(client, REGALLOC_ATTENTION_ARM, true);
		regalloc_client_close_spares(client, UINT_MAX, idle, &next);
	}
	srcu_read_unlock(&domain->walks, walk);
	if (next != MAX_JIFFY_OFFSET)
		queue_delayed_work(regalloc_wq, &domain->decay, next);
}

/**
 * regalloc_reclaim_init() - prepare a domain's decay
 * @domain: that has no client yet
 */
void regalloc_reclaim_init(struct regalloc_domain *domain)
{
	INIT_DELAYED_WORK(&domain->decay, decay_work_fn);
	domain->closing = !domain->decay_ms;
}

/**
 * regalloc_reclaim_exit() - end a domain's decay
 * @domain: that has no client any more
 *
 * Context: may sleep.
 */
void regalloc_reclaim_exit(struct regalloc_domain *domain)
{
	cancel_delayed_work_sync(&domain->decay);
}

static void queue_decay(struct regalloc_domain *domain, unsigned int decay_ms)
{
	queue_delayed_work(regalloc_wq, &domain->decay,
			   msecs_to_jiffies(decay_ms));
	/* Whoever changed it meanwhile may have had his look before that. */
	if (READ_ONCE(domain->decay_ms) != decay_ms)
		mod_delayed_work(regalloc_wq, &domain->decay, 0);
}

/**
 * regalloc_reclaim_arm() - see to it that new spares decay
 * @client: of which slices have been released
 */
void regalloc_reclaim_arm(struct regalloc_client *client)
{
	unsigned int decay_ms = READ_ONCE(client->domain->decay_ms);

	if (decay_ms)
		queue_decay(client->domain, decay_ms);
	kick_own(client);
}

/**
 * regalloc_reclaim_arm_client() - the same, when a client says so
 * @client: which has released slices without us
 *
 * Context: may sleep. Takes the client's lock if decay_ms is 0.
 * Return: how many regions were closed.
 */
unsigned int regalloc_reclaim_arm_client(struct regalloc_client *client)
{
	unsigned int decay_ms = READ_ONCE(client->domain->decay_ms);

	if (!decay_ms)
		return regalloc_reclaim_trim(client);
	/* In this order, and whatever decay_ms is by now: else it stays so. */
	regalloc_client_attend(client, REGALLOC_ATTENTION_ARM, false);
	queue_decay(client->domain, decay_ms);
	return 0;
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

/* Domain's lock held. */
static void update_closing_locked(struct regalloc_domain *domain)
{
	bool closing = !domain->decay_ms ||
		       regalloc_waiters_wanted(&domain->budget.waiters);
	struct regalloc_client *client;

	if (closing == domain->closing)
		return;
	WRITE_ONCE(domain->closing, closing);
	list_for_each_entry(client, &domain->clients, node)
		regalloc_client_attend(client, REGALLOC_ATTENTION_CLOSE,
				       closing);
}

/**
 * regalloc_reclaim_update_closing() - after a change of what waiters want
 * @domain: in which spares are either kept for a while, or needed at once
 *
 * Context: may sleep. Takes the domain's lock.
 */
void regalloc_reclaim_update_closing(struct regalloc_domain *domain)
{
	mutex_lock(&domain->lock);
	update_closing_locked(domain);
	mutex_unlock(&domain->lock);
}

/**
 * regalloc_reclaim_set_decay() - change how long spares stay open
 * @domain: for all clients of it
 * @decay_ms: milliseconds; 0 closes a region in the release that empties it
 */
void regalloc_reclaim_set_decay(struct regalloc_domain *domain,
				unsigned int decay_ms)
{
	mutex_lock(&domain->lock);
	WRITE_ONCE(domain->decay_ms, decay_ms);
	update_closing_locked(domain);
	mutex_unlock(&domain->lock);
	mod_delayed_work(regalloc_wq, &domain->decay, 0);
}

/* Close spares of a client, up to @bytes of them. */
static void close_spares_of(struct regalloc_client *client, u64 bytes)
{
	if (bytes)
		regalloc_client_close_spares(client,
					     div_u64(bytes - 1, REGALLOC_REGION_BYTES) + 1,
					     0, NULL);
}

/**
 * regalloc_reclaim_fit_client() - after a change, close spares above the limit
 * @client: that may have more than its limit now
 *
 * Context: may sleep. Takes the client's lock.
 */
void regalloc_reclaim_fit_client(struct regalloc_client *client)
{
	close_spares_of(client,
			regalloc_account_above_limit(client->owner.account));
}

/**
 * regalloc_reclaim_fit() - after a change, close spares until the budget fits
 * @domain: with more spoken for than there is
 * @except: a client to leave alone; may be NULL
 *
 * Clients are asked for what spares do not give.
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
		close_spares_of(client, bytes);
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
