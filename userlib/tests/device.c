// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"

#define STATES (SPAN >> REGALLOC_MIN_SLICE_SHIFT)
#define MAP_OFFSET (REGALLOC_NR_CLASSES * SPAN)
#define FIRST_GEN 5U

struct device device;

void device_reset(void)
{
	device.info = (struct regalloc_ioc_info){
		.span_bytes = SPAN,
		.window_bytes = REGALLOC_NR_CLASSES * SPAN,
		.map_offset = MAP_OFFSET,
		.map_bytes = REGALLOC_NR_CLASSES * STATES * sizeof(*device.words),
		.budget_bytes = SPAN,
	};
	for (uint64_t c = 0; c < REGALLOC_NR_CLASSES; c++)
		device.info.state_offset[c] = c * STATES * sizeof(*device.words);
	device.room = UINT32_MAX;
	device.err_at_end = -ENOMEM;
	device.mmap_fails_at = 0;
	device.nr_calls = 0;
}

int __wrap_open64(const char *path, int flags, ...)
{
	CHECK(flags == (O_RDWR | O_CLOEXEC));
	if (strcmp(path, "/dev/regalloc")) {
		errno = ENOENT;
		return -1;
	}
	device.fd = dup(STDOUT_FILENO);
	return device.fd;
}

void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset)
{
	void *mem;

	if (device.mmap_fails_at && !--device.mmap_fails_at) {
		errno = ENODEV;
		return MAP_FAILED;
	}
	CHECK(!addr && fd == device.fd && flags == MAP_SHARED);
	CHECK(prot == (offset ? PROT_READ : PROT_READ | PROT_WRITE));
	CHECK(len == (offset ? device.info.map_bytes : device.info.window_bytes));
	CHECK(offset == (offset ? (off_t)MAP_OFFSET : 0));
	mem = __real_mmap64(NULL, len, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (offset)
		device.words = mem;
	return mem;
}

uint32_t *device_word(unsigned int class, uint64_t index)
{
	return device.words + device.info.state_offset[class] / sizeof(*device.words) + index;
}

static uint64_t slice_offset(unsigned int class, uint64_t index)
{
	return class * SPAN + (index << (REGALLOC_MIN_SLICE_SHIFT + class));
}

/* Gives slices out in order of their addresses, and never one twice. */
static int device_alloc(struct regalloc_ioc_alloc *arg)
{
	uint64_t *handles = (uint64_t *)(uintptr_t)arg->handles;
	unsigned int class = 0;
	uint64_t index = 0;

	CHECK(arg->size == sizeof(*arg) && arg->count && !arg->timeout_ms);
	if (!arg->length || arg->length > REGALLOC_MAX_SLICE_BYTES ||
	    arg->flags & ~REGALLOC_ALLOC_F_ZERO)
		return -EINVAL;
	if (!device.room)
		return device.err_at_end;

	while (REGALLOC_MIN_SLICE_BYTES << class < arg->length)
		class++;
	while (arg->out_count < arg->count && device.room) {
		while (*device_word(class, index))
			index++;
		*device_word(class, index) = FIRST_GEN << REGALLOC_STATE_GEN_SHIFT |
					 REGALLOC_STATE_LIVE;
		handles[arg->out_count++] =
			REGALLOC_HANDLE(slice_offset(class, index), FIRST_GEN);
		device.room--;
	}
	arg->out_slice_bytes = REGALLOC_MIN_SLICE_BYTES << class;
	return 0;
}

static int device_release_one(uint64_t handle)
{
	uint64_t offset = REGALLOC_HANDLE_OFFSET(handle);
	unsigned int class = offset / SPAN;
	uint32_t gen = REGALLOC_HANDLE_GEN(handle), *word;

	if (class >= REGALLOC_NR_CLASSES)
		return -ENOENT;
	word = device_word(class, (offset % SPAN) >>
			      (REGALLOC_MIN_SLICE_SHIFT + class));
	if (!*word)
		return -ENOENT;
	if (*word != (gen << REGALLOC_STATE_GEN_SHIFT | REGALLOC_STATE_LIVE))
		return -ESTALE;
	*word = (gen + 1) << REGALLOC_STATE_GEN_SHIFT | REGALLOC_STATE_FREE;
	return 0;
}

static int device_release(struct regalloc_ioc_release *arg)
{
	const uint64_t *handles = (uint64_t *)(uintptr_t)arg->handles;
	int err = 0;

	CHECK(arg->size == sizeof(*arg) && !arg->flags && arg->count);
	while (!err && arg->out_count < arg->count) {
		err = device_release_one(handles[arg->out_count]);
		arg->out_count += !err;
	}
	return arg->out_count ? 0 : err;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	int err = 0;

	CHECK(fd == device.fd);
	device.nr_calls++;
	if (request == REGALLOC_IOC_INFO) {
		CHECK(*(uint32_t *)arg == sizeof(device.info));
		memcpy(arg, &device.info, sizeof(device.info));
	} else if (request == REGALLOC_IOC_ALLOC) {
		err = device_alloc(arg);
	} else if (request == REGALLOC_IOC_RELEASE) {
		err = device_release(arg);
	} else {
		err = -ENOTTY;
	}
	errno = -err;
	return err ? -1 : 0;
}
