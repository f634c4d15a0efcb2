// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "error.h"

const struct option option_names[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "csv", no_argument, NULL, 'c' },
	{ "batch", no_argument, NULL, 'b' },
	{ "delay", required_argument, NULL, 'd' },
	{ "count", required_argument, NULL, 'n' },
	{ "sort", required_argument, NULL, 's' },
	{ 0 },
};

static double parse_seconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !isfinite(seconds) || seconds < 0.1 ||
	    seconds > 86400)
		fail(EXIT_USAGE, "-d wants seconds, 0.1 to 86400, not '%s'", text);
	return seconds;
}

static unsigned long parse_count(const char *text)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || !n)
		fail(EXIT_USAGE, "-n wants a number above 0, not '%s'", text);
	return n;
}

static void apply(const struct command *command, int letter, struct options *opts)
{
	if (!strchr(command->options, letter))
		fail(EXIT_USAGE, "'%s' does not take -%c; see regallocctl --help",
		     command->name, letter);
	switch (letter) {
	case 'h':
		printf("usage: regallocctl %s %s\n", command->name,
		       command->synopsis);
		exit(EXIT_SUCCESS);
	case 'j':
		opts->json = true;
		break;
	case 'c':
		opts->csv = true;
		break;
	case 'b':
		opts->batch = true;
		break;
	case 'd':
		opts->delay = parse_seconds(optarg);
		break;
	case 'n':
		opts->count = parse_count(optarg);
		break;
	case 's':
		opts->sort = optarg;
		break;
	}
}

char **options_parse(const struct command *command, int argc, char **argv,
		     struct options *opts)
{
	int letter;

	*opts = (struct options){ .delay = 1 };
	optind = 2;
	while ((letter = getopt_long(argc, argv, "hjcbd:n:s:", option_names,
				     NULL)) != -1) {
		/* getopt_long() has said what is wrong. */
		if (letter == '?')
			exit(EXIT_USAGE);
		apply(command, letter, opts);
	}
	if (argc - optind != command->nr_operands)
		fail(EXIT_USAGE, "usage: regallocctl %s %s", command->name,
		     command->synopsis);
	return argv + optind;
}
