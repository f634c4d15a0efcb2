// SPDX-License-Identifier: GPL-2.0-only
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "budget.h"
#include "map_pages.h"
#include "pinned.h"
#include "pool.h"
#include "slice_map.h"
#include "space.h"
#include "trace.h"

/**
 * regalloc_pool_init() - begin without any region
 * @pool: to be set up; regalloc_pool_fini_locked() ends it
 * @owner: of the pool
 * @class: size class of its slices
 */
void regalloc_pool_init(struct regalloc_pool *pool,
			struct regalloc_owner *owner, unsigned int class)
{
	pool->owner = owner;
	pool->class = class;
	mutex_init(&pool->grow_lock);
	xa_init_flags(&pool->regions, XA_FLAGS_ALLOC);
}

/**
 * regalloc_pool_offset() - where a slot lies in the data window
 * @pool: of the slot
 * @slot: region slot
 *
 * Return: its offset in bytes.
 */
u64 regalloc_pool_offset(const struct regalloc_pool *pool, unsigned long slot)
{
	struct regalloc_place place = { .class = pool->class, .slot = slot };

	return regalloc_geometry_offset(pool->owner->geo, &place);
}

/* The state word of a slice, or NULL if its slot has never been open. */
static u32 *find_word(const struct regalloc_pool *pool,
		      const struct regalloc_place *place)
{
	u64 offset = regalloc_geometry_state_offset(pool->owner->geo,
						    pool->class, place->slot);
	u32 *words = regalloc_map_pages_find(&pool->owner->map, offset);

	return words ? regalloc_slice_word(words, pool->class, place->slice) :
		       NULL;
}

static u64 hint_offset(const struct regalloc_pool *pool, unsigned long slot)
{
	return regalloc_geometry_hint_offset(pool->owner->geo, pool->class,
					     slot);
}

/* The hint of a slot, or NULL if all slots around it are closed. */
static struct regalloc_hint *slot_hint(const struct regalloc_pool *pool,
				       unsigned long slot)
{
	return regalloc_map_pages_find(&pool->owner->map,
				       hint_offset(pool, slot));
}

/* Why a slice whose word is absent or 0 is not of this generation. */
static int absent_error(const struct regalloc_pool *pool,
			const struct regalloc_place *place, u32 gen)
{
	return place->slot < pool->end && gen &&
	       gen < pool->owner->map.first_gen ? -ESTALE : -ENOENT;
}

/**
 * regalloc_pool_find_hint_locked() - look for a slot with a hint that is set
 * @pool: of the slots
 * @from: first slot to look at
 * @mask: the bytes that count are 0xff here, the others 0
 *
 * Context: may sleep. Client's lock held.
 * Return: the slot; the pool's end if there is none.
 */
unsigned long regalloc_pool_find_hint_locked(struct regalloc_pool *pool,
					     unsigned long from,
					     struct regalloc_hint mask)
{
	const struct regalloc_hint *hints;
	unsigned long nr, found;

	/* As far as the page goes that they are in. */
	for (; from < pool->end; from += nr) {
		cond_resched();
		hints = slot_hint(pool, from);
		nr = (PAGE_SIZE - offset_in_page(hint_offset(pool, from))) /
		     sizeof(*hints);
		nr = min(nr, pool->end - from);
		found = hints ? regalloc_hints_find(hints, nr, mask) : nr;
		if (found < nr)
			return from + found;
	}
	return pool->end;
}

/**
 * regalloc_pool_drop_memory() - remove the memory of a slot
 * @pool: of the slot
 * @slot: region slot, of which no slice can be claimed
 *
 * Context: may sleep. Client's lock held: a task that looks for memory to
 * reclaim takes it, and so sees the memory either open or free.
 */
void regalloc_pool_drop_memory(struct regalloc_pool *pool, unsigned long slot)
{
	struct regalloc_space *space = pool->owner->space;

	lockdep_assert_held(&pool->owner->lock);
	if (!regalloc_space_remove(space, regalloc_pool_offset(pool, slot),
				   REGALLOC_REGION_BYTES))
		regalloc_pinned_add(space);
}

/* The end of a region that is out of reach of new claims. */
static void close_region(struct regalloc_pool *pool,
			 struct regalloc_region *region, unsigned long slot)
{
	trace_regalloc_region_close(pool->owner->account->id, pool->class,
				    slot);
	xa_erase(&pool->regions, slot);
	WRITE_ONCE(region->map.hint->avail, 0);
	WRITE_ONCE(region->map.hint->dirty, 0);
	regalloc_account_note_close(pool->owner->account);
	cond_resched();
	regalloc_pool_drop_memory(pool, slot);
	regalloc_pool_put_map(pool, slot);
	kfree_rcu(region, rcu);
}

/**
 * regalloc_pool_fini_locked() - close all regions, whoever has slices in them
 * @pool: of a client that nobody uses any more
 *
 * Context: may sleep. Client's lock held.
 */
void regalloc_pool_fini_locked(struct regalloc_pool *pool)
{
	struct regalloc_region *region;
	unsigned long slot;

	lockdep_assert_held(&pool->owner->lock);
	xa_for_each(&pool->regions, slot, region)
		close_region(pool, region, slot);
	xa_destroy(&pool->regions);
}

/* Whether no slice of the region is live. */
static bool region_is_spare(struct regalloc_pool *pool,
			    struct regalloc_region *region)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	unsigned int live;

	live = regalloc_slices_find_live(region->map.words, pool->class,
					 region->witness);
	if (live < nr)
		WRITE_ONCE(region->witness, live);
	return live == nr;
}

/* Close a region if no slice of it is live. */
static bool close_spare(struct regalloc_pool *pool,
			struct regalloc_region *region, unsigned long slot)
{
	if (!region_is_spare(pool, region))
		return false;
	if (!regalloc_slices_seal(region->map.words, pool->class)) {
		/* Who looked in the meantime has seen no free slice. */
		regalloc_pool_note_avail_locked(pool, region, slot);
		regalloc_waiters_kick(&pool->owner->account->budget->waiters);
		return false;
	}
	close_region(pool, region, slot);
	return true;
}

/**
 * regalloc_pool_give_locked() - release a slice
 * @pool: of the slice
 * @place: of the slice
 * @gen: generation from its handle
 * @close_now: close the region at once if that was its last live slice
 *
 * Context: may sleep. Client's lock held.
 * Return: 0, or what regalloc_slice_release() says.
 */
int regalloc_pool_give_locked(struct regalloc_pool *pool,
			      const struct regalloc_place *place, u32 gen,
			      bool close_now)
{
	struct regalloc_region *region;
	u32 *word;
	int err;

	lockdep_assert_held(&pool->owner->lock);
	word = find_word(pool, place);
	err = word && READ_ONCE(*word) ? regalloc_slice_release(word, gen) :
					 absent_error(pool, place, gen);
	if (err)
		return err;

	/* Without a region, the client has made up the live state itself. */
	region = xa_load(&pool->regions, place->slot);
	if (!region)
		return 0;
	region->first_free = min(region->first_free, place->slice);
	region->released_at = jiffies;
	regalloc_pool_note_avail_locked(pool, region, place->slot);
	xa_set_mark(&pool->regions, place->slot, REGALLOC_MAYBE_SPARE);
	if (close_now)
		close_spare(pool, region, place->slot);
	return 0;
}

/**
 * regalloc_pool_zero_locked() - fill a live slice with zeros
 * @pool: of the slice
 * @place: of the slice
 * @gen: generation from its handle
 *
 * Context: may sleep. Client's lock held, so the region cannot close.
 * Return: 0, or what regalloc_slice_check() says.
 */
int regalloc_pool_zero_locked(struct regalloc_pool *pool,
			      const struct regalloc_place *place, u32 gen)
{
	u32 *word;
	int err;

	lockdep_assert_held(&pool->owner->lock);
	word = find_word(pool, place);
	err = word && READ_ONCE(*word) ? regalloc_slice_check(word, gen) :
					 absent_error(pool, place, gen);
	if (err)
		return err;
	if (xa_load(&pool->regions, place->slot))
		regalloc_pool_zero_slice_locked(pool, place);
	return 0;
}

/**
 * regalloc_pool_collect_dirty_locked() - take over what the owner has noted
 * @pool: of the owner
 *
 * Context: may sleep. Client's lock held.
 */
void regalloc_pool_collect_dirty_locked(struct regalloc_pool *pool)
{
	const struct regalloc_hint dirty = { .dirty = 0xff };
	struct regalloc_region *region;
	unsigned long slot;

	for (slot = 0;; slot++) {
		slot = regalloc_pool_find_hint_locked(pool, slot, dirty);
		if (slot == pool->end)
			break;
		WRITE_ONCE(slot_hint(pool, slot)->dirty, 0);
		region = xa_load(&pool->regions, slot);
		if (!region)
			continue;
		region->released_at = jiffies;
		xa_set_mark(&pool->regions, slot, REGALLOC_MAYBE_SPARE);
	}
	smp_mb();	/* a release from now on is noted anew, or we see it */
}

/**
 * regalloc_pool_forget_hints_locked() - let every region be looked at again
 * @pool: of a client of which a process is about to go
 *
 * It may have been killed after it released a slice, and before it said so.
 *
 * Context: may sleep. Client's lock held.
 */
void regalloc_pool_forget_hints_locked(struct regalloc_pool *pool)
{
	struct regalloc_region *region;
	unsigned long slot;

	lockdep_assert_held(&pool->owner->lock);
	xa_for_each(&pool->regions, slot, region) {
		regalloc_pool_note_avail_locked(pool, region, slot);
		xa_set_mark(&pool->regions, slot, REGALLOC_MAYBE_SPARE);
		cond_resched();
	}
}

/**
 * regalloc_pool_count_maybe_spares_locked() - how many regions are worth a look
 * @pool: where to look
 *
 * Context: may sleep. Client's lock held.
 * Return: the number of regions that may be without a live slice.
 */
unsigned long
regalloc_pool_count_maybe_spares_locked(struct regalloc_pool *pool)
{
	struct regalloc_region *region;
	unsigned long slot, nr = 0;

	lockdep_assert_held(&pool->owner->lock);
	regalloc_pool_collect_dirty_locked(pool);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_SPARE)
		nr++;
	return nr;
}

/* Close a marked region if it is spare; if not, its last release marks it again. */
static bool close_marked(struct regalloc_pool *pool,
			 struct regalloc_region *region, unsigned long slot)
{
	if (close_spare(pool, region, slot))
		return true;
	xa_clear_mark(&pool->regions, slot, REGALLOC_MAYBE_SPARE);
	return false;
}

/**
 * regalloc_pool_close_spares_locked() - close regions without a live slice
 * @pool: where to look
 * @most: how many to close at most
 * @idle: only those into which nothing was released for so long, in jiffies
 * @next: lowered to the jiffies that remain until the next one is due; may be
 *	NULL if @idle is 0
 *
 * Context: may sleep. Client's lock held.
 * Return: how many were closed.
 */
unsigned int regalloc_pool_close_spares_locked(struct regalloc_pool *pool,
					       unsigned int most,
					       unsigned long idle,
					       unsigned long *next)
{
	struct regalloc_region *region;
	unsigned int closed = 0;
	unsigned long slot;

	lockdep_assert_held(&pool->owner->lock);
	regalloc_pool_collect_dirty_locked(pool);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_SPARE) {
		unsigned long age = jiffies - region->released_at;

		if (closed == most)
			break;
		cond_resched();
		if (age < idle)
			*next = min(*next, idle - age);
		else
			closed += close_marked(pool, region, slot);
	}
	return closed;
}

/**
 * regalloc_pool_shrink_locked() - close spares for the system, without waiting
 * @pool: where to look
 * @looks: at how many regions to look at most; lowered by those looked at
 *
 * Only at those that regalloc_pool_count_maybe_spares_locked() counted or that the
 * kernel knows: what the owner notes meanwhile would be looked at for ever.
 *
 * Context: client's lock held. May run in a fault that has a page locked and
 * allocates memory, so regions of which a page is locked are left alone.
 * Return: how many were closed.
 */
unsigned int regalloc_pool_shrink_locked(struct regalloc_pool *pool,
					 unsigned int *looks)
{
	struct regalloc_region *region;
	unsigned int closed = 0;
	unsigned long slot;

	lockdep_assert_held(&pool->owner->lock);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_SPARE) {
		if (!*looks)
			break;
		cond_resched();
		if (regalloc_space_is_busy(pool->owner->space,
					   regalloc_pool_offset(pool, slot),
					   REGALLOC_REGION_BYTES))
			continue;
		--*looks;
		closed += close_marked(pool, region, slot);
	}
	return closed;
}
