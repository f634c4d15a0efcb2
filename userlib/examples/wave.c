// SPDX-License-Identifier: MIT
/*
 * The transaction wave: a transaction takes thousands of slices one by one as
 * its working set grows, holds them, and gives all of them back at commit. Then
 * the next one. What the machine holds should be just what is in use.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <regalloc.h>

#include "options.h"
#include "progress.h"
#include "sysfs.h"

#define PAGE 4096
#define MIB (1024.0 * 1024.0)

static const char usage[] =
	"usage: wave [OPTION...]\n"
	"Takes slices one by one, touches each page, releases all; several times.\n"
	"\n"
	"  --count N    slices in a wave (default 8192)\n"
	"  --size B     bytes of a slice, at most 262144 (default 65536)\n"
	"  --waves N    number of waves (default 3)\n"
	"  --hold MS    how long a wave holds all its slices (default 500)\n"
	"  --return MS  wait after a wave until its memory is back, and fail if that\n"
	"               takes longer (default: do not wait)\n"
	"  --rest MS    how long to do nothing before the next wave (default 1500)\n"
	"  --csv FILE   write seconds,charged_bytes,live_bytes of the whole machine\n"
	"  --hz N       rows a second in FILE, 1 to 1000 (default 25)\n"
	"  --device F   the device (default /dev/regalloc)\n"
	"  --help       this text\n"
	"\n"
	"Exit status: 0 if all went well, 1 if something failed or a page did not\n"
	"hold what was written to it, 2 if the arguments are wrong.\n";

/* What to do; from the command line. */
struct plan {
	uint32_t count;
	uint32_t size;
	uint32_t waves;
	uint32_t hold_ms;
	uint32_t return_ms;
	uint32_t rest_ms;
	uint32_t hz;
	const char *csv;
	const char *device;
};

/* A wave on its way. */
struct wave {
	struct regalloc *ra;
	const struct plan *plan;
	uint32_t number;
	uint32_t taken;
	struct regalloc_slice *slices;
	uint64_t *handles;
};

static int fail(const char *what, int err)
{
	progress_end();
	fprintf(stderr, "wave: %s: %s\n", what, regalloc_strerror(err));
	return EXIT_FAILURE;
}

static void sleep_ms(uint32_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static void show(struct wave *w, const char *doing, uint32_t live, bool event)
{
	char bar[21];
	int filled = (uint64_t)live * (sizeof(bar) - 1) / w->plan->count;
	struct regalloc_stats stats = { 0 };

	for (int i = 0; i < (int)sizeof(bar) - 1; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[sizeof(bar) - 1] = '\0';
	regalloc_stats(w->ra, &stats);
	progress_show(event, "wave %u of %u: %-9s [%s] live %4.0f, charged %4.0f MiB",
		      w->number, w->plan->waves, doing, bar,
		      stats.live_bytes / MIB, stats.charged_bytes / MIB);
}

/* A word that no other page of any wave has: a slice is at most 64 pages. */
static uint64_t mark(const struct regalloc_slice *s, uint64_t at)
{
	return s->handle * 64 + at / PAGE;
}

static void touch(const struct regalloc_slice *s)
{
	for (uint64_t at = 0; at < s->bytes; at += PAGE)
		*(uint64_t *)((char *)s->addr + at) = mark(s, at);
}

static bool intact(const struct regalloc_slice *s)
{
	for (uint64_t at = 0; at < s->bytes; at += PAGE)
		if (*(uint64_t *)((char *)s->addr + at) != mark(s, at))
			return false;
	return true;
}

static int wave_take(struct wave *w)
{
	const struct plan *plan = w->plan;

	for (w->taken = 0; w->taken < plan->count; w->taken++) {
		struct regalloc_slice *s = &w->slices[w->taken];
		int err = regalloc_alloc(w->ra, plan->size, 0, s);

		if (err)
			return fail("cannot take a slice", err);
		touch(s);
		w->handles[w->taken] = s->handle;
		if (w->taken % 64 == 0)
			show(w, "taking", w->taken + 1, false);
	}
	return 0;
}

static int wave_check(const struct wave *w)
{
	for (uint32_t i = 0; i < w->taken; i++) {
		if (intact(&w->slices[i]))
			continue;
		progress_end();
		fprintf(stderr, "wave: slice %u was changed by another\n", i);
		return EXIT_FAILURE;
	}
	return 0;
}

static int wave_commit(struct wave *w)
{
	uint32_t released = 0;
	int err = regalloc_release_many(w->ra, w->taken, w->handles, &released);

	if (err)
		return fail("cannot release", err);
	if (released == w->taken)
		return 0;

	progress_end();
	fprintf(stderr, "wave: released %u of %u\n", released, w->taken);
	return EXIT_FAILURE;
}

/* Wait until nothing is charged to this process any more. */
static int wave_return(struct wave *w)
{
	double end = now_seconds() + w->plan->return_ms / 1e3;
	struct regalloc_stats stats;

	for (;;) {
		int err = regalloc_stats(w->ra, &stats);

		if (err)
			return fail("stats", err);
		if (!stats.charged_bytes)
			return 0;
		if (now_seconds() > end)
			break;
		show(w, "released", 0, false);
		sleep_ms(10);
	}
	progress_end();
	fprintf(stderr, "wave: %.0f MiB are still charged\n",
		stats.charged_bytes / MIB);
	return EXIT_FAILURE;
}

/* Release everything, and say how long that and the way back took. */
static int wave_end(struct wave *w, double took)
{
	double start = now_seconds(), released;
	int rc;

	rc = wave_commit(w);
	if (rc)
		return rc;

	released = now_seconds() - start;
	show(w, "released", 0, true);
	if (w->plan->return_ms)
		rc = wave_return(w);
	if (rc)
		return rc;

	progress_end();
	printf("wave %u of %u: %u slices taken in %.2f s, released in %.1f ms",
	       w->number, w->plan->waves, w->taken, took, released * 1e3);
	if (w->plan->return_ms)
		printf(", back after %.1f s", now_seconds() - start);
	printf("\n");
	fflush(stdout);
	return 0;
}

static int wave_run(struct wave *w)
{
	double start = now_seconds(), took;
	int rc;

	rc = wave_take(w);
	if (rc)
		return rc;

	took = now_seconds() - start;
	show(w, "holding", w->taken, true);
	sleep_ms(w->plan->hold_ms);
	rc = wave_check(w);
	if (rc)
		return rc;

	rc = wave_end(w, took);
	if (!rc)
		sleep_ms(w->plan->rest_ms);
	return rc;
}

static int waves_run(struct wave *w)
{
	int rc = 0;

	for (w->number = 1; !rc && w->number <= w->plan->waves; w->number++)
		rc = wave_run(w);
	return rc;
}

static void csv_row(const struct sample *s, void *arg)
{
	fprintf(arg, "%.3f,%" PRIu64 ",%" PRIu64 "\n", s->seconds,
		s->charged_bytes, s->live_bytes);
}

/* All waves, watched if the plan says so. */
static int waves_run_watched(struct wave *w)
{
	const struct plan *plan = w->plan;
	struct watch *watch;
	int rc, err;
	FILE *csv;

	if (!plan->csv)
		return waves_run(w);

	csv = fopen(plan->csv, "w");
	if (!csv)
		return fail(plan->csv, -errno);

	fprintf(csv, "seconds,charged_bytes,live_bytes\n");
	err = watch_start(plan->hz, csv_row, csv, &watch);
	if (err) {
		fclose(csv);
		return fail(SYSFS_DIR, err);
	}

	rc = waves_run(w);
	err = watch_stop(watch);
	if (err)
		rc = fail(SYSFS_DIR, err);
	if (fclose(csv))
		rc = fail(plan->csv, -errno);
	return rc;
}

static int run(const struct plan *plan)
{
	struct wave w = { .plan = plan };
	int rc, err;

	err = regalloc_open(plan->device, 0, &w.ra);
	if (err)
		return fail(plan->device ? plan->device : "/dev/regalloc", err);

	w.slices = calloc(plan->count, sizeof(*w.slices));
	w.handles = calloc(plan->count, sizeof(*w.handles));
	if (w.slices && w.handles)
		rc = waves_run_watched(&w);
	else
		rc = fail("cannot begin", -ENOMEM);

	free(w.handles);
	free(w.slices);
	err = regalloc_close(w.ra);
	return err ? fail("cannot close", err) : rc;
}

static void parse(int argc, char **argv, struct plan *plan)
{
	const struct setting settings[] = {
		{ "count", .number = &plan->count, .min = 1, .max = 1U << 24 },
		{ "size", .number = &plan->size, .min = 1, .max = 1U << 18 },
		{ "waves", .number = &plan->waves, .min = 1, .max = 1000000 },
		{ "hold", .number = &plan->hold_ms, .max = 3600000 },
		{ "return", .number = &plan->return_ms, .max = 3600000 },
		{ "rest", .number = &plan->rest_ms, .max = 3600000 },
		{ "csv", .text = &plan->csv },
		{ "hz", .number = &plan->hz, .min = 1, .max = 1000 },
		{ "device", .text = &plan->device },
		{ 0 },
	};

	if (options_parse(argc, argv, usage, settings) < argc)
		options_refuse(usage);
}

int main(int argc, char **argv)
{
	struct plan plan = {
		.count = 8192,
		.size = 64 * 1024,
		.waves = 3,
		.hold_ms = 500,
		.rest_ms = 1500,
		.hz = 25,
	};

	parse(argc, argv, &plan);
	return run(&plan);
}
