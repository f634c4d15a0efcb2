// SPDX-License-Identifier: MIT
/*
 * The thread sleeps in poll() until somebody wants memory, or until its end is
 * wanted, which a second descriptor tells.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "abi.h"
#include "client.h"

/**
 * struct regalloc_listener - a thread that calls back
 * @ra: the client
 * @fn: to be called
 * @arg: with this
 * @stop: readable when the thread is to end
 * @thread: that calls
 */
struct regalloc_listener {
	struct regalloc *ra;
	regalloc_listener_fn fn;
	void *arg;
	int stop;
	pthread_t thread;
};

static void *listen(void *arg)
{
	struct regalloc_listener *listener = arg;
	struct pollfd fds[] = {
		{ .fd = listener->ra->fd, .events = POLLPRI },
		{ .fd = listener->stop, .events = POLLIN },
	};
	uint64_t wanted;

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			return NULL;
		if (!regalloc_abi_pressure(listener->ra->fd, &wanted) && wanted)
			listener->fn(wanted, listener->arg);
	}
}

/* Of a fault of the thread's own: were they blocked, its handler would not run. */
static const int own_signals[] = {
	SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP,
};

/* The program's signals are for the program's own threads. */
static int start_without_signals(struct regalloc_listener *listener)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	for (unsigned int i = 0; i < sizeof(own_signals) / sizeof(int); i++)
		sigdelset(&all, own_signals[i]);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&listener->thread, NULL, listen, listener);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

int regalloc_listener_start(struct regalloc *ra, regalloc_listener_fn fn,
			    void *arg, struct regalloc_listener **out)
{
	struct regalloc_listener *listener;
	int err;

	if (!ra || !fn || !out)
		return -EINVAL;
	listener = malloc(sizeof(*listener));
	if (!listener)
		return -ENOMEM;
	*listener = (struct regalloc_listener){
		.ra = ra,
		.fn = fn,
		.arg = arg,
		.stop = eventfd(0, EFD_CLOEXEC),
	};
	if (listener->stop < 0) {
		err = -errno;
		goto err_free;
	}
	err = start_without_signals(listener);
	if (err)
		goto err_close;
	*out = listener;
	return 0;

err_close:
	close(listener->stop);
err_free:
	free(listener);
	return err;
}

int regalloc_listener_stop(struct regalloc_listener *listener)
{
	if (!listener)
		return 0;
	eventfd_write(listener->stop, 1);
	pthread_join(listener->thread, NULL);
	close(listener->stop);
	free(listener);
	return 0;
}
