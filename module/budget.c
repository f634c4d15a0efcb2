// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "budget.h"

/* Map pages have at most 1/64 of the budget, beside it. */
#define MAP_BOUND_SHIFT	6

/*
 * But where pages are larger than 4 KiB, those that one client needs for a slot of each
 * class are more than that of a small budget.
 */
#define MAP_BOUND_LEAST	(PAGE_SIZE > 4096 ? 16 * PAGE_SIZE : 0)

/**
 * regalloc_budget_init() - begin with nothing charged
 * @budget: to be set up; its limit may have been set already
 */
void regalloc_budget_init(struct regalloc_budget *budget)
{
	spin_lock_init(&budget->lock);
	regalloc_waiters_init(&budget->waiters);
}

/**
 * regalloc_budget_set() - change how much may be charged
 * @budget: to change
 * @bytes: the new limit; may be less than what is charged
 *
 * Return: 0, or -EBUSY if more than that is reserved.
 */
int regalloc_budget_set(struct regalloc_budget *budget, u64 bytes)
{
	int err = -EBUSY;

	spin_lock(&budget->lock);
	if (budget->reserved <= bytes) {
		atomic64_set(&budget->limit, bytes);
		err = 0;
	}
	spin_unlock(&budget->lock);
	if (!err)
		regalloc_waiters_kick(&budget->waiters);
	return err;
}

/**
 * regalloc_budget_excess() - how much more is spoken for than there is
 * @budget: to look at
 *
 * Return: bytes; not 0 only after the limit was lowered or a reserve raised.
 */
u64 regalloc_budget_excess(struct regalloc_budget *budget)
{
	u64 limit, excess;

	spin_lock(&budget->lock);
	limit = atomic64_read(&budget->limit);
	excess = budget->spoken_for - min(budget->spoken_for, limit);
	spin_unlock(&budget->lock);
	return excess;
}

/**
 * regalloc_budget_headroom() - how much of the budget nobody has or has reserved
 * @budget: to look at
 *
 * Return: bytes.
 */
u64 regalloc_budget_headroom(struct regalloc_budget *budget)
{
	u64 limit, used;

	spin_lock(&budget->lock);
	limit = atomic64_read(&budget->limit);
	used = max_t(u64, budget->spoken_for,
		     atomic64_read(&budget->total.charged));
	spin_unlock(&budget->lock);
	return limit - min(limit, used);
}

/* Bytes of map pages that all clients together may have. Budget's lock. */
static u64 max_map_bytes(const struct regalloc_budget *budget)
{
	lockdep_assert_held(&budget->lock);
	return max_t(u64, atomic64_read(&budget->limit) >> MAP_BOUND_SHIFT,
		     MAP_BOUND_LEAST);
}

/**
 * regalloc_budget_charge_map() - count a map page against the bound for them
 * @budget: of the client that is going to allocate it
 * @bytes: size of the page
 * @max: what all clients may have then
 *
 * Return: false, with nothing counted, if there are as many as may be.
 */
bool regalloc_budget_charge_map(struct regalloc_budget *budget, u64 bytes,
				enum regalloc_map_max max)
{
	u64 most;
	bool fits;

	spin_lock(&budget->lock);
	most = max_map_bytes(budget) >> (max == REGALLOC_MAP_HALF);
	fits = max == REGALLOC_MAP_ANY || budget->map_bytes + bytes <= most;
	if (fits)
		budget->map_bytes += bytes;
	spin_unlock(&budget->lock);
	return fits;
}

/**
 * regalloc_budget_uncharge_map() - count map pages no longer
 * @budget: that they were counted in
 * @bytes: how much has been freed
 */
void regalloc_budget_uncharge_map(struct regalloc_budget *budget, u64 bytes)
{
	spin_lock(&budget->lock);
	budget->map_bytes -= bytes;
	spin_unlock(&budget->lock);
}

/**
 * regalloc_budget_map_excess() - how much too much map pages have
 * @budget: to look at
 * @more: bytes that are wanted
 *
 * Return: bytes, with @more.
 */
u64 regalloc_budget_map_excess(struct regalloc_budget *budget, u64 more)
{
	u64 max, excess;

	spin_lock(&budget->lock);
	max = max_map_bytes(budget);
	excess = budget->map_bytes + more - min(budget->map_bytes + more, max);
	spin_unlock(&budget->lock);
	return excess;
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
	account->limit = U64_MAX;
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

/* What is spoken for by an account with so much charged. */
static u64 spoken_for(const struct regalloc_account *account, u64 charged)
{
	return max(charged, account->reserve);
}

/**
 * regalloc_account_set_limits() - how much an account must and may have
 * @account: to change
 * @reserve: bytes that are set aside for it from now on
 * @limit: bytes that it may have, at least @reserve
 *
 * Either may be less than what is charged, which changes nothing about that.
 *
 * Return: 0, or -EBUSY with nothing changed if the reserves of all accounts
 * would exceed the budget.
 */
int regalloc_account_set_limits(struct regalloc_account *account, u64 reserve,
				u64 limit)
{
	struct regalloc_budget *budget = account->budget;
	u64 budget_limit, charged, others;
	bool more = false;
	int err = -EBUSY;

	spin_lock(&budget->lock);
	budget_limit = atomic64_read(&budget->limit);
	charged = atomic64_read(&account->own.charged);
	others = budget->reserved - account->reserve;
	if (reserve <= budget_limit - others) {
		more = reserve != account->reserve || limit > account->limit;
		budget->spoken_for -= spoken_for(account, charged);
		budget->reserved = others + reserve;
		WRITE_ONCE(account->reserve, reserve);
		WRITE_ONCE(account->limit, limit);
		budget->spoken_for += spoken_for(account, charged);
		err = 0;
	}
	spin_unlock(&budget->lock);
	/* To say the same again is of no use to waiters. */
	if (more)
		regalloc_waiters_kick(&budget->waiters);
	return err;
}

/**
 * regalloc_account_above_reserve() - what an account has beyond what it must have
 * @account: to look at
 *
 * Return: bytes.
 */
u64 regalloc_account_above_reserve(const struct regalloc_account *account)
{
	u64 charged = atomic64_read(&account->own.charged);
	u64 reserve = READ_ONCE(account->reserve);

	return charged > reserve ? charged - reserve : 0;
}

/**
 * regalloc_account_above_limit() - what an account has beyond what it may have
 * @account: to look at
 *
 * Return: bytes; not 0 only after the limit was lowered.
 */
u64 regalloc_account_above_limit(const struct regalloc_account *account)
{
	u64 charged = atomic64_read(&account->own.charged);
	u64 limit = READ_ONCE(account->limit);

	return charged > limit ? charged - limit : 0;
}

/* What trying to charge @bytes would return. Budget's lock. */
static int check_room_locked(const struct regalloc_account *account, u64 bytes)
{
	const struct regalloc_budget *budget = account->budget;
	u64 limit = atomic64_read(&budget->limit);
	u64 charged = atomic64_read(&account->own.charged);
	u64 more = spoken_for(account, charged + bytes) -
		   spoken_for(account, charged);

	lockdep_assert_held(&budget->lock);
	if (charged + bytes > account->limit)
		return -ENOSPC;
	/* A reserve may have been set while others had it: look at both. */
	if (atomic64_read(&budget->total.charged) + bytes > limit ||
	    (more && budget->spoken_for + more > limit))
		return -EDQUOT;
	return 0;
}

/* Add to what is charged, or subtract. Budget's lock. */
static void add_charge(struct regalloc_account *account, s64 bytes)
{
	struct regalloc_budget *budget = account->budget;
	u64 charged = atomic64_read(&account->own.charged);

	lockdep_assert_held(&budget->lock);
	budget->spoken_for += spoken_for(account, charged + bytes) -
			      spoken_for(account, charged);
	if (bytes < 0)
		account->asked -= min_t(u64, account->asked, -bytes);
	atomic64_add(bytes, &account->own.charged);
	atomic64_add(bytes, &budget->total.charged);
	atomic64_set(&budget->peak, max(atomic64_read(&budget->peak),
					atomic64_read(&budget->total.charged)));
}

/**
 * regalloc_account_try_charge_up_to() - charge what there is headroom for
 * @account: of the client that wants memory
 * @min: the least that is of use, a power of two
 * @bytes: the most, a power of two; becomes what has been charged, likewise
 *
 * Return: 0; with nothing charged, -ENOSPC if even @min would exceed the account's
 * limit, or -EDQUOT if the budget has no room for it.
 */
int regalloc_account_try_charge_up_to(struct regalloc_account *account, u64 min,
				      u64 *bytes)
{
	struct regalloc_budget *budget = account->budget;
	u64 most;
	int err;

	spin_lock(&budget->lock);
	for (most = *bytes;; most /= 2) {
		err = check_room_locked(account, most);
		if (!err || most <= min)
			break;
	}
	if (!err)
		add_charge(account, most);
	spin_unlock(&budget->lock);
	if (!err)
		*bytes = most;
	return err;
}

/**
 * regalloc_account_try_charge() - charge memory that is about to be allocated
 * @account: of the client that wants it
 * @bytes: how much
 *
 * Return: as regalloc_account_try_charge_up_to().
 */
int regalloc_account_try_charge(struct regalloc_account *account, u64 bytes)
{
	return regalloc_account_try_charge_up_to(account, bytes, &bytes);
}

/**
 * regalloc_account_check_room() - what trying to charge would return now
 * @account: of the client that wants memory
 * @bytes: how much
 *
 * Return: as regalloc_account_try_charge(); nothing is charged.
 */
int regalloc_account_check_room(struct regalloc_account *account, u64 bytes)
{
	int err;

	spin_lock(&account->budget->lock);
	err = check_room_locked(account, bytes);
	spin_unlock(&account->budget->lock);
	return err;
}

/**
 * regalloc_account_uncharge() - take a charge back
 * @account: that was charged
 * @bytes: memory that has been freed, or was not allocated after all
 */
void regalloc_account_uncharge(struct regalloc_account *account, u64 bytes)
{
	struct regalloc_budget *budget = account->budget;

	spin_lock(&budget->lock);
	add_charge(account, -(s64)bytes);
	spin_unlock(&budget->lock);
	regalloc_waiters_kick(&budget->waiters);
}
