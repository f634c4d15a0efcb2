/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the device share. Nothing here is timed: where something
 * happens by itself, the test polls for it up to a generous deadline.
 *
 * A helper that finds the interface lying (a count out of range, an output not
 * written) ends the process with a message, which the harness reports.
 */
#ifndef REGALLOC_TEST_H
#define REGALLOC_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/regalloc.h>

#include "kselftest_harness.h"

/* The guests run under emulation, some twenty times slower than hardware. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#define RT_DEVICE		"/dev/regalloc"
#define RT_SYSFS		"/sys/class/misc/regalloc/"
#define RT_DEBUGFS		"/sys/kernel/debug/regalloc/"
#define RT_BUDGET		"3G"
#define RT_DECAY_MS		1000
/* Longer than any test: for those in which nothing may decay. */
#define RT_DECAY_NEVER_MS	600000
/* In seconds: by then, what happens by itself has happened. */
#define RT_DEADLINE		30

#define RT_POISON		0xa5
#define RT_POISON32		0xa5a5a5a5U
#define RT_POISON64		0xa5a5a5a5a5a5a5a5ULL

#define RT_MIB			(1024UL * 1024)
#define RT_REGION		REGALLOC_REGION_BYTES
/* 4 KiB; 16 or 64 on some arm64 kernels. */
#define RT_PAGE			((size_t)sysconf(_SC_PAGESIZE))
#define RT_CLASS_256K		6

#define rt_load(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define rt_store(p, v)		__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define rt_add(p, v)		__atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)

/* Polls for @cond; false if it is not there after @seconds. */
#define rt_wait_until(cond, seconds)					\
({									\
	uint64_t __end = rt_now_ms() + (seconds) * 1000ULL;		\
	bool __there;							\
									\
	for (;;) {							\
		__there = (cond);					\
		if (__there || rt_now_ms() >= __end)			\
			break;						\
		usleep(2000);						\
	}								\
	__there;							\
})

/**
 * struct rt_client - a client that knows only the ioctls
 * @fd: of the device
 * @info: what INFO said
 * @base: the data window, mapped readable and writable; or NULL
 * @map: the map window, once rt_client_map() was called
 */
struct rt_client {
	int fd;
	struct regalloc_ioc_info info;
	uint8_t *base;
	uint32_t *map;
};

/**
 * struct rt_sampler - a thread that watches one number of sysfs
 * @fd: of the file
 * @stop: set to end it
 * @max: the highest value seen
 * @samples: how many it took
 * @thread: the thread
 */
struct rt_sampler {
	int fd;
	bool stop;
	uint64_t max;
	uint64_t samples;
	pthread_t thread;
};

void __attribute__((noreturn, format(printf, 1, 2)))
rt_die(const char *fmt, ...);
uint64_t rt_now_ms(void);

/* sysfs and module parameters */
uint64_t rt_stat(const char *name);
uint64_t rt_read_u64(const char *path);
/* A number of /proc/meminfo or /proc/vmstat. */
uint64_t rt_proc_number(const char *path, const char *key);
int rt_param_set(const char *name, const char *value);
int rt_param_get(const char *name, char *buf, size_t size);
int rt_decay_set(unsigned int ms);
int rt_write_file(const char *path, const char *text);

/* The module: 0 or a negative errno. Its file is what REGALLOC_KO says */
const char *rt_module_path(void);
int rt_module_load(const char *path, const char *args);
int rt_module_unload(void);
bool rt_module_loaded(void);

/* Start from nothing: no client, nothing charged. False if something stays. */
bool rt_begin(const char *budget, unsigned int decay_ms);
void rt_end(void);

/* Clients */
int rt_client_open(struct rt_client *c);
int rt_client_map(struct rt_client *c);
void rt_client_close(struct rt_client *c);
void *rt_addr(const struct rt_client *c, uint64_t handle);
uint32_t *rt_state(const struct rt_client *c, uint64_t offset);
struct regalloc_control *rt_control(const struct rt_client *c);
/* As a program that follows the uapi header: without RELEASE. */
bool rt_release_in_map(const struct rt_client *c, uint64_t handle);

/* Geometry */
uint32_t rt_class_bytes(unsigned int cls);
uint32_t rt_class_slices(unsigned int cls);
/* What one slice is charged if there is no other: a page at least. */
uint64_t rt_class_charge(unsigned int cls);

/* ioctls: 0 or a negative errno */
int rt_info(int fd, struct regalloc_ioc_info *info);
int rt_alloc(int fd, uint64_t length, uint32_t count, uint32_t flags,
	     uint64_t *handles, uint32_t *got);
uint64_t rt_alloc_one(int fd, uint64_t length);
int rt_alloc_wait(int fd, uint64_t length, uint32_t timeout_ms,
		  uint64_t *handle);
int rt_alloc_all(int fd, uint64_t length, uint32_t count, uint64_t *handles);
int rt_release(int fd, const uint64_t *handles, uint32_t count,
	       uint32_t *released);
int rt_release_one(int fd, uint64_t handle);
int rt_release_all(int fd, const uint64_t *handles, uint32_t count);
int rt_trim(int fd, uint32_t *regions);
int rt_stats(int fd, struct regalloc_ioc_stats *stats);
int rt_zero(int fd, uint64_t handle);
int rt_limits(int fd, uint64_t reserve, uint64_t limit);
/* How many bytes are wanted of a client; clears it. */
uint64_t rt_pressure(int fd);
bool rt_is_asked(int fd);

/* Memory: 0, or the signal that the access raised */
int rt_guarded(void (*fn)(void *arg), void *arg);
int rt_peek(const void *addr, uint8_t *out);
int rt_poke_word(uint32_t *addr, uint32_t value);
int rt_poke(void *addr, uint8_t value);
bool rt_all_bytes(const void *addr, size_t bytes, uint8_t value);
long rt_smaps_kb(const void *addr, const char *key);
bool rt_smaps_flag(const void *addr, const char *flag);
/* Whether huge pages fit into a region: those of larger pages do not. */
bool rt_has_huge_pages(void);

/* Threads and processes */
void rt_threads(unsigned int n, void (*fn)(unsigned int index, void *arg),
		void *arg);
void rt_sampler_start(struct rt_sampler *s, const char *name);
void rt_sampler_stop(struct rt_sampler *s);
int rt_child_status(pid_t pid);
unsigned int rt_turns(unsigned int turns);
unsigned int rt_env_u32(const char *name, unsigned int fallback);

#endif /* REGALLOC_TEST_H */
