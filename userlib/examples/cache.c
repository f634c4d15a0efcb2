// SPDX-License-Identifier: MIT
/*
 * One mutex guards everything but the bytes of the pages, and is not held while
 * a page is read. A page is in the table from the moment that somebody wants it,
 * so that two who want it read it once: the other one waits until it is ready.
 *
 * Who is told that there is no memory evicts: the hand of a clock goes round the
 * pages, passes those that are pinned, spares once those that were used since it
 * came by, and takes the first other one. For others it is not single pages that
 * count but regions, and the hand does not know about them: see cache_give().
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "sysfs.h"

#define NR_BUCKETS 16384

/* How long to wait for others to give memory, with some of its own and without. */
#define SHORT_MS 100
#define LONG_MS 30000

/* The unit in which memory goes back. */
#define REGION_BYTES (UINT64_C(4) << 20)

/**
 * struct cache - pages by name, and in the order of the clock
 * @ra: where slices come from
 * @lock: guards all that follows
 * @changed: a page became ready, was put, or was evicted
 * @buckets: pages by file and block
 * @clock: pages that have a slice, in no order
 * @nr_pages: how many there are in @clock
 * @room: for how many @clock has room
 * @hand: where the search for a victim goes on
 * @counts: for cache_count()
 */
struct cache {
	struct regalloc *ra;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct page *buckets[NR_BUCKETS];
	struct page **clock;
	uint32_t nr_pages;
	uint32_t room;
	uint32_t hand;
	struct cache_counts counts;
};

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

static int clock_add(struct cache *c, struct page *p)
{
	if (c->nr_pages == c->room) {
		uint32_t room = c->room ? 2 * c->room : 1024;
		struct page **clock = realloc(c->clock, room * sizeof(*clock));

		if (!clock)
			return -ENOMEM;
		c->clock = clock;
		c->room = room;
	}

	p->at = c->nr_pages;
	c->clock[c->nr_pages++] = p;
	return 0;
}

static void clock_remove(struct cache *c, const struct page *p)
{
	struct page *last = c->clock[--c->nr_pages];

	last->at = p->at;
	c->clock[last->at] = last;
}

/* Twice round: the first time may only have found pages to spare once. */
static struct page *clock_victim(struct cache *c)
{
	for (uint64_t i = 0; i < 2 * (uint64_t)c->nr_pages; i++) {
		struct page *p = c->clock[c->hand++ % c->nr_pages];

		if (p->pins)
			continue;
		if (!p->referenced)
			return p;
		p->referenced = false;
	}
	return NULL;
}

/* Take a page that nobody has out of the cache, and free it. */
static int page_drop(struct cache *c, struct page *p)
{
	int err = regalloc_release(c->ra, p->handle);

	clock_remove(c, p);
	table_remove(c, p);
	free(p);
	return err;
}

/*
 * Give one slice back. If all pages are pinned, wait for a change instead: the
 * caller tries again either way.
 */
static int evict_one(struct cache *c)
{
	struct page *victim = clock_victim(c);

	if (!victim) {
		pthread_cond_wait(&c->changed, &c->lock);
		return 0;
	}

	c->counts.evictions++;
	pthread_cond_broadcast(&c->changed);
	return page_drop(c, victim);
}

/* Whether it has less memory than it would if all clients had the same. */
static bool has_less_than_its_share(const struct cache *c)
{
	struct regalloc_stats stats;
	uint64_t share;

	return !sysfs_share(&share) && !regalloc_stats(c->ra, &stats) &&
	       stats.charged_bytes + REGION_BYTES <= share;
}

/*
 * The memory is with others, who have been asked for it. What they give is for
 * who waits, or they would have it again at once.
 */
static int wait_for_slice(struct cache *c, struct regalloc_slice *slice)
{
	uint32_t timeout_ms = c->nr_pages ? SHORT_MS : LONG_MS;
	int err;

	pthread_mutex_unlock(&c->lock);
	err = regalloc_alloc_wait(c->ra, CACHE_BLOCK, 0, timeout_ms, slice);
	pthread_mutex_lock(&c->lock);
	return err;
}

/* A slice for @p, whatever it takes. */
static int page_take_slice(struct cache *c, struct page *p)
{
	struct regalloc_slice slice;
	int err;

	do {
		err = regalloc_alloc(c->ra, CACHE_BLOCK, 0, &slice);
		if (err == -ENOMEM &&
		    (!c->nr_pages || has_less_than_its_share(c)))
			err = wait_for_slice(c, &slice);
	} while ((err == -ENOMEM || err == -ETIMEDOUT) && c->nr_pages &&
		 !evict_one(c));
	if (err)
		return err;

	p->data = slice.addr;
	p->handle = slice.handle;
	err = clock_add(c, p);
	if (err)
		regalloc_release(c->ra, slice.handle);
	return err;
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

/* The last one to put a page that could not be read takes it away. */
static void page_put(struct cache *c, struct page *p)
{
	if (--p->pins)
		return;

	pthread_cond_broadcast(&c->changed);
	if (!p->err)
		return;
	if (p->handle) {
		page_drop(c, p);
	} else {
		table_remove(c, p);
		free(p);
	}
}

int cache_get(struct cache *c, int fd, uint64_t block, uint32_t length,
	      struct page **out)
{
	struct page *p;
	int err;

	pthread_mutex_lock(&c->lock);
	p = table_find(c, fd, block);
	if (p) {
		p->pins++;
		p->referenced = true;
		c->counts.hits++;
		while (p->state == PAGE_READING)
			pthread_cond_wait(&c->changed, &c->lock);
	} else {
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

/* A region of memory, as far as this cache has it. */
struct region {
	uint32_t first;
	uint32_t nr;
	uint32_t used;
	uint32_t pinned;
};

static uintptr_t page_region(const struct page *p)
{
	return (uintptr_t)p->data / REGION_BYTES;
}

static int by_address(const void *a, const void *b)
{
	const struct page *const *p = a, *const *q = b;

	return ((*p)->data > (*q)->data) - ((*p)->data < (*q)->data);
}

static int by_use(const void *a, const void *b)
{
	const struct region *p = a, *q = b;

	return (p->used > q->used) - (p->used < q->used);
}

/* What lies in the same region is neighbours in @pages. */
static uint32_t find_regions(struct page *const *pages, uint32_t nr,
			     struct region *regions)
{
	struct region *r = regions - 1;

	for (uint32_t i = 0; i < nr; i++) {
		if (!i || page_region(pages[i]) != page_region(pages[i - 1]))
			*++r = (struct region){ .first = i };
		r->nr++;
		r->used += pages[i]->referenced;
		r->pinned += pages[i]->pins > 0;
		pages[i]->referenced = false;
	}
	return r + 1 - regions;
}

/* With the lock held. */
static uint64_t give_regions(struct cache *c, struct page **pages,
			     struct region *regions, uint64_t wanted,
			     bool in_use_too)
{
	uint32_t nr = c->nr_pages, nr_regions;
	uint64_t given = 0;

	memcpy(pages, c->clock, nr * sizeof(*pages));
	qsort(pages, nr, sizeof(*pages), by_address);
	nr_regions = find_regions(pages, nr, regions);
	qsort(regions, nr_regions, sizeof(*regions), by_use);
	for (uint32_t i = 0; i < nr_regions && given < wanted; i++) {
		struct region *r = &regions[i];

		if (r->pinned || (r->used && !in_use_too))
			continue;
		for (uint32_t j = 0; j < r->nr; j++)
			page_drop(c, pages[r->first + j]);
		c->counts.given += r->nr;
		given += REGION_BYTES;
	}
	return given;
}

uint64_t cache_give(struct cache *c, uint64_t wanted, bool in_use_too)
{
	struct region *regions;
	struct page **pages;
	uint64_t given = 0;

	pthread_mutex_lock(&c->lock);
	pages = malloc(c->nr_pages * sizeof(*pages));
	regions = malloc(c->nr_pages * sizeof(*regions));
	if (pages && regions && c->nr_pages)
		given = give_regions(c, pages, regions, wanted, in_use_too);
	pthread_mutex_unlock(&c->lock);
	free(regions);
	free(pages);
	return given;
}

void cache_count(struct cache *c, struct cache_counts *out)
{
	pthread_mutex_lock(&c->lock);
	*out = c->counts;
	out->pages = c->nr_pages;
	pthread_mutex_unlock(&c->lock);
}

int cache_open(struct regalloc *ra, struct cache **out)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;

	c->ra = ra;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	*out = c;
	return 0;
}

int cache_close(struct cache *c)
{
	int first = 0;

	while (c->nr_pages) {
		int err = page_drop(c, c->clock[c->nr_pages - 1]);

		if (!first)
			first = err;
	}
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c->clock);
	free(c);
	return first;
}
