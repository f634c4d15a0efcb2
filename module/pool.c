// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "budget.h"
#include "map_pages.h"
#include "pool.h"
#include "region.h"
#include "slice_map.h"
#include "trace.h"

/**
 * regalloc_pool_init() - begin without any region
 * @pool: whose first six members the caller has set
 */
void regalloc_pool_init(struct regalloc_pool *pool)
{
	mutex_init(&pool->grow_lock);
	xa_init_flags(&pool->regions, XA_FLAGS_ALLOC);
}

static u64 slot_offset(const struct regalloc_pool *pool, unsigned long slot)
{
	struct regalloc_place place = { .class = pool->class, .slot = slot };

	return regalloc_geometry_offset(pool->geo, &place);
}

static u64 slot_state_offset(const struct regalloc_pool *pool,
			     unsigned long slot)
{
	return regalloc_geometry_state_offset(pool->geo, pool->class, slot);
}

/* The state words of a slot, or NULL if it has never been open. */
static u32 *slot_words(const struct regalloc_pool *pool, unsigned long slot)
{
	return regalloc_map_pages_find_words(pool->map,
					     slot_state_offset(pool, slot));
}

/* The end of a region that is out of reach of new claims. */
static void close_region(struct regalloc_pool *pool,
			 struct regalloc_region *region, unsigned long slot)
{
	trace_regalloc_region_close(pool->account->id, pool->class, slot);
	xa_erase(&pool->regions, slot);
	regalloc_region_zap(region, pool->mapping, slot_offset(pool, slot));
	regalloc_region_close(region);
}

/**
 * regalloc_pool_fini() - close all regions, whoever has slices in them
 * @pool: of a client that nobody uses any more
 *
 * Context: may sleep.
 */
void regalloc_pool_fini(struct regalloc_pool *pool)
{
	struct regalloc_region *region;
	unsigned long slot;

	xa_for_each(&pool->regions, slot, region)
		close_region(pool, region, slot);
	xa_destroy(&pool->regions);
}

/* Put a region into the lowest empty slot and let its slices be claimed. */
static int publish_region(struct regalloc_pool *pool,
			  struct regalloc_region *region)
{
	struct xa_limit limit = XA_LIMIT(0, regalloc_geometry_slots(pool->geo) - 1);
	u32 slot;
	int err;

	/* Reserve the slot: it reads as empty until its words are there. */
	err = xa_alloc(&pool->regions, &slot, NULL, limit, GFP_KERNEL_ACCOUNT);
	if (err)
		return -ENOMEM;
	region->words = regalloc_map_pages_make_words(pool->map,
						      slot_state_offset(pool, slot));
	if (!region->words) {
		xa_erase(&pool->regions, slot);
		return -ENOMEM;
	}
	region->released_at = jiffies;
	xa_store(&pool->regions, slot, region, GFP_KERNEL_ACCOUNT);
	regalloc_slices_open(region->words, regalloc_class_slices(pool->class));
	xa_set_mark(&pool->regions, slot, REGALLOC_MAYBE_FREE);
	xa_set_mark(&pool->regions, slot, REGALLOC_MAYBE_SPARE);
	trace_regalloc_region_open(pool->account->id, pool->class, slot,
				   region->nr_chunks);
	return 0;
}

static int open_region(struct regalloc_pool *pool)
{
	struct regalloc_region *region;
	int err;

	/* Takes long, and needs none of what the lock protects. */
	region = regalloc_region_open(pool->account);
	if (IS_ERR(region))
		return PTR_ERR(region);
	mutex_lock(pool->lock);
	err = publish_region(pool, region);
	mutex_unlock(pool->lock);
	if (err)
		regalloc_region_close(region);
	return err;
}

/**
 * regalloc_pool_grow() - see to it that there are free slices
 * @pool: in which none was found
 *
 * Opens a region unless somebody else has done so in the meantime. Others may
 * have taken its slices by the time this returns.
 *
 * Context: may sleep. Takes grow_lock and the client's lock.
 * Return: 0; -EDQUOT if the budget has no room; -ENOMEM if the system or the
 * memory cgroup has not; -EINTR if a fatal signal is pending.
 */
int regalloc_pool_grow(struct regalloc_pool *pool)
{
	int err = 0;

	if (mutex_lock_killable(&pool->grow_lock))
		return -EINTR;
	if (!xa_marked(&pool->regions, REGALLOC_MAYBE_FREE))
		err = open_region(pool);
	mutex_unlock(&pool->grow_lock);
	return err;
}

/* Claim the first free slice at or after region->first_free. */
static bool claim_in_region(struct regalloc_pool *pool,
			    struct regalloc_region *region,
			    unsigned int *slice, u32 *gen)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	unsigned int i;

	for (i = region->first_free; i < nr; i++) {
		if (!regalloc_slice_claim(&region->words[i], gen))
			continue;
		region->first_free = i + 1;
		*slice = i;
		return true;
	}
	region->first_free = nr;
	return false;
}

static void zero_slice(struct regalloc_pool *pool,
		       struct regalloc_region *region, unsigned int slice)
{
	regalloc_region_zero(region,
			     slice << regalloc_class_shift(pool->class),
			     regalloc_class_bytes(pool->class));
}

/**
 * regalloc_pool_take_locked() - allocate slices of one region
 * @pool: to take from
 * @zero: fill them with zeros
 * @count: how many are wanted, at least 1
 * @handles: where to store their handles
 *
 * Takes from the lowest region with free slices, so that the high ones drain.
 *
 * Context: may sleep. Client's lock held.
 * Return: how many were taken; fewer than @count if the region has no more, 0
 * if no open region has any.
 */
unsigned int regalloc_pool_take_locked(struct regalloc_pool *pool, bool zero,
				       unsigned int count, u64 *handles)
{
	struct regalloc_place place = { .class = pool->class };
	struct regalloc_region *region;
	unsigned int taken = 0;
	u32 gen;

	lockdep_assert_held(pool->lock);
	while (!taken) {
		region = xa_find(&pool->regions, &place.slot, ULONG_MAX,
				 REGALLOC_MAYBE_FREE);
		if (!region)
			break;
		while (taken < count &&
		       claim_in_region(pool, region, &place.slice, &gen)) {
			if (zero)
				zero_slice(pool, region, place.slice);
			handles[taken++] =
				REGALLOC_HANDLE(regalloc_geometry_offset(pool->geo, &place), gen);
		}
		if (taken < count)
			xa_clear_mark(&pool->regions, place.slot,
				      REGALLOC_MAYBE_FREE);
	}
	return taken;
}

/* Whether no slice of the region is live. */
static bool region_is_spare(struct regalloc_pool *pool,
			    struct regalloc_region *region)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	unsigned int live;

	live = regalloc_slices_find_live(region->words, nr, region->witness);
	if (live < nr)
		region->witness = live;
	return live == nr;
}

/* Close a region that looks spare, unless a slice has been claimed since. */
static bool close_spare(struct regalloc_pool *pool,
			struct regalloc_region *region, unsigned long slot)
{
	if (!regalloc_slices_seal(region->words,
				  regalloc_class_slices(pool->class)))
		return false;
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
	u32 *words;
	int err;

	lockdep_assert_held(pool->lock);
	words = slot_words(pool, place->slot);
	if (!words)
		return -ENOENT;
	err = regalloc_slice_release(&words[place->slice], gen);
	if (err)
		return err;

	/* Without a region, the client has made up the live state itself. */
	region = xa_load(&pool->regions, place->slot);
	if (!region)
		return 0;
	region->first_free = min(region->first_free, place->slice);
	region->released_at = jiffies;
	xa_set_mark(&pool->regions, place->slot, REGALLOC_MAYBE_FREE);
	xa_set_mark(&pool->regions, place->slot, REGALLOC_MAYBE_SPARE);
	if (close_now && region_is_spare(pool, region))
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
	struct regalloc_region *region;
	u32 *words;
	int err;

	lockdep_assert_held(pool->lock);
	words = slot_words(pool, place->slot);
	if (!words)
		return -ENOENT;
	err = regalloc_slice_check(&words[place->slice], gen);
	if (err)
		return err;
	region = xa_load(&pool->regions, place->slot);
	if (region)
		zero_slice(pool, region, place->slice);
	return 0;
}

/**
 * regalloc_pool_close_spares_locked() - close regions without a live slice
 * @pool: where to look
 * @most: how many to close at most
 * @idle: only those into which nothing was released for so long, in jiffies
 * @next: lowered to the jiffies that remain until the next one is due
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

	lockdep_assert_held(pool->lock);
	xa_for_each_marked(&pool->regions, slot, region, REGALLOC_MAYBE_SPARE) {
		unsigned long age = jiffies - region->released_at;

		if (closed == most)
			break;
		if (!region_is_spare(pool, region))
			xa_clear_mark(&pool->regions, slot,
				      REGALLOC_MAYBE_SPARE);
		else if (age < idle)
			*next = min(*next, idle - age);
		else if (close_spare(pool, region, slot))
			closed++;
	}
	return closed;
}

/* The page at a place, if a region is open there. Under RCU, no reference. */
static struct page *find_page(struct regalloc_pool *pool, unsigned long slot,
			      unsigned int pgoff)
{
	struct regalloc_region *region = xa_load(&pool->regions, slot);

	return region ? regalloc_region_page(region, pgoff) : NULL;
}

static bool page_is_current(struct regalloc_pool *pool, unsigned long slot,
			    unsigned int pgoff, const struct page *page)
{
	bool current_page;

	rcu_read_lock();
	current_page = find_page(pool, slot, pgoff) == page;
	rcu_read_unlock();
	return current_page;
}

/**
 * regalloc_pool_lock_page() - find the page at a place, for a fault
 * @pool: to look in
 * @slot: region slot
 * @pgoff: page number in the region
 *
 * Context: may sleep. Takes the page lock and none of our locks, since the
 * caller holds mmap_lock.
 * Return: the page, locked and with a reference for the caller; as long as it
 * is locked, its region does not close. NULL if no region is open there.
 */
struct page *regalloc_pool_lock_page(struct regalloc_pool *pool,
				     unsigned long slot, unsigned int pgoff)
{
	struct folio *folio = NULL;
	struct page *page;

	rcu_read_lock();
	page = find_page(pool, slot, pgoff);
	if (page) {
		folio = page_folio(page);
		if (!folio_try_get(folio))
			folio = NULL;
	}
	rcu_read_unlock();
	if (!folio)
		return NULL;

	/* Not before it is sure that this is still our page: look again. */
	if (!page_is_current(pool, slot, pgoff, page))
		goto err_put;
	folio_lock(folio);
	if (!page_is_current(pool, slot, pgoff, page))
		goto err_unlock;
	return page;

err_unlock:
	folio_unlock(folio);
err_put:
	folio_put(folio);
	return NULL;
}

/**
 * regalloc_pool_add_usage() - count what a pool holds
 * @pool: to count
 * @usage: to add it to
 *
 * Takes no lock; exact only if nobody allocates or releases meanwhile.
 *
 * Context: may sleep. The client cannot go away.
 */
void regalloc_pool_add_usage(struct regalloc_pool *pool,
			     struct regalloc_usage *usage)
{
	unsigned int nr = regalloc_class_slices(pool->class);
	struct regalloc_region *region;
	unsigned int live;
	unsigned long slot;

	rcu_read_lock();
	xa_for_each(&pool->regions, slot, region) {
		live = regalloc_slices_count_live(READ_ONCE(region->words), nr);
		usage->regions++;
		usage->spares += live == 0;
		usage->live += live;
		usage->live_bytes += live * regalloc_class_bytes(pool->class);
		if (need_resched()) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
}
