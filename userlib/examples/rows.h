/* SPDX-License-Identifier: MIT */
/*
 * What must be in the database. Everything about a row follows from its number
 * and its version, so that any answer can be computed without the database.
 */
#ifndef EXAMPLES_ROWS_H
#define EXAMPLES_ROWS_H

#include <stdint.h>

#define ROW_BODY_MAX 400
#define ROW_PARTS 2

/**
 * struct row - an item
 * @grp: the group that it is in
 * @val: its value
 * @length: of @body
 * @body: text
 * @key: another name of the item, which no other has
 */
struct row {
	uint32_t grp;
	uint32_t val;
	uint32_t length;
	char body[ROW_BODY_MAX + 1];
	char key[17];
};

/**
 * struct rows - all of them
 * @nr: items are 0 to @nr - 1
 * @nr_groups: groups likewise
 * @alive: how many there are
 * @version: of each item; 0: it is not there
 */
struct rows {
	uint32_t nr;
	uint32_t nr_groups;
	uint32_t alive;
	uint8_t *version;
};

/* A number that two numbers make, and that looks like any other. */
uint64_t rows_hash(uint64_t a, uint64_t b);

/* No items, and room for @nr. Returns 0 or -ENOMEM. */
int rows_init(struct rows *rows, uint32_t nr);

void rows_free(struct rows *rows);

/* The version after that of an item. */
uint8_t rows_next_version(const struct rows *rows, uint32_t id);

/* Note that an item has a version now; 0: that it is gone. */
void rows_set(struct rows *rows, uint32_t id, uint8_t version);

/* Group and value of an item. */
uint32_t rows_grp(const struct rows *rows, uint32_t id, uint8_t version);
uint32_t rows_val(uint32_t id, uint8_t version);

/* Of a part of an item; parts have no version. */
uint32_t rows_amount(uint32_t id, uint32_t part);

/* All of an item. */
void rows_make(const struct rows *rows, uint32_t id, uint8_t version,
	       struct row *out);

#endif /* EXAMPLES_ROWS_H */
