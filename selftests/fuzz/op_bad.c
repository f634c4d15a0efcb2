// SPDX-License-Identifier: GPL-2.0-only
/* Calls with one thing wrong, which must change nothing. */
#include <stddef.h>

#include "player.h"

#define NR_CALLS	8

/* Room for any of the structures and more than a page. */
union call {
	struct {
		uint32_t size;
		uint32_t flags;
	} head;
	struct regalloc_ioc_alloc alloc;
	struct regalloc_ioc_release release;
	struct regalloc_ioc_trim trim;
	struct regalloc_ioc_limits limits;
	struct regalloc_ioc_zero zero;
	uint8_t bytes[2 * 65536];	/* of the largest pages */
};

/* Sizes, which are those of the first version, too; by number. */
static const uint32_t sizes[NR_CALLS] = {
	sizeof(struct regalloc_ioc_info),
	sizeof(struct regalloc_ioc_alloc),
	sizeof(struct regalloc_ioc_release),
	sizeof(struct regalloc_ioc_trim),
	sizeof(struct regalloc_ioc_stats),
	sizeof(struct regalloc_ioc_limits),
	sizeof(struct regalloc_ioc_pressure),
	sizeof(struct regalloc_ioc_zero),
};

/* Of the first version, where there is a later one. */
static uint32_t first_size(unsigned int nr)
{
	if (nr == _IOC_NR(REGALLOC_IOC_STATS))
		return offsetof(struct regalloc_ioc_stats, idle_bytes);
	if (nr == _IOC_NR(REGALLOC_IOC_ALLOC))
		return offsetof(struct regalloc_ioc_alloc, end_ns);
	return sizes[nr];
}

static const uint32_t known_flags[NR_CALLS] = {
	[_IOC_NR(REGALLOC_IOC_ALLOC)] = REGALLOC_ALLOC_F_ZERO,
	[_IOC_NR(REGALLOC_IOC_TRIM)] = REGALLOC_TRIM_F_ARM |
				       REGALLOC_TRIM_F_NOTIFY,
};

static unsigned int number_of(unsigned int cmd)
{
	return _IOC_NR(cmd);
}

/* A call with nothing wrong, and of no effect if it is not ALLOC. */
static union call good_call(struct player *p, unsigned int nr)
{
	union call call = { .head.size = sizes[nr] };

	if (nr == number_of(REGALLOC_IOC_ALLOC)) {
		call.alloc.length = REGALLOC_MIN_SLICE_BYTES;
		call.alloc.count = 1;
		call.alloc.handles = (uintptr_t)p->handles;
	} else if (nr == number_of(REGALLOC_IOC_RELEASE)) {
		p->handles[0] = 0;
		call.release.count = 1;
		call.release.handles = (uintptr_t)p->handles;
	} else if (nr == number_of(REGALLOC_IOC_LIMITS)) {
		call.limits.reserve_bytes = p->m->reserve;
		call.limits.limit_bytes = p->m->limit;
	}
	return call;
}

static int must_give(struct player *p, unsigned int cmd, void *arg,
		     int expected, const char *what)
{
	int err = ioctl(p->c.fd, cmd, arg) ? -errno : 0;

	trace("%s, call %u: %s", what, _IOC_NR(cmd), strerror(-err));
	/* A bad pointer for handles is noticed when there are some. */
	if (err != expected && !(expected == -EFAULT && err == -ENOMEM))
		fail("%s, call %u: %s, not %s", what, _IOC_NR(cmd),
		     strerror(-err), strerror(-expected));
	player_check_stats(p);
	return err;
}

/* What every structure begins with. */
int op_bad_head(struct player *p, const struct op *op)
{
	unsigned int nr = op->arg[0] % NR_CALLS;
	union call call = good_call(p, nr);
	unsigned int cmd = _IO(REGALLOC_IOC_TYPE, nr);
	uint32_t bit = 1U << op->arg[2] % 32;

	switch (op->arg[1] % 6) {
	case 0:
		call.head.size = op->arg[2] % first_size(nr);
		return must_give(p, cmd, &call, -EINVAL, "too short");
	case 1:
		call.head.size += 1 + op->arg[2] % 1024;
		call.bytes[sizes[nr] + op->arg[2] / 1024 %
			   (call.head.size - sizes[nr])] = 1;
		return must_give(p, cmd, &call, -E2BIG, "unknown tail");
	case 2:
		call.head.size = AREA_PAGE + 1 + (uint32_t)op->arg[2] %
				 (UINT32_MAX - AREA_PAGE);
		return must_give(p, cmd, &call, -E2BIG, "too long");
	case 3:
		if (bit & known_flags[nr])
			return FUZZ_SKIPPED;
		call.head.flags = bit;
		return must_give(p, cmd, &call, -EINVAL, "unknown flag");
	case 4:
		return must_give(p, _IO(REGALLOC_IOC_TYPE, NR_CALLS + bit % 248),
				 &call, -ENOTTY, "unknown number");
	default:
		return must_give(p, _IOWR(REGALLOC_IOC_TYPE, nr, uint64_t),
				 &call, -ENOTTY, "wrong direction");
	}
}

/* Numbers out of range. */
int op_bad_field(struct player *p, const struct op *op)
{
	union call alloc = good_call(p, number_of(REGALLOC_IOC_ALLOC));
	union call release = good_call(p, number_of(REGALLOC_IOC_RELEASE));
	union call trim = good_call(p, number_of(REGALLOC_IOC_TRIM));
	uint32_t too_many = op->arg[1] % 2 ? 0 :
			    REGALLOC_MAX_BATCH + 1 + (op->arg[1] >> 34);

	switch (op->arg[0] % 4) {
	case 0:
		alloc.alloc.count = too_many;
		return must_give(p, REGALLOC_IOC_ALLOC, &alloc, -EINVAL,
				 "count");
	case 1:
		alloc.alloc.length = op->arg[1] % 2 ? 0 :
				     REGALLOC_MAX_SLICE_BYTES + 1 +
				     (op->arg[1] >> op->arg[2] % 64) / 2;
		return must_give(p, REGALLOC_IOC_ALLOC, &alloc, -EINVAL,
				 "length");
	case 2:
		release.release.count = too_many;
		return must_give(p, REGALLOC_IOC_RELEASE, &release, -EINVAL,
				 "count");
	default:
		trim.trim.reserved = 1U << op->arg[1] % 32;
		return must_give(p, REGALLOC_IOC_TRIM, &trim, -EINVAL,
				 "reserved");
	}
}

static void *bad_pointer(struct player *p, uint64_t random)
{
	switch (random % 4) {
	case 0:
		return NULL;
	case 1:
		return p->area + AREA_PAGE;
	case 2:
		/* A structure that reaches into the second page. */
		*(uint32_t *)(p->area + AREA_PAGE - 4) = AREA_PAGE;
		return p->area + AREA_PAGE - 4;
	default:
		/* The kernel's half. */
		return (void *)(1ULL << 63 | random);
	}
}

/* A structure that can be read, but no answer be written. */
static int no_answer(struct player *p, unsigned int nr)
{
	uint8_t *page = p->area + 2 * AREA_PAGE;
	union call call = good_call(p, nr);
	int expected = -EFAULT;

	/* These two have none to give. */
	if (nr == number_of(REGALLOC_IOC_ZERO))
		expected = -ENOENT;
	else if (nr == number_of(REGALLOC_IOC_LIMITS))
		expected = 0;
	mprotect(page, AREA_PAGE, PROT_READ | PROT_WRITE);
	memcpy(page, &call, sizes[nr]);
	mprotect(page, AREA_PAGE, PROT_READ);
	return must_give(p, _IO(REGALLOC_IOC_TYPE, nr), page, expected,
			 "no answer");
}

/* The handles, not all of which can be read or written. */
static int bad_handles(struct player *p, uint64_t random)
{
	union call call;

	if (random % 2) {
		call = good_call(p, number_of(REGALLOC_IOC_ALLOC));
		call.alloc.count = 2 + random / 8 % 600;
		call.alloc.handles = (uintptr_t)bad_pointer(p, random / 2);
		return must_give(p, REGALLOC_IOC_ALLOC, &call, -EFAULT,
				 "handles");
	}
	call = good_call(p, number_of(REGALLOC_IOC_RELEASE));
	call.release.count = 2 + random / 8 % 600;
	call.release.handles = (uintptr_t)bad_pointer(p, random / 2);
	return must_give(p, REGALLOC_IOC_RELEASE, &call, -EFAULT, "handles");
}

int op_bad_pointer(struct player *p, const struct op *op)
{
	unsigned int nr = op->arg[0] % NR_CALLS;
	int err;

	switch (op->arg[1] % 3) {
	case 0:
		return must_give(p, _IO(REGALLOC_IOC_TYPE, nr),
				 bad_pointer(p, op->arg[2]), -EFAULT,
				 "pointer");
	case 1:
		err = no_answer(p, nr);
		break;
	default:
		err = bad_handles(p, op->arg[2]);
	}
	player_learn_generations(p);
	return err;
}
