// SPDX-License-Identifier: GPL-2.0-only
/*
 * The limit of the memory cgroup: ENOMEM there, and no process is killed for it;
 * the group of the task that opened the client is charged, whoever allocates.
 */
#include "regalloc_test.h"

#include <sys/mount.h>
#include <sys/uio.h>

#define LENGTH	(256 * 1024)
#define COUNT	16		/* a region of that class */

FIXTURE(memcg)
{
	char root[64];
	char group[96];
	bool mounted;
	bool made;
};

/* Writes "NAME" of the group. Returns 0 or a negative errno. */
static int group_write(const char *group, const char *name, const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", group, name);
	return rt_write_file(path, text);
}

/* The number after @key in memory.events, or all of a file without keys. */
static uint64_t group_read(const char *group, const char *name, const char *key)
{
	uint64_t value = ~0ULL;
	char path[192], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", group, name);
	f = fopen(path, "re");
	if (!f)
		rt_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		size_t len = key ? strlen(key) : 0;

		if (!key || (!strncmp(line, key, len) && line[len] == ' ')) {
			value = strtoull(line + len, NULL, 10);
			break;
		}
	}
	fclose(f);
	return value;
}

FIXTURE_SETUP(memcg)
{
	ASSERT_TRUE(rt_begin("1G", 0));
	strcpy(self->root, "/tmp/regalloc-cgroup-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->root));
	if (mount("none", self->root, "cgroup2", 0, NULL))
		SKIP(return, "no cgroup2: %s", strerror(errno));
	self->mounted = true;
	if (group_write(self->root, "cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller in cgroup2");
	snprintf(self->group, sizeof(self->group), "%s/regalloc-test",
		 self->root);
	ASSERT_EQ(0, mkdir(self->group, 0700));
	self->made = true;
}

FIXTURE_TEARDOWN(memcg)
{
	if (self->made)
		rt_wait_until(!rmdir(self->group), RT_DEADLINE);
	if (self->mounted)
		umount2(self->root, MNT_DETACH);
	rmdir(self->root);
	rt_end();
}

static void join_group(const char *group)
{
	if (group_write(group, "cgroup.procs", "0"))
		_exit(100);
}

/*
 * Release the slice while pages of it are in a pipe, and use up what is left. Once they
 * have left the pipe, there is room at once, and not only when the kernel looks next: by
 * then it does so once a second.
 */
static bool room_when_let_go(const struct rt_client *c, uint64_t h)
{
	/* As much as a pipe holds, and enough for what is allocated in the end. */
	struct iovec iov = { rt_addr(c, h), 16 * RT_PAGE };
	const uint32_t piece = 16 * RT_PAGE;
	int pipe[2];
	bool room;

	if (pipe2(pipe, O_CLOEXEC))
		return false;
	room = vmsplice(pipe[1], &iov, 1, 0) == (ssize_t)iov.iov_len &&
	       !rt_release_one(c->fd, h) && !rt_trim(c->fd, NULL) &&
	       rt_stat("pinned_bytes");
	/* Not in small pieces: this process needs some memory itself. */
	while (rt_alloc_one(c->fd, piece))
		;
	usleep(2500 * 1000);
	room = room && !rt_alloc_one(c->fd, piece);
	close(pipe[0]);
	close(pipe[1]);
	return room && rt_alloc_one(c->fd, piece);
}

/* In the group: allocate until it ends, and see that it ends well. */
static int use_up(const char *group, uint64_t limit)
{
	uint64_t h[COUNT], last[COUNT], charged, again, got = 0;
	struct rt_client c;
	int err;

	/* What a child of fork writes to for the first time is charged where it is then. */
	rt_stat("charged_bytes");
	if (mlockall(MCL_CURRENT) || munlockall())
		return 14;
	join_group(group);
	if (rt_client_open(&c))
		return 1;
	while (!(err = rt_alloc_all(c.fd, LENGTH, COUNT, h))) {
		memset(rt_addr(&c, h[0]), 1, RT_REGION);
		memcpy(last, h, sizeof(last));
		got++;
		if (got * RT_REGION > 2 * limit)
			return 2;
	}
	if (err != -ENOMEM)
		return 3;
	if (got * RT_REGION < limit / 2)
		return 4;
	charged = rt_stat("charged_bytes");
	if (charged != got * RT_REGION)
		return 5;
	if (rt_stat("live_bytes") != charged)
		return 6;
	/* It is charged to this group. */
	if (group_read(group, "memory.current", NULL) < charged)
		return 7;
	/* What is left of it for slices one by one. */
	while (rt_alloc_one(c.fd, LENGTH))
		if (rt_stat("charged_bytes") > limit)
			return 13;
	/* To wait does not help against that. */
	if (rt_alloc_wait(c.fd, LENGTH, 20000, h) != -ENOMEM)
		return 11;
	/* Still none; and room again when something went. */
	if (rt_alloc_one(c.fd, LENGTH) || rt_release_all(c.fd, last, COUNT))
		return 8;
	again = rt_alloc_one(c.fd, LENGTH);
	if (!again)
		return 8;
	if (!room_when_let_go(&c, again))
		return 12;
	rt_client_close(&c);
	/* Pages that were just added may be in a list of the core for a moment. */
	if (!rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE))
		return 9;
	if (rt_client_open(&c) || !rt_alloc_one(c.fd, LENGTH))
		return 10;
	return 0;
}

TEST_F(memcg, enomem_at_memory_max)
{
	uint64_t limit = 64 * RT_MIB;
	pid_t pid;

	if (!self->made)
		return;
	ASSERT_EQ(0, group_write(self->group, "memory.max", "64M"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(use_up(self->group, limit));
	EXPECT_EQ(0, rt_child_status(pid));
	EXPECT_EQ(0, group_read(self->group, "memory.events", "oom_kill"));
	EXPECT_LT(0, group_read(self->group, "memory.events", "max"));
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
	EXPECT_TRUE(rt_wait_until(group_read(self->group, "memory.current",
					     NULL) < 2 * RT_MIB, RT_DEADLINE));
}

/*
 * Open a client in the group, leave it, and allocate: the group pays all the same.
 * Its memory is that of a file.
 */
static int open_and_leave(const char *group, const char *root)
{
	uint64_t h[4 * COUNT], bytes = 4 * RT_REGION;
	struct rt_client c;

	join_group(group);
	if (rt_client_open(&c))
		return 1;
	join_group(root);
	if (rt_alloc_all(c.fd, LENGTH, 4 * COUNT, h))
		return 2;
	if (group_read(group, "memory.current", NULL) < bytes)
		return 3;
	/* What is counted in batches may lag behind. */
	if (!rt_wait_until(group_read(group, "memory.stat", "file") >= bytes &&
			   group_read(group, "memory.stat", "unevictable") >= bytes,
			   RT_DEADLINE))
		return 4;
	if (rt_release_all(c.fd, h, 4 * COUNT))
		return 5;
	if (!rt_wait_until(group_read(group, "memory.current", NULL) < RT_REGION,
			   RT_DEADLINE))
		return 6;
	return 0;
}

TEST_F(memcg, the_opener_pays)
{
	pid_t pid;

	if (!self->made)
		return;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(open_and_leave(self->group, self->root));
	EXPECT_EQ(0, rt_child_status(pid));
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
}

/* A task in the group, with a client that was opened outside. */
static int use_from_inside(const char *group, const struct rt_client *c)
{
	uint64_t h[4 * COUNT];

	join_group(group);
	if (rt_alloc_all(c->fd, LENGTH, 4 * COUNT, h))
		return 1;
	memset(rt_addr(c, h[0]), 1, RT_REGION);
	return group_read(group, "memory.current", NULL) > 2 * RT_MIB ? 2 : 0;
}

TEST_F(memcg, a_descriptor_brings_its_group)
{
	struct rt_client c;
	pid_t pid;

	if (!self->made)
		return;
	ASSERT_EQ(0, group_write(self->group, "memory.max", "8M"));
	ASSERT_EQ(0, rt_client_open(&c));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(use_from_inside(self->group, &c));
	EXPECT_EQ(0, rt_child_status(pid));
	EXPECT_EQ(0, group_read(self->group, "memory.events", "oom_kill"));
	rt_client_close(&c);
}

/* A task that is not in the group does not feel its limit. */
TEST_F(memcg, out_of_the_group_no_limit)
{
	struct rt_client c;
	uint64_t h[32 * COUNT];

	if (!self->made)
		return;
	ASSERT_EQ(0, group_write(self->group, "memory.max", "8M"));
	ASSERT_EQ(0, rt_client_open(&c));
	ASSERT_EQ(0, rt_alloc_all(c.fd, LENGTH, 32 * COUNT, h));
	EXPECT_GT(RT_MIB, group_read(self->group, "memory.current", NULL));
	rt_client_close(&c);
}

TEST_HARNESS_MAIN
