// SPDX-License-Identifier: GPL-2.0-only
/* Removing memory from a space, and what is pinned afterwards. */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "budget.h"
#include "compat.h"
#include "space.h"

static void hold(struct regalloc_space *space, u64 bytes)
{
	spin_lock(&space->lock);
	space->held += bytes;
	spin_unlock(&space->lock);
}

/* Memory that was held has been freed. */
static void unhold(struct regalloc_space *space, u64 bytes)
{
	spin_lock(&space->lock);
	space->held -= bytes;
	regalloc_space_settle_locked(space);
	spin_unlock(&space->lock);
}

static void pinned_push(struct regalloc_space *space, struct folio *folio)
{
	spin_lock(&space->lock);
	folio->private = space->pinned;
	space->pinned = folio;
	spin_unlock(&space->lock);
}

/*
 * Whether a removed folio has no reference but ours. Nobody can find it any more,
 * so a reference is one taken before; one that is just being dropped does no
 * harm: the last one frees the memory. Memory failure splits a folio, and then keeps
 * a reference to the broken page for ever, which is no memory any more.
 */
static bool folio_is_ours_alone(struct folio *folio)
{
	return folio_ref_count(folio) == 1 ||
	       (folio_test_hwpoison(folio) && !folio_test_large(folio));
}

/* Free a batch of removed folios, as far as nobody references them. */
static u64 batch_free(struct regalloc_space *space, struct folio_batch *batch)
{
	u64 freed = 0;
	unsigned int i;

	for (i = 0; i < folio_batch_count(batch); i++) {
		struct folio *folio = batch->folios[i];
		size_t bytes = folio_size(folio);

		if (folio_is_ours_alone(folio)) {
			folio_put(folio);
			freed += bytes;
		} else {
			regalloc_account_pin(space->account, bytes);
			pinned_push(space, folio);
		}
	}
	folio_batch_init(batch);
	return freed;
}

/*
 * Remove the folios of a batch, which come one after the other in the mapping;
 * returns how many bytes could be freed.
 */
static u64 batch_remove(struct regalloc_space *space, struct folio_batch *batch)
{
	struct folio *first = batch->folios[0];
	struct folio *last = batch->folios[folio_batch_count(batch) - 1];
	u64 start = folio_pos(first), end = folio_pos(last) + folio_size(last);
	u64 bytes = 0;
	unsigned int i;

	for (i = 0; i < folio_batch_count(batch); i++)
		bytes += folio_size(batch->folios[i]);
	hold(space, bytes);
	truncate_inode_pages_range(space->inode->i_mapping, start, end - 1);
	return batch_free(space, batch);
}

/**
 * regalloc_space_remove() - remove memory
 * @space: to remove it from
 * @offset: where it begins in the data window
 * @bytes: how much; a region, or what regalloc_space_add() has added of one
 *
 * Touching it gives SIGBUS afterwards. What is still referenced stays charged, as
 * pinned.
 *
 * Context: may sleep. Takes folio locks, i_mmap_rwsem and page-table locks.
 * Return: true if all of it is free; false if some of it is pinned and the
 * caller is to call regalloc_pinned_add().
 */
bool regalloc_space_remove(struct regalloc_space *space, u64 offset, u64 bytes)
{
	struct address_space *mapping = space->inode->i_mapping;
	pgoff_t index = offset >> PAGE_SHIFT;
	pgoff_t last = (offset + bytes - 1) >> PAGE_SHIFT;
	struct folio_batch batch;
	u64 freed = 0;

	/* All at once: truncation would flush the TLB for each folio. */
	unmap_mapping_range(mapping, offset, bytes, 1);
	folio_batch_init(&batch);
	while (filemap_get_folios(mapping, &index, last, &batch)) {
		freed += batch_remove(space, &batch);
		cond_resched();
	}
	/* In one step, so that a waiter sees all of it. */
	unhold(space, freed);
	return !READ_ONCE(space->pinned);
}

/**
 * regalloc_space_is_busy() - whether a folio of a range is locked
 * @space: of the range
 * @offset: where it begins
 * @bytes: how long it is
 *
 * Removing it might have to wait, then.
 *
 * Return: whether it was so at some moment.
 */
bool regalloc_space_is_busy(struct regalloc_space *space, u64 offset, u64 bytes)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	pgoff_t last = (offset + bytes - 1) >> PAGE_SHIFT;
	struct folio_batch batch;
	bool busy = false;
	unsigned int i;

	folio_batch_init(&batch);
	while (!busy && filemap_get_folios(space->inode->i_mapping, &index,
					   last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++) {
			busy |= folio_test_locked(batch.folios[i]);
			folio_put(batch.folios[i]);
		}
		folio_batch_init(&batch);
	}
	return busy;
}

static struct folio *pinned_steal(struct regalloc_space *space)
{
	struct folio *pinned;

	spin_lock(&space->lock);
	pinned = space->pinned;
	space->pinned = NULL;
	spin_unlock(&space->lock);
	return pinned;
}

/* Returns how many bytes have been freed. */
static u64 pinned_drop(struct folio *folio)
{
	size_t bytes = folio_size(folio);

	folio->private = NULL;
	folio_put(folio);
	return bytes;
}

/* Uncharge first: what is charged and not pinned is in the mapping. */
static void pinned_end(struct regalloc_space *space, u64 bytes)
{
	unhold(space, bytes);
	smp_mb__before_atomic();	/* for do_stats() in ioctl.c */
	regalloc_account_unpin(space->account, bytes);
}

/**
 * regalloc_space_reap() - free the memory that is not pinned any more
 * @space: of the memory
 * @freed: raised by the bytes that were freed
 *
 * Context: may sleep.
 * Return: true if none is left.
 */
bool regalloc_space_reap(struct regalloc_space *space, u64 *freed)
{
	struct folio *folio, *next;
	u64 bytes = 0;

	for (folio = pinned_steal(space); folio; folio = next) {
		next = folio->private;
		cond_resched();
		if (folio_is_ours_alone(folio))
			bytes += pinned_drop(folio);
		else
			pinned_push(space, folio);
	}
	pinned_end(space, bytes);
	*freed += bytes;
	return !READ_ONCE(space->pinned);
}

/**
 * regalloc_space_abandon() - let go of what is still pinned
 * @space: without a client
 *
 * The last one with a reference to the memory frees it.
 *
 * Context: may sleep; module exit, since the memory is not counted any more.
 */
void regalloc_space_abandon(struct regalloc_space *space)
{
	struct folio *folio, *next;
	u64 bytes = 0;

	for (folio = pinned_steal(space); folio; folio = next) {
		next = folio->private;
		bytes += pinned_drop(folio);
	}
	pinned_end(space, bytes);
}
