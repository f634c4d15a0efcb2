// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory may run short anywhere, also in a task that waits for nothing but
 * memory while others wait for it: one in a fault, for example, that has a page
 * of a region locked. So nothing here waits for a lock that such a task, or one
 * that waits for it, may hold; what cannot be had at once stays for next time. A task
 * that must not wait for a file system frees nothing here: the holder of a folio's lock
 * may wait for that file system.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
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
	int walk;

	if (!(sc->gfp_mask & __GFP_FS))
		return 0;
	walk = srcu_read_lock(&domain->walks);
	regalloc_for_each_client(client, domain)
		regions += regalloc_client_count_maybe_spares(client);
	srcu_read_unlock(&domain->walks, walk);
	return regions * REGION_PAGES;
}

/* A look costs time whether it closes the region or not. */
static unsigned long scan_pages(struct shrinker *unused,
				struct shrink_control *sc)
{
	unsigned int most = min_t(unsigned long, UINT_MAX,
				  DIV_ROUND_UP(sc->nr_to_scan, REGION_PAGES));
	unsigned int left = most, closed = 0;
	struct regalloc_client *client;
	int walk;

	if (!(sc->gfp_mask & __GFP_FS))
		return SHRINK_STOP;
	walk = srcu_read_lock(&domain->walks);
	regalloc_for_each_client(client, domain) {
		if (!left)
			break;
		closed += regalloc_client_shrink(client, &left);
	}
	srcu_read_unlock(&domain->walks, walk);
	sc->nr_scanned = (most - left) * REGION_PAGES;
	return sc->nr_scanned ? closed * REGION_PAGES : SHRINK_STOP;
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

/* And look at so many of those that were counted. */
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
