// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "client.h"

#define DEFAULT_PATH "/dev/regalloc"

static bool is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* Is there room for @bytes at @offset of the map window? */
static bool part_valid(const struct regalloc_ioc_info *info, uint64_t offset,
		       uint64_t bytes)
{
	return bytes <= info->map_bytes && offset <= info->map_bytes - bytes;
}

/* Does all that we use lie in the map window, and is it aligned? */
static bool map_valid(const struct regalloc_geometry *geo,
		      const struct regalloc_ioc_info *info)
{
	uint64_t nr_slots = regalloc_nr_slots(geo);

	if (!part_valid(info, 0, sizeof(struct regalloc_control)))
		return false;
	for (unsigned int c = 0; c < REGALLOC_NR_CLASSES; c++) {
		if (info->state_offset[c] % sizeof(uint32_t) ||
		    !part_valid(info, info->state_offset[c],
				regalloc_class_state_bytes(geo, c)) ||
		    !part_valid(info, info->avail_offset[c], nr_slots) ||
		    !part_valid(info, info->dirty_offset[c], nr_slots))
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
	return map_valid(geo, info) ? 0 : -ENOTTY;
}

static void *map_shared(int fd, uint64_t offset, uint64_t bytes)
{
	/* A window can be longer than a 32-bit address space. */
	if ((size_t)bytes != bytes) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

/* Address space for the witnesses: what is not used costs nothing. */
static void *map_witnesses(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void client_unmap(struct regalloc *ra)
{
	if (ra->witnesses != MAP_FAILED)
		munmap(ra->witnesses, ra->witness_bytes);
	if (ra->map != MAP_FAILED)
		munmap(ra->map, ra->map_bytes);
	if (ra->window != MAP_FAILED)
		munmap(ra->window, ra->window_bytes);
}

/* Both windows and the witnesses, or none. */
static int client_map(struct regalloc *ra, const struct regalloc_ioc_info *info)
{
	size_t nr_slots = regalloc_nr_slots(&ra->geo);
	int err;

	ra->window_bytes = info->window_bytes;
	ra->map_bytes = info->map_bytes;
	ra->witness_bytes = REGALLOC_NR_CLASSES * nr_slots * sizeof(uint16_t);
	ra->map = MAP_FAILED;
	ra->witnesses = MAP_FAILED;
	ra->window = map_shared(ra->fd, 0, info->window_bytes);
	if (ra->window != MAP_FAILED)
		ra->map = map_shared(ra->fd, info->map_offset, info->map_bytes);
	if (ra->map != MAP_FAILED)
		ra->witnesses = map_witnesses(ra->witness_bytes);
	if (ra->witnesses == MAP_FAILED) {
		err = -errno;
		client_unmap(ra);
		return err;
	}

	ra->control = (struct regalloc_control *)ra->map;
	ra->span_mask = (info->span_bytes >> REGALLOC_MIN_SLICE_SHIFT) - 1;
	ra->class_shift = ra->geo.span_shift - REGALLOC_MIN_SLICE_SHIFT +
			  REGALLOC_HANDLE_GEN_BITS;
	for (unsigned int c = 0; c < REGALLOC_NR_CLASSES; c++) {
		struct regalloc_class_map *class = &ra->class[c];

		class->words = (uint32_t *)(ra->map + info->state_offset[c]);
		class->avail = (uint8_t *)ra->map + info->avail_offset[c];
		class->dirty = (uint8_t *)ra->map + info->dirty_offset[c];
		class->witness = (uint16_t *)ra->witnesses + c * nr_slots;
		class->base = ra->window + regalloc_slice_offset(&ra->geo, c, 0);
	}
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
	static uint64_t last_id;
	struct regalloc *ra;
	int err;

	if (flags || !out)
		return -EINVAL;

	ra = aligned_alloc(_Alignof(struct regalloc), sizeof(*ra));
	if (!ra)
		return -ENOMEM;
	memset(ra, 0, sizeof(*ra));

	ra->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
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

	client_unmap(ra);
	if (close(ra->fd))
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
	return ra ? regalloc_abi_trim(ra->fd, 0) : -EINVAL;
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
