/* SPDX-License-Identifier: MIT */
/*
 * The benchmark: workloads, which know nothing about allocators, and back ends,
 * which know nothing about workloads. A run is one workload on one back end in
 * a process of its own, and prints rows of CSV:
 *
 *	workload,class_bytes,allocator,threads,metric,value
 *
 * Functions return 0 or a negative errno.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <regalloc.h>

#define PAGE 4096UL
#define REGION_BYTES (4UL << 20)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What a back end hands out. Those that have no handle leave it alone. */
#define piece regalloc_slice

/**
 * struct backend - a way to get memory and to give it back
 * @name: on the command line
 * @threads: may be used by several threads at once
 * @imaginary: hands out addresses without memory
 * @open: called once; there will be at most @count pieces of @bytes at a time
 * @alloc: one piece
 * @release: gives it back
 * @give_back: asks for what was released to go to the system now; may be NULL
 * @held: how much memory of the system it holds
 */
struct backend {
	const char *name;
	bool threads;
	bool imaginary;
	int (*open)(uint64_t bytes, uint32_t count);
	int (*alloc)(uint64_t bytes, struct piece *out);
	int (*release)(const struct piece *p);
	int (*give_back)(void);
	int (*held)(uint64_t *bytes);
};

extern const struct backend backend_none, backend_locked, backend_malloc,
	backend_regalloc, backend_mmap, backend_madvise, backend_memfd, backend_dmabuf,
	backend_fifo, backend_first_fit;

/**
 * struct plan - what to run
 * @workload: its name, for the rows
 * @label: the allocator and its settings, for the rows
 * @backend: what to run it on
 * @bytes: size of a piece
 * @total: bytes of a wave
 * @threads: how many
 * @repeat: how often; the minimum counts
 * @give_back: call the back end's give_back after each wave
 */
struct plan {
	const char *workload;
	const char *label;
	const struct backend *backend;
	uint64_t bytes;
	uint64_t total;
	uint32_t threads;
	uint32_t repeat;
	bool give_back;
};

int pair_run(const struct plan *plan);
int wave_run(const struct plan *plan);
int kept_run(const struct plan *plan);
int given_run(const struct plan *plan);
int versions_run(const struct plan *plan);
int burst_run(const struct plan *plan);
int open_run(const struct plan *plan);
int zero_run(const struct plan *plan);
int warm_run(const struct plan *plan);
int regions_run(const struct plan *plan);

/* The client of backend_regalloc, once that is open. */
struct regalloc *backend_regalloc_client(void);

#endif /* BENCH_H */
