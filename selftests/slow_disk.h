/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk that answers when it is told to: a network block device (module nbd)
 * whose server is a thread of the test. So a transfer is under way for as long
 * as a test wants it to be.
 */
#ifndef SLOW_DISK_H
#define SLOW_DISK_H

#include "regalloc_test.h"

#define SLOW_DISK	"/dev/nbd0"
#define NO_SLOW_DISK	"no " SLOW_DISK " (modprobe nbd)"
#define SLOW_DISK_BYTES	RT_MIB
#define SLOW_DISK_BYTE	0xd1		/* all that can be read from it */

/**
 * struct slow_disk - the disk and its server
 * @fd: of the device, for O_DIRECT; -1: there is no disk
 * @hold: no read is answered while this is set
 * @asked: a read has come since slow_disk_hold()
 * @socket: the server's end
 * @server: answers
 * @driver: is in the kernel as long as the device works
 */
struct slow_disk {
	int fd;
	bool hold;
	bool asked;
	int socket;
	pthread_t server;
	pthread_t driver;
};

/**
 * struct slow_read - a read in a thread of its own
 * @fd: to read from, at offset 0
 * @buf: to read to
 * @bytes: how many
 * @got: what came of it: bytes, or a negative errno
 * @thread: the thread
 */
struct slow_read {
	int fd;
	void *buf;
	size_t bytes;
	ssize_t got;
	pthread_t thread;
};

/* 0 or a negative errno; -ENOENT: the kernel has no nbd. */
int slow_disk_start(struct slow_disk *d);
/* What is still held back is answered first. */
void slow_disk_stop(struct slow_disk *d);
/* From now on no read is answered. */
void slow_disk_hold(struct slow_disk *d);
/* Whether a read is held back; waits for it. */
bool slow_disk_holds(struct slow_disk *d);
void slow_disk_answer(struct slow_disk *d);

/* 0 or a negative errno. */
int slow_read_start(struct slow_read *r, int fd, void *buf, size_t bytes);
ssize_t slow_read_end(struct slow_read *r);

#endif /* SLOW_DISK_H */
