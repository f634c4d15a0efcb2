// SPDX-License-Identifier: MIT
/*
 * What the kernel offers without regalloc: a mapping for each piece, or one
 * mapping that is kept and from which pages are taken away again. The latter
 * needs an allocator of addresses: a stack of offsets, as cheap as can be.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "measure.h"

static uint64_t before;
static int fd = -1;
static char *window;
static uint64_t *offsets;
static uint32_t nr_offsets;

static int resident(uint64_t *bytes)
{
	uint64_t now;
	int err = resident_bytes(&now);

	if (!err)
		*bytes = now > before ? now - before : 0;
	return err;
}

/* ---- mmap() and munmap() of each piece */

static int map_open(uint64_t bytes, uint32_t count)
{
	(void)bytes;
	(void)count;
	return resident_bytes(&before);
}

static int map_alloc(uint64_t bytes, struct piece *out)
{
	out->addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	out->bytes = bytes;
	return out->addr == MAP_FAILED ? -errno : 0;
}

static int map_release(const struct piece *p)
{
	return munmap(p->addr, p->bytes) ? -errno : 0;
}

const struct backend backend_mmap = {
	.name = "mmap",
	.threads = true,
	.open = map_open,
	.alloc = map_alloc,
	.release = map_release,
	.held = resident,
};

/* ---- a mapping that is kept, anonymous or of a memfd */

static int window_open(uint64_t bytes, uint32_t count, int flags)
{
	offsets = table_new(count, sizeof(*offsets));
	if (!offsets)
		return -ENOMEM;

	window = mmap(NULL, bytes * count, PROT_READ | PROT_WRITE, flags, fd,
		      0);
	if (window == MAP_FAILED)
		return -errno;

	/* The lowest comes first. */
	for (nr_offsets = 0; nr_offsets < count; nr_offsets++)
		offsets[nr_offsets] = (count - 1 - nr_offsets) * bytes;
	return resident_bytes(&before);
}

static int window_alloc(uint64_t bytes, struct piece *out)
{
	if (!nr_offsets)
		return -ENOMEM;

	out->addr = window + offsets[--nr_offsets];
	out->bytes = bytes;
	return 0;
}

static int madvise_open(uint64_t bytes, uint32_t count)
{
	return window_open(bytes, count, MAP_PRIVATE | MAP_ANONYMOUS);
}

static int madvise_release(const struct piece *p)
{
	offsets[nr_offsets++] = (char *)p->addr - window;
	return madvise(p->addr, p->bytes, MADV_DONTNEED) ? -errno : 0;
}

const struct backend backend_madvise = {
	.name = "madvise",
	.open = madvise_open,
	.alloc = window_alloc,
	.release = madvise_release,
	.held = resident,
};

static int memfd_open(uint64_t bytes, uint32_t count)
{
	fd = memfd_create("bench", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, bytes * count))
		return -errno;
	return window_open(bytes, count, MAP_SHARED);
}

static int memfd_release(const struct piece *p)
{
	uint64_t offset = (char *)p->addr - window;

	offsets[nr_offsets++] = offset;
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 offset, p->bytes) ? -errno : 0;
}

/* Of the file: it keeps pages that are not mapped. */
static int memfd_held(uint64_t *bytes)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;

	*bytes = (uint64_t)st.st_blocks * 512;
	return 0;
}

const struct backend backend_memfd = {
	.name = "memfd",
	.open = memfd_open,
	.alloc = window_alloc,
	.release = memfd_release,
	.held = memfd_held,
};

/* ---- a dma-buf of the system heap for each piece */

static int dmabuf_open(uint64_t bytes, uint32_t count)
{
	(void)bytes;
	(void)count;
	fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return free_bytes(&before);
}

static int dmabuf_alloc(uint64_t bytes, struct piece *out)
{
	struct dma_heap_allocation_data data = {
		.len = bytes,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int err = 0;

	if (ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data))
		return -errno;

	out->addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			 data.fd, 0);
	out->bytes = bytes;
	if (out->addr == MAP_FAILED)
		err = -errno;
	/* The mapping keeps the memory. */
	close(data.fd);
	return err;
}

/* Its pages are not counted as resident: look at the machine. */
static int dmabuf_held(uint64_t *bytes)
{
	uint64_t now;
	int err = free_bytes(&now);

	if (!err)
		*bytes = before > now ? before - now : 0;
	return err;
}

const struct backend backend_dmabuf = {
	.name = "dmabuf",
	.threads = true,
	.open = dmabuf_open,
	.alloc = dmabuf_alloc,
	.release = map_release,
	.held = dmabuf_held,
};
