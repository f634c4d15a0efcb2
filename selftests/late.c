// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes that arrive when the region they go to has closed: its memory stays
 * charged until they have, and nobody gets it before. A disk that waits for as
 * long as a test wants fills a slice, with O_DIRECT and through io_uring; and
 * another process writes into slices that come and go.
 */
#include "slow_disk.h"

#include <liburing.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#define LENGTH	(256 * 1024)
#define COUNT	16		/* a region of that class */
#define BUDGET	(32 * RT_MIB)
#define MOST	(BUDGET / LENGTH)
/* What the owners of the memory write. */
#define FIRST	0x71
#define OTHER	0xfe

enum how { PREAD, URING, URING_FIXED };

FIXTURE(late)
{
	struct slow_disk disk;
	struct rt_sampler sampler;
	struct slow_read thread;	/* one of these two reads */
	struct io_uring ring;
	struct rt_client first;		/* its slice is what the disk fills */
	uint64_t handle;
	uint8_t *slice;
	struct rt_client other;		/* has all that is left */
	uint64_t theirs[MOST];
	uint32_t nr_theirs;
};

FIXTURE_VARIANT(late)
{
	enum how how;
};

FIXTURE_VARIANT_ADD(late, pread)
{
	.how = PREAD,
};

FIXTURE_VARIANT_ADD(late, io_uring)
{
	.how = URING,
};

FIXTURE_VARIANT_ADD(late, io_uring_fixed_buffer)
{
	.how = URING_FIXED,
};

FIXTURE_SETUP(late)
{
	int err = slow_disk_start(&self->disk);

	if (err != -ENOENT)
		ASSERT_EQ(0, err);
	ASSERT_TRUE(rt_begin("32M", RT_DECAY_NEVER_MS));
	self->first.fd = -1;
	ASSERT_EQ(0, rt_client_open(&self->other));
	rt_sampler_start(&self->sampler, "charged_bytes");
}

FIXTURE_TEARDOWN(late)
{
	slow_disk_stop(&self->disk);
	rt_client_close(&self->first);
	rt_client_close(&self->other);
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
	EXPECT_EQ(0, rt_stat("pinned_bytes"));
	rt_sampler_stop(&self->sampler);
	EXPECT_LE(self->sampler.max, BUDGET);
	rt_end();
}

/* Before 6.5 only memory of a few file systems could be registered. */
static int register_status(void)
{
	unsigned int major, minor;
	struct utsname name;

	uname(&name);
	if (sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return -EINVAL;
	return major * 100 + minor < 605 ? -EOPNOTSUPP : 0;
}

/* Has the ring read the disk, into a registered buffer if there can be one. */
static int ring_start(FIXTURE_DATA(late) * self, bool fixed)
{
	struct iovec iov = { self->slice, LENGTH };
	struct io_uring_sqe *sqe;
	int err;

	err = io_uring_queue_init(1, &self->ring, 0);
	if (err)
		return err;
	sqe = io_uring_get_sqe(&self->ring);
	if (fixed) {
		err = io_uring_register_buffers(&self->ring, &iov, 1);
		if (err != register_status())
			return err ? err : -EEXIST;
	}
	if (fixed && !err)
		io_uring_prep_read_fixed(sqe, self->disk.fd, self->slice,
					 LENGTH, 0, 0);
	else
		io_uring_prep_read(sqe, self->disk.fd, self->slice, LENGTH, 0);
	err = io_uring_submit(&self->ring);
	return err < 0 ? err : 0;
}

/* What was read. A buffer stays registered. */
static ssize_t ring_end(FIXTURE_DATA(late) * self)
{
	struct io_uring_cqe *cqe;
	int err = io_uring_wait_cqe(&self->ring, &cqe);

	return err ? err : cqe->res;
}

/* The first client has the disk fill a slice. */
static int first_reads(FIXTURE_DATA(late) * self, enum how how)
{
	int err = rt_client_open(&self->first);

	if (err)
		return err;
	self->handle = rt_alloc_one(self->first.fd, LENGTH);
	if (!self->handle)
		return -errno;
	self->slice = rt_addr(&self->first, self->handle);
	memset(self->slice, FIRST, LENGTH);
	if (how == PREAD)
		return slow_read_start(&self->thread, self->disk.fd,
				       self->slice, LENGTH);
	return ring_start(self, how == URING_FIXED);
}

/* The region has closed, and the memory that is written to is still there. */
static bool still_pinned(void)
{
	uint64_t pinned = rt_stat("pinned_bytes");

	return pinned >= LENGTH && pinned <= RT_REGION &&
	       rt_stat("charged_bytes") >= pinned;
}

/* The other client fills all that the budget has left. */
static int other_takes_the_rest(FIXTURE_DATA(late) * self)
{
	uint64_t handle;

	while ((handle = rt_alloc_one(self->other.fd, LENGTH))) {
		memset(rt_addr(&self->other, handle), OTHER, LENGTH);
		self->theirs[self->nr_theirs++] = handle;
	}
	return -errno;
}

static bool others_bytes_are_intact(FIXTURE_DATA(late) * self)
{
	uint32_t i;

	for (i = 0; i < self->nr_theirs; i++)
		if (!rt_all_bytes(rt_addr(&self->other, self->theirs[i]),
				  LENGTH, OTHER))
			return false;
	return self->nr_theirs;
}

/* The answer arrives, and with it ends what held the memory. */
static ssize_t answer(FIXTURE_DATA(late) * self, enum how how)
{
	ssize_t got;

	slow_disk_answer(&self->disk);
	if (how == PREAD)
		return slow_read_end(&self->thread);
	got = ring_end(self);
	if (how == URING_FIXED && !register_status()) {
		/* As long as it is registered, it may be written to again. */
		if (rt_wait_until(!still_pinned(), 1))
			return -ESTALE;
		if (io_uring_unregister_buffers(&self->ring))
			return -EINVAL;
	}
	io_uring_queue_exit(&self->ring);
	return got;
}

TEST_F(late, region_closes)
{
	uint64_t again[COUNT];
	uint8_t *slice, byte;
	uint32_t regions;

	if (self->disk.fd < 0)
		SKIP(return, NO_SLOW_DISK);
	slow_disk_hold(&self->disk);
	ASSERT_EQ(0, first_reads(self, variant->how));
	ASSERT_TRUE(slow_disk_holds(&self->disk));
	EXPECT_EQ(0, rt_stat("pinned_bytes"));
	ASSERT_EQ(0, rt_release_one(self->first.fd, self->handle));
	ASSERT_EQ(0, rt_trim(self->first.fd, &regions));
	EXPECT_EQ(1, regions);
	EXPECT_TRUE(still_pinned());
	slice = self->slice;
	EXPECT_EQ(SIGBUS, rt_peek(slice, &byte));
	EXPECT_EQ(SIGBUS, rt_peek(slice + LENGTH - 1, &byte));

	/* In the same place there is other memory then, all of it. */
	ASSERT_EQ(0, rt_alloc_all(self->first.fd, LENGTH, COUNT, again));
	ASSERT_EQ(slice, rt_addr(&self->first, again[0]));
	EXPECT_TRUE(rt_all_bytes(slice, RT_REGION, 0));
	memset(slice, FIRST, RT_REGION);
	EXPECT_EQ(-ENOMEM, other_takes_the_rest(self));
	EXPECT_TRUE(still_pinned());
	EXPECT_GT(rt_stat("charged_bytes") + RT_REGION, BUDGET);

	EXPECT_EQ(LENGTH, answer(self, variant->how));
	EXPECT_TRUE(rt_wait_until(!rt_stat("pinned_bytes"), RT_DEADLINE));
	EXPECT_TRUE(others_bytes_are_intact(self));
	EXPECT_TRUE(rt_all_bytes(slice, RT_REGION, FIRST));
	EXPECT_EQ((self->nr_theirs + COUNT) * LENGTH, rt_stat("charged_bytes"));

	/* And other memory again, for which there is room now. */
	ASSERT_EQ(0, rt_release_all(self->first.fd, again, COUNT));
	ASSERT_EQ(0, rt_trim(self->first.fd, NULL));
	EXPECT_EQ(0, rt_stat("pinned_bytes"));
	ASSERT_EQ(0, rt_alloc_all(self->first.fd, LENGTH, COUNT, again));
	EXPECT_TRUE(rt_all_bytes(slice, RT_REGION, 0));
}

TEST_F(late, client_closes)
{
	if (self->disk.fd < 0)
		SKIP(return, NO_SLOW_DISK);
	slow_disk_hold(&self->disk);
	ASSERT_EQ(0, first_reads(self, variant->how));
	ASSERT_TRUE(slow_disk_holds(&self->disk));
	rt_client_close(&self->first);
	EXPECT_TRUE(rt_wait_until(rt_stat("nr_clients") == 1, RT_DEADLINE));
	EXPECT_TRUE(still_pinned());
	EXPECT_EQ(-ENOMEM, other_takes_the_rest(self));
	EXPECT_TRUE(still_pinned());

	EXPECT_EQ(LENGTH, answer(self, variant->how));
	EXPECT_TRUE(rt_wait_until(!rt_stat("pinned_bytes"), RT_DEADLINE));
	EXPECT_TRUE(others_bytes_are_intact(self));
	EXPECT_EQ(self->nr_theirs * LENGTH, rt_stat("charged_bytes"));
}

/* A thread that waits for a disk does not die of it, so its client stays. */
TEST_F(late, process_is_killed)
{
	pid_t pid;

	if (self->disk.fd < 0)
		SKIP(return, NO_SLOW_DISK);
	slow_disk_hold(&self->disk);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (!first_reads(self, variant->how))
			pause();
		_exit(1);
	}
	ASSERT_TRUE(slow_disk_holds(&self->disk));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	if (variant->how == PREAD) {
		EXPECT_EQ(2, rt_stat("nr_clients"));
	} else {
		EXPECT_EQ(128 + SIGKILL, rt_child_status(pid));
		EXPECT_TRUE(rt_wait_until(still_pinned(), RT_DEADLINE));
		EXPECT_EQ(1, rt_stat("nr_clients"));
	}
	EXPECT_EQ(-ENOMEM, other_takes_the_rest(self));
	EXPECT_GT(BUDGET, self->nr_theirs * LENGTH);

	slow_disk_answer(&self->disk);
	if (variant->how == PREAD)
		EXPECT_EQ(128 + SIGKILL, rt_child_status(pid));
	EXPECT_TRUE(rt_wait_until(rt_stat("charged_bytes") ==
				  self->nr_theirs * LENGTH, RT_DEADLINE));
	EXPECT_EQ(0, rt_stat("pinned_bytes"));
	EXPECT_TRUE(others_bytes_are_intact(self));
}

/**
 * struct meddling - another process that writes to one client's memory
 * @first: the client
 * @slice: of that client, most of the time
 * @other: works beside it
 * @stop: ends it
 * @done: how often something was written or read
 * @refused: how often there was no memory there
 * @bad: what must not be
 */
struct meddling {
	struct rt_client first;
	uint8_t *slice;
	struct rt_client other;
	bool stop;
	uint64_t done;
	uint64_t refused;
	uint64_t bad;
};

FIXTURE(late_writer)
{
	struct meddling *m;		/* shared with the other process */
};

FIXTURE_SETUP(late_writer)
{
	ASSERT_TRUE(rt_begin("32M", 0));
	self->m = mmap(NULL, sizeof(*self->m), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->m);
	ASSERT_EQ(0, rt_client_open(&self->m->first));
	ASSERT_EQ(0, rt_client_open(&self->m->other));
}

FIXTURE_TEARDOWN(late_writer)
{
	rt_client_close(&self->m->first);
	rt_client_close(&self->m->other);
	rt_end();
}

/* Bytes, or nothing to be had. */
static void count(struct meddling *m, ssize_t result)
{
	if (result > 0)
		rt_add(&m->done, 1);
	else if (result < 0 && errno == EFAULT)
		rt_add(&m->refused, 1);
	else
		rt_add(&m->bad, 1);
}

/* What is read is never what the other client has written. */
static void meddle(struct meddling *m, pid_t pid)
{
	static uint8_t buf[LENGTH];
	struct iovec here = { buf, LENGTH }, there = { m->slice, LENGTH };
	ssize_t got;

	while (!rt_load(&m->stop)) {
		memset(buf, SLOW_DISK_BYTE, LENGTH);
		count(m, process_vm_writev(pid, &here, 1, &there, 1, 0));
		got = process_vm_readv(pid, &here, 1, &there, 1, 0);
		count(m, got);
		if (got > 0 && memchr(buf, OTHER, got))
			rt_add(&m->bad, 1);
	}
}

/* The region of the slice opens and closes. */
static void come_and_go(struct meddling *m)
{
	while (!rt_load(&m->stop)) {
		uint64_t handle = rt_alloc_one(m->first.fd, LENGTH);

		if (!handle || rt_addr(&m->first, handle) != m->slice ||
		    rt_release_one(m->first.fd, handle))
			rt_add(&m->bad, 1);
	}
}

static bool all_slices_hold(const struct meddling *m, const uint64_t *handles,
			    uint8_t value)
{
	for (unsigned int i = 0; i < COUNT; i++)
		if (!rt_all_bytes(rt_addr(&m->other, handles[i]), LENGTH, value))
			return false;
	return true;
}

/* Takes memory that has just been free, and finds in it what it has written. */
static void work_beside(struct meddling *m)
{
	uint64_t handles[COUNT];
	unsigned int turn, i;

	for (turn = 0; turn < 100; turn++) {
		if (rt_alloc_all(m->other.fd, LENGTH, COUNT, handles)) {
			rt_add(&m->bad, 1);
			continue;
		}
		if (!all_slices_hold(m, handles, 0))
			rt_add(&m->bad, 1);
		for (i = 0; i < COUNT; i++)
			memset(rt_addr(&m->other, handles[i]), OTHER, LENGTH);
		if (!all_slices_hold(m, handles, OTHER))
			rt_add(&m->bad, 1);
		rt_release_all(m->other.fd, handles, COUNT);
	}
	rt_store(&m->stop, true);
}

static void work(unsigned int index, void *arg)
{
	if (index)
		come_and_go(arg);
	else
		work_beside(arg);
}

TEST_F(late_writer, process_vm_writev)
{
	struct meddling *m = self->m;
	uint64_t handle = rt_alloc_one(m->first.fd, LENGTH);
	pid_t parent = getpid(), pid;

	ASSERT_NE(0, handle);
	m->slice = rt_addr(&m->first, handle);
	ASSERT_EQ(0, rt_release_one(m->first.fd, handle));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct rt_client first = m->first, other = m->other;

		/* It has no part in the clients. */
		rt_client_close(&first);
		rt_client_close(&other);
		meddle(m, parent);
		_exit(0);
	}
	rt_threads(2, work, m);
	EXPECT_EQ(0, rt_child_status(pid));
	EXPECT_EQ(0, m->bad);
	EXPECT_LT(0, m->done);
	EXPECT_LT(0, m->refused);
	EXPECT_TRUE(rt_wait_until(!rt_stat("charged_bytes"), RT_DEADLINE));
	EXPECT_EQ(0, rt_stat("pinned_bytes"));
}

TEST_HARNESS_MAIN
