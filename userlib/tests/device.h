/* SPDX-License-Identifier: MIT */
/*
 * Stands in for the kernel module: the linker sends open, mmap, ioctl and close
 * of the library to the functions here. It is a small model of the kernel, which
 * shares slice maps with the library by the rules of <linux/regalloc.h> and
 * takes their layout and the changes of their words from the module's own code.
 * One lock stands for all locks of the module. A closed region cannot be
 * touched: who does so dies.
 *
 * On request it does what the real device does only in rare cases. All that it
 * knows is in shared memory, so that a test may fork; but a region is touchable
 * only in processes that come after the one that opened it.
 */
#ifndef TESTS_DEVICE_H
#define TESTS_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <linux/regalloc.h>

#define DEVICE_CLIENTS	4

/**
 * struct device_client - what the model knows of one client
 * @fd: the file descriptor; 0: there is no client
 * @refs: processes that have it open
 * @window: the data window
 * @map: the map window
 * @slots: for each slot of each class, SLOT_* bits
 * @nr_regions: open ones
 */
struct device_client {
	int fd;
	unsigned int refs;
	char *window;
	char *map;
	uint8_t *slots;
	uint64_t nr_regions;
};

/**
 * struct device - the device, and what the test wants of it
 * @lock: for everything below, while more than one thread is there
 * @info: what INFO tells
 * @span_shift: the true one
 * @budget: regions that all clients together may have open
 * @charged: regions that are open
 * @eager: decay_ms is 0
 * @err_at_end: what ALLOC says when there is no room
 * @mmap_fails_at: which mmap from now on fails; 0: none
 * @fd: what open returned last
 * @clients: all of them
 * @nr_calls: ioctls so far
 * @nr_allocs: those that were ALLOC
 * @nr_trims: those that were TRIM without flags
 * @nr_arms: those that were TRIM with REGALLOC_TRIM_F_ARM
 * @nr_opened: regions opened so far
 * @nr_closed: regions closed so far
 * @nr_hidden: how often ALLOC found a slice only by not believing in "avail"
 */
struct device {
	pthread_mutex_t lock;
	struct regalloc_ioc_info info;
	unsigned int span_shift;
	uint64_t budget;
	uint64_t charged;
	bool eager;
	int err_at_end;
	int mmap_fails_at;
	int fd;
	struct device_client clients[DEVICE_CLIENTS];
	uint64_t nr_calls;
	uint64_t nr_allocs;
	uint64_t nr_trims;
	uint64_t nr_arms;
	uint64_t nr_opened;
	uint64_t nr_closed;
	uint64_t nr_hidden;
};

extern struct device *device;

/* Failed checks of the test that runs. */
extern int failures;

#define CHECK(cond)							\
	do {								\
		if (cond)						\
			break;						\
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);	\
		printf("# %s:%d: %s\n", __func__, __LINE__, #cond);	\
	} while (0)

/* As if the module had just been loaded, on a machine with so much memory. */
void device_reset(uint64_t ram_bytes, uint64_t budget_regions);

/* Change decay_ms: to 0, or to something else. */
void device_set_eager(bool eager);

/* The decay work runs, and no region is too young for it. */
void device_decay(void);

/* The word of a slice of the client that was opened last. */
uint32_t *device_word(unsigned int class, uint64_t index);

/* What that client and the kernel tell each other. */
struct regalloc_control *device_control(void);

/*
 * While nobody else uses the library: is "avail" set for each slot with a free
 * slice, and is each spare one that the next look will find?
 */
bool device_hints_right(void);

/* Live slices of all clients. */
uint64_t device_nr_live(void);

/* What RELEASE says of a handle: the module's opinion. */
int device_release_one(int fd, uint64_t handle);

int __wrap_open64(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset);
int __real_close(int fd);
void *__real_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset);

#endif /* TESTS_DEVICE_H */
