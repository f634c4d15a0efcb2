// SPDX-License-Identifier: GPL-2.0-only
/* What is counted for an account and its budget, beside the charge. */
#include <linux/jiffies.h>

#include "budget.h"

/**
 * regalloc_account_pin() - count charged memory as pinned
 * @account: that it is charged to
 * @bytes: of a closed region, still referenced
 */
void regalloc_account_pin(struct regalloc_account *account, u64 bytes)
{
	atomic64_add(bytes, &account->own.pinned);
	atomic64_add(bytes, &account->budget->total.pinned);
}

/**
 * regalloc_account_unpin() - count memory as pinned no longer
 * @account: that it is charged to
 * @bytes: not referenced any more
 */
void regalloc_account_unpin(struct regalloc_account *account, u64 bytes)
{
	atomic64_sub(bytes, &account->own.pinned);
	atomic64_sub(bytes, &account->budget->total.pinned);
}

/**
 * regalloc_account_note_open() - count a region as opened
 * @account: of the client
 */
void regalloc_account_note_open(struct regalloc_account *account)
{
	atomic64_inc(&account->own.opened);
	atomic64_inc(&account->budget->total.opened);
}

/**
 * regalloc_account_note_close() - count a region as closed
 * @account: of the client
 */
void regalloc_account_note_close(struct regalloc_account *account)
{
	atomic64_inc(&account->own.closed);
	atomic64_inc(&account->budget->total.closed);
}

/**
 * regalloc_account_note_punched() - count memory that left open regions
 * @account: of the client
 * @bytes: how much
 */
void regalloc_account_note_punched(struct regalloc_account *account, u64 bytes)
{
	atomic64_add(bytes, &account->own.punched);
	atomic64_add(bytes, &account->budget->total.punched);
}

/**
 * regalloc_account_note_filled() - count memory that was added to open regions
 * @account: of the client
 * @bytes: how much
 */
void regalloc_account_note_filled(struct regalloc_account *account, u64 bytes)
{
	atomic64_add(bytes, &account->own.filled);
	atomic64_add(bytes, &account->budget->total.filled);
}

/**
 * regalloc_account_note_failure() - count an allocation that got nothing
 * @account: of the client
 */
void regalloc_account_note_failure(struct regalloc_account *account)
{
	atomic64_inc(&account->own.alloc_failures);
	atomic64_inc(&account->budget->total.alloc_failures);
}

/**
 * regalloc_account_note_pressure() - count a request for memory
 * @account: of the client that was asked
 */
void regalloc_account_note_pressure(struct regalloc_account *account)
{
	atomic64_inc(&account->own.pressure_events);
	atomic64_inc(&account->budget->total.pressure_events);
}

/**
 * regalloc_account_ask() - a client has been asked to release memory
 * @account: of the client
 * @bytes: how much; what is uncharged from now on counts as the answer
 * @round: how long it has to answer, in jiffies; older requests are forgotten
 */
void regalloc_account_ask(struct regalloc_account *account, u64 bytes,
			  unsigned long round)
{
	spin_lock(&account->budget->lock);
	if (!time_before(jiffies, account->asked_at + round))
		account->asked = 0;
	account->asked += bytes;
	account->asked_at = jiffies;
	spin_unlock(&account->budget->lock);
}

/**
 * regalloc_account_on_its_way() - memory that a client is about to release
 * @account: of the client
 * @round: how long it has to do so after it was asked, in jiffies
 *
 * Return: bytes that it was asked for and has not given yet.
 */
u64 regalloc_account_on_its_way(const struct regalloc_account *account,
				unsigned long round)
{
	u64 asked = 0;

	spin_lock(&account->budget->lock);
	if (time_before(jiffies, account->asked_at + round))
		asked = account->asked;
	spin_unlock(&account->budget->lock);
	return asked;
}
