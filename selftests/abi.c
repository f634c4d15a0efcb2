// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls as an interface: every structure too short, too long and zero, too
 * long and not zero, unknown flags, bad pointers; and nothing has changed after
 * a call that failed.
 */
#include <stddef.h>

#include "regalloc_test.h"

#include <sys/syscall.h>

#define LENGTH		(64 * 1024)
#define NR_HELD		3
#define BIG_BATCH	4096

/* Room for an argument with a tail, and what it may point to. */
struct arg {
	union {
		struct regalloc_ioc_info info;
		struct regalloc_ioc_alloc alloc;
		struct regalloc_ioc_release release;
		struct regalloc_ioc_trim trim;
		struct regalloc_ioc_stats stats;
		struct regalloc_ioc_limits limits;
		struct regalloc_ioc_pressure pressure;
		struct regalloc_ioc_zero zero;
		struct {
			__u32 size;
			__u32 flags;
		};
		uint8_t bytes[8192];
	};
};

FIXTURE(abi)
{
	struct rt_client c;
	uint64_t held[NR_HELD];
	uint64_t handle;	/* what a valid call works on */
	struct regalloc_ioc_stats before;
	uint64_t charged;
	uint64_t live;
};

/* One for each ioctl. */
FIXTURE_VARIANT(abi)
{
	unsigned int cmd;
	size_t size;
};

FIXTURE_VARIANT_ADD(abi, info)
{
	.cmd = REGALLOC_IOC_INFO, .size = sizeof(struct regalloc_ioc_info),
};

FIXTURE_VARIANT_ADD(abi, alloc)
{
	.cmd = REGALLOC_IOC_ALLOC, .size = sizeof(struct regalloc_ioc_alloc),
};

FIXTURE_VARIANT_ADD(abi, release)
{
	.cmd = REGALLOC_IOC_RELEASE,
	.size = sizeof(struct regalloc_ioc_release),
};

FIXTURE_VARIANT_ADD(abi, trim)
{
	.cmd = REGALLOC_IOC_TRIM, .size = sizeof(struct regalloc_ioc_trim),
};

FIXTURE_VARIANT_ADD(abi, stats)
{
	.cmd = REGALLOC_IOC_STATS, .size = sizeof(struct regalloc_ioc_stats),
};

FIXTURE_VARIANT_ADD(abi, limits)
{
	.cmd = REGALLOC_IOC_LIMITS, .size = sizeof(struct regalloc_ioc_limits),
};

FIXTURE_VARIANT_ADD(abi, pressure)
{
	.cmd = REGALLOC_IOC_PRESSURE,
	.size = sizeof(struct regalloc_ioc_pressure),
};

FIXTURE_VARIANT_ADD(abi, zero)
{
	.cmd = REGALLOC_IOC_ZERO, .size = sizeof(struct regalloc_ioc_zero),
};

/* Remember what the device says now. False if it does not answer. */
static bool note_state(FIXTURE_DATA(abi) * self)
{
	self->charged = rt_stat("charged_bytes");
	self->live = rt_stat("live_bytes");
	return !rt_stats(self->c.fd, &self->before);
}

/* Nothing moved since note_state(): neither here nor in the sums. */
static bool same_state(FIXTURE_DATA(abi) * self)
{
	struct regalloc_ioc_stats now;

	return !rt_stats(self->c.fd, &now) &&
	       !memcmp(&now, &self->before, sizeof(now)) &&
	       rt_stat("charged_bytes") == self->charged &&
	       rt_stat("live_bytes") == self->live;
}

/* A call that would succeed. TRIM finds one spare region to close. */
static void fill_valid(FIXTURE_DATA(abi) * self, unsigned int cmd,
		       struct arg *arg, size_t size)
{
	memset(arg, 0, sizeof(*arg));
	switch (cmd) {
	case REGALLOC_IOC_ALLOC:
		arg->alloc.length = LENGTH;
		arg->alloc.count = 1;
		arg->alloc.handles = (uintptr_t)&self->handle;
		break;
	case REGALLOC_IOC_RELEASE:
		arg->release.count = 1;
		arg->release.handles = (uintptr_t)&self->handle;
		break;
	case REGALLOC_IOC_ZERO:
		arg->zero.handle = self->handle;
		break;
	default:
		break;
	}
	arg->size = size;
}

/* Something to release or to zero, which a valid call may use up. */
static bool provide(FIXTURE_DATA(abi) * self, unsigned int cmd)
{
	if (cmd == REGALLOC_IOC_RELEASE || cmd == REGALLOC_IOC_ZERO) {
		self->handle = rt_alloc_one(self->c.fd, LENGTH);
		return self->handle;
	}
	return true;
}

static int call(int fd, unsigned int cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

FIXTURE_SETUP(abi)
{
	ASSERT_TRUE(rt_begin(RT_BUDGET, RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, NR_HELD, self->held));
	/* A spare, so that a TRIM that should not have run would show. */
	self->handle = rt_alloc_one(self->c.fd, 4096);
	ASSERT_NE(0, self->handle);
	ASSERT_EQ(0, rt_release_one(self->c.fd, self->handle));
	ASSERT_TRUE(provide(self, variant->cmd));
	ASSERT_TRUE(note_state(self));
	ASSERT_EQ(RT_REGION, self->before.spare_bytes);
}

FIXTURE_TEARDOWN(abi)
{
	rt_client_close(&self->c);
	rt_end();
}

TEST_F(abi, valid)
{
	struct arg arg;

	fill_valid(self, variant->cmd, &arg, variant->size);
	ASSERT_EQ(0, call(self->c.fd, variant->cmd, &arg));
}

/* Of the first version of a structure. */
static size_t first_size(unsigned int cmd, size_t size)
{
	if (cmd == REGALLOC_IOC_STATS)
		return offsetof(struct regalloc_ioc_stats, idle_bytes);
	if (cmd == REGALLOC_IOC_ALLOC)
		return offsetof(struct regalloc_ioc_alloc, end_ns);
	return size;
}

TEST_F(abi, size_too_short)
{
	struct arg arg;
	size_t size;

	for (size = 0; size < first_size(variant->cmd, variant->size); size++) {
		fill_valid(self, variant->cmd, &arg, size);
		EXPECT_EQ(-EINVAL, call(self->c.fd, variant->cmd, &arg)) {
			TH_LOG("size %zu", size);
		}
	}
	EXPECT_TRUE(same_state(self));
}

TEST_F(abi, size_too_long_and_zero)
{
	static const size_t more[] = { 1, 4, 8, 64, 1024 };
	struct arg arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(more); i++) {
		ASSERT_TRUE(provide(self, variant->cmd));
		fill_valid(self, variant->cmd, &arg, variant->size + more[i]);
		EXPECT_EQ(0, call(self->c.fd, variant->cmd, &arg)) {
			TH_LOG("%zu bytes more", more[i]);
		}
	}
	ASSERT_TRUE(provide(self, variant->cmd));
	fill_valid(self, variant->cmd, &arg, 4096);
	EXPECT_EQ(0, call(self->c.fd, variant->cmd, &arg));
}

TEST_F(abi, size_too_long_and_not_zero)
{
	struct arg arg;
	size_t i;

	for (i = 0; i < 64; i++) {
		fill_valid(self, variant->cmd, &arg, variant->size + 64);
		arg.bytes[variant->size + i] = 1;
		EXPECT_EQ(-E2BIG, call(self->c.fd, variant->cmd, &arg)) {
			TH_LOG("byte %zu of the tail", i);
		}
	}
	EXPECT_TRUE(same_state(self));
}

TEST_F(abi, size_above_a_page)
{
	const __u32 sizes[] = {
		RT_PAGE + 1, RT_PAGE + 8, 2 * RT_PAGE, 0x80000000U, ~0U
	};
	struct arg arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill_valid(self, variant->cmd, &arg, sizes[i]);
		EXPECT_EQ(-E2BIG, call(self->c.fd, variant->cmd, &arg)) {
			TH_LOG("size %u", sizes[i]);
		}
	}
	EXPECT_TRUE(same_state(self));
}

TEST_F(abi, unknown_flags)
{
	unsigned int bit;
	struct arg arg;

	for (bit = 0; bit < 32; bit++) {
		if (variant->cmd == REGALLOC_IOC_ALLOC &&
		    1U << bit == REGALLOC_ALLOC_F_ZERO)
			continue;
		if (variant->cmd == REGALLOC_IOC_TRIM &&
		    (1U << bit == REGALLOC_TRIM_F_ARM ||
		     1U << bit == REGALLOC_TRIM_F_NOTIFY))
			continue;
		fill_valid(self, variant->cmd, &arg, variant->size);
		arg.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, call(self->c.fd, variant->cmd, &arg)) {
			TH_LOG("bit %u", bit);
		}
	}
	EXPECT_TRUE(same_state(self));
}

TEST_F(abi, bad_argument_pointer)
{
	unsigned int cmd = variant->cmd;
	uint8_t *page;
	struct arg arg;

	EXPECT_EQ(-EFAULT, call(self->c.fd, cmd, NULL));
	EXPECT_EQ(-EFAULT, call(self->c.fd, cmd, (void *)8));
	EXPECT_EQ(-EFAULT, call(self->c.fd, cmd, (void *)~0UL));
	EXPECT_EQ(-EFAULT, call(self->c.fd, cmd,
				(void *)0xffff888000000000UL));

	/* Readable to the end of the page and not further. */
	page = mmap(NULL, 2 * RT_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	page += RT_PAGE;
	ASSERT_EQ(0, munmap(page, RT_PAGE));
	fill_valid(self, cmd, &arg, variant->size);
	memcpy(page - 2, &arg, 2);
	EXPECT_EQ(-EFAULT, call(self->c.fd, cmd, page - 2));
	memcpy(page - 8, &arg, 8);
	EXPECT_EQ(-EFAULT, call(self->c.fd, cmd, page - 8));
	arg.size = variant->size + 8;
	memcpy(page - variant->size, &arg, variant->size);
	EXPECT_EQ(-EFAULT, call(self->c.fd, cmd, page - variant->size));
	EXPECT_TRUE(same_state(self));

	/* Just enough of it is enough. */
	arg.size = variant->size;
	memcpy(page - variant->size, &arg, variant->size);
	EXPECT_EQ(0, call(self->c.fd, cmd, page - variant->size));
}

TEST_F(abi, answers_to_a_read_only_argument)
{
	bool answers = variant->cmd != REGALLOC_IOC_LIMITS &&
		       variant->cmd != REGALLOC_IOC_ZERO;
	struct arg *arg;

	arg = mmap(NULL, sizeof(*arg), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	fill_valid(self, variant->cmd, arg, variant->size);
	ASSERT_EQ(0, mprotect(arg, sizeof(*arg), PROT_READ));
	EXPECT_EQ(answers ? -EFAULT : 0, call(self->c.fd, variant->cmd, arg));
	EXPECT_TRUE(same_state(self));
}

/* The rest is not about one ioctl. */
FIXTURE(call)
{
	struct rt_client c;
	uint64_t handles[BIG_BATCH];
};

FIXTURE_SETUP(call)
{
	ASSERT_TRUE(rt_begin(RT_BUDGET, RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->c));
}

FIXTURE_TEARDOWN(call)
{
	rt_client_close(&self->c);
	rt_end();
}

TEST_F(call, unknown_ioctls)
{
	unsigned int nr;
	struct arg arg;

	for (nr = 0; nr < 256; nr++) {
		if (nr <= _IOC_NR(REGALLOC_IOC_ZERO))
			continue;
		memset(&arg, 0, sizeof(arg));
		arg.size = 64;
		EXPECT_EQ(-ENOTTY, call(self->c.fd,
					_IO(REGALLOC_IOC_TYPE, nr), &arg)) {
			TH_LOG("nr %u", nr);
		}
	}
	memset(&arg, 0, sizeof(arg));
	arg.size = sizeof(struct regalloc_ioc_info);
	EXPECT_EQ(-ENOTTY, call(self->c.fd, _IO(REGALLOC_IOC_TYPE + 1, 0),
				&arg));
	EXPECT_EQ(-ENOTTY, call(self->c.fd, 0, &arg));
	EXPECT_EQ(-ENOTTY, call(self->c.fd, ~0U, &arg));
}

TEST_F(call, info)
{
	struct regalloc_ioc_info info;
	uint64_t ram;

	ASSERT_EQ(0, rt_info(self->c.fd, &info));
	ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(0, info.flags);
	EXPECT_GE(info.span_bytes, 1UL << 30);
	EXPECT_GE(info.span_bytes, ram);
	EXPECT_EQ(0, info.span_bytes & (info.span_bytes - 1));
	EXPECT_EQ(info.span_bytes * REGALLOC_NR_CLASSES, info.window_bytes);
	EXPECT_GE(info.map_offset, info.window_bytes);
	EXPECT_EQ(0, info.map_offset % RT_PAGE);
	EXPECT_EQ(0, info.map_bytes % RT_PAGE);
	EXPECT_EQ(3UL << 30, info.budget_bytes);
	/* The control page, the words and the hints, none in another. */
	EXPECT_GE(info.state_offset, sizeof(struct regalloc_control));
	EXPECT_EQ(0, info.state_offset % 64);
	EXPECT_GE(info.hint_offset, info.state_offset +
				    info.window_bytes / 4096 * 4);
	EXPECT_EQ(0, info.hint_offset % 8);
	EXPECT_LE(info.hint_offset + info.window_bytes / RT_REGION * 2,
		  info.map_bytes);
}

TEST_F(call, info_follows_the_budget)
{
	struct regalloc_ioc_info info;

	ASSERT_EQ(0, rt_param_set("budget", "96M"));
	ASSERT_EQ(0, rt_info(self->c.fd, &info));
	EXPECT_EQ(96 * RT_MIB, info.budget_bytes);
}

TEST_F(call, alloc_rejects)
{
	static const struct {
		uint64_t length;
		uint32_t count;
	} bad[] = {
		{ 0, 1 },
		{ REGALLOC_MAX_SLICE_BYTES + 1, 1 },
		{ 1ULL << 32, 1 },
		{ (1ULL << 32) + 4096, 1 },
		{ 1ULL << 63, 1 },
		{ ~0ULL, 1 },
		{ LENGTH, 0 },
		{ LENGTH, REGALLOC_MAX_BATCH + 1 },
		{ LENGTH, 1U << 31 },
		{ LENGTH, ~0U },
	};
	struct regalloc_ioc_stats stats;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct regalloc_ioc_alloc a = {
			.size = sizeof(a),
			.length = bad[i].length,
			.count = bad[i].count,
			.timeout_ms = i % 2 ? REGALLOC_WAIT_FOREVER : 0,
			.handles = (uintptr_t)self->handles,
		};

		EXPECT_EQ(-EINVAL, call(self->c.fd, REGALLOC_IOC_ALLOC, &a)) {
			TH_LOG("case %zu", i);
		}
	}
	ASSERT_EQ(0, rt_stats(self->c.fd, &stats));
	EXPECT_EQ(0, stats.live_bytes);
	EXPECT_EQ(0, stats.charged_bytes);
	EXPECT_EQ(0, stats.regions_opened);
}

TEST_F(call, release_rejects)
{
	static const uint32_t counts[] = {
		0, REGALLOC_MAX_BATCH + 1, 1U << 31, ~0U
	};
	uint64_t handle = rt_alloc_one(self->c.fd, LENGTH);
	size_t i;

	ASSERT_NE(0, handle);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		struct regalloc_ioc_release r = {
			.size = sizeof(r),
			.count = counts[i],
			.handles = (uintptr_t)&handle,
		};

		EXPECT_EQ(-EINVAL, call(self->c.fd, REGALLOC_IOC_RELEASE, &r)) {
			TH_LOG("count %u", counts[i]);
		}
	}
	EXPECT_EQ(LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(0, rt_release_one(self->c.fd, handle));
}

TEST_F(call, reserved_field_of_trim)
{
	struct regalloc_ioc_trim t = { .size = sizeof(t), .reserved = 1 };
	uint64_t handle = rt_alloc_one(self->c.fd, LENGTH);

	ASSERT_NE(0, handle);
	ASSERT_EQ(0, rt_release_one(self->c.fd, handle));
	EXPECT_EQ(-EINVAL, call(self->c.fd, REGALLOC_IOC_TRIM, &t));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
	EXPECT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
}

/*
 * What was allocated is taken back if the handles cannot be delivered, however
 * late that shows. The slices can be had again: none is lost (bug 10).
 */
TEST_F(call, bug10_fault_in_handles_takes_all_back)
{
	size_t bytes = BIG_BATCH * sizeof(uint64_t);
	struct regalloc_ioc_alloc a = { .size = sizeof(a), .length = LENGTH };
	uint32_t count;
	uint8_t *room;

	room = mmap(NULL, bytes + RT_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, room);
	ASSERT_EQ(0, munmap(room + bytes, RT_PAGE));

	/* From the first handle on, from the last one, and in between. */
	for (count = 1; count <= BIG_BATCH; count *= 8) {
		size_t off;

		for (off = 8; off <= count * 8; off *= 8) {
			a.count = count;
			a.handles = (uintptr_t)room + bytes - count * 8 + off;
			EXPECT_EQ(-EFAULT, call(self->c.fd, REGALLOC_IOC_ALLOC,
						&a)) {
				TH_LOG("count %u offset %zu", count, off);
			}
			EXPECT_EQ(0, rt_stat("live_bytes"));
		}
	}
	a.count = 1;
	a.handles = 0;
	EXPECT_EQ(-EFAULT, call(self->c.fd, REGALLOC_IOC_ALLOC, &a));
	a.handles = 0xffff888000000000UL;
	EXPECT_EQ(-EFAULT, call(self->c.fd, REGALLOC_IOC_ALLOC, &a));
	a.handles = ~0UL;
	EXPECT_EQ(-EFAULT, call(self->c.fd, REGALLOC_IOC_ALLOC, &a));
	EXPECT_EQ(0, rt_stat("live_bytes"));

	/* Every slice of the regions that were opened is to be had. */
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, rt_class_slices(4),
				  self->handles));
	EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
}

TEST_F(call, fault_in_the_handles_to_release)
{
	struct regalloc_ioc_release r = { .size = sizeof(r), .count = 64 };
	uint64_t *room;

	room = mmap(NULL, 2 * RT_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, room);
	room += RT_PAGE / sizeof(*room);
	ASSERT_EQ(0, munmap(room, RT_PAGE));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, 32, room - 32));

	r.handles = (uintptr_t)(room - 32);
	EXPECT_EQ(-EFAULT, call(self->c.fd, REGALLOC_IOC_RELEASE, &r));
	r.handles = 0;
	EXPECT_EQ(-EFAULT, call(self->c.fd, REGALLOC_IOC_RELEASE, &r));
	r.handles = 0xffff888000000000UL;
	EXPECT_EQ(-EFAULT, call(self->c.fd, REGALLOC_IOC_RELEASE, &r));
	EXPECT_EQ(32UL * LENGTH, rt_stat("live_bytes"));
	EXPECT_EQ(0, rt_release_all(self->c.fd, room - 32, 32));
}

/* What came in besides the answer comes back as it was. */
TEST_F(call, padding_does_not_leak)
{
	struct {
		struct regalloc_ioc_stats s;
		uint8_t guard[64];
	} big;

	memset(&big, RT_POISON, sizeof(big));
	big.s.size = sizeof(big.s);
	big.s.flags = 0;
	ASSERT_EQ(0, call(self->c.fd, REGALLOC_IOC_STATS, &big));
	EXPECT_TRUE(rt_all_bytes(big.guard, sizeof(big.guard), RT_POISON));
}

TEST_F(call, device_node_is_not_for_everybody)
{
	struct stat st;

	ASSERT_EQ(0, stat(RT_DEVICE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0, st.st_mode & 0007);
}

#ifdef __x86_64__
/* ioctl(2) as a 32-bit program calls it. */
static long ioctl32(int fd, unsigned int cmd, void *arg)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a" (ret)
		     : "a" (54L), "b" ((long)fd), "c" ((long)cmd), "d" (arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

TEST_F(call, from_a_32_bit_program)
{
	struct {
		struct regalloc_ioc_alloc a;
		struct regalloc_ioc_release r;
		uint64_t handles[4];
	} *low;
	long ret;
	pid_t pid;

	low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, low);

	/* Is there such a way in at all? */
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(ioctl32(-1, 0, low) == -EBADF ? 0 : 1);
	if (rt_child_status(pid))
		SKIP(return, "this kernel runs no 32-bit programs");

	low->a = (struct regalloc_ioc_alloc){
		.size = sizeof(low->a), .length = 5000, .count = 4,
		.handles = (uintptr_t)low->handles,
	};
	ret = ioctl32(self->c.fd, REGALLOC_IOC_ALLOC, &low->a);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(4, low->a.out_count);
	EXPECT_EQ(8192, low->a.out_slice_bytes);
	EXPECT_EQ(4 * 8192, rt_stat("live_bytes"));
	low->r = (struct regalloc_ioc_release){
		.size = sizeof(low->r), .count = 4,
		.handles = (uintptr_t)low->handles,
	};
	ret = ioctl32(self->c.fd, REGALLOC_IOC_RELEASE, &low->r);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(4, low->r.out_count);
	EXPECT_EQ(0, rt_stat("live_bytes"));
}
#endif

TEST_HARNESS_MAIN
