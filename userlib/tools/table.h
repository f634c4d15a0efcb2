/* SPDX-License-Identifier: MIT */
/* Tables of libsmartcols, in which nothing fails: that ends the program. */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <stdint.h>
#include <libsmartcols.h>

/* Long enough for size_text(). */
#define SIZE_TEXT 24

struct libscols_table *table_new(void);

/* Adds a column; @flags: SCOLS_FL_*. */
struct libscols_column *table_column(struct libscols_table *table,
				     const char *name, int flags);

struct libscols_line *table_line(struct libscols_table *table);

/* Sets a cell. */
void table_cell(struct libscols_line *line, size_t column, const char *format,
		...) __attribute__((format(printf, 3, 4)));

/* Sets a cell to a size for people to read. */
void table_size(struct libscols_line *line, size_t column, uint64_t bytes);

/* Bytes for people to read, as 28M or 1.5G; returns @text. */
const char *size_text(uint64_t bytes, char text[SIZE_TEXT]);

#endif /* TOOLS_TABLE_H */
