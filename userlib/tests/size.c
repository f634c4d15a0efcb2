// SPDX-License-Identifier: MIT
/*
 * Cost against size, with the model of the kernel: nanoseconds of a pair, and of
 * an allocation whose only free slice is far away, with more and more regions
 * open. The last line is the most against the least.
 *
 *	size [REGIONS...]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <regalloc.h>

#include "device.h"

#define RAM		(UINT64_C(1) << 40)
#define BYTES		65536
#define PER_REGION	(REGALLOC_REGION_BYTES / BYTES)
#define PAIRS		1000000
#define JUMPS		2000
#define RUNS		5
#define NR_COLUMNS	3

int failures;

/* What is open: the handles of all slices, in the order of their addresses. */
static struct regalloc *ra;
static uint64_t *handles;
static uint64_t nr;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void fill(uint64_t regions)
{
	struct regalloc_slice s[PER_REGION];
	uint32_t n;

	device_reset(RAM, regions);
	CHECK(!regalloc_open(NULL, 0, &ra));
	handles = malloc(regions * PER_REGION * sizeof(*handles));
	nr = 0;
	while (nr < regions * PER_REGION) {
		CHECK(!regalloc_alloc_many(ra, BYTES, 0, PER_REGION, s, &n));
		if (failures)
			exit(EXIT_FAILURE);
		for (uint32_t i = 0; i < n; i++)
			handles[nr++] = s[i].handle;
	}
}

/* Steady state: the slice that was released last. */
static double pair_ns(void)
{
	struct regalloc_slice s = { .handle = handles[nr / 2] };
	double start = now_ns();

	for (int i = 0; i < PAIRS; i++) {
		CHECK(!regalloc_release(ra, s.handle));
		CHECK(!regalloc_alloc(ra, BYTES, 0, &s));
	}
	handles[nr / 2] = s.handle;
	return (now_ns() - start) / PAIRS;
}

static uint64_t step;

/*
 * Somebody else has released the slice, here or @step further on, and nobody
 * remembers where. Only the allocation counts.
 */
static void *jump_main(void *arg)
{
	double *ns = arg, start;
	struct regalloc_slice s;
	uint64_t at;

	for (int i = 0; i < JUMPS; i++) {
		at = i * step % nr;
		CHECK(!device_release_one(device->fd, handles[at]));
		start = now_ns();
		CHECK(!regalloc_alloc(ra, BYTES, 0, &s));
		*ns += now_ns() - start;
		handles[at] = s.handle;
	}
	*ns /= JUMPS;
	return NULL;
}

/* In a thread that remembers nothing. */
static double jump_ns(uint64_t by)
{
	pthread_t thread;
	double ns = 0;

	step = by;
	pthread_create(&thread, NULL, jump_main, &ns);
	pthread_join(thread, NULL);
	return ns;
}

/* The least of some runs: the others were disturbed. */
static void measure(double *ns)
{
	double run[NR_COLUMNS];

	for (int i = 0; i < RUNS; i++) {
		run[0] = pair_ns();
		run[1] = jump_ns(PER_REGION);
		run[2] = jump_ns(nr / 2 + PER_REGION + 1);
		for (int c = 0; c < NR_COLUMNS; c++)
			if (!i || run[c] < ns[c])
				ns[c] = run[c];
	}
}

int main(int argc, char **argv)
{
	static const uint64_t sizes[] = { 1, 16, 256, 4096, 65536, 262144 };
	double ns[NR_COLUMNS], least[NR_COLUMNS] = { 0 };
	double most[NR_COLUMNS] = { 0 };
	int n = argc > 1 ? argc - 1 : (int)(sizeof(sizes) / sizeof(*sizes));

	printf("%10s %10s %10s %10s\n", "regions", "pair ns", "next ns",
	       "far ns");
	for (int i = 0; i < n; i++) {
		uint64_t regions = argc > 1 ? strtoull(argv[i + 1], NULL, 0) :
					      sizes[i];

		fill(regions);
		measure(ns);
		printf("%10llu", (unsigned long long)regions);
		for (int c = 0; c < NR_COLUMNS; c++) {
			printf(" %10.1f", ns[c]);
			if (!i || ns[c] < least[c])
				least[c] = ns[c];
			if (ns[c] > most[c])
				most[c] = ns[c];
		}
		printf("\n");
		fflush(stdout);
		free(handles);
		CHECK(!regalloc_close(ra));
	}
	printf("%10s", "ratio");
	for (int c = 0; c < NR_COLUMNS; c++)
		printf(" %10.2f", most[c] / least[c]);
	printf("\n");
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
