// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every call goes the same way: its structure is copied in once and checked,
 * the handler works on the copy, and reply() copies it out if there is anything
 * to tell. Handlers undo what they did if that fails, or try it before they do
 * anything.
 */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/regalloc.h>

#include "alloc.h"
#include "client.h"
#include "ioctl.h"
#include "pressure.h"
#include "reclaim.h"

/* Up to so many handles are kept on the stack. */
#define SMALL_BATCH	16

/**
 * struct regalloc_call - one ioctl on its way through
 * @client: that it is for
 * @uarg: the user's structure
 * @usize: size of that, as the user said it
 * @ksize: size of ours
 * @arg: our copy
 */
struct regalloc_call {
	struct regalloc_client *client;
	void __user *uarg;
	size_t usize;
	size_t ksize;
	union {
		struct {
			u32 size;
			u32 flags;
		} head;
		struct regalloc_ioc_info info;
		struct regalloc_ioc_alloc alloc;
		struct regalloc_ioc_release release;
		struct regalloc_ioc_trim trim;
		struct regalloc_ioc_stats stats;
		struct regalloc_ioc_limits limits;
		struct regalloc_ioc_pressure pressure;
		struct regalloc_ioc_zero zero;
	} arg;
};

static int reply(const struct regalloc_call *call)
{
	if (copy_to_user(call->uarg, &call->arg, min(call->usize, call->ksize)))
		return -EFAULT;
	return 0;
}

static int do_info(struct regalloc_call *call)
{
	const struct regalloc_domain *domain = call->client->domain;
	const struct regalloc_geometry *geo = &domain->geo;
	struct regalloc_ioc_info *info = &call->arg.info;

	info->span_bytes = 1ULL << geo->span_shift;
	info->window_bytes = regalloc_geometry_window_bytes(geo);
	info->map_offset = info->window_bytes;
	info->map_bytes = regalloc_geometry_map_bytes(geo);
	info->state_offset = regalloc_geometry_state_offset(geo, 0, 0);
	info->hint_offset = regalloc_geometry_hint_offset(geo, 0, 0);
	info->budget_bytes = atomic64_read(&domain->budget.limit);
	return reply(call);
}

/* Room for a batch of handles: @small if that is enough; NULL without memory. */
static u64 *batch_begin(u64 *small, u32 count)
{
	if (count <= SMALL_BATCH)
		return small;
	return kvmalloc_array(count, sizeof(u64), REGALLOC_GFP);
}

static void batch_end(u64 *handles, const u64 *small)
{
	if (handles != small)
		kvfree(handles);
}

/* Release a batch up to the first that cannot be; the error only if none. */
static int give_batch(struct regalloc_client *client, u32 count,
		      const u64 *handles)
{
	u32 given;
	int err = 0;

	for (given = 0; given < count; given++) {
		err = regalloc_client_give(client, handles[given]);
		if (err)
			break;
		cond_resched();
	}
	if (!given)
		return err;
	regalloc_reclaim_arm(client);
	return given;
}

/* Undo an allocation, except what the user has managed to release already. */
static void take_back(struct regalloc_client *client, u32 count,
		      const u64 *handles)
{
	u32 i;

	for (i = 0; i < count; i++)
		regalloc_client_give(client, handles[i]);
	regalloc_reclaim_arm(client);
}

/* Whether the caller's structure has the member that keeps the end of a wait. */
static bool has_end(const struct regalloc_call *call)
{
	return call->usize >= offsetofend(struct regalloc_ioc_alloc, end_ns);
}

/* When the wait ends: as it was said at first, if this is not the first time. */
static ktime_t wait_end(const struct regalloc_ioc_alloc *alloc)
{
	ktime_t end;

	if (!alloc->timeout_ms)
		return 0;
	end = alloc->timeout_ms == REGALLOC_WAIT_FOREVER ? KTIME_MAX :
	      ktime_add_ms(ktime_get(), alloc->timeout_ms);
	if (alloc->end_ns)
		end = min_t(u64, end, alloc->end_ns);
	return end;
}

/* A signal came: the call is restarted unless that runs a handler which says no. */
static int interrupted(struct regalloc_call *call, ktime_t end)
{
	if (!has_end(call))
		return -EINTR;
	call->arg.alloc.end_ns = end;
	return reply(call) ?: -ERESTARTSYS;
}

/* Allocate a batch and tell the user, or neither. */
static int alloc_batch(struct regalloc_call *call, unsigned int class,
		       u64 *handles)
{
	struct regalloc_ioc_alloc *alloc = &call->arg.alloc;
	const struct regalloc_request req = {
		.client = call->client,
		.class = class,
		.zero = alloc->flags & REGALLOC_ALLOC_F_ZERO,
		.count = alloc->count,
		.handles = handles,
		.end = wait_end(alloc),
	};
	int got;

	got = regalloc_alloc(&req);
	if (got == -EINTR && req.end)
		return interrupted(call, req.end);
	if (got < 0)
		return got;
	alloc->out_count = got;
	alloc->out_slice_bytes = regalloc_class_bytes(class);
	if (copy_to_user(u64_to_user_ptr(alloc->handles), handles,
			 got * sizeof(u64)) ||
	    reply(call)) {
		take_back(call->client, got, handles);
		return -EFAULT;
	}
	return 0;
}

static int do_alloc(struct regalloc_call *call)
{
	const struct regalloc_ioc_alloc *alloc = &call->arg.alloc;
	u64 small[SMALL_BATCH], *handles;
	int class, err;

	if (!alloc->count || alloc->count > REGALLOC_MAX_BATCH)
		return -EINVAL;
	class = regalloc_class_from_length(alloc->length);
	if (class < 0)
		return class;
	handles = batch_begin(small, alloc->count);
	if (!handles)
		return -ENOMEM;
	err = alloc_batch(call, class, handles);
	batch_end(handles, small);
	return err;
}

static int release_batch(struct regalloc_call *call, u64 *handles)
{
	struct regalloc_ioc_release *release = &call->arg.release;
	int given;

	if (copy_from_user(handles, u64_to_user_ptr(release->handles),
			   release->count * sizeof(u64)))
		return -EFAULT;
	/* What is released cannot be taken back: see that we can reply. */
	release->out_count = 0;
	if (reply(call))
		return -EFAULT;
	given = give_batch(call->client, release->count, handles);
	if (given < 0)
		return given;
	release->out_count = given;
	return reply(call);
}

static int do_release(struct regalloc_call *call)
{
	const struct regalloc_ioc_release *release = &call->arg.release;
	u64 small[SMALL_BATCH], *handles;
	int err;

	if (!release->count || release->count > REGALLOC_MAX_BATCH)
		return -EINVAL;
	handles = batch_begin(small, release->count);
	if (!handles)
		return -ENOMEM;
	err = release_batch(call, handles);
	batch_end(handles, small);
	return err;
}

static int do_trim(struct regalloc_call *call)
{
	struct regalloc_ioc_trim *trim = &call->arg.trim;

	if (trim->reserved || trim->flags == (REGALLOC_TRIM_F_ARM | REGALLOC_TRIM_F_NOTIFY))
		return -EINVAL;
	/* What is closed cannot be opened again: see that we can reply. */
	trim->out_regions = 0;
	if (reply(call))
		return -EFAULT;
	if (trim->flags & REGALLOC_TRIM_F_ARM)
		trim->out_regions = regalloc_reclaim_arm_client(call->client);
	else if (trim->flags & REGALLOC_TRIM_F_NOTIFY)
		trim->out_regions = regalloc_reclaim_notified(call->client);
	else
		trim->out_regions = regalloc_reclaim_trim(call->client);
	return reply(call);
}

static int do_stats(struct regalloc_call *call)
{
	struct regalloc_client *client = call->client;
	struct regalloc_charge *own = &client->owner.account->own;
	struct regalloc_ioc_stats *stats = &call->arg.stats;
	struct regalloc_usage usage = { .count_live = true };

	/* In this order: see pinned_end() in space.c. */
	stats->pinned_bytes = atomic64_read(&own->pinned);
	smp_rmb();	/* pairs with the barrier there */
	stats->charged_bytes = atomic64_read(&own->charged);
	regalloc_client_add_usage(client, &usage);
	stats->live_bytes = usage.live_bytes;
	stats->idle_bytes = usage.idle_bytes;
	stats->hole_bytes = usage.hole_bytes;
	stats->punched_bytes = atomic64_read(&own->punched);
	stats->filled_bytes = atomic64_read(&own->filled);
	stats->spare_bytes = usage.spare_bytes;
	stats->map_bytes = regalloc_map_pages_bytes(&client->owner.map);
	stats->nr_regions = usage.regions;
	stats->regions_opened = atomic64_read(&own->opened);
	stats->regions_closed = atomic64_read(&own->closed);
	stats->alloc_failures = atomic64_read(&own->alloc_failures);
	return reply(call);
}

static int do_limits(struct regalloc_call *call)
{
	const struct regalloc_ioc_limits *limits = &call->arg.limits;
	struct regalloc_account *account = call->client->owner.account;
	u64 limit = limits->limit_bytes ?: U64_MAX;
	u64 reserve;
	int err;

	if (limits->reserve_bytes > limit)
		return -EINVAL;
	/* What cannot be rounded up is more than any budget. */
	if (check_add_overflow(limits->reserve_bytes, (u64)PAGE_SIZE - 1, &reserve))
		return -EBUSY;
	reserve = round_down(reserve, PAGE_SIZE);
	limit = round_down(limit, PAGE_SIZE);
	err = regalloc_account_set_limits(account, reserve, max(limit, reserve));
	if (err)
		return err;
	regalloc_reclaim_fit_client(call->client);
	regalloc_reclaim_fit(call->client->domain, call->client);
	return 0;
}

static int do_pressure(struct regalloc_call *call)
{
	/* What has been read cannot be put back: see that we can reply. */
	call->arg.pressure.wanted_bytes = 0;
	if (reply(call))
		return -EFAULT;
	call->arg.pressure.wanted_bytes = regalloc_pressure_read(call->client);
	return reply(call);
}

static int do_zero(struct regalloc_call *call)
{
	return regalloc_client_zero(call->client, call->arg.zero.handle);
}

/**
 * struct regalloc_ioctl_desc - one kind of call
 * @handler: does it; NULL for a number that is not in use
 * @size: of its structure
 * @min_size: of its first version
 * @flags: that it knows
 */
struct regalloc_ioctl_desc {
	int (*handler)(struct regalloc_call *call);
	size_t size;
	size_t min_size;
	u32 flags;
};

#define IOCTL_DESC(_nr, _member, _last, _flags)				\
	[_IOC_NR(_nr)] = {						\
		.handler = do_##_member,				\
		.size = sizeof(struct regalloc_ioc_##_member),		\
		.min_size = offsetofend(struct regalloc_ioc_##_member, _last), \
		.flags = _flags,					\
	}

static const struct regalloc_ioctl_desc ioctl_descs[] = {
	IOCTL_DESC(REGALLOC_IOC_INFO, info, budget_bytes, 0),
	IOCTL_DESC(REGALLOC_IOC_ALLOC, alloc, out_slice_bytes,
		   REGALLOC_ALLOC_F_ZERO),
	IOCTL_DESC(REGALLOC_IOC_RELEASE, release, handles, 0),
	IOCTL_DESC(REGALLOC_IOC_TRIM, trim, reserved,
		   REGALLOC_TRIM_F_ARM | REGALLOC_TRIM_F_NOTIFY),
	IOCTL_DESC(REGALLOC_IOC_STATS, stats, alloc_failures, 0),
	IOCTL_DESC(REGALLOC_IOC_LIMITS, limits, limit_bytes, 0),
	IOCTL_DESC(REGALLOC_IOC_PRESSURE, pressure, wanted_bytes, 0),
	IOCTL_DESC(REGALLOC_IOC_ZERO, zero, handle, 0),
};

static const struct regalloc_ioctl_desc *find_desc(unsigned int cmd)
{
	unsigned int nr = _IOC_NR(cmd);

	if (cmd != _IO(REGALLOC_IOC_TYPE, nr) || nr >= ARRAY_SIZE(ioctl_descs))
		return NULL;
	nr = array_index_nospec(nr, ARRAY_SIZE(ioctl_descs));
	return ioctl_descs[nr].handler ? &ioctl_descs[nr] : NULL;
}

/**
 * regalloc_ioctl() - the device's ioctl entry
 * @file: of the client
 * @cmd: REGALLOC_IOC_*
 * @arg: pointer to its structure
 *
 * Return: 0 or a negative errno; -ENOTTY for an unknown @cmd.
 */
long regalloc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct regalloc_ioctl_desc *desc = find_desc(cmd);
	struct regalloc_call call = {
		.client = file->private_data,
		.uarg = (void __user *)arg,
	};
	u32 usize;
	int err;

	if (!desc)
		return -ENOTTY;
	if (get_user(usize, (u32 __user *)call.uarg))
		return -EFAULT;
	if (usize < desc->min_size)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	call.usize = usize;
	call.ksize = desc->size;
	err = copy_struct_from_user(&call.arg, call.ksize, call.uarg, usize);
	if (err)
		return err;
	/* It has been read twice: only the first answer counts. */
	call.arg.head.size = usize;
	if (call.arg.head.flags & ~desc->flags)
		return -EINVAL;
	return desc->handler(&call);
}
