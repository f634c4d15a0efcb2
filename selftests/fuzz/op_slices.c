// SPDX-License-Identifier: GPL-2.0-only
/* Slices through the ioctls, and their memory. */
#include <sys/time.h>

#include "player.h"

/* How many slices to ask for: mostly one, seldom very many. */
static uint32_t some_count(uint64_t random)
{
	switch (random % 32) {
	case 0:
		return 1 + random / 32 % PLAYER_BATCH;
	case 1 ... 7:
		return 1 + random / 32 % 64;
	default:
		return 1;
	}
}

/* A length that belongs to the class. */
static uint64_t some_length(unsigned int class, uint64_t random)
{
	uint64_t most = rt_class_bytes(class);
	uint64_t least = class ? most / 2 + 1 : 1;

	return random % 2 ? most : least + random / 2 % (most - least + 1);
}

/* A structure as a later version of the interface may have it. */
struct longer_alloc {
	struct regalloc_ioc_alloc a;
	uint64_t tail[8];
};

static int alloc(struct player *p, const struct op *op, uint32_t timeout_ms)
{
	unsigned int class = op->arg[0] % REGALLOC_NR_CLASSES;
	uint32_t count = some_count(op->arg[1]);
	bool zero = op->arg[0] >> 32 & 1;
	struct longer_alloc l = {
		.a = {
			.size = sizeof(l.a) + op->arg[2] % 8 * 8,
			.flags = zero ? REGALLOC_ALLOC_F_ZERO : 0,
			.length = some_length(class, op->arg[2]),
			.count = count,
			.timeout_ms = timeout_ms,
			.handles = (uintptr_t)p->handles,
		},
	};
	int err;

	memset(p->handles, RT_POISON, count * sizeof(*p->handles));
	err = ioctl(p->c.fd, REGALLOC_IOC_ALLOC, &l) ? -errno : 0;
	trace("%u of class %u, zero %u, timeout %u: %s, %u", count, class, zero,
	      timeout_ms, strerror(-err), l.a.out_count);
	if (!err && l.a.out_slice_bytes != rt_class_bytes(class))
		fail("out_slice_bytes %u", l.a.out_slice_bytes);
	if (!err && l.a.out_count < count &&
	    p->handles[l.a.out_count] != RT_POISON64)
		fail("ALLOC wrote more than %u handles", l.a.out_count);
	player_took(p, class, count, zero, err, l.a.out_count);
	return err;
}

int op_alloc(struct player *p, const struct op *op)
{
	int err = alloc(p, op, 0);

	if (err && err != -ENOMEM)
		fail("ALLOC without a timeout: %s", strerror(-err));
	return err;
}

int op_alloc_wait(struct player *p, const struct op *op)
{
	int err = alloc(p, op, 1 + op->arg[2] % 20);

	if (err && err != -ETIMEDOUT)
		fail("ALLOC with a timeout: %s", strerror(-err));
	return err;
}

static void wake_up(int sig)
{
}

/* Waits without end, until a signal comes. */
int op_alloc_signal(struct player *p, const struct op *op)
{
	const struct sigaction sa = { .sa_handler = wake_up };
	/* Again and again, lest the first comes before the wait begins. */
	const struct itimerval on = { { 0, 5000 }, { 0, 5000 } }, off = { 0 };
	int err;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &on, NULL);
	err = alloc(p, op, REGALLOC_WAIT_FOREVER);
	setitimer(ITIMER_REAL, &off, NULL);
	if (err && err != -EINTR)
		fail("ALLOC with a signal: %s", strerror(-err));
	return err;
}

/* Several in one call, sometimes with one among them that cannot be. */
int op_release(struct player *p, const struct op *op)
{
	uint32_t n = some_count(op->arg[0]), i, released = 0, good;
	struct model *m = p->m;
	int err, expected = 0;

	if (!m->nr_live)
		return FUZZ_SKIPPED;
	if (n > m->nr_live)
		n = m->nr_live;
	for (i = 0; i < n; i++) {
		p->handles[i] = m->live[(op->arg[1] + i) % m->nr_live];
		player_check(p, p->handles[i]);
	}
	good = n;
	if (op->arg[2] % 8 == 0) {
		good = op->arg[2] / 8 % n;
		p->handles[good] = m->past[op->arg[1] % MODEL_PAST];
		if (model_is_live(m, p->handles[good]))
			return FUZZ_SKIPPED;
		expected = good ? 0 : model_release_error(m, p->handles[0]);
	}
	err = rt_release(p->c.fd, p->handles, n, &released);
	trace("%u, %u of them good: %s, %u", n, good, strerror(-err), released);
	if (err != expected || released != good)
		fail("RELEASE of %u, %u of them good: %s, %u released", n, good,
		     strerror(-err), released);
	for (i = 0; i < good; i++)
		model_gave(m, p->handles[i]);
	return err;
}

int op_release_wild(struct player *p, const struct op *op)
{
	uint64_t handle = player_some_wild(p, op->arg[0], op->arg[1]);
	int expected = model_release_error(p->m, handle), err;

	if (!expected)
		player_check(p, handle);
	err = rt_release_one(p->c.fd, handle);
	trace("%" PRIx64 ": %s", handle, strerror(-err));
	if (err != expected)
		fail("RELEASE of %" PRIx64 ": %s, not %s", handle,
		     strerror(-err), strerror(-expected));
	if (!err)
		model_gave(p->m, handle);
	return err;
}

int op_zero(struct player *p, const struct op *op)
{
	uint64_t handle = op->arg[2] % 4 ? player_some_live(p, op->arg[1]) :
			  player_some_wild(p, op->arg[0], op->arg[1]);
	int expected = model_release_error(p->m, handle);
	int err = rt_zero(p->c.fd, handle);

	trace("%" PRIx64 ": %s", handle, strerror(-err));
	if (err != expected)
		fail("ZERO of %" PRIx64 ": %s, not %s", handle, strerror(-err),
		     strerror(-expected));
	if (err)
		return err;
	player_check_zero(p, handle);
	player_fill(p, handle);
	return 0;
}

int op_write(struct player *p, const struct op *op)
{
	uint64_t handle = player_some_live(p, op->arg[0]);

	if (!handle)
		return FUZZ_SKIPPED;
	player_fill(p, handle);
	return 0;
}

int op_read(struct player *p, const struct op *op)
{
	uint64_t handle = player_some_live(p, op->arg[0]);

	if (!handle)
		return FUZZ_SKIPPED;
	player_check(p, handle);
	return 0;
}

/* After TRIM, where nothing is live there is nothing. */
int op_stray(struct player *p, const struct op *op)
{
	unsigned int class = op->arg[0] % REGALLOC_NR_CLASSES;
	unsigned int slot = op->arg[1] % MODEL_SLOTS;
	uint64_t offset = model_region_offset(p->m, class, slot) +
			  op->arg[2] % RT_REGION;
	struct regalloc_ioc_stats stats;
	uint8_t value;
	int sig;

	player_settle(p, &stats);
	sig = rt_peek(p->c.base + offset, &value);
	if (sig != (model_page_is_live(p->m, offset) ? 0 : SIGBUS))
		fail("touch of %" PRIx64 ", in a region with %u slices: signal %d",
		     offset, p->m->in_region[class][slot], sig);
	return tally_signal(sig);
}
