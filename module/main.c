// SPDX-License-Identifier: GPL-2.0-only
/*
 * regalloc: memory for buffer pools, in regions that are taken when needed and
 * given back when empty, under one budget for the whole machine.
 *
 * The files, each including only those before it:
 *
 *	geometry	what lies where
 *	size		sizes as operators write them
 *	waiters		who waits for memory
 *	budget		how much is charged, to whom; counters counts besides
 *	slice_map	which slices are free
 *	space		the memory that is handed out, by offset; space_remove takes
 *			it away, space_fault maps it
 *	pinned		removed memory that is still referenced
 *	map_pages	the memory that records which slices are free; map_fault maps it
 *	pool		one client's regions of one size class: opens and closes them;
 *			pool_grow adds memory, pool_punch removes it from regions that
 *			stay open, pool_sweep finds what is unused, pool_spares closes
 *			those without a live slice, pool_slices claims and releases,
 *			pool_hints and pool_usage look
 *	client		one open file
 *	domain		all of them
 *	pressure	who is asked to release some
 *	reclaim		whose memory is returned when; decay: what nobody uses
 *	shrinker	for when the system is short of memory
 *	alloc		who gets memory
 *	mmap ioctl sysfs	the three faces
 *	params		the parameters of the module
 *	main		device, load and unload
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "client.h"
#include "ioctl.h"
#include "mmap.h"
#include "params.h"
#include "pinned.h"
#include "pressure.h"
#include "reclaim.h"
#include "shrinker.h"
#include "space.h"
#include "sysfs.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

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

static struct regalloc_domain domain = {
	.misc = {
		.minor	= MISC_DYNAMIC_MINOR,
		.name	= KBUILD_MODNAME,
		.fops	= &regalloc_fops,
		.groups	= regalloc_sysfs_groups,
	},
};

static int __init regalloc_init(void)
{
	int err;

	err = regalloc_geometry_init(&domain.geo,
				     regalloc_params_ram_bytes());
	if (err) {
		pr_err("this machine has more memory than handles can name\n");
		return err;
	}
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
	err = regalloc_params_attach(&domain);
	if (err)
		goto err_params;
	err = misc_register(&domain.misc);
	if (err)
		goto err_misc;
	pr_info("budget %lld bytes, decay %u ms\n",
		atomic64_read(&domain.budget.limit), domain.decay_ms);
	return 0;

err_misc:
	regalloc_params_detach();
err_params:
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
	regalloc_params_detach();
	regalloc_shrinker_exit();
	regalloc_pinned_exit();
	regalloc_space_exit();
	regalloc_domain_exit(&domain);
}
module_exit(regalloc_exit);

MODULE_DESCRIPTION("Regions of memory for buffer pools under one budget");
MODULE_LICENSE("GPL");
