// SPDX-License-Identifier: GPL-2.0-only
/*
 * The numbers: one in each file of sysfs, the same as those of the ioctl and of
 * fdinfo, and right.
 */
#include "regalloc_test.h"

#include <stddef.h>

#define LENGTH	(256 * 1024)
#define COUNT	16		/* a region of that class */

FIXTURE(sysfs)
{
	struct rt_client c;
	uint64_t handles[1024];
};

FIXTURE_SETUP(sysfs)
{
	ASSERT_TRUE(rt_begin("64M", RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->c));
}

FIXTURE_TEARDOWN(sysfs)
{
	rt_client_close(&self->c);
	rt_end();
}

/* rt_stat() ends the process unless there is one number and a newline. */
TEST_F(sysfs, files)
{
	static const char * const names[] = {
		"budget_bytes", "charged_bytes", "peak_charged_bytes",
		"live_bytes", "spare_bytes", "pinned_bytes", "map_bytes",
		"nr_clients", "nr_regions", "regions_opened", "regions_closed",
		"alloc_failures", "pressure_events",
	};
	static const char * const of_class[] = {
		"nr_regions", "nr_slices", "nr_live_slices",
	};
	unsigned int cls;
	char name[128];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		rt_stat(names[i]);
		snprintf(name, sizeof(name), RT_SYSFS "%s", names[i]);
		ASSERT_EQ(0, stat(name, &st));
		EXPECT_EQ(0, st.st_mode & 0222);
	}
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		for (i = 0; i < ARRAY_SIZE(of_class); i++) {
			snprintf(name, sizeof(name), "class_%u/%s",
				 rt_class_bytes(cls), of_class[i]);
			EXPECT_EQ(0, rt_stat(name));
		}
	}
	EXPECT_EQ(64 * RT_MIB, rt_stat("budget_bytes"));
	EXPECT_EQ(1, rt_stat("nr_clients"));
}

static uint64_t class_stat(unsigned int cls, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "class_%u/%s", rt_class_bytes(cls), name);
	return rt_stat(path);
}

TEST_F(sysfs, classes)
{
	struct rt_client other;
	unsigned int cls, i;

	ASSERT_EQ(0, rt_client_open(&other));
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint32_t n = rt_class_slices(cls), bytes = rt_class_bytes(cls);

		/* Two regions here, one there; a spare, a full one, one half */
		ASSERT_EQ(0, rt_alloc_all(self->c.fd, bytes, n + 1,
					  self->handles));
		ASSERT_EQ(0, rt_release_one(self->c.fd, self->handles[n]));
		ASSERT_EQ(0, rt_alloc_all(other.fd, bytes, n / 2,
					  self->handles));
		for (i = 0; i < REGALLOC_NR_CLASSES; i++) {
			if (i == cls)
				continue;
			EXPECT_EQ(0, class_stat(i, "nr_regions"));
			EXPECT_EQ(0, class_stat(i, "nr_live_slices"));
			EXPECT_EQ(0, class_stat(i, "nr_slices"));
		}
		EXPECT_EQ(3, class_stat(cls, "nr_regions"));
		EXPECT_EQ(3 * n, class_stat(cls, "nr_slices"));
		EXPECT_EQ(n + n / 2, class_stat(cls, "nr_live_slices"));
		EXPECT_EQ(3, rt_stat("nr_regions"));
		EXPECT_EQ(RT_REGION + RT_REGION / 2, rt_stat("live_bytes"));
		EXPECT_EQ(RT_REGION, rt_stat("spare_bytes"));
		EXPECT_EQ(3 * RT_REGION, rt_stat("charged_bytes"));

		rt_client_close(&other);
		rt_client_close(&self->c);
		ASSERT_TRUE(rt_wait_until(!rt_stat("charged_bytes"),
					  RT_DEADLINE));
		ASSERT_EQ(0, rt_client_open(&self->c));
		ASSERT_EQ(0, rt_client_open(&other));
	}
	EXPECT_EQ(2, rt_stat("nr_clients"));
	rt_client_close(&other);
	EXPECT_EQ(1, rt_stat("nr_clients"));
}

/* The value of "key:" in fdinfo; ends the process if it is not there. */
static uint64_t read_fdinfo(int fd, const char *key)
{
	char path[64], line[256];
	size_t len = strlen(key);
	uint64_t value = 0;
	bool found = false;
	char rest[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		rt_die("fdinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, len) || line[len] != ':')
			continue;
		if (found)
			rt_die("fdinfo: %s twice", key);
		if (sscanf(line + len + 1, " %" SCNu64 "%31s", &value,
			   rest) != 1)
			rt_die("fdinfo: not a plain number: %s", line);
		found = true;
	}
	fclose(f);
	if (!found)
		rt_die("fdinfo: no %s", key);
	return value;
}

/* The ioctl and fdinfo agree; with one client, so does sysfs. */
static bool all_agree(int fd, bool alone)
{
	static const struct {
		const char *key;
		const char *file;
		size_t at;
	} same[] = {
		{ "regalloc-charged", "charged_bytes",
		  offsetof(struct regalloc_ioc_stats, charged_bytes) },
		{ "regalloc-live", "live_bytes",
		  offsetof(struct regalloc_ioc_stats, live_bytes) },
		{ "regalloc-spare", "spare_bytes",
		  offsetof(struct regalloc_ioc_stats, spare_bytes) },
		{ "regalloc-pinned", "pinned_bytes",
		  offsetof(struct regalloc_ioc_stats, pinned_bytes) },
		{ "regalloc-map", "map_bytes",
		  offsetof(struct regalloc_ioc_stats, map_bytes) },
		{ "regalloc-regions", "nr_regions",
		  offsetof(struct regalloc_ioc_stats, nr_regions) },
	};
	struct regalloc_ioc_stats s;
	bool agree = true;
	size_t i;

	if (rt_stats(fd, &s))
		return false;
	for (i = 0; i < ARRAY_SIZE(same); i++) {
		uint64_t v;

		memcpy(&v, (char *)&s + same[i].at, sizeof(v));
		if (read_fdinfo(fd, same[i].key) != v) {
			printf("# %s: fdinfo %" PRIu64 ", ioctl %" PRIu64 "\n",
			       same[i].key, read_fdinfo(fd, same[i].key), v);
			agree = false;
		}
		if (alone && rt_stat(same[i].file) != v) {
			printf("# %s: sysfs %" PRIu64 ", ioctl %" PRIu64 "\n",
			       same[i].file, rt_stat(same[i].file), v);
			agree = false;
		}
	}
	return agree;
}

TEST_F(sysfs, fdinfo_and_ioctl_agree)
{
	struct regalloc_ioc_stats s, o;
	struct rt_client other;
	unsigned int cls;

	EXPECT_TRUE(all_agree(self->c.fd, true));
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint64_t h[5];

		ASSERT_EQ(0, rt_alloc_all(self->c.fd, rt_class_bytes(cls), 5,
					  h));
		ASSERT_EQ(0, rt_release_all(self->c.fd, h, cls % 2 ? 5 : 2));
		EXPECT_TRUE(all_agree(self->c.fd, true));
	}
	ASSERT_EQ(0, rt_stats(self->c.fd, &s));
	EXPECT_EQ(7, s.nr_regions);
	EXPECT_EQ(7 * RT_REGION, s.charged_bytes);
	EXPECT_EQ(3 * RT_REGION, s.spare_bytes);
	EXPECT_EQ(3 * (4096 + 16384 + 65536 + 262144), s.live_bytes);
	EXPECT_LT(0, s.map_bytes);

	/* Two clients: each has its own, and the sums are sums. */
	ASSERT_EQ(0, rt_client_open(&other));
	ASSERT_NE(0, rt_alloc_one(other.fd, LENGTH));
	ASSERT_EQ(0, rt_stats(other.fd, &o));
	EXPECT_EQ(RT_REGION, o.charged_bytes);
	EXPECT_EQ(LENGTH, o.live_bytes);
	EXPECT_TRUE(all_agree(self->c.fd, false));
	EXPECT_TRUE(all_agree(other.fd, false));
	EXPECT_EQ(s.charged_bytes + o.charged_bytes, rt_stat("charged_bytes"));
	EXPECT_EQ(s.live_bytes + o.live_bytes, rt_stat("live_bytes"));
	EXPECT_EQ(s.map_bytes + o.map_bytes, rt_stat("map_bytes"));
	rt_client_close(&other);
	EXPECT_TRUE(rt_wait_until(s.charged_bytes == rt_stat("charged_bytes"),
				  RT_DEADLINE));
}

TEST_F(sysfs, opened_closed_and_peak)
{
	uint64_t opened = rt_stat("regions_opened");
	uint64_t closed = rt_stat("regions_closed");
	struct regalloc_ioc_stats s;
	uint64_t h[3 * COUNT];

	EXPECT_EQ(opened, closed);
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, 3 * COUNT, h));
	EXPECT_EQ(opened + 3, rt_stat("regions_opened"));
	EXPECT_EQ(closed, rt_stat("regions_closed"));
	EXPECT_GE(rt_stat("peak_charged_bytes"), 3 * RT_REGION);
	ASSERT_EQ(0, rt_release_all(self->c.fd, h, 2 * COUNT));
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(opened + 3, rt_stat("regions_opened"));
	EXPECT_EQ(closed + 2, rt_stat("regions_closed"));
	ASSERT_EQ(0, rt_stats(self->c.fd, &s));
	EXPECT_EQ(3, s.regions_opened);
	EXPECT_EQ(2, s.regions_closed);
	EXPECT_GE(rt_stat("peak_charged_bytes"), 3 * RT_REGION);
	/* The sums keep what a client did when it is gone. */
	rt_client_close(&self->c);
	ASSERT_TRUE(rt_wait_until(!rt_stat("nr_clients") &&
				  !rt_stat("charged_bytes"), RT_DEADLINE));
	EXPECT_EQ(opened + 3, rt_stat("regions_opened"));
	EXPECT_EQ(closed + 3, rt_stat("regions_closed"));
	ASSERT_EQ(0, rt_client_open(&self->c));
}

/* The maps are lazy: a client that holds nothing costs next to nothing. */
TEST_F(sysfs, map_bytes)
{
	uint64_t before = rt_stat("map_bytes");
	unsigned int cls;

	EXPECT_LE(before, 64 * 1024);
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++)
		ASSERT_NE(0, rt_alloc_one(self->c.fd, rt_class_bytes(cls)));
	EXPECT_LT(before, rt_stat("map_bytes"));
	EXPECT_LE(rt_stat("map_bytes"), 256 * 1024);
	rt_client_close(&self->c);
	EXPECT_TRUE(rt_wait_until(!rt_stat("map_bytes"), RT_DEADLINE));
	ASSERT_EQ(0, rt_client_open(&self->c));
}

TEST_F(sysfs, alloc_failures)
{
	uint64_t before = rt_stat("alloc_failures");
	struct regalloc_ioc_stats s;
	uint32_t got;

	/* Fewer than asked for are no failure; a bad call is none either. */
	ASSERT_EQ(0, rt_alloc(self->c.fd, LENGTH, 1000, 0, self->handles,
			      &got));
	ASSERT_EQ(256, got);
	EXPECT_EQ(-EINVAL, rt_alloc(self->c.fd, 0, 1, 0, self->handles, &got));
	EXPECT_EQ(before, rt_stat("alloc_failures"));
	EXPECT_EQ(-ENOMEM, rt_alloc(self->c.fd, LENGTH, 1000, 0,
				    self->handles, &got));
	EXPECT_EQ(before + 1, rt_stat("alloc_failures"));
	ASSERT_EQ(0, rt_stats(self->c.fd, &s));
	EXPECT_EQ(1, s.alloc_failures);
}

TEST_HARNESS_MAIN
