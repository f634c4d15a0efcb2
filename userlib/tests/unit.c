// SPDX-License-Identifier: MIT
/* The library with a model of the kernel: see device.h. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <regalloc.h>

#include "device.h"
#include "geometry.h"
#include "unit.h"

int failures;

struct regalloc *unit_open(uint64_t budget_regions)
{
	device_reset(SPAN, budget_regions);
	return unit_open_more();
}

struct regalloc *unit_open_more(void)
{
	struct regalloc *ra = NULL;

	CHECK(!regalloc_open(NULL, 0, &ra));
	if (!ra)
		exit(EXIT_FAILURE);
	return ra;
}

void unit_close(struct regalloc *ra)
{
	CHECK(device_hints_right());
	CHECK(!device->nr_hidden);
	CHECK(!regalloc_close(ra));
}

static void test_geometry(void)
{
	struct regalloc_geometry geo = { .span_shift = 30 };

	CHECK(regalloc_offset_valid(&geo, 7 * SPAN - 1));
	CHECK(!regalloc_offset_valid(&geo, 7 * SPAN));
	CHECK(!regalloc_offset_valid(&geo, UINT64_MAX));
	CHECK(regalloc_offset_class(&geo, 4 * SPAN) == 4);
	CHECK(regalloc_offset_class(&geo, 4 * SPAN - 1) == 3);
	CHECK(regalloc_offset_is_slice(&geo, 4 * SPAN + 65536));
	CHECK(!regalloc_offset_is_slice(&geo, 4 * SPAN + 32768));
	CHECK(regalloc_handle(3, 5) == REGALLOC_HANDLE(3 * 4096, 5));
	CHECK(regalloc_handle_number(REGALLOC_HANDLE(SPAN, 7)) == SPAN / 4096);
	CHECK(regalloc_nr_slots(&geo) == SPAN / REGALLOC_REGION_BYTES);
	CHECK(regalloc_region_slices_shift(0) == 10);
	CHECK(regalloc_region_slices_shift(6) == 4);
	CHECK(regalloc_length_number(1) == 0);
	CHECK(regalloc_length_number(262144) == REGALLOC_NR_LENGTHS - 1);
	CHECK(regalloc_length_number(262145) == REGALLOC_NR_LENGTHS);
	CHECK(regalloc_length_number(0) >= REGALLOC_NR_LENGTHS);
	CHECK(regalloc_length_class(1) == 0 && regalloc_length_class(4096) == 0);
	CHECK(regalloc_length_class(4097) == 1);
	CHECK(regalloc_length_class(131073) == 6);
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

/* Its first number is that of libregalloc.so.1. */
static void test_version(void)
{
	unsigned int major = 0, minor, patch;
	char more;

	CHECK(sscanf(regalloc_version(), "%u.%u.%u%c", &major, &minor, &patch,
		     &more) == 3);
	CHECK(major == 1);
}

static void check_open_fails(int err)
{
	struct regalloc *ra = (void *)8;

	CHECK(regalloc_open(NULL, 0, &ra) == err);
	CHECK(ra == (void *)8);
	/* Nothing is left open. */
	CHECK(close(device->fd) && errno == EBADF);
	device_reset(SPAN, 1);
}

static void test_open(void)
{
	struct regalloc_ioc_info *info;
	struct regalloc *ra = (void *)8;

	device_reset(SPAN, 1);
	info = &device->info;
	CHECK(regalloc_open(NULL, 0, NULL) == -EINVAL);
	CHECK(regalloc_open(NULL, 1, &ra) == -EINVAL);
	CHECK(regalloc_open("/nowhere", 0, &ra) == -ENOENT);
	CHECK(ra == (void *)8);

	info->span_bytes = SPAN - 4096;
	check_open_fails(-ENOTTY);
	info->span_bytes = 0;
	check_open_fails(-ENOTTY);
	info->window_bytes--;
	check_open_fails(-ENOTTY);
	info->map_bytes = info->hint_offset;
	check_open_fails(-ENOTTY);
	info->map_bytes = 64;
	check_open_fails(-ENOTTY);
	info->state_offset = UINT64_MAX - 3;
	check_open_fails(-ENOTTY);
	info->state_offset = 2;
	check_open_fails(-ENOTTY);
	info->hint_offset = info->map_bytes - 7 * 256 * 2 + 8;
	check_open_fails(-ENOTTY);
	info->hint_offset = UINT64_MAX - 7;
	check_open_fails(-ENOTTY);
	info->hint_offset -= 4;
	check_open_fails(-ENOTTY);
	for (int i = 1; i <= 4; i++) {
		device->mmap_fails_at = i;
		check_open_fails(-ENODEV);
	}

	ra = unit_open(1);
	CHECK(regalloc_fd(ra) == device->fd);
	CHECK(!regalloc_close(ra));
	CHECK(close(device->fd) && errno == EBADF);
	CHECK(!regalloc_close(NULL));
}

static void test_null(void)
{
	struct regalloc *ra = unit_open(1);
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
	CHECK(device->nr_calls == 1);	/* INFO */
	unit_close(ra);
}

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "geometry", test_geometry },
	{ "strerror", test_strerror },
	{ "version", test_version },
	{ "open", test_open },
	{ "null", test_null },
	{ "pairs", test_pairs },
	{ "other_thread", test_other_thread },
	{ "errors", test_errors },
	{ "generations", test_generations },
	{ "release_addr", test_release_addr },
	{ "alloc_many", test_alloc_many },
	{ "release_many", test_release_many },
	{ "zero", test_zero },
	{ "closed_memory", test_closed_memory },
	{ "two_clients", test_two_clients },
	{ "fork", test_fork },
	{ "remembered", test_remembered },
	{ "begin", test_begin },
	{ "wave", test_wave },
	{ "far", test_far },
	{ "shape", test_shape },
	{ "full", test_full },
	{ "attention", test_attention },
	{ "lowest_first", test_lowest_first },
	{ "wrong_hints", test_wrong_hints },
	{ "drain", test_drain },
	{ "thread_exit", test_thread_exit },
	{ "arm", test_arm },
	{ "eager", test_eager },
	{ "eager_arm", test_eager_arm },
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
