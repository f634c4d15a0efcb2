// SPDX-License-Identifier: GPL-2.0-only
/*
 * regalloc: memory for buffer pools, in regions that are taken when needed and
 * given back when empty, under one budget for the whole machine.
 *
 * The files, each including only those before it:
 *
 *	size_class	what lies where
 *	waiters		who waits for memory
 *	budget		how much is charged, to whom
 *	slice_map	which slices are free
 *	space		the memory that is handed out, by offset
 *	map_pages	the memory that records which slices are free; map_fault its faults
 *	pinned		removed memory that is still referenced
 *	pool*		one client's regions of one size class
 *	client		one open file
 *	pressure	who is asked to release some
 *	reclaim		which regions are closed when
 *	shrinker	for when the system is short of memory
 *	alloc		who gets memory
 *	mmap ioctl sysfs	the three faces
 *	main		parameters, device, load and unload
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "client.h"
#include "ioctl.h"
#include "mmap.h"
#include "pinned.h"
#include "pressure.h"
#include "reclaim.h"
#include "shrinker.h"
#include "space.h"
#include "sysfs.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

#define DEFAULT_BUDGET		"25%"
#define DEFAULT_DECAY_MS	1000

static struct regalloc_domain domain;
static bool domain_is_up;	/* changes under the module's parameter lock */

static u64 ram_bytes(void)
{
	return (u64)totalram_pages() << PAGE_SHIFT;
}

/* Memory may have come later, which the windows of this load are too small for. */
static u64 most_bytes(void)
{
	u64 ram = ram_bytes();

	return domain_is_up ? min(ram, 1ULL << domain.geo.span_shift) : ram;
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

	if (regalloc_budget_parse(val, most_bytes(), &bytes, &why)) {
		pr_err("budget '%.*s' refused: %s\n", shown(val), val, why);
		return -EINVAL;
	}
	if (!domain_is_up) {
		atomic64_set(&domain.budget.limit, bytes);
		return 0;
	}
	err = regalloc_reclaim_set_budget(&domain, bytes);
	if (err)
		pr_err("budget '%.*s' refused: clients have reserved more\n",
		       shown(val), val);
	return err;
}

static int budget_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%lld\n", atomic64_read(&domain.budget.limit));
}

static const struct kernel_param_ops budget_ops = {
	.set = budget_set,
	.get = budget_get,
};
module_param_cb(budget, &budget_ops, NULL, 0644);
MODULE_PARM_DESC(budget,
		 "memory for all regions, as 3G or as 25% of RAM (default: 25%)");

static int budget_set_default(void)
{
	int err = 0;

	/* It can be written already. */
	kernel_param_lock(THIS_MODULE);
	if (!atomic64_read(&domain.budget.limit))
		err = budget_set(DEFAULT_BUDGET, NULL);
	kernel_param_unlock(THIS_MODULE);
	return err;
}

static int decay_set(const char *val, const struct kernel_param *kp)
{
	unsigned int decay_ms;

	if (kstrtouint(val, 0, &decay_ms)) {
		pr_err("decay_ms '%.*s' refused: not a number of milliseconds\n",
		       shown(val), val);
		return -EINVAL;
	}
	if (domain_is_up)
		regalloc_reclaim_set_decay(&domain, decay_ms);
	else
		domain.decay_ms = decay_ms;
	return 0;
}

static int decay_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(domain.decay_ms));
}

static const struct kernel_param_ops decay_ops = {
	.set = decay_set,
	.get = decay_get,
};
module_param_cb(decay_ms, &decay_ops, NULL, 0644);
MODULE_PARM_DESC(decay_ms,
		 "how long an empty region stays open, in ms; 0: not at all (default: 1000)");

static int regalloc_fop_open(struct inode *inode, struct file *file)
{
	struct miscdevice *misc = file->private_data;
	struct regalloc_client *client;

	client = regalloc_client_create(container_of(misc, struct regalloc_domain,
						     misc));
	if (IS_ERR(client))
		return PTR_ERR(client);
	file->private_data = client;
	file->f_mapping = client->owner.space->inode->i_mapping;
	/* Writing to slices is not writing to the node. */
	inode_set_flags(inode, S_NOCMTIME, S_NOCMTIME);
	return 0;
}

static int regalloc_fop_flush(struct file *file, fl_owner_t id)
{
	regalloc_reclaim_flush(file->private_data);
	return 0;
}

static int regalloc_fop_release(struct inode *inode, struct file *file)
{
	regalloc_client_destroy(file->private_data);
	return 0;
}

static const struct file_operations regalloc_fops = {
	.owner			= THIS_MODULE,
	.open			= regalloc_fop_open,
	.flush			= regalloc_fop_flush,
	.release		= regalloc_fop_release,
	.unlocked_ioctl		= regalloc_ioctl,
	.compat_ioctl		= compat_ptr_ioctl,
	.mmap			= regalloc_mmap,
	.poll			= regalloc_pressure_poll,
	.get_unmapped_area	= thp_get_unmapped_area,
	.show_fdinfo		= regalloc_show_fdinfo,
	.llseek			= noop_llseek,
};

/* Parameters are set before regalloc_init() runs: what they need is here. */
static struct regalloc_domain domain = {
	.misc = {
		.minor	= MISC_DYNAMIC_MINOR,
		.name	= KBUILD_MODNAME,
		.fops	= &regalloc_fops,
		.groups	= regalloc_sysfs_groups,
	},
	.decay_ms = DEFAULT_DECAY_MS,
};

/* From here on, a parameter that is written has its effect at once. */
static void domain_up(void)
{
	kernel_param_lock(THIS_MODULE);
	regalloc_reclaim_init(&domain);
	domain_is_up = true;
	kernel_param_unlock(THIS_MODULE);
}

static void domain_down(void)
{
	kernel_param_lock(THIS_MODULE);
	domain_is_up = false;
	kernel_param_unlock(THIS_MODULE);
	regalloc_reclaim_exit(&domain);
}

static int __init regalloc_init(void)
{
	int err;

	err = regalloc_geometry_init(&domain.geo, ram_bytes());
	if (err) {
		pr_err("this machine has more memory than handles can name\n");
		return err;
	}
	err = budget_set_default();
	if (err)
		return err;
	regalloc_budget_init(&domain.budget);
	err = regalloc_domain_init(&domain);
	if (err)
		return err;
	err = regalloc_space_init();
	if (err)
		goto err_space;
	err = regalloc_pinned_init();
	if (err)
		goto err_pinned;
	err = regalloc_shrinker_init(&domain);
	if (err)
		goto err_shrinker;
	domain_up();
	err = misc_register(&domain.misc);
	if (err)
		goto err_misc;
	pr_info("budget %lld bytes, decay %u ms\n",
		atomic64_read(&domain.budget.limit), domain.decay_ms);
	return 0;

err_misc:
	domain_down();
	regalloc_shrinker_exit();
err_shrinker:
	regalloc_pinned_exit();
err_pinned:
	regalloc_space_exit();
err_space:
	regalloc_domain_exit(&domain);
	return err;
}
module_init(regalloc_init);

static void __exit regalloc_exit(void)
{
	misc_deregister(&domain.misc);
	domain_down();
	regalloc_shrinker_exit();
	regalloc_pinned_exit();
	regalloc_space_exit();
	regalloc_domain_exit(&domain);
}
module_exit(regalloc_exit);

MODULE_DESCRIPTION("Regions of memory for buffer pools under one budget");
MODULE_LICENSE("GPL");
