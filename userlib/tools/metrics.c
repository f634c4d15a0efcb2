// SPDX-License-Identifier: MIT
/* Prometheus' text format, for node_exporter's textfile collector. */
#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "counters.h"

static void print_head(const struct counter_info *info)
{
	printf("# HELP regalloc_%s %s\n# TYPE regalloc_%s %s\n", info->metric,
	       info->help, info->metric, info->only_grows ? "counter" : "gauge");
}

void metrics_command(const struct options *opts, char **operands)
{
	struct counters c;

	(void)opts;
	(void)operands;
	counters_read(&c);
	for (int i = 0; i < NR_TOTALS; i++) {
		print_head(&total_info[i]);
		printf("regalloc_%s %" PRIu64 "\n", total_info[i].metric,
		       c.total[i]);
	}
	for (int i = 0; i < NR_OF_CLASS; i++) {
		print_head(&class_info[i]);
		for (int class = 0; class < REGALLOC_NR_CLASSES; class++)
			printf("regalloc_%s{class=\"%lu\"} %" PRIu64 "\n",
			       class_info[i].metric, class_bytes(class),
			       c.of_class[class][i]);
	}
}
