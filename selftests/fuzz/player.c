// SPDX-License-Identifier: GPL-2.0-only
#include "player.h"
#include "random.h"

static uint32_t *last_owner;

static void *shared_pages(size_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		rt_die("no shared memory");
	return mem;
}

void player_init(void)
{
	last_owner = shared_pages(sizeof(*last_owner));
}

uint32_t player_new_owner(void)
{
	return rt_add(last_owner, 1) + 1;
}

struct player *player_create(bool alone, uint64_t budget)
{
	struct player *p = calloc(1, sizeof(*p));

	if (!p)
		rt_die("no memory for a player");
	p->m = model_create();
	p->m->alone = alone;
	p->m->budget = budget;
	p->area = shared_pages(3 * AREA_PAGE);
	mprotect(p->area + AREA_PAGE, AREA_PAGE, PROT_NONE);
	mprotect(p->area + 2 * AREA_PAGE, AREA_PAGE, PROT_READ);
	return p;
}

void player_open(struct player *p)
{
	int err = regalloc_open(NULL, 0, &p->ra);

	if (err)
		fail("regalloc_open: %s", strerror(-err));
	p->window = NULL;
	p->c.fd = dup(regalloc_fd(p->ra));
	if (rt_info(p->c.fd, &p->c.info))
		fail("INFO: %s", strerror(errno));
	p->c.base = mmap(NULL, p->c.info.window_bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED, p->c.fd, 0);
	if (p->c.base == MAP_FAILED || rt_client_map(&p->c))
		fail("mmap of the windows: %s", strerror(errno));
	model_reset(p->m, player_new_owner(), p->c.info.span_bytes);
}

void player_close_fds(struct player *p)
{
	close(p->c.fd);
	p->c.fd = -1;
	regalloc_close(p->ra);
	p->ra = NULL;
}

void player_close(struct player *p)
{
	unsigned int i;

	for (i = 0; i < VIEW_MOST; i++)
		view_close(&p->view[i]);
	rt_client_close(&p->c);
	regalloc_close(p->ra);
	p->ra = NULL;
}

void player_step(struct player *p)
{
	op_run(p, &p->ops[p->next++]);
}

void player_play(struct player *p, const struct op *ops, uint32_t nr_ops)
{
	struct regalloc_ioc_stats stats;

	p->ops = ops;
	p->nr_ops = nr_ops;
	p->next = 0;
	fail_context.name = "open";
	player_open(p);
	while (p->next < p->nr_ops)
		player_step(p);
	fail_context.name = "end";
	player_check_all(p);
	player_settle(p, &stats);
	player_close(p);
}

struct pattern player_pattern(struct player *p, uint64_t handle)
{
	uint64_t offset = REGALLOC_HANDLE_OFFSET(handle);

	return (struct pattern) {
		.addr = p->c.base + offset,
		.bytes = rt_class_bytes(model_handle_class(p->m, handle)),
		.owner = p->m->owner,
		.serial = model_unit(p->m, offset)->serial,
	};
}

static void must_be_right(uint64_t handle, const struct pattern *t, int sig,
			  const char *what)
{
	if (sig)
		fail("%s: slice %" PRIx64 " gives %s", what, handle,
		     strsignal(sig));
	if (t->bad < t->bytes)
		fail("%s: slice %" PRIx64 " of %u has %016" PRIx64 " at %u; owner %x, filling %x",
		     what, handle, t->bytes, t->word, t->bad, t->owner,
		     t->serial);
}

void player_check(struct player *p, uint64_t handle)
{
	struct pattern t = player_pattern(p, handle);
	int sig = pattern_check(&t);

	must_be_right(handle, &t, sig, "contents");
}

void player_check_all(struct player *p)
{
	uint32_t i;

	for (i = 0; i < p->m->nr_live; i++)
		player_check(p, p->m->live[i]);
}

void player_check_zero(struct player *p, uint64_t handle)
{
	struct pattern t = player_pattern(p, handle);
	int sig = pattern_check_zero(&t);

	must_be_right(handle, &t, sig, "zeros");
}

static void check_foreign(struct player *p, uint64_t handle)
{
	struct pattern t = player_pattern(p, handle);
	int sig = pattern_check_foreign(&t);

	must_be_right(handle, &t, sig, "bytes of others");
}

void player_fill(struct player *p, uint64_t handle)
{
	struct pattern t = player_pattern(p, handle);
	int sig;

	t.serial = model_refill(p->m, handle);
	sig = pattern_fill(&t);
	if (sig)
		fail("write: slice %" PRIx64 " gives %s", handle,
		     strsignal(sig));
}

/* Returns the bytes that are pinned. */
static uint64_t get_stats(struct player *p, struct regalloc_ioc_stats *stats)
{
	int err = rt_stats(p->c.fd, stats);

	if (err)
		fail("STATS: %s", strerror(-err));
	if (stats->live_bytes != p->m->live_bytes)
		fail("%" PRIu64 " bytes live, must be %" PRIu64,
		     (uint64_t)stats->live_bytes, p->m->live_bytes);
	if (stats->nr_regions < p->m->busy)
		fail("%" PRIu64 " regions, %u are busy",
		     (uint64_t)stats->nr_regions, p->m->busy);
	if (stats->charged_bytes < p->m->least_bytes)
		fail("%" PRIu64 " bytes charged, %" PRIu64 " are live",
		     (uint64_t)stats->charged_bytes, p->m->least_bytes);
	return stats->pinned_bytes;
}

void player_check_stats(struct player *p)
{
	struct regalloc_ioc_stats stats;

	get_stats(p, &stats);
}

/* Whether nothing is there that is not live. */
static bool is_trimmed(struct player *p, struct regalloc_ioc_stats *stats)
{
	int err = rt_trim(p->c.fd, NULL);

	if (err)
		fail("TRIM: %s", strerror(-err));
	return !get_stats(p, stats) &&
	       stats->charged_bytes == p->m->least_bytes;
}

/*
 * Something may have a reference just now: a child that ends, or the core's lists of
 * pages that it is going to move.
 */
void player_settle(struct player *p, struct regalloc_ioc_stats *stats)
{
	rt_wait_until(is_trimmed(p, stats), RT_DEADLINE);
	if (stats->spare_bytes || stats->pinned_bytes ||
	    stats->charged_bytes != p->m->least_bytes ||
	    stats->regions_opened - stats->regions_closed != p->m->busy)
		fail("after TRIM: charged %" PRIu64 ", spare %" PRIu64 ", pinned %" PRIu64
		     ", opened %" PRIu64 ", closed %" PRIu64 "; %u regions are busy, %" PRIu64
		     " bytes live", (uint64_t)stats->charged_bytes,
		     (uint64_t)stats->spare_bytes,
		     (uint64_t)stats->pinned_bytes,
		     (uint64_t)stats->regions_opened,
		     (uint64_t)stats->regions_closed, p->m->busy,
		     p->m->least_bytes);
}

void player_took(struct player *p, unsigned int class, uint32_t count,
		 bool zero, int err, uint32_t got)
{
	uint32_t i;

	model_expect_alloc(p->m, class, count, err, got);
	if (err)
		return;
	for (i = 0; i < got; i++)
		model_took(p->m, p->handles[i], class);
	for (i = 0; i < got; i++) {
		if (zero)
			player_check_zero(p, p->handles[i]);
		else
			check_foreign(p, p->handles[i]);
		player_fill(p, p->handles[i]);
	}
}

uint64_t player_some_live(struct player *p, uint64_t random)
{
	return p->m->nr_live ? p->m->live[random % p->m->nr_live] : 0;
}

uint64_t player_some_wild(struct player *p, uint64_t random, uint64_t more)
{
	struct model *m = p->m;
	uint64_t live = player_some_live(p, more), offset;

	switch (random % 8) {
	case 0:
		return more;
	case 1:
		return 0;
	case 2:
		return live ^ 1ULL << more % 64;
	case 3:
		return live + (1ULL << REGALLOC_HANDLE_GEN_BITS);
	case 4:
		offset = model_region_offset(m, more % REGALLOC_NR_CLASSES,
					     more / 8 % MODEL_SLOTS);
		offset += more / 1024 % RT_REGION;
		return REGALLOC_HANDLE(offset, random / 8 % 4);
	default:
		return m->nr_past ? m->past[more % MODEL_PAST] : 0;
	}
}
