// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/regalloc.h>

#include "budget.h"
#include "region.h"

#define REGION_ORDER	(REGALLOC_REGION_SHIFT - PAGE_SHIFT)

/* The core maps a page table's worth at once if a chunk is of this order. */
#define CHUNK_ORDER	min_t(unsigned int, PMD_SHIFT - PAGE_SHIFT, REGION_ORDER)

/* How long to wait until the next look at pinned memory: longer each time. */
#define PINNED_FIRST_LOOK	msecs_to_jiffies(20)
#define PINNED_NEXT_LOOK(last)	min(2 * (last), HZ)

static DEFINE_MUTEX(reap_lock);		/* held while looking at them; outer one */
static DEFINE_SPINLOCK(pinned_lock);	/* protects the two below */
static LIST_HEAD(pinned_regions);	/* but for those that are looked at */
static unsigned long pinned_delay;	/* between two looks */

static void pinned_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(pinned_work, pinned_work_fn);

struct workqueue_struct *regalloc_wq;

/*
 * One chunk, or NULL. Only two attempts may take their time: the largest one,
 * but without the long stalls of compaction, and the last one, but without
 * killing anybody. In between, what is at hand is good enough.
 */
static struct page *chunk_alloc(unsigned int order)
{
	gfp_t gfp = GFP_HIGHUSER | __GFP_ZERO | __GFP_ACCOUNT | __GFP_NOWARN;

	if (order == 0)
		return alloc_page(gfp | __GFP_RETRY_MAYFAIL);
	gfp |= __GFP_COMP | __GFP_NORETRY;
	if (order < CHUNK_ORDER)
		gfp &= ~__GFP_DIRECT_RECLAIM;
	return alloc_pages(gfp, order);
}

static u64 chunk_bytes(const struct regalloc_chunk *chunk)
{
	return page_size(chunk->page);
}

/* Put a region's worth of chunks on @pages, largest first; 0 without memory. */
static unsigned int chunks_alloc(struct list_head *pages)
{
	unsigned int order = CHUNK_ORDER, left = 1U << REGION_ORDER, nr = 0;

	while (left) {
		struct page *page = chunk_alloc(order);

		if (page) {
			list_add_tail(&page->lru, pages);
			left -= 1U << order;
			nr++;
		} else if (order-- == 0) {
			return 0;
		}
	}
	return nr;
}

static void chunks_free(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		put_page(page);
	}
}

static struct regalloc_region *region_alloc(struct regalloc_account *account)
{
	struct regalloc_region *region;
	struct page *page, *next;
	unsigned int nr, pgoff = 0;
	LIST_HEAD(pages);

	nr = chunks_alloc(&pages);
	if (!nr)
		goto err_pages;
	region = kvzalloc(struct_size(region, chunks, nr),
			  REGALLOC_GFP);
	if (!region)
		goto err_pages;
	list_for_each_entry_safe(page, next, &pages, lru) {
		struct regalloc_chunk *chunk;

		list_del(&page->lru);
		chunk = &region->chunks[region->nr_chunks++];
		chunk->page = page;
		chunk->pgoff = pgoff;
		pgoff += 1U << compound_order(page);
	}
	regalloc_account_get(account);
	region->account = account;
	return region;

err_pages:
	chunks_free(&pages);
	return NULL;
}

/**
 * regalloc_region_open() - charge and allocate a region
 * @account: to charge
 *
 * Large pages are preferred; where memory is fragmented the region is made of
 * smaller ones, down to single pages.
 *
 * Context: may sleep, for as long as it takes to zero 4 MiB and more when
 * memory is short; the caller holds no lock that freeing memory needs.
 * Return: the region, which regalloc_region_close() ends; -ENOSPC or -EDQUOT
 * as for regalloc_account_try_charge(); -ENOMEM if the system or the memory
 * cgroup has no memory.
 */
struct regalloc_region *regalloc_region_open(struct regalloc_account *account)
{
	struct regalloc_region *region;
	int err;

	err = regalloc_account_try_charge(account, REGALLOC_REGION_BYTES);
	if (err)
		return ERR_PTR(err);
	region = region_alloc(account);
	if (!region) {
		regalloc_account_uncharge(account, REGALLOC_REGION_BYTES);
		return ERR_PTR(-ENOMEM);
	}
	regalloc_account_note_open(account);
	return region;
}

static void region_free(struct regalloc_region *region)
{
	regalloc_account_put(region->account);
	kvfree_rcu(region, rcu);
}

/*
 * Nobody can find the chunk any more, so the only references are ours and
 * those taken before. One that GUP takes and drops again at this very moment
 * does no harm: whoever drops the last one frees the page.
 */
static bool chunk_is_ours_alone(const struct regalloc_chunk *chunk)
{
	return page_count(chunk->page) == 1;
}

/* Returns how many bytes are to be uncharged. */
static u64 chunk_free(struct regalloc_chunk *chunk)
{
	struct page *page = chunk->page;
	u64 bytes = chunk_bytes(chunk);

	/* A fault that found the region before it closed may still look. */
	WRITE_ONCE(chunk->page, NULL);
	put_page(page);
	return bytes;
}

/*
 * Give a closed region's chunks back as far as we can, and say how many bytes these
 * were; true if none is left. They are uncharged together, so that whoever waits
 * for a region sees all of it.
 */
static bool region_free_chunks(struct regalloc_region *region, bool pinned,
			       u64 *bytes)
{
	bool all = true;
	unsigned int i;
	u64 freed = 0;

	for (i = 0; i < region->nr_chunks; i++) {
		struct regalloc_chunk *chunk = &region->chunks[i];

		if (!chunk->page)
			continue;
		if (chunk_is_ours_alone(chunk)) {
			if (pinned)
				regalloc_account_unpin(region->account,
						       chunk_bytes(chunk));
			freed += chunk_free(chunk);
		} else {
			if (!pinned)
				regalloc_account_pin(region->account,
						     chunk_bytes(chunk));
			all = false;
		}
	}
	if (freed)
		regalloc_account_uncharge(region->account, freed);
	*bytes += freed;
	return all;
}

/* After this, a fault either has its mapping in place or fails. */
static void region_wait_for_faults(struct regalloc_region *region)
{
	unsigned int i;

	for (i = 0; i < region->nr_chunks; i++) {
		lock_page(region->chunks[i].page);
		unlock_page(region->chunks[i].page);
	}
}

/**
 * regalloc_region_zap() - remove a region from all address spaces
 * @region: that has been removed from its pool's xarray
 * @mapping: of the client, where the region may be mapped
 * @offset: of the region in the data window
 *
 * Touching it gives SIGBUS afterwards.
 *
 * Context: may sleep. Takes the lock of each chunk, then i_mmap_rwsem and the
 * page-table locks under it.
 */
void regalloc_region_zap(struct regalloc_region *region,
			 struct address_space *mapping, u64 offset)
{
	region_wait_for_faults(region);
	unmap_mapping_range(mapping, offset, REGALLOC_REGION_BYTES, 1);
}

/**
 * regalloc_region_is_busy() - whether somebody has a page of it locked
 * @region: that cannot close meanwhile
 *
 * Zapping it might have to wait, then.
 *
 * Return: that, at this moment.
 */
bool regalloc_region_is_busy(const struct regalloc_region *region)
{
	unsigned int i;

	for (i = 0; i < region->nr_chunks; i++)
		if (PageLocked(region->chunks[i].page))
			return true;
	return false;
}

/**
 * regalloc_region_close() - give a region's memory back
 * @region: that nobody can find or has mapped any more; gone after this
 *
 * What is still referenced stays charged, as pinned, until it is not.
 *
 * Context: may sleep.
 */
void regalloc_region_close(struct regalloc_region *region)
{
	u64 freed = 0;

	regalloc_account_note_close(region->account);

	cond_resched();
	if (region_free_chunks(region, false, &freed)) {
		region_free(region);
		return;
	}
	spin_lock(&pinned_lock);
	list_add_tail(&region->link, &pinned_regions);
	/* A look that is near already must not be put off time and again. */
	if (pinned_delay != PINNED_FIRST_LOOK ||
	    !delayed_work_pending(&pinned_work)) {
		pinned_delay = PINNED_FIRST_LOOK;
		mod_delayed_work(regalloc_wq, &pinned_work, pinned_delay);
	}
	spin_unlock(&pinned_lock);
}

/**
 * regalloc_region_set_place() - say where in the data window a region lies
 * @region: that nobody can find yet
 * @offset: its first byte in the data window
 *
 * The core maps a huge page only if it ends below the size of the inode, and
 * asks the page itself where it is. What its last user left there may be
 * anything.
 */
void regalloc_region_set_place(struct regalloc_region *region, u64 offset)
{
	unsigned int i;

	for (i = 0; i < region->nr_chunks; i++) {
		const struct regalloc_chunk *chunk = &region->chunks[i];

		page_folio(chunk->page)->index = (offset >> PAGE_SHIFT) +
						 chunk->pgoff;
	}
}

/**
 * regalloc_region_page() - the memory at a place in a region
 * @region: open, or under RCU
 * @pgoff: page number in the region, below its end
 *
 * Return: the page, without a reference; NULL if the region has closed.
 */
struct page *regalloc_region_page(const struct regalloc_region *region,
				  unsigned int pgoff)
{
	unsigned int low = 0, high = region->nr_chunks;
	const struct regalloc_chunk *chunk;
	struct page *page;

	/* The last chunk that begins at or before @pgoff. */
	while (high - low > 1) {
		unsigned int mid = (low + high) / 2;

		if (region->chunks[mid].pgoff <= pgoff)
			low = mid;
		else
			high = mid;
	}
	chunk = &region->chunks[low];
	page = READ_ONCE(chunk->page);
	return page ? page + (pgoff - chunk->pgoff) : NULL;
}

/**
 * regalloc_region_zero() - fill a part of a region with zeros
 * @region: that cannot close meanwhile
 * @offset: first byte, a multiple of the smallest slice
 * @bytes: how many, likewise
 *
 * Context: may sleep.
 */
void regalloc_region_zero(const struct regalloc_region *region,
			  unsigned int offset, unsigned int bytes)
{
	while (bytes) {
		struct page *page = regalloc_region_page(region,
							 offset >> PAGE_SHIFT);
		unsigned int in_page = offset_in_page(offset);
		unsigned int now = min_t(unsigned int, bytes,
					 PAGE_SIZE - in_page);

		/* Broken memory is left to whoever touches it: SIGBUS. */
		if (!PageHWPoison(page))
			memzero_page(page, in_page, now);
		offset += now;
		bytes -= now;
	}
}

/* Who closes a region in the meantime does not wait for us. */
static u64 reap_locked(void)
{
	struct regalloc_region *region, *next;
	LIST_HEAD(regions);
	u64 freed = 0;

	spin_lock(&pinned_lock);
	list_splice_init(&pinned_regions, &regions);
	spin_unlock(&pinned_lock);
	list_for_each_entry_safe(region, next, &regions, link) {
		cond_resched();
		if (!region_free_chunks(region, true, &freed))
			continue;
		list_del(&region->link);
		region_free(region);
	}
	spin_lock(&pinned_lock);
	list_splice(&regions, &pinned_regions);
	spin_unlock(&pinned_lock);
	return freed;
}

/**
 * regalloc_pinned_reap() - free the pinned memory that has been let go
 *
 * Context: may sleep.
 * Return: whether there was any.
 */
bool regalloc_pinned_reap(void)
{
	u64 freed;

	mutex_lock(&reap_lock);
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
		pinned_delay = PINNED_NEXT_LOOK(pinned_delay);
		queue_delayed_work(regalloc_wq, &pinned_work, pinned_delay);
	}
	spin_unlock(&pinned_lock);
	mutex_unlock(&reap_lock);
}

/**
 * regalloc_region_init() - set up what regions need
 *
 * Return: 0 or -ENOMEM.
 */
int regalloc_region_init(void)
{
	regalloc_wq = alloc_workqueue("regalloc", WQ_UNBOUND, 0);
	return regalloc_wq ? 0 : -ENOMEM;
}

/**
 * regalloc_region_exit() - let go of all pinned memory
 *
 * Whoever still references it frees it; the pages are not ours to watch any
 * more. Nothing may be opened or closed from now on.
 *
 * Context: may sleep; module exit.
 */
void regalloc_region_exit(void)
{
	struct regalloc_region *region, *next;
	unsigned int i;

	cancel_delayed_work_sync(&pinned_work);
	destroy_workqueue(regalloc_wq);
	list_for_each_entry_safe(region, next, &pinned_regions, link) {
		for (i = 0; i < region->nr_chunks; i++) {
			if (!region->chunks[i].page)
				continue;
			regalloc_account_unpin(region->account,
					       chunk_bytes(&region->chunks[i]));
			regalloc_account_uncharge(region->account,
						  chunk_free(&region->chunks[i]));
		}
		list_del(&region->link);
		region_free(region);
	}
}
