/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiters: those who wait for memory, in the order in which they came.
 *
 * What somebody waits for (a free slice, room in the budget) is not handed to
 * him: he is given the turn, tries again, and passes the turn on. So the first
 * in the queue has the first try whenever something may have become free, and
 * one who cannot use it (it is of the wrong size class, or he is at his limit)
 * keeps nobody else from it.
 *
 * A pass through the queue begins with a kick and gives the turn to one after
 * the other; those who wait for the same as somebody who has just tried in vain
 * are left out. A kick during a pass has another one follow it; until then, what those
 * before the waiter with the turn want is theirs. The turn is a lease: a waiter that has
 * not used it for a while, because it gets no processor, keeps it, but the next kick gives
 * it to those behind, too. A waiter that a signal interrupts leaves, and its task has a
 * short time to come back to its place.
 *
 * Whoever makes something free for which somebody may wait kicks after that, and a
 * waiter begins with a kick of his own; so either he sees what became free, or the
 * other sees him.
 *
 * Under the lock are taken only those that it takes to wake somebody.
 */
#ifndef REGALLOC_WAITERS_H
#define REGALLOC_WAITERS_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

/**
 * struct regalloc_waiters - the queue
 * @lock: protects all of this and the waiters in it
 * @queue: who came first is first
 * @pass: number of the latest pass
 * @passing: somebody has the turn
 * @again: there was a kick since the pass began
 * @wanted: bytes of room in the budget that waiters want
 * @last_ticket: of the waiter that came last
 * @holder: who got the turn last in this pass
 * @turn_at: when that was, in jiffies
 */
struct regalloc_waiters {
	spinlock_t lock;	/* the queue */
	struct list_head queue;
	u64 pass;
	bool passing;
	bool again;
	u64 wanted;
	u64 last_ticket;
	struct regalloc_waiter *holder;
	unsigned long turn_at;
};

/* So many tasks of a client have their places kept. */
#define REGALLOC_KEPT_PLACES	16

/**
 * struct regalloc_kept - a place in the queue of a task that will come back
 * @task: only compared
 * @ticket: its place
 * @at: jiffies at which it left
 */
struct regalloc_kept {
	const void *task;
	u64 ticket;
	unsigned long at;
};

/**
 * struct regalloc_kept_places - places of a client's tasks. The queue's lock
 * @next: the one to be overwritten next
 * @of: the places
 */
struct regalloc_kept_places {
	unsigned int next;
	struct regalloc_kept of[REGALLOC_KEPT_PLACES];
};

/**
 * struct regalloc_wait_point - where waiters wait for the same
 * @tried: the pass in which one of them tried in vain. The queue's lock
 */
struct regalloc_wait_point {
	u64 tried;
};

/**
 * struct regalloc_waiter - one who waits
 * @node: in the queue
 * @point: what he waits for
 * @wakeup: where he sleeps
 * @turn: he may try
 * @wanted: bytes of room that he wants
 * @ticket: his place: those with lower ones come first
 */
struct regalloc_waiter {
	struct list_head node;
	struct regalloc_wait_point *point;
	wait_queue_head_t wakeup;
	bool turn;
	u64 wanted;
	u64 ticket;
};

void regalloc_waiters_init(struct regalloc_waiters *waiters);
void regalloc_waiters_kick(struct regalloc_waiters *waiters);

void regalloc_waiter_join(struct regalloc_waiters *waiters,
			  struct regalloc_waiter *waiter,
			  struct regalloc_wait_point *point,
			  struct regalloc_kept_places *kept);
void regalloc_waiter_keep_place(struct regalloc_waiters *waiters,
				const struct regalloc_waiter *waiter,
				struct regalloc_kept_places *kept);
void regalloc_waiter_want(struct regalloc_waiters *waiters,
			  struct regalloc_waiter *waiter, u64 bytes);
int regalloc_waiter_sleep(struct regalloc_waiter *waiter, ktime_t end);
u64 regalloc_waiters_claimed(struct regalloc_waiters *waiters,
			     const struct regalloc_waiter *waiter);
bool regalloc_waiter_is_first(struct regalloc_waiters *waiters,
			      const struct regalloc_waiter *waiter);
void regalloc_waiter_pass(struct regalloc_waiters *waiters,
			  struct regalloc_waiter *waiter);
void regalloc_waiter_leave(struct regalloc_waiters *waiters,
			   struct regalloc_waiter *waiter);

/* Bytes of room in the budget that waiters want. */
static inline u64 regalloc_waiters_wanted(const struct regalloc_waiters *waiters)
{
	return READ_ONCE(waiters->wanted);
}

#endif /* REGALLOC_WAITERS_H */
