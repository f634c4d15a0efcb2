// SPDX-License-Identifier: GPL-2.0-only
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/sched/signal.h>

#include "client.h"
#include "reclaim.h"
#include "region.h"
#include "trace.h"

/*
 * How often an allocation looks for room again because regions were opened or
 * closed while it looked. That others take each time what has become free is
 * possible in theory; to fail is better then than to try for ever.
 */
#define MAX_LOOKS	64

static bool close_own_spare(struct regalloc_client *client)
{
	return regalloc_client_close_spares(client, 1, 0, NULL);
}

/* Not always from the same one: whoever gave goes to the end of the list. */
static bool close_spare_of_others(struct regalloc_client *client)
{
	struct regalloc_domain *domain = client->domain;
	struct regalloc_client *other;
	bool closed = false;

	mutex_lock(&domain->lock);
	list_for_each_entry(other, &domain->clients, node) {
		if (other == client || !close_own_spare(other))
			continue;
		list_move_tail(&other->node, &domain->clients);
		closed = true;
		break;
	}
	mutex_unlock(&domain->lock);
	return closed;
}

/* Moves on whenever a region is opened or closed. */
static u64 count_changes(const struct regalloc_budget *budget)
{
	return atomic64_read(&budget->total.opened) +
	       atomic64_read(&budget->total.closed);
}

static bool has_room(const struct regalloc_budget *budget)
{
	return atomic64_read(&budget->total.charged) + REGALLOC_REGION_BYTES <=
	       atomic64_read(&budget->limit);
}

/*
 * Allocate from a pool in which no free slice was found; -EAGAIN if it has
 * failed but may succeed if tried again.
 *
 * While we look for a spare region, what is one may turn from one client's
 * region into another's, so finding none means something only if no region was
 * opened or closed meanwhile. Those that are just being closed are waited for,
 * since that happens under the locks that the look takes.
 */
static int grow(struct regalloc_client *client, unsigned int class, bool zero,
		unsigned int count, u64 *handles)
{
	struct regalloc_budget *budget = &client->domain->budget;
	u64 changes = count_changes(budget);
	int taken;

	taken = regalloc_pool_grow(&client->pools[class], zero, count, handles);
	switch (taken) {
	case -EDQUOT:
		regalloc_pinned_reap();
		if (close_own_spare(client) || close_spare_of_others(client) ||
		    has_room(budget) || changes != count_changes(budget))
			return -EAGAIN;
		return -ENOMEM;
	case -ENOMEM:
		/* If it is the memory cgroup, only our own memory helps. */
		return close_own_spare(client) ? -EAGAIN : -ENOMEM;
	default:
		return taken;
	}
}

/* Allocate what can be had in one step; -EAGAIN as for grow(). */
static int take_or_grow(struct regalloc_client *client, unsigned int class,
			bool zero, unsigned int count, u64 *handles)
{
	int taken;

	taken = regalloc_client_take(client, class, zero, count, handles);
	if (!taken)
		taken = grow(client, class, zero, count, handles);
	if (taken != -ENOMEM)
		return taken;
	taken = regalloc_client_last_look(client, class, zero, count, handles);
	return taken ?: -ENOMEM;
}

/**
 * regalloc_reclaim_alloc() - allocate slices, opening regions as needed
 * @client: that wants them
 * @class: their size class
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Fails only after a last look into the pool that found nothing.
 *
 * Context: may sleep. Takes grow_lock, the domain's and clients' locks, one
 * after the other.
 * Return: how many were allocated; if none, -ENOMEM without memory or budget,
 * -EINTR if a fatal signal is pending.
 */
int regalloc_reclaim_alloc(struct regalloc_client *client, unsigned int class,
			   bool zero, unsigned int count, u64 *handles)
{
	unsigned int got = 0, looks = 0;
	int taken, err = 0;

	while (got < count && !err) {
		taken = take_or_grow(client, class, zero, count - got,
				     handles + got);
		if (taken > 0) {
			got += taken;
			looks = 0;
		} else if (taken != -EAGAIN || ++looks == MAX_LOOKS) {
			err = -ENOMEM;
		}
		if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	if (got)
		return got;
	if (err == -ENOMEM) {
		regalloc_account_note_failure(client->owner.account);
		trace_regalloc_alloc_failure(client->owner.account->id, class,
					     err);
	}
	return err;
}

/**
 * regalloc_reclaim_trim() - close all spares of a client
 * @client: that asks for it
 *
 * Context: may sleep. Takes the client's lock.
 * Return: how many regions were closed.
 */
unsigned int regalloc_reclaim_trim(struct regalloc_client *client)
{
	return regalloc_client_close_spares(client, UINT_MAX, 0, NULL);
}

static void decay_work_fn(struct work_struct *work)
{
	struct regalloc_domain *domain =
		container_of(to_delayed_work(work), struct regalloc_domain, decay);
	unsigned long idle = msecs_to_jiffies(READ_ONCE(domain->decay_ms));
	unsigned long next = MAX_JIFFY_OFFSET;
	struct regalloc_client *client;

	mutex_lock(&domain->lock);
	list_for_each_entry(client, &domain->clients, node) {
		WRITE_ONCE(client->owner.control->armed, 0);
		smp_mb();	/* who finds us armed still, we see what he did */
		regalloc_client_close_spares(client, UINT_MAX, idle, &next);
	}
	mutex_unlock(&domain->lock);
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
}

/**
 * regalloc_reclaim_arm() - see to it that new spares decay
 * @domain: in which slices have been released
 */
void regalloc_reclaim_arm(struct regalloc_domain *domain)
{
	unsigned int decay_ms = READ_ONCE(domain->decay_ms);

	if (decay_ms)
		queue_decay(domain, decay_ms);
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
	/* In this order, and whatever decay_ms is by now: else armed stays. */
	WRITE_ONCE(client->owner.control->armed, 1);
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
}

/**
 * regalloc_reclaim_set_decay() - change how long spares stay open
 * @domain: for all clients of it
 * @decay_ms: milliseconds; 0 closes a region in the release that empties it
 */
void regalloc_reclaim_set_decay(struct regalloc_domain *domain,
				unsigned int decay_ms)
{
	struct regalloc_client *client;

	mutex_lock(&domain->lock);
	WRITE_ONCE(domain->decay_ms, decay_ms);
	list_for_each_entry(client, &domain->clients, node)
		WRITE_ONCE(client->owner.control->eager, !decay_ms);
	mutex_unlock(&domain->lock);
	mod_delayed_work(regalloc_wq, &domain->decay, 0);
}

/* Close as many spares as the charge is above the limit. */
static void fit(struct regalloc_domain *domain)
{
	struct regalloc_client *client;
	s64 excess;

	mutex_lock(&domain->lock);
	list_for_each_entry(client, &domain->clients, node) {
		excess = atomic64_read(&domain->budget.total.charged) -
			 atomic64_read(&domain->budget.limit);
		if (excess <= 0)
			break;
		regalloc_client_close_spares(client,
					     div_u64(excess - 1, REGALLOC_REGION_BYTES) + 1,
					     0, NULL);
	}
	mutex_unlock(&domain->lock);
}

/**
 * regalloc_reclaim_set_budget() - change a domain's budget
 * @domain: to change
 * @bytes: the new limit
 *
 * If more than that is charged, spares are closed. What is live stays: nothing
 * new can be charged until enough has been released.
 *
 * Context: may sleep. Takes the domain's and the clients' locks.
 */
void regalloc_reclaim_set_budget(struct regalloc_domain *domain, u64 bytes)
{
	atomic64_set(&domain->budget.limit, bytes);
	regalloc_pinned_reap();
	fit(domain);
}
