// SPDX-License-Identifier: GPL-2.0-only
/* Helpers of the tests; see regalloc_test.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The harness defines functions that only a test program wants. */
#define __KSELFTEST_HARNESS_H
#include "regalloc_test.h"

#include <sys/syscall.h>

void rt_die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("# ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

uint64_t rt_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

uint64_t rt_proc_number(const char *path, const char *key)
{
	char line[128];
	uint64_t value = 0;
	bool found = false;
	FILE *f = fopen(path, "re");

	while (f && !found && fgets(line, sizeof(line), f)) {
		found = !strncmp(line, key, strlen(key)) &&
			strchr(": ", line[strlen(key)]);
		value = strtoull(line + strlen(key) + 1, NULL, 10);
	}
	if (!found)
		rt_die("%s: no %s", path, key);
	fclose(f);
	return value;
}

/* Parses "NUMBER\n" and nothing else: what every file of sysfs holds. */
static uint64_t parse_u64(const char *what, const char *text)
{
	char *end;
	uint64_t value;

	if (*text < '0' || *text > '9')
		rt_die("%s: not a number: '%s'", what, text);
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || strcmp(end, "\n"))
		rt_die("%s: not one number and a newline: '%s'", what, text);
	return value;
}

uint64_t rt_read_u64(const char *path)
{
	char buf[64];
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		rt_die("open %s: %s", path, strerror(errno));
	n = read(fd, buf, sizeof(buf) - 1);
	if (n < 0)
		rt_die("read %s: %s", path, strerror(errno));
	buf[n] = 0;
	close(fd);
	return parse_u64(path, buf);
}

uint64_t rt_stat(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), RT_SYSFS "%s", name);
	return rt_read_u64(path);
}

/* Returns 0 or a negative errno. */
int rt_write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;
	int fd, err = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n < 0)
		err = -errno;
	else if ((size_t)n != len)
		err = -EIO;
	close(fd);
	return err;
}

int rt_param_set(const char *name, const char *value)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/module/regalloc/parameters/%s",
		 name);
	return rt_write_file(path, value);
}

int rt_param_get(const char *name, char *buf, size_t size)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/module/regalloc/parameters/%s",
		 name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	buf[n] = 0;
	return 0;
}

int rt_decay_set(unsigned int ms)
{
	char text[16];

	snprintf(text, sizeof(text), "%u\n", ms);
	return rt_param_set("decay_ms", text);
}

const char *rt_module_path(void)
{
	const char *path = getenv("REGALLOC_KO");

	return path ? path : "/regalloc.ko";
}

int rt_module_load(const char *path, const char *args)
{
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, args, 0) ? -errno : 0;
	close(fd);
	return ret;
}

int rt_module_unload(void)
{
	return syscall(SYS_delete_module, "regalloc", O_NONBLOCK) ? -errno : 0;
}

bool rt_module_loaded(void)
{
	return !access("/sys/module/regalloc", F_OK);
}

bool rt_begin(const char *budget, unsigned int decay_ms)
{
	/* The last test's processes may still be on their way out. */
	if (!rt_wait_until(!rt_stat("nr_clients") && !rt_stat("charged_bytes"),
			   RT_DEADLINE))
		return false;
	return !rt_param_set("budget", budget) && !rt_decay_set(decay_ms);
}

void rt_end(void)
{
	rt_param_set("budget", RT_BUDGET);
	rt_decay_set(RT_DECAY_MS);
}

int rt_info(int fd, struct regalloc_ioc_info *info)
{
	memset(info, RT_POISON, sizeof(*info));
	info->size = sizeof(*info);
	info->flags = 0;
	return ioctl(fd, REGALLOC_IOC_INFO, info) ? -errno : 0;
}

/* Returns 0 or a negative errno. */
int rt_client_open(struct rt_client *c)
{
	void *base;
	int err;

	memset(c, 0, sizeof(*c));
	c->fd = open(RT_DEVICE, O_RDWR | O_CLOEXEC);
	if (c->fd < 0)
		return -errno;
	err = rt_info(c->fd, &c->info);
	if (err)
		goto fail;
	base = mmap(NULL, c->info.window_bytes, PROT_READ | PROT_WRITE,
		    MAP_SHARED, c->fd, 0);
	if (base == MAP_FAILED) {
		err = -errno;
		goto fail;
	}
	c->base = base;
	return 0;
fail:
	close(c->fd);
	c->fd = -1;
	return err;
}

/* Maps the map window. Returns 0 or a negative errno. */
int rt_client_map(struct rt_client *c)
{
	void *map;

	map = mmap(NULL, c->info.map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		   c->fd, c->info.map_offset);
	if (map == MAP_FAILED)
		return -errno;
	c->map = map;
	return 0;
}

void rt_client_close(struct rt_client *c)
{
	if (c->base)
		munmap(c->base, c->info.window_bytes);
	if (c->map)
		munmap(c->map, c->info.map_bytes);
	if (c->fd >= 0)
		close(c->fd);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

void *rt_addr(const struct rt_client *c, uint64_t handle)
{
	return c->base + REGALLOC_HANDLE_OFFSET(handle);
}

uint32_t rt_class_bytes(unsigned int cls)
{
	return REGALLOC_MIN_SLICE_BYTES << cls;
}

uint32_t rt_class_slices(unsigned int cls)
{
	return RT_REGION / rt_class_bytes(cls);
}

uint64_t rt_class_charge(unsigned int cls)
{
	return rt_class_bytes(cls) > RT_PAGE ? rt_class_bytes(cls) : RT_PAGE;
}

/* The word of the slice at @offset of the data window. */
uint32_t *rt_state(const struct rt_client *c, uint64_t offset)
{
	return c->map + c->info.state_offset / sizeof(*c->map) +
	       offset / REGALLOC_MIN_SLICE_BYTES;
}

struct regalloc_control *rt_control(const struct rt_client *c)
{
	return (struct regalloc_control *)c->map;
}

static bool any_live(const struct rt_client *c, uint64_t region)
{
	unsigned int stride = 1U << region / c->info.span_bytes, i;
	const uint32_t *first = rt_state(c, region);

	for (i = 0; i < RT_REGION / REGALLOC_MIN_SLICE_BYTES; i += stride)
		if ((rt_load(first + i) & REGALLOC_STATE_MASK) ==
		    REGALLOC_STATE_LIVE)
			return true;
	return false;
}

/* What follows a release in the region at an offset. */
static bool tell_release(const struct rt_client *c, uint64_t region)
{
	struct regalloc_hint *hint = (struct regalloc_hint *)
		((char *)c->map + c->info.hint_offset) + region / RT_REGION;
	struct regalloc_ioc_trim t = { .size = sizeof(t) };
	uint32_t attention;

	rt_store(&hint->avail, 1);
	rt_store(&hint->dirty, 1);
	attention = rt_load(&rt_control(c)->attention);
	if (!attention)
		return true;
	t.flags = REGALLOC_TRIM_F_NOTIFY;
	if (!(attention & REGALLOC_ATTENTION_WAIT) &&
	    (!(attention & REGALLOC_ATTENTION_CLOSE) || any_live(c, region))) {
		if (!(attention & REGALLOC_ATTENTION_ARM))
			return true;
		t.flags = REGALLOC_TRIM_F_ARM;
	}
	return !ioctl(c->fd, REGALLOC_IOC_TRIM, &t);
}

bool rt_release_in_map(const struct rt_client *c, uint64_t handle)
{
	uint64_t offset = REGALLOC_HANDLE_OFFSET(handle);
	uint32_t live = REGALLOC_HANDLE_GEN(handle) << REGALLOC_STATE_GEN_SHIFT |
			REGALLOC_STATE_LIVE;

	/* A word without memory reads as 0 and must not be written. */
	return rt_load(rt_state(c, offset)) == live &&
	       __atomic_compare_exchange_n(rt_state(c, offset), &live, live + 3,
					   false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST) &&
	       tell_release(c, offset / RT_REGION * RT_REGION);
}

static uint32_t class_bytes_of(uint64_t length)
{
	uint64_t bytes = REGALLOC_MIN_SLICE_BYTES;

	while (bytes < length)
		bytes *= 2;
	return bytes;
}

int rt_alloc(int fd, uint64_t length, uint32_t count, uint32_t flags,
	     uint64_t *handles, uint32_t *got)
{
	struct regalloc_ioc_alloc a = {
		.size = sizeof(a),
		.flags = flags,
		.length = length,
		.count = count,
		.handles = (uintptr_t)handles,
		.out_count = RT_POISON32,
		.out_slice_bytes = RT_POISON32,
	};
	uint32_t i;

	*got = 0;
	memset(handles, RT_POISON, count * sizeof(*handles));
	if (ioctl(fd, REGALLOC_IOC_ALLOC, &a))
		return -errno;
	if (!a.out_count || a.out_count > count)
		rt_die("ALLOC of %u: out_count %u", count, a.out_count);
	if (a.out_slice_bytes != class_bytes_of(length))
		rt_die("ALLOC of %" PRIu64 " bytes: slices of %u", length,
		       a.out_slice_bytes);
	for (i = 0; i < a.out_count; i++)
		if (!handles[i] || handles[i] == RT_POISON64)
			rt_die("ALLOC: handle %u of %u is %" PRIx64, i,
			       a.out_count, handles[i]);
	for (; i < count; i++)
		if (handles[i] != RT_POISON64)
			rt_die("ALLOC wrote handle %u, out_count %u", i,
			       a.out_count);
	*got = a.out_count;
	return 0;
}

/* Returns a handle; or 0, and errno says why. */
uint64_t rt_alloc_one(int fd, uint64_t length)
{
	uint64_t handle;
	uint32_t got;
	int err;

	err = rt_alloc(fd, length, 1, 0, &handle, &got);
	if (err) {
		errno = -err;
		return 0;
	}
	return handle;
}

int rt_alloc_wait(int fd, uint64_t length, uint32_t timeout_ms,
		  uint64_t *handle)
{
	struct regalloc_ioc_alloc a = {
		.size = sizeof(a),
		.length = length,
		.count = 1,
		.timeout_ms = timeout_ms,
		.handles = (uintptr_t)handle,
	};

	return ioctl(fd, REGALLOC_IOC_ALLOC, &a) ? -errno : 0;
}

/* All @count slices or none. Returns 0 or a negative errno. */
int rt_alloc_all(int fd, uint64_t length, uint32_t count, uint64_t *handles)
{
	uint32_t got, done = 0;
	int err;

	while (done < count) {
		err = rt_alloc(fd, length, count - done, 0, handles + done,
			       &got);
		if (err) {
			if (done && rt_release_all(fd, handles, done))
				rt_die("cannot release what was allocated");
			return err;
		}
		done += got;
	}
	return 0;
}

int rt_release(int fd, const uint64_t *handles, uint32_t count,
	       uint32_t *released)
{
	struct regalloc_ioc_release r = {
		.size = sizeof(r),
		.count = count,
		.out_count = RT_POISON32,
		.handles = (uintptr_t)handles,
	};

	*released = 0;
	if (ioctl(fd, REGALLOC_IOC_RELEASE, &r))
		return -errno;
	if (!r.out_count || r.out_count > count)
		rt_die("RELEASE of %u: out_count %u", count, r.out_count);
	*released = r.out_count;
	return 0;
}

int rt_release_one(int fd, uint64_t handle)
{
	uint32_t released;

	return rt_release(fd, &handle, 1, &released);
}

/* Returns 0 if every one was released, else a negative errno. */
int rt_release_all(int fd, const uint64_t *handles, uint32_t count)
{
	uint32_t released;
	int err;

	while (count) {
		err = rt_release(fd, handles, count, &released);
		if (err)
			return err;
		handles += released;
		count -= released;
	}
	return 0;
}

int rt_trim(int fd, uint32_t *regions)
{
	struct regalloc_ioc_trim t = {
		.size = sizeof(t),
		.out_regions = RT_POISON32,
	};

	if (ioctl(fd, REGALLOC_IOC_TRIM, &t))
		return -errno;
	if (t.out_regions == RT_POISON32)
		rt_die("TRIM did not write out_regions");
	if (regions)
		*regions = t.out_regions;
	return 0;
}

int rt_stats(int fd, struct regalloc_ioc_stats *stats)
{
	memset(stats, RT_POISON, sizeof(*stats));
	stats->size = sizeof(*stats);
	stats->flags = 0;
	if (ioctl(fd, REGALLOC_IOC_STATS, stats))
		return -errno;
	if (stats->alloc_failures == RT_POISON64 ||
	    stats->charged_bytes == RT_POISON64)
		rt_die("STATS did not write all of it");
	return 0;
}

int rt_zero(int fd, uint64_t handle)
{
	struct regalloc_ioc_zero z = {
		.size = sizeof(z),
		.handle = handle,
	};

	return ioctl(fd, REGALLOC_IOC_ZERO, &z) ? -errno : 0;
}

int rt_limits(int fd, uint64_t reserve, uint64_t limit)
{
	struct regalloc_ioc_limits l = {
		.size = sizeof(l),
		.reserve_bytes = reserve,
		.limit_bytes = limit,
	};

	return ioctl(fd, REGALLOC_IOC_LIMITS, &l) ? -errno : 0;
}

uint64_t rt_pressure(int fd)
{
	struct regalloc_ioc_pressure p = {
		.size = sizeof(p),
		.wanted_bytes = RT_POISON64,
	};

	if (ioctl(fd, REGALLOC_IOC_PRESSURE, &p))
		rt_die("PRESSURE: %s", strerror(errno));
	return p.wanted_bytes;
}

bool rt_is_asked(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLPRI };

	return poll(&p, 1, 0) == 1 && p.revents == POLLPRI;
}

static __thread sigjmp_buf fault_env;
static __thread bool fault_armed;

static void fault_handler(int sig)
{
	if (!fault_armed)
		_exit(128 + sig);
	siglongjmp(fault_env, sig);
}

/* Idempotent; a program that sets the signals otherwise loses that. */
static void fault_catch(void)
{
	struct sigaction sa = {
		.sa_handler = fault_handler,
		.sa_flags = SA_NODEFER,
	};

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

int rt_guarded(void (*fn)(void *arg), void *arg)
{
	int sig;

	fault_catch();
	sig = sigsetjmp(fault_env, 1);
	if (!sig) {
		fault_armed = true;
		fn(arg);
	}
	fault_armed = false;
	return sig;
}

struct byte_access {
	uint8_t *addr;
	uint8_t value;
};

static void load_byte(void *arg)
{
	struct byte_access *b = arg;

	b->value = rt_load(b->addr);
}

static void store_byte(void *arg)
{
	struct byte_access *b = arg;

	rt_store(b->addr, b->value);
}

int rt_peek(const void *addr, uint8_t *out)
{
	struct byte_access b = { .addr = (uint8_t *)addr };
	int sig = rt_guarded(load_byte, &b);

	if (!sig)
		*out = b.value;
	return sig;
}

int rt_poke(void *addr, uint8_t value)
{
	struct byte_access b = { addr, value };

	return rt_guarded(store_byte, &b);
}

struct word_access {
	uint32_t *addr;
	uint32_t value;
};

static void store_word(void *arg)
{
	struct word_access *w = arg;

	rt_store(w->addr, w->value);
}

int rt_poke_word(uint32_t *addr, uint32_t value)
{
	struct word_access w = { addr, value };

	return rt_guarded(store_word, &w);
}

bool rt_all_bytes(const void *addr, size_t bytes, uint8_t value)
{
	const uint8_t *p = addr;

	return !bytes || (*p == value && !memcmp(p, p + 1, bytes - 1));
}

/* What the line with @key says of the mapping that holds @addr; "": none. */
static void smaps_value(const void *addr, const char *key, char *value,
			size_t size)
{
	unsigned long start, end, want = (unsigned long)addr;
	bool inside = false;
	char line[512];
	FILE *f;

	*value = '\0';

	f = fopen("/proc/self/smaps", "re");
	if (!f)
		rt_die("smaps: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = want >= start && want < end;
		else if (inside && !strncmp(line, key, strlen(key)) &&
			 line[strlen(key)] == ':')
			snprintf(value, size, "%s", line + strlen(key) + 1);
	}
	fclose(f);
}

/* The value in kB of one key, for the mapping that holds @addr; -1: none. */
long rt_smaps_kb(const void *addr, const char *key)
{
	char value[64], *end;
	long kb;

	smaps_value(addr, key, value, sizeof(value));
	kb = strtol(value, &end, 10);
	return end == value ? -1 : kb;
}

/* Whether the mapping that holds @addr has a flag, of two letters. */
bool rt_smaps_flag(const void *addr, const char *flag)
{
	char flags[256], word[8];

	smaps_value(addr, "VmFlags", flags, sizeof(flags));
	snprintf(word, sizeof(word), " %s ", flag);
	return strstr(flags, word);
}

#define HUGE_BYTES	"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"

bool rt_has_huge_pages(void)
{
	return rt_read_u64(HUGE_BYTES) <= RT_REGION;
}

struct thread_start {
	unsigned int index;
	void (*fn)(unsigned int index, void *arg);
	void *arg;
	pthread_barrier_t *all;
};

static void *thread_main(void *p)
{
	struct thread_start *s = p;

	pthread_barrier_wait(s->all);
	s->fn(s->index, s->arg);
	return NULL;
}

/* Runs @fn in @n threads that start together, and waits for all. */
void rt_threads(unsigned int n, void (*fn)(unsigned int index, void *arg),
		void *arg)
{
	struct thread_start *start = calloc(n, sizeof(*start));
	pthread_t *threads = calloc(n, sizeof(*threads));
	pthread_barrier_t all;
	unsigned int i;

	if (!start || !threads)
		rt_die("no memory for threads");
	pthread_barrier_init(&all, NULL, n);
	for (i = 0; i < n; i++) {
		start[i] = (struct thread_start){ i, fn, arg, &all };
		if (pthread_create(&threads[i], NULL, thread_main, &start[i]))
			rt_die("cannot start thread %u", i);
	}
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&all);
	free(threads);
	free(start);
}

static void *sampler_main(void *p)
{
	struct rt_sampler *s = p;
	uint64_t value;
	char buf[64];
	ssize_t n;

	while (!rt_load(&s->stop)) {
		n = pread(s->fd, buf, sizeof(buf) - 1, 0);
		if (n < 0)
			rt_die("sampler: %s", strerror(errno));
		buf[n] = 0;
		value = parse_u64("sample", buf);
		if (value > s->max)
			s->max = value;
		rt_add(&s->samples, 1);
	}
	return NULL;
}

/* Returns when the first sample is taken. */
void rt_sampler_start(struct rt_sampler *s, const char *name)
{
	char path[256];

	memset(s, 0, sizeof(*s));
	snprintf(path, sizeof(path), RT_SYSFS "%s", name);
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0)
		rt_die("open %s: %s", path, strerror(errno));
	if (pthread_create(&s->thread, NULL, sampler_main, s))
		rt_die("cannot start the sampler");
	if (!rt_wait_until(rt_load(&s->samples), RT_DEADLINE))
		rt_die("the sampler takes no samples");
}

void rt_sampler_stop(struct rt_sampler *s)
{
	rt_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

/* Exit status of a child; 128 and the signal if one ended it. */
int rt_child_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			rt_die("waitpid %d: %s", pid, strerror(errno));
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/*
 * @turns, or as many percent of them as REGALLOC_PERCENT says: where the kernel
 * checks each access, races are found sooner, and everything takes longer.
 */
unsigned int rt_turns(unsigned int turns)
{
	return turns * rt_env_u32("REGALLOC_PERCENT", 100) / 100 ?: 1;
}

unsigned int rt_env_u32(const char *name, unsigned int fallback)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : fallback;
}
