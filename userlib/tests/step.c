// SPDX-License-Identifier: MIT
/*
 * Races, one after the other: the processor stops after each instruction of a
 * call of the library, and after the first, the second, the third and so on the
 * kernel, or another thread by way of it, does something. Each outcome that
 * exists with two threads and one change by the other one is seen.
 *
 *	step [INSTRUCTIONS]
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <regalloc.h>

#include "device.h"

#define RAM		(UINT64_C(1) << 30)
#define BYTES		262144
#define SLICES		16

/* Instructions at most after which the rival comes. */
#define MOST_STEPS	150U

/* Of the processor: an exception after each instruction. */
#define TRAP_FLAG	0x100

int failures;

static struct regalloc *ra;
static struct regalloc_slice slices[SLICES], got;
static uint64_t rival_handle;
static int err, rival_err;
static unsigned int step, rival_at, most_steps = MOST_STEPS;
static bool rival_came;
static void (*rival)(void);

/* Let the processor stop after each instruction, or no longer. */
static void step_on(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "pushfq\n\t"
			 "orq %0, (%%rsp)\n\t"
			 "popfq\n\t"
			 "lea 128(%%rsp), %%rsp"
			 : : "i" (TRAP_FLAG) : "cc", "memory");
}

static void step_off(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "pushfq\n\t"
			 "andq %0, (%%rsp)\n\t"
			 "popfq\n\t"
			 "lea 128(%%rsp), %%rsp"
			 : : "i" (~TRAP_FLAG) : "cc", "memory");
}

/* The rival waits while we have the kernel's lock. Then all can run freely. */
static void on_step(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	if (++step < rival_at || pthread_mutex_trylock(&device->lock))
		return;
	pthread_mutex_unlock(&device->lock);
	uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	rival_came = true;
	rival();
}

static void op_release(void)
{
	err = regalloc_release(ra, slices[0].handle);
}

static void op_release_addr(void)
{
	err = regalloc_release_addr(ra, slices[0].addr);
}

static void op_alloc(void)
{
	err = regalloc_alloc(ra, BYTES, 0, &got);
}

static void rival_release(void)
{
	rival_err = device_release_one(device->fd, slices[0].handle);
}

static void rival_release_other(void)
{
	rival_err = device_release_one(device->fd, slices[1].handle);
}

static void rival_alloc(void)
{
	struct regalloc_ioc_alloc arg = {
		.size = sizeof(arg),
		.length = BYTES,
		.count = 1,
		.handles = (uintptr_t)&rival_handle,
	};

	rival_err = __wrap_ioctl(device->fd, REGALLOC_IOC_ALLOC, &arg);
}

static void rival_trim(void)
{
	struct regalloc_ioc_trim arg = { .size = sizeof(arg) };

	rival_err = __wrap_ioctl(device->fd, REGALLOC_IOC_TRIM, &arg);
}

/* One of two releases has won. */
static void check_one_release(void)
{
	CHECK(!err != !rival_err);
	CHECK(!device_nr_live());
}

/* Of two who wanted the only free slice one has it. */
static void check_one_alloc(void)
{
	CHECK(!err != !rival_err);
	CHECK(device_nr_live() == SLICES);
}

static void check_usable(void)
{
	CHECK(!err && device_nr_live() == 1);
	*(uint64_t *)got.addr = got.handle;
}

/* Closed, or somebody will look at it. */
static void check_will_close(void)
{
	CHECK(!err && !device_nr_live());
	CHECK(!device->charged ||
	      !(device_control()->attention & REGALLOC_ATTENTION_ARM));
	device_decay();
	CHECK(!device->charged);
}

static void check_closed(void)
{
	CHECK(!err && !rival_err && !device->charged);
}

/* The slice that the rival released is ours, or free for all. */
static void check_not_lost(void)
{
	CHECK(!rival_err && (!err || err == -ENOMEM));
	CHECK(device_nr_live() == SLICES - !!err);
	if (err)
		CHECK(!regalloc_alloc(ra, BYTES, 0, &got));
}

/**
 * struct race - two that meet
 * @name: of the test
 * @live: slices that are live
 * @freed: how many of them the thread has released again before
 * @eager: decay_ms is 0
 * @op: what we do
 * @rival: what somebody else does meanwhile
 * @check: what must be true then
 */
static const struct race {
	const char *name;
	uint32_t live;
	uint32_t freed;
	bool eager;
	void (*op)(void);
	void (*rival)(void);
	void (*check)(void);
} races[] = {
	{ "release, release", 1, 0, false,
	  op_release, rival_release, check_one_release },
	{ "release_addr, release", 1, 0, false,
	  op_release_addr, rival_release, check_one_release },
	{ "release, release, eager", 1, 0, true,
	  op_release, rival_release, check_one_release },
	{ "alloc, alloc", SLICES - 1, 0, false,
	  op_alloc, rival_alloc, check_one_alloc },
	{ "alloc what was released, alloc", SLICES, 1, false,
	  op_alloc, rival_alloc, check_one_alloc },
	{ "alloc, close", 3, 3, false,
	  op_alloc, rival_trim, check_usable },
	{ "alloc, decay", 3, 3, false,
	  op_alloc, device_decay, check_usable },
	{ "release, close", 1, 0, false,
	  op_release, rival_trim, check_will_close },
	{ "release, decay", 1, 0, false,
	  op_release, device_decay, check_will_close },
	{ "release, release of the other, eager", 2, 0, true,
	  op_release, rival_release_other, check_closed },
	{ "alloc of nothing, release", SLICES, 0, false,
	  op_alloc, rival_release, check_not_lost },
	{ 0 },
};

/* All of them live in one region, which is all there is. */
static void prepare(const struct race *race)
{
	uint32_t n;

	device_set_eager(race->eager);
	CHECK(!regalloc_alloc_many(ra, BYTES, 0, race->live, slices, &n));
	CHECK(n == race->live);
	for (uint32_t i = 0; i < race->freed; i++)
		CHECK(!regalloc_release(ra, slices[i].handle));
	got.handle = 0;
	rival_handle = 0;
	err = 0;
	rival_err = 0;
	step = 0;
	rival_came = false;
	rival = race->rival;
}

/* Nothing is left, as in the beginning. */
static void clean(const struct race *race)
{
	for (uint32_t i = 0; i < race->live; i++)
		regalloc_release(ra, slices[i].handle);
	regalloc_release(ra, got.handle);
	regalloc_release(ra, rival_handle);
	CHECK(!device_nr_live());
	device_decay();
	CHECK(!device->charged);
}

/* Whether the rival came in time. */
static bool run_once(const struct race *race)
{
	bool came;

	prepare(race);
	step_on();
	race->op();
	step_off();
	came = rival_came;
	if (!came)
		rival();
	race->check();
	CHECK(device_hints_right());
	clean(race);
	return came;
}

static bool run_race(const struct race *race)
{
	failures = 0;
	device_reset(RAM, 1);
	CHECK(!regalloc_open(NULL, 0, &ra));
	for (rival_at = 1; rival_at <= most_steps && run_once(race); rival_at++)
		if (failures)
			break;
	if (failures)
		printf("# after %u instructions\n", rival_at);
	CHECK(rival_at > 40);
	CHECK(!regalloc_close(ra));
	return !failures;
}

int main(int argc, char **argv)
{
	struct sigaction action = {
		.sa_sigaction = on_step,
		.sa_flags = SA_SIGINFO,
	};
	bool good = true;
	int i;

	if (argc > 1)
		most_steps = strtoul(argv[1], NULL, 0);
	sigaction(SIGTRAP, &action, NULL);
	printf("TAP version 13\n");
	for (i = 0; races[i].name; i++) {
		bool ok = run_race(&races[i]);

		printf("%s %d %s # %u instructions\n", ok ? "ok" : "not ok",
		       i + 1, races[i].name, rival_at - 1);
		good = good && ok;
	}
	printf("1..%d\n", i);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
