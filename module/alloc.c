// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "alloc.h"
#include "client.h"
#include "pinned.h"
#include "pressure.h"
#include "reclaim.h"
#include "trace.h"

/* Another task may be faster each time: after so many attempts it is better to fail. */
#define MAX_LOOKS	64

/* How often a waiter looks for what others have released without a system call. */
#define SWEEP_MS	10U

/* While a need lasts, others are asked again, each time after twice as long. */
#define FIRST_PATIENCE_MS	REGALLOC_ROUND_MS
#define MOST_PATIENCE_MS	5000U

static struct regalloc_budget *req_budget(const struct regalloc_request *req)
{
	return &req->client->domain->budget;
}

static struct regalloc_pool *req_pool(const struct regalloc_request *req)
{
	return &req->client->pools[req->class];
}

/* Room that would be enough for all of it. */
static u64 req_bytes(const struct regalloc_request *req)
{
	return round_up(req->count * regalloc_class_bytes(req->class), PAGE_SIZE);
}

/* Room that would be enough for a part of it. */
static u64 least_bytes(const struct regalloc_request *req)
{
	return max_t(u64, regalloc_class_bytes(req->class), PAGE_SIZE);
}

/* Others have the memory. */
static bool is_shortage(int err)
{
	return err == -EDQUOT || err == -ENOSPC;
}

/* Moves on whenever memory is added to a client or removed. */
static u64 count_changes(const struct regalloc_budget *budget)
{
	return atomic64_read(&budget->total.opened) +
	       atomic64_read(&budget->total.closed) +
	       atomic64_read(&budget->total.filled) +
	       atomic64_read(&budget->total.punched);
}

/*
 * How much memory may be added: nobody else can have what is reserved, and of the rest
 * waiters that come first have their claims.
 */
static u64 may_add(const struct regalloc_request *req,
		   const struct regalloc_waiter *waiter)
{
	const struct regalloc_account *account = req->client->owner.account;
	struct regalloc_budget *budget = req_budget(req);
	u64 claimed = regalloc_waiters_claimed(&budget->waiters, waiter);
	u64 reserve, charged, headroom;

	if (!claimed)
		return U64_MAX;
	reserve = READ_ONCE(account->reserve);
	charged = atomic64_read(&account->own.charged);
	headroom = regalloc_budget_headroom(budget);
	return max(reserve - min(reserve, charged),
		   headroom - min(headroom, claimed));
}

/* Memory to reclaim at a time: as much as would be added. */
static u64 reclaim_bytes(const struct regalloc_request *req)
{
	return regalloc_pool_fill_bytes(req_pool(req), req->count);
}

/* Free what is pinned no more, and memory of the client's own; false: nothing. */
static bool make_own_room(const struct regalloc_request *req)
{
	bool reaped = regalloc_pinned_reap();

	return regalloc_reclaim_own(req->client, reclaim_bytes(req)) || reaped;
}

/* Free memory for lack of which @req fails. */
static bool make_room(const struct regalloc_request *req, int err)
{
	return make_own_room(req) ||
	       (err == -EDQUOT &&
		regalloc_reclaim_others(req->client, reclaim_bytes(req)));
}

/*
 * Make room in what is reserved for the client, which it may have whoever waits,
 * and as another class, too.
 */
static bool make_reserved_room(const struct regalloc_request *req,
			       const struct regalloc_waiter *waiter)
{
	const struct regalloc_account *account = req->client->owner.account;

	if (!READ_ONCE(account->reserve))
		return false;
	regalloc_pinned_reap();
	if (may_add(req, waiter) >= least_bytes(req))
		return true;
	return !regalloc_account_above_reserve(account) &&
	       regalloc_reclaim_own(req->client, reclaim_bytes(req));
}

/*
 * Allocate from a pool in which no free slice was found; -EAGAIN if it has
 * failed but may succeed if tried again.
 *
 * While we look for idle memory, what is some may turn from one client's into
 * another's, so finding none means something only if none was added or removed
 * meanwhile. What is just being removed is waited for, since that happens under the
 * locks that the look takes.
 */
static int grow(const struct regalloc_request *req,
		const struct regalloc_waiter *waiter)
{
	struct regalloc_budget *budget = req_budget(req);
	u64 changes = count_changes(budget), max = may_add(req, waiter);
	int taken;

	if (max < least_bytes(req))
		return make_reserved_room(req, waiter) ? -EAGAIN : -EDQUOT;
	taken = regalloc_pool_grow(req_pool(req), max, req->zero, req->count,
				   req->handles);
	if (taken > 0) {
		regalloc_reclaim_expect_idle(req->client->domain);
		regalloc_waiters_kick(&budget->waiters);
	}
	if (taken == -ENOBUFS)
		return regalloc_reclaim_map_pages(req->client->domain,
						  req->client) ? -EAGAIN : -EDQUOT;
	/* If it is the memory cgroup, only our own memory helps. */
	if (taken == -ENOMEM && make_own_room(req))
		return -EAGAIN;
	if (is_shortage(taken) &&
	    (make_room(req, taken) || changes != count_changes(budget) ||
	     !regalloc_account_check_room(req->client->owner.account,
					  least_bytes(req))))
		return -EAGAIN;
	return taken;
}

/* Allocate what can be had in one step; -EAGAIN as for grow(). */
static int take_or_grow(const struct regalloc_request *req,
			const struct regalloc_waiter *waiter)
{
	int taken, err;

	taken = regalloc_client_take(req->client, req->class, req->zero,
				     req->count, req->handles);
	if (taken)
		return taken;
	err = grow(req, waiter);
	if (!is_shortage(err) && err != -ENOMEM)
		return err;
	taken = regalloc_client_last_look(req->client, req->class, req->zero,
					  req->count, req->handles);
	return taken ?: err;
}

/*
 * Allocate what can be had without waiting, or by a @waiter who has the turn.
 * Fails only after a last look into the pool that found nothing: -EDQUOT,
 * -ENOSPC, -ENOMEM or -EINTR.
 */
static int alloc_now(const struct regalloc_request *req,
		     const struct regalloc_waiter *waiter)
{
	struct regalloc_account *account = req->client->owner.account;
	struct regalloc_request rest = *req;
	unsigned int looks = 0;
	int taken, err = 0;

	while (rest.count && !err) {
		taken = take_or_grow(&rest, waiter);
		if (taken > 0) {
			rest.count -= taken;
			rest.handles += taken;
			looks = 0;
		} else if (taken != -EAGAIN) {
			err = taken;
		} else if (++looks == MAX_LOOKS) {
			err = regalloc_account_check_room(account,
							  least_bytes(req));
			err = err ?: -EDQUOT;
		}
		if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	return req->count - rest.count ?: err;
}

/* What is missing of so much memory. */
static u64 missing(struct regalloc_domain *domain, u64 wanted)
{
	u64 headroom = regalloc_budget_headroom(&domain->budget);

	return wanted - min(wanted, headroom);
}

/* Ask whoever can help one who waits. */
static void ask(const struct regalloc_request *req,
		const struct regalloc_waiter *waiter)
{
	struct regalloc_domain *domain = req->client->domain;
	u64 wanted = regalloc_waiters_wanted(&domain->budget.waiters);

	if (waiter->wanted &&
	    regalloc_pressure_raise(domain, req->client, missing(domain, wanted)))
		return;
	/* At its limit, or with all of the memory: only its other threads can. */
	mutex_lock(&domain->lock);
	regalloc_pressure_raise_client(req->client, req_bytes(req));
	mutex_unlock(&domain->lock);
}

/*
 * One turn of a waiter. Whoever finds that it is room he needs says so, and
 * then looks again: a release before that is seen by us, one after it closes
 * the region that it empties.
 */
static int take_turn(const struct regalloc_request *req,
		     struct regalloc_waiter *waiter)
{
	struct regalloc_domain *domain = req->client->domain;
	struct regalloc_waiters *waiters = &domain->budget.waiters;
	int got = alloc_now(req, waiter);

	if (got == -EDQUOT && !waiter->wanted) {
		regalloc_waiter_want(waiters, waiter, req_bytes(req));
		regalloc_reclaim_update_closing(domain);
		got = alloc_now(req, waiter);
	}
	/* At its limit, it keeps no room in the budget from others. */
	if (got == -ENOSPC && waiter->wanted) {
		regalloc_waiter_want(waiters, waiter, 0);
		regalloc_reclaim_update_closing(domain);
	}
	if (is_shortage(got))
		regalloc_waiter_pass(waiters, waiter);
	return got;
}

static bool is_past(ktime_t when)
{
	return ktime_get() >= when;
}

/* The time is up: one look at what is free, since the turn may be with others. */
static int give_up(const struct regalloc_request *req)
{
	unsigned int taken;

	taken = regalloc_client_take(req->client, req->class, req->zero,
				     req->count, req->handles);
	return taken ?: -ETIMEDOUT;
}

/* Whoever was to wake us may have been stopped before he could: look ourselves. */
static void ask_again(const struct regalloc_request *req,
		      const struct regalloc_waiter *waiter)
{
	ask(req, waiter);
	regalloc_waiters_kick(&req_budget(req)->waiters);
}

/* When to wake up without having been given the turn. */
static ktime_t wake_at(const struct regalloc_waiter *waiter, bool tried,
		       ktime_t ask_at, ktime_t end)
{
	if (!tried)
		ask_at = ktime_add_ms(ktime_get(), REGALLOC_ROUND_MS);
	else if (waiter->wanted)
		ask_at = min(ask_at, ktime_add_ms(ktime_get(), SWEEP_MS));
	return min(ask_at, end);
}

/* Find what others have released; to uncharge it gives the turn to the first waiter. */
static void sweep(const struct regalloc_request *req,
		  const struct regalloc_waiter *waiter)
{
	if (waiter->wanted &&
	    regalloc_waiter_is_first(&req_budget(req)->waiters, waiter))
		regalloc_reclaim_others(req->client, waiter->wanted);
}

static int wait_in_line(const struct regalloc_request *req,
			struct regalloc_waiter *waiter, ktime_t end)
{
	unsigned int patience_ms = FIRST_PATIENCE_MS;
	ktime_t ask_at = ktime_get();
	bool tried = false;
	int got;

	for (;;) {
		got = regalloc_waiter_sleep(waiter,
					    wake_at(waiter, tried, ask_at, end));
		if (!got) {
			got = take_turn(req, waiter);
			if (!is_shortage(got))
				return got;
			tried = true;
		}
		if (got == -EINTR || signal_pending(current))
			return -EINTR;
		if (is_past(end))
			return give_up(req);
		/* Or the one with the turn may have got no processor. */
		if (!tried)
			regalloc_waiters_kick(&req_budget(req)->waiters);
		else
			sweep(req, waiter);
		if (tried && is_past(ask_at)) {
			ask_again(req, waiter);
			ask_at = ktime_add_ms(ktime_get(), patience_ms);
			patience_ms = min(2 * patience_ms, MOST_PATIENCE_MS);
		}
	}
}

/* Wait for memory: -ETIMEDOUT or -EINTR, or as for alloc_now(). */
static int alloc_wait(const struct regalloc_request *req)
{
	struct regalloc_waiters *waiters = &req_budget(req)->waiters;
	struct regalloc_kept_places *kept = &req->client->kept;
	struct regalloc_waiter waiter;
	int got;

	regalloc_client_begin_wait(req->client);
	regalloc_waiter_join(waiters, &waiter, &req_pool(req)->wait, kept);
	got = wait_in_line(req, &waiter, req->end);
	if (got == -EINTR)
		regalloc_waiter_keep_place(waiters, &waiter, kept);
	regalloc_waiter_leave(waiters, &waiter);
	if (waiter.wanted)
		regalloc_reclaim_update_closing(req->client->domain);
	regalloc_client_end_wait(req->client);
	return got;
}

/* With a queue of its own threads, a client that may wait joins its end. */
static int alloc_or_wait(const struct regalloc_request *req)
{
	int got = -EDQUOT;

	if (!req->end || !READ_ONCE(req->client->nr_waiting))
		got = alloc_now(req, NULL);
	if (!is_shortage(got))
		return got;
	if (req->end)
		return alloc_wait(req);
	if (got == -EDQUOT)
		regalloc_pressure_raise(req->client->domain, req->client,
					missing(req->client->domain, req_bytes(req)));
	return -ENOMEM;
}

/**
 * regalloc_alloc() - allocate slices
 * @req: what is wanted
 *
 * Context: may sleep. Takes grow_lock, the domain's and the clients' locks, one
 * after the other.
 * Return: how many were allocated; if none, -ENOMEM without memory, limit or
 * budget, -ETIMEDOUT after waiting for them in vain, -EINTR if a signal came
 * while waiting or a fatal one is pending.
 */
int regalloc_alloc(const struct regalloc_request *req)
{
	struct regalloc_account *account = req->client->owner.account;
	int got = alloc_or_wait(req);

	if (got == -ENOMEM || got == -ETIMEDOUT) {
		regalloc_account_note_failure(account);
		trace_regalloc_alloc_failure(account->id, req->class, got);
	}
	return got;
}
