/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A space: the memory of one client by its offset in the data window.
 *
 * The memory is the page cache of an inode of the client's own: adding a
 * region adds folios to the mapping, removing one truncates the range, and a
 * fault is a lookup. The core maps, unmaps, migrates and accounts the folios
 * and handles memory failure. They are unevictable and always dirty, so that
 * nothing writes them back or drops them.
 *
 * Pinned memory. Direct I/O, io_uring, vmsplice and the like may hold a
 * reference to a page for any time. A folio that is referenced when it is removed
 * leaves the mapping all the same, so nobody finds it any more; the space keeps
 * a reference of its own and the charge until the other references have gone
 * (pinned.h).
 *
 * Charge. The account of a space is charged for
 *
 *	what is in the mapping		(the core counts it: memory failure, too,
 *					takes pages out of it)
 *	what is about to be added	(@adding; charged before it is allocated)
 *	what has been removed and is	(@held; uncharged after it is freed)
 *	not yet freed
 *
 * A folio on its way from one state to the next counts in both, so at no
 * moment is less charged than exists. The sum is not kept but computed:
 * settling uncharges what is charged beyond it.
 *
 * Lifetime. The client has a reference to the space, and the list of pinned memory
 * has one while any is left. The space holds its account and the memory cgroup
 * of the task that opened the client, which pays for all of it.
 *
 * Punching. A block that is a part of a larger folio is removed by truncation, which
 * splits the folio, and that fails if anything else has a reference to it. So the
 * mapping's invalidate_lock keeps faults out, which would have some; a folio that
 * is referenced all the same is left as it is.
 *
 * Locks: @lock is a spinlock; the budget's locks are taken under it. Adding may
 * wait for memory, so the caller holds no lock that reclaim needs. Removing waits
 * for folio locks, which faults hold while they map a page, and takes
 * i_mmap_rwsem and page-table locks. Punching takes the invalidate_lock around that;
 * faults share it, under mmap_lock, until they have the folio's lock.
 */
#ifndef REGALLOC_SPACE_H
#define REGALLOC_SPACE_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct address_space;
struct folio;
struct inode;
struct mem_cgroup;
struct regalloc_account;

/**
 * struct regalloc_punch - blocks that are being removed from a space
 * @space: of the blocks
 * @held: bytes that count as held until the end
 * @removed: bytes that have left the mapping
 * @freed: bytes of them that are free; the others are pinned
 */
struct regalloc_punch {
	struct regalloc_space *space;
	u64 held;
	u64 removed;
	u64 freed;
};

/**
 * struct regalloc_space - the memory of one client
 * @refs: of the client and of the list of pinned memory
 * @inode: its page cache is the memory
 * @account: that is charged; holds a reference
 * @memcg: memory cgroup that is charged; holds a reference; may be NULL
 * @lock: protects the members below and settling
 * @adding: bytes that are charged and not in the mapping yet
 * @held: bytes that have been removed and not been freed yet
 * @pinned: removed folios that somebody references, linked by folio->private
 * @link: in the list of spaces with pinned memory; see pinned.c
 */
struct regalloc_space {
	refcount_t refs;
	struct inode *inode;
	struct regalloc_account *account;
	struct mem_cgroup *memcg;
	spinlock_t lock;	/* the charge, the list of pinned folios */
	u64 adding;
	u64 held;
	struct folio *pinned;
	struct list_head link;
};

/* Whether there is memory for regalloc_pinned_add() to look after. */
static inline bool regalloc_space_has_pinned(const struct regalloc_space *space)
{
	return READ_ONCE(space->pinned);
}

int regalloc_space_init(void);
void regalloc_space_exit(void);

struct regalloc_space *regalloc_space_create(struct regalloc_account *account,
					     u64 bytes);
void regalloc_space_get(struct regalloc_space *space);
void regalloc_space_put(struct regalloc_space *space);
struct address_space *regalloc_space_mapping(const struct regalloc_space *space);

int regalloc_space_charge(struct regalloc_space *space, u64 bytes);
int regalloc_space_charge_up_to(struct regalloc_space *space, u64 min,
				u64 *bytes);
void regalloc_space_uncharge(struct regalloc_space *space, u64 bytes);
int regalloc_space_add(struct regalloc_space *space, u64 offset, u64 bytes);
void regalloc_space_settle_locked(struct regalloc_space *space);
u64 regalloc_space_remove(struct regalloc_space *space, u64 offset, u64 bytes);
void regalloc_space_punch_begin(struct regalloc_punch *punch,
				struct regalloc_space *space, u64 offset,
				u64 bytes);
bool regalloc_space_punch_block(struct regalloc_punch *punch, u64 offset,
				u64 bytes);
void regalloc_space_punch_end(struct regalloc_punch *punch);
bool regalloc_space_has_memory(const struct regalloc_space *space, u64 offset,
			       u64 bytes);
bool regalloc_space_is_busy(struct regalloc_space *space, u64 offset, u64 bytes);
void regalloc_space_zero(struct regalloc_space *space, u64 offset, u64 bytes);
vm_fault_t regalloc_space_mkwrite(struct regalloc_space *space,
				  struct vm_fault *vmf);
vm_fault_t regalloc_space_fault(struct regalloc_space *space,
				struct vm_fault *vmf);
vm_fault_t regalloc_space_map_pages(struct vm_fault *vmf, pgoff_t start,
				    pgoff_t end);

bool regalloc_space_reap(struct regalloc_space *space, u64 *freed);
void regalloc_space_abandon(struct regalloc_space *space);

#endif /* REGALLOC_SPACE_H */
