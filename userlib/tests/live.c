// SPDX-License-Identifier: MIT
/* The library with the real device. Wants a budget of 512 MiB or more. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/regalloc.h>
#include <regalloc.h>

#define NR_THREADS 8

static int failures;

#define CHECK(cond)							\
	do {								\
		if (cond)						\
			break;						\
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);	\
		printf("# %s:%d: %s\n", __func__, __LINE__, #cond);	\
	} while (0)

static uint64_t live_bytes(struct regalloc *ra)
{
	struct regalloc_stats stats = { .live_bytes = UINT64_MAX };

	CHECK(!regalloc_stats(ra, &stats));
	return stats.live_bytes;
}

static void test_open(struct regalloc *ra)
{
	struct regalloc *other = (void *)8;

	CHECK(regalloc_open("/dev/null", 0, &other) == -ENOTTY);
	CHECK(regalloc_open("/", 0, &other) == -EISDIR);
	CHECK(other == (void *)8);
	CHECK(fcntl(regalloc_fd(ra), F_GETFD) == FD_CLOEXEC);
	CHECK(live_bytes(ra) == 0);
}

/* Every class: rounding, alignment, zeroing, both ways to release. */
static void test_classes(struct regalloc *ra)
{
	for (uint64_t bytes = 4096; bytes <= 256 * 1024; bytes *= 2) {
		struct regalloc_slice a, b;

		CHECK(!regalloc_alloc(ra, bytes / 2 + 1, 0, &a));
		CHECK(a.bytes == bytes && !((uintptr_t)a.addr % bytes));
		memset(a.addr, 0x5a, bytes);
		CHECK(!regalloc_zero(ra, a.handle));
		CHECK(!*(char *)a.addr && !((char *)a.addr)[bytes - 1]);

		memset(a.addr, 0x5a, bytes);
		CHECK(!regalloc_release_addr(ra, a.addr));
		CHECK(regalloc_release_addr(ra, a.addr) == -ESTALE);
		CHECK(regalloc_release(ra, a.handle) == -ESTALE);
		CHECK(regalloc_zero(ra, a.handle) == -ESTALE);
		CHECK(!regalloc_alloc(ra, bytes, REGALLOC_ALLOC_F_ZERO, &b));
		CHECK(b.handle != a.handle);
		CHECK(!*(char *)b.addr && !((char *)b.addr)[bytes - 1]);
		CHECK(regalloc_release_addr(ra, (char *)b.addr + 1) == -EINVAL);
		CHECK(!regalloc_release(ra, b.handle));
	}
	CHECK(!live_bytes(ra));
}

static void test_errors(struct regalloc *ra)
{
	struct regalloc_slice s;
	char on_stack;

	CHECK(regalloc_alloc(ra, 0, 0, &s) == -EINVAL);
	CHECK(regalloc_alloc(ra, 262145, 0, &s) == -EINVAL);
	CHECK(regalloc_alloc(ra, UINT64_MAX, 0, &s) == -EINVAL);
	CHECK(regalloc_alloc(ra, 1, 2, &s) == -EINVAL);
	CHECK(regalloc_release(ra, 0) == -ENOENT);
	CHECK(regalloc_release(ra, UINT64_MAX) == -ENOENT);
	CHECK(regalloc_zero(ra, UINT64_MAX) == -ENOENT);
	CHECK(regalloc_release_addr(ra, &on_stack) == -ENOENT);
	CHECK(!regalloc_trim(ra));
}

/* More than one ioctl takes. */
static void test_many(struct regalloc *ra)
{
	enum { COUNT = REGALLOC_MAX_BATCH + 5 };
	struct regalloc_slice *s = calloc(COUNT, sizeof(*s));
	uint64_t *handles = calloc(COUNT, sizeof(*handles));
	uint32_t n = 0;

	CHECK(!regalloc_alloc_many(ra, 4096, 0, COUNT, s, &n) && n == COUNT);
	for (uint32_t i = 0; i < n; i++) {
		*(uint64_t *)s[i].addr = s[i].handle;
		handles[i] = s[i].handle;
	}
	for (uint32_t i = 0; i < n; i++)
		CHECK(*(uint64_t *)s[i].addr == s[i].handle);
	CHECK(live_bytes(ra) == n * 4096UL);
	CHECK(!regalloc_release_many(ra, n, handles, &n) && n == COUNT);
	CHECK(regalloc_release_many(ra, n, handles, &n) == -ESTALE);
	CHECK(!live_bytes(ra));
	free(handles);
	free(s);
}

/* Memory, handles and the client itself are shared with a child. */
static void test_fork(struct regalloc *ra)
{
	struct regalloc_slice a, b;
	int status = -1;
	pid_t child;

	CHECK(!regalloc_alloc(ra, 65536, 0, &a));
	fflush(stdout);
	child = fork();
	if (!child) {
		int bad = regalloc_alloc(ra, 65536, 0, &b);

		*(uint64_t *)a.addr = b.handle;
		*(uint64_t *)b.addr = 4711;
		bad |= regalloc_close(ra);
		_exit(bad ? 1 : 0);
	}
	CHECK(waitpid(child, &status, 0) == child && !status);
	CHECK(live_bytes(ra) == 2 * 65536);
	CHECK(!regalloc_release(ra, *(uint64_t *)a.addr));
	CHECK(!regalloc_release_addr(ra, a.addr));
	CHECK(!live_bytes(ra));
}

static void *thread_main(void *arg)
{
	struct regalloc *ra = arg;

	for (int i = 0; i < 300; i++) {
		struct regalloc_slice s[20];
		uint32_t n = 0;

		CHECK(!regalloc_alloc_many(ra, 4096U << i % 7, 0, 20, s, &n));
		for (uint32_t j = 0; j < n; j++)
			*(uint64_t *)s[j].addr = s[j].handle;
		for (uint32_t j = 0; j < n; j++) {
			CHECK(*(uint64_t *)s[j].addr == s[j].handle);
			if (j % 2)
				CHECK(!regalloc_release(ra, s[j].handle));
			else
				CHECK(!regalloc_release_addr(ra, s[j].addr));
		}
	}
	return NULL;
}

static void test_threads(struct regalloc *ra)
{
	pthread_t threads[NR_THREADS];

	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, thread_main, ra);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK(!live_bytes(ra));
}

#define LIMIT_REGIONS 2
#define LIMIT_SLICES (LIMIT_REGIONS * 16)

/**
 * struct holder - a client at its limit, and what it holds
 * @ra: the client
 * @slices: of 256 KiB
 * @asked: how often somebody wanted memory
 * @wanted: bytes, the last time
 */
struct holder {
	struct regalloc *ra;
	struct regalloc_slice slices[LIMIT_SLICES];
	uint32_t asked;
	uint64_t wanted;
};

static void fill_to_the_limit(struct holder *h, struct regalloc *ra)
{
	uint32_t got = 0;

	*h = (struct holder){ .ra = ra };
	CHECK(!regalloc_limits(ra, 0, LIMIT_REGIONS * REGALLOC_REGION_BYTES));
	CHECK(!regalloc_alloc_many(ra, 256 * 1024, 0, LIMIT_SLICES, h->slices,
				   &got));
	CHECK(got == LIMIT_SLICES);
}

static void test_limits(struct regalloc *ra)
{
	struct regalloc_slice s;
	struct holder h;
	uint64_t wanted = 1;

	CHECK(regalloc_limits(ra, 2, 1) == -EINVAL);
	CHECK(regalloc_limits(ra, UINT64_MAX, 0) == -EBUSY);
	CHECK(!regalloc_limits(ra, REGALLOC_REGION_BYTES, 0));
	fill_to_the_limit(&h, ra);
	CHECK(regalloc_alloc(ra, 4096, 0, &s) == -ENOMEM);
	CHECK(regalloc_alloc_wait(ra, 4096, 0, 0, &s) == -ENOMEM);
	CHECK(regalloc_alloc_wait(ra, 4096, 0, 10, &s) == -ETIMEDOUT);
	/* Whoever waits at its own limit asks its own client. */
	CHECK(!regalloc_pressure(ra, &wanted) && wanted);
	CHECK(!regalloc_pressure(ra, &wanted) && !wanted);
	CHECK(!regalloc_limits(ra, 0, 0));
	CHECK(!regalloc_alloc(ra, 4096, 0, &s));
}

static __thread sigjmp_buf not_there;

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(not_there, 1);
}

/* As a program does that reads first and looks then whether it may have. */
static bool is_there(const void *addr)
{
	if (sigsetjmp(not_there, 1))
		return false;
	(void)__atomic_load_n((const char *)addr, __ATOMIC_SEQ_CST);
	return true;
}

/* Releases all that it holds. */
static void let_go(uint64_t wanted, void *arg)
{
	struct holder *h = arg;

	if (h->asked++)
		return;
	h->wanted = wanted;
	for (int i = 0; i < LIMIT_SLICES; i++)
		CHECK(!regalloc_release(h->ra, h->slices[i].handle));
	CHECK(!regalloc_trim(h->ra));
	CHECK(!is_there(h->slices[0].addr));
}

static void test_listener(struct regalloc *ra)
{
	const struct sigaction bus = { .sa_handler = on_sigbus };
	struct regalloc_listener *listener = NULL;
	struct regalloc_slice s;
	struct sigaction old;
	struct holder h;

	CHECK(!sigaction(SIGBUS, &bus, &old));
	CHECK(regalloc_listener_start(ra, NULL, NULL, &listener) == -EINVAL);
	CHECK(!regalloc_listener_stop(NULL));
	fill_to_the_limit(&h, ra);
	CHECK(!regalloc_listener_start(ra, let_go, &h, &listener));
	CHECK(!regalloc_alloc_wait(ra, 4096, 0, 20000, &s));
	CHECK(!regalloc_listener_stop(listener));
	CHECK(h.asked == 1 && h.wanted == (uint64_t)sysconf(_SC_PAGESIZE));
	CHECK(live_bytes(ra) == 4096);
	CHECK(!sigaction(SIGBUS, &old, NULL));
}

/* Two threads hand the only slice to and from, and neither looks away. */
static void *take_turns(void *arg)
{
	struct regalloc_slice s;

	for (int i = 0; i < 2000; i++) {
		CHECK(!regalloc_alloc_wait(arg, 256 * 1024, 0,
					   REGALLOC_WAIT_FOREVER, &s));
		CHECK(!regalloc_release(arg, s.handle));
	}
	return NULL;
}

static void test_wait(struct regalloc *ra)
{
	pthread_t threads[NR_THREADS];
	struct holder h;

	fill_to_the_limit(&h, ra);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, take_turns, ra);
	CHECK(!regalloc_release(ra, h.slices[7].handle));
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK(live_bytes(ra) == (LIMIT_SLICES - 1) * 256 * 1024);
}

#define DECAY "/sys/module/regalloc/parameters/decay_ms"

static void set_decay(const char *ms)
{
	int fd = open(DECAY, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, ms, strlen(ms)) == (ssize_t)strlen(ms));
	close(fd);
}

static int pairs(struct regalloc *ra, uint64_t bytes, unsigned int n)
{
	struct regalloc_slice s;
	int err = 0;

	while (!err && n--) {
		err = regalloc_alloc(ra, bytes, 0, &s);
		if (!err)
			err = regalloc_release(ra, s.handle);
	}
	return err;
}

/* 10,000 pairs where the first system call but exit kills: the child's status. */
static int pairs_in_child(struct regalloc *ra, uint64_t bytes)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		int err = pairs(ra, bytes, 2);

		if (!err)
			err = prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		if (!err)
			err = pairs(ra, bytes, 10000);
		syscall(SYS_exit, err ? 1 : 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

/*
 * Once in that time, a release tells the kernel that it was there; and once more
 * after the decay that is still under way with the old value. On a busy machine that
 * is late, and kills a child: so many children may be killed, of all.
 */
#define MOST_CALLS 2

static void test_no_system_call(struct regalloc *ra)
{
	int killed = 0, status;

	set_decay("600000");
	sleep(3);
	for (uint64_t bytes = 4096; bytes <= 256 * 1024; bytes *= 2) {
		do {
			status = pairs_in_child(ra, bytes);
		} while (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
			 killed++ < MOST_CALLS);
		CHECK(!status);
	}
	set_decay("1000");
}

static const struct {
	const char *name;
	void (*fn)(struct regalloc *ra);
} tests[] = {
	{ "open", test_open },
	{ "classes", test_classes },
	{ "errors", test_errors },
	{ "many", test_many },
	{ "fork", test_fork },
	{ "threads", test_threads },
	{ "limits", test_limits },
	{ "listener", test_listener },
	{ "wait", test_wait },
	{ "no_system_call", test_no_system_call },
	{ 0 },
};

/* Each test with a client of its own. */
int main(void)
{
	int failed = 0, i;

	printf("TAP version 13\n");
	for (i = 0; tests[i].fn; i++) {
		struct regalloc *ra = NULL;
		int err = regalloc_open(NULL, 0, &ra);

		if (err) {
			printf("Bail out! %s\n", regalloc_strerror(err));
			return EXIT_FAILURE;
		}
		failures = 0;
		tests[i].fn(ra);
		CHECK(!regalloc_close(ra));
		printf("%s %d %s\n", failures ? "not ok" : "ok", i + 1,
		       tests[i].name);
		failed += !!failures;
	}
	printf("1..%d\n", i);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
