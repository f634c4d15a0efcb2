// SPDX-License-Identifier: GPL-2.0-only
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/math.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>

#include "client.h"
#include "compat.h"
#include "shrinker.h"

#define REGION_PAGES	(REGALLOC_REGION_BYTES / PAGE_SIZE)

/* There is one budget, and so one shrinker. */
static struct regalloc_domain *domain;
static struct shrinker *shrinker;
static struct dentry *debugfs_dir;

/* Pages of regions that may be spares; some may turn out to be in use. */
static unsigned long count_pages(struct shrinker *unused,
				 struct shrink_control *sc)
{
	struct regalloc_client *client;
	unsigned long regions = 0;

	mutex_lock(&domain->lock);
	list_for_each_entry(client, &domain->clients, node)
		regions += regalloc_client_count_maybe_spares(client);
	mutex_unlock(&domain->lock);
	return regions * REGION_PAGES;
}

static unsigned long scan_pages(struct shrinker *unused,
				struct shrink_control *sc)
{
	unsigned long most = DIV_ROUND_UP(sc->nr_to_scan, REGION_PAGES);
	struct regalloc_client *client;
	unsigned long closed = 0;

	mutex_lock(&domain->lock);
	list_for_each_entry(client, &domain->clients, node) {
		if (closed == most)
			break;
		closed += regalloc_client_close_spares(client, most - closed,
						       0, NULL);
	}
	mutex_unlock(&domain->lock);
	sc->nr_scanned = closed * REGION_PAGES;
	return closed ? closed * REGION_PAGES : SHRINK_STOP;
}

/* As if the system were short of memory: how many pages there are to be had. */
static int shrink_get(void *data, u64 *pages)
{
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL };

	fs_reclaim_acquire(GFP_KERNEL);
	*pages = shrinker->count_objects(shrinker, &sc);
	fs_reclaim_release(GFP_KERNEL);
	return 0;
}

/* And take so many. */
static int shrink_set(void *data, u64 pages)
{
	struct shrink_control sc = {
		.gfp_mask = GFP_KERNEL,
		.nr_to_scan = min_t(u64, pages, LONG_MAX),
	};

	fs_reclaim_acquire(GFP_KERNEL);
	shrinker->scan_objects(shrinker, &sc);
	fs_reclaim_release(GFP_KERNEL);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(shrink_fops, shrink_get, shrink_set, "%llu\n");

/**
 * regalloc_shrinker_init() - offer spares to the system
 * @of: the domain that has them
 *
 * Return: 0 or a negative errno.
 */
int regalloc_shrinker_init(struct regalloc_domain *of)
{
	int err;

	domain = of;
	shrinker = shrinker_alloc(0, "regalloc");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count_pages;
	shrinker->scan_objects = scan_pages;
	shrinker->seeks = DEFAULT_SEEKS;
	err = regalloc_shrinker_register(shrinker);
	if (err) {
		shrinker_free(shrinker);
		return err;
	}
	/* For debugging only: nobody minds if it is missing. */
	debugfs_dir = debugfs_create_dir("regalloc", NULL);
	debugfs_create_file_unsafe("shrink", 0600, debugfs_dir, NULL,
				   &shrink_fops);
	return 0;
}

/**
 * regalloc_shrinker_exit() - undo regalloc_shrinker_init()
 */
void regalloc_shrinker_exit(void)
{
	debugfs_remove_recursive(debugfs_dir);
	shrinker_free(shrinker);
}
