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
	uint64_t nr_slots = REGALLOC_NR_CLASSES * regalloc_nr_slots(geo);

	return part_valid(info, 0, sizeof(struct regalloc_control)) &&
	       part_valid(info, info->state_offset,
			  (nr_slots << REGALLOC_SLOT_WORDS_SHIFT) *
				  sizeof(uint32_t)) &&
	       part_valid(info, info->hint_offset,
			  nr_slots * sizeof(struct regalloc_hint)) &&
	       !(info->state_offset % sizeof(uint32_t)) &&
	       !(info->hint_offset % sizeof(uint64_t));
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

/* A window can be longer than a 32-bit address space. */
static bool fits_in_memory(uint64_t bytes)
{
	errno = ENOMEM;
	return bytes <= SIZE_MAX - REGALLOC_REGION_BYTES;
}

/* Address space: what is not used costs nothing. */
static void *reserve(size_t bytes, int prot)
{
	return mmap(NULL, bytes, prot,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/*
 * The data window is aligned to regions, whatever the kernel or a tool like
 * valgrind would choose: slices are aligned to their size then, regions to huge pages,
 * and addr >> 22 names a region.
 */
static void *map_window(int fd, uint64_t bytes)
{
	char *start, *window, *end;

	if (!fits_in_memory(bytes))
		return MAP_FAILED;
	start = reserve(bytes + REGALLOC_REGION_BYTES, PROT_NONE);
	if (start == MAP_FAILED)
		return MAP_FAILED;
	end = start + bytes + REGALLOC_REGION_BYTES;
	window = start + (-(uintptr_t)start & (REGALLOC_REGION_BYTES - 1));
	if (mmap(window, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 fd, 0) == MAP_FAILED) {
		int err = errno;

		munmap(start, end - start);
		errno = err;
		return MAP_FAILED;
	}
	if (window > start)
		munmap(start, window - start);
	if (end > window + bytes)
		munmap(window + bytes, end - (window + bytes));
	return window;
}

static void *map_map(int fd, uint64_t offset, uint64_t bytes)
{
	if (!fits_in_memory(bytes))
		return MAP_FAILED;
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

static void client_unmap(struct regalloc *ra)
{
	if (ra->witness != MAP_FAILED)
		munmap(ra->witness, ra->witness_bytes);
	if (ra->map != MAP_FAILED)
		munmap(ra->map, ra->map_bytes);
	if (ra->window != MAP_FAILED)
		munmap(ra->window, ra->window_bytes);
}

/* What is the same for every client, at hand for every allocation. */
static void tables_init(struct regalloc *ra)
{
	for (unsigned int c = 0; c < REGALLOC_NR_CLASSES; c++)
		ra->slice_bytes[c] = UINT64_C(1) << regalloc_slice_shift(c);
	for (unsigned int i = 0; i < REGALLOC_NR_LENGTHS; i++)
		ra->class_of[i] = regalloc_length_class((i + 1) *
							REGALLOC_MIN_SLICE_BYTES);
}

/* Both windows and the witnesses, or none. */
static int client_map(struct regalloc *ra, const struct regalloc_ioc_info *info)
{
	size_t nr_slots = REGALLOC_NR_CLASSES * regalloc_nr_slots(&ra->geo);
	int err;

	ra->window_bytes = info->window_bytes;
	ra->map_bytes = info->map_bytes;
	ra->witness_bytes = nr_slots * sizeof(*ra->witness);
	ra->map = MAP_FAILED;
	ra->witness = MAP_FAILED;
	ra->window = map_window(ra->fd, info->window_bytes);
	if (ra->window != MAP_FAILED)
		ra->map = map_map(ra->fd, info->map_offset, info->map_bytes);
	if (ra->map != MAP_FAILED)
		ra->witness = reserve(ra->witness_bytes, PROT_READ | PROT_WRITE);
	if (ra->witness == MAP_FAILED) {
		err = -errno;
		client_unmap(ra);
		return err;
	}

	ra->control = (struct regalloc_control *)ra->map;
	ra->words = (uint32_t *)(ra->map + info->state_offset);
	ra->nr_words = nr_slots << REGALLOC_SLOT_WORDS_SHIFT;
	ra->hints = (struct regalloc_hint *)(ra->map + info->hint_offset);
	ra->class_shift = ra->geo.span_shift - REGALLOC_MIN_SLICE_SHIFT;
	tables_init(ra);
	return 0;
}

/*
 * Clients that are closed. Only added one by one and taken all at once: so no
 * lock is needed, which a fork might copy while somebody has it.
 */
static struct regalloc *closed;

static void client_old(struct regalloc *ra)
{
	ra->next = __atomic_load_n(&closed, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&closed, &ra->next, ra, true,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

/* One that had windows of this shape, or one that never had any; or NULL. */
static struct regalloc *client_new(const struct regalloc_geometry *geo)
{
	struct regalloc *old, *next, *ra = NULL;

	old = __atomic_exchange_n(&closed, NULL, __ATOMIC_ACQUIRE);
	for (; old; old = next) {
		next = old->next;
		if (!ra && old->geo.span_shift == geo->span_shift)
			ra = old;
		else
			client_old(old);
	}
	if (!ra)
		ra = malloc(sizeof(*ra));
	if (ra)
		*ra = (struct regalloc){ .geo = *geo };
	return ra;
}

/* Everything that follows open(2). Leaves @fd open if it fails. */
static int client_init(int fd, struct regalloc **out)
{
	struct regalloc_geometry geo;
	struct regalloc_ioc_info info;
	struct regalloc *ra;
	int err;

	err = regalloc_abi_info(fd, &info);
	if (err)
		return err;

	err = geometry_init(&geo, &info);
	if (err)
		return err;

	ra = client_new(&geo);
	if (!ra)
		return -ENOMEM;
	ra->fd = fd;
	err = client_map(ra, &info);
	if (err)
		client_old(ra);
	else
		*out = ra;
	return err;
}

int regalloc_open(const char *path, uint32_t flags, struct regalloc **out)
{
	int fd, err;

	if (flags || !out)
		return -EINVAL;

	fd = open(path ? path : DEFAULT_PATH, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	err = client_init(fd, out);
	if (err)
		close(fd);
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
	client_old(ra);
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

int regalloc_limits(struct regalloc *ra, uint64_t reserve_bytes,
		    uint64_t limit_bytes)
{
	return ra ? regalloc_abi_limits(ra->fd, reserve_bytes, limit_bytes) :
		    -EINVAL;
}

int regalloc_pressure(struct regalloc *ra, uint64_t *wanted_bytes)
{
	return ra && wanted_bytes ? regalloc_abi_pressure(ra->fd, wanted_bytes) :
				    -EINVAL;
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
