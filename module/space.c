// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/regalloc.h>

#include "budget.h"
#include "compat.h"
#include "space.h"

/* Never mounted by users: it is where the inodes live. */
#define REGALLOC_FS_MAGIC	0x72656761	/* "rega" */

#define REGION_ORDER	(REGALLOC_REGION_SHIFT - PAGE_SHIFT)

/* The core maps a folio of this order by one entry of a page table. */
#define HUGE_ORDER	min_t(unsigned int, PMD_SHIFT - PAGE_SHIFT, REGION_ORDER)

/* Movable, and an allocation fails rather than have a process killed. */
#define SPACE_GFP	(GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL | \
			 __GFP_NOWARN)

static struct vfsmount *space_mnt;

static int space_fs_init(struct fs_context *fc)
{
	return init_pseudo(fc, REGALLOC_FS_MAGIC) ? 0 : -ENOMEM;
}

/* No .owner: our own mount would keep the module from being unloaded. */
static struct file_system_type space_fs_type = {
	.name			= "regalloc",
	.init_fs_context	= space_fs_init,
	.kill_sb		= kill_anon_super,
};

static const struct address_space_operations space_aops = {
	.dirty_folio	= noop_dirty_folio,
	.migrate_folio	= filemap_migrate_folio,
	REGALLOC_ERROR_REMOVE_FOLIO
};

/**
 * regalloc_space_init() - set up what all spaces share
 *
 * Return: 0 or a negative errno.
 */
int regalloc_space_init(void)
{
	space_mnt = kern_mount(&space_fs_type);
	return PTR_ERR_OR_ZERO(space_mnt);
}

/**
 * regalloc_space_exit() - undo regalloc_space_init(); there is no space left
 */
void regalloc_space_exit(void)
{
	kern_unmount(space_mnt);
}

/* An inode as large as the windows: the core maps huge pages only below that. */
static struct inode *space_inode(u64 bytes)
{
	struct inode *inode = alloc_anon_inode(space_mnt->mnt_sb);

	if (IS_ERR(inode))
		return inode;
	inode->i_mode |= S_IFREG;
	i_size_write(inode, bytes);
	inode->i_mapping->a_ops = &space_aops;
	mapping_set_gfp_mask(inode->i_mapping, SPACE_GFP);
	mapping_set_unevictable(inode->i_mapping);
	mapping_set_large_folios(inode->i_mapping);
	return inode;
}

/**
 * regalloc_space_create() - a space without memory
 * @account: to charge
 * @bytes: size of the windows
 *
 * The memory cgroup of the calling task pays for the memory, whoever adds it.
 *
 * Context: may sleep.
 * Return: the space, with one reference that is the caller's, or an ERR_PTR.
 */
struct regalloc_space *regalloc_space_create(struct regalloc_account *account,
					     u64 bytes)
{
	struct regalloc_space *space;
	struct inode *inode;

	space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);
	if (!space)
		return ERR_PTR(-ENOMEM);
	inode = space_inode(bytes);
	if (IS_ERR(inode)) {
		kfree(space);
		return ERR_CAST(inode);
	}
	refcount_set(&space->refs, 1);
	space->inode = inode;
	regalloc_account_get(account);
	space->account = account;
	space->memcg = get_mem_cgroup_from_mm(current->mm);
	spin_lock_init(&space->lock);
	INIT_LIST_HEAD(&space->link);
	return space;
}

/**
 * regalloc_space_get() - take a reference
 * @space: that the caller has a reference to already
 */
void regalloc_space_get(struct regalloc_space *space)
{
	refcount_inc(&space->refs);
}

/**
 * regalloc_space_put() - drop a reference
 * @space: freed if it was the last one; its memory has been removed then
 *
 * Context: may sleep.
 */
void regalloc_space_put(struct regalloc_space *space)
{
	if (!refcount_dec_and_test(&space->refs))
		return;
	WARN_ON_ONCE(space->adding || space->held);
	iput(space->inode);
	mem_cgroup_put(space->memcg);
	regalloc_account_put(space->account);
	kfree(space);
}

/**
 * regalloc_space_settle_locked() - uncharge what neither exists nor is about to
 * @space: with memory that has gone
 *
 * Context: space's lock held.
 */
void regalloc_space_settle_locked(struct regalloc_space *space)
{
	struct regalloc_account *account = space->account;
	u64 charged = atomic64_read(&account->own.charged);
	u64 bytes = space->adding + space->held +
		    ((u64)READ_ONCE(space->inode->i_mapping->nrpages) << PAGE_SHIFT);

	lockdep_assert_held(&space->lock);
	if (charged > bytes)
		regalloc_account_uncharge(account, charged - bytes);
}

/**
 * regalloc_space_charge_up_to() - charge memory that is about to be added
 * @space: that it will be added to
 * @min: the least that is of use, a power of two
 * @bytes: the most, a power of two; becomes what has been charged, likewise:
 *	regalloc_space_add() or regalloc_space_uncharge() of that follows
 *
 * Return: as regalloc_account_try_charge_up_to().
 */
int regalloc_space_charge_up_to(struct regalloc_space *space, u64 min,
				u64 *bytes)
{
	int err;

	spin_lock(&space->lock);
	err = regalloc_account_try_charge_up_to(space->account, min, bytes);
	if (!err)
		space->adding += *bytes;
	spin_unlock(&space->lock);
	return err;
}

/**
 * regalloc_space_charge() - charge memory that is about to be added
 * @space: that it will be added to
 * @bytes: how much; regalloc_space_add() or regalloc_space_uncharge() follows
 *
 * Return: as regalloc_account_try_charge().
 */
int regalloc_space_charge(struct regalloc_space *space, u64 bytes)
{
	return regalloc_space_charge_up_to(space, bytes, &bytes);
}

/**
 * regalloc_space_uncharge() - end a charge for memory that was to be added
 * @space: that has been charged
 * @bytes: how much has been added, or will not be
 */
void regalloc_space_uncharge(struct regalloc_space *space, u64 bytes)
{
	spin_lock(&space->lock);
	space->adding -= bytes;
	regalloc_space_settle_locked(space);
	spin_unlock(&space->lock);
}

/*
 * Only the first and the last attempt may reclaim: the first without compaction
 * stalls, the last without the OOM killer.
 */
static struct folio *folio_get_new(unsigned int order)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | __GFP_ZERO | __GFP_NOWARN;

	if (order == 0)
		return folio_alloc(gfp | __GFP_RETRY_MAYFAIL, 0);
	gfp |= __GFP_NORETRY;
	if (order < HUGE_ORDER)
		gfp &= ~__GFP_DIRECT_RECLAIM;
	return folio_alloc(gfp, order);
}

/* Splitting needs three pages on 6.1: never 1. */
static unsigned int allowed_order(unsigned int order)
{
	return order > 1 ? order : 0;
}

/* The order to try first for so many bytes. */
static unsigned int largest_order(const struct regalloc_space *space, u64 bytes)
{
	if (!mapping_large_folio_support(space->inode->i_mapping))
		return 0;
	return allowed_order(min_t(unsigned int, HUGE_ORDER,
				   get_order(bytes)));
}

/* The order to try after @order, which is not 0. */
static unsigned int smaller_order(unsigned int order)
{
	return allowed_order(order - 1);
}

static int add_folio(struct regalloc_space *space, struct folio *folio, u64 offset)
{
	struct mem_cgroup *old = set_active_memcg(space->memcg);
	int err;

	err = filemap_add_folio(space->inode->i_mapping, folio,
				offset >> PAGE_SHIFT,
				GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	set_active_memcg(old);
	if (err)
		return err;
	folio_mark_uptodate(folio);
	/* A clean folio that cannot be split is dropped whole. */
	folio_mark_dirty(folio);
	folio_unlock(folio);

	/* Counted twice until now: a task that settled meanwhile left too much. */
	regalloc_space_uncharge(space, folio_size(folio));
	return 0;
}

/*
 * Drop the references; those of this CPU's LRU batches, too, which would look like
 * pins.
 */
static void batch_release(struct folio_batch *batch)
{
	folio_batch_release(batch);
	/* Or the next release would not drain them. */
	folio_batch_init(batch);
}

/* Add as much as there is memory for; returns how far it came. */
static u64 add_folios(struct regalloc_space *space, u64 offset, u64 end,
		      unsigned int *nr)
{
	unsigned int order = largest_order(space, end - offset);
	struct folio_batch added;
	struct folio *folio;

	folio_batch_init(&added);
	migrate_disable();
	while (offset < end) {
		cond_resched();
		folio = folio_get_new(order);
		if (!folio) {
			if (!order)
				break;
			order = smaller_order(order);
			continue;
		}
		if (add_folio(space, folio, offset)) {
			folio_put(folio);
			if (!order)
				break;
			order = smaller_order(order);
			continue;
		}
		(*nr)++;
		offset += folio_size(folio);
		if (!folio_batch_add(&added, folio))
			batch_release(&added);
	}
	batch_release(&added);
	migrate_enable();
	return offset;
}

/**
 * regalloc_space_add() - add memory that has been charged
 * @space: to add to
 * @offset: in the data window, where there is none; a multiple of @bytes
 * @bytes: how much, a power of two and at least a page; all zero
 *
 * Huge folios are preferred; where memory is fragmented smaller ones are added,
 * down to single pages. Faults find them at once.
 *
 * Context: may sleep, for as long as it takes to zero the memory and more when
 * memory is short; the caller holds no lock that reclaim needs.
 * Return: the number of folios; -ENOMEM if the system or the memory cgroup has
 * no memory. After an error the caller removes what has been added; the charge
 * for the rest has been taken back.
 */
int regalloc_space_add(struct regalloc_space *space, u64 offset, u64 bytes)
{
	u64 end = offset + bytes, reached;
	unsigned int nr = 0;

	reached = add_folios(space, offset, end, &nr);
	if (reached == end)
		return nr;
	regalloc_space_uncharge(space, end - reached);
	return -ENOMEM;
}

/* Under the folio's lock: a migration would lose what is written meanwhile. */
static void folio_clear(struct folio *folio, size_t from, size_t to)
{
	while (from < to) {
		struct page *page = folio_page(folio, from >> PAGE_SHIFT);
		size_t in_page = offset_in_page(from);
		size_t bytes = min_t(size_t, to - from, PAGE_SIZE - in_page);

		/* Broken memory is left to the task that touches it: SIGBUS. */
		if (!PageHWPoison(page))
			memzero_page(page, in_page, bytes);
		from += bytes;
	}
}

/**
 * regalloc_space_zero() - fill memory with zeros
 * @space: of the memory
 * @offset: first byte, a multiple of the smallest slice
 * @bytes: how many, likewise; of a region that does not close meanwhile
 *
 * Pages that memory failure has taken away are left out.
 *
 * Context: may sleep. Takes folio locks.
 */
void regalloc_space_zero(struct regalloc_space *space, u64 offset, u64 bytes)
{
	u64 end = offset + bytes, next;
	struct folio *folio;

	for (; offset < end; offset = next) {
		cond_resched();
		folio = filemap_lock_folio(space->inode->i_mapping,
					   offset >> PAGE_SHIFT);
		if (IS_ERR_OR_NULL(folio)) {
			next = round_down(offset, PAGE_SIZE) + PAGE_SIZE;
			continue;
		}
		next = min(end, folio_pos(folio) + folio_size(folio));
		folio_clear(folio, offset - folio_pos(folio),
			    next - folio_pos(folio));
		folio_unlock(folio);
		folio_put(folio);
	}
}
