// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"

uint64_t options_number(const char *option, const char *text, uint64_t min,
			uint64_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno || n < min ||
	    n > max) {
		fprintf(stderr, "%s: --%s wants %" PRIu64 " to %" PRIu64 "\n",
			program_invocation_short_name, option, min, max);
		exit(EXIT_USAGE);
	}
	return n;
}

void options_refuse(const char *usage)
{
	fputs(usage, stderr);
	exit(EXIT_USAGE);
}

static void store(const struct setting *s, const char *text)
{
	if (s->text)
		*s->text = text;
	else if (s->number)
		*s->number = options_number(s->name, text, s->min, s->max);
	else
		*s->bytes = options_number(s->name, text, s->min, s->max);
}

int options_parse(int argc, char **argv, const char *usage,
		  const struct setting *settings)
{
	struct option options[OPTIONS_MOST + 2] = {
		{ "help", no_argument, NULL, 'h' },
	};
	int opt, i;

	for (i = 0; i < OPTIONS_MOST && settings[i].name; i++) {
		options[i + 1].name = settings[i].name;
		options[i + 1].has_arg = required_argument;
	}
	while ((opt = getopt_long(argc, argv, "", options, &i)) == 0)
		store(&settings[i - 1], optarg);

	if (opt == 'h') {
		fputs(usage, stdout);
		exit(EXIT_SUCCESS);
	}
	if (opt != -1)
		options_refuse(usage);
	return optind;
}
