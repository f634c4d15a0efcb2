// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "client.h"
#include "pressure.h"
#include "trace.h"

static unsigned long round_length(void)
{
	return msecs_to_jiffies(REGALLOC_ROUND_MS);
}

/**
 * regalloc_pressure_raise_client() - ask one client for memory
 * @client: that may have some
 * @bytes: how much more is wanted
 *
 * Context: domain's lock held.
 */
void regalloc_pressure_raise_client(struct regalloc_client *client, u64 bytes)
{
	struct regalloc_account *account = client->owner.account;
	struct regalloc_control *control = client->owner.control;
	u64 above = regalloc_account_above_reserve(account);
	s64 old = atomic64_read(&client->wanted), want;

	/* It may look at any moment, but nobody else writes there now. */
	do {
		want = min_t(u64, old + bytes, above);
		if (old >= want)
			return;
	} while (!atomic64_try_cmpxchg(&client->wanted, &old, want));
	regalloc_account_ask(account, want - old, round_length());
	if (old)
		return;
	regalloc_account_note_pressure(account);
	trace_regalloc_pressure(account->id, want);
	WRITE_ONCE(control->pressure,
		   (u32)atomic64_read(&account->own.pressure_events));
	wake_up_interruptible_poll(&client->asked, EPOLLPRI);
}

/**
 * struct need - memory that is missing, and the clients that may have it
 * @domain: of the clients
 * @except: that one is not asked; may be NULL
 * @missing: bytes that are still to be asked for
 * @total: bytes that all of them hold above their reserves
 */
struct need {
	struct regalloc_domain *domain;
	const struct regalloc_client *except;
	u64 missing;
	u64 total;
};

/* What clients hold, and what they are about to release. */
static void measure(struct need *need)
{
	struct regalloc_client *client;
	u64 coming = 0;

	lockdep_assert_held(&need->domain->lock);
	list_for_each_entry(client, &need->domain->clients, node) {
		struct regalloc_account *account = client->owner.account;

		if (client == need->except)
			continue;
		need->total += regalloc_account_above_reserve(account);
		coming += regalloc_account_on_its_way(account, round_length());
	}
	need->missing -= min(need->missing, coming);
}

/* A client's part of a need. */
static u64 share_of(const struct regalloc_client *client, u64 missing, u64 total)
{
	u64 above = regalloc_account_above_reserve(client->owner.account);
	u64 least = min_t(u64, missing, REGALLOC_LEAST_ASK);
	u64 share = mul_u64_u64_div_u64(missing, above, total);

	return min(max(round_up(share, PAGE_SIZE), least), above);
}

/* Ask the clients with a number of @first to @last for their parts of @whole. */
static void ask_among(struct need *need, u64 whole, u64 first, u64 last)
{
	struct regalloc_domain *domain = need->domain;
	struct regalloc_client *client;
	u64 share;

	list_for_each_entry(client, &domain->clients, node) {
		u64 id = client->owner.account->id;

		if (!need->missing)
			return;
		if (client == need->except || id < first || id > last)
			continue;
		share = min(share_of(client, whole, need->total), need->missing);
		if (!share)
			continue;
		regalloc_pressure_raise_client(client, share);
		need->missing -= share;
		domain->asked = id;
	}
}

/**
 * regalloc_pressure_raise() - ask those who have more than their reserve
 * @domain: of the clients
 * @except: who needs it himself; may be NULL
 * @bytes: how much is missing
 *
 * Context: may sleep. Takes the domain's lock.
 * Return: false if they have nothing above their reserves.
 */
bool regalloc_pressure_raise(struct regalloc_domain *domain,
			     const struct regalloc_client *except, u64 bytes)
{
	struct need need = {
		.domain = domain, .except = except, .missing = bytes,
	};
	u64 whole, asked;

	mutex_lock(&domain->lock);
	measure(&need);
	whole = need.missing;
	asked = domain->asked;
	if (whole && need.total) {
		ask_among(&need, whole, asked + 1, U64_MAX);
		ask_among(&need, whole, 0, asked);
	}
	mutex_unlock(&domain->lock);
	return need.total;
}

/**
 * regalloc_pressure_read() - see how much is wanted of a client, and clear it
 * @client: to look at
 *
 * Return: bytes, at most what it has above its reserve.
 */
u64 regalloc_pressure_read(struct regalloc_client *client)
{
	u64 wanted = atomic64_xchg(&client->wanted, 0);

	return min(wanted, regalloc_account_above_reserve(client->owner.account));
}

/**
 * regalloc_pressure_poll() - the device's poll entry
 * @file: of the client
 * @wait: as usual
 *
 * Return: EPOLLPRI as long as something is wanted of the client.
 */
__poll_t regalloc_pressure_poll(struct file *file, poll_table *wait)
{
	struct regalloc_client *client = file->private_data;

	poll_wait(file, &client->asked, wait);
	return atomic64_read(&client->wanted) ? EPOLLPRI : 0;
}
