// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client lives as long as its last file reference: a descriptor or a mapping,
 * in whatever process. Then everything is back.
 */
#include "regalloc_test.h"

#include <regalloc.h>
#include <sys/socket.h>

#define LENGTH	(256 * 1024)
#define COUNT	16		/* a region of that class */

FIXTURE(lifetime)
{
	struct rt_client c;
	uint64_t handles[COUNT];
};

FIXTURE_SETUP(lifetime)
{
	ASSERT_TRUE(rt_begin(RT_BUDGET, 0));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	memset(rt_addr(&self->c, self->handles[0]), 0x3a, RT_REGION);
}

FIXTURE_TEARDOWN(lifetime)
{
	rt_client_close(&self->c);
	rt_end();
}

static bool all_gone(void)
{
	return !rt_stat("charged_bytes") && !rt_stat("nr_clients") &&
	       !rt_stat("nr_regions") && !rt_stat("live_bytes") &&
	       !rt_stat("map_bytes");
}

TEST_F(lifetime, closed_at_once)
{
	rt_client_close(&self->c);
	EXPECT_TRUE(rt_wait_until(all_gone(), RT_DEADLINE));
}

TEST_F(lifetime, shared_by_fork)
{
	uint8_t *first = rt_addr(&self->c, self->handles[0]);
	uint8_t *shared;
	uint64_t *theirs;
	pid_t pid;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	theirs = (uint64_t *)shared;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		uint64_t h;

		if (!rt_all_bytes(first, RT_REGION, 0x3a))
			_exit(1);
		memset(first, 0x4b, 4096);
		if (rt_release_one(self->c.fd, self->handles[15]))
			_exit(2);
		h = rt_alloc_one(self->c.fd, 4096);
		if (!h)
			_exit(3);
		memset(rt_addr(&self->c, h), 0x5c, 4096);
		rt_store(theirs, h);
		_exit(0);
	}
	ASSERT_EQ(0, rt_child_status(pid));
	/* One client, and what the child did to it stays. */
	EXPECT_EQ(1, rt_stat("nr_clients"));
	EXPECT_TRUE(rt_all_bytes(first, 4096, 0x4b));
	EXPECT_TRUE(rt_all_bytes(first + 4096, LENGTH - 4096, 0x3a));
	EXPECT_EQ(-ESTALE, rt_release_one(self->c.fd, self->handles[15]));
	EXPECT_TRUE(rt_all_bytes(rt_addr(&self->c, rt_load(theirs)), 4096,
				 0x5c));
	EXPECT_EQ(15UL * LENGTH + 4096, rt_stat("live_bytes"));
	EXPECT_EQ(0, rt_release_one(self->c.fd, rt_load(theirs)));
	EXPECT_TRUE(rt_wait_until(rt_stat("charged_bytes") == 15UL * LENGTH,
				  RT_DEADLINE));
}

/* The child goes on when the parent's use ends. */
TEST_F(lifetime, child_outlives_the_parent)
{
	uint8_t *first = rt_addr(&self->c, self->handles[0]);
	int go[2], done[2];
	uint8_t byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(done));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		if (!rt_all_bytes(first, RT_REGION, 0x3a))
			_exit(2);
		if (!rt_alloc_one(self->c.fd, 4096))
			_exit(3);
		if (write(done[1], "d", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(4);
		_exit(0);
	}
	rt_client_close(&self->c);
	EXPECT_EQ(1, rt_stat("nr_clients"));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
	ASSERT_EQ(1, write(go[1], "g", 1));
	EXPECT_EQ(1, read(done[0], &byte, 1));
	EXPECT_LT(RT_REGION, rt_stat("charged_bytes"));
	ASSERT_EQ(1, write(go[1], "g", 1));
	EXPECT_EQ(0, rt_child_status(pid));
	EXPECT_TRUE(rt_wait_until(all_gone(), RT_DEADLINE));
}

static int send_fd(int sock, int fd)
{
	char byte = 'f', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int sock)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* A descriptor in flight keeps the client; so does the one that arrived. */
TEST_F(lifetime, passed_through_a_socket)
{
	struct rt_client far = { .info = self->c.info };
	uint64_t handle = self->handles[0];
	int sock[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	ASSERT_EQ(0, send_fd(sock[0], self->c.fd));
	rt_client_close(&self->c);
	EXPECT_EQ(1, rt_stat("nr_clients"));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));

	far.fd = receive_fd(sock[1]);
	ASSERT_LE(0, far.fd);
	far.base = mmap(NULL, far.info.window_bytes, PROT_READ | PROT_WRITE,
			MAP_SHARED, far.fd, 0);
	ASSERT_NE(MAP_FAILED, far.base);
	EXPECT_TRUE(rt_all_bytes(rt_addr(&far, handle), RT_REGION, 0x3a));
	EXPECT_EQ(0, rt_release_one(far.fd, handle));
	EXPECT_EQ(15UL * LENGTH, rt_stat("live_bytes"));
	rt_client_close(&far);
	EXPECT_TRUE(rt_wait_until(all_gone(), RT_DEADLINE));

	/* Sent and never received: it ends with the socket. */
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_NE(0, rt_alloc_one(self->c.fd, LENGTH));
	ASSERT_EQ(0, send_fd(sock[0], self->c.fd));
	rt_client_close(&self->c);
	EXPECT_LE(LENGTH, rt_stat("charged_bytes"));
	close(sock[0]);
	close(sock[1]);
	EXPECT_TRUE(rt_wait_until(all_gone(), RT_DEADLINE));
}

/* Two processes map one client; one of them closes a region. */
TEST_F(lifetime, sigbus_in_the_process_that_got_the_descriptor)
{
	uint64_t window = self->c.info.window_bytes;
	uint64_t offset = REGALLOC_HANDLE_OFFSET(self->handles[0]);
	int sock[2], err = 0;
	uint8_t byte;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		uint8_t *base;
		int fd;

		rt_client_close(&self->c);
		fd = receive_fd(sock[1]);
		base = mmap(NULL, window, PROT_READ, MAP_SHARED, fd, 0);
		if (base == MAP_FAILED || rt_peek(base + offset, &byte) ||
		    byte != 0x3a)
			err = 1;
		if (write(sock[1], "r", 1) != 1 || read(sock[1], &byte, 1) != 1)
			err = 2;
		if (rt_peek(base + offset, &byte) != SIGBUS)
			err = 3;
		_exit(err);
	}
	ASSERT_EQ(0, send_fd(sock[0], self->c.fd));
	ASSERT_EQ(1, read(sock[0], &byte, 1));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	ASSERT_EQ(1, write(sock[0], "g", 1));
	EXPECT_EQ(0, rt_child_status(pid));
}

TEST_F(lifetime, mapping_outlives_the_descriptor)
{
	uint8_t *first = rt_addr(&self->c, self->handles[0]);

	close(self->c.fd);
	self->c.fd = -1;
	EXPECT_EQ(1, rt_stat("nr_clients"));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
	EXPECT_TRUE(rt_all_bytes(first, RT_REGION, 0x3a));
	memset(first, 0x12, RT_REGION);

	/* As long as any part of it is there. */
	ASSERT_EQ(0, munmap(self->c.base,
			    self->c.info.window_bytes - RT_PAGE));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
	ASSERT_EQ(0, munmap(self->c.base + self->c.info.window_bytes - RT_PAGE,
			    RT_PAGE));
	self->c.base = NULL;
	EXPECT_TRUE(rt_wait_until(all_gone(), RT_DEADLINE));
}

TEST_F(lifetime, map_window_alone_outlives_the_descriptor)
{
	uint32_t *word;

	ASSERT_EQ(0, rt_client_map(&self->c));
	word = rt_state(&self->c, REGALLOC_HANDLE_OFFSET(self->handles[0]));
	ASSERT_EQ(0, munmap(self->c.base, self->c.info.window_bytes));
	self->c.base = NULL;
	close(self->c.fd);
	self->c.fd = -1;
	EXPECT_EQ(1, rt_stat("nr_clients"));
	EXPECT_EQ(REGALLOC_STATE_LIVE, rt_load(word) & REGALLOC_STATE_MASK);
	ASSERT_EQ(0, munmap(self->c.map, self->c.info.map_bytes));
	self->c.map = NULL;
	EXPECT_TRUE(rt_wait_until(all_gone(), RT_DEADLINE));
}

/* The library's descriptor and its mappings end with exec. */
TEST_F(lifetime, exec)
{
	int alive[2];
	char byte;
	pid_t pid;

	rt_client_close(&self->c);
	ASSERT_TRUE(rt_wait_until(all_gone(), RT_DEADLINE));
	ASSERT_EQ(0, pipe2(alive, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct regalloc_slice s;
		struct regalloc *ra;

		if (regalloc_open(NULL, 0, &ra) ||
		    regalloc_alloc(ra, LENGTH, 0, &s))
			_exit(1);
		memset(s.addr, 1, LENGTH);
		if (write(alive[1], "a", 1) != 1)
			_exit(2);
		execl("/proc/self/exe", "lifetime", "--wait", NULL);
		_exit(3);
	}
	close(alive[1]);
	ASSERT_EQ(1, read(alive[0], &byte, 1));
	/* The end of the pipe's other side is the moment of the exec. */
	ASSERT_EQ(0, read(alive[0], &byte, 1));
	EXPECT_TRUE(rt_wait_until(all_gone(), RT_DEADLINE));
	/* The process itself is still there: see wait_if_asked(). */
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, rt_child_status(pid));
}

/* What a child of the killing test does until it is killed. */
static void hold_and_wait(unsigned int seed, int ready)
{
	struct rt_client c;
	uint64_t h[64];
	unsigned int i;

	if (rt_client_open(&c))
		_exit(1);
	for (i = 0; i < 32; i++) {
		h[i] = rt_alloc_one(c.fd, rt_class_bytes(rand_r(&seed) % 7));
		if (!h[i])
			_exit(2);
		memset(rt_addr(&c, h[i]), i, 4096);
		if (i % 5 == 0 && rt_release_one(c.fd, h[i]))
			_exit(3);
	}
	if (write(ready, "r", 1) != 1)
		_exit(4);
	for (;;) {
		/* Busy in the kernel when the signal comes. */
		h[0] = rt_alloc_one(c.fd, rt_class_bytes(rand_r(&seed) % 7));
		if (h[0])
			rt_release_one(c.fd, h[0]);
	}
}

/* REGALLOC_KILLS says how many there are. */
TEST_F_TIMEOUT(lifetime, bug16_killed_processes, 1800)
{
	unsigned int kills = rt_env_u32("REGALLOC_KILLS", 100), i;
	int ready[2];
	char byte;

	rt_client_close(&self->c);
	ASSERT_EQ(0, pipe(ready));
	for (i = 0; i < kills; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			hold_and_wait(i, ready[1]);
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		EXPECT_LT(0, rt_stat("charged_bytes"));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(128 + SIGKILL, rt_child_status(pid));
		ASSERT_TRUE(rt_wait_until(all_gone(), RT_DEADLINE)) {
			TH_LOG("after %u", i);
		}
	}
	EXPECT_EQ(rt_stat("regions_opened"), rt_stat("regions_closed"));
}

/* Several at once, and killed at any moment of their lives. */
TEST_F_TIMEOUT(lifetime, bug16_killed_at_any_moment, 600)
{
	unsigned int turn, i, seed = 3;
	pid_t pids[8];
	int ready[2];

	rt_client_close(&self->c);
	ASSERT_EQ(0, rt_param_set("budget", "160M"));
	ASSERT_EQ(0, pipe(ready));
	for (turn = 0; turn < 10; turn++) {
		for (i = 0; i < 8; i++) {
			pids[i] = fork();
			ASSERT_LE(0, pids[i]);
			if (!pids[i])
				hold_and_wait(turn * 8 + i, ready[1]);
		}
		for (i = 0; i < 8; i++) {
			usleep(rand_r(&seed) % 40000);
			kill(pids[i], SIGKILL);
		}
		for (i = 0; i < 8; i++) {
			int status = rt_child_status(pids[i]);

			/* 2: no memory any more, with so many of them. */
			EXPECT_TRUE(status == 128 + SIGKILL || status == 2);
		}
		ASSERT_TRUE(rt_wait_until(all_gone(), RT_DEADLINE));
	}
	EXPECT_EQ(rt_stat("regions_opened"), rt_stat("regions_closed"));
}

static void __attribute__((constructor)) wait_if_asked(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--wait"))
		for (;;)
			pause();
}

TEST_HARNESS_MAIN
