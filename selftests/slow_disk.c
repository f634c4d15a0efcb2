// SPDX-License-Identifier: GPL-2.0-only
/* See slow_disk.h. */
#define _GNU_SOURCE
#define __KSELFTEST_HARNESS_H
#include "slow_disk.h"

#include <arpa/inet.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <sys/socket.h>

#define BLOCK	4096

/* Reads are all that it knows; at the end comes something else. */
static void *server_main(void *arg)
{
	static uint8_t data[SLOW_DISK_BYTES];
	struct nbd_reply reply = { .magic = htonl(NBD_REPLY_MAGIC) };
	struct slow_disk *d = arg;
	struct nbd_request req;

	memset(data, SLOW_DISK_BYTE, sizeof(data));
	while (recv(d->socket, &req, sizeof(req), MSG_WAITALL) == sizeof(req) &&
	       req.type == htonl(NBD_CMD_READ)) {
		rt_store(&d->asked, true);
		while (rt_load(&d->hold))
			usleep(1000);
		memcpy(reply.handle, req.handle, sizeof(reply.handle));
		send(d->socket, &reply, sizeof(reply), MSG_NOSIGNAL);
		send(d->socket, data, ntohl(req.len), MSG_NOSIGNAL);
	}
	/* A child of the test may have the socket as well. */
	shutdown(d->socket, SHUT_RDWR);
	close(d->socket);
	return NULL;
}

static void *driver_main(void *arg)
{
	struct slow_disk *d = arg;

	ioctl(d->fd, NBD_DO_IT);
	return NULL;
}

/* Without partitions nobody reads but the test. */
static int open_device(void)
{
	int fd;

	if (access(SLOW_DISK, F_OK) &&
	    system("modprobe nbd nbds_max=1 max_part=0 2>/dev/null"))
		return -ENOENT;
	fd = open(SLOW_DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Says what the kernel's end of the connection is, and how large the disk. */
static int set_up(int fd, int socket)
{
	if (ioctl(fd, NBD_SET_BLKSIZE, BLOCK) ||
	    ioctl(fd, NBD_SET_SIZE_BLOCKS, SLOW_DISK_BYTES / BLOCK) ||
	    ioctl(fd, NBD_SET_SOCK, socket))
		return -errno;
	return 0;
}

static bool works(int fd)
{
	uint64_t bytes = 0;

	return !ioctl(fd, BLKGETSIZE64, &bytes) && bytes == SLOW_DISK_BYTES;
}

int slow_disk_start(struct slow_disk *d)
{
	int sockets[2], err;

	memset(d, 0, sizeof(*d));
	d->fd = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	d->socket = sockets[1];
	err = open_device();
	if (err < 0)
		goto fail;
	d->fd = err;
	err = set_up(d->fd, sockets[0]);
	if (err)
		goto fail;
	if (pthread_create(&d->server, NULL, server_main, d) ||
	    pthread_create(&d->driver, NULL, driver_main, d))
		rt_die("cannot start the disk's threads");
	if (!rt_wait_until(works(d->fd), RT_DEADLINE))
		rt_die("the disk does not start");
	close(sockets[0]);
	return 0;
fail:
	close(sockets[0]);
	close(sockets[1]);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	return err;
}

void slow_disk_stop(struct slow_disk *d)
{
	if (d->fd < 0)
		return;
	slow_disk_answer(d);
	ioctl(d->fd, NBD_DISCONNECT);
	pthread_join(d->server, NULL);
	pthread_join(d->driver, NULL);
	ioctl(d->fd, NBD_CLEAR_SOCK);
	close(d->fd);
	d->fd = -1;
}

void slow_disk_hold(struct slow_disk *d)
{
	rt_store(&d->asked, false);
	rt_store(&d->hold, true);
}

bool slow_disk_holds(struct slow_disk *d)
{
	return rt_wait_until(rt_load(&d->asked), RT_DEADLINE);
}

void slow_disk_answer(struct slow_disk *d)
{
	rt_store(&d->hold, false);
}

static void *read_main(void *arg)
{
	struct slow_read *r = arg;

	r->got = pread(r->fd, r->buf, r->bytes, 0);
	if (r->got < 0)
		r->got = -errno;
	return NULL;
}

int slow_read_start(struct slow_read *r, int fd, void *buf, size_t bytes)
{
	r->fd = fd;
	r->buf = buf;
	r->bytes = bytes;
	return -pthread_create(&r->thread, NULL, read_main, r);
}

ssize_t slow_read_end(struct slow_read *r)
{
	pthread_join(r->thread, NULL);
	return r->got;
}
