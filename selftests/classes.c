// SPDX-License-Identifier: GPL-2.0-only
/*
 * Size classes and where slices lie: rounding, alignment, the geometry that
 * programs compute, the order of addresses.
 */
#include "regalloc_test.h"

#define MAX_SLICES	1024

FIXTURE(classes)
{
	struct rt_client c;
	uint64_t handles[4 * MAX_SLICES];
};

FIXTURE_SETUP(classes)
{
	ASSERT_TRUE(rt_begin(RT_BUDGET, RT_DECAY_NEVER_MS));
	ASSERT_EQ(0, rt_client_open(&self->c));
	ASSERT_EQ(0, rt_client_map(&self->c));
}

FIXTURE_TEARDOWN(classes)
{
	rt_client_close(&self->c);
	rt_end();
}

/* rt_alloc() ends the process if out_slice_bytes is not the rounded length. */
TEST_F(classes, rounding)
{
	unsigned int cls, i;

	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint32_t bytes = rt_class_bytes(cls);
		uint32_t lengths[] = {
			cls ? bytes / 2 + 1 : 1, bytes - 4095, bytes - 1, bytes,
		};

		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			uint32_t length = lengths[i];
			uint64_t handle, offset;

			handle = rt_alloc_one(self->c.fd, length);
			ASSERT_NE(0, handle) {
				TH_LOG("length %u: %s", length,
				       strerror(errno));
			}
			offset = REGALLOC_HANDLE_OFFSET(handle);
			EXPECT_EQ(bytes > 4096 && length <= bytes / 2 ?
				  cls - 1 : cls,
				  offset / self->c.info.span_bytes);
			EXPECT_EQ(0, offset % bytes);
		}
	}
}

/* The address is naturally aligned, and all of the slice can be used. */
TEST_F(classes, alignment_and_extent)
{
	unsigned int cls;

	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint32_t bytes = rt_class_bytes(cls);
		uint64_t h[2];
		uint8_t *a, *b;

		ASSERT_EQ(0, rt_alloc_all(self->c.fd, bytes, 2, h));
		a = rt_addr(&self->c, h[0]);
		b = rt_addr(&self->c, h[1]);
		EXPECT_EQ(a, self->c.base + REGALLOC_HANDLE_OFFSET(h[0]));
		EXPECT_EQ(0, (uintptr_t)a % bytes);
		EXPECT_EQ(0, (uintptr_t)b % bytes);
		memset(a, 0x11, bytes);
		memset(b, 0x22, bytes);
		EXPECT_TRUE(rt_all_bytes(a, bytes, 0x11));
		EXPECT_TRUE(rt_all_bytes(b, bytes, 0x22));
	}
}

/* The handle macros are each other's inverse. */
TEST_F(classes, handle_macros)
{
	uint64_t window = self->c.info.window_bytes;
	uint64_t offset;

	for (offset = 0; offset < window; offset += window / 4096 + 4096) {
		uint64_t off = offset & ~4095ULL;
		uint64_t h = REGALLOC_HANDLE(off, REGALLOC_HANDLE_GEN_MASK);

		EXPECT_EQ(off, REGALLOC_HANDLE_OFFSET(h));
		EXPECT_EQ(REGALLOC_HANDLE_GEN_MASK, REGALLOC_HANDLE_GEN(h));
	}
}

/* The first slice of a class begins its span; the next ones follow it. */
TEST_F(classes, address_order_in_a_new_region)
{
	unsigned int cls, i;

	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint64_t base = cls * self->c.info.span_bytes;
		uint32_t n = rt_class_slices(cls);

		/* One slice more than the region has. */
		ASSERT_EQ(0, rt_alloc_all(self->c.fd, rt_class_bytes(cls),
					  n + 1, self->handles));
		for (i = 0; i <= n; i++) {
			uint64_t off = REGALLOC_HANDLE_OFFSET(self->handles[i]);

			ASSERT_EQ(base + i * (uint64_t)rt_class_bytes(cls),
				  off) {
				TH_LOG("class %u slice %u", cls, i);
			}
		}
		EXPECT_EQ(2 * RT_REGION * (cls + 1), rt_stat("charged_bytes"));
	}
}

/* The map window says of each slice what it is. */
TEST_F(classes, map_window_shows_the_states)
{
	unsigned int cls, i;

	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		uint64_t base = cls * self->c.info.span_bytes;
		uint32_t n = rt_class_slices(cls);
		uint32_t bytes = rt_class_bytes(cls);

		EXPECT_EQ(REGALLOC_STATE_CLOSED,
			  rt_load(rt_state(&self->c, base)) &
			  REGALLOC_STATE_MASK);
		ASSERT_EQ(0, rt_alloc_all(self->c.fd, bytes, n,
					  self->handles));
		ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles, n / 2));
		for (i = 0; i < n; i++) {
			uint32_t word = rt_load(rt_state(&self->c, base +
							 i * (uint64_t)bytes));
			uint32_t gen = REGALLOC_HANDLE_GEN(self->handles[i]);

			uint32_t state = REGALLOC_STATE_LIVE;

			if (i < n / 2) {
				state = REGALLOC_STATE_FREE;
				gen++;
			}
			ASSERT_EQ(gen << REGALLOC_STATE_GEN_SHIFT | state,
				  word);
		}
		ASSERT_EQ(0, rt_release_all(self->c.fd, self->handles + n / 2,
					    n / 2));
		ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
		for (i = 0; i < n; i++)
			ASSERT_EQ(REGALLOC_STATE_CLOSED,
				  rt_load(rt_state(&self->c, base + i *
						   (uint64_t)bytes)) &
				  REGALLOC_STATE_MASK);
	}
}

/*
 * The lowest region with room is used first, so the high ones drain. (First in
 * first out would spread the new slices over all of them.)
 */
TEST_F(classes, bug13_lowest_slot_with_room_first)
{
	const uint64_t base = RT_CLASS_256K * self->c.info.span_bytes;
	uint64_t h[64], h2[8];
	unsigned int i;

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, 256 * 1024, 64, h));
	ASSERT_EQ(4 * RT_REGION, rt_stat("charged_bytes"));
	/* Holes in all regions, released from the top down. */
	for (i = 64; i--;)
		if (i % 16 < 4)
			ASSERT_EQ(0, rt_release_one(self->c.fd, h[i]));

	for (i = 0; i < 8; i++) {
		uint64_t off;

		h2[i] = rt_alloc_one(self->c.fd, 256 * 1024);
		ASSERT_NE(0, h2[i]);
		off = REGALLOC_HANDLE_OFFSET(h2[i]) - base;
		EXPECT_EQ(i / 4, off / RT_REGION);
	}
	/* A batch fills the lowest first as well. */
	ASSERT_EQ(0, rt_release_all(self->c.fd, h2, 8));
	ASSERT_EQ(0, rt_alloc_all(self->c.fd, 256 * 1024, 8, h2));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(i / 4, (REGALLOC_HANDLE_OFFSET(h2[i]) - base) /
				 RT_REGION);
}

/* With churn at a quarter of the peak, three quarters of the regions go. */
TEST_F(classes, bug13_high_regions_drain)
{
	enum { REGIONS = 8, SLICES = REGIONS * 64, KEEP = SLICES / 4 };
	unsigned int seed = 1, i;

	ASSERT_EQ(0, rt_alloc_all(self->c.fd, 64 * 1024, SLICES,
				  self->handles));
	for (i = SLICES; i > KEEP; i--) {
		unsigned int victim = rand_r(&seed) % i;

		ASSERT_EQ(0, rt_release_one(self->c.fd, self->handles[victim]));
		self->handles[victim] = self->handles[i - 1];
	}
	for (i = 0; i < 20 * KEEP; i++) {
		unsigned int victim = rand_r(&seed) % KEEP;
		uint64_t fresh = rt_alloc_one(self->c.fd, 64 * 1024);

		ASSERT_NE(0, fresh);
		ASSERT_EQ(0, rt_release_one(self->c.fd, self->handles[victim]));
		self->handles[victim] = fresh;
	}
	ASSERT_EQ(0, rt_trim(self->c.fd, NULL));
	EXPECT_EQ(KEEP * 64 * 1024UL, rt_stat("live_bytes"));
	/* KEEP slices fill two regions; one more at a time needs a third. */
	EXPECT_LE(rt_stat("charged_bytes"), 3 * RT_REGION);
}

TEST_HARNESS_MAIN
