// SPDX-License-Identifier: MIT
/*
 * How fast the library is on this machine, in a second or two: allocate and release
 * in turn, and a wave: take many slices, write to each page, release them all.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <regalloc.h>

#include "clock.h"
#include "command.h"
#include "counters.h"
#include "error.h"
#include "file.h"
#include "table.h"

#define NR_PAIRS 100000
#define ROUNDS 5
#define WAVE_BYTES (32UL << 20)
#define PAGE 4096

/**
 * struct wave - the slices of a wave
 * @slices: room for all
 * @handles: likewise
 * @nr: how many
 */
struct wave {
	struct regalloc_slice *slices;
	uint64_t *handles;
	uint32_t nr;
};

/* The best of several: anything else is somebody else's time. */
static void keep_best(double *best, double seconds)
{
	if (!*best || seconds < *best)
		*best = seconds;
}

static int pairs_run(struct regalloc *ra, unsigned long bytes, double *best)
{
	struct regalloc_slice slice;
	double start;
	int err;

	for (int round = 0; round < ROUNDS; round++) {
		start = clock_seconds();
		for (int i = 0; i < NR_PAIRS; i++) {
			err = regalloc_alloc(ra, bytes, 0, &slice);
			if (!err)
				err = regalloc_release(ra, slice.handle);
			if (err)
				return err;
		}
		keep_best(best, (clock_seconds() - start) / NR_PAIRS);
	}
	return 0;
}

static int wave_take(struct regalloc *ra, unsigned long bytes, struct wave *w)
{
	for (uint32_t i = 0; i < w->nr; i++) {
		struct regalloc_slice *s = &w->slices[i];
		int err = regalloc_alloc(ra, bytes, 0, s);

		if (err)
			return err;
		for (uint64_t at = 0; at < s->bytes; at += PAGE)
			((char *)s->addr)[at] = 1;
		w->handles[i] = s->handle;
	}
	return 0;
}

static int wave_release(struct regalloc *ra, const struct wave *w)
{
	for (uint32_t i = 0; i < w->nr; i++) {
		int err = regalloc_release(ra, w->handles[i]);

		if (err)
			return err;
	}
	return regalloc_trim(ra);
}

/* Returns to the system what it has taken, each time. */
static int waves_run(struct regalloc *ra, unsigned long bytes, double *take,
		     double *release)
{
	struct wave w = { .nr = WAVE_BYTES / bytes };
	double start, taken;
	int err = 0;

	w.slices = calloc(w.nr, sizeof(*w.slices));
	w.handles = calloc(w.nr, sizeof(*w.handles));
	if (!w.slices || !w.handles)
		fail(EXIT_FAILURE, "no memory for the list of slices");
	for (int round = 0; !err && round < ROUNDS; round++) {
		start = clock_seconds();
		err = wave_take(ra, bytes, &w);
		taken = clock_seconds();
		if (!err)
			err = wave_release(ra, &w);
		keep_best(take, (taken - start) / w.nr);
		keep_best(release, (clock_seconds() - taken) / w.nr);
	}
	free(w.handles);
	free(w.slices);
	return err;
}

static void bench_class(struct regalloc *ra, struct libscols_table *table,
			unsigned long bytes)
{
	double pair = 0, take = 0, release = 0;
	struct libscols_line *line;
	int err;

	err = pairs_run(ra, bytes, &pair);
	if (!err)
		err = waves_run(ra, bytes, &take, &release);
	if (err)
		fail_device("bench wants 32 MiB of the budget", err);
	line = table_line(table);
	table_cell(line, 0, "%luK", bytes / 1024);
	table_cell(line, 1, "%.1f ns", pair * 1e9);
	table_cell(line, 2, "%.2f us", take * 1e6);
	table_cell(line, 3, "%.2f us", release * 1e6);
}

void bench_command(const struct options *opts, char **operands)
{
	struct libscols_table *table = table_new();
	struct regalloc *ra;
	int err = regalloc_open(NULL, 0, &ra);

	(void)opts;
	(void)operands;
	if (err)
		fail_device(DEVICE, err);
	table_column(table, "CLASS", SCOLS_FL_RIGHT);
	table_column(table, "PAIR", SCOLS_FL_RIGHT);
	table_column(table, "TAKE+TOUCH", SCOLS_FL_RIGHT);
	table_column(table, "RELEASE", SCOLS_FL_RIGHT);
	for (int class = 0; class < REGALLOC_NR_CLASSES; class++)
		bench_class(ra, table, class_bytes(class));
	regalloc_close(ra);
	scols_print_table(table);
	scols_unref_table(table);
}
