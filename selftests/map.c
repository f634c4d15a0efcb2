// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map window costs memory only for slots that were open, and never more than
 * its share; what is not there reads as zeros.
 */
#include "regalloc_test.h"

#include <regalloc.h>
#include <sys/wait.h>

#define BUDGET		"16M"
#define REGIONS		4			/* that fit into it */
#define BOUND		(16 * RT_MIB / 64)
#define CLIENTS		6

FIXTURE(map)
{
	struct rt_client c;
	size_t page;
};

FIXTURE_SETUP(map)
{
	self->page = getpagesize();
	ASSERT_TRUE(rt_begin(BUDGET, RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, rt_client_map(&self->c));
}

FIXTURE_TEARDOWN(map)
{
	rt_client_close(&self->c);
	rt_end();
}

static uint32_t state_of(const struct rt_client *c, uint64_t handle)
{
	return rt_load(rt_state(c, REGALLOC_HANDLE_OFFSET(handle))) &
	       REGALLOC_STATE_MASK;
}

/* Whether each word of the window but those of the control page is 0. */
static bool reads_as_zeros(const uint32_t *map, uint64_t bytes, size_t page)
{
	uint64_t i;

	for (i = page / sizeof(*map); i < bytes / sizeof(*map); i++)
		if (rt_load(&map[i]))
			return false;
	return true;
}

TEST_F(map, reading_takes_no_memory)
{
	const struct regalloc_ioc_info *info = &self->c.info;
	void *populated;

	/* Neither populating does, and it fills no page tables. */
	EXPECT_EQ(-1, mlock(self->c.map, info->map_bytes));
	munlock(self->c.map, info->map_bytes);
	populated = mmap(NULL, info->map_bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE, self->c.fd,
			 info->map_offset);
	ASSERT_NE(MAP_FAILED, populated);
	EXPECT_GE(self->page / 1024, rt_smaps_kb(populated, "Rss"));
	munmap(populated, info->map_bytes);
	EXPECT_TRUE(reads_as_zeros(self->c.map, info->map_bytes, self->page));
	/* The control page and one of zeros, however much is read. */
	EXPECT_EQ(2 * self->page, rt_stat("map_bytes"));
}

/* A program that locks all of its memory, and then becomes a client. */
static int locked_client(void)
{
	struct regalloc_slice slice;
	struct regalloc *ra;
	uint64_t before = rt_stat("map_bytes"), page = getpagesize();

	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return 1;
	if (regalloc_open(NULL, 0, &ra))
		return 2;
	if (rt_stat("map_bytes") > before + 2 * page)
		return 3;
	if (regalloc_alloc(ra, 65536, 0, &slice))
		return 4;
	memset(slice.addr, 1, slice.bytes);
	if (rt_stat("map_bytes") > before + 4 * page)
		return 5;
	return regalloc_release(ra, slice.handle) || regalloc_close(ra) ? 6 : 0;
}

TEST_F(map, mlockall)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(locked_client());
	EXPECT_EQ(0, rt_child_status(pid));
}

TEST_F(map, nothing_is_written_where_nothing_was_open)
{
	uint64_t at;

	for (at = self->page; at < self->c.info.map_bytes; at += self->page) {
		/* After a read and before one: the page of zeros stays so. */
		if (at / self->page % 2)
			EXPECT_EQ(0, rt_load(&self->c.map[at / 4]));
		ASSERT_EQ(SIGBUS, rt_poke_word(&self->c.map[at / 4], 1));
	}
	EXPECT_TRUE(reads_as_zeros(self->c.map, self->c.info.map_bytes,
				   self->page));
	EXPECT_EQ(2 * self->page, rt_stat("map_bytes"));
}

/* A mapping that has read zeros sees what comes there. */
TEST_F(map, zeros_give_way)
{
	const struct regalloc_ioc_info *info = &self->c.info;
	uint32_t *second;
	uint64_t handle;

	second = mmap(NULL, info->map_bytes, PROT_READ, MAP_SHARED, self->c.fd,
		      info->map_offset);
	ASSERT_NE(MAP_FAILED, second);
	EXPECT_TRUE(reads_as_zeros(second, info->map_bytes, self->page));
	EXPECT_TRUE(reads_as_zeros(self->c.map, info->map_bytes, self->page));
	handle = rt_alloc_one(self->c.fd, 4096);
	ASSERT_NE(0, handle);
	EXPECT_EQ(REGALLOC_STATE_LIVE, state_of(&self->c, handle));
	EXPECT_EQ(rt_load(rt_state(&self->c, REGALLOC_HANDLE_OFFSET(handle))),
		  rt_load(second + (rt_state(&self->c,
					     REGALLOC_HANDLE_OFFSET(handle)) -
				    self->c.map)));
	/* It can be written now, too. */
	EXPECT_TRUE(rt_release_in_map(&self->c, handle));
	munmap(second, info->map_bytes);
}

/* Threads that read the words of a slot all the time while it opens. */
struct reading {
	struct rt_client *c;
	uint64_t handle;
	unsigned int wrong;
	bool stop;
};

static void read_or_open(unsigned int index, void *arg)
{
	struct reading *r = arg;
	uint32_t *word = rt_state(r->c, RT_CLASS_256K * r->c->info.span_bytes);
	void *page = (void *)((uintptr_t)word & -(uintptr_t)getpagesize());

	if (!index) {
		usleep(rand() % 500);
		r->handle = rt_alloc_one(r->c->fd, 256 * 1024);
		rt_store(&r->stop, true);
		return;
	}
	while (!rt_load(&r->stop)) {
		rt_load(word);
		madvise(page, getpagesize(), MADV_DONTNEED);
		rt_load(word);
	}
}

TEST_F_TIMEOUT(map, zeros_do_not_stay, 300)
{
	struct reading r = { .c = &self->c };
	unsigned int turn;

	for (turn = 0; turn < rt_turns(300); turn++) {
		r.stop = false;
		rt_threads(2, read_or_open, &r);
		ASSERT_NE(0, r.handle);
		r.wrong += state_of(&self->c, r.handle) != REGALLOC_STATE_LIVE;
		/* A slot is new only once in the life of a client. */
		rt_client_close(&self->c);
		ASSERT_EQ(0, rt_client_open(&self->c));
		ASSERT_EQ(0, rt_client_map(&self->c));
	}
	EXPECT_EQ(0, r.wrong);
}

/* Open as many slots as there can be, class by class, and close them again. */
static bool open_all_slots(const struct rt_client *c, uint64_t *first)
{
	static uint64_t handles[REGIONS * 1024];
	unsigned int cls, count;

	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		count = REGIONS * rt_class_slices(cls);
		if (rt_alloc_all(c->fd, rt_class_bytes(cls), count, handles))
			return false;
		first[cls] = handles[0];
		if (rt_release_all(c->fd, handles, count) ||
		    rt_trim(c->fd, NULL))
			return false;
	}
	return true;
}

TEST_F_TIMEOUT(map, bounded, 300)
{
	const uint64_t own = 2 * (CLIENTS + 1) * self->page;
	static uint64_t handles[CLIENTS][REGALLOC_NR_CLASSES];
	struct rt_client clients[CLIENTS];
	unsigned int i, cls;
	uint64_t again;

	for (i = 0; i < CLIENTS; i++) {
		ASSERT_EQ(0, rt_client_open(&clients[i]));
		ASSERT_EQ(0, rt_client_map(&clients[i]));
		ASSERT_TRUE(open_all_slots(&clients[i], handles[i]));
		EXPECT_GE(BOUND + own, rt_stat("map_bytes"));
	}
	/* That was more than there may be, so that some had to go. */
	EXPECT_LT(BOUND, REGIONS * REGALLOC_NR_CLASSES * CLIENTS * 4096UL);
	for (i = 0; i < CLIENTS; i++) {
		for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
			uint64_t old = handles[i][cls];

			EXPECT_EQ(-ESTALE, rt_release_one(clients[i].fd, old));
			EXPECT_EQ(-ESTALE, rt_zero(clients[i].fd, old));
			EXPECT_EQ(-ENOENT,
				  rt_release_one(clients[i].fd, old + 1000000));
			/* The same place again: with another handle. */
			again = rt_alloc_one(clients[i].fd, rt_class_bytes(cls));
			ASSERT_NE(0, again);
			EXPECT_EQ(REGALLOC_HANDLE_OFFSET(old),
				  REGALLOC_HANDLE_OFFSET(again));
			EXPECT_LT(REGALLOC_HANDLE_GEN(old),
				  REGALLOC_HANDLE_GEN(again));
			EXPECT_EQ(-ESTALE, rt_release_one(clients[i].fd, old));
			EXPECT_EQ(0, rt_release_one(clients[i].fd, again));
			ASSERT_EQ(0, rt_trim(clients[i].fd, NULL));
		}
	}
	EXPECT_GE(BOUND + own, rt_stat("map_bytes"));
	/* A smaller budget bounds more. */
	EXPECT_EQ(0, rt_param_set("budget", "4M"));
	EXPECT_GE(BOUND / 4 + own, rt_stat("map_bytes"));
	for (i = 0; i < CLIENTS; i++)
		rt_client_close(&clients[i]);
}

/* The library gets no signal for a handle, whatever it is. */
TEST_F(map, made_up_handles)
{
	const struct regalloc_ioc_info *info = &self->c.info;
	uint64_t offset, first[REGALLOC_NR_CLASSES];
	struct regalloc_slice slice;
	struct regalloc *ra;
	unsigned int cls;

	ASSERT_EQ(0, regalloc_open(NULL, 0, &ra));
	for (offset = 0; offset < info->window_bytes; offset += RT_REGION)
		ASSERT_EQ(-ENOENT,
			  regalloc_release(ra, REGALLOC_HANDLE(offset, 1)));
	EXPECT_GE(4 * self->page, rt_stat("map_bytes"));
	ASSERT_EQ(0, regalloc_alloc(ra, 4096, 0, &slice));
	ASSERT_EQ(0, regalloc_release(ra, slice.handle));
	ASSERT_EQ(0, regalloc_trim(ra));
	/* Its page goes when others need one. */
	for (cls = 0; cls < 4; cls++) {
		rt_client_close(&self->c);
		ASSERT_EQ(0, rt_param_set("budget", cls % 2 ? BUDGET : "4M"));
		ASSERT_EQ(0, rt_client_open(&self->c));
		ASSERT_EQ(0, rt_client_map(&self->c));
	}
	ASSERT_TRUE(open_all_slots(&self->c, first));
	EXPECT_EQ(-ESTALE, regalloc_release(ra, slice.handle));
	EXPECT_EQ(-ENOENT, regalloc_release(ra, slice.handle + 1000000));
	EXPECT_EQ(0, regalloc_alloc(ra, 4096, 0, &slice));
	EXPECT_EQ(0, regalloc_release(ra, slice.handle));
	EXPECT_EQ(-ESTALE, regalloc_release(ra, slice.handle));
	EXPECT_EQ(0, regalloc_close(ra));
}

TEST_HARNESS_MAIN
