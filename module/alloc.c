// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ktime.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "alloc.h"
#include "client.h"
#include "pinned.h"
#include "pressure.h"
#include "reclaim.h"
#include "trace.h"

/*
 * How often an allocation looks for room again because regions were opened or
 * closed while it looked. That others take each time what has become free is
 * possible in theory; to fail is better then than to try for ever.
 */
#define MAX_LOOKS	64

/* While a need lasts, others are asked again, each time after twice as long. */
#define FIRST_PATIENCE_MS	200U
#define MOST_PATIENCE_MS	5000U

static struct regalloc_budget *req_budget(const struct regalloc_request *req)
{
	return &req->client->domain->budget;
}

static struct regalloc_pool *req_pool(const struct regalloc_request *req)
{
	return &req->client->pools[req->class];
}

/* Room that would be enough in any case. */
static u64 req_bytes(const struct regalloc_request *req)
{
	return round_up(req->count * regalloc_class_bytes(req->class),
			REGALLOC_REGION_BYTES);
}

/* Whether an error means that others have the memory. */
static bool is_shortage(int err)
{
	return err == -EDQUOT || err == -ENOSPC;
}

/* Moves on whenever a region is opened or closed. */
static u64 count_changes(const struct regalloc_budget *budget)
{
	return atomic64_read(&budget->total.opened) +
	       atomic64_read(&budget->total.closed);
}

/* Whether what room there is belongs to others who wait. */
static bool others_come_first(const struct regalloc_request *req,
			      const struct regalloc_waiter *waiter)
{
	const struct regalloc_account *account = req->client->owner.account;
	struct regalloc_waiters *waiters = &req_budget(req)->waiters;

	/* Nobody else can have what is reserved. */
	if (atomic64_read(&account->own.charged) + REGALLOC_REGION_BYTES <=
	    READ_ONCE(account->reserve))
		return false;
	return waiter ? !regalloc_waiter_may_take_room(waiters, waiter) :
			regalloc_waiters_wanted(waiters) > 0;
}

/* Free what is pinned no more, and a spare of the client's own; false: neither. */
static bool make_own_room(const struct regalloc_request *req)
{
	bool reaped = regalloc_pinned_reap();

	return regalloc_reclaim_own(req->client) || reaped;
}

/* Close a spare region that keeps @req from having one. */
static bool make_room(const struct regalloc_request *req, int err)
{
	return make_own_room(req) ||
	       (err == -EDQUOT && regalloc_reclaim_others(req->client));
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
	if (!others_come_first(req, waiter))
		return true;
	return !regalloc_account_above_reserve(account) &&
	       regalloc_reclaim_own(req->client);
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
static int grow(const struct regalloc_request *req,
		const struct regalloc_waiter *waiter)
{
	struct regalloc_budget *budget = req_budget(req);
	u64 changes = count_changes(budget);
	int taken;

	if (others_come_first(req, waiter))
		return make_reserved_room(req, waiter) ? -EAGAIN : -EDQUOT;
	taken = regalloc_pool_grow(req_pool(req), req->zero, req->count,
				   req->handles);
	if (taken > 0)
		regalloc_waiters_kick(&budget->waiters);
	if (taken == -ENOBUFS)
		return regalloc_reclaim_map_pages(req->client->domain,
						  req->client) ? -EAGAIN : -EDQUOT;
	/* If it is the memory cgroup, only our own memory helps. */
	if (taken == -ENOMEM && make_own_room(req))
		return -EAGAIN;
	if (is_shortage(taken) &&
	    (make_room(req, taken) || changes != count_changes(budget) ||
	     !regalloc_account_check_room(req->client->owner.account,
					  REGALLOC_REGION_BYTES)))
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
							  REGALLOC_REGION_BYTES);
			err = err ?: -EDQUOT;
		}
		if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	return req->count - rest.count ?: err;
}

/* Ask whoever can help one who waits. */
static void ask(const struct regalloc_request *req,
		const struct regalloc_waiter *waiter)
{
	struct regalloc_domain *domain = req->client->domain;

	if (waiter->wanted) {
		regalloc_pressure_raise(domain, NULL,
					regalloc_waiters_wanted(&domain->budget.waiters));
		return;
	}
	/* At its limit: only the other threads of the client can. */
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
	return ktime_compare(ktime_get(), when) >= 0;
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

static int wait_in_line(const struct regalloc_request *req,
			struct regalloc_waiter *waiter, ktime_t end)
{
	unsigned int patience_ms = FIRST_PATIENCE_MS;
	ktime_t ask_at = ktime_get();
	bool tried = false;
	int got;

	for (;;) {
		got = regalloc_waiter_sleep(waiter,
					    tried ? min(ask_at, end) : end);
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
		if (tried && is_past(ask_at)) {
			ask_again(req, waiter);
			ask_at = ktime_add_ms(ktime_get(), patience_ms);
			patience_ms = min(2 * patience_ms, MOST_PATIENCE_MS);
		}
	}
}

/* Wait for memory: -ETIMEDOUT or -EINTR, or as for alloc_now(). */
static int alloc_wait(const struct regalloc_request *req, u32 timeout_ms)
{
	struct regalloc_waiters *waiters = &req_budget(req)->waiters;
	ktime_t end = timeout_ms == REGALLOC_WAIT_FOREVER ?
		      KTIME_MAX : ktime_add_ms(ktime_get(), timeout_ms);
	struct regalloc_waiter waiter;
	int got;

	regalloc_client_begin_wait(req->client);
	regalloc_waiter_join(waiters, &waiter, &req_pool(req)->wait);
	got = wait_in_line(req, &waiter, end);
	regalloc_waiter_leave(waiters, &waiter);
	if (waiter.wanted)
		regalloc_reclaim_update_closing(req->client->domain);
	regalloc_client_end_wait(req->client);
	return got;
}

/* With a queue of its own threads, a client that may wait joins its end. */
static int alloc_or_wait(const struct regalloc_request *req, u32 timeout_ms)
{
	int got = -EDQUOT;

	if (!timeout_ms || !READ_ONCE(req->client->nr_waiting))
		got = alloc_now(req, NULL);
	if (!is_shortage(got))
		return got;
	if (timeout_ms)
		return alloc_wait(req, timeout_ms);
	if (got == -EDQUOT)
		regalloc_pressure_raise(req->client->domain, req->client,
					req_bytes(req));
	return -ENOMEM;
}

/**
 * regalloc_alloc() - allocate slices
 * @req: what is wanted
 * @timeout_ms: how long to wait for the first one if there is no memory;
 *	REGALLOC_WAIT_FOREVER: without end
 *
 * Context: may sleep. Takes grow_lock, the domain's and the clients' locks, one
 * after the other.
 * Return: how many were allocated; if none, -ENOMEM without memory, limit or
 * budget, -ETIMEDOUT after waiting for them in vain, -EINTR if a signal came
 * while waiting or a fatal one is pending.
 */
int regalloc_alloc(const struct regalloc_request *req, u32 timeout_ms)
{
	struct regalloc_account *account = req->client->owner.account;
	int got = alloc_or_wait(req, timeout_ms);

	if (got == -ENOMEM || got == -ETIMEDOUT) {
		regalloc_account_note_failure(account);
		trace_regalloc_alloc_failure(account->id, req->class, got);
	}
	return got;
}
