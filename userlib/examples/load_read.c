// SPDX-License-Identifier: MIT
/* The phases that only ask. */
#include <string.h>

#include "load.h"

#define NR_RANGES 100
#define RANGE 500
#define NR_GROUPS 20

static const char range_sql[] =
	"SELECT id, val FROM item WHERE id BETWEEN ? AND ? ORDER BY val";

static const char group_sql[] =
	"SELECT count(*), sum(val) FROM item WHERE grp = ?";

static const char join_sql[] =
	"SELECT count(*), sum(amount) FROM item, part WHERE grp = ? AND item = id";

static uint64_t number(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_int64(stmt, column);
}

/* Begin to ask for something with up to two numbers in it. */
static void ask(struct load *load, sqlite3_stmt *stmt, uint64_t a, uint64_t b)
{
	load_count(load);
	sqlite3_bind_int64(stmt, 1, a);
	sqlite3_bind_int64(stmt, 2, b);
}

static bool row_is(sqlite3_stmt *stmt, const struct row *row)
{
	return number(stmt, 0) == row->grp && number(stmt, 1) == row->val &&
	       sqlite3_column_bytes(stmt, 2) == (int)row->length &&
	       !memcmp(sqlite3_column_text(stmt, 2), row->body, row->length);
}

static int lookup_item(struct load *load, sqlite3_stmt *stmt, uint32_t id)
{
	uint8_t version = load->rows.version[id];
	struct row row;
	bool right;
	int rc;

	rows_make(&load->rows, id, version, &row);
	ask(load, stmt, id, 0);
	if (load_next(stmt))
		right = version && row_is(stmt, &row);
	else
		right = !version;
	rc = load_end(load, stmt);
	return rc || right ? rc : load_wrong("item", id);
}

/* As many items as there are, by number. */
int load_lookup(struct load *load)
{
	const char *sql = "SELECT grp, val, body FROM item WHERE id = ?";
	sqlite3_stmt *stmt = load_prepare(load, sql);
	int rc = !stmt;

	for (uint32_t i = 0; !rc && i < load->rows.nr; i++)
		rc = lookup_item(load, stmt, load_random_item(load));
	sqlite3_finalize(stmt);
	return rc;
}

static int lookup_name(struct load *load, sqlite3_stmt *stmt, uint32_t id)
{
	uint8_t version = load->rows.version[id];
	struct row row;
	bool right;
	int rc;

	rows_make(&load->rows, id, version, &row);
	load_count(load);
	sqlite3_bind_text(stmt, 1, row.key, -1, SQLITE_TRANSIENT);
	if (load_next(stmt))
		right = version && number(stmt, 0) == id;
	else
		right = !version;
	rc = load_end(load, stmt);
	return rc || right ? rc : load_wrong("name of item", id);
}

/* A quarter of that, by name, which is anywhere in the index. */
int load_names(struct load *load)
{
	const char *sql = "SELECT item FROM note WHERE key = ?";
	sqlite3_stmt *stmt = load_prepare(load, sql);
	int rc = !stmt;

	for (uint32_t i = 0; !rc && i < load->rows.nr / 4; i++)
		rc = lookup_name(load, stmt, load_random(load, load->rows.nr));
	sqlite3_finalize(stmt);
	return rc;
}

/* One range: the items that are there, in the order that was asked for. */
static int ask_range(struct load *load, sqlite3_stmt *stmt, uint32_t first)
{
	uint64_t before = 0, sum = 0;
	const struct rows *rows = &load->rows;
	bool right = true;
	int rc;

	ask(load, stmt, first, first + RANGE - 1);
	while (load_next(stmt)) {
		uint64_t id = number(stmt, 0), val = number(stmt, 1);

		right = right && val >= before;
		before = val;
		sum += rows_hash(id, val);
	}
	rc = load_end(load, stmt);

	for (uint32_t id = first; id < rows->nr && id < first + RANGE; id++)
		if (rows->version[id])
			sum -= rows_hash(id, rows_val(id, rows->version[id]));
	return rc || (right && !sum) ? rc : load_wrong("range from", first);
}

int load_ranges(struct load *load)
{
	sqlite3_stmt *stmt = load_prepare(load, range_sql);
	int rc = !stmt;

	for (int i = 0; !rc && i < NR_RANGES; i++)
		rc = ask_range(load, stmt, load_random_item(load));
	sqlite3_finalize(stmt);
	return rc;
}

/* What there is of a group: how many items, and sums over them. */
struct group {
	uint64_t items;
	uint64_t vals;
	uint64_t amounts;
};

static void group_make(const struct rows *rows, uint32_t grp, struct group *out)
{
	*out = (struct group){ 0 };
	for (uint32_t id = 0; id < rows->nr; id++) {
		uint8_t version = rows->version[id];

		if (!version || rows_grp(rows, id, version) != grp)
			continue;
		out->items++;
		out->vals += rows_val(id, version);
		for (uint32_t i = 0; i < ROW_PARTS; i++)
			out->amounts += rows_amount(id, i);
	}
}

static int ask_group(struct load *load, sqlite3_stmt *stmt, bool join)
{
	uint32_t grp = load_random(load, load->rows.nr_groups);
	struct group g;
	bool right;
	int rc;

	group_make(&load->rows, grp, &g);
	load_count(load);
	sqlite3_bind_int64(stmt, 1, grp);
	right = load_next(stmt) &&
		number(stmt, 0) == g.items * (join ? ROW_PARTS : 1) &&
		number(stmt, 1) == (join ? g.amounts : g.vals);
	rc = load_end(load, stmt);
	return rc || right ? rc : load_wrong("group", grp);
}

static int groups(struct load *load, const char *sql, bool join)
{
	sqlite3_stmt *stmt = load_prepare(load, sql);
	int rc = !stmt;

	for (int i = 0; !rc && i < NR_GROUPS; i++)
		rc = ask_group(load, stmt, join);
	sqlite3_finalize(stmt);
	return rc;
}

int load_groups(struct load *load)
{
	return groups(load, group_sql, false);
}

int load_joins(struct load *load)
{
	return groups(load, join_sql, true);
}

/* All items, in an order that no index has. */
int load_sort(struct load *load)
{
	const char *sql = "SELECT id, body FROM item ORDER BY body";
	sqlite3_stmt *stmt = load_prepare(load, sql);
	char before[ROW_BODY_MAX + 1] = "";
	struct rows *rows = &load->rows;
	uint32_t found = 0;
	bool right = true;
	struct row row;
	int rc;

	if (!stmt)
		return 1;

	load_count(load);
	while (right && load_next(stmt)) {
		const char *body = (const char *)sqlite3_column_text(stmt, 1);
		uint64_t id = number(stmt, 0);

		right = body && id < rows->nr && rows->version[id];
		if (!right)
			break;
		rows_make(rows, id, rows->version[id], &row);
		right = !strcmp(body, row.body) && strcmp(body, before) >= 0;
		memcpy(before, row.body, sizeof(before));
		found++;
	}
	rc = load_end(load, stmt);
	sqlite3_finalize(stmt);
	if (!rc && (!right || found != rows->alive))
		rc = load_wrong("sort, after", found);
	return rc;
}
