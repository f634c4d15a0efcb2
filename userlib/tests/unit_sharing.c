// SPDX-License-Identifier: MIT
/* Threads, processes and clients: what one releases is there for all. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define BYTES	262144
#define SLICES	16

/* A thread that allocates up to @count slices, and may release them. */
struct job {
	struct regalloc *ra;
	uint32_t count;
	bool release;
	struct regalloc_slice s[SLICES + 1];
	uint32_t got;
};

static void *job_main(void *arg)
{
	struct job *job = arg;

	CHECK(!regalloc_alloc_many(job->ra, BYTES, 0, job->count, job->s,
				   &job->got));
	for (uint32_t i = 0; job->release && i < job->got; i++)
		CHECK(!regalloc_release(job->ra, job->s[i].handle));
	return NULL;
}

static void job_run(struct job *job)
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, job_main, job));
	CHECK(!pthread_join(thread, NULL));
}

void test_other_thread(void)
{
	struct regalloc *ra = unit_open(1);
	struct job job = { .ra = ra, .count = 1 };
	struct regalloc_slice s[SLICES], t;
	uint64_t allocs;
	uint32_t n;

	CHECK(!regalloc_alloc_many(ra, BYTES, 0, SLICES, s, &n) && n == SLICES);
	for (int i = 0; i < SLICES; i++) {
		allocs = device->nr_allocs;
		CHECK(!regalloc_release(ra, s[i].handle));
		job_run(&job);
		CHECK(job.got == 1 && job.s[0].addr == s[i].addr);
		CHECK(device->nr_allocs == allocs);
		/* What we remember of it is wrong now. */
		CHECK(regalloc_alloc(ra, BYTES, 0, &t) == -ENOMEM);
		CHECK(regalloc_release(ra, s[i].handle) == -ESTALE);
	}
	CHECK(device_nr_live() == SLICES);
	unit_close(ra);
}

void test_thread_exit(void)
{
	struct regalloc *ra = unit_open(1);
	struct job job = { .ra = ra, .count = SLICES, .release = true };
	struct regalloc_slice s[SLICES];
	uint32_t n;

	for (int i = 0; i < 100; i++) {
		job_run(&job);
		CHECK(job.got == SLICES);
	}
	CHECK(device->nr_opened == 1 && device->nr_allocs == 1);
	CHECK(!regalloc_alloc_many(ra, BYTES, 0, SLICES, s, &n) && n == SLICES);
	CHECK(device->nr_allocs == 1);
	unit_close(ra);
}

/*
 * Where the thread was in one client says nothing of another one: it was in the
 * second region of @a, and goes to the first of @b.
 */
static void check_places(struct regalloc *a, struct regalloc *b)
{
	struct job job = { .ra = b, .count = SLICES + 1, .release = true };
	struct regalloc_slice s[SLICES + 1];
	uint32_t n;

	job_run(&job);
	CHECK(!regalloc_alloc_many(a, BYTES, 0, SLICES + 1, s, &n));
	CHECK(n == SLICES + 1 && device->charged == 4);
	CHECK(!regalloc_alloc(b, BYTES, 0, s));
	CHECK(REGALLOC_HANDLE_OFFSET(s[0].handle) % SPAN <
	      REGALLOC_REGION_BYTES);
}

/* By turns, so that what the thread remembers is always another client's. */
void test_two_clients(void)
{
	struct regalloc *ra[2] = { unit_open(3), unit_open_more() };
	struct regalloc_slice s[2][3];
	uint64_t calls = 0;

	for (int i = 0; i < 300; i++) {
		struct regalloc_slice *a = &s[0][i % 3], *b = &s[1][i % 3];

		if (i == 3)
			calls = device->nr_calls;
		for (int c = 0; i >= 3 && c < 2; c++)
			CHECK(!regalloc_release(ra[c], s[c][i % 3].handle));
		CHECK(!regalloc_alloc(ra[0], 65536, 0, a));
		CHECK(!regalloc_alloc(ra[1], 65536, 0, b));
		*(uint64_t *)a->addr = a->handle;
		*(uint64_t *)b->addr = ~b->handle;
	}
	/* One call to arm each. */
	CHECK(device->nr_calls == calls + 2 && device->charged == 2);
	for (int i = 0; i < 3; i++) {
		CHECK(*(uint64_t *)s[0][i].addr == s[0][i].handle);
		CHECK(*(uint64_t *)s[1][i].addr == ~s[1][i].handle);
	}
	CHECK(!regalloc_alloc(ra[0], 4096, 0, &s[0][0]));
	CHECK(regalloc_release(ra[1], s[0][0].handle) == -ENOENT);
	CHECK(regalloc_release_addr(ra[1], s[0][0].addr));
	unit_close(ra[0]);

	/* A client that comes later, perhaps to the same address. */
	ra[0] = unit_open_more();
	CHECK(regalloc_release(ra[0], s[0][1].handle) == -ENOENT);
	CHECK(!regalloc_alloc(ra[0], 65536, 0, &s[0][0]));
	*(uint64_t *)s[0][0].addr = 1;
	unit_close(ra[0]);
	unit_close(ra[1]);
	CHECK(!device->charged);

	ra[0] = unit_open(4);
	ra[1] = unit_open_more();
	check_places(ra[0], ra[1]);
	unit_close(ra[0]);
	unit_close(ra[1]);
}

/* Take all there is, and note whose it is. */
static void take_all(struct regalloc *ra, uint32_t *takers, uint32_t me)
{
	struct regalloc_slice s;

	while (!regalloc_alloc(ra, BYTES, 0, &s)) {
		__atomic_fetch_add(&takers[REGALLOC_HANDLE_OFFSET(s.handle) %
					   SPAN / BYTES], me, __ATOMIC_RELAXED);
		*(uint64_t *)s.addr = s.handle;
	}
}

static void child_main(struct regalloc *ra, uint32_t *takers, uint64_t handle)
{
	CHECK(!regalloc_release(ra, handle));
	CHECK(regalloc_release(ra, handle) == -ESTALE);
	take_all(ra, takers, 1);
	CHECK(!regalloc_close(ra));
	_exit(failures ? 1 : 0);
}

/* Parent and child remember the same slices, and each gets different ones. */
void test_fork(void)
{
	struct regalloc *ra = unit_open(1);
	struct regalloc_slice s[SLICES];
	uint32_t *takers, n, total = 0;
	int status = -1;
	pid_t child;

	takers = mmap(NULL, SLICES * sizeof(*takers), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(!regalloc_alloc_many(ra, BYTES, 0, SLICES, s, &n) && n == SLICES);
	for (int i = 0; i < SLICES; i += 2)
		CHECK(!regalloc_release(ra, s[i].handle));

	fflush(stdout);
	child = fork();
	if (!child)
		child_main(ra, takers, s[1].handle);
	take_all(ra, takers, 0x100);
	CHECK(waitpid(child, &status, 0) == child && !status);
	CHECK(device->charged == 1);

	/* One could go to nobody, if it came when we had given up. */
	take_all(ra, takers, 0x100);
	for (int i = 0; i < SLICES; i++) {
		total += !!takers[i];
		CHECK(!takers[i] || takers[i] == 1 || takers[i] == 0x100);
	}
	CHECK(total == SLICES / 2 + 1);
	for (int i = 0; i < SLICES; i += 2)
		CHECK(!regalloc_release_addr(ra, s[i].addr));
	CHECK(!regalloc_release_addr(ra, s[1].addr));
	CHECK(device_nr_live() == SLICES / 2 - 1);
	/* While one of two looks through a slot, its hint is down for a moment. */
	device->nr_hidden = 0;
	munmap(takers, SLICES * sizeof(*takers));
	unit_close(ra);
}
