// SPDX-License-Identifier: GPL-2.0-only
/*
 * O_DIRECT from and to slices: on a RAM disk (/dev/ram0, module brd), on a file
 * system on it where there is a mke2fs, and on tmpfs where that takes it (6.6).
 */
#include "regalloc_test.h"

#include <sys/mount.h>

#define LENGTH		(256 * 1024)
#define COUNT		16		/* a region of that class */
#define RAM_DISK	"/dev/ram0"

FIXTURE(dio)
{
	struct rt_client c;
	uint64_t handles[COUNT];
	char dir[64];
	bool mounted;
};

/* The exit status of a program that may not exist. */
static int run(char * const argv[])
{
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	return rt_child_status(pid);
}

/* If that fails, the tests find no disk and say so. */
static void load_brd(void)
{
	char * const argv[] = { "modprobe", "brd", NULL };

	if (access(RAM_DISK, F_OK))
		run(argv);
}

FIXTURE_SETUP(dio)
{
	load_brd();
	ASSERT_TRUE(rt_begin("64M", 0));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	strcpy(self->dir, "/tmp/regalloc-dio-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
}

FIXTURE_TEARDOWN(dio)
{
	if (self->mounted)
		umount2(self->dir, MNT_DETACH);
	rmdir(self->dir);
	rt_client_close(&self->c);
	rt_end();
}

static void fill(uint8_t *p, size_t bytes, unsigned int seed)
{
	uint32_t *word = (uint32_t *)p;
	size_t i;

	for (i = 0; i < bytes / 4; i++)
		word[i] = seed + i * 2654435761U;
}

static bool filled(const uint8_t *p, size_t bytes, unsigned int seed)
{
	const uint32_t *word = (const uint32_t *)p;
	size_t i;

	for (i = 0; i < bytes / 4; i++)
		if (word[i] != (uint32_t)(seed + i * 2654435761U))
			return false;
	return true;
}

/* Out of one slice, into another; whole, by parts, across the huge pages. */
static int there_and_back(FIXTURE_DATA(dio) * self, int fd)
{
	uint8_t *region = rt_addr(&self->c, self->handles[0]);
	uint8_t *out = region, *in = region + 9UL * LENGTH;
	uint8_t *across = region + 2 * RT_MIB - LENGTH / 2;
	unsigned int seed;
	size_t off;

	for (seed = 1; seed < 4; seed++) {
		fill(out, LENGTH, seed);
		if (pwrite(fd, out, LENGTH, seed * LENGTH) != LENGTH)
			return -errno;
		memset(in, 0, LENGTH);
		for (off = 0; off < LENGTH; off += LENGTH / 4)
			if (pread(fd, in + off, LENGTH / 4,
				  seed * LENGTH + off) != LENGTH / 4)
				return -errno;
		if (!filled(in, LENGTH, seed))
			return -EBADMSG;
	}
	memset(across, 0, LENGTH);
	if (pread(fd, across, LENGTH, LENGTH) != LENGTH)
		return -errno;
	if (!filled(across, LENGTH, 1))
		return -EBADMSG;
	/* What was read ended where it should. */
	fill(across, LENGTH, 9);
	if (pwrite(fd, across, LENGTH, 2 * LENGTH) != LENGTH)
		return -errno;
	if (pread(fd, in, LENGTH, 2 * LENGTH) != LENGTH)
		return -errno;
	return filled(in, LENGTH, 9) ? 0 : -EBADMSG;
}

/* Nothing stays pinned: all is free inside the release. */
static bool closes_at_once(FIXTURE_DATA(dio) * self)
{
	return !rt_release_all(self->c.fd, self->handles, COUNT) &&
	       rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE) &&
	       !rt_stat("pinned_bytes");
}

TEST_F(dio, ram_disk)
{
	int fd = open(RAM_DISK, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		SKIP(return, "no " RAM_DISK " (modprobe brd): %s",
		     strerror(errno));
	EXPECT_EQ(0, there_and_back(self, fd));
	close(fd);
	EXPECT_TRUE(closes_at_once(self));
}

TEST_F(dio, tmpfs)
{
	char path[96];
	int fd;

	ASSERT_EQ(0, mount("none", self->dir, "tmpfs", 0, "size=16m"));
	self->mounted = true;
	snprintf(path, sizeof(path), "%s/file", self->dir);
	fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EINVAL)
		SKIP(return, "tmpfs takes no O_DIRECT before 6.6");
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, there_and_back(self, fd));
	close(fd);
	EXPECT_TRUE(closes_at_once(self));
}

static int make_ext(void)
{
	char * const plain[] = { "mke2fs", "-F", RAM_DISK, "8192", NULL };
	char * const small[] = {
		"busybox", "mke2fs", "-F", RAM_DISK, "8192", NULL
	};
	int status = run(plain);

	return status ? run(small) : 0;
}

TEST_F(dio, file_system)
{
	char path[96];
	int fd;

	fd = open(RAM_DISK, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		SKIP(return, "no " RAM_DISK " (modprobe brd)");
	close(fd);
	if (make_ext())
		SKIP(return, "no mke2fs");
	if (mount(RAM_DISK, self->dir, "ext4", 0, NULL) &&
	    mount(RAM_DISK, self->dir, "ext2", 0, NULL))
		SKIP(return, "no ext4: %s", strerror(errno));
	self->mounted = true;
	snprintf(path, sizeof(path), "%s/file", self->dir);
	fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, there_and_back(self, fd));
	close(fd);
	EXPECT_TRUE(closes_at_once(self));
}

/* A transfer to where no region is fails, and is not somebody's data. */
TEST_F(dio, no_memory_there)
{
	uint8_t *region = rt_addr(&self->c, self->handles[0]);
	int fd = open(RAM_DISK, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		SKIP(return, "no " RAM_DISK " (modprobe brd)");
	EXPECT_EQ(-1, pwrite(fd, region + RT_REGION, LENGTH, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pread(fd, region + RT_REGION, LENGTH, 0));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_TRUE(closes_at_once(self));
	EXPECT_EQ(-1, pread(fd, region, LENGTH, 0));
	EXPECT_EQ(EFAULT, errno);
	close(fd);
}

struct storm {
	FIXTURE_DATA(dio) * self;
	uint64_t bad;
};

/* Slices come and go while transfers use them. */
static void storm_thread(unsigned int index, void *arg)
{
	struct storm *storm = arg;
	struct rt_client *c = &storm->self->c;
	unsigned int turn;
	int fd = open(RAM_DISK, O_RDWR | O_DIRECT | O_CLOEXEC);

	for (turn = 0; turn < 100; turn++) {
		uint64_t h = rt_alloc_one(c->fd, LENGTH);
		uint8_t *slice = rt_addr(c, h);
		unsigned int seed = index * 1000 + turn;

		if (!h) {
			rt_add(&storm->bad, 1);
			continue;
		}
		fill(slice, LENGTH, seed);
		if (pwrite(fd, slice, LENGTH, index * LENGTH) != LENGTH)
			rt_add(&storm->bad, 1);
		memset(slice, 0, LENGTH);
		if (pread(fd, slice, LENGTH, index * LENGTH) != LENGTH ||
		    !filled(slice, LENGTH, seed))
			rt_add(&storm->bad, 1);
		if (rt_release_one(c->fd, h))
			rt_add(&storm->bad, 1);
	}
	close(fd);
}

TEST_F(dio, regions_close_between_transfers)
{
	struct storm storm = { .self = self };

	if (access(RAM_DISK, R_OK | W_OK))
		SKIP(return, "no " RAM_DISK " (modprobe brd)");
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	rt_threads(3, storm_thread, &storm);
	EXPECT_EQ(0, storm.bad);
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
}

TEST_HARNESS_MAIN
