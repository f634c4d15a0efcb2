// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "counters.h"
#include "file.h"
#include "table.h"

#define DECAY_FILE PARAMETER_DIR "decay_ms"

/* Numbers only: nothing in it needs quoting. */
static void print_json(const struct counters *c)
{
	printf("{\n");
	for (int i = 0; i < NR_TOTALS; i++)
		printf("   \"%s\": %" PRIu64 ",\n", total_info[i].file,
		       c->total[i]);
	printf("   \"decay_ms\": %" PRIu64 ",\n   \"classes\": [", file_number(DECAY_FILE));
	for (int class = 0; class < REGALLOC_NR_CLASSES; class++) {
		printf("%s\n      {\"class_bytes\": %lu", class ? "," : "",
		       class_bytes(class));
		for (int i = 0; i < NR_OF_CLASS; i++)
			printf(", \"%s\": %" PRIu64, class_info[i].file,
			       c->of_class[class][i]);
		printf("}");
	}
	printf("\n   ]\n}\n");
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * part / whole : 0;
}

/* Adds a line to which a remark may be added. */
static struct libscols_line *add_size(struct libscols_table *table,
				      const char *name, uint64_t bytes)
{
	struct libscols_line *line = table_line(table);

	table_cell(line, 0, "%s", name);
	table_size(line, 1, bytes);
	return line;
}

static struct libscols_line *add_number(struct libscols_table *table,
					const char *name, uint64_t number)
{
	struct libscols_line *line = table_line(table);

	table_cell(line, 0, "%s", name);
	table_cell(line, 1, "%" PRIu64, number);
	return line;
}

static void print_totals(const uint64_t total[NR_TOTALS])
{
	struct libscols_table *table = table_new();
	struct libscols_line *line;
	char text[SIZE_TEXT];

	scols_table_enable_noheadings(table, 1);
	table_column(table, "name", 0);
	table_column(table, "value", SCOLS_FL_RIGHT);
	table_column(table, "remark", 0);
	add_size(table, "budget", total[BUDGET]);
	line = add_size(table, "charged", total[CHARGED]);
	table_cell(line, 2, "%.1f%% of the budget; at most %s so far",
		   percent(total[CHARGED], total[BUDGET]),
		   size_text(total[PEAK], text));
	add_size(table, "live", total[LIVE]);
	line = add_size(table, "idle", total[IDLE]);
	table_cell(line, 2, "free slices in regions with live ones");
	line = add_size(table, "spare", total[SPARE]);
	table_cell(line, 2, "goes back after %" PRIu64 " ms",
		   file_number(DECAY_FILE));
	add_size(table, "pinned", total[PINNED]);
	line = add_size(table, "hole", total[HOLE]);
	table_cell(line, 2, "places without memory, not charged");
	line = add_size(table, "map", total[MAP]);
	table_cell(line, 2, "not charged");
	add_number(table, "clients", total[CLIENTS]);
	line = add_number(table, "regions", total[REGIONS]);
	table_cell(line, 2, "%" PRIu64 " opened, %" PRIu64 " closed",
		   total[OPENED], total[CLOSED]);
	line = add_number(table, "failures", total[FAILURES]);
	table_cell(line, 2, "allocations for which there was no memory");
	line = add_number(table, "pressure", total[PRESSURE]);
	table_cell(line, 2, "times that a client was asked for memory");
	scols_print_table(table);
	scols_unref_table(table);
}

static void print_classes(const struct counters *c)
{
	struct libscols_table *table = table_new();

	table_column(table, "CLASS", SCOLS_FL_RIGHT);
	table_column(table, "REGIONS", SCOLS_FL_RIGHT);
	table_column(table, "SLICES", SCOLS_FL_RIGHT);
	table_column(table, "LIVE", SCOLS_FL_RIGHT);
	table_column(table, "USE%", SCOLS_FL_RIGHT);
	for (int class = 0; class < REGALLOC_NR_CLASSES; class++) {
		struct libscols_line *line = table_line(table);
		const uint64_t *numbers = c->of_class[class];

		table_cell(line, 0, "%luK", class_bytes(class) / 1024);
		for (int i = 0; i < NR_OF_CLASS; i++)
			table_cell(line, 1 + i, "%" PRIu64, numbers[i]);
		table_cell(line, 1 + NR_OF_CLASS, "%.0f",
			   percent(numbers[CLASS_LIVE], numbers[CLASS_SLICES]));
	}
	scols_print_table(table);
	scols_unref_table(table);
}

void status_command(const struct options *opts, char **operands)
{
	struct counters c;

	(void)operands;
	counters_read(&c);
	if (opts->json) {
		print_json(&c);
		return;
	}
	print_totals(c.total);
	printf("\n");
	print_classes(&c);
}
