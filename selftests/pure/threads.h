/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads that start together, and a random number for each. */
#ifndef PURE_THREADS_H
#define PURE_THREADS_H

#include <pthread.h>
#include <stdlib.h>

struct thread {
	unsigned int index;
	void (*fn)(unsigned int index, void *arg);
	void *arg;
	pthread_barrier_t *all;
	pthread_t id;
};

static void *thread_main(void *p)
{
	struct thread *t = p;

	pthread_barrier_wait(t->all);
	t->fn(t->index, t->arg);
	return NULL;
}

/* At most 16. */
static inline void run_threads(unsigned int n,
			       void (*fn)(unsigned int index, void *arg),
			       void *arg)
{
	pthread_barrier_t all;
	struct thread t[16];
	unsigned int i;

	pthread_barrier_init(&all, NULL, n);
	for (i = 0; i < n; i++) {
		t[i] = (struct thread){ i, fn, arg, &all };
		if (pthread_create(&t[i].id, NULL, thread_main, &t[i]))
			abort();
	}
	for (i = 0; i < n; i++)
		pthread_join(t[i].id, NULL);
	pthread_barrier_destroy(&all);
}

#define shared_add(p, v)	__atomic_fetch_add(p, v, __ATOMIC_RELAXED)
#define shared_load(p)		__atomic_load_n(p, __ATOMIC_RELAXED)
#define shared_store(p, v)	__atomic_store_n(p, v, __ATOMIC_RELAXED)

#endif /* PURE_THREADS_H */
