// SPDX-License-Identifier: GPL-2.0-only
/*
 * Documentation/ABI/testing/sysfs-class-misc-regalloc says what the files mean.
 */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sysfs.h>

#include "client.h"
#include "sysfs.h"

static struct regalloc_domain *dev_domain(struct device *dev)
{
	return container_of(dev_get_drvdata(dev), struct regalloc_domain, misc);
}

/*
 * Count all clients' regions of one class, or of all for NR_CLASSES. Whoever
 * comes, allocates or releases is not held up by that.
 */
static struct regalloc_usage domain_usage(struct regalloc_domain *domain,
					  unsigned int class, bool count_live)
{
	struct regalloc_usage usage = { .count_live = count_live };
	struct regalloc_client *client;
	int walk;

	walk = srcu_read_lock(&domain->walks);
	regalloc_for_each_client(client, domain) {
		cond_resched();
		if (class == REGALLOC_NR_CLASSES)
			regalloc_client_add_usage(client, &usage);
		else
			regalloc_pool_add_usage(&client->pools[class], &usage);
	}
	srcu_read_unlock(&domain->walks, walk);
	return usage;
}

static u64 domain_map_bytes(struct regalloc_domain *domain)
{
	struct regalloc_client *client;
	u64 bytes = 0;
	int walk;

	walk = srcu_read_lock(&domain->walks);
	regalloc_for_each_client(client, domain) {
		cond_resched();
		bytes += regalloc_map_pages_bytes(&client->owner.map);
	}
	srcu_read_unlock(&domain->walks, walk);
	return bytes;
}

#define SHOW_ATTR(_name, _value)					\
static ssize_t _name##_show(struct device *dev,				\
			    struct device_attribute *attr, char *buf)	\
{									\
	struct regalloc_domain *domain = dev_domain(dev);		\
									\
	return sysfs_emit(buf, "%llu\n", (unsigned long long)(_value));	\
}									\
static DEVICE_ATTR_RO(_name)

#define SHOW_TOTAL(_name, _member)					\
	SHOW_ATTR(_name, atomic64_read(&domain->budget.total._member))

#define SHOW_USAGE(_name, _expr, _count_live)				\
	SHOW_ATTR(_name, domain_usage(domain, REGALLOC_NR_CLASSES,	\
				      _count_live)._expr)

SHOW_ATTR(budget_bytes, atomic64_read(&domain->budget.limit));
SHOW_ATTR(peak_charged_bytes, atomic64_read(&domain->budget.peak));
SHOW_TOTAL(charged_bytes, charged);
SHOW_TOTAL(pinned_bytes, pinned);
SHOW_TOTAL(regions_opened, opened);
SHOW_TOTAL(regions_closed, closed);
SHOW_TOTAL(alloc_failures, alloc_failures);
SHOW_TOTAL(pressure_events, pressure_events);
SHOW_USAGE(live_bytes, live_bytes, true);
SHOW_USAGE(spare_bytes, spare_bytes, false);
SHOW_USAGE(idle_bytes, idle_bytes, true);
SHOW_USAGE(hole_bytes, hole_bytes, false);
SHOW_TOTAL(punched_bytes, punched);
SHOW_TOTAL(filled_bytes, filled);
SHOW_USAGE(nr_regions, regions, false);
SHOW_ATTR(map_bytes, domain_map_bytes(domain));
SHOW_ATTR(nr_clients, READ_ONCE(domain->nr_clients));

static struct attribute *domain_attrs[] = {
	&dev_attr_budget_bytes.attr,
	&dev_attr_charged_bytes.attr,
	&dev_attr_peak_charged_bytes.attr,
	&dev_attr_live_bytes.attr,
	&dev_attr_spare_bytes.attr,
	&dev_attr_idle_bytes.attr,
	&dev_attr_hole_bytes.attr,
	&dev_attr_pinned_bytes.attr,
	&dev_attr_map_bytes.attr,
	&dev_attr_nr_clients.attr,
	&dev_attr_nr_regions.attr,
	&dev_attr_regions_opened.attr,
	&dev_attr_regions_closed.attr,
	&dev_attr_punched_bytes.attr,
	&dev_attr_filled_bytes.attr,
	&dev_attr_alloc_failures.attr,
	&dev_attr_pressure_events.attr,
	NULL
};

static const struct attribute_group domain_group = {
	.attrs = domain_attrs,
};

/* A file in a class directory: dev_ext_attribute.var is the class number. */
static unsigned int attr_class(struct device_attribute *attr)
{
	struct dev_ext_attribute *ext =
		container_of(attr, struct dev_ext_attribute, attr);

	return (unsigned long)ext->var;
}

static ssize_t class_regions_show(struct device *dev,
				  struct device_attribute *attr, char *buf)
{
	struct regalloc_usage usage = domain_usage(dev_domain(dev),
						   attr_class(attr), false);

	return sysfs_emit(buf, "%llu\n", usage.regions);
}

static ssize_t class_slices_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	unsigned int class = attr_class(attr);
	struct regalloc_usage usage = domain_usage(dev_domain(dev), class,
						   false);

	return sysfs_emit(buf, "%llu\n",
			  usage.regions * regalloc_class_slices(class));
}

static ssize_t class_live_slices_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	struct regalloc_usage usage = domain_usage(dev_domain(dev),
						   attr_class(attr), true);

	return sysfs_emit(buf, "%llu\n", usage.live);
}

#define CLASS_ATTR(_class, _name, _show)				\
static struct dev_ext_attribute _class##_##_name = {			\
	.attr = __ATTR(_name, 0444, _show, NULL),			\
	.var = (void *)(unsigned long)(_class),				\
}

#define CLASS_GROUP(_number, _bytes)					\
enum { class_##_bytes = (_number) };					\
CLASS_ATTR(class_##_bytes, nr_regions, class_regions_show);		\
CLASS_ATTR(class_##_bytes, nr_slices, class_slices_show);		\
CLASS_ATTR(class_##_bytes, nr_live_slices, class_live_slices_show);	\
static struct attribute *class_##_bytes##_attrs[] = {			\
	&class_##_bytes##_nr_regions.attr.attr,				\
	&class_##_bytes##_nr_slices.attr.attr,				\
	&class_##_bytes##_nr_live_slices.attr.attr,			\
	NULL								\
};									\
static const struct attribute_group class_##_bytes##_group = {		\
	.name = "class_" #_bytes,					\
	.attrs = class_##_bytes##_attrs,				\
}

CLASS_GROUP(0, 4096);
CLASS_GROUP(1, 8192);
CLASS_GROUP(2, 16384);
CLASS_GROUP(3, 32768);
CLASS_GROUP(4, 65536);
CLASS_GROUP(5, 131072);
CLASS_GROUP(6, 262144);

/* All files of the device, for miscdevice.groups. */
const struct attribute_group *regalloc_sysfs_groups[] = {
	&domain_group,
	&class_4096_group,
	&class_8192_group,
	&class_16384_group,
	&class_32768_group,
	&class_65536_group,
	&class_131072_group,
	&class_262144_group,
	NULL
};

/**
 * regalloc_show_fdinfo() - what one client holds, for /proc/PID/fdinfo
 * @m: to print to
 * @file: of the client
 */
void regalloc_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct regalloc_client *client = file->private_data;
	struct regalloc_charge *own = &client->owner.account->own;
	struct regalloc_usage usage = { .count_live = true };

	regalloc_client_add_usage(client, &usage);
	seq_printf(m, "regalloc-client:\t%llu\n", client->owner.account->id);
	seq_printf(m, "regalloc-reserve:\t%llu\n",
		   READ_ONCE(client->owner.account->reserve));
	if (READ_ONCE(client->owner.account->limit) != U64_MAX)
		seq_printf(m, "regalloc-limit:\t%llu\n",
			   READ_ONCE(client->owner.account->limit));
	seq_printf(m, "regalloc-charged:\t%lld\n", atomic64_read(&own->charged));
	seq_printf(m, "regalloc-live:\t%llu\n", usage.live_bytes);
	seq_printf(m, "regalloc-spare:\t%llu\n", usage.spare_bytes);
	seq_printf(m, "regalloc-idle:\t%llu\n", usage.idle_bytes);
	seq_printf(m, "regalloc-hole:\t%llu\n", usage.hole_bytes);
	seq_printf(m, "regalloc-pinned:\t%lld\n", atomic64_read(&own->pinned));
	seq_printf(m, "regalloc-map:\t%llu\n",
		   regalloc_map_pages_bytes(&client->owner.map));
	seq_printf(m, "regalloc-regions:\t%llu\n", usage.regions);
}
