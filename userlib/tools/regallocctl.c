// SPDX-License-Identifier: MIT
/* regallocctl: what regalloc does on this machine, and its settings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <regalloc.h>

#include "command.h"
#include "error.h"

const struct command commands[] = {
	{ "status", "[--json]", "what is used, of the budget and in which sizes",
	  "hj", NULL, 0, status_command },
	{ "clients", "[--json]", "who holds what",
	  "hj", NULL, 0, clients_command },
	{ "top", "[-b] [-d SECONDS] [-n COUNT] [-s COLUMN]",
	  "both, again and again; q quits, s sorts by the next column",
	  "hbdns", NULL, 0, top_command },
	{ "watch", "[--csv] [-d SECONDS] [-n COUNT]",
	  "the totals, a line each second",
	  "hcdn", NULL, 0, watch_command },
	{ "metrics", "", "the totals in Prometheus' text format",
	  "h", NULL, 0, metrics_command },
	{ "set", "budget|decay VALUE",
	  "change the budget (3G, 25%), or how many ms spares are kept",
	  "h", "budget decay", 2, set_command },
	{ "trim", "", "close all regions that are spare",
	  "h", NULL, 0, trim_command },
	{ "bench", "", "how fast it is here",
	  "h", NULL, 0, bench_command },
	{ "completion", "bash", "print a script that completes these words",
	  "h", "bash", 1, completion_command },
	{ 0 }
};

static void print_usage(FILE *out)
{
	const struct command *c;

	fprintf(out, "usage: regallocctl COMMAND [OPTION...]\n\n");
	for (c = commands; c->name; c++)
		fprintf(out, "  %s%s%s\n        %s\n", c->name,
			*c->synopsis ? " " : "", c->synopsis, c->summary);
	fprintf(out,
		"\n  --help, --version\n\n"
		"Exit status: 0 if all went well, 1 if something failed, 2 if the arguments\n"
		"are wrong, 3 if the module is not loaded, 4 if permission is missing.\n"
		"See regallocctl(8).\n");
}

static const struct command *find_command(const char *name)
{
	const struct command *c;

	for (c = commands; c->name; c++)
		if (!strcmp(name, c->name))
			return c;
	fail(EXIT_USAGE, "no command '%s'; see regallocctl --help", name);
}

static void run_command(int argc, char **argv)
{
	const struct command *command = find_command(argv[1]);
	struct options opts;
	char **operands = options_parse(command, argc, argv, &opts);

	command->run(&opts, operands);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		print_usage(stdout);
	else if (!strcmp(argv[1], "--version"))
		printf("regallocctl %s\n", regalloc_version());
	else
		run_command(argc, argv);
	if (fflush(stdout) || ferror(stdout))
		fail(EXIT_FAILURE, "cannot write: %s", strerror(errno));
	return EXIT_SUCCESS;
}
