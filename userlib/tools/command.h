/* SPDX-License-Identifier: MIT */
/* The commands of regallocctl, each of which is in the file of its name. */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include "options.h"

/**
 * struct command - one word after "regallocctl"
 * @name: that word
 * @synopsis: what may follow it
 * @summary: what it does
 * @options: the letters of the options that it takes
 * @words: what its first operand may be, if it has operands
 * @nr_operands: how many words it wants that are no options
 * @run: does it; ends the program if it fails
 */
struct command {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *options;
	const char *words;
	int nr_operands;
	void (*run)(const struct options *opts, char **operands);
};

/* All of them; the last one has no name. */
extern const struct command commands[];

void bench_command(const struct options *opts, char **operands);
void clients_command(const struct options *opts, char **operands);
void completion_command(const struct options *opts, char **operands);
void metrics_command(const struct options *opts, char **operands);
void set_command(const struct options *opts, char **operands);
void status_command(const struct options *opts, char **operands);
void top_command(const struct options *opts, char **operands);
void trim_command(const struct options *opts, char **operands);
void watch_command(const struct options *opts, char **operands);

#endif /* TOOLS_COMMAND_H */
