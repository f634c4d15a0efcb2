/* SPDX-License-Identifier: MIT */
/*
 * Stands in for the kernel module: the linker sends open, mmap (open64 and
 * mmap64 to the linker) and ioctl of the library to the functions here. On
 * request they do what the real device does only in rare cases: stop in the
 * middle of a batch, fail in the second one, or tell nonsense.
 */
#ifndef TESTS_DEVICE_H
#define TESTS_DEVICE_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <linux/regalloc.h>

#define SPAN (UINT64_C(1) << 30)

/**
 * struct device - the one device, and what the test wants of it
 * @info: what INFO tells
 * @words: the map window
 * @room: slices that there still are
 * @err_at_end: what ALLOC says when there is no room
 * @mmap_fails_at: which mmap from now on fails; 0: none
 * @nr_calls: ioctls so far
 * @fd: what open returned last
 */
struct device {
	struct regalloc_ioc_info info;
	uint32_t *words;
	uint32_t room;
	int err_at_end;
	int mmap_fails_at;
	unsigned int nr_calls;
	int fd;
};

extern struct device device;

/* Failed checks of the test that runs. */
extern int failures;

#define CHECK(cond)							\
	do {								\
		if (cond)						\
			break;						\
		failures++;						\
		printf("# %s:%d: %s\n", __func__, __LINE__, #cond);	\
	} while (0)

/* As if the module had just been loaded. */
void device_reset(void);

/* The word of a slice. */
uint32_t *device_word(unsigned int class, uint64_t index);

int __wrap_open64(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset);
void *__real_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset);

#endif /* TESTS_DEVICE_H */
