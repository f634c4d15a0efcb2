// SPDX-License-Identifier: GPL-2.0-only
/*
 * Those who wait for memory: for how long, what ends it, and whose turn it is.
 */
#include "regalloc_test.h"

#include <sched.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define SLICE		(256 * 1024U)
#define SLICES		16U		/* in a region of that class */
#define BUDGET_REGIONS	4U
#define BUDGET		(BUDGET_REGIONS * RT_REGION)
/* What a deadline may be missed by, in ms, the best of so many times. */
#define SLACK_MS	20
#define TRIES		100
/* Long enough for what a busy machine does meanwhile, and not without end. */
#define LONG_MS		60000
/* A need that lasts is told of again after that, and then twice that... */
#define AGAIN_MS	200

/* A thread that waits for a slice. */
struct waiter {
	const struct rt_client *c;
	uint32_t length;
	uint32_t timeout_ms;
	bool release;		/* at once, in the map */
	unsigned int *turn;	/* counts those that are done */
	unsigned int place;	/* in that order, from 1 */
	int err;
	uint64_t handle;
	uint64_t waited_ms;
	bool done;
	pid_t tid;
	pthread_t thread;
};

static void *waiter_main(void *p)
{
	struct waiter *w = p;
	uint64_t start = rt_now_ms();

	rt_store(&w->tid, syscall(SYS_gettid));
	w->err = rt_alloc_wait(w->c->fd, w->length, w->timeout_ms, &w->handle);
	w->waited_ms = rt_now_ms() - start;
	if (w->turn)
		w->place = rt_add(w->turn, 1) + 1;
	if (w->release && !w->err && !rt_release_in_map(w->c, w->handle))
		w->err = -EBADMSG;
	rt_store(&w->done, true);
	return NULL;
}

/* Whether a thread sleeps. */
static bool sleeps(pid_t tid)
{
	char path[64], line[256], *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	end = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	return end && end[1] == ' ' && end[2] == 'S';
}

/* Returns when it waits, or is done already. */
static void waiter_settle(struct waiter *w)
{
	/* Asleep in the same place for a while: elsewhere it sleeps briefly. */
	for (int seen = 0; seen < 5; usleep(1000)) {
		if (rt_load(&w->done))
			return;
		seen = rt_load(&w->tid) && sleeps(rt_load(&w->tid)) &&
		       rt_load(&rt_control(w->c)->attention) &
		       REGALLOC_ATTENTION_WAIT ? seen + 1 : 0;
	}
}

static void waiter_start(struct waiter *w)
{
	if (pthread_create(&w->thread, NULL, waiter_main, w))
		rt_die("cannot start a thread");
	waiter_settle(w);
}

static void waiter_end(struct waiter *w)
{
	pthread_join(w->thread, NULL);
}

FIXTURE(waiting)
{
	struct rt_client a;
	struct rt_client b;
	uint64_t handles[BUDGET_REGIONS * SLICES];	/* of a */
	unsigned int nr;
};

FIXTURE_SETUP(waiting)
{
	ASSERT_TRUE(rt_begin("16M", RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->a));
	ASSERT_EQ(0, rt_client_map(&self->a));
	ASSERT_EQ(0, rt_client_open(&self->b));
	ASSERT_EQ(0, rt_client_map(&self->b));
}

/* Whatever happened: when the clients are gone, everything is. */
FIXTURE_TEARDOWN(waiting)
{
	EXPECT_LE(rt_stat("peak_charged_bytes"), 3UL << 30);
	rt_client_close(&self->a);
	rt_client_close(&self->b);
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
	rt_end();
}

/* Client a takes @regions regions, all slices live. */
static bool fill(FIXTURE_DATA(waiting) * self, unsigned int regions)
{
	self->nr = regions * SLICES;
	return !rt_alloc_all(self->a.fd, SLICE, self->nr, self->handles);
}

/* ---- how long ---- */

/* How long a wait for @w->timeout_ms takes too long, the best of some. */
static uint64_t best_delay(struct waiter *w)
{
	uint64_t best = ~0ULL;
	unsigned int i;

	for (i = 0; i < TRIES && best > w->timeout_ms + SLACK_MS; i++) {
		waiter_main(w);
		if (w->waited_ms + 1 < w->timeout_ms)
			rt_die("waited %" PRIu64 " of %u ms", w->waited_ms,
			       w->timeout_ms);
		if (w->waited_ms < best)
			best = w->waited_ms;
	}
	return best > w->timeout_ms ? best - w->timeout_ms : 0;
}

TEST_F(waiting, deadline)
{
	static const uint32_t timeouts[] = { 1, 20, 100, 500 };
	struct waiter w = { .c = &self->b, .length = SLICE };
	uint64_t failures;
	size_t i;

	ASSERT_TRUE(fill(self, 4));
	for (i = 0; i < ARRAY_SIZE(timeouts); i++) {
		failures = rt_stat("alloc_failures");
		w.timeout_ms = timeouts[i];
		EXPECT_GE(SLACK_MS, best_delay(&w));
		EXPECT_EQ(-ETIMEDOUT, w.err);
		EXPECT_LT(failures, rt_stat("alloc_failures"));
	}
	EXPECT_EQ(REGALLOC_ATTENTION_ARM, rt_control(&self->a)->attention);
	EXPECT_EQ(REGALLOC_ATTENTION_ARM, rt_control(&self->b)->attention);
	w.timeout_ms = 0;
	EXPECT_GE(SLACK_MS, best_delay(&w));
	EXPECT_EQ(-ENOMEM, w.err);
}

/* A thread that does something all the time. */
struct spinner {
	struct rt_client *c;
	uint32_t length;
	uint64_t handle;
	bool stop;
};

/* Something of the client's becomes free all the time, but nothing of use. */
static void *kick(void *arg)
{
	struct spinner *s = arg;

	while (!rt_load(&s->stop)) {
		if (s->handle && rt_release_one(s->c->fd, s->handle))
			rt_die("the slice is gone");
		s->handle = rt_alloc_one(s->c->fd, s->length);
	}
	return NULL;
}

TEST_F(waiting, deadline_while_others_release)
{
	struct waiter w = {
		.c = &self->b, .length = SLICE, .timeout_ms = 200,
	};
	struct spinner s = { .c = &self->b, .length = SLICE / 2 };
	uint64_t h[2 * SLICES];
	pthread_t thread;

	ASSERT_TRUE(fill(self, 3));
	ASSERT_EQ(0, rt_alloc_all(self->b.fd, SLICE / 2, 2 * SLICES, h));
	s.handle = h[5];
	ASSERT_EQ(0, pthread_create(&thread, NULL, kick, &s));
	EXPECT_GE(SLACK_MS, best_delay(&w));
	EXPECT_EQ(-ETIMEDOUT, w.err);
	rt_store(&s.stop, true);
	pthread_join(thread, NULL);
}

/* How often a need is told of in so many milliseconds, the first time at once. */
static unsigned int times_told(uint64_t ms)
{
	uint64_t at = 0, pause = AGAIN_MS;
	unsigned int n = 1;

	while ((at += pause) <= ms) {
		pause *= 2;
		n++;
	}
	return n;
}

/* While one waits, a need that lasts is told less and less often. */
TEST_F(waiting, a_long_wait_asks_again_but_rarely)
{
	struct waiter w = {
		.c = &self->b, .length = SLICE, .timeout_ms = 5000,
	};
	unsigned int asked = 0;

	ASSERT_TRUE(fill(self, 4));
	waiter_start(&w);
	while (!rt_load(&w.done)) {
		if (rt_is_asked(self->a.fd)) {
			EXPECT_EQ(SLICE, rt_pressure(self->a.fd));
			asked++;
		}
		usleep(1000);
	}
	waiter_end(&w);
	EXPECT_EQ(-ETIMEDOUT, w.err);
	/* At 0, 0.2, 0.6, 1.4 and 3 s; a late look sees two of them as one. */
	EXPECT_GE(asked, 2);
	EXPECT_LE(asked, times_told(w.waited_ms));
}

/* Starts a wait of b, and checks that it ends well after what @_end does. */
#define CHECK_WAIT_ENDED_BY(_end)					\
({									\
	struct waiter __w = {						\
		.c = &self->b, .length = SLICE, .timeout_ms = LONG_MS,	\
	};								\
	bool __early;							\
									\
	waiter_start(&__w);						\
	__early = rt_load(&__w.done);					\
	_end;								\
	waiter_end(&__w);						\
	EXPECT_FALSE(__early);						\
	EXPECT_EQ(0, __w.err);						\
	EXPECT_GE(LONG_MS / 2, __w.waited_ms);				\
	EXPECT_EQ(0, rt_control(&self->b)->attention &			\
		     ~REGALLOC_ATTENTION_ARM);				\
	EXPECT_EQ(0, rt_control(&self->a)->attention &			\
		     ~REGALLOC_ATTENTION_ARM);				\
	__w.handle;							\
})

static bool release_all_in_map(FIXTURE_DATA(waiting) * self, unsigned int n)
{
	bool good = true;

	while (n--)
		good = rt_release_in_map(&self->a, self->handles[n]) && good;
	return good;
}

TEST_F(waiting, wait_ended_by_a_release_of_another)
{
	ASSERT_TRUE(fill(self, 4));
	CHECK_WAIT_ENDED_BY(EXPECT_EQ(0, rt_release_all(self->a.fd,
							self->handles,
							SLICES)));
	EXPECT_TRUE(rt_is_asked(self->a.fd));
}

TEST_F(waiting, wait_ended_by_a_release_of_another_in_the_map)
{
	ASSERT_TRUE(fill(self, 4));
	CHECK_WAIT_ENDED_BY(EXPECT_TRUE(release_all_in_map(self, SLICES)));
}

TEST_F(waiting, wait_ended_by_the_end_of_another)
{
	ASSERT_TRUE(fill(self, 4));
	CHECK_WAIT_ENDED_BY({
		rt_client_close(&self->a);
		ASSERT_EQ(0, rt_client_open(&self->a));
		ASSERT_EQ(0, rt_client_map(&self->a));
	});
}

TEST_F(waiting, wait_ended_by_a_larger_budget)
{
	ASSERT_TRUE(fill(self, 4));
	CHECK_WAIT_ENDED_BY(EXPECT_EQ(0, rt_param_set("budget", "20M")));
	EXPECT_EQ(BUDGET + RT_REGION, rt_stat("charged_bytes"));
}

TEST_F(waiting, wait_ended_by_a_larger_limit)
{
	ASSERT_EQ(0, rt_limits(self->b.fd, 0, SLICE - 1));
	CHECK_WAIT_ENDED_BY(EXPECT_EQ(0, rt_limits(self->b.fd, 0, RT_REGION)));
}

TEST_F(waiting, wait_ended_by_an_own_reserve)
{
	ASSERT_TRUE(fill(self, 4));
	CHECK_WAIT_ENDED_BY({
		EXPECT_EQ(0, rt_limits(self->b.fd, RT_REGION, 0));
		EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles, SLICES));
	});
}

TEST_F(waiting, wait_ended_by_a_slice_of_its_own_client)
{
	uint64_t h[SLICES];

	ASSERT_EQ(0, rt_alloc_all(self->b.fd, SLICE, SLICES, h));
	ASSERT_TRUE(fill(self, 3));
	h[0] = CHECK_WAIT_ENDED_BY(EXPECT_EQ(0, rt_release_one(self->b.fd,
							       h[0])));
	h[0] = CHECK_WAIT_ENDED_BY(EXPECT_TRUE(rt_release_in_map(&self->b,
								 h[0])));
	EXPECT_EQ(0, rt_release_all(self->b.fd, h, SLICES));
}

/* Memory of a closed region that a pipe holds is not to be had before. */
TEST_F(waiting, wait_ended_by_the_end_of_a_pin)
{
	struct iovec iov[2] = {
		{ .iov_len = 4096 }, { .iov_len = 4096 },
	};
	uint8_t page[2 * 4096];
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_TRUE(fill(self, 4));
	/* In each of its huge pages, of which all is pinned then. */
	iov[0].iov_base = rt_addr(&self->a, self->handles[0]);
	iov[1].iov_base = iov[0].iov_base + RT_REGION / 2;
	memset(iov[0].iov_base, 1, RT_REGION);
	ASSERT_EQ(2 * 4096, vmsplice(fds[1], iov, 2, 0));
	ASSERT_EQ(0, rt_release_all(self->a.fd, self->handles, SLICES));
	ASSERT_EQ(0, rt_trim(self->a.fd, NULL));
	if (!rt_has_huge_pages()) {
		close(fds[0]);
		close(fds[1]);
		SKIP(return, "no huge pages in a region");
	}
	CHECK_WAIT_ENDED_BY({
		EXPECT_EQ(2 * 4096, read(fds[0], page, sizeof(page)));
	});
	close(fds[0]);
	close(fds[1]);
}

/* One at its limit can be helped by its own client only. */
TEST_F(waiting, wait_at_the_limit)
{
	struct waiter w = {
		.c = &self->b, .length = SLICE, .timeout_ms = LONG_MS,
	};
	uint64_t h[SLICES];

	ASSERT_EQ(0, rt_limits(self->b.fd, 0, RT_REGION));
	ASSERT_EQ(0, rt_alloc_all(self->b.fd, SLICE, SLICES, h));
	waiter_start(&w);
	EXPECT_FALSE(rt_load(&w.done));
	EXPECT_TRUE(rt_is_asked(self->b.fd));
	EXPECT_FALSE(rt_is_asked(self->a.fd));
	/* It keeps no room from others. */
	EXPECT_TRUE(fill(self, 3));
	EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles, self->nr));
	EXPECT_FALSE(rt_load(&w.done));
	EXPECT_TRUE(rt_release_in_map(&self->b, h[0]));
	waiter_end(&w);
	EXPECT_EQ(0, w.err);
}

static void on_signal(int sig)
{
}

TEST_F(waiting, wait_ended_by_a_signal)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct waiter w = {
		.c = &self->b, .length = SLICE, .timeout_ms = LONG_MS,
	};

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	ASSERT_TRUE(fill(self, 4));
	waiter_start(&w);
	EXPECT_FALSE(rt_load(&w.done));
	pthread_kill(w.thread, SIGUSR1);
	waiter_end(&w);
	EXPECT_EQ(-EINTR, w.err);
	EXPECT_GE(LONG_MS / 2, w.waited_ms);
	EXPECT_EQ(REGALLOC_ATTENTION_ARM, rt_control(&self->a)->attention);
	/* Nobody waits, so nobody is in the way of who does not. */
	EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles, SLICES));
	EXPECT_NE(0, rt_alloc_one(self->b.fd, SLICE));
}

/* Sends a signal every few milliseconds until the waiter is done. */
static unsigned int bother(struct waiter *w, int sig)
{
	unsigned int sent = 0;

	while (!rt_load(&w->done)) {
		pthread_kill(w->thread, sig);
		usleep(5000);
		sent++;
	}
	return sent;
}

/* A handler that was installed with SA_RESTART does not end it, nor put it off. */
TEST_F(waiting, wait_goes_on_after_a_handler)
{
	struct sigaction sa = {
		.sa_handler = on_signal, .sa_flags = SA_RESTART,
	};
	struct waiter w = {
		.c = &self->b, .length = SLICE, .timeout_ms = 400,
	};

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	ASSERT_TRUE(fill(self, 4));
	waiter_start(&w);
	EXPECT_LT(1, bother(&w, SIGUSR1));
	waiter_end(&w);
	EXPECT_EQ(-ETIMEDOUT, w.err);
	EXPECT_LE(w.timeout_ms - 1, w.waited_ms);
	EXPECT_GE(10 * w.timeout_ms, w.waited_ms);
}

/* The first one of two is interrupted, and is still the first. */
TEST_F(waiting, place_is_kept_for_a_handler)
{
	struct sigaction sa = {
		.sa_handler = on_signal, .sa_flags = SA_RESTART,
	};
	struct waiter w[2];
	unsigned int turn = 0, i;

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	ASSERT_TRUE(fill(self, 4));
	for (i = 0; i < 2; i++) {
		w[i] = (struct waiter){
			.c = i ? &self->a : &self->b, .length = SLICE,
			.timeout_ms = LONG_MS, .turn = &turn,
		};
		waiter_start(&w[i]);
	}
	for (i = 0; i < 20; i++) {
		pthread_kill(w[0].thread, SIGUSR1);
		usleep(2000);
	}
	waiter_settle(&w[0]);
	EXPECT_EQ(0, rt_release_one(self->a.fd, self->handles[0]));
	EXPECT_TRUE(rt_wait_until(rt_load(&turn) == 1, RT_DEADLINE));
	EXPECT_EQ(0, rt_release_one(self->a.fd, self->handles[1]));
	for (i = 0; i < 2; i++) {
		waiter_end(&w[i]);
		EXPECT_EQ(0, w[i].err);
		EXPECT_EQ(i + 1, w[i].place);
	}
}

/* What runs no handler does not end it, either. */
TEST_F(waiting, wait_goes_on_after_stop_and_continue)
{
	int *err = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int i;
	uint64_t h;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, err);
	ASSERT_TRUE(fill(self, 4));
	*err = 1;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		rt_store(err, rt_alloc_wait(self->b.fd, SLICE, LONG_MS, &h));
		_exit(0);
	}
	EXPECT_TRUE(rt_wait_until(rt_load(&rt_control(&self->b)->attention) &
				  REGALLOC_ATTENTION_WAIT, RT_DEADLINE));
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(0, kill(pid, SIGSTOP));
		usleep(5000);
		EXPECT_EQ(0, kill(pid, SIGCONT));
		usleep(5000);
	}
	EXPECT_EQ(1, rt_load(err));
	EXPECT_EQ(0, rt_release_one(self->a.fd, self->handles[0]));
	EXPECT_EQ(0, rt_child_status(pid));
	EXPECT_EQ(0, rt_load(err));
	munmap(err, 4096);
}

TEST_F(waiting, killed_while_waiting)
{
	pid_t pid;

	ASSERT_TRUE(fill(self, 4));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct rt_client c;
		uint64_t h;

		if (rt_client_open(&c))
			_exit(1);
		_exit(rt_alloc_wait(c.fd, SLICE, REGALLOC_WAIT_FOREVER, &h) ?
		      2 : 3);
	}
	EXPECT_TRUE(rt_wait_until(rt_load(&rt_control(&self->a)->attention) &
				  REGALLOC_ATTENTION_CLOSE, RT_DEADLINE));
	EXPECT_EQ(0, rt_alloc_one(self->b.fd, SLICE));
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, rt_child_status(pid));
	EXPECT_TRUE(rt_wait_until(rt_stat("nr_clients") == 2, RT_DEADLINE));
	EXPECT_EQ(0, rt_control(&self->a)->attention & ~REGALLOC_ATTENTION_ARM);
	EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles, SLICES));
	EXPECT_NE(0, rt_alloc_one(self->b.fd, SLICE));
}

TEST_F(waiting, closed_while_waiting)
{
	struct waiter w = { .length = SLICE, .timeout_ms = 5000 };
	struct rt_client c;

	ASSERT_TRUE(fill(self, 4));
	ASSERT_EQ(0, rt_client_open(&c));
	ASSERT_EQ(0, rt_client_map(&c));
	w.c = &c;
	waiter_start(&w);
	EXPECT_FALSE(rt_load(&w.done));
	close(c.fd);
	c.fd = -1;
	waiter_end(&w);
	EXPECT_EQ(-ETIMEDOUT, w.err);
	rt_client_close(&c);
	EXPECT_EQ(2, rt_stat("nr_clients"));
	EXPECT_EQ(REGALLOC_ATTENTION_ARM, rt_control(&self->a)->attention);
}

/* ---- in order ---- */

TEST_F(waiting, first_come_first_served)
{
	enum { N = 8 };
	struct waiter w[N] = {};
	unsigned int turn = 0, i;

	ASSERT_TRUE(fill(self, 4));
	for (i = 0; i < N; i++) {
		w[i] = (struct waiter){
			.c = &self->a, .length = SLICE, .timeout_ms = LONG_MS,
			.turn = &turn,
		};
		waiter_start(&w[i]);
		EXPECT_FALSE(rt_load(&w[i].done));
	}
	for (i = 0; i < N; i++) {
		if (i % 2) {
			EXPECT_EQ(0, rt_release_one(self->a.fd,
						    self->handles[i]));
		} else {
			EXPECT_TRUE(rt_release_in_map(&self->a,
						      self->handles[i]));
		}
		EXPECT_TRUE(rt_wait_until(rt_load(&turn) == i + 1, RT_DEADLINE));
	}
	for (i = 0; i < N; i++) {
		waiter_end(&w[i]);
		EXPECT_EQ(0, w[i].err);
		EXPECT_EQ(i + 1, w[i].place);
	}
}

/* Room belongs to who waits for it, except for what is reserved. */
TEST_F(waiting, nobody_overtakes)
{
	struct waiter w[2] = {};
	unsigned int turn = 0, i;
	uint64_t h[SLICES];
	struct rt_client c;

	ASSERT_EQ(0, rt_client_open(&c));
	ASSERT_EQ(0, rt_limits(c.fd, RT_REGION, 0));
	ASSERT_TRUE(fill(self, 3));
	for (i = 0; i < 2; i++) {
		/* Not of the same class: memory of its own for each. */
		w[i] = (struct waiter){
			.c = &self->b, .length = SLICE >> i,
			.timeout_ms = LONG_MS, .turn = &turn,
		};
		waiter_start(&w[i]);
		EXPECT_FALSE(rt_load(&w[i].done));
	}
	EXPECT_EQ(0, rt_alloc_all(c.fd, SLICE, SLICES, h));
	EXPECT_EQ(0, rt_alloc_one(c.fd, 4096));
	EXPECT_EQ(0, rt_release_one(self->a.fd, self->handles[3]));
	EXPECT_TRUE(rt_wait_until(rt_load(&turn) == 1, RT_DEADLINE));
	EXPECT_TRUE(rt_load(&w[0].done));
	EXPECT_EQ(0, rt_alloc_one(c.fd, 4096));
	EXPECT_EQ(0, rt_release_one(self->a.fd, self->handles[5]));
	for (i = 0; i < 2; i++) {
		waiter_end(&w[i]);
		EXPECT_EQ(0, w[i].err);
		EXPECT_EQ(i + 1, w[i].place);
	}
	rt_client_close(&c);
}

/* What is reserved may change its class, even if others wait for room. */
TEST_F(waiting, reserve_is_exchanged_while_others_wait)
{
	struct waiter w = {
		.c = &self->a, .length = SLICE, .timeout_ms = LONG_MS,
	};
	uint64_t h[2 * SLICES];

	ASSERT_EQ(0, rt_limits(self->b.fd, 2 * RT_REGION, 0));
	ASSERT_EQ(0, rt_alloc_all(self->b.fd, SLICE, 2 * SLICES, h));
	ASSERT_TRUE(fill(self, 2));
	ASSERT_EQ(0, rt_release_all(self->b.fd, h, SLICES));
	waiter_start(&w);
	EXPECT_FALSE(rt_load(&w.done));
	EXPECT_EQ(0, rt_alloc_all(self->b.fd, RT_REGION / 32, 32, h));
	/* That was all that it has. */
	EXPECT_EQ(0, rt_alloc_one(self->b.fd, 8192));
	EXPECT_FALSE(rt_load(&w.done));
	EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles, 1));
	waiter_end(&w);
	EXPECT_EQ(0, w.err);
}

/* Who waits for room, and then may have none, does not keep it from others. */
TEST_F(waiting, limit_ends_the_claim_to_room)
{
	struct waiter w = {
		.c = &self->b, .length = SLICE, .timeout_ms = LONG_MS,
	};
	uint64_t h[SLICES];
	struct rt_client c;

	ASSERT_EQ(0, rt_client_open(&c));
	ASSERT_EQ(0, rt_alloc_all(self->b.fd, SLICE, SLICES, h));
	ASSERT_TRUE(fill(self, 3));
	waiter_start(&w);
	EXPECT_TRUE(rt_load(&rt_control(&self->a)->attention) &
		    REGALLOC_ATTENTION_CLOSE);
	EXPECT_EQ(0, rt_limits(self->b.fd, 0, RT_REGION));
	EXPECT_TRUE(rt_wait_until(!(rt_load(&rt_control(&self->a)->attention) &
				    REGALLOC_ATTENTION_CLOSE), RT_DEADLINE));
	EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles, SLICES));
	EXPECT_NE(0, rt_alloc_one(c.fd, SLICE));
	EXPECT_FALSE(rt_load(&w.done));
	EXPECT_EQ(0, rt_release_one(self->b.fd, h[0]));
	waiter_end(&w);
	EXPECT_EQ(0, w.err);
	rt_client_close(&c);
}

/* Tries all the time, but does not wait. */
static void *spin(void *arg)
{
	struct spinner *s = arg;

	while (!rt_load(&s->stop) && !s->handle)
		s->handle = rt_alloc_one(s->c->fd, SLICE);
	return NULL;
}

TEST_F(waiting, who_spins_does_not_overtake)
{
	struct rt_client c;
	unsigned int turn;

	ASSERT_EQ(0, rt_client_open(&c));
	for (turn = 0; turn < rt_turns(30); turn++) {
		struct waiter w = {
			.c = &self->b, .length = SLICE, .timeout_ms = LONG_MS,
		};
		struct spinner s = { .c = &c };
		pthread_t thread;

		ASSERT_TRUE(fill(self, 4));
		waiter_start(&w);
		ASSERT_EQ(0, pthread_create(&thread, NULL, spin, &s));
		usleep(5000);
		EXPECT_EQ(0, rt_release_one(self->a.fd, self->handles[0]));
		waiter_end(&w);
		rt_store(&s.stop, true);
		pthread_join(thread, NULL);
		EXPECT_EQ(0, w.err);
		EXPECT_EQ(0, s.handle);
		if (s.handle)
			rt_release_one(c.fd, s.handle);
		EXPECT_EQ(0, rt_release_one(self->b.fd, w.handle));
		EXPECT_EQ(0, rt_release_all(self->a.fd, self->handles + 1,
					    self->nr - 1));
	}
	rt_client_close(&c);
}

TEST_F(waiting, many_waiters_for_one_slice)
{
	enum { N = 400 };
	struct waiter *w = calloc(N, sizeof(*w));
	unsigned int turn = 0, i;

	ASSERT_NE(NULL, w);
	ASSERT_TRUE(fill(self, 4));
	for (i = 0; i < N; i++) {
		w[i] = (struct waiter){
			.c = &self->a, .length = SLICE, .release = true,
			.timeout_ms = REGALLOC_WAIT_FOREVER, .turn = &turn,
		};
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, waiter_main,
					    &w[i]));
	}
	for (i = 0; i < N; i++)
		waiter_settle(&w[i]);
	EXPECT_EQ(0, rt_load(&turn));
	EXPECT_TRUE(rt_release_in_map(&self->a, self->handles[0]));
	for (i = 0; i < N; i++) {
		waiter_end(&w[i]);
		EXPECT_EQ(0, w[i].err);
	}
	EXPECT_EQ(N, turn);
	EXPECT_EQ(0, rt_control(&self->a)->attention & ~REGALLOC_ATTENTION_ARM);
	free(w);
}

/* ---- no wake-up is lost ---- */

struct crowd {
	struct rt_client *c[2];
	uint64_t lost;
	uint64_t turns;
};

/* Each holds one slice at a time; all together want more than there are. */
static void wait_and_release(unsigned int index, void *arg)
{
	struct crowd *crowd = arg;
	struct rt_client *c = crowd->c[index % 2];
	unsigned int seed = index, i;
	uint64_t h;
	int err;

	for (i = 0; i < rt_turns(300); i++) {
		err = rt_alloc_wait(c->fd, SLICE >> (index / 2 % 2),
				    REGALLOC_WAIT_FOREVER, &h);
		if (err) {
			rt_add(&crowd->lost, 1);
			continue;
		}
		rt_add(&crowd->turns, 1);
		if (rand_r(&seed) % 4 == 0)
			sched_yield();
		if (rand_r(&seed) % 4 == 0)
			err = rt_release_one(c->fd, h);
		else
			err = rt_release_in_map(c, h) ? 0 : -EBADMSG;
		if (err)
			rt_add(&crowd->lost, 1);
	}
}

TEST_F(waiting, no_wakeup_is_lost)
{
	struct crowd crowd = { .c = { &self->a, &self->b } };

	/* One region for four pools: each release matters to somebody. */
	ASSERT_EQ(0, rt_param_set("budget", "4M"));
	rt_threads(24, wait_and_release, &crowd);
	EXPECT_EQ(0, crowd.lost);
	EXPECT_EQ(24 * rt_turns(300), crowd.turns);
	EXPECT_EQ(0, rt_control(&self->a)->attention & ~REGALLOC_ATTENTION_ARM);
	EXPECT_EQ(0, rt_control(&self->b)->attention & ~REGALLOC_ATTENTION_ARM);
}

TEST_HARNESS_MAIN
