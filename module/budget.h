/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The budget: how much region memory all clients together may hold.
 *
 * Memory is charged before it is allocated and uncharged after it is freed, in
 * one step each under the budget's lock, so the charge covers what exists at
 * every moment and passes the limit at none. Each client has an account under
 * the budget; what outlives the client (memory that somebody has pinned) keeps
 * the account.
 *
 * An account may have a reserve, which is set aside for it, and a limit of its
 * own. So the budget is spoken for not by what is charged, but by the greater of
 * charge and reserve of each account.
 *
 * The lock is taken for a few instructions, and no other one under it. Nothing here
 * sleeps.
 */
#ifndef REGALLOC_BUDGET_H
#define REGALLOC_BUDGET_H

#include <linux/atomic.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "waiters.h"

/*
 * For what an allocation needs on the way: charged to the memory cgroup, and
 * rather refused than had by killing somebody.
 */
#define REGALLOC_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * enum regalloc_map_max - how much all clients may have in map pages
 * @REGALLOC_MAP_MAX: 1/64 of the budget
 * @REGALLOC_MAP_HALF: half of that
 * @REGALLOC_MAP_ANY: more than that
 */
enum regalloc_map_max {
	REGALLOC_MAP_MAX,
	REGALLOC_MAP_HALF,
	REGALLOC_MAP_ANY,
};

/**
 * struct regalloc_charge - what is charged, and what became of it so far; read
 *	without a lock
 * @charged: bytes of memory that exists
 * @pinned: bytes of them that have been removed and that something still references
 * @opened: regions opened, ever
 * @closed: regions closed, ever
 * @punched: bytes that were removed from regions that stayed open, ever
 * @filled: bytes that were added to such regions, ever
 * @alloc_failures: allocations that got no memory at all, ever
 * @pressure_events: how often somebody was asked for memory, ever
 */
struct regalloc_charge {
	atomic64_t charged;
	atomic64_t pinned;
	atomic64_t opened;
	atomic64_t closed;
	atomic64_t punched;
	atomic64_t filled;
	atomic64_t alloc_failures;
	atomic64_t pressure_events;
};

/**
 * struct regalloc_budget - one limit and what is charged under it
 * @lock: protects the charges, the reserves and the limits
 * @limit: bytes that may be charged; 0 until it is set
 * @spoken_for: sum of the greater of charge and reserve of each account
 * @reserved: sum of the reserves
 * @waiters: who waits for memory
 * @map_bytes: of the map pages of all clients that count against their bound
 * @peak: the highest that @total.charged has been
 * @total: sums over all accounts, past ones included
 */
struct regalloc_budget {
	spinlock_t lock;	/* charges, reserves and limits */
	atomic64_t limit;
	u64 spoken_for;
	u64 reserved;
	struct regalloc_waiters waiters;
	u64 map_bytes;
	atomic64_t peak;
	struct regalloc_charge total;
};

/**
 * struct regalloc_account - one client's part of a budget
 * @refs: the client, and each of its regions until the memory is gone
 * @budget: that it counts under
 * @id: number of the client, for people to read
 * @reserve: bytes of the budget that are kept for it
 * @limit: bytes that it may have
 * @asked: bytes that the client has been asked for and has not given yet
 * @asked_at: jiffies of the last time
 * @own: what this client has charged
 */
struct regalloc_account {
	refcount_t refs;
	struct regalloc_budget *budget;
	u64 id;
	u64 reserve;
	u64 limit;
	u64 asked;
	unsigned long asked_at;
	struct regalloc_charge own;
};

void regalloc_budget_init(struct regalloc_budget *budget);
u64 regalloc_budget_excess(struct regalloc_budget *budget);
u64 regalloc_budget_headroom(struct regalloc_budget *budget);
int regalloc_budget_set(struct regalloc_budget *budget, u64 bytes);
bool regalloc_budget_charge_map(struct regalloc_budget *budget, u64 bytes,
				enum regalloc_map_max max);
void regalloc_budget_uncharge_map(struct regalloc_budget *budget, u64 bytes);
u64 regalloc_budget_map_excess(struct regalloc_budget *budget, u64 more);

struct regalloc_account *
regalloc_account_create(struct regalloc_budget *budget, u64 id);
void regalloc_account_get(struct regalloc_account *account);
void regalloc_account_put(struct regalloc_account *account);

int regalloc_account_set_limits(struct regalloc_account *account, u64 reserve,
				u64 limit);
u64 regalloc_account_above_reserve(const struct regalloc_account *account);
u64 regalloc_account_above_limit(const struct regalloc_account *account);
void regalloc_account_ask(struct regalloc_account *account, u64 bytes,
			  unsigned long round);
u64 regalloc_account_on_its_way(const struct regalloc_account *account,
				unsigned long round);
int regalloc_account_try_charge(struct regalloc_account *account, u64 bytes);
int regalloc_account_try_charge_up_to(struct regalloc_account *account, u64 min,
				      u64 *bytes);
int regalloc_account_check_room(struct regalloc_account *account, u64 bytes);
void regalloc_account_uncharge(struct regalloc_account *account, u64 bytes);
void regalloc_account_pin(struct regalloc_account *account, u64 bytes);
void regalloc_account_unpin(struct regalloc_account *account, u64 bytes);
void regalloc_account_note_open(struct regalloc_account *account);
void regalloc_account_note_close(struct regalloc_account *account);
void regalloc_account_note_punched(struct regalloc_account *account, u64 bytes);
void regalloc_account_note_filled(struct regalloc_account *account, u64 bytes);
void regalloc_account_note_failure(struct regalloc_account *account);
void regalloc_account_note_pressure(struct regalloc_account *account);

#endif /* REGALLOC_BUDGET_H */
