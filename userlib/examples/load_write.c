// SPDX-License-Identifier: MIT
/* The phases that change something. */
#include <stddef.h>

#include "load.h"

/* Items in a transaction. */
#define BATCH 200
/* One of so many transactions is rolled back. */
#define ROLLBACK_EVERY 4

enum { ITEM, PART, NOTE, NR_TABLES };

static const char *const insert_sql[NR_TABLES] = {
	[ITEM] = "INSERT INTO item VALUES (?, ?, ?, ?)",
	[PART] = "INSERT INTO part VALUES (?, ?, ?)",
	[NOTE] = "INSERT INTO note VALUES (?, ?)",
};

static const char *const delete_sql[NR_TABLES] = {
	[ITEM] = "DELETE FROM item WHERE id = ?",
	[PART] = "DELETE FROM part WHERE item = ?",
	[NOTE] = "DELETE FROM note WHERE item = ?",
};

static const char update_sql[] =
	"UPDATE item SET grp = ?2, val = ?3, body = ?4 WHERE id = ?1";

static int prepare_all(struct load *load, const char *const *sql,
		       sqlite3_stmt **stmts)
{
	for (int i = 0; i < NR_TABLES; i++) {
		stmts[i] = load_prepare(load, sql[i]);
		if (!stmts[i])
			return 1;
	}
	return 0;
}

static void finalize_all(sqlite3_stmt **stmts)
{
	for (int i = 0; i < NR_TABLES; i++)
		sqlite3_finalize(stmts[i]);
}

/* Insert or update an item, whatever @stmt does; it stays bound to @row. */
static int write_item(struct load *load, sqlite3_stmt *stmt, uint32_t id,
		      const struct row *row)
{
	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_int64(stmt, 2, row->grp);
	sqlite3_bind_int64(stmt, 3, row->val);
	sqlite3_bind_text(stmt, 4, row->body, row->length, SQLITE_TRANSIENT);
	return load_run(load, stmt);
}

static int insert_part(struct load *load, sqlite3_stmt *stmt, uint32_t id,
		       uint32_t part)
{
	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_int64(stmt, 2, part);
	sqlite3_bind_int64(stmt, 3, rows_amount(id, part));
	return load_run(load, stmt);
}

static int insert_note(struct load *load, sqlite3_stmt *stmt, uint32_t id,
		       const struct row *row)
{
	sqlite3_bind_text(stmt, 1, row->key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 2, id);
	return load_run(load, stmt);
}

static int insert_item(struct load *load, sqlite3_stmt **stmts, uint32_t id)
{
	uint8_t version = rows_next_version(&load->rows, id);
	struct row row;
	int rc;

	rows_make(&load->rows, id, version, &row);
	rc = write_item(load, stmts[ITEM], id, &row);
	for (uint32_t i = 0; !rc && i < ROW_PARTS; i++)
		rc = insert_part(load, stmts[PART], id, i);
	if (!rc)
		rc = insert_note(load, stmts[NOTE], id, &row);
	if (!rc)
		rows_set(&load->rows, id, version);
	return rc;
}

/* All items that are not there: the first time, that is each of them. */
int load_insert(struct load *load)
{
	sqlite3_stmt *stmts[NR_TABLES] = { NULL };
	int rc = prepare_all(load, insert_sql, stmts);
	uint32_t done = 0;

	for (uint32_t id = 0; !rc && id < load->rows.nr; id++) {
		if (load->rows.version[id])
			continue;
		if (done % BATCH == 0)
			rc = load_exec(load, "BEGIN");
		if (!rc)
			rc = insert_item(load, stmts, id);
		if (!rc && ++done % BATCH == 0)
			rc = load_exec(load, "COMMIT");
	}
	if (!rc && done % BATCH)
		rc = load_exec(load, "COMMIT");
	finalize_all(stmts);
	return rc;
}

static int update_item(struct load *load, sqlite3_stmt *stmt, bool keep)
{
	uint32_t id = load_random_item(load);
	uint8_t version = rows_next_version(&load->rows, id);
	struct row row;
	int rc;

	if (!load->rows.version[id])
		return 0;

	rows_make(&load->rows, id, version, &row);
	rc = write_item(load, stmt, id, &row);
	if (!rc && sqlite3_changes(load->db) != 1)
		rc = load_wrong("update of", id);
	if (!rc && keep)
		rows_set(&load->rows, id, version);
	return rc;
}

/* A tenth of the items; now and then it is as if nothing had been. */
int load_update(struct load *load)
{
	sqlite3_stmt *stmt = load_prepare(load, update_sql);
	uint32_t nr = load->rows.nr / 10 / BATCH + 1;
	int rc = !stmt;

	for (uint32_t i = 0; !rc && i < nr; i++) {
		bool keep = load_random(load, ROLLBACK_EVERY);

		rc = load_exec(load, "BEGIN");
		for (uint32_t j = 0; !rc && j < BATCH; j++)
			rc = update_item(load, stmt, keep);
		if (!rc)
			rc = load_exec(load, keep ? "COMMIT" : "ROLLBACK");
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int delete_item(struct load *load, sqlite3_stmt **stmts, uint32_t id)
{
	static const int changes[NR_TABLES] = { 1, ROW_PARTS, 1 };
	int rc = 0;

	if (!load->rows.version[id])
		return 0;

	for (int i = 0; !rc && i < NR_TABLES; i++) {
		sqlite3_bind_int64(stmts[i], 1, id);
		rc = load_run(load, stmts[i]);
		if (!rc && sqlite3_changes(load->db) != changes[i])
			rc = load_wrong("delete of", id);
	}
	if (!rc)
		rows_set(&load->rows, id, 0);
	return rc;
}

/* A twentieth of the items. */
int load_delete(struct load *load)
{
	sqlite3_stmt *stmts[NR_TABLES] = { NULL };
	uint32_t nr = load->rows.nr / 20 / BATCH + 1;
	int rc = prepare_all(load, delete_sql, stmts);

	for (uint32_t i = 0; !rc && i < nr; i++) {
		rc = load_exec(load, "BEGIN");
		for (uint32_t j = 0; !rc && j < BATCH; j++)
			rc = delete_item(load, stmts,
					 load_random(load, load->rows.nr));
		if (!rc)
			rc = load_exec(load, "COMMIT");
	}
	finalize_all(stmts);
	return rc;
}
