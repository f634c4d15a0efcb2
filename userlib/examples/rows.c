// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "rows.h"

#define MAX_VERSION 255
#define GROUP_SIZE 100
#define MAX_VAL 1000000
#define MIN_BODY 40

/* What a hash is made for. */
enum { HASH_GRP = 1000, HASH_VAL = 2000, HASH_BODY = 3000, HASH_PART = 4000,
	HASH_KEY = 5000 };

uint64_t rows_hash(uint64_t a, uint64_t b)
{
	uint64_t x = (a + 1) * UINT64_C(0x9e3779b97f4a7c15) +
		     (b + 1) * UINT64_C(0xd6e8feb86659fd93);

	for (int i = 0; i < 2; i++) {
		x ^= x >> 31;
		x *= UINT64_C(0xd6e8feb86659fd93);
	}
	return x ^ x >> 32;
}

int rows_init(struct rows *rows, uint32_t nr)
{
	*rows = (struct rows){
		.nr = nr,
		.nr_groups = nr / GROUP_SIZE + 1,
		.version = calloc(nr, 1),
	};
	return rows->version ? 0 : -ENOMEM;
}

void rows_free(struct rows *rows)
{
	free(rows->version);
}

uint8_t rows_next_version(const struct rows *rows, uint32_t id)
{
	return rows->version[id] % MAX_VERSION + 1;
}

void rows_set(struct rows *rows, uint32_t id, uint8_t version)
{
	rows->alive += !!version - !!rows->version[id];
	rows->version[id] = version;
}

uint32_t rows_grp(const struct rows *rows, uint32_t id, uint8_t version)
{
	return rows_hash(id, HASH_GRP + version) % rows->nr_groups;
}

uint32_t rows_val(uint32_t id, uint8_t version)
{
	return rows_hash(id, HASH_VAL + version) % MAX_VAL;
}

uint32_t rows_amount(uint32_t id, uint32_t part)
{
	return rows_hash(id, HASH_PART + part) % MAX_VAL;
}

void rows_make(const struct rows *rows, uint32_t id, uint8_t version,
	       struct row *out)
{
	uint64_t h = rows_hash(id, HASH_BODY + version);

	out->grp = rows_grp(rows, id, version);
	out->val = rows_val(id, version);
	out->length = MIN_BODY + h % (ROW_BODY_MAX - MIN_BODY + 1);
	for (uint32_t i = 0; i < out->length; i++) {
		if (i % 8 == 0)
			h = rows_hash(h, i);
		out->body[i] = 'a' + (h >> i % 8 * 8 & 0xff) % 26;
	}
	out->body[out->length] = '\0';
	/* The end of it makes it unique. */
	snprintf(out->key, sizeof(out->key), "%08" PRIx32 "%08" PRIx32,
		 (uint32_t)rows_hash(id, HASH_KEY), id);
}
