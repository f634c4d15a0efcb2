// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever can fail, fails once: the first allocation or copy within a call, in
 * the next round the second one, and so on until a round in which nothing is
 * left to fail. A call that fails must have changed nothing, and succeed when it
 * is tried again.
 *
 * Needs a kernel with CONFIG_FAULT_INJECTION_STACKTRACE_FILTER and all kinds of
 * failures.
 */
#include "regalloc_test.h"

#include <poll.h>
#include <regalloc.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

#define DEBUGFS		"/sys/kernel/debug/"
#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define MAX_ROUNDS	20000
#define BATCH		600
#define LENGTH		(64 * 1024)
#define IN_A_REGION	(RT_REGION / LENGTH)
/* If a failure kept a waiter from being woken, he does not hang. */
#define WAIT_MS		20000
#define VIEW_BYTES	(8 * 4096)
#define VIEW_ADDRESS	(1UL << 40)

/**
 * enum scope - what is to fail
 * @IN_MODULE: allocations and copies of the module and of what it calls
 * @ALL_ALLOCATIONS: no copies, but all the kernel's allocations on the way
 * @MODULE_INIT: allocations below the call of the module's init
 */
enum scope {
	IN_MODULE,
	ALL_ALLOCATIONS,
	MODULE_INIT,
};

struct range {
	uint64_t start;
	uint64_t end;
};

struct usage {
	uint64_t live;
	uint64_t busy;
	uint64_t pinned;
	uint64_t clients;
};

FIXTURE(fail_nth)
{
	struct rt_client c;
	struct rt_client other;
	uint64_t handles[BATCH];
	uint8_t *view;
	struct regalloc *ra;
	int fd;
	int nth;
	bool done;		/* the call that waited, or was to */
	bool gave;		/* the other client, what it had */
};

FIXTURE_VARIANT(fail_nth)
{
	enum scope scope;
	void (*prepare)(FIXTURE_DATA(fail_nth) * self);
	int (*run)(FIXTURE_DATA(fail_nth) * self);
	void (*undo)(FIXTURE_DATA(fail_nth) * self);
	int error;
};

static int set(const char *kind, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", kind, name);
	return rt_write_file(path, value);
}

/* Failures of a kind "require" that a caller lies in a range, or "reject" it. */
static int set_range(const char *kind, const char *what, struct range r)
{
	char name[32], text[32];
	int err;

	snprintf(name, sizeof(name), "%s-start", what);
	snprintf(text, sizeof(text), "%" PRIu64, r.start);
	err = set(kind, name, text);
	snprintf(name, sizeof(name), "%s-end", what);
	snprintf(text, sizeof(text), "%" PRIu64, r.end);
	return err ?: set(kind, name, text);
}

static int make_ready(void)
{
	static const char * const kinds[] = {
		"failslab", "fail_page_alloc", "fail_usercopy"
	};
	int err = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		err |= set(kinds[i], "verbose", "0");
		err |= set(kinds[i], "stacktrace-depth", "32");
	}
	err |= set("failslab", "ignore-gfp-wait", "N");
	err |= set("fail_page_alloc", "ignore-gfp-wait", "N");
	err |= set("fail_page_alloc", "ignore-gfp-highmem", "N");
	err |= set("fail_page_alloc", "min-order", "0");
	return err;
}

/*
 * Where it runs next, the kernel writes into the thread's rseq area, and kills it
 * if that fails. That is no part of any call.
 */
static void do_without_rseq(void)
{
	struct rseq *area = (void *)((char *)__builtin_thread_pointer() +
				     __rseq_offset);

	if (__rseq_size &&
	    syscall(SYS_rseq, area, sizeof(*area), RSEQ_FLAG_UNREGISTER,
		    RSEQ_SIG))
		rt_die("rseq: %s", strerror(errno));
}

static uint64_t module_text(void)
{
	FILE *f = fopen("/sys/module/regalloc/sections/.text", "re");
	uint64_t start;

	if (!f || fscanf(f, "%" SCNx64, &start) != 1)
		rt_die("where is the module's text?");
	fclose(f);
	return start;
}

static struct range function_text(const char *function)
{
	struct range r = { .end = UINT64_MAX };
	FILE *f = fopen("/proc/kallsyms", "re");
	uint64_t address;
	char name[512];

	while (f && fscanf(f, "%" SCNx64 " %*c %511s%*[^\n]", &address,
			   name) == 2) {
		if (!strcmp(name, function))
			r.start = address;
		else if (r.start && address > r.start && address < r.end)
			r.end = address;
	}
	if (!r.start)
		rt_die("where is %s()?", function);
	fclose(f);
	return r;
}

static int set_scope(enum scope scope)
{
	static const struct range anywhere = { 0, UINT64_MAX };
	static const struct range nowhere = { 1, 2 };
	struct range in = anywhere;
	int err;

	if (scope == MODULE_INIT) {
		in = function_text("do_init_module");
	} else if (scope != ALL_ALLOCATIONS) {
		in.start = module_text();
		in.end = in.start +
			 rt_read_u64("/sys/module/regalloc/coresize");
	}
	err = set_range("failslab", "require", in);
	err |= set_range("fail_page_alloc", "require", in);
	err |= set_range("fail_usercopy", "require",
			 scope == IN_MODULE ? in : nowhere);
	/* It complains in the log if it fails, and none of it is ours. */
	return err | set_range("fail_page_alloc", "reject",
			       function_text("__vmalloc_node_range_noprof"));
}

static void arm(int nth, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(nth, text, len, 0) != len)
		rt_die(FAIL_NTH ": %s", strerror(errno));
}

/* Whether the failure has happened. */
static bool disarm(int nth)
{
	char text[16] = "";

	if (pread(nth, text, sizeof(text) - 1, 0) <= 0)
		rt_die(FAIL_NTH ": %s", strerror(errno));
	arm(nth, 0);
	return !strtoul(text, NULL, 10);
}

static struct usage usage_now(void)
{
	struct usage u = {
		.live = rt_stat("live_bytes"),
		.pinned = rt_stat("pinned_bytes"),
		.clients = rt_stat("nr_clients"),
	};

	u.busy = rt_stat("charged_bytes") - rt_stat("spare_bytes");
	return u;
}

static bool usage_is(const struct usage *u)
{
	struct usage now = usage_now();

	return !memcmp(&now, u, sizeof(now));
}

FIXTURE_SETUP(fail_nth)
{
	ASSERT_TRUE(rt_begin("64M", RT_DECAY_NEVER_MS));
	self->nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->nth < 0)
		SKIP(return, "no fault injection in this kernel");
	ASSERT_EQ(0, make_ready());
	do_without_rseq();
	ASSERT_EQ(0, set_scope(variant->scope));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, rt_client_map(&self->c));
	self->fd = -1;
}

FIXTURE_TEARDOWN(fail_nth)
{
	if (self->nth < 0)
		return;
	close(self->nth);
	rt_client_close(&self->c);
	rt_end();
}

/* ---- the calls ----------------------------------------------------------- */

#define CALL(name) static int name(FIXTURE_DATA(fail_nth) * self)
#define STEP(name) static void name(FIXTURE_DATA(fail_nth) * self)

STEP(nothing)
{
}

CALL(open_device)
{
	self->fd = open(RT_DEVICE, O_RDWR | O_CLOEXEC);
	return self->fd < 0 ? -errno : 0;
}

STEP(close_device)
{
	close(self->fd);
}

CALL(info)
{
	struct regalloc_ioc_info info;

	return rt_info(self->c.fd, &info);
}

CALL(alloc)
{
	return rt_alloc_all(self->c.fd, LENGTH, 1, self->handles);
}

CALL(alloc_batch)
{
	return rt_alloc_all(self->c.fd, 4096, BATCH, self->handles);
}

/*
 * If its last copy fails, which tells how many were released, then they are.
 */
static int release_count(FIXTURE_DATA(fail_nth) * self, uint32_t count)
{
	int err = rt_release_all(self->c.fd, self->handles, count);

	return err == -EFAULT && !rt_stat("live_bytes") ? 0 : err;
}

CALL(release)
{
	return release_count(self, 1);
}

CALL(release_batch)
{
	return release_count(self, BATCH);
}

STEP(prepare_one)
{
	if (alloc(self))
		rt_die("no slice");
}

STEP(prepare_batch)
{
	if (alloc_batch(self))
		rt_die("no slices");
}

STEP(undo_one)
{
	if (release(self))
		rt_die("a slice cannot be released");
}

STEP(undo_batch)
{
	if (release_batch(self))
		rt_die("slices cannot be released");
}

/* A slice with something in it beside a live one. */
STEP(prepare_dirty)
{
	if (rt_alloc_all(self->c.fd, LENGTH, 2, self->handles))
		rt_die("no slices");
	memset(rt_addr(&self->c, self->handles[0]), RT_POISON, LENGTH);
	undo_one(self);
}

CALL(alloc_zero)
{
	uint32_t got;

	return rt_alloc(self->c.fd, LENGTH, 1, REGALLOC_ALLOC_F_ZERO,
			self->handles, &got);
}

STEP(undo_dirty)
{
	if (rt_release_all(self->c.fd, self->handles, 2))
		rt_die("slices cannot be released");
}

STEP(prepare_spare)
{
	prepare_one(self);
	undo_one(self);
}

CALL(trim)
{
	return rt_trim(self->c.fd, NULL);
}

static uint32_t attention(FIXTURE_DATA(fail_nth) * self)
{
	return rt_load(&rt_control(&self->c)->attention);
}

/* The spare does not decay yet: the kernel wants to be told of it first. */
STEP(prepare_untold)
{
	prepare_spare(self);
	if (rt_decay_set(RT_DECAY_NEVER_MS) ||
	    !rt_wait_until(attention(self) & REGALLOC_ATTENTION_ARM,
			   RT_DEADLINE))
		rt_die("the kernel does not want to be told");
}

CALL(trim_arm)
{
	struct regalloc_ioc_trim t = {
		.size = sizeof(t),
		.flags = REGALLOC_TRIM_F_ARM,
	};

	if (ioctl(self->c.fd, REGALLOC_IOC_TRIM, &t))
		return -errno;
	return attention(self) & REGALLOC_ATTENTION_ARM ||
	       rt_stat("spare_bytes") != RT_REGION ? -EBADMSG : 0;
}

CALL(stats)
{
	struct regalloc_ioc_stats stats;

	return rt_stats(self->c.fd, &stats);
}

CALL(limits)
{
	return rt_limits(self->c.fd, 8 * RT_MIB, 16 * RT_MIB);
}

STEP(undo_limits)
{
	if (rt_limits(self->c.fd, 0, 0))
		rt_die("limits cannot be taken back");
}

static int read_pressure(int fd)
{
	struct regalloc_ioc_pressure p = { .size = sizeof(p) };

	return ioctl(fd, REGALLOC_IOC_PRESSURE, &p) ? -errno : 0;
}

CALL(pressure)
{
	return read_pressure(self->c.fd);
}

CALL(zero)
{
	return rt_zero(self->c.fd, self->handles[0]);
}

/* Far from everything, so that it needs page tables of its own. */
static int map_view(FIXTURE_DATA(fail_nth) * self, uint64_t offset)
{
	void *view = mmap((void *)VIEW_ADDRESS, VIEW_BYTES,
			  PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED_NOREPLACE, self->c.fd, offset);

	if (view == MAP_FAILED)
		return -errno;
	self->view = view;
	return 0;
}

CALL(map_data)
{
	return map_view(self, 0);
}

CALL(map_maps)
{
	return map_view(self, self->c.info.map_offset);
}

STEP(unmap)
{
	munmap(self->view, VIEW_BYTES);
}

STEP(prepare_data_view)
{
	prepare_one(self);
	if (map_view(self, REGALLOC_HANDLE_OFFSET(self->handles[0])))
		rt_die("no view of data");
}

STEP(undo_data_view)
{
	unmap(self);
	undo_one(self);
}

STEP(prepare_map_view)
{
	prepare_one(self);
	if (map_maps(self))
		rt_die("no view of the maps");
}

/* The kernel tries again what had no memory, and nobody gets a signal. */
CALL(touch)
{
	uint8_t byte;

	return -rt_peek(self->view, &byte);
}

CALL(unmap_the_middle)
{
	return munmap(self->view + 4096, 4096) ? -errno : 0;
}

CALL(fork_and_wait)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(0);
	return rt_child_status(pid);
}

/* Without a region yet: the first takes pages for its part of the map, too. */
STEP(prepare_new)
{
	if (rt_client_open(&self->other) || rt_client_map(&self->other))
		rt_die("no other client");
}

/* With one that is full: the second takes a node for the tree of regions. */
STEP(prepare_second)
{
	prepare_new(self);
	if (rt_alloc_all(self->other.fd, LENGTH, IN_A_REGION, self->handles))
		rt_die("no region");
}

CALL(alloc_other)
{
	return rt_alloc_all(self->other.fd, LENGTH, 1, self->handles);
}

STEP(undo_new)
{
	rt_client_close(&self->other);
}

STEP(prepare_other)
{
	prepare_new(self);
	if (rt_alloc_all(self->other.fd, LENGTH, 3, self->handles))
		rt_die("no slices");
	memset(rt_addr(&self->other, self->handles[0]), 1, LENGTH);
}

CALL(close_other)
{
	rt_client_close(&self->other);
	return 0;
}

static void fill_budget(FIXTURE_DATA(fail_nth) * self)
{
	if (rt_alloc_all(self->other.fd, LENGTH, IN_A_REGION,
			 self->handles + 1))
		rt_die("the budget is kept for nobody");
}

STEP(prepare_full)
{
	if (rt_param_set("budget", "4M") || rt_client_open(&self->other))
		rt_die("no small budget for two");
	fill_budget(self);
}

/* A client that gives all it has when it is asked. */
static void *give_when_asked(void *p)
{
	FIXTURE_DATA(fail_nth) * self = p;
	struct pollfd asked = { .fd = self->other.fd, .events = POLLPRI };

	while (!rt_load(&self->done) && !self->gave)
		self->gave = poll(&asked, 1, 10) == 1 &&
			     !read_pressure(self->other.fd) &&
			     !rt_release_all(self->other.fd, self->handles + 1,
					     IN_A_REGION);
	return NULL;
}

/* Who waits no more, with a slice or without, leaves no trace of it. */
CALL(alloc_wait)
{
	pthread_t giver;
	int err;

	self->done = false;
	self->gave = false;
	if (pthread_create(&giver, NULL, give_when_asked, self))
		rt_die("cannot start a thread");
	err = rt_alloc_wait(self->c.fd, LENGTH, WAIT_MS, self->handles);
	rt_store(&self->done, true);
	pthread_join(giver, NULL);
	if (attention(self) & ~REGALLOC_ATTENTION_ARM)
		rt_die("attention is still %x", attention(self));
	if (!err)
		return self->gave ? 0 : -EBADMSG;
	if (read_pressure(self->other.fd))
		rt_die("pressure cannot be read");
	if (self->gave)
		fill_budget(self);
	return err;
}

CALL(open_library)
{
	return regalloc_open(NULL, 0, &self->ra);
}

STEP(close_library)
{
	regalloc_close(self->ra);
}

CALL(budget)
{
	return rt_param_set("budget", "32M");
}

STEP(undo_budget)
{
	if (rt_param_set("budget", "64M"))
		rt_die("the budget cannot be set back");
}

STEP(undo_full)
{
	undo_one(self);
	rt_client_close(&self->other);
	undo_budget(self);
}

CALL(read_sysfs)
{
	char text[64];
	int fd = open(RT_SYSFS "charged_bytes", O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = read(fd, text, sizeof(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* ENOMEM and EFAULT are right in any of them; some have one error more. */
FIXTURE_VARIANT_ADD(fail_nth, open) {
	ALL_ALLOCATIONS, nothing, open_device, close_device, -ENFILE
};

FIXTURE_VARIANT_ADD(fail_nth, info) {
	IN_MODULE, nothing, info, nothing, 0
};

FIXTURE_VARIANT_ADD(fail_nth, alloc) {
	IN_MODULE, nothing, alloc, undo_one, 0
};

FIXTURE_VARIANT_ADD(fail_nth, alloc_first) {
	IN_MODULE, prepare_new, alloc_other, undo_new, 0
};

FIXTURE_VARIANT_ADD(fail_nth, alloc_second) {
	IN_MODULE, prepare_second, alloc_other, undo_new, 0
};

FIXTURE_VARIANT_ADD(fail_nth, alloc_batch) {
	IN_MODULE, nothing, alloc_batch, undo_batch, 0
};

FIXTURE_VARIANT_ADD(fail_nth, alloc_zero) {
	IN_MODULE, prepare_dirty, alloc_zero, undo_dirty, 0
};

FIXTURE_VARIANT_ADD(fail_nth, alloc_wait) {
	IN_MODULE, prepare_full, alloc_wait, undo_full, 0
};

FIXTURE_VARIANT_ADD(fail_nth, release) {
	IN_MODULE, prepare_one, release, nothing, 0
};

FIXTURE_VARIANT_ADD(fail_nth, release_batch) {
	IN_MODULE, prepare_batch, release_batch, nothing, 0
};

FIXTURE_VARIANT_ADD(fail_nth, trim) {
	IN_MODULE, prepare_spare, trim, nothing, 0
};

FIXTURE_VARIANT_ADD(fail_nth, trim_arm) {
	IN_MODULE, prepare_untold, trim_arm, nothing, 0
};

FIXTURE_VARIANT_ADD(fail_nth, stats) {
	IN_MODULE, nothing, stats, nothing, 0
};

FIXTURE_VARIANT_ADD(fail_nth, limits) {
	IN_MODULE, nothing, limits, undo_limits, 0
};

FIXTURE_VARIANT_ADD(fail_nth, pressure) {
	IN_MODULE, nothing, pressure, nothing, 0
};

FIXTURE_VARIANT_ADD(fail_nth, zero) {
	IN_MODULE, prepare_one, zero, undo_one, 0
};

FIXTURE_VARIANT_ADD(fail_nth, mmap_data) {
	ALL_ALLOCATIONS, nothing, map_data, unmap, 0
};

FIXTURE_VARIANT_ADD(fail_nth, mmap_maps) {
	ALL_ALLOCATIONS, nothing, map_maps, unmap, 0
};

FIXTURE_VARIANT_ADD(fail_nth, touch_data) {
	ALL_ALLOCATIONS, prepare_data_view, touch, undo_data_view, 0
};

FIXTURE_VARIANT_ADD(fail_nth, touch_maps) {
	ALL_ALLOCATIONS, prepare_map_view, touch, undo_data_view, 0
};

FIXTURE_VARIANT_ADD(fail_nth, munmap) {
	ALL_ALLOCATIONS, prepare_data_view, unmap_the_middle, undo_data_view, 0
};

FIXTURE_VARIANT_ADD(fail_nth, fork) {
	ALL_ALLOCATIONS, prepare_one, fork_and_wait, undo_one, -EAGAIN
};

FIXTURE_VARIANT_ADD(fail_nth, close) {
	ALL_ALLOCATIONS, prepare_other, close_other, nothing, 0
};

FIXTURE_VARIANT_ADD(fail_nth, library) {
	ALL_ALLOCATIONS, nothing, open_library, close_library, -ENFILE
};

FIXTURE_VARIANT_ADD(fail_nth, budget) {
	ALL_ALLOCATIONS, nothing, budget, undo_budget, 0
};

FIXTURE_VARIANT_ADD(fail_nth, sysfs) {
	ALL_ALLOCATIONS, nothing, read_sysfs, nothing, -ENFILE
};

TEST_F_TIMEOUT(fail_nth, each_in_turn, 600)
{
	struct usage begin = usage_now(), before;
	unsigned int n, failed = 0;
	bool injected = true;
	int err;

	for (n = 1; injected; n++) {
		ASSERT_LT(n, MAX_ROUNDS);
		variant->prepare(self);
		before = usage_now();
		arm(self->nth, n);
		err = variant->run(self);
		injected = disarm(self->nth);
		if (err) {
			ASSERT_TRUE(injected);
			EXPECT_TRUE(err == -ENOMEM || err == -EFAULT ||
				    err == variant->error) {
				TH_LOG("round %u: %s", n, strerror(-err));
			}
			EXPECT_TRUE(rt_wait_until(usage_is(&before),
						  RT_DEADLINE)) {
				TH_LOG("round %u left something", n);
			}
			failed++;
			ASSERT_EQ(0, variant->run(self)) {
				TH_LOG("again after round %u", n);
			}
		}
		variant->undo(self);
		ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
		ASSERT_TRUE(rt_wait_until(usage_is(&begin), RT_DEADLINE)) {
			TH_LOG("round %u", n);
		}
		ASSERT_EQ(0, rt_stat("spare_bytes"));
	}
	n -= 2;
	TH_LOG("%u injections, of which %u made the call fail", n, failed);
	EXPECT_LT(0, n);
}

FIXTURE(module_load)
{
};

FIXTURE_SETUP(module_load)
{
	/* The last test's processes may still be on their way out. */
	ASSERT_TRUE(rt_wait_until(!rt_module_unload(), RT_DEADLINE));
}

FIXTURE_TEARDOWN(module_load)
{
	EXPECT_EQ(0, rt_module_load(rt_module_path(), "budget=" RT_BUDGET));
}

TEST_F_TIMEOUT(module_load, each_in_turn, 600)
{
	int nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC), err;
	const char *path = rt_module_path();
	unsigned int n, failed = 0;
	bool injected = true;

	if (nth < 0)
		SKIP(return, "no fault injection in this kernel");
	ASSERT_EQ(0, make_ready());
	do_without_rseq();
	ASSERT_EQ(0, set_scope(MODULE_INIT));
	for (n = 1; injected; n++) {
		ASSERT_LT(n, MAX_ROUNDS);
		arm(nth, n);
		err = rt_module_load(path, "budget=64M");
		injected = disarm(nth);
		failed += !!err;
		if (err) {
			ASSERT_FALSE(rt_module_loaded()) {
				TH_LOG("round %u: %s", n, strerror(-err));
			}
			ASSERT_NE(0, access(RT_DEVICE, F_OK));
			ASSERT_NE(0, access(RT_DEBUGFS, F_OK));
			ASSERT_EQ(0, rt_module_load(path, "budget=64M")) {
				TH_LOG("again after round %u", n);
			}
		}
		ASSERT_EQ(0, access(RT_DEVICE, F_OK));
		ASSERT_TRUE(rt_wait_until(!rt_module_unload(), RT_DEADLINE));
	}
	close(nth);
	TH_LOG("%u injections, of which %u made the load fail", n - 2, failed);
	EXPECT_LT(2, n);
}

TEST_HARNESS_MAIN
