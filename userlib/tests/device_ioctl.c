// SPDX-License-Identifier: MIT
/* What the model answers to each ioctl. */
#include <errno.h>
#include <string.h>

#include "device_slots.h"

/* Room in the budget for one region more. */
static bool make_room(struct device_client *client)
{
	struct device_client *other;

	if (device->charged < device->budget || client_close_spares(client, 1))
		return true;
	for (int i = 0; i < DEVICE_CLIENTS; i++) {
		other = &device->clients[i];
		if (other->fd && other != client && client_close_spares(other, 1))
			return true;
	}
	return false;
}

static bool open_region(struct device_client *client, unsigned int class)
{
	const uint8_t *flags = client->slots + class * device_nr_slots();
	const uint8_t *empty = memchr(flags, 0, device_nr_slots());
	struct slot s;

	if (!empty || !make_room(client))
		return false;
	s = slot_of(client, class, empty - flags);
	slot_open(&s);
	return true;
}

static void zero_slices(struct device_client *client, unsigned int class,
			uint32_t count, const uint64_t *handles)
{
	for (uint32_t i = 0; i < count; i++)
		memset(client->window + REGALLOC_HANDLE_OFFSET(handles[i]), 0,
		       regalloc_class_bytes(class));
}

/* From an open region, a new one, or one that was overlooked. */
static uint32_t take(struct device_client *client, unsigned int class,
		     uint32_t count, uint64_t *handles)
{
	uint32_t taken = client_take(client, class, count, handles);

	if (!taken && open_region(client, class))
		taken = client_take(client, class, count, handles);
	if (!taken)
		taken = client_take_hidden(client, class, count, handles);
	return taken;
}

static int device_alloc(struct device_client *client,
			struct regalloc_ioc_alloc *arg)
{
	uint64_t *handles = (uint64_t *)(uintptr_t)arg->handles;
	int class = regalloc_class_from_length(arg->length);
	uint32_t taken;

	device->nr_allocs++;
	CHECK(arg->size == sizeof(*arg) && arg->count && !arg->timeout_ms);
	if (class < 0 || arg->flags & ~REGALLOC_ALLOC_F_ZERO)
		return -EINVAL;
	while (arg->out_count < arg->count) {
		taken = take(client, class, arg->count - arg->out_count,
			     handles + arg->out_count);
		if (!taken)
			break;
		arg->out_count += taken;
	}
	if (!arg->out_count)
		return device->err_at_end;
	if (arg->flags & REGALLOC_ALLOC_F_ZERO)
		zero_slices(client, class, arg->out_count, handles);
	arg->out_slice_bytes = regalloc_class_bytes(class);
	return 0;
}

/* The slot and the number there of the slice that a handle names. */
static bool handle_locate(struct device_client *client, uint64_t handle,
			  struct slot *s, unsigned int *slice)
{
	struct regalloc_geometry geo = device_geometry();
	u64 offset = REGALLOC_HANDLE_OFFSET(handle);
	struct regalloc_place place;

	if (!regalloc_geometry_locate(&geo, offset, &place) ||
	    regalloc_geometry_offset(&geo, &place) != offset)
		return false;
	*s = slot_of(client, place.class, place.slot);
	*slice = place.slice;
	return true;
}

static int release_one(struct device_client *client, uint64_t handle)
{
	unsigned int slice;
	struct slot s;
	int err;

	if (!handle_locate(client, handle, &s, &slice))
		return -ENOENT;
	err = regalloc_slice_release(slot_word(&s, slice),
				     REGALLOC_HANDLE_GEN(handle));
	if (err)
		return err;
	slot_note_avail(&s);
	*s.flags |= SLOT_MARK;
	if (device->eager)
		slot_close_spare(&s);
	return 0;
}

int device_release_one(int fd, uint64_t handle)
{
	int err;

	pthread_mutex_lock(&device->lock);
	err = release_one(client_find(fd), handle);
	pthread_mutex_unlock(&device->lock);
	return err;
}

static int device_release(struct device_client *client,
			  struct regalloc_ioc_release *arg)
{
	const uint64_t *handles = (uint64_t *)(uintptr_t)arg->handles;
	int err = 0;

	CHECK(arg->size == sizeof(*arg) && !arg->flags && arg->count);
	while (!err && arg->out_count < arg->count) {
		err = release_one(client, handles[arg->out_count]);
		arg->out_count += !err;
	}
	return arg->out_count ? 0 : err;
}

static int device_trim(struct device_client *client,
		       struct regalloc_ioc_trim *arg)
{
	CHECK(arg->size == sizeof(*arg) && !arg->reserved);
	CHECK(!(arg->flags & ~(REGALLOC_TRIM_F_ARM | REGALLOC_TRIM_F_NOTIFY)));
	if (arg->flags & REGALLOC_TRIM_F_ARM)
		device->nr_arms++;
	else
		device->nr_trims++;
	if (arg->flags & REGALLOC_TRIM_F_ARM)
		client_attend(client, REGALLOC_ATTENTION_ARM, false);
	if (!(arg->flags & REGALLOC_TRIM_F_ARM) || device->eager)
		arg->out_regions = client_close_spares(client, UINT32_MAX);
	return 0;
}

static int device_zero(struct device_client *client,
		       const struct regalloc_ioc_zero *arg)
{
	unsigned int slice;
	struct slot s;
	int err;

	CHECK(arg->size == sizeof(*arg) && !arg->flags);
	if (!handle_locate(client, arg->handle, &s, &slice))
		return -ENOENT;
	err = regalloc_slice_check(slot_word(&s, slice),
				   REGALLOC_HANDLE_GEN(arg->handle));
	if (!err)
		zero_slices(client, s.class, 1, (const uint64_t *)&arg->handle);
	return err;
}

static int device_stats(struct device_client *client,
			struct regalloc_ioc_stats *arg)
{
	struct slot s = { 0 };
	unsigned int live;

	CHECK(arg->size == sizeof(*arg) && !arg->flags);
	while (client_next_open(client, &s)) {
		live = regalloc_slices_count_live(s.words, s.class);
		arg->charged_bytes += REGALLOC_REGION_BYTES;
		arg->live_bytes += live * regalloc_class_bytes(s.class);
		arg->spare_bytes += live ? 0 : REGALLOC_REGION_BYTES;
		arg->nr_regions++;
	}
	return 0;
}

static int device_info(struct regalloc_ioc_info *arg)
{
	CHECK(arg->size == sizeof(*arg) && !arg->flags);
	*arg = device->info;
	return 0;
}

static int dispatch(struct device_client *client, unsigned long request,
		    void *arg)
{
	switch (request) {
	case REGALLOC_IOC_INFO:
		return device_info(arg);
	case REGALLOC_IOC_ALLOC:
		return device_alloc(client, arg);
	case REGALLOC_IOC_RELEASE:
		return device_release(client, arg);
	case REGALLOC_IOC_TRIM:
		return device_trim(client, arg);
	case REGALLOC_IOC_STATS:
		return device_stats(client, arg);
	case REGALLOC_IOC_ZERO:
		return device_zero(client, arg);
	default:
		return -ENOTTY;
	}
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	struct device_client *client;
	int err;

	pthread_mutex_lock(&device->lock);
	client = client_find(fd);
	CHECK(client);
	device->nr_calls++;
	err = client ? dispatch(client, request, arg) : -EBADF;
	pthread_mutex_unlock(&device->lock);
	errno = -err;
	return err ? -1 : 0;
}
