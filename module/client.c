// SPDX-License-Identifier: GPL-2.0-only
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/nospec.h>

#include "client.h"

/**
 * regalloc_client_take() - allocate slices from an open region
 * @client: that wants them
 * @class: their size class
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Context: may sleep. Takes the client's lock.
 * Return: as regalloc_pool_take_locked().
 */
unsigned int regalloc_client_take(struct regalloc_client *client,
				  unsigned int class, bool zero,
				  unsigned int count, u64 *handles)
{
	unsigned int taken;

	mutex_lock(&client->owner.lock);
	taken = regalloc_pool_take_locked(&client->pools[class], zero, count,
					  handles);
	mutex_unlock(&client->owner.lock);
	return taken;
}

/**
 * regalloc_client_last_look() - look for a free slice before saying no
 * @client: that wants slices
 * @class: their size class
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Context: may sleep. Takes the client's lock.
 * Return: as regalloc_pool_last_look_locked().
 */
int regalloc_client_last_look(struct regalloc_client *client,
			      unsigned int class, bool zero,
			      unsigned int count, u64 *handles)
{
	int taken;

	mutex_lock(&client->owner.lock);
	taken = regalloc_pool_last_look_locked(&client->pools[class], zero,
					       count, handles);
	mutex_unlock(&client->owner.lock);
	return taken;
}

/**
 * regalloc_client_forget_hints() - let every region be looked at again
 * @client: of which a process is about to go
 *
 * Context: may sleep. Takes the client's lock.
 */
void regalloc_client_forget_hints(struct regalloc_client *client)
{
	unsigned int class;

	mutex_lock(&client->owner.lock);
	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		regalloc_pool_forget_hints_locked(&client->pools[class]);
	mutex_unlock(&client->owner.lock);
}

/* Find the slice that a handle names; -ENOENT if it cannot name any. */
static int locate_handle(const struct regalloc_client *client, u64 handle,
			 struct regalloc_place *place)
{
	const struct regalloc_geometry *geo = &client->domain->geo;
	u64 offset = REGALLOC_HANDLE_OFFSET(handle);

	if (!regalloc_geometry_locate(geo, offset, place) ||
	    regalloc_geometry_offset(geo, place) != offset)
		return -ENOENT;
	place->class = array_index_nospec(place->class, REGALLOC_NR_CLASSES);
	return 0;
}

/**
 * regalloc_client_give() - release a slice
 * @client: that has it
 * @handle: from userspace, may be anything
 *
 * Context: may sleep. Takes the client's lock.
 * Return: 0, -ESTALE or -ENOENT, see regalloc_slice_release().
 */
int regalloc_client_give(struct regalloc_client *client, u64 handle)
{
	struct regalloc_place place;
	int err;

	err = locate_handle(client, handle, &place);
	if (err)
		return err;
	mutex_lock(&client->owner.lock);
	err = regalloc_pool_give_locked(&client->pools[place.class], &place,
					REGALLOC_HANDLE_GEN(handle),
					READ_ONCE(client->domain->closing));
	mutex_unlock(&client->owner.lock);
	return err;
}

/**
 * regalloc_client_zero() - fill a live slice with zeros
 * @client: that has it
 * @handle: from userspace, may be anything
 *
 * Context: may sleep. Takes the client's lock.
 * Return: 0, -ESTALE or -ENOENT, see regalloc_slice_check().
 */
int regalloc_client_zero(struct regalloc_client *client, u64 handle)
{
	struct regalloc_place place;
	int err;

	err = locate_handle(client, handle, &place);
	if (err)
		return err;
	mutex_lock(&client->owner.lock);
	err = regalloc_pool_zero_locked(&client->pools[place.class], &place,
					REGALLOC_HANDLE_GEN(handle));
	mutex_unlock(&client->owner.lock);
	return err;
}

/**
 * regalloc_client_close_spares() - close regions without a live slice
 * @client: where to look
 * @bytes: until so much is free
 * @freed: raised by the bytes that are free then
 *
 * Context: may sleep. Takes the client's lock once for all classes, so a spare
 * that is there all the time is not missed.
 * Return: how many were closed.
 */
unsigned int regalloc_client_close_spares(struct regalloc_client *client,
					  u64 bytes, u64 *freed)
{
	unsigned int class, closed = 0;

	mutex_lock(&client->owner.lock);
	for (class = 0; class < REGALLOC_NR_CLASSES && *freed < bytes; class++)
		closed += regalloc_pool_close_spares_locked(&client->pools[class],
							    bytes, freed);
	mutex_unlock(&client->owner.lock);
	return closed;
}

/* A client that references its pages must not make others try them all each time. */
#define PAUSE	msecs_to_jiffies(20)

/* Punch the region where it gains most; false if there is no idle memory. */
static bool punch_best(struct regalloc_client *client, unsigned long pause,
		       u64 bytes, u64 *freed)
{
	struct regalloc_idle best = { .score = 0 };
	unsigned int class;
	u64 got;

	lockdep_assert_held(&client->owner.lock);
	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		regalloc_pool_find_idle_locked(&client->pools[class],
					       client->scan, pause, &best);
	if (!best.region)
		return false;
	got = regalloc_pool_punch_locked(best.pool, best.region, best.slot,
					 bytes - *freed, NULL);
	if (!got) {
		best.region->tried = client->scan;
		best.region->tried_at = jiffies;
	}
	*freed += got;
	return true;
}

static void begin_scan(struct regalloc_client *client)
{
	unsigned int class;

	mutex_lock(&client->owner.lock);
	/* 0 is for regions that were never tried. */
	client->scan += client->scan == U32_MAX ? 2 : 1;
	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		regalloc_pool_collect_dirty_locked(&client->pools[class]);
	mutex_unlock(&client->owner.lock);
}

/**
 * regalloc_client_punch_idle() - remove idle memory
 * @client: that has some
 * @own: it is the client that needs the memory; others leave regions alone for a while
 *	where something is referenced
 * @bytes: until so much is free
 * @freed: raised by the bytes that are free then
 *
 * Context: may sleep. Takes the client's lock for one region after the other.
 */
void regalloc_client_punch_idle(struct regalloc_client *client, bool own,
				u64 bytes, u64 *freed)
{
	unsigned long pause = own ? 0 : PAUSE;
	bool more = true;

	begin_scan(client);
	while (more && *freed < bytes) {
		mutex_lock(&client->owner.lock);
		more = punch_best(client, pause, bytes, freed);
		mutex_unlock(&client->owner.lock);
		cond_resched();
	}
}

/*
 * One part in so many of what a client is charged may be idle for any time: a cache that is
 * always nearly full keeps its huge pages.
 */
#define KEEP_IDLE	64

/* When to try again what could not be removed, if there is no decay. */
#define RETRY		msecs_to_jiffies(100)

/*
 * Idle memory to be removed, so that of what is charged then no more than that part is
 * idle: x such that (idle - x) * KEEP_IDLE = charged - x.
 */
static u64 idle_excess_locked(struct regalloc_client *client)
{
	u64 charged = atomic64_read(&client->owner.account->own.charged);
	unsigned int class;
	u64 idle = 0;

	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		idle += regalloc_pool_count_idle_locked(&client->pools[class]);
	idle *= KEEP_IDLE;
	return div_u64(idle - min(idle, charged) + KEEP_IDLE - 2, KEEP_IDLE - 1);
}

/* One region at a time, so that allocations get through. */
static void sweep_pool(struct regalloc_client *client,
		       struct regalloc_pool *pool, bool all, u64 *excess)
{
	unsigned long slot = 0;
	bool more = true;

	while (more) {
		mutex_lock(&client->owner.lock);
		more = regalloc_pool_sweep_locked(pool, &slot, all, excess);
		mutex_unlock(&client->owner.lock);
		cond_resched();
	}
}

/**
 * regalloc_client_decay() - return what has not been used for a while
 * @client: that has some
 * @age: spares are closed after so long, in jiffies; 0: at once, and idle memory is
 *	removed at once, too
 * @next: lowered to the jiffies that remain until there is more to be done
 *
 * Context: may sleep. Takes the client's lock for one region after the other.
 */
void regalloc_client_decay(struct regalloc_client *client, unsigned long age,
			   unsigned long *next)
{
	unsigned int class;
	u64 excess;

	mutex_lock(&client->owner.lock);
	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		regalloc_pool_decay_spares_locked(&client->pools[class], age,
						  next);
	excess = idle_excess_locked(client);
	mutex_unlock(&client->owner.lock);
	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		sweep_pool(client, &client->pools[class], !age, &excess);
	if (excess)
		*next = min(*next, age ?: RETRY);
}

/**
 * regalloc_client_count_maybe_spares() - how many regions are worth a look
 * @client: where to look
 *
 * Context: does not wait for the client's lock.
 * Return: the number of regions that may be without a live slice; 0 if somebody
 * is at work on them.
 */
unsigned long
regalloc_client_count_maybe_spares(struct regalloc_client *client)
{
	unsigned long nr = 0;
	unsigned int class;

	if (!mutex_trylock(&client->owner.lock))
		return 0;
	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		nr += regalloc_pool_count_maybe_spares_locked(&client->pools[class]);
	mutex_unlock(&client->owner.lock);
	return nr;
}

/**
 * regalloc_client_shrink() - close spares for the system, without waiting
 * @client: where to look
 * @looks: at how many regions to look at most; lowered by those looked at
 *
 * Context: as regalloc_pool_shrink_locked(); does not wait for the client's
 * lock either.
 * Return: how many were closed.
 */
unsigned int regalloc_client_shrink(struct regalloc_client *client,
				    unsigned int *looks)
{
	unsigned int class, closed = 0;

	if (!mutex_trylock(&client->owner.lock))
		return 0;
	for (class = 0; class < REGALLOC_NR_CLASSES && *looks; class++)
		closed += regalloc_pool_shrink_locked(&client->pools[class],
						      looks);
	mutex_unlock(&client->owner.lock);
	return closed;
}

/**
 * regalloc_client_drop_map_pages() - free map pages of closed slots
 * @client: where to look
 * @max: how many at most
 *
 * Context: may sleep. Takes the client's lock.
 * Return: how many were freed.
 */
unsigned int regalloc_client_drop_map_pages(struct regalloc_client *client,
					    unsigned int max)
{
	LIST_HEAD(dropped);
	unsigned int nr;

	mutex_lock(&client->owner.lock);
	nr = regalloc_map_pages_drop(&client->owner.map, max, &dropped);
	mutex_unlock(&client->owner.lock);
	regalloc_map_pages_free(&client->owner.map, &dropped);
	return nr;
}

/**
 * regalloc_client_add_usage() - count what a client holds
 * @client: that cannot go away meanwhile
 * @usage: to add it to
 *
 * Context: may sleep. Takes no lock.
 */
void regalloc_client_add_usage(struct regalloc_client *client,
			       struct regalloc_usage *usage)
{
	unsigned int class;

	for (class = 0; class < REGALLOC_NR_CLASSES; class++)
		regalloc_pool_add_usage(&client->pools[class], usage);
}
