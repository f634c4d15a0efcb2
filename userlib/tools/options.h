/* SPDX-License-Identifier: MIT */
/* What may be said to a command: one list for all of them. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

struct command;

/**
 * struct options - what the command line says
 * @json: for programs to read
 * @csv: likewise
 * @batch: no terminal
 * @delay: seconds between two looks
 * @count: how many looks; 0: without end
 * @sort: the name of a column; NULL: the usual one
 */
struct options {
	bool json;
	bool csv;
	bool batch;
	double delay;
	unsigned long count;
	const char *sort;
};

/* Their names, for getopt_long(); .val is the letter. */
extern const struct option option_names[];

/**
 * options_parse() - read the command line
 * @command: which says what may be there
 * @argc: of the program
 * @argv: of the program; the name of the command is argv[1]
 * @opts: where to store the options
 *
 * Ends the program if there is something wrong. Returns the operands.
 */
char **options_parse(const struct command *command, int argc, char **argv,
		     struct options *opts);

#endif /* TOOLS_OPTIONS_H */
