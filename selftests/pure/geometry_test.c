// SPDX-License-Identifier: GPL-2.0-only
/* The geometry: every offset belongs to exactly one slice, and back. */
#include <stdint.h>

#include "geometry.h"

#include "kselftest_harness.h"

#define LARGEST_RAM	(1ULL << 43)

TEST(class_from_length)
{
	u64 length;

	EXPECT_EQ(-EINVAL, regalloc_class_from_length(0));
	EXPECT_EQ(-EINVAL, regalloc_class_from_length(262145));
	EXPECT_EQ(-EINVAL, regalloc_class_from_length(1ULL << 32));
	EXPECT_EQ(-EINVAL, regalloc_class_from_length((1ULL << 32) + 4096));
	EXPECT_EQ(-EINVAL, regalloc_class_from_length(1ULL << 63));
	EXPECT_EQ(-EINVAL, regalloc_class_from_length(~0ULL));
	for (length = 1; length <= REGALLOC_MAX_SLICE_BYTES; length++) {
		int cls = regalloc_class_from_length(length);

		ASSERT_LE(0, cls);
		ASSERT_GT(REGALLOC_NR_CLASSES, cls);
		/* The smallest that holds it. */
		ASSERT_LE(length, regalloc_class_bytes(cls));
		if (cls)
			ASSERT_GT(length, regalloc_class_bytes(cls - 1));
	}
}

TEST(classes)
{
	static const unsigned int slices[REGALLOC_NR_CLASSES] = {
		1024, 512, 256, 128, 64, 32, 16,
	};
	unsigned int cls;

	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		EXPECT_EQ(slices[cls], regalloc_class_slices(cls));
		EXPECT_EQ(4096ULL << cls, regalloc_class_bytes(cls));
		EXPECT_EQ(REGALLOC_REGION_BYTES, slices[cls] *
			  regalloc_class_bytes(cls));
	}
}

TEST(spans)
{
	static const struct {
		u64 ram;
		unsigned int shift;
	} good[] = {
		{ 0, 30 }, { 1, 30 }, { 256ULL << 20, 30 }, { 1ULL << 30, 30 },
		{ (1ULL << 30) + 1, 31 }, { 3ULL << 30, 32 }, { 1ULL << 32, 32 },
		{ (1ULL << 32) + 4096, 33 }, { (1ULL << 42) + 1, 43 },
		{ LARGEST_RAM, 43 },
	};
	struct regalloc_geometry geo;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		ASSERT_EQ(0, regalloc_geometry_init(&geo, good[i].ram));
		EXPECT_EQ(good[i].shift, geo.span_shift);
		/* Each class can hold all of the memory. */
		EXPECT_LE(good[i].ram, regalloc_geometry_slots(&geo) *
				       REGALLOC_REGION_BYTES);
	}
	EXPECT_EQ(-E2BIG, regalloc_geometry_init(&geo, LARGEST_RAM + 1));
	EXPECT_EQ(-E2BIG, regalloc_geometry_init(&geo, 1ULL << 63));
	EXPECT_EQ(-E2BIG, regalloc_geometry_init(&geo, ~0ULL));
}

FIXTURE(geometry)
{
	struct regalloc_geometry geo;
	u64 window;
	unsigned long slots;
};

FIXTURE_VARIANT(geometry)
{
	u64 ram;
};

FIXTURE_VARIANT_ADD(geometry, smallest)
{
	.ram = 1,
};

FIXTURE_VARIANT_ADD(geometry, four_gib)
{
	.ram = 4ULL << 30,
};

FIXTURE_VARIANT_ADD(geometry, odd)
{
	.ram = 123456789012ULL,
};

FIXTURE_VARIANT_ADD(geometry, largest)
{
	.ram = LARGEST_RAM,
};

FIXTURE_SETUP(geometry)
{
	ASSERT_EQ(0, regalloc_geometry_init(&self->geo, variant->ram));
	self->window = regalloc_geometry_window_bytes(&self->geo);
	self->slots = regalloc_geometry_slots(&self->geo);
}

FIXTURE_TEARDOWN(geometry)
{
}

/* Some slots of each class: the edges, and some between. */
static unsigned long some_slot(unsigned long slots, unsigned int i)
{
	static const unsigned int part[] = { 0, 1, 3, 7, 100, 128, 199, 200 };
	unsigned long slot;

	switch (i) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return slots - 2;
	case 3:
		return slots - 1;
	default:
		slot = slots / 200 * part[i % ARRAY_SIZE(part)];
		return slot < slots ? slot : slots - 1;
	}
}

static bool same(const struct regalloc_place *a, const struct regalloc_place *b)
{
	return a->class == b->class && a->slot == b->slot &&
	       a->slice == b->slice;
}

TEST_F(geometry, offset_and_place)
{
	struct regalloc_place p, q;
	unsigned int i;

	for (p.class = 0; p.class < REGALLOC_NR_CLASSES; p.class++) {
		unsigned int n = regalloc_class_slices(p.class);
		u64 bytes = regalloc_class_bytes(p.class);

		for (i = 0; i < 12; i++) {
			p.slot = some_slot(self->slots, i);
			for (p.slice = 0; p.slice < n; p.slice++) {
				u64 at = regalloc_geometry_offset(&self->geo,
								  &p);

				ASSERT_EQ(0, at % bytes);
				ASSERT_GT(self->window, at);
				ASSERT_TRUE(regalloc_geometry_locate(&self->geo,
								     at, &q));
				ASSERT_TRUE(same(&p, &q));
				/* The last byte of it; the first of the next */
				at += bytes - 1;
				ASSERT_TRUE(regalloc_geometry_locate(&self->geo,
								     at, &q));
				ASSERT_TRUE(same(&p, &q));
				if (++at == self->window)
					continue;
				ASSERT_TRUE(regalloc_geometry_locate(&self->geo,
								     at, &q));
				ASSERT_FALSE(same(&p, &q));
			}
		}
	}
}

TEST_F(geometry, contract)
{
	struct regalloc_place p;
	unsigned int i;

	/* Slot r of class c lies at c * span + r * 4 MiB. */
	for (p.class = 0; p.class < REGALLOC_NR_CLASSES; p.class++) {
		for (i = 0; i < 12; i++) {
			p.slot = some_slot(self->slots, i);
			p.slice = 0;
			EXPECT_EQ((p.class * self->slots + p.slot) *
				  REGALLOC_REGION_BYTES,
				  regalloc_geometry_offset(&self->geo, &p));
		}
	}
	EXPECT_EQ(self->slots * REGALLOC_REGION_BYTES * REGALLOC_NR_CLASSES,
		  self->window);
}

TEST_F(geometry, outside)
{
	static const u64 beyond[] = { 0, 1, 4095, 4096, 1ULL << 40 };
	struct regalloc_place p;
	size_t i;

	EXPECT_TRUE(regalloc_geometry_locate(&self->geo, self->window - 1, &p));
	EXPECT_EQ(REGALLOC_NR_CLASSES - 1, p.class);
	EXPECT_EQ(self->slots - 1, p.slot);
	EXPECT_EQ(15, p.slice);
	for (i = 0; i < ARRAY_SIZE(beyond); i++)
		EXPECT_FALSE(regalloc_geometry_locate(&self->geo, self->window +
						      beyond[i], &p));
	EXPECT_FALSE(regalloc_geometry_locate(&self->geo, 1ULL << 63, &p));
	EXPECT_FALSE(regalloc_geometry_locate(&self->geo, ~0ULL, &p));
}

TEST_F(geometry, handles_name_every_slice)
{
	u64 last = self->window - 4096, h;

	h = REGALLOC_HANDLE(last, REGALLOC_HANDLE_GEN_MASK);
	EXPECT_EQ(last, REGALLOC_HANDLE_OFFSET(h));
	EXPECT_EQ(REGALLOC_HANDLE_GEN_MASK, REGALLOC_HANDLE_GEN(h));
	h = REGALLOC_HANDLE(last, 1);
	EXPECT_EQ(last, REGALLOC_HANDLE_OFFSET(h));
	EXPECT_EQ(1, REGALLOC_HANDLE_GEN(h));
}

TEST_F(geometry, state_words)
{
	u64 words = REGALLOC_SLOT_WORDS * sizeof(u32), end;
	unsigned int cls, i;

	/* In front, room for the words that kernel and owner share. */
	end = regalloc_geometry_state_offset(&self->geo, 0, 0);
	EXPECT_LE(sizeof(struct regalloc_control), end);

	EXPECT_EQ(4096, words);
	EXPECT_EQ(0, end % words);
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		EXPECT_EQ(REGALLOC_SLOT_WORDS, regalloc_class_slices(cls) *
					       regalloc_class_stride(cls));
		/* One class after the other, nothing between, no overlap. */
		for (i = 0; i < 12; i++) {
			unsigned long slot = some_slot(self->slots, i);

			EXPECT_EQ(end + slot * words,
				  regalloc_geometry_state_offset(&self->geo,
								 cls, slot));
		}
		end += self->slots * words;
	}
	EXPECT_EQ(end, regalloc_geometry_state_offset(&self->geo,
						      REGALLOC_NR_CLASSES, 0));
}

/* The word of a slice is found by its place in the data window alone. */
TEST_F(geometry, state_word_of_an_offset)
{
	u64 first = regalloc_geometry_state_offset(&self->geo, 0, 0);
	struct regalloc_place place;
	unsigned int i, cls;

	for (i = 0; i < 12 * REGALLOC_NR_CLASSES; i++) {
		cls = i % REGALLOC_NR_CLASSES;
		place.class = cls;
		place.slot = some_slot(self->slots, i / REGALLOC_NR_CLASSES);
		place.slice = i % regalloc_class_slices(cls);
		EXPECT_EQ(first + regalloc_geometry_offset(&self->geo, &place) /
				  REGALLOC_MIN_SLICE_BYTES * sizeof(u32),
			  regalloc_geometry_state_offset(&self->geo, cls,
							 place.slot) +
			  place.slice * regalloc_class_stride(cls) *
			  sizeof(u32));
	}
}

/* One for each slot, behind the words, none twice. */
TEST_F(geometry, hints)
{
	u64 map = regalloc_geometry_map_bytes(&self->geo), end;
	unsigned int cls, i;

	EXPECT_EQ(0, map % 65536);
	end = regalloc_geometry_state_offset(&self->geo, REGALLOC_NR_CLASSES,
					     0);
	for (cls = 0; cls < REGALLOC_NR_CLASSES; cls++) {
		for (i = 0; i < 12; i++) {
			unsigned long slot = some_slot(self->slots, i);

			EXPECT_EQ(end + 2 * slot,
				  regalloc_geometry_hint_offset(&self->geo,
								cls, slot));
		}
		end += 2 * self->slots;
	}
	EXPECT_LE(end, map);
	EXPECT_GT(end + 65536, map);
}

TEST_HARNESS_MAIN
