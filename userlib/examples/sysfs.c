// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sysfs.h"

enum { CHARGED, LIVE, BUDGET, NR_FILES };

static const char *const paths[NR_FILES] = {
	[CHARGED] = SYSFS_DIR "charged_bytes",
	[LIVE] = SYSFS_DIR "live_bytes",
	[BUDGET] = SYSFS_DIR "budget_bytes",
};

/**
 * struct watch - the watching thread
 * @fds: the files of paths[], kept open
 * @start: when it began
 * @pause: between two samples
 * @fn: whom to tell
 * @arg: for @fn
 * @stop: set by watch_stop(), looked at by the thread
 * @err: why it could not look; the thread's own until it is joined
 * @thread: the thread
 */
struct watch {
	int fds[NR_FILES];
	double start;
	struct timespec pause;
	void (*fn)(const struct sample *sample, void *arg);
	void *arg;
	atomic_bool stop;
	int err;
	pthread_t thread;
};

double now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* One number from the start of @fd. */
static int read_number(int fd, uint64_t *out)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;

	text[n] = '\0';
	*out = strtoull(text, NULL, 10);
	return 0;
}

static int look(struct watch *w)
{
	struct sample s = { .seconds = now_seconds() - w->start };
	int err;

	err = read_number(w->fds[CHARGED], &s.charged_bytes);
	if (!err)
		err = read_number(w->fds[LIVE], &s.live_bytes);
	if (!err)
		err = read_number(w->fds[BUDGET], &s.budget_bytes);
	if (!err)
		w->fn(&s, w->arg);
	return err;
}

static void *watch_main(void *arg)
{
	struct watch *w = arg;
	bool last;

	do {
		last = atomic_load(&w->stop);
		w->err = look(w);
		if (!last)
			nanosleep(&w->pause, NULL);
	} while (!last && !w->err);

	return NULL;
}

static void close_files(struct watch *w)
{
	for (int i = 0; i < NR_FILES; i++)
		if (w->fds[i] >= 0)
			close(w->fds[i]);
}

static int open_files(struct watch *w)
{
	int err = 0;

	for (int i = 0; i < NR_FILES; i++) {
		w->fds[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (w->fds[i] < 0)
			err = -errno;
	}
	if (err)
		close_files(w);
	return err;
}

int watch_start(unsigned int hz, void (*fn)(const struct sample *, void *),
		void *arg, struct watch **out)
{
	struct watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;

	w->start = now_seconds();
	w->pause.tv_nsec = 1000000000L / hz - 1;
	w->fn = fn;
	w->arg = arg;
	err = open_files(w);
	if (err)
		goto err_free;

	err = -pthread_create(&w->thread, NULL, watch_main, w);
	if (err)
		goto err_close;

	*out = w;
	return 0;

err_close:
	close_files(w);
err_free:
	free(w);
	return err;
}

int watch_stop(struct watch *w)
{
	int err;

	atomic_store(&w->stop, true);
	pthread_join(w->thread, NULL);
	err = w->err;
	close_files(w);
	free(w);
	return err;
}
