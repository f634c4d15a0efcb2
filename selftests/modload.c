// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading. The module is /regalloc.ko, or what REGALLOC_KO says;
 * it is loaded again with the budget of the other tests at the end.
 *
 * REGALLOC_RELOAD_CYCLES says how often it is loaded, used and unloaded (60).
 */
#include "slow_disk.h"

#include <sys/syscall.h>
#include <sys/sysinfo.h>

#define LENGTH	(256 * 1024)

FIXTURE(modload)
{
	const char *path;
};

FIXTURE_SETUP(modload)
{
	self->path = rt_module_path();
	if (access(self->path, R_OK))
		SKIP(return, "no module at %s", self->path);
	if (rt_module_loaded())
		/* The last test's processes may still be on their way out. */
		ASSERT_TRUE(rt_wait_until(!rt_module_unload(), RT_DEADLINE));
}

FIXTURE_TEARDOWN(modload)
{
	if (!rt_module_loaded() && !access(self->path, R_OK))
		rt_module_load(self->path, "budget=" RT_BUDGET);
}

/* Whether there is anything to test with; setup has said why not. */
static bool able(FIXTURE_DATA(modload) * self)
{
	return !access(self->path, R_OK);
}

TEST_F(modload, bad_budgets)
{
	static const char * const bad[] = {
		"budget=", "budget=abc", "budget=0", "budget=0%", "budget=101%",
		"budget=-1", "budget=12X", "budget=1GG",
		"budget=99999999999G", "budget=18446744073709551616",
		"decay_ms=abc", "decay_ms=-1", "decay_ms=",
	};
	struct sysinfo si;
	char args[64];
	size_t i;

	if (!able(self))
		return;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_GT(0, rt_module_load(self->path, bad[i])) {
			TH_LOG("%s", bad[i]);
		}
		if (!strncmp(bad[i], "budget", 6)) {
			EXPECT_EQ(-EINVAL, rt_module_load(self->path, bad[i])) {
				TH_LOG("%s", bad[i]);
			}
		}
		ASSERT_FALSE(rt_module_loaded());
		EXPECT_NE(0, access(RT_DEVICE, F_OK));
	}
	ASSERT_EQ(0, sysinfo(&si));
	snprintf(args, sizeof(args), "budget=%lu",
		 si.totalram * si.mem_unit + 4096);
	EXPECT_EQ(-EINVAL, rt_module_load(self->path, args));
	EXPECT_FALSE(rt_module_loaded());
}

TEST_F(modload, good_budgets)
{
	static const struct {
		const char *args;
		uint64_t bytes;
	} good[] = {
		{ "budget=64M", 64 * RT_MIB },
		{ "budget=67108864", 64 * RT_MIB },
		{ "budget=1g decay_ms=0", 1024 * RT_MIB },
		{ "decay_ms=7 budget=131072k", 128 * RT_MIB },
	};
	struct sysinfo si;
	uint64_t quarter;
	size_t i;

	if (!able(self))
		return;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		ASSERT_EQ(0, rt_module_load(self->path, good[i].args));
		EXPECT_EQ(good[i].bytes, rt_stat("budget_bytes"));
		EXPECT_EQ(0, rt_stat("charged_bytes"));
		EXPECT_EQ(0, rt_stat("nr_clients"));
		ASSERT_EQ(0, rt_module_unload());
	}
	/* What is in force if nobody says anything. */
	ASSERT_EQ(0, rt_module_load(self->path, ""));
	ASSERT_EQ(0, sysinfo(&si));
	quarter = si.totalram * si.mem_unit / 4;
	EXPECT_LE(rt_stat("budget_bytes"), quarter);
	EXPECT_LE(quarter, rt_stat("budget_bytes") + RT_REGION);
	EXPECT_EQ(1000, rt_read_u64("/sys/module/regalloc/parameters/decay_ms"));
	ASSERT_EQ(0, rt_module_unload());
}

static bool refuses(void)
{
	int err = rt_module_unload();

	return err == -EBUSY || err == -EWOULDBLOCK;
}

TEST_F(modload, busy_with_a_descriptor)
{
	struct rt_client c;
	int fd;

	if (!able(self))
		return;
	ASSERT_EQ(0, rt_module_load(self->path, "budget=64M"));
	fd = open(RT_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(refuses());
	close(fd);
	ASSERT_TRUE(rt_wait_until(!rt_module_unload(), RT_DEADLINE));

	ASSERT_EQ(0, rt_module_load(self->path, "budget=64M"));
	ASSERT_EQ(0, rt_client_open(&c));
	ASSERT_NE(0, rt_alloc_one(c.fd, LENGTH));
	EXPECT_TRUE(refuses());
	/* It works on as before. */
	EXPECT_NE(0, rt_alloc_one(c.fd, LENGTH));
	rt_client_close(&c);
	ASSERT_TRUE(rt_wait_until(!rt_module_unload(), RT_DEADLINE));
}

TEST_F(modload, busy_with_a_mapping)
{
	struct rt_client c;
	uint64_t handle;
	uint8_t *slice;

	if (!able(self))
		return;
	ASSERT_EQ(0, rt_module_load(self->path, "budget=64M"));
	ASSERT_EQ(0, rt_client_open(&c));
	handle = rt_alloc_one(c.fd, LENGTH);
	ASSERT_NE(0, handle);
	slice = rt_addr(&c, handle);
	close(c.fd);
	c.fd = -1;
	EXPECT_TRUE(refuses());
	memset(slice, 0x44, LENGTH);
	EXPECT_TRUE(refuses());
	EXPECT_TRUE(rt_all_bytes(slice, LENGTH, 0x44));
	rt_client_close(&c);
	ASSERT_TRUE(rt_wait_until(!rt_module_unload(), RT_DEADLINE));

	ASSERT_EQ(0, rt_module_load(self->path, "budget=64M"));
	ASSERT_EQ(0, rt_client_open(&c));
	ASSERT_EQ(0, rt_client_map(&c));
	munmap(c.base, c.info.window_bytes);
	c.base = NULL;
	close(c.fd);
	c.fd = -1;
	EXPECT_TRUE(refuses());
	rt_client_close(&c);
	ASSERT_TRUE(rt_wait_until(!rt_module_unload(), RT_DEADLINE));
}

/* A decay that is still to come must not run in a module that is gone. */
TEST_F_TIMEOUT(modload, load_use_unload, 1800)
{
	unsigned int cycles = rt_env_u32("REGALLOC_RELOAD_CYCLES", 60), i;

	if (!able(self))
		return;
	for (i = 0; i < cycles; i++) {
		struct rt_client c;
		uint64_t h[40];

		ASSERT_EQ(0, rt_module_load(self->path, i % 3 ?
				  "budget=64M decay_ms=5" : "budget=64M"));
		ASSERT_EQ(0, rt_client_open(&c));
		ASSERT_EQ(0, rt_alloc_all(c.fd, rt_class_bytes(i % 7), 40, h));
		memset(rt_addr(&c, h[0]), 1, 4096);
		ASSERT_EQ(0, rt_release_all(c.fd, h, i % 2 ? 40 : 20));
		rt_client_close(&c);
		ASSERT_TRUE(rt_wait_until(!rt_module_unload(), RT_DEADLINE)) {
			TH_LOG("cycle %u", i);
		}
		ASSERT_FALSE(rt_module_loaded());
		EXPECT_NE(0, access(RT_DEVICE, F_OK));
	}
}

/* References that outlive the client, and then the module is to go. */
TEST_F(modload, unload_with_pinned_memory)
{
	struct rt_client c;
	struct iovec {
		void *base;
		size_t len;
	} iov;
	uint8_t page[4096];
	uint64_t h;
	int fds[2];

	if (!able(self))
		return;
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, rt_module_load(self->path, "budget=64M"));
	ASSERT_EQ(0, rt_client_open(&c));
	h = rt_alloc_one(c.fd, LENGTH);
	ASSERT_NE(0, h);
	memset(rt_addr(&c, h), 0x5d, 4096);
	iov.base = rt_addr(&c, h);
	iov.len = 4096;
	ASSERT_EQ(4096, syscall(SYS_vmsplice, fds[1], &iov, 1, 0));
	rt_client_close(&c);
	/* It goes, or it waits for the reference: either is clean. */
	rt_wait_until(!rt_module_unload(), 5);
	ASSERT_EQ(4096, read(fds[0], page, sizeof(page)));
	EXPECT_TRUE(rt_all_bytes(page, sizeof(page), 0x5d));
	if (rt_module_loaded())
		EXPECT_TRUE(rt_wait_until(!rt_module_unload(), RT_DEADLINE));
	EXPECT_FALSE(rt_module_loaded());
}

/* A transfer that outlives the client, and then the module. */
TEST_F(modload, unload_with_a_read_under_way)
{
	struct slow_disk disk;
	struct slow_read read;
	struct rt_client c;
	uint64_t h;
	int err;

	if (!able(self))
		return;
	err = slow_disk_start(&disk);
	if (err == -ENOENT)
		SKIP(return, NO_SLOW_DISK);
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, rt_module_load(self->path, "budget=64M"));
	ASSERT_EQ(0, rt_client_open(&c));
	h = rt_alloc_one(c.fd, LENGTH);
	ASSERT_NE(0, h);
	slow_disk_hold(&disk);
	ASSERT_EQ(0, slow_read_start(&read, disk.fd, rt_addr(&c, h), LENGTH));
	EXPECT_TRUE(slow_disk_holds(&disk));
	rt_client_close(&c);
	rt_wait_until(!rt_module_unload(), 5);
	slow_disk_answer(&disk);
	EXPECT_EQ(LENGTH, slow_read_end(&read));
	if (rt_module_loaded())
		EXPECT_TRUE(rt_wait_until(!rt_module_unload(), RT_DEADLINE));
	EXPECT_FALSE(rt_module_loaded());
	slow_disk_stop(&disk);
}

TEST_HARNESS_MAIN
