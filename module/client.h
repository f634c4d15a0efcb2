/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clients: one for each open file description of the device.
 *
 * Lifetime. A client lives from open to the release of the file, which comes
 * after the last descriptor and the last mapping are gone. So inside an ioctl
 * or a fault it cannot go away; who finds it through the domain's list holds
 * the domain's lock, which its removal takes, or walks the list under SRCU, which
 * its removal waits for.
 *
 * Each client has a space of its own, and so an address_space of its own: removing
 * memory of one client looks at no other client's mappings.
 *
 * Locks, outer first: a pool's grow_lock, the domain's lock, a client's lock.
 * The domain's lock is held for short work only. Who closes regions of clients that
 * he finds in the list, or counts what they hold, walks it under SRCU; for the
 * walk itself waits only a client that goes.
 * Inside the client's lock come page locks, i_mmap_rwsem, page-table locks and
 * the lock of the pinned list. The domain's and the clients' locks are never
 * held while a region is being opened or user memory is touched.
 */
#ifndef REGALLOC_CLIENT_H
#define REGALLOC_CLIENT_H

#include <linux/rculist.h>
#include <linux/wait.h>

#include "domain.h"
#include "pool.h"

/**
 * struct regalloc_client - one open file description
 * @domain: that it belongs to
 * @node: in the domain's list
 * @owner: what its pools share; holds a reference to the space
 * @pools: its regions, by class
 * @scan: number of the latest search for idle memory. Client's lock
 * @nr_waiting: its threads that wait for memory. Written under the domain's lock
 * @kept: places of those that a signal has interrupted
 * @wanted: bytes that others have asked it for since it looked
 * @asked: where it waits for that to happen, in poll()
 */
struct regalloc_client {
	struct regalloc_domain *domain;
	struct list_head node;
	struct regalloc_owner owner;
	struct regalloc_pool pools[REGALLOC_NR_CLASSES];
	u32 scan;
	unsigned int nr_waiting;
	struct regalloc_kept_places kept;
	atomic64_t wanted;
	wait_queue_head_t asked;
};

/*
 * Between srcu_read_lock() and srcu_read_unlock() of the domain's walks. Those that
 * join meanwhile may be missed.
 */
#define regalloc_for_each_client(client, domain)			\
	list_for_each_entry_srcu(client, &(domain)->clients, node,	\
				 srcu_read_lock_held(&(domain)->walks))

struct regalloc_client *regalloc_client_create(struct regalloc_domain *domain);
void regalloc_client_destroy(struct regalloc_client *client);

unsigned int regalloc_client_take(struct regalloc_client *client,
				  unsigned int class, bool zero,
				  unsigned int count, u64 *handles);
int regalloc_client_last_look(struct regalloc_client *client,
			      unsigned int class, bool zero,
			      unsigned int count, u64 *handles);
void regalloc_client_forget_hints(struct regalloc_client *client);
int regalloc_client_give(struct regalloc_client *client, u64 handle);
int regalloc_client_zero(struct regalloc_client *client, u64 handle);
unsigned int regalloc_client_close_spares(struct regalloc_client *client,
					  u64 bytes, u64 *freed);
void regalloc_client_punch_idle(struct regalloc_client *client, bool own,
				u64 bytes, u64 *freed);
void regalloc_client_decay(struct regalloc_client *client, unsigned long age,
			   unsigned long *next);
void regalloc_client_begin_wait(struct regalloc_client *client);
void regalloc_client_end_wait(struct regalloc_client *client);
void regalloc_client_attend(struct regalloc_client *client, u32 bits, bool on);
unsigned long
regalloc_client_count_maybe_spares(struct regalloc_client *client);
unsigned int regalloc_client_shrink(struct regalloc_client *client,
				    unsigned int *looks);
unsigned int regalloc_client_drop_map_pages(struct regalloc_client *client,
					    unsigned int max);
void regalloc_client_add_usage(struct regalloc_client *client,
			       struct regalloc_usage *usage);

#endif /* REGALLOC_CLIENT_H */
