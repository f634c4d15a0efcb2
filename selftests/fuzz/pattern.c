// SPDX-License-Identifier: GPL-2.0-only
#include "../regalloc_test.h"
#include "pattern.h"

#define PLACE_BITS	8	/* 256 KiB by PATTERN_STEP */
#define MAGIC		0x9a7ULL
#define MASK(bits)	((1ULL << (bits)) - 1)

static uint64_t word_of(const struct pattern *p, uint32_t at)
{
	uint64_t word = MAGIC;

	word = word << PATTERN_OWNER_BITS |
	       (p->owner & MASK(PATTERN_OWNER_BITS));
	word = word << PATTERN_SERIAL_BITS |
	       (p->serial & MASK(PATTERN_SERIAL_BITS));
	return word << PLACE_BITS | at / PATTERN_STEP;
}

/* Whose a word is, and that it is one of ours at all. */
static uint64_t whose(uint64_t word)
{
	return word >> (PATTERN_SERIAL_BITS + PLACE_BITS);
}

static uint64_t load(const struct pattern *p, uint32_t at)
{
	return rt_load((uint64_t *)(p->addr + at));
}

static void fill(void *arg)
{
	struct pattern *p = arg;
	uint32_t at;

	for (at = 0; at < p->bytes; at += PATTERN_STEP)
		rt_store((uint64_t *)(p->addr + at), word_of(p, at));
}

static void check(void *arg)
{
	struct pattern *p = arg;

	for (p->bad = 0; p->bad < p->bytes; p->bad += PATTERN_STEP) {
		p->word = load(p, p->bad);
		if (p->word != word_of(p, p->bad))
			break;
	}
}

static void check_foreign(void *arg)
{
	struct pattern *p = arg;

	for (p->bad = 0; p->bad < p->bytes; p->bad += PATTERN_STEP) {
		p->word = load(p, p->bad);
		if (p->word && whose(p->word) != whose(word_of(p, 0)))
			break;
	}
}

static void check_zero(void *arg)
{
	struct pattern *p = arg;

	p->bad = p->bytes;
	if (rt_all_bytes(p->addr, p->bytes, 0))
		return;
	for (p->bad = 0; p->bad < p->bytes; p->bad += sizeof(p->word)) {
		p->word = load(p, p->bad);
		if (p->word)
			break;
	}
}

int pattern_fill(struct pattern *p)
{
	return rt_guarded(fill, p);
}

int pattern_check(struct pattern *p)
{
	return rt_guarded(check, p);
}

int pattern_check_foreign(struct pattern *p)
{
	return rt_guarded(check_foreign, p);
}

int pattern_check_zero(struct pattern *p)
{
	return rt_guarded(check_zero, p);
}
