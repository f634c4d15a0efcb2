// SPDX-License-Identifier: GPL-2.0-only
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "pinned.h"
#include "region.h"

/* How long to wait until the next look: longer each time. */
#define FIRST_LOOK	msecs_to_jiffies(20)
#define NEXT_LOOK(last)	min(2 * (last), HZ)

static DEFINE_MUTEX(reap_lock);
static DEFINE_SPINLOCK(pinned_lock);	/* protects the two below */
static LIST_HEAD(pinned_regions);	/* but for those that are looked at */
static unsigned long pinned_delay;	/* between two looks */

static void pinned_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(pinned_work, pinned_work_fn);

struct workqueue_struct *regalloc_wq;

/**
 * regalloc_pinned_add() - take over a region that is pinned
 * @region: that has closed; gone once nobody references its memory
 *
 * Context: any in which a spinlock may be taken; does not wait for looks.
 */
void regalloc_pinned_add(struct regalloc_region *region)
{
	spin_lock(&pinned_lock);
	list_add_tail(&region->link, &pinned_regions);
	/* A look that is near already must not be put off time and again. */
	if (pinned_delay != FIRST_LOOK || !delayed_work_pending(&pinned_work)) {
		pinned_delay = FIRST_LOOK;
		mod_delayed_work(regalloc_wq, &pinned_work, pinned_delay);
	}
	spin_unlock(&pinned_lock);
}

static u64 reap_locked(void)
{
	struct regalloc_region *region, *next;
	LIST_HEAD(regions);
	LIST_HEAD(left);
	u64 freed = 0;

	spin_lock(&pinned_lock);
	list_splice_init(&pinned_regions, &regions);
	spin_unlock(&pinned_lock);
	list_for_each_entry_safe(region, next, &regions, link) {
		list_del(&region->link);
		if (!regalloc_region_reap(region, &freed))
			list_add_tail(&region->link, &left);
	}
	spin_lock(&pinned_lock);
	list_splice(&left, &pinned_regions);
	spin_unlock(&pinned_lock);
	return freed;
}

/**
 * regalloc_pinned_reap() - free the pinned memory that has been let go
 *
 * Context: may sleep.
 * Return: whether there was any; false also if a fatal signal comes while somebody
 * else looks.
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
	if (!list_empty(&pinned_regions)) {
		pinned_delay = NEXT_LOOK(pinned_delay);
		queue_delayed_work(regalloc_wq, &pinned_work, pinned_delay);
	}
	spin_unlock(&pinned_lock);
	mutex_unlock(&reap_lock);
}

/**
 * regalloc_pinned_init() - set up what closing regions needs
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
 * Nothing may be opened or closed from now on.
 *
 * Context: may sleep; module exit.
 */
void regalloc_pinned_exit(void)
{
	struct regalloc_region *region, *next;

	cancel_delayed_work_sync(&pinned_work);
	destroy_workqueue(regalloc_wq);
	list_for_each_entry_safe(region, next, &pinned_regions, link) {
		list_del(&region->link);
		regalloc_region_abandon(region);
	}
}
