// SPDX-License-Identifier: GPL-2.0-only
/* What concerns a client as a whole, and all of them. */
#include "player.h"

int op_trim(struct player *p, const struct op *op)
{
	struct regalloc_ioc_stats stats;

	player_settle(p, &stats);
	return 0;
}

int op_trim_arm(struct player *p, const struct op *op)
{
	struct regalloc_ioc_trim t = {
		.size = sizeof(t),
		.flags = op->arg[0] % 2 ? REGALLOC_TRIM_F_ARM :
					  REGALLOC_TRIM_F_NOTIFY,
	};

	if (ioctl(p->c.fd, REGALLOC_IOC_TRIM, &t))
		fail("TRIM: %s", strerror(errno));
	return 0;
}

int op_stats(struct player *p, const struct op *op)
{
	player_check_stats(p);
	return 0;
}

int op_info(struct player *p, const struct op *op)
{
	struct regalloc_ioc_info info;

	if (rt_info(p->c.fd, &info))
		fail("INFO: %s", strerror(errno));
	if (info.budget_bytes != p->m->budget)
		fail("INFO: budget_bytes %" PRIu64,
		     (uint64_t)info.budget_bytes);
	info.budget_bytes = p->c.info.budget_bytes;
	if (memcmp(&info, &p->c.info, sizeof(info)))
		fail("INFO tells something else");
	return 0;
}

/* Some bytes, more or less whole regions, mostly within @most regions. */
static uint64_t some_bytes(uint64_t random, unsigned int most)
{
	uint64_t bytes = random % (most + 1) * RT_REGION;

	switch (random >> 32 & 15) {
	case 0:
		return bytes + 1;
	case 1:
		return bytes - 1;
	case 2:
		return ~(random >> 48);
	default:
		return bytes;
	}
}

static int limits_error(const struct model *m, uint64_t reserve, uint64_t limit)
{
	if (limit && reserve > limit)
		return -EINVAL;
	/* Rounded up, unless it is too much already. */
	if (reserve <= m->budget)
		reserve = (reserve + RT_PAGE - 1) / RT_PAGE * RT_PAGE;
	return reserve > m->budget ? -EBUSY : 0;
}

int op_limits(struct player *p, const struct op *op)
{
	struct model *m = p->m;
	uint64_t reserve = some_bytes(op->arg[0], m->alone ? 12 : 3);
	uint64_t limit = op->arg[2] % 2 ? some_bytes(op->arg[1], 12) : 0;
	struct regalloc_ioc_stats stats;
	int expected, err;

	expected = limits_error(m, reserve, limit);
	err = rt_limits(p->c.fd, reserve, limit);
	trace("reserve %" PRIu64 ", limit %" PRIu64 ": %s", reserve, limit,
	      strerror(-err));
	/* What the others have reserved is not known. */
	if (err != expected && (m->alone || expected || err != -EBUSY))
		fail("LIMITS %" PRIu64 " %" PRIu64 ": %s, not %s", reserve,
		     limit, strerror(-err), strerror(-expected));
	if (err)
		return err;
	player_settle(p, &stats);
	model_set_limits(m, reserve, limit);
	return 0;
}

int op_pressure(struct player *p, const struct op *op)
{
	struct regalloc_ioc_pressure r = { .size = sizeof(r) };

	if (ioctl(p->c.fd, REGALLOC_IOC_PRESSURE, &r))
		fail("PRESSURE: %s", strerror(errno));
	trace("%" PRIu64 " bytes wanted", (uint64_t)r.wanted_bytes);
	if (p->m->alone && rt_is_asked(p->c.fd))
		fail("asked again, by nobody");
	return 0;
}

/* With one client, the module's totals are that client's. */
int op_sysfs(struct player *p, const struct op *op)
{
	struct regalloc_ioc_stats stats;
	uint64_t charged;

	charged = rt_stat("charged_bytes");
	if (!p->m->alone) {
		if (charged > p->m->budget)
			fail("%" PRIu64 " bytes charged", charged);
		return 0;
	}
	player_settle(p, &stats);
	if (rt_stat("charged_bytes") != stats.charged_bytes ||
	    rt_stat("live_bytes") != p->m->live_bytes ||
	    rt_stat("nr_regions") != p->m->busy ||
	    rt_stat("spare_bytes") || rt_stat("pinned_bytes") ||
	    rt_stat("nr_clients") != 1)
		fail("sysfs: charged %" PRIu64 ", live %" PRIu64 ", regions %" PRIu64
		     ", clients %" PRIu64, rt_stat("charged_bytes"),
		     rt_stat("live_bytes"), rt_stat("nr_regions"),
		     rt_stat("nr_clients"));
	return 0;
}

int op_decay(struct player *p, const struct op *op)
{
	static const unsigned int times[] = {
		0, 1, 10, 100, RT_DECAY_NEVER_MS
	};
	unsigned int ms = times[op->arg[0] % 5];
	int err = rt_decay_set(ms);

	trace("%u ms", ms);
	if (err)
		fail("decay_ms: %s", strerror(-err));
	return 0;
}

int op_budget(struct player *p, const struct op *op)
{
	uint64_t bytes = RT_REGION * (1 + op->arg[0] % MODEL_REGIONS);
	struct regalloc_ioc_stats stats;
	char text[32];
	int err;

	if (!p->m->alone)
		return FUZZ_SKIPPED;
	bytes -= op->arg[1] % 2;
	snprintf(text, sizeof(text), "%" PRIu64 "\n", bytes);
	err = rt_param_set("budget", text);
	trace("%" PRIu64 ": %s", bytes, strerror(-err));
	if (err != (bytes < p->m->reserve ? -EBUSY : 0))
		fail("budget %" PRIu64 ": %s", bytes, strerror(-err));
	if (err)
		return err;
	player_settle(p, &stats);
	model_set_budget(p->m, bytes);
	return 0;
}
