// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/minmax.h>

#include "client.h"
#include "pressure.h"
#include "trace.h"

/**
 * regalloc_pressure_raise_client() - ask one client for memory
 * @client: that may have some
 * @bytes: how much is wanted
 *
 * Context: domain's lock held.
 */
void regalloc_pressure_raise_client(struct regalloc_client *client, u64 bytes)
{
	struct regalloc_account *account = client->owner.account;
	struct regalloc_control *control = client->owner.control;
	s64 want = min(bytes, regalloc_account_above_reserve(account));
	s64 old = atomic64_read(&client->wanted);

	/* It may look at any moment, but nobody else writes there now. */
	do {
		if (old >= want)
			return;
	} while (!atomic64_try_cmpxchg(&client->wanted, &old, want));
	if (old)
		return;
	regalloc_account_note_pressure(account);
	trace_regalloc_pressure(account->id, want);
	WRITE_ONCE(control->pressure,
		   (u32)atomic64_read(&account->own.pressure_events));
	wake_up_interruptible_poll(&client->asked, EPOLLPRI);
}

/**
 * regalloc_pressure_raise() - ask all who have more than their reserve
 * @domain: of the clients
 * @except: who needs it himself; may be NULL
 * @bytes: how much is wanted
 *
 * Context: may sleep. Takes the domain's lock.
 */
void regalloc_pressure_raise(struct regalloc_domain *domain,
			     const struct regalloc_client *except, u64 bytes)
{
	struct regalloc_client *client;

	mutex_lock(&domain->lock);
	list_for_each_entry(client, &domain->clients, node)
		if (client != except)
			regalloc_pressure_raise_client(client, bytes);
	mutex_unlock(&domain->lock);
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
