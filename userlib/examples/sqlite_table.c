// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "sqlite_table.h"

#define MIN_BUCKETS 256

static struct node **bucket(struct sqlite3_pcache *c, unsigned int key)
{
	return &c->buckets[key & (c->nr_buckets - 1)];
}

struct node *table_find(struct sqlite3_pcache *c, unsigned int key)
{
	struct node *n = *bucket(c, key);

	while (n && n->key != key)
		n = n->next;
	return n;
}

static void table_link(struct sqlite3_pcache *c, struct node *n)
{
	struct node **head = bucket(c, n->key);

	n->next = *head;
	*head = n;
}

static void table_unlink(struct node *n)
{
	struct node **link = bucket(n->cache, n->key);

	while (*link != n)
		link = &(*link)->next;
	*link = n->next;
}

/* Twice the buckets. Without memory for them, the table is just slower. */
static void table_grow(struct sqlite3_pcache *c)
{
	uint32_t nr = c->nr_buckets;
	struct node **old = c->buckets;
	struct node **buckets = calloc(2 * (size_t)nr, sizeof(*buckets));

	if (!buckets)
		return;

	c->buckets = buckets;
	c->nr_buckets = 2 * nr;
	for (uint32_t i = 0; i < nr; i++) {
		while (old[i]) {
			struct node *n = old[i];

			old[i] = n->next;
			table_link(c, n);
		}
	}
	free(old);
}

void table_add(struct node *n)
{
	struct sqlite3_pcache *c = n->cache;

	if (c->nr >= c->nr_buckets)
		table_grow(c);
	table_link(c, n);
	c->nr++;
}

void table_remove(struct node *n)
{
	table_unlink(n);
	n->cache->nr--;
}

void table_rekey(struct node *n, unsigned int key)
{
	table_unlink(n);
	n->key = key;
	table_link(n->cache, n);
}

struct sqlite3_pcache *table_new(uint32_t page_bytes, uint32_t extra_bytes,
				 bool purgeable)
{
	struct sqlite3_pcache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;

	c->page_bytes = page_bytes;
	c->extra_bytes = extra_bytes;
	c->purgeable = purgeable;
	c->nr_buckets = MIN_BUCKETS;
	c->buckets = calloc(c->nr_buckets, sizeof(*c->buckets));
	if (!c->buckets) {
		free(c);
		return NULL;
	}
	return c;
}

void table_free(struct sqlite3_pcache *c)
{
	free(c->buckets);
	free(c);
}
