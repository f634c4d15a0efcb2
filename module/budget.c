// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "budget.h"

/* Read the digits at *@text and step over them. */
static bool parse_number(const char **text, u64 *number)
{
	const char *p = *text;
	u64 n = 0;

	if (!isdigit(*p))
		return false;
	for (; isdigit(*p); p++) {
		if (check_mul_overflow(n, (u64)10, &n) ||
		    check_add_overflow(n, (u64)(*p - '0'), &n))
			return false;
	}
	*text = p;
	*number = n;
	return true;
}

/* Read a unit at *@text, if there is one, and step over it. */
static unsigned int parse_unit(const char **text)
{
	unsigned int shift;

	switch (tolower(**text)) {
	case 'k':
		shift = 10;
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		shift = 30;
		break;
	case 't':
		shift = 40;
		break;
	default:
		return 0;
	}
	(*text)++;
	return shift;
}

/**
 * regalloc_budget_parse() - read a budget as operators write it
 * @text: digits and a unit: K, M, G, T (powers of 1024, either case), % of
 *	@ram_bytes, or none for bytes; a line feed may follow
 * @ram_bytes: memory of the machine
 * @bytes: where to store the budget
 * @why: where to store the reason of a failure, a constant string
 *
 * Return: 0, or -EINVAL with @bytes untouched if @text is not like that, or
 * gives zero, or more than the machine has.
 */
int regalloc_budget_parse(const char *text, u64 ram_bytes, u64 *bytes,
			  const char **why)
{
	unsigned int shift;
	u64 number;

	*why = "not a size like 3G, 512M or 25%";
	if (!parse_number(&text, &number))
		return -EINVAL;
	if (*text == '%') {
		text++;
		/* Above 100 is above the memory of the machine, by any sum. */
		number = number > 100 ? U64_MAX :
					div_u64(ram_bytes * number, 100);
	} else {
		shift = parse_unit(&text);
		number = number > U64_MAX >> shift ? U64_MAX : number << shift;
	}
	if (*text == '\n')
		text++;
	if (*text)
		return -EINVAL;
	*why = "zero";
	if (number == 0)
		return -EINVAL;
	*why = "more than the memory of this machine";
	if (number > ram_bytes)
		return -EINVAL;
	*bytes = number;
	return 0;
}

/**
 * regalloc_account_create() - open an account under a budget
 * @budget: which must outlive it
 * @id: number of the client
 *
 * Context: may sleep.
 * Return: the account, with one reference that is the caller's, or NULL.
 */
struct regalloc_account *
regalloc_account_create(struct regalloc_budget *budget, u64 id)
{
	struct regalloc_account *account;

	account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);
	if (!account)
		return NULL;
	refcount_set(&account->refs, 1);
	account->budget = budget;
	account->id = id;
	return account;
}

/**
 * regalloc_account_get() - take a reference
 * @account: that the caller has a reference to already
 */
void regalloc_account_get(struct regalloc_account *account)
{
	refcount_inc(&account->refs);
}

/**
 * regalloc_account_put() - drop a reference
 * @account: gone if it was the last one
 */
void regalloc_account_put(struct regalloc_account *account)
{
	if (refcount_dec_and_test(&account->refs))
		kfree(account);
}

static void raise_peak(struct regalloc_budget *budget, s64 charged)
{
	s64 peak = atomic64_read(&budget->peak);

	while (charged > peak)
		if (atomic64_try_cmpxchg(&budget->peak, &peak, charged))
			break;
}

/**
 * regalloc_account_try_charge() - charge memory that is about to be allocated
 * @account: of the client that wants it
 * @bytes: how much
 *
 * Return: false, with nothing charged, if the budget has no room for it.
 */
bool regalloc_account_try_charge(struct regalloc_account *account, u64 bytes)
{
	struct regalloc_budget *budget = account->budget;
	s64 old = atomic64_read(&budget->total.charged);
	s64 new;

	do {
		new = old + bytes;
		if (new > atomic64_read(&budget->limit))
			return false;
	} while (!atomic64_try_cmpxchg(&budget->total.charged, &old, new));
	raise_peak(budget, new);
	atomic64_add(bytes, &account->own.charged);
	return true;
}

/**
 * regalloc_account_uncharge() - take a charge back
 * @account: that was charged
 * @bytes: memory that has been freed, or was not allocated after all
 */
void regalloc_account_uncharge(struct regalloc_account *account, u64 bytes)
{
	atomic64_sub(bytes, &account->own.charged);
	atomic64_sub(bytes, &account->budget->total.charged);
}

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
 * regalloc_account_note_failure() - count an allocation that got nothing
 * @account: of the client
 */
void regalloc_account_note_failure(struct regalloc_account *account)
{
	atomic64_inc(&account->own.alloc_failures);
	atomic64_inc(&account->budget->total.alloc_failures);
}
