// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "clients_table.h"
#include "command.h"
#include "counters.h"
#include "error.h"

/* For people, and for programs. */
static const struct {
	const char *head;
	const char *key;
} columns[NR_CLIENT_NUMBERS] = {
	[CLIENT_ID] = { "CLIENT", "client" },
	[CLIENT_CHARGED] = { "CHARGED", "charged_bytes" },
	[CLIENT_LIVE] = { "LIVE", "live_bytes" },
	[CLIENT_SPARE] = { "SPARE", "spare_bytes" },
	[CLIENT_PINNED] = { "PINNED", "pinned_bytes" },
	[CLIENT_RESERVE] = { "RESERVE", "reserve_bytes" },
	[CLIENT_LIMIT] = { "LIMIT", "limit_bytes" },
	[CLIENT_MAP] = { "MAP", "map_bytes" },
	[CLIENT_REGIONS] = { "REGIONS", "nr_regions" },
	[CLIENT_IDLE] = { "IDLE", "idle_bytes" },
	[CLIENT_HOLE] = { "HOLE", "hole_bytes" },
};

/* The others would not fit into 80 columns. */
#define NR_SHOWN CLIENT_MAP

enum client_number clients_column(const char *name)
{
	for (int i = 0; i < NR_SHOWN; i++)
		if (!strcasecmp(name, columns[i].head))
			return i;
	fail(EXIT_USAGE, "no column '%s' to sort by; there are:\n"
	     "client, charged, live, spare, pinned, reserve, limit", name);
}

enum client_number clients_column_next(enum client_number number)
{
	return (number + 1) % NR_SHOWN;
}

const char *clients_column_name(enum client_number number)
{
	return columns[number].head;
}

static void add_columns(struct libscols_table *table, bool json)
{
	int nr = json ? NR_CLIENT_NUMBERS : NR_SHOWN;
	struct libscols_column *column;

	for (int i = 0; i < nr; i++) {
		column = table_column(table, json ? columns[i].key :
				      columns[i].head, SCOLS_FL_RIGHT);
		scols_column_set_json_type(column, SCOLS_JSON_NUMBER);
	}
	table_column(table, json ? "command" : "COMMAND", SCOLS_FL_TRUNC);
	column = table_column(table, json ? "pids" : "PIDS",
			      json ? SCOLS_FL_WRAP : SCOLS_FL_TRUNC);
	/* A line of the cell is an element of the array. */
	scols_column_set_json_type(column, SCOLS_JSON_ARRAY_NUMBER);
	if (json)
		scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
					  scols_wrapnl_nextchunk, NULL);
}

static void set_pids(struct libscols_line *line, size_t column,
		     const struct client *client, char between)
{
	size_t length = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		fail(EXIT_FAILURE, "out of memory");
	for (size_t i = 0; i < client->nr_pids; i++) {
		if (i)
			fputc(between, out);
		fprintf(out, "%d", client->pids[i]);
	}
	fclose(out);
	table_cell(line, column, "%s", text);
	free(text);
}

static void add_client(struct libscols_table *table, const struct client *client,
		       bool json)
{
	struct libscols_line *line = table_line(table);
	int nr = json ? NR_CLIENT_NUMBERS : NR_SHOWN;

	for (int i = 0; i < nr; i++) {
		uint64_t number = client->numbers[i];

		if (i == CLIENT_LIMIT && number == NO_LIMIT)
			table_cell(line, i, json ? "null" : "-");
		else if (i == CLIENT_ID || json)
			table_cell(line, i, "%" PRIu64, number);
		else
			table_size(line, i, number);
	}
	table_cell(line, nr, "%s", client->command);
	set_pids(line, nr + 1, client, json ? '\n' : ',');
}

struct libscols_table *clients_table(const struct clients *clients, bool json)
{
	struct libscols_table *table = table_new();

	scols_table_set_name(table, "clients");
	scols_table_enable_json(table, json);
	add_columns(table, json);
	for (size_t i = 0; i < clients->nr; i++)
		add_client(table, &clients->list[i], json);
	return table;
}

/* On stderr, so that it is not in the way of programs. */
static void tell_missing(const struct clients *clients)
{
	struct counters counters;
	uint64_t all;

	counters_read_totals(&counters);
	all = counters.total[CLIENTS];
	if (all <= clients->nr)
		return;
	fprintf(stderr, "%" PRIu64 " more of %" PRIu64 ": %s\n",
		all - clients->nr, all, geteuid() ?
		"only root sees the processes of others" :
		"they have mappings but no descriptor, or just ended");
}

void clients_command(const struct options *opts, char **operands)
{
	struct libscols_table *table;
	struct clients clients;

	(void)operands;
	clients_read(&clients);
	clients_sort(&clients, CLIENT_CHARGED);
	table = clients_table(&clients, opts->json);
	scols_print_table(table);
	scols_unref_table(table);
	fflush(stdout);
	tell_missing(&clients);
	clients_free(&clients);
}
