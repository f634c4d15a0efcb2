/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The budget: how much region memory all clients together may hold.
 *
 * Memory is charged before it is allocated and uncharged after it is freed, in
 * one atomic step each, so the charge covers what exists at every moment and
 * passes the limit at none. Each client has an account under the budget; what
 * outlives the client (memory that somebody has pinned) keeps the account.
 *
 * Nothing here takes a lock or sleeps.
 */
#ifndef REGALLOC_BUDGET_H
#define REGALLOC_BUDGET_H

#include <linux/atomic.h>
#include <linux/refcount.h>
#include <linux/types.h>

/*
 * For what an allocation needs on the way: charged to the memory cgroup, and
 * rather refused than had by killing somebody.
 */
#define REGALLOC_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * struct regalloc_charge - what is charged, and what became of it so far
 * @charged: bytes of open regions and of pinned memory
 * @pinned: bytes of closed regions that somebody still references
 * @opened: regions opened, ever
 * @closed: regions closed, ever
 * @alloc_failures: allocations that got no memory at all, ever
 */
struct regalloc_charge {
	atomic64_t charged;
	atomic64_t pinned;
	atomic64_t opened;
	atomic64_t closed;
	atomic64_t alloc_failures;
};

/**
 * struct regalloc_budget - one limit and what is charged under it
 * @limit: bytes that may be charged; 0 until it is set
 * @peak: the highest that @total.charged has been
 * @total: sums over all accounts, past ones included
 */
struct regalloc_budget {
	atomic64_t limit;
	atomic64_t peak;
	struct regalloc_charge total;
};

/**
 * struct regalloc_account - one client's part of a budget
 * @refs: the client, and each of its regions until the memory is gone
 * @budget: that it counts under
 * @id: number of the client, for people to read
 * @own: what this client has charged
 */
struct regalloc_account {
	refcount_t refs;
	struct regalloc_budget *budget;
	u64 id;
	struct regalloc_charge own;
};

int regalloc_budget_parse(const char *text, u64 ram_bytes, u64 *bytes,
			  const char **why);

struct regalloc_account *
regalloc_account_create(struct regalloc_budget *budget, u64 id);
void regalloc_account_get(struct regalloc_account *account);
void regalloc_account_put(struct regalloc_account *account);

bool regalloc_account_try_charge(struct regalloc_account *account, u64 bytes);
void regalloc_account_uncharge(struct regalloc_account *account, u64 bytes);
void regalloc_account_pin(struct regalloc_account *account, u64 bytes);
void regalloc_account_unpin(struct regalloc_account *account, u64 bytes);
void regalloc_account_note_open(struct regalloc_account *account);
void regalloc_account_note_close(struct regalloc_account *account);
void regalloc_account_note_failure(struct regalloc_account *account);

#endif /* REGALLOC_BUDGET_H */
