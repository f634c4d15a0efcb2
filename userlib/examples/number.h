/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_NUMBER_H
#define EXAMPLES_NUMBER_H

#include <stdint.h>

/* Of every example, when its arguments are wrong. */
#define EXIT_USAGE 2

/**
 * number() - the number that is an option's value
 * @option: its name, without dashes
 * @text: its value
 * @min: the least that it takes
 * @max: the most that it takes
 *
 * Ends the program with EXIT_USAGE and a message if it is not one.
 */
uint64_t number(const char *option, const char *text, uint64_t min,
		uint64_t max);

#endif /* EXAMPLES_NUMBER_H */
