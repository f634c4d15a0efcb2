// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

/* So many statements from one tick to the next. */
#define TICK 64

#define NR_OF(array) (sizeof(array) / sizeof(*(array)))

const struct load_phase load_phases[LOAD_NR_PHASES] = {
	{ "insert", load_insert },
	{ "lookup", load_lookup },
	{ "names", load_names },
	{ "ranges", load_ranges },
	{ "groups", load_groups },
	{ "joins", load_joins },
	{ "update", load_update },
	{ "sort", load_sort },
	{ "delete", load_delete },
};

int load_fail(struct load *load, const char *what)
{
	fprintf(stderr, "sqlite_load: %s: %s\n", what, sqlite3_errmsg(load->db));
	return 1;
}

int load_wrong(const char *what, uint64_t number)
{
	fprintf(stderr, "sqlite_load: WRONG: %s %" PRIu64 "\n", what, number);
	return 1;
}

int load_exec(struct load *load, const char *sql)
{
	if (sqlite3_exec(load->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return load_fail(load, sql);
}

sqlite3_stmt *load_prepare(struct load *load, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(load->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		load_fail(load, sql);
	return stmt;
}

void load_count(struct load *load)
{
	if (++load->statements % TICK == 0)
		load->tick(load->arg);
}

int load_run(struct load *load, sqlite3_stmt *stmt)
{
	load_count(load);
	sqlite3_step(stmt);
	return load_end(load, stmt);
}

bool load_next(sqlite3_stmt *stmt)
{
	return sqlite3_step(stmt) == SQLITE_ROW;
}

int load_end(struct load *load, sqlite3_stmt *stmt)
{
	if (sqlite3_reset(stmt) == SQLITE_OK)
		return 0;
	return load_fail(load, sqlite3_sql(stmt));
}

uint64_t load_random(struct load *load, uint64_t limit)
{
	return rows_hash(load->random++, 0) % limit;
}

uint32_t load_random_item(struct load *load)
{
	uint32_t nr = load->rows.nr, hot = nr / 8 + 1;

	return load_random(load, load_random(load, 4) ? hot : nr);
}

static const char *const tables_sql[] = {
	"CREATE TABLE item (id INTEGER PRIMARY KEY, grp, val, body)",
	"CREATE INDEX item_grp ON item (grp, val)",
	"CREATE TABLE part (item, nr, amount, PRIMARY KEY (item, nr)) WITHOUT ROWID",
	"CREATE TABLE note (key PRIMARY KEY, item)",
	"CREATE INDEX note_item ON note (item)",
};

int load_begin(struct load *load)
{
	int rc = 0;

	for (int i = 0; !rc && i < (int)NR_OF(tables_sql); i++)
		rc = load_exec(load, tables_sql[i]);
	return rc;
}

int load_check(struct load *load)
{
	sqlite3_stmt *stmt = load_prepare(load, "PRAGMA integrity_check");
	const char *text = NULL;
	int rc = !stmt;

	if (rc)
		return rc;
	if (load_next(stmt))
		text = (const char *)sqlite3_column_text(stmt, 0);
	if (text && strcmp(text, "ok")) {
		fprintf(stderr, "sqlite_load: WRONG: integrity: %s\n", text);
		rc = 1;
	}
	if (load_end(load, stmt) || !text)
		rc = 1;
	sqlite3_finalize(stmt);
	return rc;
}
