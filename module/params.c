// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>

#include "client.h"
#include "params.h"
#include "reclaim.h"
#include "size.h"

#define DEFAULT_BUDGET		"25%"
#define DEFAULT_DECAY_MS	1000

/* The parameter lock protects all of them. */
static struct regalloc_domain *domain;	/* NULL until there is one */
static u64 budget;			/* until then; 0: the default */
static unsigned int decay_ms = DEFAULT_DECAY_MS;

/**
 * regalloc_params_ram_bytes() - memory of the machine
 *
 * Return: bytes.
 */
u64 regalloc_params_ram_bytes(void)
{
	return (u64)totalram_pages() << PAGE_SHIFT;
}

/* Memory may have come later, which the windows of this load are too small for. */
static u64 max_budget(void)
{
	u64 ram = regalloc_params_ram_bytes();

	return domain ? min(ram, 1ULL << domain->geo.span_shift) : ram;
}

/* How much of a parameter fits into one line of the log. */
static int shown(const char *val)
{
	return min_t(size_t, strcspn(val, "\n"), 32);
}

static int budget_set(const char *val, const struct kernel_param *kp)
{
	const char *why;
	u64 bytes;
	int err;

	if (regalloc_size_parse(val, max_budget(), &bytes, &why)) {
		pr_err("budget '%.*s' refused: %s\n", shown(val), val, why);
		return -EINVAL;
	}
	if (!domain) {
		budget = bytes;
		return 0;
	}
	err = regalloc_reclaim_set_budget(domain, bytes);
	if (err)
		pr_err("budget '%.*s' refused: clients have reserved more\n",
		       shown(val), val);
	return err;
}

static int budget_get(char *buf, const struct kernel_param *kp)
{
	u64 bytes = domain ? atomic64_read(&domain->budget.limit) : budget;

	return sysfs_emit(buf, "%llu\n", bytes);
}

static const struct kernel_param_ops budget_ops = {
	.set = budget_set,
	.get = budget_get,
};
module_param_cb(budget, &budget_ops, NULL, 0644);
MODULE_PARM_DESC(budget,
		 "memory for all regions, as 3G or as 25% of RAM (default: 25%)");

static int decay_set(const char *val, const struct kernel_param *kp)
{
	unsigned int ms;

	if (kstrtouint(val, 0, &ms)) {
		pr_err("decay_ms '%.*s' refused: not a number of milliseconds\n",
		       shown(val), val);
		return -EINVAL;
	}
	if (domain)
		regalloc_reclaim_set_decay(domain, ms);
	else
		decay_ms = ms;
	return 0;
}

static int decay_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%u\n",
			  domain ? READ_ONCE(domain->decay_ms) : decay_ms);
}

static const struct kernel_param_ops decay_ops = {
	.set = decay_set,
	.get = decay_get,
};
module_param_cb(decay_ms, &decay_ops, NULL, 0644);
MODULE_PARM_DESC(decay_ms,
		 "how long an empty region stays open, in ms; 0: not at all (default: 1000)");

/**
 * regalloc_params_attach() - set up a domain as the parameters say
 * @to: the domain; from now on, what is written changes it
 *
 * Context: may sleep. Takes the parameter lock.
 * Return: 0 or a negative errno.
 */
int regalloc_params_attach(struct regalloc_domain *to)
{
	int err = 0;

	kernel_param_lock(THIS_MODULE);
	if (!budget)
		err = budget_set(DEFAULT_BUDGET, NULL);
	if (!err) {
		atomic64_set(&to->budget.limit, budget);
		to->decay_ms = decay_ms;
		regalloc_reclaim_init(to);
		domain = to;
	}
	kernel_param_unlock(THIS_MODULE);
	return err;
}

/**
 * regalloc_params_detach() - undo regalloc_params_attach()
 *
 * Context: may sleep. Takes the parameter lock.
 */
void regalloc_params_detach(void)
{
	struct regalloc_domain *from;

	kernel_param_lock(THIS_MODULE);
	from = domain;
	domain = NULL;
	kernel_param_unlock(THIS_MODULE);
	regalloc_reclaim_exit(from);
}
