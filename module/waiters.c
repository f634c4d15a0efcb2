// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/sched.h>

#include "waiters.h"

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
		wake_up(&waiter->wakeup);
		return true;
	}
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
	spin_unlock(&waiters->lock);
}

/**
 * regalloc_waiter_join() - stand in line
 * @waiters: the queue
 * @waiter: on the caller's stack, until regalloc_waiter_leave()
 * @point: what for
 *
 * Gets the turn at least once, since it kicks.
 */
void regalloc_waiter_join(struct regalloc_waiters *waiters,
			  struct regalloc_waiter *waiter,
			  struct regalloc_wait_point *point)
{
	waiter->point = point;
	waiter->turn = false;
	waiter->wanted = 0;
	init_waitqueue_head(&waiter->wakeup);
	spin_lock(&waiters->lock);
	list_add_tail(&waiter->node, &waiters->queue);
	spin_unlock(&waiters->lock);
	regalloc_waiters_kick(waiters);
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

/* Whether anybody before @waiter wants room. */
static bool is_wanted_before(const struct regalloc_waiters *waiters,
			     const struct regalloc_waiter *waiter)
{
	const struct regalloc_waiter *other;

	list_for_each_entry(other, &waiters->queue, node) {
		if (other == waiter)
			break;
		if (other->wanted)
			return true;
	}
	return false;
}

/**
 * regalloc_waiter_may_take_room() - whether nobody before him may have it
 * @waiters: the queue
 * @waiter: who has the turn
 *
 * Those before him have tried in vain; but if there was a kick since, they may
 * have more luck now, if it is room that they want.
 *
 * Return: that.
 */
bool regalloc_waiter_may_take_room(struct regalloc_waiters *waiters,
				   const struct regalloc_waiter *waiter)
{
	bool may;

	spin_lock(&waiters->lock);
	may = !waiters->again || !is_wanted_before(waiters, waiter);
	spin_unlock(&waiters->lock);
	return may;
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
	if (waiter->turn)
		pass_on(waiters, prev);
	spin_unlock(&waiters->lock);
}
