/* SPDX-License-Identifier: MIT */
/*
 * The page cache of SQLite in slices. All databases of the process share it. It
 * has no size of its own (PRAGMA cache_size does not matter to it): it takes
 * slices until there are none, and from then on replaces pages that nobody uses,
 * of whichever database; and it evicts as many bytes of them as other programs want.
 *
 * Pages that SQLite uses, that are not written yet, or that belong to a database
 * in memory, are never evicted. When there is no memory even after a while of
 * waiting, a statement fails with SQLITE_NOMEM, and nothing else happens.
 */
#ifndef EXAMPLES_SQLITE_PCACHE_H
#define EXAMPLES_SQLITE_PCACHE_H

#include <stdint.h>
#include <regalloc.h>

/**
 * struct sqlite_pcache_counts - what the cache did
 * @hits: pages found
 * @misses: pages that got a slice
 * @evictions: pages replaced by others of this process
 * @asked: how often other programs wanted memory
 * @given: pages evicted for them
 * @waits: how often it had to wait for memory from them
 * @failures: how often it waited in vain
 * @pages: pages there now
 */
struct sqlite_pcache_counts {
	uint64_t hits;
	uint64_t misses;
	uint64_t evictions;
	uint64_t asked;
	uint64_t given;
	uint64_t waits;
	uint64_t failures;
	uint64_t pages;
};

/**
 * sqlite_pcache_use() - have SQLite keep its pages in slices
 * @ra: where they come from; stays open until sqlite3_shutdown()
 *
 * To be called before SQLite is used for anything. Not to be used on both sides
 * of a fork.
 *
 * Returns SQLITE_OK, or the error of sqlite3_config().
 */
int sqlite_pcache_use(struct regalloc *ra);

/**
 * sqlite_pcache_count() - what it did so far
 * @out: where to store it
 */
void sqlite_pcache_count(struct sqlite_pcache_counts *out);

#endif /* EXAMPLES_SQLITE_PCACHE_H */
