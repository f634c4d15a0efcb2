// SPDX-License-Identifier: GPL-2.0-only
/*
 * The budget: never exceeded, never refused while there is room, common to all
 * clients and classes; and how it is set.
 */
#include "regalloc_test.h"

#include <sched.h>
#include <sys/sysinfo.h>

#define LENGTH		(256 * 1024)
#define COUNT		16		/* a region of that class */
#define NR_THREADS	16

FIXTURE(budget)
{
	struct rt_client c;
	struct rt_client other;
	uint64_t handles[1024];
	uint64_t ram;
};

FIXTURE_SETUP(budget)
{
	struct sysinfo si;

	ASSERT_TRUE(rt_begin(RT_BUDGET, RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, rt_client_open(&self->other));
	ASSERT_EQ(0, sysinfo(&si));
	self->ram = (uint64_t)si.totalram * si.mem_unit;
}

FIXTURE_TEARDOWN(budget)
{
	rt_client_close(&self->c);
	rt_client_close(&self->other);
	rt_end();
}

/* One region full of live slices of a class. */
static bool take_region(struct rt_client *c, unsigned int cls, uint64_t *h)
{
	return !rt_alloc_all(c->fd, rt_class_bytes(cls), rt_class_slices(cls),
			     h);
}

/* One region of a class without a live slice. */
static bool make_spare(struct rt_client *c, unsigned int cls)
{
	uint64_t h = rt_alloc_one(c->fd, rt_class_bytes(cls));

	return h && !rt_release_one(c->fd, h);
}

static uint64_t spare_of(struct rt_client *c)
{
	struct regalloc_ioc_stats s;

	if (rt_stats(c->fd, &s))
		rt_die("no statistics");
	return s.spare_bytes;
}

TEST_F(budget, good_values)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "67108864", 64 * RT_MIB },
		{ "67108864\n", 64 * RT_MIB },
		{ "65536K", 64 * RT_MIB },
		{ "65536k\n", 64 * RT_MIB },
		{ "96M", 96 * RT_MIB },
		{ "96m\n", 96 * RT_MIB },
		{ "1G", 1024 * RT_MIB },
		{ "2g\n", 2048 * RT_MIB },
	};
	static const unsigned int percents[] = { 1, 25, 50, 100 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, rt_param_set("budget", good[i].text)) {
			TH_LOG("'%s'", good[i].text);
		}
		EXPECT_EQ(good[i].bytes, rt_stat("budget_bytes")) {
			TH_LOG("'%s'", good[i].text);
		}
	}
	for (i = 0; i < ARRAY_SIZE(percents); i++) {
		uint64_t want = self->ram * percents[i] / 100;
		char text[16];

		snprintf(text, sizeof(text), "%u%%%s", percents[i],
			 i % 2 ? "\n" : "");
		EXPECT_EQ(0, rt_param_set("budget", text));
		EXPECT_LE(rt_stat("budget_bytes"), want);
		EXPECT_LE(want, rt_stat("budget_bytes") + RT_REGION);
	}
}

TEST_F(budget, bad_values)
{
	static const char * const bad[] = {
		"\n", "abc", "12X", "1GG", "0", "0\n", "0K", "0%", "101%",
		"100000%", "-1", "-64M", "99999999999G", "18446744073709551615",
		"18446744073709551616", "18446744073709551616K",
		"17179869184G", "17592186044417M", "1.5G", "64M 64M", "64M\n\n",
		"64MB", "%", "%25", "25%%", "25%M", "G", " ", "64 M",
		"999999999999999999999999999999",
		"18446744073709551616%", "184467440737095517%",
	};
	char before[64], after[64], text[64];
	size_t i;

	ASSERT_EQ(0, rt_param_set("budget", "160M"));
	ASSERT_EQ(0, rt_param_get("budget", before, sizeof(before)));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, rt_param_set("budget", bad[i])) {
			TH_LOG("'%s'", bad[i]);
		}
		EXPECT_EQ(160 * RT_MIB, rt_stat("budget_bytes")) {
			TH_LOG("'%s'", bad[i]);
		}
	}
	/* More than the machine has. */
	snprintf(text, sizeof(text), "%" PRIu64, self->ram + 4096);
	EXPECT_EQ(-EINVAL, rt_param_set("budget", text));
	snprintf(text, sizeof(text), "%" PRIu64 "G", (self->ram >> 30) + 1);
	EXPECT_EQ(-EINVAL, rt_param_set("budget", text));
	EXPECT_EQ(160 * RT_MIB, rt_stat("budget_bytes"));
	ASSERT_EQ(0, rt_param_get("budget", after, sizeof(after)));
	EXPECT_STREQ(before, after);
}

TEST_F(budget, bad_decay_values)
{
	static const char * const bad[] = {
		"\n", "abc", "-1", "1s", "1.5", "99999999999999999999",
	};
	char before[64], after[64];
	size_t i;

	ASSERT_EQ(0, rt_param_get("decay_ms", before, sizeof(before)));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_NE(0, rt_param_set("decay_ms", bad[i])) {
			TH_LOG("'%s'", bad[i]);
		}
	}
	ASSERT_EQ(0, rt_param_get("decay_ms", after, sizeof(after)));
	EXPECT_STREQ(before, after);
}

/* Own spares go first, then those of others; only then is it full. */
TEST_F(budget, own_spares_before_those_of_others)
{
	ASSERT_EQ(0, rt_param_set("budget", "12M"));
	ASSERT_TRUE(make_spare(&self->other, 0));
	ASSERT_TRUE(make_spare(&self->c, 0));
	ASSERT_TRUE(take_region(&self->c, 6, self->handles));
	ASSERT_EQ(3 * RT_REGION, rt_stat("charged_bytes"));

	ASSERT_TRUE(take_region(&self->c, 5, self->handles));
	EXPECT_EQ(0, spare_of(&self->c));
	EXPECT_EQ(RT_REGION, spare_of(&self->other));
	EXPECT_EQ(3 * RT_REGION, rt_stat("charged_bytes"));

	ASSERT_TRUE(take_region(&self->c, 4, self->handles));
	EXPECT_EQ(0, spare_of(&self->other));
	EXPECT_EQ(3 * RT_REGION, rt_stat("charged_bytes"));

	EXPECT_EQ(0, rt_alloc_one(self->c.fd, rt_class_bytes(3)));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, rt_alloc_one(self->other.fd, rt_class_bytes(3)));
	EXPECT_EQ(ENOMEM, errno);
	/* What has been released serves, as another class, too. */
	ASSERT_EQ(0, rt_release_one(self->c.fd, self->handles[7]));
	EXPECT_NE(0, rt_alloc_one(self->c.fd, rt_class_bytes(4)));
	ASSERT_EQ(0, rt_release_one(self->c.fd, self->handles[8]));
	EXPECT_NE(0, rt_alloc_one(self->other.fd, rt_class_bytes(3)));
	EXPECT_NE(0, rt_alloc_one(self->c.fd, rt_class_bytes(3)));
	EXPECT_EQ(0, rt_alloc_one(self->c.fd, rt_class_bytes(3)));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(3 * RT_REGION, rt_stat("charged_bytes"));
}

TEST_F(budget, bug14_class_shift_at_full_budget)
{
	unsigned int cls, region;

	ASSERT_EQ(0, rt_param_set("budget", "16M"));
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint64_t h[4][1024];
		uint32_t n = rt_class_slices(cls);

		/* All of the budget for each class in turn. */
		for (region = 0; region < 4; region++)
			ASSERT_TRUE(take_region(&self->c, cls, h[region]));
		EXPECT_EQ(4 * RT_REGION, rt_stat("live_bytes"));
		EXPECT_EQ(0, rt_alloc_one(self->c.fd, rt_class_bytes(cls)));
		EXPECT_EQ(ENOMEM, errno);
		for (region = 0; region < 4; region++)
			ASSERT_EQ(0, rt_release_all(self->c.fd, h[region], n));
	}
	EXPECT_EQ(4 * RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_stat("live_bytes"));
}

/* The free memory of one client serves another one, whatever the class. */
TEST_F(budget, bug14_from_client_to_client)
{
	unsigned int turn, cls;

	ASSERT_EQ(0, rt_param_set("budget", "4M"));
	for (turn = 0; turn < 3; turn++) {
		for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
			struct rt_client *c = (turn + cls) % 2 ? &self->c :
								 &self->other;

			ASSERT_TRUE(take_region(c, cls, self->handles));
			ASSERT_EQ(0, rt_release_all(c->fd, self->handles,
						    rt_class_slices(cls)));
		}
	}
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
}

TEST_F(budget, lowered_below_what_is_charged)
{
	unsigned int i;

	ASSERT_EQ(0, rt_param_set("budget", "32M"));
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(take_region(&self->c, RT_CLASS_256K,
					self->handles + i * COUNT));
	memset(rt_addr(&self->c, self->handles[0]), 0x5c, 4 * RT_REGION);
	ASSERT_TRUE(make_spare(&self->c, 0));
	ASSERT_TRUE(make_spare(&self->other, 0));
	ASSERT_EQ(6 * RT_REGION, rt_stat("charged_bytes"));

	ASSERT_EQ(0, rt_param_set("budget", "8M"));
	EXPECT_TRUE(rt_wait_until(rt_stat("charged_bytes") == 4 * RT_REGION,
				  RT_DEADLINE));
	EXPECT_EQ(4 * RT_REGION, rt_stat("live_bytes"));
	EXPECT_TRUE(rt_all_bytes(rt_addr(&self->c, self->handles[0]),
				 4 * RT_REGION, 0x5c));
	EXPECT_EQ(0, rt_alloc_one(self->c.fd, 4096));
	EXPECT_EQ(ENOMEM, errno);

	/* Room again only when it is below the new budget. */
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, 2 * COUNT));
	EXPECT_EQ(0, rt_alloc_one(self->other.fd, 4096));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(2 * RT_REGION, rt_stat("charged_bytes"));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles + 2 * COUNT,
				    COUNT));
	EXPECT_NE(0, rt_alloc_one(self->other.fd, 4096));
	EXPECT_EQ(2 * RT_REGION, rt_stat("charged_bytes"));
}

TEST_F(budget, lowered_and_raised_again)
{
	ASSERT_EQ(0, rt_param_set("budget", "4M"));
	ASSERT_TRUE(take_region(&self->c, RT_CLASS_256K, self->handles));
	EXPECT_EQ(0, rt_alloc_one(self->c.fd, LENGTH));
	EXPECT_EQ(ENOMEM, errno);
	ASSERT_EQ(0, rt_param_set("budget", "8M"));
	EXPECT_NE(0, rt_alloc_one(self->c.fd, LENGTH));
}

/* A budget that is no multiple of a region: the rest serves slice by slice. */
TEST_F(budget, rest_of_a_region)
{
	ASSERT_EQ(0, rt_param_set("budget", "10M"));
	ASSERT_TRUE(take_region(&self->c, RT_CLASS_256K, self->handles));
	ASSERT_TRUE(take_region(&self->c, RT_CLASS_256K, self->handles));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, rt_class_bytes(RT_CLASS_256K), 7,
				  self->handles));
	EXPECT_NE(0, rt_alloc_one(self->c.fd, 4096));
	EXPECT_EQ(0, rt_alloc_one(self->c.fd, rt_class_bytes(RT_CLASS_256K)));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_GE(10 * RT_MIB, rt_stat("charged_bytes"));
	EXPECT_LT(39 * RT_MIB / 4, rt_stat("charged_bytes"));
}

struct crowd {
	struct rt_client c[NR_THREADS];
	unsigned int shared;	/* all use the first client */
	unsigned int cls;
	uint32_t count;		/* slices for each thread */
	uint64_t (*h)[1024];	/* of each thread */
	unsigned int served;
	unsigned int failed;
	int odd;		/* an error that is not ENOMEM */
};

static void crowd_thread(unsigned int index, void *arg)
{
	struct crowd *crowd = arg;
	int fd = crowd->c[crowd->shared ? 0 : index].fd;
	int err;

	err = rt_alloc_all(fd, rt_class_bytes(crowd->cls), crowd->count,
			   crowd->h[index]);
	if (!err)
		rt_add(&crowd->served, 1);
	else if (err == -ENOMEM)
		rt_add(&crowd->failed, 1);
	else
		rt_store(&crowd->odd, err);
	if (err)
		crowd->h[index][0] = 0;
}

static bool crowd_open(struct crowd *crowd)
{
	unsigned int i;

	memset(crowd, 0, sizeof(*crowd));
	crowd->h = calloc(NR_THREADS, sizeof(*crowd->h));
	for (i = 0; i < NR_THREADS; i++)
		if (rt_client_open(&crowd->c[i]))
			return false;
	return crowd->h;
}

static void crowd_close(struct crowd *crowd)
{
	unsigned int i;

	for (i = 0; i < NR_THREADS; i++)
		rt_client_close(&crowd->c[i]);
	free(crowd->h);
}

static void crowd_run(struct crowd *crowd)
{
	crowd->served = 0;
	crowd->failed = 0;
	rt_threads(NR_THREADS, crowd_thread, crowd);
}

static bool crowd_release(struct crowd *crowd)
{
	unsigned int i;

	for (i = 0; i < NR_THREADS; i++) {
		int fd = crowd->c[crowd->shared ? 0 : i].fd;

		if (crowd->h[i][0] &&
		    rt_release_all(fd, crowd->h[i], crowd->count))
			return false;
	}
	return true;
}

TEST_F(budget, bug05_sixteen_threads_do_not_overshoot)
{
	struct rt_sampler sampler;
	struct crowd crowd;
	unsigned int turn;

	ASSERT_TRUE(crowd_open(&crowd));
	crowd.cls = RT_CLASS_256K;
	crowd.count = COUNT;
	ASSERT_EQ(0, rt_param_set("budget", "32M"));
	rt_sampler_start(&sampler, "charged_bytes");
	for (turn = 0; turn < 4 || turn < rt_turns(40); turn++) {
		/* By turns at once and spares that have to be closed. */
		ASSERT_EQ(0, rt_decay_set(turn % 2 ? RT_DECAY_NEVER_MS : 0));
		crowd.shared = turn & 2;
		crowd_run(&crowd);
		/* Sixteen want a region each; there is room for eight. */
		EXPECT_EQ(8, crowd.served);
		EXPECT_EQ(8, crowd.failed);
		EXPECT_EQ(0, crowd.odd);
		EXPECT_EQ(8 * RT_REGION, rt_stat("charged_bytes"));
		EXPECT_EQ(8 * RT_REGION, rt_stat("live_bytes"));
		ASSERT_TRUE(crowd_release(&crowd));
	}
	rt_sampler_stop(&sampler);
	EXPECT_EQ(8 * RT_REGION, sampler.max);
	TH_LOG("%" PRIu64 " samples", sampler.samples);
	crowd_close(&crowd);
}

/* An empty pool, room for one region, and all that are served by it come. */
TEST_F(budget, bug03_sixteen_threads_at_an_empty_pool)
{
	struct crowd crowd;
	unsigned int turn;

	ASSERT_TRUE(crowd_open(&crowd));
	crowd.shared = 1;
	ASSERT_EQ(0, rt_param_set("budget", "4M"));
	for (turn = 0; turn < rt_turns(10) * REGALLOC_NR_CLASSES; turn++) {
		crowd.cls = turn % REGALLOC_NR_CLASSES;
		crowd.count = rt_class_slices(crowd.cls) / NR_THREADS;
		crowd_run(&crowd);
		EXPECT_EQ(NR_THREADS, crowd.served) {
			TH_LOG("turn %u class %u", turn, crowd.cls);
		}
		EXPECT_EQ(0, crowd.odd);
		EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
		EXPECT_EQ(RT_REGION, rt_stat("live_bytes"));
		ASSERT_TRUE(crowd_release(&crowd));
		ASSERT_EQ(0, rt_trim(crowd.c[0].fd, NULL));
		ASSERT_EQ(0, rt_stat("charged_bytes"));
	}
	crowd_close(&crowd);
}

/*
 * The budget is all spares, of another class and partly of other clients, and
 * sixteen threads want all of it: there is room, so nobody may be refused.
 */
TEST_F(budget, bug18_no_false_refusal_with_spares)
{
	struct crowd crowd;
	unsigned int turn, i;

	ASSERT_TRUE(crowd_open(&crowd));
	ASSERT_EQ(0, rt_param_set("budget", "64M"));
	for (turn = 0; turn < 6 || turn < rt_turns(30); turn++) {
		/* Sixteen regions of spares: own ones, others', or both. */
		for (i = 0; i < NR_THREADS; i++) {
			struct rt_client *c = turn % 3 == 0 ? &crowd.c[i] :
					      turn % 3 == 1 ? &self->other :
					      i % 2 ? &self->other :
						      &crowd.c[0];

			ASSERT_TRUE(take_region(c, 5, self->handles));
			memcpy(crowd.h[i], self->handles, 32 * 8);
		}
		ASSERT_EQ(16 * RT_REGION, rt_stat("live_bytes"));
		for (i = 0; i < NR_THREADS; i++) {
			struct rt_client *c = turn % 3 == 0 ? &crowd.c[i] :
					      turn % 3 == 1 ? &self->other :
					      i % 2 ? &self->other :
						      &crowd.c[0];

			ASSERT_EQ(0, rt_release_all(c->fd, crowd.h[i], 32));
		}
		ASSERT_EQ(16 * RT_REGION, rt_stat("spare_bytes"));

		crowd.cls = RT_CLASS_256K;
		crowd.count = COUNT;
		crowd.shared = turn & 1;
		crowd_run(&crowd);
		EXPECT_EQ(NR_THREADS, crowd.served) {
			TH_LOG("turn %u", turn);
		}
		EXPECT_EQ(0, crowd.odd);
		EXPECT_EQ(16 * RT_REGION, rt_stat("charged_bytes"));
		ASSERT_TRUE(crowd_release(&crowd));
		for (i = 0; i < NR_THREADS; i++)
			ASSERT_EQ(0, rt_trim(crowd.c[i].fd, NULL));
		ASSERT_EQ(0, rt_stat("charged_bytes"));
	}
	crowd_close(&crowd);
}

/* One slice each, given and taken: a thread always finds the one that is its. */
static void churn_thread(unsigned int index, void *arg)
{
	struct crowd *crowd = arg;
	unsigned int turn;

	for (turn = 0; turn < rt_turns(200); turn++) {
		uint64_t h = rt_alloc_one(crowd->c[0].fd, LENGTH);

		if (!h) {
			rt_add(&crowd->failed, 1);
			continue;
		}
		rt_add(&crowd->served, 1);
		if (rt_release_one(crowd->c[0].fd, h))
			rt_store(&crowd->odd, 1);
	}
}

/*
 * Sixteen threads, sixteen slices, one region, which opens and closes all the
 * time: never is more wanted than there is (no false alarm while it seals).
 */
TEST_F(budget, bug18_no_false_refusal_while_sealing)
{
	struct crowd crowd;

	ASSERT_TRUE(crowd_open(&crowd));
	ASSERT_EQ(0, rt_param_set("budget", "4M"));
	ASSERT_EQ(0, rt_decay_set(0));
	rt_threads(NR_THREADS, churn_thread, &crowd);
	EXPECT_EQ(0, crowd.failed);
	EXPECT_EQ(0, crowd.odd);
	EXPECT_EQ(NR_THREADS * rt_turns(200), crowd.served);
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	crowd_close(&crowd);
}

/* More threads than slices: each tries until it has had its turns. */
static void queue_thread(unsigned int index, void *arg)
{
	struct crowd *crowd = arg;
	unsigned int turns = 0;

	while (turns < 20 && !rt_load(&crowd->odd)) {
		uint64_t h = rt_alloc_one(crowd->c[0].fd, LENGTH);

		if (!h) {
			sched_yield();
			continue;
		}
		sched_yield();
		if (rt_release_one(crowd->c[0].fd, h))
			rt_store(&crowd->odd, 1);
		turns++;
	}
	if (turns == 20)
		rt_add(&crowd->served, 1);
}

/*
 * Nobody waits in the kernel yet; but who asks again and again must not starve
 * while others take and give. One who does hangs the test.
 */
TEST_F(budget, bug17_everybody_gets_his_turns)
{
	struct crowd crowd;

	ASSERT_TRUE(crowd_open(&crowd));
	ASSERT_EQ(0, rt_param_set("budget", "4M"));
	rt_threads(3 * NR_THREADS, queue_thread, &crowd);
	EXPECT_EQ(0, crowd.odd);
	EXPECT_EQ(3 * NR_THREADS, crowd.served);
	EXPECT_EQ(0, rt_stat("live_bytes"));
	crowd_close(&crowd);
}

TEST_HARNESS_MAIN
