// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void row(const struct plan *plan, double value, const char *metric, ...)
{
	char name[64], text[256];
	va_list args;
	int n;

	va_start(args, metric);
	vsnprintf(name, sizeof(name), metric, args);
	va_end(args);
	n = snprintf(text, sizeof(text), "%s,%llu,%s,%u,%s,%.17g\n",
		     plan->workload, (unsigned long long)plan->bytes,
		     plan->label, plan->threads, name, value);
	if (n < 0 || n >= (int)sizeof(text) ||
	    write(STDOUT_FILENO, text, n) != n)
		abort();
}

/* The start of a file, as a string. */
static int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;

	n = read(fd, text, size - 1);
	if (n < 0)
		err = -errno;
	else
		text[n] = '\0';
	close(fd);
	return err;
}

/* The number of KiB after @key in a file. */
static int read_kib(const char *path, const char *key, uint64_t *bytes)
{
	char text[512], *at;
	int err = read_text(path, text, sizeof(text));

	if (err)
		return err;

	at = strstr(text, key);
	if (!at)
		return -ENODATA;

	*bytes = strtoull(at + strlen(key), NULL, 10) * 1024;
	return 0;
}

/* Not from statm, whose counters are allowed to lag behind. */
int resident_bytes(uint64_t *bytes)
{
	return read_kib("/proc/self/smaps_rollup", "\nRss:", bytes);
}

int free_bytes(uint64_t *bytes)
{
	return read_kib("/proc/meminfo", "\nMemFree:", bytes);
}

uint64_t page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

void *table_new(size_t count, size_t size)
{
	void *table = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return table == MAP_FAILED ? NULL : table;
}

void touch(void *addr, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += PAGE)
		__atomic_store_n((uint64_t *)((char *)addr + at), at,
				 __ATOMIC_RELAXED);
}

/* Where so many pages change their rights, the kernel flushes the whole TLB. */
#define FLUSH_BYTES (256 * PAGE)
/* From the smallest TLB, of 64 pages, to one of 2^18. */
#define NR_DOUBLINGS 12

int settle(uint64_t bytes)
{
	char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err = 0;

	if (area == MAP_FAILED)
		return -errno;

	for (int i = 0; !err && i < NR_DOUBLINGS; i++) {
		touch(area, bytes);
		if (mprotect(area, FLUSH_BYTES, PROT_READ) ||
		    mprotect(area, FLUSH_BYTES, PROT_READ | PROT_WRITE))
			err = -errno;
	}
	munmap(area, bytes);
	return err;
}

uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void random_choose(uint64_t *state, uint32_t *list, uint32_t count, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = i + random_next(state) % (count - i);
		uint32_t swap = list[i];

		list[i] = list[j];
		list[j] = swap;
	}
}
