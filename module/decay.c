// SPDX-License-Identifier: GPL-2.0-only
/* Memory that nobody uses is returned by itself, after a while or at once. */
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/minmax.h>

#include "client.h"
#include "pinned.h"
#include "reclaim.h"

/* With decay_ms = 0: idle memory of a batch of releases goes together. */
#define SOON_MS		10

static void decay_work_fn(struct work_struct *work)
{
	struct regalloc_domain *domain =
		container_of(to_delayed_work(work), struct regalloc_domain, decay);
	unsigned long age = msecs_to_jiffies(READ_ONCE(domain->decay_ms));
	unsigned long next = MAX_JIFFY_OFFSET;
	struct regalloc_client *client;
	int walk;

	walk = srcu_read_lock(&domain->walks);
	regalloc_for_each_client(client, domain) {
		cond_resched();
		/* Who finds us armed still, we see what he did. */
		regalloc_client_attend(client, REGALLOC_ATTENTION_ARM, true);
		regalloc_client_decay(client, age, &next);
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
			   msecs_to_jiffies(decay_ms ?: SOON_MS));
	/* Whoever changed it meanwhile may have had his look before that. */
	if (READ_ONCE(domain->decay_ms) != decay_ms)
		mod_delayed_work(regalloc_wq, &domain->decay, 0);
}

/**
 * regalloc_reclaim_expect_idle() - memory was added that may not be used
 * @domain: of the client that got it
 */
void regalloc_reclaim_expect_idle(struct regalloc_domain *domain)
{
	unsigned int decay_ms = READ_ONCE(domain->decay_ms);

	/* What has just been added is not to go before it is used. */
	if (decay_ms)
		queue_decay(domain, decay_ms);
}

/**
 * regalloc_reclaim_arm() - see to it that new spares decay
 * @client: of which slices have been released
 */
void regalloc_reclaim_arm(struct regalloc_client *client)
{
	queue_decay(client->domain, READ_ONCE(client->domain->decay_ms));
	regalloc_reclaim_kick_own(client);
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
	unsigned int closed = 0;
	u64 freed = 0;

	/* In this order, and whatever decay_ms is by now: else it stays so. */
	regalloc_client_attend(client, REGALLOC_ATTENTION_ARM, false);
	queue_decay(client->domain, decay_ms);
	if (!decay_ms) {
		closed = regalloc_client_close_spares(client, U64_MAX, &freed);
		regalloc_reclaim_kick_own(client);
	}
	return closed;
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
