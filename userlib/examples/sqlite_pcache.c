// SPDX-License-Identifier: MIT
/*
 * What SQLite calls a cache is a table of nodes here, one for each database. The
 * frames of all tables are in one pool, which is what others get memory from.
 *
 * One mutex guards everything but the bytes of the pages: a thread that works
 * for one database, or for another program, evicts pages of any other one. It is
 * not held while memory is asked for or given back. That SQLite calls for one
 * table from one thread at a time makes it safe to let it go in between.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sqlite3.h>

#include "frame.h"
#include "sqlite_pcache.h"
#include "sqlite_table.h"

#define WAIT_MS 10000

/**
 * struct pool - the memory of all tables
 * @ra: where it comes from
 * @listener: calls when others want some
 * @lock: guards the tables and all that follows
 * @frames: the frames of all pages
 * @counts: for sqlite_pcache_count()
 */
static struct pool {
	struct regalloc *ra;
	struct regalloc_listener *listener;
	pthread_mutex_t lock;
	struct frames frames;
	struct sqlite_pcache_counts counts;
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

/* Take a page out of everything, to a list of those to be freed. */
static void node_remove(struct node *n, struct frame **gone)
{
	table_remove(n);
	frames_remove(&pool.frames, &n->frame);
	n->frame.next = *gone;
	*gone = &n->frame;
}

/* Give the slices of a list back; without the lock. */
static void free_all(struct frame *gone)
{
	while (gone) {
		struct frame *f = gone;

		gone = f->next;
		regalloc_release(pool.ra, f->slice.handle);
		free(node_of(f));
	}
}

/* Part with so many bytes of pages; returns how many went. */
static uint64_t evict(uint64_t bytes)
{
	struct frame *gone = NULL, *f;
	uint64_t evicted;

	pthread_mutex_lock(&pool.lock);
	evicted = frames_evict(&pool.frames, bytes, &gone);
	frames_refused(&pool.frames, 1);
	for (f = gone; f; f = f->next) {
		table_remove(node_of(f));
		pool.counts.given++;
	}
	pthread_mutex_unlock(&pool.lock);
	free_all(gone);
	return evicted;
}

/* Called by the listener. */
static void give(uint64_t wanted_bytes, void *arg)
{
	(void)arg;
	pthread_mutex_lock(&pool.lock);
	pool.counts.asked++;
	pthread_mutex_unlock(&pool.lock);
	evict(wanted_bytes);
}

/* Ask for a slice, without the lock. */
static int ask(uint32_t bytes, uint32_t timeout_ms, struct regalloc_slice *out)
{
	int err;

	pthread_mutex_unlock(&pool.lock);
	do
		err = regalloc_alloc_wait(pool.ra, bytes, 0, timeout_ms, out);
	while (err == -EINTR);
	pthread_mutex_lock(&pool.lock);
	if (err)
		frames_refused(&pool.frames, 1);
	return err;
}

/* Take the slice of a page that nobody has, if there is one. */
static bool replace(uint64_t bytes, struct regalloc_slice *out)
{
	struct frame *f = frames_victim(&pool.frames, bytes);

	if (!f)
		return false;
	*out = f->slice;
	table_remove(node_of(f));
	frames_remove(&pool.frames, f);
	free(node_of(f));
	pool.counts.evictions++;
	return true;
}

/* Part with pages of another size, for one of this. */
static bool evict_other_size(uint32_t bytes)
{
	bool given;

	if (pool.frames.nr == pool.frames.nr_pinned)
		return false;
	pthread_mutex_unlock(&pool.lock);
	given = evict(bytes);
	pthread_mutex_lock(&pool.lock);
	return given;
}

/* A slice, whatever it takes. */
static int find_slice_hard(uint32_t bytes, struct regalloc_slice *out)
{
	int err;

	do {
		if (replace(bytes, out))
			return 0;
		err = ask(bytes, 0, out);
	} while (err == -ENOMEM && evict_other_size(bytes));
	if (err != -ENOMEM)
		return err;

	pool.counts.waits++;
	err = ask(bytes, WAIT_MS, out);
	if (err)
		pool.counts.failures++;
	return err;
}

/*
 * A slice, if that does not harm: SQLite has pages that it could write and unpin
 * instead. It had better do so, when there is no more memory and few pages are
 * left that are not pinned.
 */
static int find_slice(uint32_t bytes, bool hard, struct regalloc_slice *out)
{
	struct frames *fs = &pool.frames;

	/* A slice of 4 KiB is one for a page of 512 bytes, too. */
	if (bytes < 4096)
		bytes = 4096;
	if (frames_may_ask(fs) && !ask(bytes, 0, out))
		return 0;
	if (hard)
		return find_slice_hard(bytes, out);
	if (fs->nr_pinned * 4 < fs->nr * 3 && replace(bytes, out))
		return 0;
	return -ENOMEM;
}

static struct node *node_new(struct sqlite3_pcache *c, unsigned int key,
			     bool hard)
{
	struct node *n = calloc(1, sizeof(*n) + c->extra_bytes);

	if (!n)
		return NULL;

	n->cache = c;
	n->key = key;
	n->page.pExtra = n->extra;
	n->frame.fixed = !c->purgeable;
	if (find_slice(c->page_bytes, hard, &n->frame.slice))
		goto err_free;
	n->page.pBuf = n->frame.slice.addr;
	frames_add(&pool.frames, &n->frame);
	table_add(n);
	pool.counts.misses++;
	return n;

err_free:
	free(n);
	return NULL;
}

static sqlite3_pcache_page *pcache_fetch(sqlite3_pcache *c, unsigned int key,
					 int create)
{
	struct node *n;

	pthread_mutex_lock(&pool.lock);
	n = table_find(c, key);
	if (n) {
		frames_pin(&pool.frames, &n->frame);
		pool.counts.hits++;
	} else if (create) {
		n = node_new(c, key, create == 2);
	}
	pthread_mutex_unlock(&pool.lock);
	return n ? &n->page : NULL;
}

static void pcache_unpin(sqlite3_pcache *c, sqlite3_pcache_page *page,
			 int discard)
{
	struct node *n = (struct node *)page;
	struct frame *gone = NULL;

	(void)c;
	pthread_mutex_lock(&pool.lock);
	frames_unpin(&pool.frames, &n->frame);
	if (discard)
		node_remove(n, &gone);
	pthread_mutex_unlock(&pool.lock);
	free_all(gone);
}

static void pcache_rekey(sqlite3_pcache *c, sqlite3_pcache_page *page,
			 unsigned int old_key, unsigned int new_key)
{
	struct node *n = (struct node *)page, *other;
	struct frame *gone = NULL;

	(void)old_key;
	pthread_mutex_lock(&pool.lock);
	other = table_find(c, new_key);
	if (other && other != n)
		node_remove(other, &gone);
	table_rekey(n, new_key);
	pthread_mutex_unlock(&pool.lock);
	free_all(gone);
}

/* Drop the pages of a table from a key on; those in use only if @pinned. */
static void table_drop(struct sqlite3_pcache *c, unsigned int from, bool pinned)
{
	struct frame *gone = NULL;

	pthread_mutex_lock(&pool.lock);
	for (uint32_t i = 0; i < c->nr_buckets; i++) {
		struct node *n, *next;

		for (n = c->buckets[i]; n; n = next) {
			next = n->next;
			if (n->key >= from && (pinned || !n->frame.pinned))
				node_remove(n, &gone);
		}
	}
	pthread_mutex_unlock(&pool.lock);
	free_all(gone);
}

static void pcache_truncate(sqlite3_pcache *c, unsigned int from)
{
	table_drop(c, from, true);
}

static void pcache_shrink(sqlite3_pcache *c)
{
	table_drop(c, 0, false);
}

/* Only advice. The budget says how many pages there can be. */
static void pcache_cachesize(sqlite3_pcache *c, int pages)
{
	(void)c;
	(void)pages;
}

static int pcache_pagecount(sqlite3_pcache *c)
{
	int nr;

	pthread_mutex_lock(&pool.lock);
	nr = c->nr;
	pthread_mutex_unlock(&pool.lock);
	return nr;
}

static sqlite3_pcache *pcache_create(int page_bytes, int extra_bytes,
				     int purgeable)
{
	return table_new(page_bytes, extra_bytes, purgeable);
}

static void pcache_destroy(sqlite3_pcache *c)
{
	table_drop(c, 0, true);
	table_free(c);
}

static int pcache_init(void *arg)
{
	pool.ra = arg;
	if (regalloc_listener_start(pool.ra, give, NULL, &pool.listener))
		return SQLITE_NOMEM;
	return SQLITE_OK;
}

static void pcache_shutdown(void *arg)
{
	(void)arg;
	regalloc_listener_stop(pool.listener);
	pool.listener = NULL;
	pool.frames = (struct frames){ 0 };
}

int sqlite_pcache_use(struct regalloc *ra)
{
	const sqlite3_pcache_methods2 methods = {
		.iVersion = 1,
		.pArg = ra,
		.xInit = pcache_init,
		.xShutdown = pcache_shutdown,
		.xCreate = pcache_create,
		.xCachesize = pcache_cachesize,
		.xPagecount = pcache_pagecount,
		.xFetch = pcache_fetch,
		.xUnpin = pcache_unpin,
		.xRekey = pcache_rekey,
		.xTruncate = pcache_truncate,
		.xDestroy = pcache_destroy,
		.xShrink = pcache_shrink,
	};

	return sqlite3_config(SQLITE_CONFIG_PCACHE2, &methods);
}

void sqlite_pcache_count(struct sqlite_pcache_counts *out)
{
	pthread_mutex_lock(&pool.lock);
	*out = pool.counts;
	out->pages = pool.frames.nr;
	pthread_mutex_unlock(&pool.lock);
}
