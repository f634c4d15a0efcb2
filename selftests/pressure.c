// SPDX-License-Identifier: GPL-2.0-only
/*
 * One budget and several who want it: limits and reserves, who is asked for
 * memory, and what goes when there is too little of it.
 */
#include "regalloc_test.h"

#include <sched.h>
#include <sys/prctl.h>

/* So long clients may take to release what they were asked for, and some more. */
#define ROUND_MS	300
#define SLICE		(256 * 1024U)
#define SLICES		16U		/* in a region of that class */
#define BUDGET_REGIONS	4U
#define BUDGET		(BUDGET_REGIONS * RT_REGION)

FIXTURE(pressure)
{
	struct rt_client a;
	struct rt_client b;
	uint64_t handles[BUDGET_REGIONS * SLICES];	/* of a */
	unsigned int nr;
};

FIXTURE_SETUP(pressure)
{
	ASSERT_TRUE(rt_begin("16M", RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->a));
	ASSERT_EQ(0, rt_client_map(&self->a));
	ASSERT_EQ(0, rt_client_open(&self->b));
	ASSERT_EQ(0, rt_client_map(&self->b));
}

/* Whatever happened: when the clients are gone, everything is. */
FIXTURE_TEARDOWN(pressure)
{
	EXPECT_LE(rt_stat("peak_charged_bytes"), 3UL << 30);
	rt_client_close(&self->a);
	rt_client_close(&self->b);
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
	rt_end();
}

/* Client a takes @regions regions, all slices live. */
static bool fill(FIXTURE_DATA(pressure) * self, unsigned int regions)
{
	self->nr = regions * SLICES;
	return !rt_alloc_all(self->a.fd, SLICE, self->nr, self->handles);
}

/* ---- limits ---- */

TEST_F(pressure, limits_that_cannot_be)
{
	EXPECT_EQ(-EINVAL, rt_limits(self->a.fd, 2 * RT_REGION, RT_REGION));
	EXPECT_EQ(-EINVAL, rt_limits(self->a.fd, 2, 1));
	EXPECT_EQ(-EBUSY, rt_limits(self->a.fd, BUDGET + 1, 0));
	EXPECT_EQ(-EBUSY, rt_limits(self->a.fd, ~0ULL, 0));
	EXPECT_EQ(-EBUSY, rt_limits(self->a.fd, ~0ULL, ~0ULL));
	EXPECT_EQ(0, rt_limits(self->a.fd, 3 * RT_REGION, 0));
	EXPECT_EQ(-EBUSY, rt_limits(self->b.fd, 2 * RT_REGION, 0));
	EXPECT_EQ(-EBUSY, rt_limits(self->b.fd, RT_REGION + 1, 0));
	EXPECT_EQ(0, rt_limits(self->b.fd, RT_REGION, 0));
	EXPECT_EQ(-EBUSY, rt_limits(self->a.fd, BUDGET, 0));
	/* Refused, it changed nothing: all is reserved still. */
	EXPECT_EQ(-EBUSY, rt_param_set("budget", "15M"));
	EXPECT_EQ(BUDGET, rt_stat("budget_bytes"));
	EXPECT_EQ(0, rt_limits(self->b.fd, 0, 0));
	EXPECT_EQ(0, rt_param_set("budget", "12M"));
	EXPECT_EQ(-EBUSY, rt_limits(self->b.fd, RT_REGION, 0));
	/* A client takes its reserve along. */
	rt_client_close(&self->a);
	EXPECT_EQ(0, rt_limits(self->b.fd, 3 * RT_REGION, 0));
}

TEST_F(pressure, reserve_is_always_granted)
{
	uint64_t h[2 * SLICES];

	ASSERT_EQ(0, rt_limits(self->b.fd, 2 * RT_REGION, 0));
	EXPECT_TRUE(fill(self, 2));
	EXPECT_EQ(0, rt_alloc_one(self->a.fd, SLICE));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, rt_alloc_all(self->b.fd, SLICE, 2 * SLICES, h));
	EXPECT_EQ(0, rt_alloc_one(self->b.fd, SLICE));
	EXPECT_EQ(BUDGET, rt_stat("charged_bytes"));

	/* What it gives back is kept for it, also as a spare. */
	EXPECT_EQ(0, rt_release_all(self->b.fd, h, SLICES));
	EXPECT_EQ(0, rt_alloc_one(self->a.fd, SLICE));
	EXPECT_EQ(0, rt_trim(self->b.fd, NULL));
	EXPECT_EQ(0, rt_alloc_one(self->a.fd, SLICE));
	EXPECT_EQ(0, rt_alloc_all(self->b.fd, SLICE, SLICES, h));
	EXPECT_EQ(BUDGET, rt_stat("charged_bytes"));
}

/* Takes what it can get, and gives it back, until it is killed. */
static void grab_for_ever(uint32_t length)
{
	struct rt_client c;
	uint64_t h[8 * SLICES];
	uint32_t got;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (rt_client_open(&c))
		_exit(1);
	for (;;)
		if (!rt_alloc(c.fd, length, ARRAY_SIZE(h), 0, h, &got) &&
		    rt_release_all(c.fd, h, got))
			_exit(1);
}

TEST_F(pressure, reserve_is_granted_against_who_grabs)
{
	uint64_t refused = 0, h[2 * SLICES];
	struct rt_sampler sampler;
	pid_t pids[6];
	unsigned int i;

	ASSERT_EQ(0, rt_limits(self->b.fd, 2 * RT_REGION, 0));
	rt_sampler_start(&sampler, "charged_bytes");
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			grab_for_ever(SLICE >> i);
	}
	for (i = 0; i < rt_turns(200); i++) {
		if (rt_alloc_all(self->b.fd, SLICE, 2 * SLICES, h)) {
			refused++;
			continue;
		}
		ASSERT_EQ(0, rt_release_all(self->b.fd, h, 2 * SLICES));
		ASSERT_EQ(0, rt_trim(self->b.fd, NULL));
	}
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		kill(pids[i], SIGKILL);
		EXPECT_EQ(128 + SIGKILL, rt_child_status(pids[i]));
	}
	rt_sampler_stop(&sampler);
	EXPECT_EQ(0, refused);
	/* They wanted all of it, and the reserve was in use. */
	EXPECT_EQ(BUDGET, sampler.max);
	EXPECT_LT(0, rt_stat("alloc_failures"));
}

TEST_F(pressure, reserve_of_what_others_hold)
{
	uint64_t h, all[SLICES];

	ASSERT_TRUE(fill(self, 4));
	ASSERT_EQ(0, rt_release_all(self->a.fd, self->handles, SLICES));
	/* One is a spare and goes at once; the other is asked for. */
	EXPECT_EQ(0, rt_limits(self->b.fd, 2 * RT_REGION, 0));
	EXPECT_EQ(3 * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_TRUE(rt_is_asked(self->a.fd));
	EXPECT_FALSE(rt_is_asked(self->b.fd));
	EXPECT_EQ(RT_REGION, rt_pressure(self->a.fd));
	EXPECT_EQ(0, rt_alloc_one(self->a.fd, SLICE));
	h = rt_alloc_one(self->b.fd, SLICE);
	EXPECT_NE(0, h);
	/* The rest of that region is its own. */
	EXPECT_NE(0, rt_alloc_one(self->b.fd, 4096));
	EXPECT_EQ(0, rt_alloc_all(self->b.fd, SLICE, SLICES - 2, all));
	EXPECT_EQ(0, rt_alloc_one(self->b.fd, SLICE));
	EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles + SLICES, SLICES));
	EXPECT_NE(0, rt_alloc_one(self->b.fd, SLICE));
	EXPECT_GE(BUDGET, rt_stat("charged_bytes"));
}

static void grab(unsigned int index, void *arg)
{
	struct rt_client *c = arg;

	while (rt_alloc_one(c->fd, REGALLOC_MIN_SLICE_BYTES << index % 7))
		;
}

TEST_F(pressure, limit_is_never_passed)
{
	struct regalloc_ioc_stats s;
	uint64_t h;

	ASSERT_EQ(0, rt_limits(self->a.fd, 0, 2 * RT_REGION + 5));
	h = rt_alloc_one(self->a.fd, 4096);
	ASSERT_NE(0, h);
	ASSERT_EQ(0, rt_release_one(self->a.fd, h));
	/* The spare of another class makes room. */
	EXPECT_TRUE(fill(self, 2));
	EXPECT_EQ(0, rt_alloc_one(self->a.fd, SLICE));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_FALSE(rt_is_asked(self->b.fd));
	EXPECT_EQ(2 * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles, self->nr));
	EXPECT_EQ(0, rt_trim(self->a.fd, NULL));
	rt_threads(14, grab, &self->a);
	ASSERT_EQ(0, rt_stats(self->a.fd, &s));
	EXPECT_EQ(2 * RT_REGION, s.charged_bytes);
	/* Raised, it is at once of use; lowered, it takes nothing. */
	EXPECT_EQ(0, rt_limits(self->a.fd, 0, 3 * RT_REGION));
	EXPECT_NE(0, rt_alloc_one(self->a.fd, 4096));
	EXPECT_EQ(0, rt_limits(self->a.fd, 0, 1));
	ASSERT_EQ(0, rt_stats(self->a.fd, &s));
	EXPECT_LT(2 * RT_REGION, s.charged_bytes);
	EXPECT_GE(s.live_bytes + RT_PAGE, s.charged_bytes);
}

/* What is live stays, but nothing is kept for later. */
TEST_F(pressure, lowering_the_limit_closes_spares)
{
	ASSERT_TRUE(fill(self, 3));
	ASSERT_EQ(0, rt_release_all(self->a.fd, self->handles, 2 * SLICES));
	ASSERT_EQ(3 * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_limits(self->a.fd, 0, 2 * RT_REGION));
	EXPECT_EQ(2 * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_limits(self->a.fd, 0, 1));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
}

/* ---- being asked ---- */

TEST_F(pressure, others_are_asked_once)
{
	uint32_t before = rt_control(&self->a)->pressure;
	uint64_t events = rt_stat("pressure_events"), h[2 * SLICES];
	unsigned int i;
	uint32_t got;

	EXPECT_FALSE(rt_is_asked(self->a.fd));
	EXPECT_EQ(0, rt_pressure(self->a.fd));
	ASSERT_TRUE(fill(self, 4));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(0, rt_alloc_one(self->b.fd, SLICE));
	EXPECT_TRUE(rt_is_asked(self->a.fd));
	EXPECT_FALSE(rt_is_asked(self->b.fd));
	EXPECT_EQ(before + 1, rt_load(&rt_control(&self->a)->pressure));
	EXPECT_EQ(events + 1, rt_stat("pressure_events"));
	EXPECT_EQ(SLICE, rt_pressure(self->a.fd));
	EXPECT_FALSE(rt_is_asked(self->a.fd));
	EXPECT_EQ(0, rt_pressure(self->a.fd));

	/* What has been asked for is on its way, for a while. */
	EXPECT_TRUE(rt_wait_until(!rt_alloc_one(self->b.fd, SLICE) &&
				  rt_stat("pressure_events") == events + 2,
				  RT_DEADLINE));
	/* More is wanted of one who has not looked: that is no other event. */
	EXPECT_EQ(-ENOMEM, rt_alloc(self->b.fd, SLICE, 2 * SLICES, 0, h, &got));
	EXPECT_EQ(events + 2, rt_stat("pressure_events"));
	EXPECT_EQ(before + 2, rt_load(&rt_control(&self->a)->pressure));
	EXPECT_EQ(2 * RT_REGION, rt_pressure(self->a.fd));
	/* Who has nothing to spare is not asked, and not for more than that. */
	EXPECT_EQ(0, rt_alloc_one(self->a.fd, SLICE));
	EXPECT_FALSE(rt_is_asked(self->b.fd));
	EXPECT_EQ(events + 2, rt_stat("pressure_events"));
	EXPECT_EQ(0, rt_limits(self->a.fd, BUDGET, 0));
	EXPECT_EQ(0, rt_alloc_one(self->b.fd, SLICE));
	EXPECT_FALSE(rt_is_asked(self->a.fd));
}

TEST_F(pressure, wanted_is_at_most_what_is_above_the_reserve)
{
	uint64_t h[8 * SLICES];
	uint32_t got;

	ASSERT_EQ(0, rt_limits(self->a.fd, 2 * RT_REGION, 0));
	ASSERT_TRUE(fill(self, 4));
	/* Three regions' worth in one call. */
	EXPECT_EQ(-ENOMEM, rt_alloc(self->b.fd, SLICE, 3 * SLICES, 0, h, &got));
	EXPECT_EQ(2 * RT_REGION, rt_pressure(self->a.fd));
	usleep(ROUND_MS * 1000);
	EXPECT_EQ(-ENOMEM, rt_alloc(self->b.fd, SLICE, 3 * SLICES, 0, h, &got));
	EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles, SLICES));
	EXPECT_EQ(0, rt_trim(self->a.fd, NULL));
	EXPECT_EQ(RT_REGION, rt_pressure(self->a.fd));
}

TEST_F(pressure, lowering_the_budget_asks)
{
	uint64_t events = rt_stat("pressure_events");

	ASSERT_TRUE(fill(self, 4));
	ASSERT_EQ(0, rt_release_all(self->a.fd, self->handles, SLICES));
	ASSERT_EQ(0, rt_param_set("budget", "8M"));
	EXPECT_EQ(3 * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(RT_REGION, rt_pressure(self->a.fd));
	EXPECT_EQ(events + 1, rt_stat("pressure_events"));
	EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles + SLICES, SLICES));
	EXPECT_EQ(0, rt_trim(self->a.fd, NULL));
	EXPECT_EQ(0, rt_alloc_one(self->b.fd, SLICE));
	ASSERT_EQ(0, rt_param_set("budget", "12M"));
	EXPECT_NE(0, rt_alloc_one(self->b.fd, SLICE));
}

/* ---- a shortage that is none ---- */

/* With room in the budget, nobody is told that there is none. */
struct crowd {
	struct rt_client *c;
	uint64_t refused;
};

static void alloc_once(unsigned int index, void *arg)
{
	struct crowd *crowd = arg;

	if (!rt_alloc_one(crowd->c->fd, SLICE))
		rt_add(&crowd->refused, 1);
}

TEST_F(pressure, no_false_shortage)
{
	struct crowd crowd = { .c = &self->a };
	unsigned int i;

	ASSERT_EQ(0, rt_param_set("budget", "4M"));
	for (i = 0; i < 50; i++) {
		rt_threads(16, alloc_once, &crowd);
		rt_client_close(&self->a);
		ASSERT_EQ(0, rt_client_open(&self->a));
		ASSERT_EQ(0, rt_client_map(&self->a));
	}
	EXPECT_EQ(0, crowd.refused);
}

/* ---- more than there is ---- */

#define NR_GREEDY	8

/* What those who are greedy have seen, together. */
struct greed {
	bool enough;
	uint64_t refused;
	uint64_t asked;
};

/* Allocates and releases in random bursts, with and without waiting. */
static void be_greedy(unsigned int seed, struct greed *greed)
{
	unsigned int nr = 0, n;
	uint64_t h[256];
	struct rt_client c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (rt_client_open(&c) || rt_client_map(&c))
		_exit(1);
	while (!rt_load(&greed->enough)) {
		uint32_t length = REGALLOC_MIN_SLICE_BYTES << rand_r(&seed) % 7;
		uint32_t timeout = rand_r(&seed) % 3 ? 0 : 1 + rand_r(&seed) % 30;
		bool asked = rt_is_asked(c.fd);
		int err;

		if (nr < 256) {
			err = rt_alloc_wait(c.fd, length, timeout, &h[nr]);
			if (!err)
				nr++;
			else if (err != (timeout ? -ETIMEDOUT : -ENOMEM))
				_exit(2);
			if (err)
				rt_add(&greed->refused, 1);
			else if (rt_poke(rt_addr(&c, h[nr - 1]), 1))
				_exit(3);
		}
		if (asked) {
			rt_pressure(c.fd);
			rt_add(&greed->asked, 1);
		}
		if (nr == 256 || asked || !(rand_r(&seed) % 50)) {
			for (n = rand_r(&seed) % (nr + 1); n; n--) {
				nr--;
				if (rand_r(&seed) % 2 ?
				    rt_release_one(c.fd, h[nr]) :
				    !rt_release_in_map(&c, h[nr]))
					_exit(4);
			}
		}
	}
	_exit(0);
}

/*
 * From outside: charged never grows beyond the budget. After the budget was
 * lowered it may be above for a while, but then it only becomes less. And
 * nobody is asked again who has not looked.
 */
TEST_F_TIMEOUT(pressure, never_above_the_budget, 24 * 3600)
{
	unsigned int seconds = rt_env_u32("REGALLOC_SECONDS", 5);
	static const char * const budgets[] = { "64M", "24M", "96M", "8M" };
	const uint64_t end = rt_now_ms() + seconds * 1000;
	const uint64_t latest = end + 4 * RT_DEADLINE * 1000;
	uint64_t samples = 0, above = 0, full = 0, changes = 0, last = 0;
	uint64_t next = 0, events;
	const struct sched_param fifo = { .sched_priority = 1 };
	struct greed *greed;
	pid_t pids[NR_GREEDY];
	unsigned int i;

	greed = mmap(NULL, sizeof(*greed), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, greed);
	events = rt_stat("pressure_events");
	for (i = 0; i < NR_GREEDY; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			be_greedy(i, greed);
	}
	/* 300 looks a second, whatever the others do. */
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &fifo));
	/* Where all is slow, as long as it takes to see enough of everything. */
	while (rt_now_ms() < end ||
	       (rt_now_ms() < latest &&
		!(full && rt_load(&greed->refused) &&
		  samples >= 20 * seconds && changes > 2 * seconds))) {
		uint64_t budget, now;

		if (rt_now_ms() >= next) {
			ASSERT_EQ(0, rt_param_set("budget",
						  budgets[changes++ % 4]));
			next = rt_now_ms() + 300;
			last = rt_stat("charged_bytes");
		}
		budget = rt_stat("budget_bytes");
		now = rt_stat("charged_bytes");
		above += now > budget && now > last;
		full += now == budget;
		last = now;
		samples++;
		usleep(2000);
	}
	rt_store(&greed->enough, true);
	for (i = 0; i < NR_GREEDY; i++)
		EXPECT_EQ(0, rt_child_status(pids[i]));
	events = rt_stat("pressure_events") - events;
	TH_LOG("%" PRIu64 " samples in %u s, %" PRIu64 " at the budget; %" PRIu64
	       " changes of it, %" PRIu64 " refused, %" PRIu64 " asked",
	       samples, seconds, full, changes, greed->refused, events);
	EXPECT_EQ(0, above);
	EXPECT_LE(20 * seconds, samples);
	EXPECT_LT(0, full);
	EXPECT_LT(2 * seconds, changes);
	EXPECT_LT(0, greed->refused);
	EXPECT_LE(greed->asked, events);
	EXPECT_GE(greed->asked + NR_GREEDY, events);
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
	munmap(greed, sizeof(*greed));
}

/* ---- the system is short of memory ---- */

#define SHRINK	RT_DEBUGFS "shrink"

TEST_F(pressure, shrinker)
{
	uint64_t pages = RT_REGION / RT_PAGE;

	ASSERT_TRUE(fill(self, 3));
	ASSERT_NE(0, rt_alloc_one(self->b.fd, SLICE));
	EXPECT_EQ(0, rt_write_file(SHRINK, "1000000"));
	EXPECT_EQ(BUDGET, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_read_u64(SHRINK));

	ASSERT_EQ(0, rt_release_all(self->a.fd, self->handles, SLICES));
	for (unsigned int i = SLICES; i < 2 * SLICES; i++)
		ASSERT_TRUE(rt_release_in_map(&self->a, self->handles[i]));
	EXPECT_EQ(2 * pages, rt_read_u64(SHRINK));
	EXPECT_EQ(0, rt_write_file(SHRINK, "1"));
	EXPECT_EQ(3 * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(pages, rt_read_u64(SHRINK));
	EXPECT_EQ(0, rt_write_file(SHRINK, "1000000"));
	EXPECT_EQ(2 * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_read_u64(SHRINK));
}

/* Wants more than there is, but for the spares. */
static int be_a_hog(uint64_t bytes)
{
	uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t i;

	if (p == MAP_FAILED ||
	    rt_write_file("/proc/self/oom_score_adj", "1000"))
		return 1;
	for (i = 0; i < bytes; i += 4096)
		p[i] = 1;
	return 0;
}

TEST_F(pressure, spares_go_before_anybody_is_killed)
{
	const uint64_t spares = 256, extra = spares / 2 * RT_REGION;
	uint64_t before, bytes;
	pid_t pid;

	ASSERT_EQ(0, rt_param_set("budget", "2G"));
	self->nr = 0;
	for (unsigned int i = 0; i < spares; i++) {
		uint64_t h[SLICES];

		ASSERT_EQ(0, rt_alloc_all(self->a.fd, SLICE, SLICES, h));
		memset(rt_addr(&self->a, h[0]), 1, RT_REGION);
		if (!i)
			memcpy(self->handles, h, sizeof(h));
	}
	/* All but one become spares. */
	rt_client_close(&self->b);
	for (uint64_t offset = RT_REGION; offset < spares * RT_REGION;
	     offset += SLICE) {
		uint64_t h = REGALLOC_HANDLE(6 * self->a.info.span_bytes + offset,
					     1);

		ASSERT_EQ(0, rt_release_one(self->a.fd, h));
	}
	ASSERT_EQ(spares * RT_REGION, rt_stat("charged_bytes"));
	ASSERT_EQ((spares - 1) * RT_REGION, rt_stat("spare_bytes"));

	before = rt_proc_number("/proc/vmstat", "oom_kill");
	bytes = rt_proc_number("/proc/meminfo", "MemAvailable") * 1024 + extra;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(be_a_hog(bytes));
	EXPECT_EQ(0, rt_child_status(pid));
	EXPECT_EQ(before, rt_proc_number("/proc/vmstat", "oom_kill"));
	TH_LOG("%" PRIu64 " MiB wanted, %" PRIu64 " of %" PRIu64
	       " MiB of spares given", bytes / RT_MIB,
	       spares * 4 - rt_stat("charged_bytes") / RT_MIB, spares * 4);
	EXPECT_GE(spares * RT_REGION - extra / 2, rt_stat("charged_bytes"));
	/* What is live stays. */
	EXPECT_TRUE(rt_all_bytes(rt_addr(&self->a, self->handles[0]),
				 RT_REGION, 1));
	EXPECT_LE(RT_REGION, rt_stat("charged_bytes"));
}

TEST_HARNESS_MAIN
