// SPDX-License-Identifier: GPL-2.0-only
/* Removing memory from a space, and what is pinned afterwards. */
#include <linux/err.h>
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
 * returns how many bytes could be freed, and adds to those that were removed.
 */
static u64 batch_remove(struct regalloc_space *space, struct folio_batch *batch,
			u64 *removed)
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
	*removed += bytes;
	return batch_free(space, batch);
}

/* Remove whole folios that are not mapped, as far as faults let them be. */
static u64 remove_folios(struct regalloc_space *space, u64 offset, u64 bytes,
			 u64 *removed)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	pgoff_t last = (offset + bytes - 1) >> PAGE_SHIFT;
	struct folio_batch batch;
	u64 freed = 0;

	folio_batch_init(&batch);
	while (filemap_get_folios(space->inode->i_mapping, &index, last, &batch)) {
		freed += batch_remove(space, &batch, removed);
		cond_resched();
	}
	return freed;
}

/**
 * regalloc_space_remove() - remove memory
 * @space: to remove it from
 * @offset: where it begins in the data window
 * @bytes: how much; a region, or what regalloc_space_add() has added of one
 *
 * Touching it gives SIGBUS afterwards. What is still referenced stays charged, as
 * pinned: the caller calls regalloc_pinned_add() if there is any.
 *
 * Context: may sleep. Takes folio locks, i_mmap_rwsem and page-table locks.
 * Return: how many bytes are free now.
 */
u64 regalloc_space_remove(struct regalloc_space *space, u64 offset, u64 bytes)
{
	u64 freed, removed = 0;

	/* All at once: truncation would flush the TLB for each folio. */
	unmap_mapping_range(space->inode->i_mapping, offset, bytes, 1);
	freed = remove_folios(space, offset, bytes, &removed);
	/* In one step, so that a waiter sees all of it. */
	unhold(space, freed);
	return freed;
}

/**
 * regalloc_space_has_memory() - whether there is a page in a range
 * @space: of the range
 * @offset: where it begins
 * @bytes: how long it is
 *
 * Return: whether it was so at some moment.
 */
bool regalloc_space_has_memory(const struct regalloc_space *space, u64 offset,
			       u64 bytes)
{
	return filemap_range_has_page(space->inode->i_mapping, offset,
				      offset + bytes - 1);
}

/**
 * regalloc_space_punch_begin() - begin to remove some of the memory of a region
 * @punch: to be set up; regalloc_space_punch_end() ends it
 * @space: to remove memory from
 * @offset: the first byte that will be removed
 * @bytes: up to the last one
 *
 * The range is unmapped once, with what stays of it, which faults map again after the
 * end.
 *
 * Context: may sleep. Takes the invalidate_lock, which is held until the end,
 * i_mmap_rwsem and page-table locks.
 */
void regalloc_space_punch_begin(struct regalloc_punch *punch,
				struct regalloc_space *space, u64 offset,
				u64 bytes)
{
	*punch = (struct regalloc_punch){ .space = space };
	filemap_invalidate_lock(space->inode->i_mapping);
	unmap_mapping_range(space->inode->i_mapping, offset, bytes, 1);
}

/* Whether an aligned block is a part of a larger folio. */
static bool is_part_of_folio(struct address_space *mapping, u64 offset, u64 bytes)
{
	struct folio *folio = filemap_get_folio(mapping, offset >> PAGE_SHIFT);
	bool part;

	if (IS_ERR_OR_NULL(folio))
		return false;
	part = folio_size(folio) > bytes;
	folio_put(folio);
	return part;
}

/*
 * Split a block off the folio that it is a part of, by removing its first page. More
 * at once would be zeroed even if the folio cannot be split, and 7.x loses what
 * lies behind it if a second split fails; within the block that does no harm.
 */
static bool split_off(struct regalloc_punch *punch, u64 offset)
{
	struct address_space *mapping = punch->space->inode->i_mapping;
	loff_t last = offset + PAGE_SIZE - 1;

	hold(punch->space, PAGE_SIZE);
	punch->held += PAGE_SIZE;
	truncate_inode_pages_range(mapping, offset, last);
	if (filemap_range_has_page(mapping, offset, last))
		return false;
	punch->removed += PAGE_SIZE;
	punch->freed += PAGE_SIZE;
	return true;
}

/**
 * regalloc_space_punch_block() - remove an aligned block
 * @punch: that has begun
 * @offset: in the range of the punch, a multiple of @bytes
 * @bytes: a power of two, at least a page
 *
 * Aligned blocks only: with others, neighbours would be lost on 7.x.
 *
 * Context: may sleep. Takes folio locks. May allocate memory, which the caller's
 * active memory cgroup pays for.
 * Return: whether it has been removed, though a part may be pinned. If not, it is
 * a part of a folio that is referenced; its first page may be zeros now.
 */
bool regalloc_space_punch_block(struct regalloc_punch *punch, u64 offset,
				u64 bytes)
{
	struct regalloc_space *space = punch->space;
	u64 freed;

	if (is_part_of_folio(space->inode->i_mapping, offset, bytes)) {
		if (!split_off(punch, offset))
			return false;
		offset += PAGE_SIZE;
		bytes -= PAGE_SIZE;
	}
	if (bytes) {
		freed = remove_folios(space, offset, bytes, &punch->removed);
		punch->freed += freed;
		punch->held += freed;
	}
	return true;
}

/**
 * regalloc_space_punch_end() - let faults through and uncharge what is free
 * @punch: that has begun; @removed and @freed are its result
 *
 * The caller calls regalloc_pinned_add() if the space has pinned memory.
 */
void regalloc_space_punch_end(struct regalloc_punch *punch)
{
	filemap_invalidate_unlock(punch->space->inode->i_mapping);
	unhold(punch->space, punch->held);
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
