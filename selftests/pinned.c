// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that somebody still references when its region closes: it stays
 * charged until that ends, and nobody gets it before.
 */
#include "regalloc_test.h"

#include <sys/uio.h>

#define LENGTH	(256 * 1024)
#define COUNT	16		/* a region of that class */
#define PAGES	8

FIXTURE(pinned)
{
	struct rt_client c;
	uint64_t handles[COUNT];
	int pipe[2];
};

FIXTURE_SETUP(pinned)
{
	ASSERT_TRUE(rt_begin("64M", 0));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, self->handles));
	memset(rt_addr(&self->c, self->handles[0]), 0x71, RT_REGION);
}

FIXTURE_TEARDOWN(pinned)
{
	close(self->pipe[0]);
	close(self->pipe[1]);
	rt_client_close(&self->c);
	rt_end();
}

/* Puts pages into the pipe by reference. */
static bool into_pipe(int fd, void *addr, unsigned int pages)
{
	struct iovec iov = { addr, pages * 4096UL };

	return vmsplice(fd, &iov, 1, 0) == (ssize_t)iov.iov_len;
}

/* Whether the pipe holds so many pages of a byte; empties it. */
static bool drain(int fd, unsigned int pages, uint8_t value)
{
	uint8_t page[4096];

	while (pages--) {
		memset(page, RT_POISON, sizeof(page));
		if (read(fd, page, sizeof(page)) != sizeof(page) ||
		    !rt_all_bytes(page, sizeof(page), value))
			return false;
	}
	return read(fd, page, 1) < 0 && errno == EAGAIN;
}

static bool nothing_charged(void)
{
	return !rt_stat("charged_bytes") && !rt_stat("pinned_bytes");
}

TEST_F(pinned, charged_until_the_last_reference_goes)
{
	uint8_t *first = rt_addr(&self->c, self->handles[0]), byte;
	struct regalloc_ioc_stats s;
	uint64_t pinned;

	ASSERT_TRUE(into_pipe(self->pipe[1], first, PAGES));
	EXPECT_EQ(0, rt_stat("pinned_bytes"));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	EXPECT_EQ(SIGBUS, rt_peek(first, &byte));
	EXPECT_EQ(0, rt_stat("nr_regions"));
	pinned = rt_stat("pinned_bytes");
	EXPECT_LE(PAGES * 4096, pinned);
	EXPECT_LE(pinned, RT_REGION);
	EXPECT_EQ(pinned, rt_stat("charged_bytes"));
	ASSERT_EQ(0, rt_stats(self->c.fd, &s));
	EXPECT_EQ(pinned, s.pinned_bytes);
	EXPECT_EQ(pinned, s.charged_bytes);
	EXPECT_EQ(0, s.spare_bytes);
	EXPECT_EQ(0, s.live_bytes);

	/* It does not go while the reference is there. */
	EXPECT_FALSE(rt_wait_until(rt_stat("pinned_bytes") != pinned, 3));
	EXPECT_EQ(pinned, rt_stat("charged_bytes"));

	EXPECT_TRUE(drain(self->pipe[0], PAGES, 0x71));
	EXPECT_TRUE(rt_wait_until(nothing_charged(), RT_DEADLINE));
	EXPECT_EQ(rt_stat("regions_opened"), rt_stat("regions_closed"));
}

/* In both halves of the region, and given up one after the other. */
TEST_F(pinned, both_halves)
{
	uint8_t *first = rt_addr(&self->c, self->handles[0]);
	uint8_t page[4096];
	int other[2];

	ASSERT_EQ(0, pipe2(other, O_CLOEXEC | O_NONBLOCK));
	ASSERT_TRUE(into_pipe(self->pipe[1], first, 1));
	ASSERT_TRUE(into_pipe(other[1], first + RT_REGION - 4096, 1));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	EXPECT_LE(2 * 4096, rt_stat("pinned_bytes"));
	EXPECT_TRUE(drain(self->pipe[0], 1, 0x71));
	EXPECT_EQ(4096, read(other[0], page, 4096));
	EXPECT_TRUE(rt_all_bytes(page, 4096, 0x71));
	close(other[0]);
	close(other[1]);
	EXPECT_TRUE(rt_wait_until(nothing_charged(), RT_DEADLINE));
}

/* The slot can open again meanwhile: with other memory, which is zero. */
TEST_F(pinned, slot_reopened_meanwhile)
{
	uint8_t *first = rt_addr(&self->c, self->handles[0]);
	uint64_t h[COUNT];

	ASSERT_TRUE(into_pipe(self->pipe[1], first, PAGES));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, LENGTH, COUNT, h));
	ASSERT_EQ(first, rt_addr(&self->c, h[0]));
	EXPECT_TRUE(rt_all_bytes(first, RT_REGION, 0));
	memset(first, 0x2d, RT_REGION);
	EXPECT_LT(RT_REGION, rt_stat("charged_bytes"));
	EXPECT_TRUE(drain(self->pipe[0], PAGES, 0x71));
	EXPECT_TRUE(rt_wait_until(rt_stat("charged_bytes") == RT_REGION,
				  RT_DEADLINE));
	EXPECT_TRUE(rt_all_bytes(first, RT_REGION, 0x2d));
}

/* Nobody gets the memory while it is referenced: neither writer sees another. */
TEST_F(pinned, not_given_to_another_client)
{
	enum { REGIONS = 12 };
	uint8_t *first = rt_addr(&self->c, self->handles[0]);
	struct rt_client other;
	uint64_t h[REGIONS * COUNT];

	ASSERT_TRUE(into_pipe(self->pipe[1], first, PAGES));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	ASSERT_EQ(0, rt_client_open(&other));
	ASSERT_EQ(0, rt_alloc_all(other.fd, LENGTH, REGIONS * COUNT, h));
	memset(rt_addr(&other, h[0]), 0xfe, REGIONS * RT_REGION);
	EXPECT_TRUE(drain(self->pipe[0], PAGES, 0x71));
	rt_client_close(&other);
	EXPECT_TRUE(rt_wait_until(nothing_charged(), RT_DEADLINE));
}

/* Pinned bytes count against the budget, and are room again afterwards. */
TEST_F(pinned, counts_against_the_budget)
{
	uint8_t *first = rt_addr(&self->c, self->handles[0]);
	struct rt_sampler sampler;
	uint64_t h;

	ASSERT_EQ(0, rt_param_set("budget", "4M"));
	rt_sampler_start(&sampler, "charged_bytes");
	/* In each of its huge pages. */
	ASSERT_TRUE(into_pipe(self->pipe[1], first, 1));
	ASSERT_TRUE(into_pipe(self->pipe[1], first + RT_REGION / 2, 1));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, COUNT));
	if (rt_has_huge_pages()) {
		EXPECT_EQ(RT_REGION, rt_stat("charged_bytes"));
		EXPECT_EQ(0, rt_alloc_one(self->c.fd, LENGTH));
		EXPECT_EQ(ENOMEM, errno);
	}
	EXPECT_TRUE(drain(self->pipe[0], 2, 0x71));
	EXPECT_TRUE(rt_wait_until((h = rt_alloc_one(self->c.fd, LENGTH)),
				  RT_DEADLINE));
	rt_sampler_stop(&sampler);
	EXPECT_LE(sampler.max, RT_REGION);
	EXPECT_LE(LENGTH, rt_stat("charged_bytes"));
}

/* It outlives the client, and even then it is charged and comes back. */
TEST_F(pinned, outlives_the_client)
{
	uint8_t *first = rt_addr(&self->c, self->handles[0]);

	ASSERT_TRUE(into_pipe(self->pipe[1], first, PAGES));
	rt_client_close(&self->c);
	EXPECT_TRUE(rt_wait_until(!rt_stat("nr_clients"), RT_DEADLINE));
	EXPECT_LE(PAGES * 4096, rt_stat("pinned_bytes"));
	EXPECT_EQ(rt_stat("charged_bytes"), rt_stat("pinned_bytes"));
	EXPECT_TRUE(drain(self->pipe[0], PAGES, 0x71));
	EXPECT_TRUE(rt_wait_until(nothing_charged(), RT_DEADLINE));
}

/* References to a page of the slice map may outlive the client as well. */
TEST_F(pinned, page_of_the_map)
{
	uint8_t page[4096];

	ASSERT_EQ(0, rt_client_map(&self->c));
	ASSERT_TRUE(into_pipe(self->pipe[1], self->c.map, 1));
	rt_client_close(&self->c);
	EXPECT_TRUE(rt_wait_until(!rt_stat("nr_clients") && nothing_charged(),
				  RT_DEADLINE));
	EXPECT_EQ(4096, read(self->pipe[0], page, sizeof(page)));
}

/*
 * What lies beside a live slice that something references stays with it, as far as
 * the huge page goes; what lies elsewhere is given at once.
 */
TEST_F(pinned, not_while_the_region_is_open)
{
	uint8_t *first = rt_addr(&self->c, self->handles[0]);

	if (!rt_has_huge_pages())
		SKIP(return, "no huge pages in a region");
	ASSERT_EQ(0, rt_decay_set(RT_DECAY_NEVER_MS));
	ASSERT_TRUE(into_pipe(self->pipe[1], first, PAGES));
	ASSERT_EQ(0, rt_release_one(self->c.fd, self->handles[1]));
	ASSERT_EQ(0, rt_release_one(self->c.fd, self->handles[COUNT - 1]));
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(0, rt_stat("pinned_bytes"));
	EXPECT_EQ(LENGTH, rt_stat("idle_bytes"));
	EXPECT_EQ(RT_REGION - LENGTH, rt_stat("charged_bytes"));
	/* The pipe has the pages themselves, also now. */
	memset(first, 0x72, LENGTH);
	EXPECT_TRUE(drain(self->pipe[0], PAGES, 0x72));
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(0, rt_stat("idle_bytes"));
	EXPECT_EQ(RT_REGION - 2 * LENGTH, rt_stat("charged_bytes"));
	EXPECT_TRUE(rt_all_bytes(first, LENGTH, 0x72));
	ASSERT_EQ(0, rt_release_one(self->c.fd, self->handles[0]));
	ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles + 2, COUNT - 3));
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(0, rt_stat("charged_bytes"));
}

TEST_HARNESS_MAIN
