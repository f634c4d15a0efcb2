// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/sched.h>

#include "waiters.h"

/* How long a waiter has the turn alone. */
#define LEASE		msecs_to_jiffies(20)

/* How long a place is kept for a task that a signal has interrupted. */
#define KEPT		msecs_to_jiffies(100)

/**
 * regalloc_waiters_init() - begin with nobody
 * @waiters: to be set up
 */
void regalloc_waiters_init(struct regalloc_waiters *waiters)
{
	spin_lock_init(&waiters->lock);
	INIT_LIST_HEAD(&waiters->queue);
}

/* Give the turn to the next after @node who may try; false if there is none. */
static bool give_turn_after(struct regalloc_waiters *waiters,
			    struct list_head *node)
{
	struct regalloc_waiter *waiter;

	list_for_each_continue(node, &waiters->queue) {
		waiter = list_entry(node, struct regalloc_waiter, node);
		if (waiter->point->tried == waiters->pass)
			continue;
		WRITE_ONCE(waiter->turn, true);
		waiters->holder = waiter;
		waiters->turn_at = jiffies;
		wake_up(&waiter->wakeup);
		return true;
	}
	waiters->holder = NULL;
	return false;
}

static void begin_pass(struct regalloc_waiters *waiters)
{
	waiters->pass++;
	waiters->again = false;
	waiters->passing = give_turn_after(waiters, &waiters->queue);
}

/* First to the end of the queue: the last one is not to starve, either. */
static void pass_on(struct regalloc_waiters *waiters, struct list_head *node)
{
	waiters->passing = give_turn_after(waiters, node);
	if (!waiters->passing && waiters->again)
		begin_pass(waiters);
}

/* Whether the waiter with the turn has not come to use it for too long. */
static bool is_lease_over(const struct regalloc_waiters *waiters)
{
	return waiters->holder &&
	       time_after(jiffies, waiters->turn_at + LEASE);
}

/**
 * regalloc_waiters_kick() - something may have become free
 * @waiters: who may want it
 *
 * A full barrier: what was done before is seen by whoever joins after it.
 *
 * Context: any but interrupts.
 */
void regalloc_waiters_kick(struct regalloc_waiters *waiters)
{
	smp_mb();	/* what has become free, before the look at the queue */
	if (list_empty(&waiters->queue))
		return;
	spin_lock(&waiters->lock);
	if (waiters->passing)
		waiters->again = true;
	else
		begin_pass(waiters);
	if (is_lease_over(waiters))
		pass_on(waiters, &waiters->holder->node);
	spin_unlock(&waiters->lock);
}

/* The ticket of a task that comes back in time, or else a new one. */
static u64 get_ticket(struct regalloc_waiters *waiters,
		      struct regalloc_kept_places *kept)
{
	struct regalloc_kept *place;

	lockdep_assert_held(&waiters->lock);
	for (place = kept->of; place < kept->of + REGALLOC_KEPT_PLACES; place++) {
		if (place->task != current)
			continue;
		place->task = NULL;
		if (time_before(jiffies, place->at + KEPT))
			return place->ticket;
	}
	return ++waiters->last_ticket;
}

/* Behind those with lower tickets, of which most are at the end. */
static void add_waiter(struct regalloc_waiters *waiters,
		       struct regalloc_waiter *waiter)
{
	struct regalloc_waiter *other;

	list_for_each_entry_reverse(other, &waiters->queue, node)
		if (other->ticket < waiter->ticket)
			break;
	list_add(&waiter->node, &other->node);
}

/**
 * regalloc_waiter_join() - stand in line
 * @waiters: the queue
 * @waiter: on the caller's stack, until regalloc_waiter_leave()
 * @point: what for
 * @kept: places of tasks of the same client
 *
 * Gets the turn at least once, since it kicks. A task whose place has been kept gets it
 * back.
 */
void regalloc_waiter_join(struct regalloc_waiters *waiters,
			  struct regalloc_waiter *waiter,
			  struct regalloc_wait_point *point,
			  struct regalloc_kept_places *kept)
{
	waiter->point = point;
	waiter->turn = false;
	waiter->wanted = 0;
	init_waitqueue_head(&waiter->wakeup);
	spin_lock(&waiters->lock);
	waiter->ticket = get_ticket(waiters, kept);
	add_waiter(waiters, waiter);
	spin_unlock(&waiters->lock);
	regalloc_waiters_kick(waiters);
}

/**
 * regalloc_waiter_keep_place() - the calling task is going to come back
 * @waiters: the queue
 * @waiter: in it, and about to leave
 * @kept: places of tasks of the same client
 */
void regalloc_waiter_keep_place(struct regalloc_waiters *waiters,
				const struct regalloc_waiter *waiter,
				struct regalloc_kept_places *kept)
{
	spin_lock(&waiters->lock);
	kept->of[kept->next] = (struct regalloc_kept){
		.task = current, .ticket = waiter->ticket, .at = jiffies,
	};
	kept->next = (kept->next + 1) % REGALLOC_KEPT_PLACES;
	spin_unlock(&waiters->lock);
}

/**
 * regalloc_waiter_want() - it is room in the budget that is missing
 * @waiters: the queue
 * @waiter: in it
 * @bytes: how much
 */
void regalloc_waiter_want(struct regalloc_waiters *waiters,
			  struct regalloc_waiter *waiter, u64 bytes)
{
	spin_lock(&waiters->lock);
	WRITE_ONCE(waiters->wanted, waiters->wanted - waiter->wanted + bytes);
	waiter->wanted = bytes;
	spin_unlock(&waiters->lock);
}

/**
 * regalloc_waiter_sleep() - wait for the turn
 * @waiter: in a queue
 * @end: until when at most, by ktime_get()
 *
 * Not for KCSAN, since the macro looks at its timer while that may go off.
 *
 * Context: may sleep.
 * Return: 0 with the turn; -ETIMEDOUT; -EINTR if a signal is pending.
 */
int __no_kcsan regalloc_waiter_sleep(struct regalloc_waiter *waiter, ktime_t end)
{
	/* A timer would take less than none at all for an overflow: for ever. */
	ktime_t left = max_t(ktime_t, ktime_sub(end, ktime_get()), 0);
	int err;

	err = wait_event_interruptible_hrtimeout(waiter->wakeup,
						 READ_ONCE(waiter->turn), left);
	if (err == -ETIME)
		return -ETIMEDOUT;
	return err ? -EINTR : 0;
}

/* Bytes of room that waiters before @waiter want. */
static u64 wanted_before(const struct regalloc_waiters *waiters,
			 const struct regalloc_waiter *waiter)
{
	const struct regalloc_waiter *other;
	u64 wanted = 0;

	list_for_each_entry(other, &waiters->queue, node) {
		if (other == waiter)
			break;
		wanted += other->wanted;
	}
	return wanted;
}

/**
 * regalloc_waiters_claimed() - how much room belongs to waiters that come first
 * @waiters: the queue
 * @waiter: who has the turn; NULL for a task that does not wait
 *
 * Those before a waiter with the turn have tried in vain; but if there was a kick since,
 * they may have more luck now.
 *
 * Return: bytes.
 */
u64 regalloc_waiters_claimed(struct regalloc_waiters *waiters,
			     const struct regalloc_waiter *waiter)
{
	u64 claimed = 0;

	if (!waiter)
		return regalloc_waiters_wanted(waiters);
	spin_lock(&waiters->lock);
	if (waiters->again)
		claimed = wanted_before(waiters, waiter);
	spin_unlock(&waiters->lock);
	return claimed;
}

/**
 * regalloc_waiter_is_first() - whether nobody before him wants room
 * @waiters: the queue
 * @waiter: in it
 *
 * Return: that.
 */
bool regalloc_waiter_is_first(struct regalloc_waiters *waiters,
			      const struct regalloc_waiter *waiter)
{
	bool first;

	spin_lock(&waiters->lock);
	first = !wanted_before(waiters, waiter);
	spin_unlock(&waiters->lock);
	return first;
}

/**
 * regalloc_waiter_pass() - having tried in vain, let others try
 * @waiters: the queue
 * @waiter: who has the turn, and keeps his place
 */
void regalloc_waiter_pass(struct regalloc_waiters *waiters,
			  struct regalloc_waiter *waiter)
{
	spin_lock(&waiters->lock);
	waiter->point->tried = waiters->pass;
	waiter->turn = false;
	/* If its lease is over, the turn is with another one by now. */
	if (waiters->holder == waiter)
		pass_on(waiters, &waiter->node);
	spin_unlock(&waiters->lock);
}

/**
 * regalloc_waiter_leave() - stop waiting
 * @waiters: the queue
 * @waiter: in it, with the turn or without
 */
void regalloc_waiter_leave(struct regalloc_waiters *waiters,
			   struct regalloc_waiter *waiter)
{
	struct list_head *prev;

	spin_lock(&waiters->lock);
	WRITE_ONCE(waiters->wanted, waiters->wanted - waiter->wanted);
	prev = waiter->node.prev;
	list_del(&waiter->node);
	if (waiters->holder == waiter)
		pass_on(waiters, prev);
	spin_unlock(&waiters->lock);
}
