// SPDX-License-Identifier: MIT
/*
 * Two policies of reuse, without memory: a pool of regions that are opened when
 * no slice is free and closed as soon as their last slice has been released.
 * First in, first out takes the slice that has been free for the longest time.
 * First fit takes the lowest one, and is the best that regalloc can do.
 */
#include <errno.h>

#include "measure.h"

/* Entries of the queue for each piece that is live at a time. */
#define PUSHES 64

/**
 * struct pool - all of it
 * @per_region: slices of a region
 * @nr_slices: of all regions, open or not
 * @nr_open: open regions
 * @live: of each region, slices in use
 * @opened: of each region, counts openings and closings: odd while it is open
 * @taken: of each slice, whether it is in use
 * @lowest: no slice below it is free
 * @queue: slices that are free, or were when their region was closed
 * @stamp: for each entry of @queue, @opened of then
 * @head: next entry to take
 * @tail: next entry to add
 * @size: entries
 */
static struct pool {
	uint32_t per_region;
	uint32_t nr_slices;
	uint32_t nr_open;
	uint32_t *live;
	uint32_t *opened;
	bool *taken;
	uint32_t lowest;
	uint32_t *queue;
	uint32_t *stamp;
	uint64_t head;
	uint64_t tail;
	uint64_t size;
} pool;

static int pool_open(uint64_t bytes, uint32_t count)
{
	uint32_t nr_regions;

	pool.per_region = REGION_BYTES / bytes;
	nr_regions = 2 * (count / pool.per_region + 1);
	pool.nr_slices = nr_regions * pool.per_region;
	pool.size = (uint64_t)PUSHES * pool.nr_slices;
	pool.live = table_new(nr_regions, sizeof(*pool.live));
	pool.opened = table_new(nr_regions, sizeof(*pool.opened));
	pool.taken = table_new(pool.nr_slices, sizeof(*pool.taken));
	pool.queue = table_new(pool.size, sizeof(*pool.queue));
	pool.stamp = table_new(pool.size, sizeof(*pool.stamp));
	return pool.live && pool.opened && pool.taken && pool.queue &&
		pool.stamp ? 0 : -ENOMEM;
}

static bool region_is_open(uint32_t region)
{
	return pool.opened[region] & 1;
}

static int push(uint32_t slice)
{
	if (pool.tail == pool.size)
		return -ENOSPC;

	pool.queue[pool.tail] = slice;
	pool.stamp[pool.tail++] = pool.opened[slice / pool.per_region];
	return 0;
}

/* Opens the lowest region that is closed. */
static int region_open(void)
{
	uint32_t first, region = 0;

	while (region_is_open(region))
		if (++region == pool.nr_slices / pool.per_region)
			return -ENOMEM;

	pool.opened[region]++;
	pool.nr_open++;
	first = region * pool.per_region;
	if (first < pool.lowest)
		pool.lowest = first;
	for (uint32_t i = 0; i < pool.per_region; i++) {
		int err = push(first + i);

		if (err)
			return err;
	}
	return 0;
}

/* The slice that has been free for the longest time. */
static bool find_first_in(uint32_t *slice)
{
	while (pool.head < pool.tail) {
		uint64_t i = pool.head++;

		*slice = pool.queue[i];
		if (pool.stamp[i] == pool.opened[*slice / pool.per_region])
			return true;
	}
	return false;
}

/* The lowest slice that is free. */
static bool find_lowest(uint32_t *slice)
{
	for (uint32_t i = pool.lowest; i < pool.nr_slices; i++) {
		if (pool.taken[i] || !region_is_open(i / pool.per_region))
			continue;
		*slice = i;
		pool.lowest = i + 1;
		return true;
	}
	return false;
}

static int take(uint64_t bytes, struct piece *out, bool (*find)(uint32_t *))
{
	uint32_t slice;

	while (!find(&slice)) {
		int err = region_open();

		if (err)
			return err;
	}

	pool.taken[slice] = true;
	pool.live[slice / pool.per_region]++;
	out->bytes = bytes;
	out->handle = slice;
	return 0;
}

static int fifo_alloc(uint64_t bytes, struct piece *out)
{
	return take(bytes, out, find_first_in);
}

static int first_fit_alloc(uint64_t bytes, struct piece *out)
{
	return take(bytes, out, find_lowest);
}

static int pool_release(const struct piece *p)
{
	uint32_t slice = p->handle, region = slice / pool.per_region;

	pool.taken[slice] = false;
	if (--pool.live[region]) {
		if (slice < pool.lowest)
			pool.lowest = slice;
		return push(slice);
	}
	pool.opened[region]++;
	pool.nr_open--;
	return 0;
}

static int pool_held(uint64_t *bytes)
{
	*bytes = pool.nr_open * REGION_BYTES;
	return 0;
}

const struct backend backend_fifo = {
	.name = "fifo",
	.imaginary = true,
	.open = pool_open,
	.alloc = fifo_alloc,
	.release = pool_release,
	.held = pool_held,
};

const struct backend backend_first_fit = {
	.name = "first-fit",
	.imaginary = true,
	.open = pool_open,
	.alloc = first_fit_alloc,
	.release = pool_release,
	.held = pool_held,
};
