/* SPDX-License-Identifier: MIT */
/*
 * A load for SQLite: inserts, updates and deletes in transactions, some of which
 * are rolled back; lookups, ranges, groups, joins and sorts. Every answer is
 * compared with what it must be.
 *
 * Functions that return int return 0, or another number after a message.
 */
#ifndef EXAMPLES_LOAD_H
#define EXAMPLES_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sqlite3.h>

#include "rows.h"

/**
 * struct load - a load on its way
 * @db: the database, which has nothing else in it
 * @rows: what must be in there
 * @random: where the random numbers are
 * @statements: how many were run
 * @tick: called now and then, with @arg
 * @arg: for @tick
 */
struct load {
	sqlite3 *db;
	struct rows rows;
	uint64_t random;
	uint64_t statements;
	void (*tick)(void *arg);
	void *arg;
};

/**
 * struct load_phase - one kind of work
 * @name: what it is called
 * @run: does it
 */
struct load_phase {
	const char *name;
	int (*run)(struct load *load);
};

#define LOAD_NR_PHASES 9

/* The phases of a round, in their order. */
extern const struct load_phase load_phases[LOAD_NR_PHASES];

/* Make the tables. */
int load_begin(struct load *load);

/* PRAGMA integrity_check: the last look at all of it. */
int load_check(struct load *load);

/* Say what went wrong, with SQLite's words, or which answer was wrong. */
int load_fail(struct load *load, const char *what);
int load_wrong(const char *what, uint64_t number);

/* Run SQL without an answer. */
int load_exec(struct load *load, const char *sql);

/* A statement, or NULL after a message. */
sqlite3_stmt *load_prepare(struct load *load, const char *sql);

/* Run a statement without an answer, as it is bound. */
int load_run(struct load *load, sqlite3_stmt *stmt);

/* A statement begins that is not run by load_run(). */
void load_count(struct load *load);

/* The next row of the answer; false after the last one, and on an error. */
bool load_next(sqlite3_stmt *stmt);

/* The answer is over. Whether it was an error is known only now. */
int load_end(struct load *load, sqlite3_stmt *stmt);

/* Less than @limit. */
uint64_t load_random(struct load *load, uint64_t limit);

/* An item, three of four times from the first eighth. */
uint32_t load_random_item(struct load *load);

/* Phases. */
int load_insert(struct load *load);
int load_update(struct load *load);
int load_delete(struct load *load);
int load_lookup(struct load *load);
int load_names(struct load *load);
int load_ranges(struct load *load);
int load_groups(struct load *load);
int load_joins(struct load *load);
int load_sort(struct load *load);

#endif /* EXAMPLES_LOAD_H */
