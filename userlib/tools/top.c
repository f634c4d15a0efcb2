// SPDX-License-Identifier: MIT
/* The totals and the clients, again and again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients_table.h"
#include "clock.h"
#include "command.h"
#include "counters.h"
#include "error.h"
#include "terminal.h"

/**
 * struct look - what was seen at one time
 * @seconds: when
 * @counters: of the machine
 * @clients: of which one knows
 */
struct look {
	double seconds;
	struct counters counters;
	struct clients clients;
};

static void look_take(struct look *look)
{
	look->seconds = clock_seconds();
	counters_read_totals(&look->counters);
	clients_read(&look->clients);
}

/* How fast a number grows. */
static double rate(const struct look *now, const struct look *before,
		   enum total total)
{
	double grown = now->counters.total[total];

	grown -= before->counters.total[total];
	return grown / (now->seconds - before->seconds);
}

/* Live, charged besides, and room; in @width columns. */
static void print_bar(FILE *out, const uint64_t total[NR_TOTALS], int width)
{
	uint64_t budget = total[BUDGET];

	width -= strlen("[]");
	fputc('[', out);
	for (int i = 0; i < width; i++) {
		/* The middle of what this column stands for. */
		double bytes = (i + 0.5) / width * budget;

		fputc(bytes < total[LIVE] ? '#' :
		      bytes < total[CHARGED] ? '=' : '.', out);
	}
	fputs("]\n", out);
}

static void print_totals(FILE *out, const struct look *now,
			 const struct look *before)
{
	const uint64_t *total = now->counters.total;
	char size[6][SIZE_TEXT];
	char clock[16];
	time_t t = time(NULL);

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&t));
	fprintf(out, "regalloc %s  %" PRIu64 " clients, %" PRIu64 " regions", clock,
		total[CLIENTS], total[REGIONS]);
	if (before->seconds)
		fprintf(out, " (+%.0f -%.0f a second)",
			rate(now, before, OPENED), rate(now, before, CLOSED));
	fprintf(out, "\n%s budget, %s charged, %s live, %s spare, %s pinned, peak %s\n",
		size_text(total[BUDGET], size[0]),
		size_text(total[CHARGED], size[1]),
		size_text(total[LIVE], size[2]),
		size_text(total[SPARE], size[3]),
		size_text(total[PINNED], size[4]),
		size_text(total[PEAK], size[5]));
	fprintf(out, "%" PRIu64 " allocations failed, ", total[FAILURES]);
	fprintf(out, "%" PRIu64 " times a client was asked for memory\n",
		total[PRESSURE]);
}

/* The whole text, which the caller frees. */
static char *frame(struct look *now, const struct look *before,
		   enum client_number sort, int width)
{
	struct libscols_table *table;
	char *text = NULL, *lines;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	clients_sort(&now->clients, sort);
	table = clients_table(&now->clients, false);
	scols_table_set_termforce(table, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(table, width);
	if (!out || scols_print_table_to_string(table, &lines))
		fail(EXIT_FAILURE, "%s", strerror(ENOMEM));
	print_totals(out, now, before);
	print_bar(out, now->counters.total, width);
	fprintf(out, "\n%s\n", lines);
	fclose(out);
	free(lines);
	scols_unref_table(table);
	return text;
}

/* Whether to go on. */
static bool obey(int key, enum client_number *sort)
{
	if (key == 's')
		*sort = clients_column_next(*sort);
	return key != 'q';
}

static void show_screen(const char *text, enum client_number sort)
{
	char bottom[80];

	snprintf(bottom, sizeof(bottom),
		 "q quits, s sorts by the next column (now %s); # live = charged",
		 clients_column_name(sort));
	terminal_show(text, bottom);
}

void top_command(const struct options *opts, char **operands)
{
	enum client_number sort = opts->sort ? clients_column(opts->sort) :
				  CLIENT_CHARGED;
	struct look before = { 0 }, now;
	bool more = true;
	int rows, columns;
	char *text;

	(void)operands;
	if (!opts->batch && !terminal_start())
		fail(EXIT_FAILURE, "top needs a terminal\n"
		     "for a file or a pipe use: regallocctl top -b");
	for (unsigned long i = 1; more; i++) {
		terminal_size(&rows, &columns);
		look_take(&now);
		text = frame(&now, &before, sort, columns);
		more = i != opts->count;
		if (opts->batch) {
			fputs(text, stdout);
			more &= !fflush(stdout);
			if (more)
				clock_sleep_until(now.seconds + opts->delay);
		} else {
			show_screen(text, sort);
			more &= obey(terminal_key(opts->delay), &sort);
		}
		free(text);
		clients_free(&now.clients);
		before = now;
	}
}
