// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/math64.h>
#include <linux/overflow.h>

#include "size.h"

/* Read the digits at *@text and step over them. */
static bool parse_number(const char **text, u64 *number)
{
	const char *p = *text;
	u64 n = 0;

	if (!isdigit(*p))
		return false;
	for (; isdigit(*p); p++) {
		if (check_mul_overflow(n, (u64)10, &n) ||
		    check_add_overflow(n, (u64)(*p - '0'), &n))
			return false;
	}
	*text = p;
	*number = n;
	return true;
}

/* Read a unit at *@text, if there is one, and step over it. */
static unsigned int parse_unit(const char **text)
{
	unsigned int shift;

	switch (tolower(**text)) {
	case 'k':
		shift = 10;
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		shift = 30;
		break;
	case 't':
		shift = 40;
		break;
	default:
		return 0;
	}
	(*text)++;
	return shift;
}

/**
 * regalloc_size_parse() - read a size as operators write it
 * @text: digits and a unit: K, M, G, T (powers of 1024, either case), % of
 *	@ram_bytes, or none for bytes; a line feed may follow
 * @ram_bytes: memory of the machine
 * @bytes: where to store the size
 * @why: where to store the reason of a failure, a constant string
 *
 * Return: 0, or -EINVAL with @bytes untouched if @text is not like that, or
 * gives zero, or more than the machine has.
 */
int regalloc_size_parse(const char *text, u64 ram_bytes, u64 *bytes,
			const char **why)
{
	unsigned int shift;
	u64 number;

	*why = "not a size like 3G, 512M or 25%";
	if (!parse_number(&text, &number))
		return -EINVAL;
	if (*text == '%') {
		text++;
		/* Above 100 is above the memory of the machine, by any sum. */
		number = number > 100 ? U64_MAX :
					div_u64(ram_bytes * number, 100);
	} else {
		shift = parse_unit(&text);
		number = number > U64_MAX >> shift ? U64_MAX : number << shift;
	}
	if (*text == '\n')
		text++;
	if (*text)
		return -EINVAL;
	*why = "zero";
	if (number == 0)
		return -EINVAL;
	*why = "more than the memory of this machine";
	if (number > ram_bytes)
		return -EINVAL;
	*bytes = number;
	return 0;
}
