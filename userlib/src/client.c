// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "client.h"

#define DEFAULT_PATH "/dev/regalloc"

static bool is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* Do the words of every class lie in the map window, and are they aligned? */
static bool states_valid(const struct regalloc_geometry *geo,
			 const struct regalloc_ioc_info *info)
{
	for (unsigned int c = 0; c < REGALLOC_NR_CLASSES; c++) {
		uint64_t bytes = regalloc_class_state_bytes(geo, c);

		if (info->state_offset[c] % sizeof(uint32_t) ||
		    bytes > info->map_bytes ||
		    info->state_offset[c] > info->map_bytes - bytes)
			return false;
	}
	return true;
}

/*
 * Take the geometry over. What is not one comes from a device that happens to
 * know the number of the ioctl: -ENOTTY, as if it did not.
 */
static int geometry_init(struct regalloc_geometry *geo,
			 const struct regalloc_ioc_info *info)
{
	uint64_t span = info->span_bytes;

	if (!is_power_of_two(span) || span < REGALLOC_REGION_BYTES ||
	    info->window_bytes / REGALLOC_NR_CLASSES < span)
		return -ENOTTY;

	geo->span_shift = __builtin_ctzll(span);
	for (unsigned int c = 0; c < REGALLOC_NR_CLASSES; c++)
		geo->state_offset[c] = info->state_offset[c];

	return states_valid(geo, info) ? 0 : -ENOTTY;
}

static void *map(int fd, int prot, uint64_t offset, uint64_t bytes)
{
	/* A window can be longer than a 32-bit address space. */
	if ((size_t)bytes != bytes) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return mmap(NULL, bytes, prot, MAP_SHARED, fd, offset);
}

/* Both windows, or none. */
static int client_map(struct regalloc *ra, const struct regalloc_ioc_info *info)
{
	void *window, *states;
	int err;

	window = map(ra->fd, PROT_READ | PROT_WRITE, 0, info->window_bytes);
	if (window == MAP_FAILED)
		return -errno;

	states = map(ra->fd, PROT_READ, info->map_offset, info->map_bytes);
	if (states == MAP_FAILED) {
		err = -errno;
		munmap(window, info->window_bytes);
		return err;
	}

	ra->window = window;
	ra->window_bytes = info->window_bytes;
	ra->map = states;
	ra->map_bytes = info->map_bytes;
	return 0;
}

/* Everything that follows open(2). Leaves @ra->fd open if it fails. */
static int client_init(struct regalloc *ra)
{
	struct regalloc_ioc_info info;
	int err;

	err = regalloc_abi_info(ra->fd, &info);
	if (err)
		return err;

	err = geometry_init(&ra->geo, &info);
	if (err)
		return err;

	return client_map(ra, &info);
}

int regalloc_open(const char *path, uint32_t flags, struct regalloc **out)
{
	struct regalloc *ra;
	int err;

	if (flags || !out)
		return -EINVAL;

	ra = calloc(1, sizeof(*ra));
	if (!ra)
		return -ENOMEM;

	ra->fd = open(path ? path : DEFAULT_PATH, O_RDWR | O_CLOEXEC);
	if (ra->fd < 0) {
		err = -errno;
		goto err_free;
	}

	err = client_init(ra);
	if (err)
		goto err_close;

	*out = ra;
	return 0;

err_close:
	close(ra->fd);
err_free:
	free(ra);
	return err;
}

int regalloc_close(struct regalloc *ra)
{
	int err = 0;

	if (!ra)
		return 0;

	if (munmap((void *)ra->map, ra->map_bytes))
		err = -errno;
	if (munmap(ra->window, ra->window_bytes) && !err)
		err = -errno;
	if (close(ra->fd) && !err)
		err = -errno;

	free(ra);
	return err;
}

int regalloc_fd(const struct regalloc *ra)
{
	return ra ? ra->fd : -EINVAL;
}

int regalloc_trim(struct regalloc *ra)
{
	return ra ? regalloc_abi_trim(ra->fd) : -EINVAL;
}

int regalloc_stats(struct regalloc *ra, struct regalloc_stats *out)
{
	struct regalloc_ioc_stats stats;
	int err;

	if (!ra || !out)
		return -EINVAL;

	err = regalloc_abi_stats(ra->fd, &stats);
	if (err)
		return err;

	*out = (struct regalloc_stats){
		.charged_bytes = stats.charged_bytes,
		.live_bytes = stats.live_bytes,
		.spare_bytes = stats.spare_bytes,
		.pinned_bytes = stats.pinned_bytes,
		.map_bytes = stats.map_bytes,
		.nr_regions = stats.nr_regions,
		.regions_opened = stats.regions_opened,
		.regions_closed = stats.regions_closed,
		.alloc_failures = stats.alloc_failures,
	};
	return 0;
}
