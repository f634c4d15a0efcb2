// SPDX-License-Identifier: MIT
/* One client, one thread: slices, handles and errors. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* A new region for the first of each class, and no ioctl after that. */
void test_pairs(void)
{
	struct regalloc *ra = unit_open(7);
	struct regalloc_slice s, t;
	uint64_t calls;

	for (uint64_t bytes = 4096; bytes <= 262144; bytes *= 2) {
		CHECK(!regalloc_alloc(ra, bytes, 0, &s));
		CHECK(!regalloc_release(ra, s.handle));
		calls = device->nr_calls;
		for (int i = 0; i < 10000; i++) {
			CHECK(!regalloc_alloc(ra, bytes / 2 + 1, 0, &t));
			CHECK(t.bytes == bytes && t.addr == s.addr);
			CHECK(t.handle == s.handle + 1 + i);
			CHECK(!regalloc_release(ra, t.handle));
		}
		CHECK(device->nr_calls == calls);
	}
	CHECK(device->nr_allocs == 7 && device->nr_arms == 1);

	/* A slice of each class is at hand, and all the same: */
	CHECK(regalloc_alloc(ra, 0, 0, &t) == -EINVAL);
	CHECK(regalloc_alloc(ra, 262145, 0, &t) == -EINVAL);
	CHECK(regalloc_alloc(ra, 262144, 2, &t) == -EINVAL);
	CHECK(regalloc_alloc(ra, 4096, 0, NULL) == -EINVAL);
	for (uint64_t bytes = 4096; bytes <= 262144; bytes *= 2)
		CHECK(!regalloc_alloc(ra, bytes, 0, &t) && t.bytes == bytes &&
		      !regalloc_release(ra, t.handle));
	CHECK(!device_nr_live());
	unit_close(ra);
}

/* What the library says of a handle that cannot be released: as the module. */
static void check_error(struct regalloc *ra, uint64_t handle, int err)
{
	uint32_t n = 77;

	CHECK(regalloc_release(ra, handle) == err);
	CHECK(regalloc_release_many(ra, 1, &handle, &n) == err && n == 77);
	CHECK(device_release_one(device->fd, handle) == err);
}

void test_errors(void)
{
	struct regalloc *ra = unit_open(2);
	struct regalloc_slice a, b;
	uint64_t live;

	CHECK(!regalloc_alloc(ra, 4096, 0, &a));
	CHECK(!regalloc_alloc(ra, 65536, 0, &b));
	live = device_nr_live();

	check_error(ra, 0, -ENOENT);
	check_error(ra, UINT64_MAX, -ENOENT);
	check_error(ra, UINT64_MAX - 1, -ENOENT);
	check_error(ra, REGALLOC_HANDLE(7 * SPAN, 1), -ENOENT);
	/* No generation, one ahead, and places that never were slices. */
	check_error(ra, a.handle - 1, -ENOENT);
	check_error(ra, a.handle + 1, -ENOENT);
	check_error(ra, REGALLOC_HANDLE(SPAN - 4096, 1), -ENOENT);
	check_error(ra, REGALLOC_HANDLE(4096, 1), -ENOENT);
	check_error(ra, b.handle + REGALLOC_HANDLE(4096, 0), -ENOENT);
	CHECK(device_nr_live() == live);

	CHECK(!regalloc_release(ra, a.handle));
	check_error(ra, a.handle, -ESTALE);
	CHECK(!regalloc_release(ra, b.handle));
	check_error(ra, b.handle, -ESTALE);
	check_error(ra, b.handle + 1, -ENOENT);

	/* Live again, under another handle. */
	CHECK(!regalloc_alloc(ra, 65536, 0, &a));
	CHECK(a.addr == b.addr && a.handle == b.handle + 1);
	check_error(ra, b.handle, -ESTALE);
	CHECK(device_nr_live() == 1);
	CHECK(!regalloc_release(ra, a.handle));

	/* The regions have closed: the generations are what is left. */
	CHECK(!regalloc_trim(ra) && !device->charged);
	check_error(ra, a.handle, -ESTALE);
	check_error(ra, b.handle, -ESTALE);
	check_error(ra, a.handle + 1, -ENOENT);
	unit_close(ra);
}

/* From the last generation to the first. */
void test_generations(void)
{
	struct regalloc *ra = unit_open(1);
	struct regalloc_slice s;
	uint64_t last;

	CHECK(!regalloc_alloc(ra, 262144, 0, &s));
	CHECK(REGALLOC_HANDLE_GEN(s.handle) == 1);
	*device_word(6, 0) = REGALLOC_HANDLE_GEN_MASK << 2 | REGALLOC_STATE_LIVE;
	last = s.handle - 1 + REGALLOC_HANDLE_GEN_MASK;
	check_error(ra, s.handle, -ESTALE);
	check_error(ra, last - 1, -ESTALE);
	CHECK(!regalloc_release(ra, last));
	CHECK(*device_word(6, 0) == (1 << 2 | REGALLOC_STATE_FREE));
	CHECK(regalloc_release(ra, last));
	CHECK(!regalloc_alloc(ra, 262144, 0, &s));
	CHECK(s.handle == last + 1 - REGALLOC_HANDLE_GEN_MASK);
	CHECK(!regalloc_release(ra, s.handle));
	unit_close(ra);
}

void test_release_addr(void)
{
	struct regalloc *ra = unit_open(2);
	struct regalloc_slice a, b;
	char *window;

	CHECK(!regalloc_alloc(ra, 4096, 0, &a));
	CHECK(!regalloc_alloc(ra, 100000, 0, &b));
	CHECK(b.bytes == 131072);
	window = (char *)a.addr - REGALLOC_HANDLE_OFFSET(a.handle);
	CHECK(a.addr == window && (char *)b.addr == window + 5 * SPAN);

	CHECK(regalloc_release_addr(ra, (char *)a.addr + 1) == -EINVAL);
	CHECK(regalloc_release_addr(ra, (char *)b.addr + 65536) == -EINVAL);
	CHECK(regalloc_release_addr(ra, window - 4096) == -ENOENT);
	CHECK(regalloc_release_addr(ra, window + 7 * SPAN) == -ENOENT);
	CHECK(regalloc_release_addr(ra, window + SPAN) == -ENOENT);
	/* Open, and never handed out. */
	CHECK(regalloc_release_addr(ra, window + 4096) == -ESTALE);
	CHECK(!regalloc_release_addr(ra, b.addr));
	CHECK(regalloc_release_addr(ra, b.addr) == -ESTALE);
	CHECK(regalloc_release(ra, b.handle) == -ESTALE);
	CHECK(!regalloc_release(ra, a.handle));
	CHECK(regalloc_release(ra, a.handle) == -ESTALE);
	CHECK(!regalloc_trim(ra) && !device->charged);
	CHECK(regalloc_release_addr(ra, a.addr) == -ESTALE);
	unit_close(ra);
}

void test_alloc_many(void)
{
	enum { COUNT = 1000 };
	static struct regalloc_slice s[COUNT], more[COUNT];
	struct regalloc *ra = unit_open(COUNT / 64 + 1);
	uint32_t n;

	/* Sixteen regions, not all of the last one. */
	CHECK(!regalloc_alloc_many(ra, 60000, 0, COUNT, s, &n) && n == COUNT);
	CHECK(device->charged == device->budget);
	CHECK(device->nr_allocs <= device->budget);
	for (uint32_t i = 0; i < n; i++) {
		CHECK(s[i].bytes == 65536 && s[i].handle);
		*(uint64_t *)s[i].addr = s[i].handle;
	}
	for (uint32_t i = 0; i < n; i++)
		CHECK(*(uint64_t *)s[i].addr == s[i].handle);

	/* What is left, and then nothing at all. */
	CHECK(!regalloc_alloc_many(ra, 65536, 0, COUNT, more, &n) && n == 24);
	n = 77;
	CHECK(regalloc_alloc_many(ra, 65536, 0, 1, more, &n) == -ENOMEM);
	device->err_at_end = -EINTR;
	CHECK(regalloc_alloc_many(ra, 4096, 0, 1, more, &n) == -EINTR);
	CHECK(regalloc_alloc(ra, 65536, 0, more) == -EINTR);
	CHECK(n == 77);

	/* Found without the kernel, each once, and then it ends. */
	for (int i = 0; i < 300; i++)
		CHECK(!regalloc_release(ra, s[3 * i].handle));
	CHECK(!regalloc_alloc_many(ra, 65536, 0, COUNT, more, &n) && n == 300);
	CHECK(device_nr_live() == COUNT + 24);
	unit_close(ra);
}

void test_release_many(void)
{
	enum { COUNT = 100 };
	struct regalloc *ra = unit_open(2);
	struct regalloc_slice s[COUNT];
	uint64_t h[COUNT];
	uint32_t n;

	CHECK(!regalloc_alloc_many(ra, 65536, 0, COUNT, s, &n) && n == COUNT);
	for (int i = 0; i < COUNT; i++)
		h[i] = s[i].handle;

	/* A bad handle inside a batch, and first of all. */
	h[60] ^= 1;
	CHECK(!regalloc_release_many(ra, COUNT, h, &n) && n == 60);
	CHECK(device_nr_live() == COUNT - 60);
	n = 77;
	CHECK(regalloc_release_many(ra, 40, h + 60, &n) == -ENOENT && n == 77);
	h[60] ^= 1;
	CHECK(regalloc_release_many(ra, COUNT, h, &n) == -ESTALE && n == 77);
	CHECK(!regalloc_release_many(ra, 40, h + 60, &n) && n == 40);
	CHECK(!device_nr_live());
	unit_close(ra);
}

static bool is_zero(const struct regalloc_slice *s)
{
	const char *p = s->addr;

	return !p[0] && !memcmp(p, p + 1, s->bytes - 1);
}

void test_zero(void)
{
	struct regalloc *ra = unit_open(1);
	struct regalloc_slice s, all[16];
	uint32_t n;

	CHECK(!regalloc_alloc(ra, 262144, REGALLOC_ALLOC_F_ZERO, &s));
	CHECK(is_zero(&s));
	memset(s.addr, 0x5a, s.bytes);
	CHECK(!regalloc_zero(ra, s.handle) && is_zero(&s));
	memset(s.addr, 0x5a, s.bytes);
	CHECK(!regalloc_release(ra, s.handle));
	CHECK(regalloc_zero(ra, s.handle) == -ESTALE);
	CHECK(!regalloc_alloc(ra, 262144, REGALLOC_ALLOC_F_ZERO, &s));
	CHECK(is_zero(&s));
	CHECK(!regalloc_release(ra, s.handle));
	CHECK(regalloc_zero(ra, UINT64_MAX) == -ENOENT);
	CHECK(!regalloc_alloc_many(ra, 262144, REGALLOC_ALLOC_F_ZERO, 16, all,
				   &n) && n == 16);
	for (uint32_t i = 0; i < n; i++)
		CHECK(is_zero(&all[i]));
	CHECK(device_nr_live() == 16);
	unit_close(ra);
}

static bool touch_kills(void *addr)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		signal(SIGSEGV, SIG_DFL);
		close(STDERR_FILENO);
		__atomic_store_n((char *)addr, 1, __ATOMIC_SEQ_CST);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	/* The child has not closed its client. */
	device->clients[0].refs--;
	return status;
}

/* A closed region has no memory, and a new one has new memory. */
void test_closed_memory(void)
{
	struct regalloc *ra = unit_open(1);
	struct regalloc_slice s, t;

	CHECK(!regalloc_alloc(ra, 131072, 0, &s));
	memset(s.addr, 0x5a, s.bytes);
	CHECK(!touch_kills(s.addr));
	CHECK(!regalloc_release(ra, s.handle));
	CHECK(!touch_kills(s.addr));
	/* Somebody else of this client needs the budget. */
	CHECK(!regalloc_alloc(ra, 4096, 0, &t));
	CHECK(device->nr_closed == 1 && device->charged == 1);
	CHECK(touch_kills(s.addr));
	CHECK(regalloc_alloc(ra, 131072, 0, &s) == -ENOMEM);
	CHECK(!regalloc_release(ra, t.handle));
	CHECK(!regalloc_alloc(ra, 131072, 0, &s));
	CHECK(is_zero(&s) && REGALLOC_HANDLE_GEN(s.handle) == 2);
	CHECK(touch_kills(t.addr));
	unit_close(ra);
}
