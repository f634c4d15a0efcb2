/* SPDX-License-Identifier: MIT */
/*
 * The pages of one database by number. No locks in here: callers have one.
 */
#ifndef EXAMPLES_SQLITE_TABLE_H
#define EXAMPLES_SQLITE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>

#include "frame.h"

/**
 * struct node - a page
 * @page: what SQLite knows of it
 * @frame: the slice with its bytes
 * @cache: the table that it is in
 * @next: in its bucket
 * @key: its number
 * @extra: for SQLite, as many bytes as it wants
 */
struct node {
	sqlite3_pcache_page page;
	struct frame frame;
	struct sqlite3_pcache *cache;
	struct node *next;
	unsigned int key;
	max_align_t extra[];
};

/**
 * struct sqlite3_pcache - the table of one database
 * @page_bytes: of each page
 * @extra_bytes: SQLite's own, for each page
 * @purgeable: pages can be read again
 * @nr: pages
 * @nr_buckets: a power of two
 * @buckets: pages by key
 */
struct sqlite3_pcache {
	uint32_t page_bytes;
	uint32_t extra_bytes;
	bool purgeable;
	uint32_t nr;
	uint32_t nr_buckets;
	struct node **buckets;
};

static inline struct node *node_of(struct frame *f)
{
	return (struct node *)((char *)f - offsetof(struct node, frame));
}

/* An empty table, or NULL. */
struct sqlite3_pcache *table_new(uint32_t page_bytes, uint32_t extra_bytes,
				 bool purgeable);

/* Free a table, which is empty. */
void table_free(struct sqlite3_pcache *c);

/* The page of that number, or NULL. */
struct node *table_find(struct sqlite3_pcache *c, unsigned int key);

/* Put a page into the table that it names, which has none of that number. */
void table_add(struct node *n);

/* Take a page out. */
void table_remove(struct node *n);

/* Give a page another number, which no page has. */
void table_rekey(struct node *n, unsigned int key);

#endif /* EXAMPLES_SQLITE_TABLE_H */
