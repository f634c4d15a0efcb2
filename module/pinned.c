// SPDX-License-Identifier: GPL-2.0-only
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "pinned.h"
#include "space.h"

/* How long to wait until the next scan: longer each time. */
#define FIRST_SCAN	msecs_to_jiffies(20)
#define NEXT_SCAN(last)	min(2 * (last), HZ)

static DEFINE_MUTEX(reap_lock);
static DEFINE_SPINLOCK(pinned_lock);	/* protects the two below */
static LIST_HEAD(pinned_spaces);	/* but for those that are being scanned */
static unsigned long pinned_delay;	/* between two scans */

static void pinned_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(pinned_work, pinned_work_fn);

struct workqueue_struct *regalloc_wq;

/**
 * regalloc_pinned_add() - look after the pinned memory of a space
 * @space: that has some; in the list until all of it is free
 *
 * Context: any in which a spinlock may be taken; does not wait for scans.
 */
void regalloc_pinned_add(struct regalloc_space *space)
{
	spin_lock(&pinned_lock);
	if (list_empty(&space->link)) {
		regalloc_space_get(space);
		list_add_tail(&space->link, &pinned_spaces);
	}
	/* A scan that is near already must not be put off time and again. */
	if (pinned_delay != FIRST_SCAN || !delayed_work_pending(&pinned_work)) {
		pinned_delay = FIRST_SCAN;
		mod_delayed_work(regalloc_wq, &pinned_work, pinned_delay);
	}
	spin_unlock(&pinned_lock);
}

/* Scan a space that is in no list; its reference in the list is ours. */
static void reap_space(struct regalloc_space *space, u64 *freed)
{
	bool done = regalloc_space_reap(space, freed);

	spin_lock(&pinned_lock);
	/* More may have been pinned meanwhile, and the space be listed again. */
	if (!done && list_empty(&space->link))
		list_add_tail(&space->link, &pinned_spaces);
	else
		done = true;
	spin_unlock(&pinned_lock);
	if (done)
		regalloc_space_put(space);
}

static u64 reap_locked(void)
{
	struct regalloc_space *space;
	LIST_HEAD(spaces);
	u64 freed = 0;

	lockdep_assert_held(&reap_lock);
	spin_lock(&pinned_lock);
	list_splice_init(&pinned_spaces, &spaces);
	while (!list_empty(&spaces)) {
		space = list_first_entry(&spaces, struct regalloc_space, link);
		list_del_init(&space->link);
		spin_unlock(&pinned_lock);
		reap_space(space, &freed);
		spin_lock(&pinned_lock);
	}
	spin_unlock(&pinned_lock);
	return freed;
}

/**
 * regalloc_pinned_reap() - free the memory that is not pinned any more
 *
 * Context: may sleep.
 * Return: whether there was any; false also if a fatal signal comes while
 * another task scans.
 */
bool regalloc_pinned_reap(void)
{
	u64 freed;

	if (mutex_lock_killable(&reap_lock))
		return false;
	freed = reap_locked();
	mutex_unlock(&reap_lock);
	return freed > 0;
}

static void pinned_work_fn(struct work_struct *work)
{
	mutex_lock(&reap_lock);
	reap_locked();
	spin_lock(&pinned_lock);
	if (!list_empty(&pinned_spaces)) {
		pinned_delay = NEXT_SCAN(pinned_delay);
		queue_delayed_work(regalloc_wq, &pinned_work, pinned_delay);
	}
	spin_unlock(&pinned_lock);
	mutex_unlock(&reap_lock);
}

/**
 * regalloc_pinned_init() - set up what removing memory needs
 *
 * Return: 0 or -ENOMEM.
 */
int regalloc_pinned_init(void)
{
	regalloc_wq = alloc_workqueue("regalloc", WQ_UNBOUND, 0);
	return regalloc_wq ? 0 : -ENOMEM;
}

/**
 * regalloc_pinned_exit() - let go of all pinned memory
 *
 * No memory may be added or removed from now on.
 *
 * Context: may sleep; module exit.
 */
void regalloc_pinned_exit(void)
{
	struct regalloc_space *space, *next;

	cancel_delayed_work_sync(&pinned_work);
	destroy_workqueue(regalloc_wq);
	list_for_each_entry_safe(space, next, &pinned_spaces, link) {
		list_del_init(&space->link);
		regalloc_space_abandon(space);
		regalloc_space_put(space);
	}
}
