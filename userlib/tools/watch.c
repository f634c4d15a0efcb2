// SPDX-License-Identifier: MIT
/* The totals, a line for each look; for people, or with --csv for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "command.h"
#include "counters.h"
#include "table.h"

/* What people see of the totals, in 80 columns. */
static const struct {
	enum total total;
	const char *head;
} shown[] = {
	{ BUDGET, "budget" }, { CHARGED, "charged" }, { LIVE, "live" },
	{ SPARE, "spare" }, { PINNED, "pinned" }, { CLIENTS, "clients" },
	{ REGIONS, "regions" }, { FAILURES, "failures" },
	{ PRESSURE, "pressure" }, { 0 },
};

static void print_head(bool csv)
{
	if (csv) {
		printf("time_seconds");
		for (int i = 0; i < NR_TOTALS; i++)
			printf(",%s", total_info[i].file);
	} else {
		for (int i = 0; shown[i].head; i++)
			printf("%s%8s", i ? " " : "", shown[i].head);
	}
	printf("\n");
}

static void print_csv(const struct counters *c)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	printf("%lld.%03ld", (long long)now.tv_sec, now.tv_nsec / 1000000);
	for (int i = 0; i < NR_TOTALS; i++)
		printf(",%" PRIu64, c->total[i]);
	printf("\n");
}

static void print_line(const struct counters *c)
{
	char text[SIZE_TEXT];

	for (int i = 0; shown[i].head; i++) {
		uint64_t number = c->total[shown[i].total];

		printf("%s", i ? " " : "");
		if (shown[i].total < CLIENTS)
			printf("%8s", size_text(number, text));
		else
			printf("%8" PRIu64, number);
	}
	printf("\n");
}

void watch_command(const struct options *opts, char **operands)
{
	double next = clock_seconds();
	struct counters c;

	(void)operands;
	for (unsigned long i = 0; !opts->count || i < opts->count; i++) {
		if (i)
			clock_sleep_until(next += opts->delay);
		counters_read_totals(&c);
		if (!i)
			print_head(opts->csv);
		if (opts->csv)
			print_csv(&c);
		else
			print_line(&c);
		/* main() says why. */
		if (fflush(stdout))
			return;
	}
}
