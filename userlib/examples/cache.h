/* SPDX-License-Identifier: MIT */
/*
 * A page cache: blocks of files in slices, read with O_DIRECT. It has no size of
 * its own: it takes slices until there are none, and from then on replaces pages;
 * and it evicts as many bytes of them as others want.
 *
 * Threads share it. A page that somebody has got is not evicted until it is put.
 */
#ifndef EXAMPLES_CACHE_H
#define EXAMPLES_CACHE_H

#include <stdint.h>
#include <regalloc.h>

#include "frame.h"

#define CACHE_BLOCK UINT64_C(65536)

struct cache;

/**
 * struct page - a block of a file in memory
 * @data: the bytes
 * @length: how many; less than CACHE_BLOCK only at the end of a file
 *
 * The rest is the cache's own.
 */
struct page {
	unsigned char *data;
	uint32_t length;

	struct frame frame;
	struct page *next;
	uint64_t block;
	uint32_t pins;
	int fd;
	int err;
	enum { PAGE_READING, PAGE_READY } state;
};

/**
 * struct cache_counts - what a cache did
 * @hits: pages found
 * @misses: pages read
 * @evictions: pages replaced by others of the cache
 * @asked: how often other programs wanted memory
 * @given: pages evicted for them
 * @waits: how often it had to wait for memory from them
 * @pages: pages there now
 */
struct cache_counts {
	uint64_t hits;
	uint64_t misses;
	uint64_t evictions;
	uint64_t asked;
	uint64_t given;
	uint64_t waits;
	uint64_t pages;
};

/**
 * cache_open() - an empty cache
 * @ra: where its slices come from
 * @out: where to store it
 *
 * Returns 0 or a negative errno.
 */
int cache_open(struct regalloc *ra, struct cache **out);

/**
 * cache_close() - release all slices
 * @c: the cache, of which nobody has a page
 *
 * Returns 0, or the first error of releasing a slice.
 */
int cache_close(struct cache *c);

/**
 * cache_get() - a block of a file
 * @c: the cache
 * @fd: the file, open with O_DIRECT; names it in the cache too
 * @block: which block, in units of CACHE_BLOCK
 * @length: how many bytes of the file are in it
 * @out: where to store the page, which the caller puts
 *
 * Returns 0 or a negative errno; -ETIMEDOUT if the cache has nothing, and others
 * did not give it any memory.
 */
int cache_get(struct cache *c, int fd, uint64_t block, uint32_t length,
	      struct page **out);

/**
 * cache_put() - done with a page
 * @c: the cache
 * @p: the page
 */
void cache_put(struct cache *c, struct page *p);

/**
 * cache_count() - what the cache did so far
 * @c: the cache
 * @out: where to store it
 */
void cache_count(struct cache *c, struct cache_counts *out);

#endif /* EXAMPLES_CACHE_H */
