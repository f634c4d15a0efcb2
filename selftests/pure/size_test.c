// SPDX-License-Identifier: GPL-2.0-only
/* Sizes as operators write them. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "size.h"

#include "kselftest_harness.h"

#define GIB		(1ULL << 30)
#define MIB		(1ULL << 20)
#define POISON		0xa5a5a5a5a5a5a5a5ULL

TEST(parse_good)
{
	static const struct {
		const char *text;
		u64 ram;
		u64 bytes;
	} good[] = {
		{ "1", GIB, 1 },
		{ "4194304", GIB, 4 * MIB },
		{ "4194304\n", GIB, 4 * MIB },
		{ "4096K", GIB, 4 * MIB },
		{ "4096k\n", GIB, 4 * MIB },
		{ "64M", GIB, 64 * MIB },
		{ "64m\n", GIB, 64 * MIB },
		{ "1G", GIB, GIB },
		{ "1g", GIB, GIB },
		{ "3G\n", 4 * GIB, 3 * GIB },
		{ "00064M", GIB, 64 * MIB },
		{ "2T", 4096 * GIB, 2048 * GIB },
		{ "25%", 4 * GIB, GIB },
		{ "25%\n", 4 * GIB, GIB },
		{ "1%", 100 * MIB, MIB },
		{ "100%", 4 * GIB, 4 * GIB },
		{ "100%", 1ULL << 43, 1ULL << 43 },
		{ "99%", 1ULL << 43, (1ULL << 43) * 99 / 100 },
		{ "8796093022208", 1ULL << 43, 1ULL << 43 },
	};
	const char *why;
	size_t i;
	u64 bytes;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		bytes = POISON;
		EXPECT_EQ(0, regalloc_size_parse(good[i].text, good[i].ram,
						 &bytes, &why)) {
			TH_LOG("'%s'", good[i].text);
		}
		EXPECT_EQ(good[i].bytes, bytes) {
			TH_LOG("'%s'", good[i].text);
		}
	}
}

TEST(parse_bad)
{
	static const char * const bad[] = {
		"", "\n", " ", "abc", "G", "%", "K1", "-1", "-1G", "12X", "1GG",
		"1KM", "1G1", "64MB", "64M 64M", " 64M", "64M ", "64 M",
		"64M\n\n", "\n64M", "1.5G", "0", "0\n", "0K", "0G", "0%",
		"0000", "101%", "1000%", "25%%", "%25", "25%G", "25G%",
		"18446744073709551615", "18446744073709551616",
		"18446744073709551617", "99999999999G", "17179869184G",
		"17592186044416M", "18014398509481984K", "18014398509481985K",
		"18446744073709551616%", "184467440737095517%",
		"340282366920938463463374607431768211457",
		"4294967297%", "4G1",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *why = NULL;
		u64 bytes = POISON;

		EXPECT_EQ(-EINVAL, regalloc_size_parse(bad[i], 4 * GIB,
						       &bytes, &why)) {
			TH_LOG("'%s' gives %llu", bad[i],
			       (unsigned long long)bytes);
		}
		EXPECT_EQ(POISON, bytes);
		EXPECT_NE(NULL, why);
	}
}

TEST(parse_more_than_the_machine_has)
{
	const char *why;
	u64 bytes = POISON;

	EXPECT_EQ(-EINVAL, regalloc_size_parse("4294967297", 4 * GIB, &bytes,
					       &why));
	EXPECT_EQ(-EINVAL, regalloc_size_parse("5G", 4 * GIB, &bytes, &why));
	EXPECT_EQ(-EINVAL, regalloc_size_parse("4097M", 4 * GIB, &bytes,
					       &why));
	EXPECT_EQ(POISON, bytes);
	EXPECT_EQ(0, regalloc_size_parse("4294967296", 4 * GIB, &bytes,
					 &why));
}

TEST_HARNESS_MAIN
