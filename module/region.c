// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/regalloc.h>

#include "budget.h"
#include "region.h"

#define REGION_ORDER	(REGALLOC_REGION_SHIFT - PAGE_SHIFT)

/* The core maps a page table's worth at once if a chunk is of this order. */
#define CHUNK_ORDER	min_t(unsigned int, PMD_SHIFT - PAGE_SHIFT, REGION_ORDER)

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
 * Give a closed region's chunks back as far as we can, and say how many bytes
 * these were; true if that was the end of it. They are uncharged together, so
 * that whoever waits for a region sees all of it.
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
	if (all)
		region_free(region);
	return all;
}

/**
 * regalloc_region_close() - give a region's memory back
 * @region: that nobody can find or has mapped any more
 *
 * What is still referenced stays charged, as pinned.
 *
 * Context: may sleep.
 * Return: true if that was the end of the region; false if some of it is pinned
 * and the caller is to hand it to regalloc_pinned_add().
 */
bool regalloc_region_close(struct regalloc_region *region)
{
	u64 freed = 0;

	regalloc_account_note_close(region->account);
	cond_resched();
	return region_free_chunks(region, false, &freed);
}

/**
 * regalloc_region_reap() - free what is pinned no more
 * @region: that has closed, but was pinned then
 * @freed: raised by the bytes that were freed
 *
 * Context: may sleep.
 * Return: true if that was the end of the region.
 */
bool regalloc_region_reap(struct regalloc_region *region, u64 *freed)
{
	cond_resched();
	return region_free_chunks(region, true, freed);
}

/**
 * regalloc_region_abandon() - let go of what is still pinned
 * @region: that has closed; gone after this
 *
 * Whoever still references its memory frees it.
 *
 * Context: may sleep; module exit, since nobody counts that memory any more.
 */
void regalloc_region_abandon(struct regalloc_region *region)
{
	unsigned int i;

	for (i = 0; i < region->nr_chunks; i++) {
		struct regalloc_chunk *chunk = &region->chunks[i];

		if (!chunk->page)
			continue;
		regalloc_account_unpin(region->account, chunk_bytes(chunk));
		regalloc_account_uncharge(region->account, chunk_free(chunk));
	}
	region_free(region);
}
