/* SPDX-License-Identifier: MIT */
/* The command line of an example. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include <stdint.h>

/* Of every example, when its arguments are wrong. */
#define EXIT_USAGE 2

/**
 * struct setting - an option and where its value goes
 * @name: of the option, without dashes
 * @text: where to store the value as it is; or NULL
 * @number: where to store it as a number; or NULL
 * @bytes: the same for one that may need 64 bits; or NULL
 * @min: the least that a number may be
 * @max: the most
 */
struct setting {
	const char *name;
	const char **text;
	uint32_t *number;
	uint64_t *bytes;
	uint64_t min;
	uint64_t max;
};

/* The most that a program may have. */
#define OPTIONS_MOST 16

/**
 * options_parse() - read the command line
 * @argc: of the program
 * @argv: of the program
 * @usage: what --help prints
 * @settings: what may be there; the last one has no name
 *
 * Ends the program if that is --help, or if there is something wrong.
 *
 * Returns the place of the first operand in @argv.
 */
int options_parse(int argc, char **argv, const char *usage,
		  const struct setting *settings);

/* End the program: its arguments are wrong. */
void __attribute__((noreturn)) options_refuse(const char *usage);

/**
 * options_number() - the number that is an option's value
 * @option: its name, without dashes
 * @text: its value
 * @min: the least that it takes
 * @max: the most that it takes
 *
 * Ends the program with EXIT_USAGE and a message if it is not one.
 */
uint64_t options_number(const char *option, const char *text, uint64_t min,
			uint64_t max);

#endif /* EXAMPLES_OPTIONS_H */
