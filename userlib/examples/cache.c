// SPDX-License-Identifier: MIT
/*
 * One mutex guards everything but the bytes of the pages, and is not held while
 * a page is read, while memory is asked for or while it is given back. A page is
 * in the table from the moment that somebody wants it, so that two who want it
 * read it once: the other one waits until it is ready.
 *
 * Which page is replaced, and which go when others want memory, is the business
 * of the frames.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "cache.h"

#define NR_BUCKETS 16384
#define WAIT_MS 20000

/* So many slices are asked for at once: others are told what the cache lacks. */
#define BATCH 16

/**
 * struct cache - pages by name, and in frames
 * @ra: where slices come from
 * @listener: calls when others want memory
 * @err: the first error of releasing a slice
 * @lock: guards all that follows
 * @changed: a page became ready, was put, or was evicted
 * @buckets: pages by file and block
 * @frames: of pages that have a slice
 * @stock: slices for the next pages
 * @nr_stock: how many
 * @counts: for cache_count()
 */
struct cache {
	struct regalloc *ra;
	struct regalloc_listener *listener;
	atomic_int err;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct page *buckets[NR_BUCKETS];
	struct frames frames;
	struct regalloc_slice stock[BATCH];
	uint32_t nr_stock;
	struct cache_counts counts;
};

static struct page *page_of(struct frame *f)
{
	return (struct page *)((char *)f - offsetof(struct page, frame));
}

static struct page **bucket(struct cache *c, int fd, uint64_t block)
{
	uint64_t hash = (block * 31 + fd) * UINT64_C(0x9e3779b97f4a7c15);

	return &c->buckets[(hash >> 32) % NR_BUCKETS];
}

static struct page *table_find(struct cache *c, int fd, uint64_t block)
{
	struct page *p = *bucket(c, fd, block);

	while (p && (p->fd != fd || p->block != block))
		p = p->next;
	return p;
}

static void table_add(struct cache *c, struct page *p)
{
	struct page **head = bucket(c, p->fd, p->block);

	p->next = *head;
	*head = p;
}

static void table_remove(struct cache *c, const struct page *p)
{
	struct page **link = bucket(c, p->fd, p->block);

	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
}

static void slice_release(struct cache *c, uint64_t handle)
{
	int none = 0, err = regalloc_release(c->ra, handle);

	if (err)
		atomic_compare_exchange_strong(&c->err, &none, err);
}

/* Take a page that nobody has, or a frame's, out of the cache. */
static void page_remove(struct cache *c, struct page *p)
{
	if (p->frame.slice.handle)
		frames_remove(&c->frames, &p->frame);
	table_remove(c, p);
	pthread_cond_broadcast(&c->changed);
}

static void page_free(struct cache *c, struct page *p)
{
	if (p->frame.slice.handle)
		slice_release(c, p->frame.slice.handle);
	free(p);
}

/* Part with so many bytes, for others: those first that have no page yet. */
static void evict(struct cache *c, uint64_t bytes)
{
	struct frame *gone = NULL, *f;

	pthread_mutex_lock(&c->lock);
	while (c->nr_stock && bytes) {
		slice_release(c, c->stock[--c->nr_stock].handle);
		bytes -= bytes < CACHE_BLOCK ? bytes : CACHE_BLOCK;
	}
	frames_evict(&c->frames, bytes, &gone);
	frames_refused(&c->frames, BATCH);
	for (f = gone; f; f = f->next) {
		table_remove(c, page_of(f));
		c->counts.given++;
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);

	while (gone) {
		f = gone;
		gone = f->next;
		page_free(c, page_of(f));
	}
}

/* Called by the listener. */
static void give(uint64_t wanted_bytes, void *arg)
{
	struct cache *c = arg;

	pthread_mutex_lock(&c->lock);
	c->counts.asked++;
	pthread_mutex_unlock(&c->lock);
	evict(c, wanted_bytes);
}

/* Ask for slices, without the lock. One is for now, the others for later. */
static int ask(struct cache *c, struct regalloc_slice *out)
{
	struct regalloc_slice slices[BATCH];
	uint32_t got;
	int err;

	if (c->nr_stock) {
		*out = c->stock[--c->nr_stock];
		return 0;
	}
	pthread_mutex_unlock(&c->lock);
	err = regalloc_alloc_many(c->ra, CACHE_BLOCK, 0, BATCH, slices, &got);
	pthread_mutex_lock(&c->lock);
	if (err == -ENOMEM)
		frames_refused(&c->frames, BATCH);
	if (err)
		return err;
	*out = slices[0];
	/* Another thread may have done the same. */
	while (--got && c->nr_stock < BATCH)
		c->stock[c->nr_stock++] = slices[got];
	for (; got; got--)
		slice_release(c, slices[got].handle);
	return 0;
}

/* Wait for a slice, without the lock. */
static int wait_for_slice(struct cache *c, struct regalloc_slice *out)
{
	int err;

	pthread_mutex_unlock(&c->lock);
	do
		err = regalloc_alloc_wait(c->ra, CACHE_BLOCK, 0, WAIT_MS, out);
	while (err == -EINTR);
	pthread_mutex_lock(&c->lock);
	return err;
}

/* Take the slice of a page that nobody has, if there is one. */
static bool replace(struct cache *c, struct regalloc_slice *out)
{
	struct frame *f = frames_victim(&c->frames, CACHE_BLOCK);

	if (!f)
		return false;
	*out = f->slice;
	page_remove(c, page_of(f));
	free(page_of(f));
	c->counts.evictions++;
	return true;
}

/*
 * A slice, whatever it takes. If all pages are pinned, the next one to be put
 * will do; with no page at all, the memory is with others.
 */
static int find_slice(struct cache *c, struct regalloc_slice *out)
{
	int err;

	for (;;) {
		if (!frames_may_ask(&c->frames) && replace(c, out))
			return 0;
		err = ask(c, out);
		if (err != -ENOMEM)
			return err;
		if (replace(c, out))
			return 0;
		if (!c->frames.nr)
			break;
		pthread_cond_wait(&c->changed, &c->lock);
	}
	c->counts.waits++;
	return wait_for_slice(c, out);
}

static int page_take_slice(struct cache *c, struct page *p)
{
	struct regalloc_slice slice;
	int err;

	err = find_slice(c, &slice);
	if (err)
		return err;

	p->frame.slice = slice;
	p->data = slice.addr;
	frames_add(&c->frames, &p->frame);
	return 0;
}

/* All of the block; called without the lock. */
static int page_read(struct page *p)
{
	off_t start = (off_t)(p->block * CACHE_BLOCK);
	uint32_t done = 0;

	while (done < p->length) {
		/* Whole blocks for O_DIRECT: the end of the file ends it. */
		ssize_t n = pread(p->fd, p->data + done,
				  CACHE_BLOCK - done, start + done);

		if (n < 0)
			return -errno;
		if (!n)
			return -EIO;
		done += n;
	}
	return 0;
}

/* A page that is being read, in the table, held by the caller. */
static struct page *page_new(struct cache *c, int fd, uint64_t block,
			     uint32_t length)
{
	struct page *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;

	p->fd = fd;
	p->block = block;
	p->length = length;
	p->pins = 1;
	p->state = PAGE_READING;
	table_add(c, p);
	return p;
}

/* Fill a new page, and tell those who wait for it how that went. */
static void page_fill(struct cache *c, struct page *p)
{
	p->err = page_take_slice(c, p);
	if (!p->err) {
		pthread_mutex_unlock(&c->lock);
		p->err = page_read(p);
		pthread_mutex_lock(&c->lock);
	}
	p->state = PAGE_READY;
	pthread_cond_broadcast(&c->changed);
}

static struct page *page_find(struct cache *c, int fd, uint64_t block)
{
	struct page *p = table_find(c, fd, block);

	if (!p)
		return NULL;

	c->counts.hits++;
	p->pins++;
	if (p->frame.slice.handle)
		frames_pin(&c->frames, &p->frame);
	while (p->state == PAGE_READING)
		pthread_cond_wait(&c->changed, &c->lock);
	return p;
}

/* The last one to put a page takes it away if it could not be read. */
static void page_put(struct cache *c, struct page *p)
{
	if (--p->pins)
		return;

	if (p->frame.slice.handle)
		frames_unpin(&c->frames, &p->frame);
	pthread_cond_broadcast(&c->changed);
	if (!p->err)
		return;
	page_remove(c, p);
	page_free(c, p);
}

int cache_get(struct cache *c, int fd, uint64_t block, uint32_t length,
	      struct page **out)
{
	struct page *p;
	int err;

	pthread_mutex_lock(&c->lock);
	p = page_find(c, fd, block);
	if (!p) {
		c->counts.misses++;
		p = page_new(c, fd, block, length);
		if (p)
			page_fill(c, p);
	}

	err = p ? p->err : -ENOMEM;
	if (p && err)
		page_put(c, p);
	pthread_mutex_unlock(&c->lock);

	if (!err)
		*out = p;
	return err;
}

void cache_put(struct cache *c, struct page *p)
{
	pthread_mutex_lock(&c->lock);
	page_put(c, p);
	pthread_mutex_unlock(&c->lock);
}

void cache_count(struct cache *c, struct cache_counts *out)
{
	pthread_mutex_lock(&c->lock);
	*out = c->counts;
	out->pages = c->frames.nr;
	pthread_mutex_unlock(&c->lock);
}

int cache_open(struct regalloc *ra, struct cache **out)
{
	struct cache *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;

	c->ra = ra;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	err = regalloc_listener_start(ra, give, c, &c->listener);
	if (err) {
		pthread_cond_destroy(&c->changed);
		pthread_mutex_destroy(&c->lock);
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

int cache_close(struct cache *c)
{
	int err;

	regalloc_listener_stop(c->listener);
	evict(c, UINT64_MAX);
	err = c->err;
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return err;
}
