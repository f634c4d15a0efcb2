// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several nodes of memory: balancing between them unmaps what a task touches, to
 * see from where it does, and migrates it. Regions cannot migrate, so it should
 * leave them alone.
 */
#include "regalloc_test.h"

#include <sched.h>
#include <sys/syscall.h>
#include <linux/mempolicy.h>

#define BYTES		(16 * RT_REGION)
#define SLICE		(256 * 1024U)
#define SLICES		(BYTES / SLICE)
#define SECONDS		4
#define MOST_ROUNDS	15

#define BALANCING	"/proc/sys/kernel/numa_balancing"
#define SCAN		"/sys/kernel/debug/sched/numa_balancing/"

/* How many pages have been unmapped to see who touches them. */
static uint64_t hints(void)
{
	return rt_proc_number("/proc/vmstat", "numa_pte_updates");
}

static bool go_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

static bool has_two_nodes(void)
{
	return !access("/sys/devices/system/node/node1", F_OK) &&
	       !access("/sys/devices/system/node/node0/cpu0", F_OK) &&
	       !access("/sys/devices/system/node/node1/cpu1", F_OK);
}

/* Writes to memory on node 0, then reads it on node 1; the hints that takes. */
static uint64_t touch_from_afar(uint8_t *p, uint64_t *wrong)
{
	uint64_t before, end, i;

	if (!go_to_cpu(0))
		rt_die("no CPU 0");
	for (i = 0; i < BYTES; i += 4096)
		p[i] = 1 + i / 4096 % 250;
	if (!go_to_cpu(1))
		rt_die("no CPU 1");
	before = hints();
	for (end = rt_now_ms() + SECONDS * 1000; rt_now_ms() < end;)
		for (i = 0; i < BYTES; i += 4096)
			*wrong += p[i] != 1 + i / 4096 % 250;
	return hints() - before;
}

/* As much memory, which is gone afterwards: hints for it are counted here only. */
static uint64_t touch_other_memory(uint64_t *wrong)
{
	uint8_t *anon = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t nr;

	if (anon == MAP_FAILED)
		rt_die("no memory to compare with");
	nr = touch_from_afar(anon, wrong);
	munmap(anon, BYTES);
	return nr;
}

FIXTURE(numa)
{
	struct rt_client c;
	uint64_t handles[SLICES];
	uint8_t *window;
};

FIXTURE_SETUP(numa)
{
	if (!has_two_nodes())
		SKIP(return, "one node of memory");
	ASSERT_EQ(0, rt_write_file(BALANCING, "1"));
	ASSERT_EQ(0, rt_write_file(SCAN "scan_period_min_ms", "100"));
	ASSERT_EQ(0, rt_write_file(SCAN "scan_delay_ms", "100"));
	ASSERT_TRUE(rt_begin("1G", RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_TRUE(go_to_cpu(0));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, SLICE, SLICES, self->handles));
	self->window = rt_addr(&self->c, self->handles[0]);
	ASSERT_EQ(self->window + BYTES - SLICE,
		  rt_addr(&self->c, self->handles[SLICES - 1]));
}

FIXTURE_TEARDOWN(numa)
{
	if (!self->window)
		return;
	rt_client_close(&self->c);
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	rt_end();
}

TEST_F(numa, balancing_leaves_regions_alone)
{
	uint64_t wrong = 0, ours = 0, others = 0;
	unsigned int round;

	if (!self->window)
		return;
	/* In turn, and for as long, until it would have been seen. */
	for (round = 0; round < MOST_ROUNDS && others < BYTES / 4096; round++) {
		ours += touch_from_afar(self->window, &wrong);
		others += touch_other_memory(&wrong);
	}
	TH_LOG("%" PRIu64 " hints for slices and what else there is, %" PRIu64
	       " with as much of other memory", ours, others);
	EXPECT_EQ(0, wrong);
	/* Those of the other memory are there, so this does tell something. */
	EXPECT_LE(BYTES / 4096, others);
	EXPECT_GT(BYTES / 4096 / 2, ours);
}

TEST_F(numa, policies_change_nothing)
{
	unsigned long node1 = 2;
	uint8_t byte;

	if (!self->window)
		return;
	ASSERT_EQ(0, rt_poke(self->window, 7));
	syscall(SYS_mbind, self->window, BYTES, MPOL_BIND, &node1, 8,
		MPOL_MF_MOVE);
	EXPECT_EQ(0, rt_peek(self->window, &byte));
	EXPECT_EQ(7, byte);
	EXPECT_EQ(BYTES, rt_stat("charged_bytes"));
	syscall(SYS_migrate_pages, 0, 8, &(unsigned long){ 1 }, &node1);
	EXPECT_EQ(0, rt_peek(self->window, &byte));
	EXPECT_EQ(7, byte);
	EXPECT_EQ(BYTES, rt_stat("charged_bytes"));
}

TEST_HARNESS_MAIN
