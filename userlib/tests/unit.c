// SPDX-License-Identifier: MIT
/* The library with a device that does what the test wants: see device.h. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <regalloc.h>

#include "device.h"
#include "geometry.h"

int failures;

static struct regalloc *open_device(void)
{
	struct regalloc *ra = NULL;

	device_reset();
	CHECK(!regalloc_open(NULL, 0, &ra));
	if (!ra)
		exit(1);
	return ra;
}

static void test_geometry(void)
{
	struct regalloc_geometry geo = { .span_shift = 30 };

	for (unsigned int c = 0; c < REGALLOC_NR_CLASSES; c++)
		geo.state_offset[c] = c * 1000000;

	CHECK(regalloc_offset_valid(&geo, 7 * SPAN - 1));
	CHECK(!regalloc_offset_valid(&geo, 7 * SPAN));
	CHECK(!regalloc_offset_valid(&geo, UINT64_MAX));
	CHECK(regalloc_offset_class(&geo, 4 * SPAN) == 4);
	CHECK(regalloc_offset_class(&geo, 4 * SPAN - 1) == 3);
	CHECK(regalloc_offset_is_slice(&geo, 4 * SPAN + 65536));
	CHECK(!regalloc_offset_is_slice(&geo, 4 * SPAN + 32768));
	CHECK(regalloc_offset_state(&geo, 4 * SPAN + 3 * 65536) == 4000012);
	CHECK(regalloc_offset_state(&geo, SPAN - 1) == (SPAN / 4096 - 1) * 4);
	CHECK(regalloc_class_state_bytes(&geo, 6) == SPAN / 262144 * 4);
	CHECK(regalloc_length_valid(1) && regalloc_length_valid(262144));
	CHECK(!regalloc_length_valid(0) && !regalloc_length_valid(262145));
}

static void test_strerror(void)
{
	CHECK(regalloc_strerror(-ESTALE) == regalloc_strerror(ESTALE));
	CHECK(strstr(regalloc_strerror(-ENOMEM), "budget"));
	CHECK(strstr(regalloc_strerror(-ENXIO), "module"));
	CHECK(!strcmp(regalloc_strerror(-EPIPE), "Broken pipe"));
	CHECK(!strcmp(regalloc_strerror(99999), "unknown error"));
	CHECK(!strcmp(regalloc_strerror(INT_MIN), "unknown error"));
	CHECK(!strcmp(regalloc_strerror(INT_MAX), "unknown error"));
	CHECK(!strcmp(regalloc_strerror(0), "success"));
}

static void check_open_fails(int err)
{
	struct regalloc *ra = (void *)8;

	CHECK(regalloc_open(NULL, 0, &ra) == err);
	CHECK(ra == (void *)8);
	/* Nothing is left open. */
	CHECK(close(device.fd) && errno == EBADF);
	device_reset();
}

static void test_open(void)
{
	struct regalloc *ra = (void *)8;

	CHECK(regalloc_open(NULL, 0, NULL) == -EINVAL);
	CHECK(regalloc_open(NULL, 1, &ra) == -EINVAL);
	CHECK(regalloc_open("/nowhere", 0, &ra) == -ENOENT);
	CHECK(ra == (void *)8);

	device_reset();
	device.info.span_bytes = SPAN - 4096;
	check_open_fails(-ENOTTY);
	device.info.span_bytes = 0;
	check_open_fails(-ENOTTY);
	device.info.window_bytes--;
	check_open_fails(-ENOTTY);
	device.info.map_bytes = device.info.state_offset[6];
	check_open_fails(-ENOTTY);
	device.info.state_offset[2] = UINT64_MAX - 3;
	check_open_fails(-ENOTTY);
	device.info.state_offset[0] = 2;
	check_open_fails(-ENOTTY);
	device.mmap_fails_at = 1;
	check_open_fails(-ENODEV);
	device.mmap_fails_at = 2;
	check_open_fails(-ENODEV);

	ra = open_device();
	CHECK(regalloc_fd(ra) == device.fd);
	CHECK(!regalloc_close(ra));
	CHECK(close(device.fd) && errno == EBADF);
	CHECK(!regalloc_close(NULL));
}

static void test_null(void)
{
	struct regalloc *ra = open_device();
	struct regalloc_slice s;
	struct regalloc_stats stats;
	uint64_t h = 1;
	uint32_t n = 77;

	CHECK(regalloc_alloc(NULL, 1, 0, &s) == -EINVAL);
	CHECK(regalloc_alloc(ra, 1, 0, NULL) == -EINVAL);
	CHECK(regalloc_alloc_many(NULL, 1, 0, 1, &s, &n) == -EINVAL);
	CHECK(regalloc_alloc_many(ra, 1, 0, 1, NULL, &n) == -EINVAL);
	CHECK(regalloc_alloc_many(ra, 1, 0, 1, &s, NULL) == -EINVAL);
	CHECK(regalloc_alloc_many(ra, 0, 0, 0, &s, &n) == -EINVAL);
	CHECK(regalloc_alloc_many(ra, 1, 2, 0, &s, &n) == -EINVAL);
	CHECK(regalloc_release(NULL, 1) == -EINVAL);
	CHECK(regalloc_release_many(NULL, 1, &h, &n) == -EINVAL);
	CHECK(regalloc_release_many(ra, 1, NULL, &n) == -EINVAL);
	CHECK(regalloc_release_many(ra, 1, &h, NULL) == -EINVAL);
	CHECK(regalloc_release_addr(NULL, &s) == -EINVAL);
	CHECK(regalloc_release_addr(ra, NULL) == -EINVAL);
	CHECK(regalloc_zero(NULL, 1) == -EINVAL);
	CHECK(regalloc_trim(NULL) == -EINVAL);
	CHECK(regalloc_fd(NULL) == -EINVAL);
	CHECK(regalloc_stats(NULL, &stats) == -EINVAL);
	CHECK(regalloc_stats(ra, NULL) == -EINVAL);
	CHECK(n == 77);
	CHECK(!regalloc_alloc_many(ra, 1, 0, 0, NULL, &n) && !n);
	n = 77;
	CHECK(!regalloc_release_many(ra, 0, NULL, &n) && !n);
	CHECK(device.nr_calls == 1);	/* INFO */
	regalloc_close(ra);
}

static void test_many(void)
{
	enum { COUNT = 1000 };
	static struct regalloc_slice s[COUNT];
	static uint64_t h[COUNT];
	struct regalloc *ra = open_device();
	uint32_t n;

	/* Four ioctls; the device.room ends in the fourth. */
	device.room = 999;
	CHECK(!regalloc_alloc_many(ra, 60000, 0, COUNT, s, &n) && n == 999);
	CHECK(device.nr_calls == 1 + 4);
	for (uint32_t i = 0; i < n; i++) {
		CHECK(s[i].bytes == 65536 && s[i].handle);
		CHECK((char *)s[i].addr == (char *)s[0].addr + i * 65536);
		h[i] = s[i].handle;
	}

	/* No room at all, and none in the second ioctl. */
	n = 77;
	CHECK(regalloc_alloc_many(ra, 1, 0, COUNT, s, &n) == -ENOMEM && n == 77);
	device.room = 256;
	device.err_at_end = -EINTR;
	CHECK(!regalloc_alloc_many(ra, 1, 0, COUNT, s, &n) && n == 256);

	/* A bad handle inside a batch, as the first of one, and first of all. */
	h[600] ^= 1;
	CHECK(!regalloc_release_many(ra, 999, h, &n) && n == 600);
	h[600] ^= 1;
	CHECK(!regalloc_release(ra, h[600 + 256]));
	CHECK(!regalloc_release_many(ra, 399, h + 600, &n) && n == 256);
	n = 77;
	CHECK(regalloc_release_many(ra, 1, h + 600, &n) == -ESTALE && n == 77);
	CHECK(!regalloc_release_many(ra, 142, h + 857, &n) && n == 142);
	regalloc_close(ra);
}

static void test_release_addr(void)
{
	struct regalloc *ra = open_device();
	struct regalloc_slice a, b;
	char *window;

	CHECK(!regalloc_alloc(ra, 4096, 0, &a));
	CHECK(!regalloc_alloc(ra, 100000, 0, &b));
	CHECK(b.bytes == 131072);
	window = a.addr;
	CHECK((char *)b.addr == window + 5 * SPAN);

	CHECK(regalloc_release_addr(ra, (char *)a.addr + 1) == -EINVAL);
	CHECK(regalloc_release_addr(ra, (char *)b.addr + 65536) == -EINVAL);
	CHECK(regalloc_release_addr(ra, window - 4096) == -ENOENT);
	CHECK(regalloc_release_addr(ra, window + 7 * SPAN) == -ENOENT);
	CHECK(regalloc_release_addr(ra, window + SPAN) == -ENOENT);
	CHECK(regalloc_release_addr(ra, window + 4096) == -ENOENT);
	CHECK(!regalloc_release_addr(ra, b.addr));
	CHECK(regalloc_release_addr(ra, b.addr) == -ESTALE);
	CHECK(!regalloc_release(ra, a.handle));
	CHECK(regalloc_release(ra, a.handle) == -ESTALE);
	/* The region has closed since: the generation is what is left. */
	*device_word(0, 0) &= ~REGALLOC_STATE_MASK;
	CHECK(regalloc_release_addr(ra, a.addr) == -ESTALE);
	regalloc_close(ra);
}

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "geometry", test_geometry },
	{ "strerror", test_strerror },
	{ "open", test_open },
	{ "null", test_null },
	{ "many", test_many },
	{ "release_addr", test_release_addr },
	{ 0 },
};

int main(void)
{
	int failed = 0, i;

	printf("TAP version 13\n");
	for (i = 0; tests[i].fn; i++) {
		failures = 0;
		tests[i].fn();
		printf("%s %d %s\n", failures ? "not ok" : "ok", i + 1,
		       tests[i].name);
		failed += !!failures;
	}
	printf("1..%d\n", i);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
