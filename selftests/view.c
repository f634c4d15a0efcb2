// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a client sees of others: nothing but sums. The other one is root's, in a
 * process of its own; ours belongs to nobody, who got it opened.
 */
#include "regalloc_test.h"

#include <dirent.h>
#include <fts.h>
#include <grp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#define NOBODY		65534
#define CLASS_32K	3
#define NO_CLASS	REGALLOC_NR_CLASSES

/**
 * struct holder - the other process, in memory that both have
 * @pid: its number
 * @c: its client; the addresses are good there only
 * @handles: what is live, of each class a region's worth of slices
 * @stats: what it holds
 */
struct holder {
	pid_t pid;
	struct rt_client c;
	uint64_t handles[REGALLOC_NR_CLASSES][1024 + 1];
	struct regalloc_ioc_stats stats;
};

FIXTURE(view)
{
	struct holder *h;
	int holder;
	struct rt_client c;
};

/* The effective user is the one whom the kernel asks for. */
static bool become(uid_t id)
{
	return id ? !setegid(id) && !seteuid(id) : !seteuid(id) && !setegid(id);
}

/* Does the steps that it is told; the addresses of functions are the same. */
static void __attribute__((noreturn)) holder_main(struct holder *h, int sock)
{
	bool (*step)(struct holder *h), ok;

	while (recv(sock, &step, sizeof(step), 0) == sizeof(step)) {
		ok = step(h);
		send(sock, &ok, sizeof(ok), MSG_NOSIGNAL);
	}
	_exit(0);
}

static bool holder_does(FIXTURE_DATA(view) * self,
			bool (*step)(struct holder *h))
{
	bool ok = false;

	return send(self->holder, &step, sizeof(step), MSG_NOSIGNAL) > 0 &&
	       recv(self->holder, &ok, sizeof(ok), 0) == sizeof(ok) && ok;
}

FIXTURE_SETUP(view)
{
	int socks[2];
	pid_t pid;

	ASSERT_TRUE(rt_begin("128M", RT_DECAY_NEVER_MS));
	self->h = mmap(NULL, sizeof(*self->h), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->h);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	self->holder = socks[0];
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(socks[0]);
		holder_main(self->h, socks[1]);
	}
	close(socks[1]);
	self->h->pid = pid;
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, rt_client_map(&self->c));
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_TRUE(become(NOBODY));
}

FIXTURE_TEARDOWN(view)
{
	EXPECT_TRUE(become(0));
	close(self->holder);
	EXPECT_EQ(0, rt_child_status(self->h->pid));
	rt_client_close(&self->c);
	rt_end();
}

/* ---- what the holder does -------------------------------------------------- */

/* At its limit of one region, it fails to allocate from a second one. */
static bool fails_once(int fd)
{
	uint64_t handle;

	if (rt_limits(fd, 0, rt_class_charge(0)))
		return false;
	handle = rt_alloc_one(fd, rt_class_bytes(0));
	return handle && !rt_alloc_one(fd, rt_class_bytes(6)) &&
	       errno == ENOMEM && !rt_release_one(fd, handle) &&
	       !rt_trim(fd, NULL);
}

/* Two regions of each class; of every other one, the second is a spare. */
static bool holder_works(struct holder *h)
{
	struct rt_client *c = &h->c;
	unsigned int cls, i;

	if (rt_client_open(c) || rt_client_map(c) || !fails_once(c->fd) ||
	    rt_limits(c->fd, 2 * RT_REGION, 64 * RT_MIB))
		return false;
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint32_t n = rt_class_slices(cls), gone = cls % 2 ? n : 0;
		uint64_t *handles = h->handles[cls];

		if (rt_alloc_all(c->fd, rt_class_bytes(cls), n + 1, handles) ||
		    rt_release_one(c->fd, handles[gone]))
			return false;
		handles[gone] = handles[n];
		for (i = 0; i < n; i++)
			*(uint64_t *)rt_addr(c, handles[i]) = handles[i];
	}
	return !rt_stats(c->fd, &h->stats);
}

static bool is_as_left(const struct rt_client *c, uint64_t handle)
{
	uint32_t *word = rt_state(c, REGALLOC_HANDLE_OFFSET(handle));

	return *(uint64_t *)rt_addr(c, handle) == handle &&
	       rt_load(word) == (REGALLOC_HANDLE_GEN(handle) <<
				 REGALLOC_STATE_GEN_SHIFT |
				 REGALLOC_STATE_LIVE);
}

/* Everything is as it was, and can be released. */
static bool holder_has_all(struct holder *h)
{
	struct regalloc_ioc_stats stats;
	unsigned int cls, i;

	if (rt_stats(h->c.fd, &stats) ||
	    memcmp(&stats, &h->stats, sizeof(stats)))
		return false;
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint32_t n = rt_class_slices(cls);

		for (i = 0; i < n; i++)
			if (!is_as_left(&h->c, h->handles[cls][i]))
				return false;
		if (rt_release_all(h->c.fd, h->handles[cls], n))
			return false;
	}
	return true;
}

static bool holder_ends(struct holder *h)
{
	rt_client_close(&h->c);
	return true;
}

/* ---- the map window -------------------------------------------------------- */

/* What may be set in a word if the client has a region in slot 0 of a class. */
static uint32_t own_bits(const struct rt_client *c, unsigned int cls,
			 uint64_t at)
{
	static const struct regalloc_hint hints[2] = { { 1, 1 } };
	uint64_t region = cls * c->info.span_bytes;
	uint64_t words = c->info.state_offset +
			 region / REGALLOC_MIN_SLICE_BYTES * sizeof(uint32_t);
	uint64_t hint = c->info.hint_offset + region / RT_REGION *
			sizeof(struct regalloc_hint);
	uint32_t bits = 0;

	if (at == offsetof(struct regalloc_control, attention))
		return REGALLOC_ATTENTION_ARM;
	if (at == offsetof(struct regalloc_control, first_gen))
		return 1;
	if (cls == NO_CLASS)
		return 0;
	if (at == offsetof(struct regalloc_control, nr_slots[cls]))
		return 1;
	if (at == hint)
		memcpy(&bits, hints, sizeof(bits));
	else if (at >= words && at - words < 1024 * sizeof(uint32_t) &&
		 (at - words) % (sizeof(uint32_t) << cls) == 0)
		bits = ~0U;
	return bits;
}

/* Where there is the first word with something else in it, or else the end. */
static uint64_t first_foreign(const struct rt_client *c, unsigned int cls)
{
	uint64_t at;

	for (at = 0; at < c->info.map_bytes; at += sizeof(uint32_t)) {
		uint32_t word = rt_load(c->map + at / sizeof(uint32_t));

		if (word && word & ~own_bits(c, cls, at))
			break;
	}
	return at;
}

TEST_F(view, map_window_has_own_words_only)
{
	const uint64_t end = self->c.info.map_bytes;
	struct rt_client next;
	uint64_t h[2];

	EXPECT_EQ(end, first_foreign(&self->c, NO_CLASS));
	ASSERT_TRUE(holder_does(self, holder_works));
	EXPECT_EQ(end, first_foreign(&self->c, NO_CLASS));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, rt_class_bytes(CLASS_32K), 2, h));
	ASSERT_EQ(0, rt_release_one(self->c.fd, h[0]));
	EXPECT_EQ(end, first_foreign(&self->c, CLASS_32K));

	/* Its pages may be those of who has gone. */
	ASSERT_TRUE(holder_does(self, holder_ends));
	ASSERT_TRUE(become(0));
	ASSERT_EQ(0, rt_client_open(&next));
	ASSERT_EQ(0, rt_client_map(&next));
	EXPECT_EQ(end, first_foreign(&next, NO_CLASS));
	rt_client_close(&next);
}

/* ---- the calls ------------------------------------------------------------- */

/* All that the kernel tells a client. */
struct told {
	struct regalloc_ioc_info info;
	struct regalloc_ioc_stats stats;
	struct regalloc_ioc_pressure pressure;
	int events;
	char fdinfo[2048];
};

static void listen_to(int fd, struct told *t)
{
	struct pollfd p = { .fd = fd, .events = ~0 };
	char path[64];
	FILE *f;

	memset(t, 0, sizeof(*t));
	t->pressure.size = sizeof(t->pressure);
	if (rt_info(fd, &t->info) || rt_stats(fd, &t->stats) ||
	    ioctl(fd, REGALLOC_IOC_PRESSURE, &t->pressure) ||
	    poll(&p, 1, 0) < 0)
		rt_die("a call failed: %s", strerror(errno));
	t->events = p.revents;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f || !fread(t->fdinfo, 1, sizeof(t->fdinfo) - 1, f))
		rt_die("%s: %s", path, strerror(errno));
	fclose(f);
}

TEST_F(view, calls_tell_of_oneself_only)
{
	struct regalloc_ioc_stats own = { .size = sizeof(own) };
	struct told before, after;

	listen_to(self->c.fd, &before);
	ASSERT_TRUE(holder_does(self, holder_works));
	listen_to(self->c.fd, &after);
	EXPECT_EQ(0, memcmp(&before.info, &after.info, sizeof(after.info)));
	EXPECT_EQ(0, memcmp(&before.stats, &after.stats, sizeof(after.stats)));
	EXPECT_EQ(0, after.pressure.wanted_bytes);
	EXPECT_EQ(0, after.events);
	EXPECT_STREQ(before.fdinfo, after.fdinfo);

	/* There is something of each kind to tell of the other one. */
	EXPECT_LT(0, self->h->stats.spare_bytes);
	EXPECT_LT(0, self->h->stats.alloc_failures);
	own.map_bytes = after.stats.map_bytes;
	EXPECT_EQ(0, memcmp(&own, &after.stats, sizeof(own)));

	ASSERT_NE(0, rt_alloc_one(self->c.fd, rt_class_bytes(0)));
	listen_to(self->c.fd, &after);
	own.charged_bytes = RT_REGION;
	own.live_bytes = rt_class_bytes(0);
	own.idle_bytes = RT_REGION - rt_class_bytes(0);
	own.nr_regions = 1;
	own.regions_opened = 1;
	own.map_bytes = after.stats.map_bytes;
	EXPECT_EQ(0, memcmp(&own, &after.stats, sizeof(own)));
	EXPECT_TRUE(holder_does(self, holder_has_all));
}

static int alloc_to(int fd, void *handles)
{
	struct regalloc_ioc_alloc a = {
		.size = sizeof(a),
		.length = 4096,
		.count = 1,
		.handles = (uintptr_t)handles,
	};

	return ioctl(fd, REGALLOC_IOC_ALLOC, &a) ? -errno : 0;
}

/* Names are good with their owner only, and so are addresses. */
TEST_F(view, names_of_others_mean_nothing)
{
	struct regalloc_ioc_stats before, after;
	unsigned int cls, nr, i;
	uint32_t closed;
	void *theirs;
	uint8_t byte;

	ASSERT_TRUE(holder_does(self, holder_works));
	ASSERT_EQ(0, rt_stats(self->c.fd, &before));
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint32_t n = rt_class_slices(cls);

		for (i = 0; i < n; i++) {
			uint64_t handle = self->h->handles[cls][i];

			ASSERT_EQ(-ENOENT, rt_release_one(self->c.fd, handle));
			ASSERT_EQ(-ENOENT, rt_zero(self->c.fd, handle));
			ASSERT_EQ(SIGBUS, rt_peek(rt_addr(&self->c, handle),
						  &byte));
		}
	}
	theirs = rt_addr(&self->h->c, self->h->handles[RT_CLASS_256K][0]);
	for (nr = 0; nr <= _IOC_NR(REGALLOC_IOC_ZERO); nr++) {
		EXPECT_NE(0, ioctl(self->c.fd, _IO(REGALLOC_IOC_TYPE, nr),
				   theirs));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_EQ(-EFAULT, alloc_to(self->c.fd, theirs));
	EXPECT_EQ(0, rt_limits(self->c.fd, 0, RT_REGION));
	/* The one region that was opened for the ALLOC. */
	EXPECT_EQ(0, rt_trim(self->c.fd, &closed));
	EXPECT_EQ(1, closed);
	ASSERT_EQ(0, rt_stats(self->c.fd, &after));
	EXPECT_EQ(before.charged_bytes, after.charged_bytes);
	EXPECT_EQ(before.live_bytes, after.live_bytes);
	EXPECT_TRUE(holder_does(self, holder_has_all));
}

/* ---- files ----------------------------------------------------------------- */

static int open_as(uid_t id, const char *path, int flags)
{
	int fd, err;

	if (!become(0) || !become(id))
		rt_die("cannot become %u", id);
	fd = open(path, flags | O_CLOEXEC);
	err = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return err;
}

/*
 * How many files nobody can read below a directory, each with one number in it;
 * -1 if there is one to write to. Some are the driver core's own.
 */
static int count_numbers(const char *dir)
{
	char * const paths[2] = { (char *)dir, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	int count = 0;
	FTSENT *e;

	if (!fts)
		rt_die("fts_open: %s", strerror(errno));
	while ((e = fts_read(fts))) {
		if (e->fts_info == FTS_D && !strcmp(e->fts_name, "power"))
			fts_set(fts, e, FTS_SKIP);
		if (e->fts_info != FTS_F)
			continue;
		if (open_as(NOBODY, e->fts_path, O_WRONLY) != -EACCES) {
			printf("# %s can be written to\n", e->fts_path);
			count = -1;
			break;
		}
		if (!strcmp(e->fts_name, "dev") ||
		    !strcmp(e->fts_name, "uevent") ||
		    open_as(NOBODY, e->fts_path, O_RDONLY) == -EACCES)
			continue;
		rt_read_u64(e->fts_path);
		count++;
	}
	fts_close(fts);
	return count;
}

/* The totals, those of the classes, and two parameters; see sysfs.files. */
TEST_F(view, sysfs_has_sums_only)
{
	ASSERT_TRUE(holder_does(self, holder_works));
	EXPECT_EQ(17 + 3 * REGALLOC_NR_CLASSES, count_numbers(RT_SYSFS));
	EXPECT_EQ(2, count_numbers("/sys/module/regalloc/parameters/"));
}

/* What shows one client is its owner's and root's. */
TEST_F(view, files_of_one_client_are_not_for_strangers)
{
	static const char * const formats[] = {
		"/proc/%d/fdinfo/%d", "/proc/%d/fd/%d", "/proc/%d/smaps",
	};
	char path[64];
	size_t i;

	ASSERT_TRUE(holder_does(self, holder_works));
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		snprintf(path, sizeof(path), formats[i], self->h->pid,
			 self->h->c.fd);
		EXPECT_EQ(0, open_as(0, path, O_RDONLY));
		EXPECT_EQ(-EACCES, open_as(NOBODY, path, O_RDONLY));
	}
	EXPECT_EQ(-EACCES, open_as(NOBODY, RT_DEVICE, O_RDONLY));
}

/* Somebody may mount it for all. */
TEST_F(view, debugfs_is_for_root)
{
	unsigned int nr = 0;
	struct dirent *e;
	struct stat st;
	DIR *dir;

	ASSERT_TRUE(become(0));
	dir = opendir(RT_DEBUGFS);
	if (!dir)
		SKIP(return, "no debugfs");
	while ((e = readdir(dir))) {
		ASSERT_EQ(0, fstatat(dirfd(dir), e->d_name, &st, 0));
		if (!S_ISREG(st.st_mode))
			continue;
		EXPECT_EQ(0, st.st_mode & 0077);
		nr++;
	}
	closedir(dir);
	EXPECT_LT(0, nr);
}

TEST_HARNESS_MAIN
