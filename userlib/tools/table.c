// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "table.h"

static void *there(void *thing)
{
	if (!thing)
		fail(EXIT_FAILURE, "%s", strerror(ENOMEM));
	return thing;
}

struct libscols_table *table_new(void)
{
	struct libscols_table *table = there(scols_new_table());

	/* No blanks at the end of a line. */
	scols_table_enable_minout(table, 1);
	return table;
}

struct libscols_column *table_column(struct libscols_table *table,
				     const char *name, int flags)
{
	return there(scols_table_new_column(table, name, 0, flags));
}

struct libscols_line *table_line(struct libscols_table *table)
{
	return there(scols_table_new_line(table, NULL));
}

void table_cell(struct libscols_line *line, size_t column, const char *format,
		...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	/* The table frees it. */
	scols_line_refer_data(line, column, there(text));
}

void table_size(struct libscols_line *line, size_t column, uint64_t bytes)
{
	char text[SIZE_TEXT];

	table_cell(line, column, "%s", size_text(bytes, text));
}

const char *size_text(uint64_t bytes, char text[SIZE_TEXT])
{
	const char *unit = " KMGTPE";
	double size = bytes;

	while (size >= 1024) {
		size /= 1024;
		unit++;
	}
	if (*unit == ' ')
		snprintf(text, SIZE_TEXT, "%" PRIu64, bytes);
	else
		snprintf(text, SIZE_TEXT, "%.*f%c", size < 9.95, size, *unit);
	return text;
}
