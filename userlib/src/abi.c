// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/ioctl.h>

#include "abi.h"

static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int regalloc_abi_info(int fd, struct regalloc_ioc_info *info)
{
	struct regalloc_ioc_info arg = { .size = sizeof(arg) };
	int err = call(fd, REGALLOC_IOC_INFO, &arg);

	if (!err)
		*info = arg;
	return err;
}

int regalloc_abi_alloc(int fd, uint64_t bytes, uint32_t flags, uint32_t count,
		       uint32_t timeout_ms, uint64_t *handles,
		       uint32_t *out_count, uint32_t *out_slice_bytes)
{
	struct regalloc_ioc_alloc arg = {
		.size = sizeof(arg),
		.flags = flags,
		.length = bytes,
		.count = count,
		.timeout_ms = timeout_ms,
		.handles = (uintptr_t)handles,
	};
	int err = call(fd, REGALLOC_IOC_ALLOC, &arg);

	if (!err) {
		*out_count = arg.out_count;
		*out_slice_bytes = arg.out_slice_bytes;
	}
	return err;
}

int regalloc_abi_limits(int fd, uint64_t reserve_bytes, uint64_t limit_bytes)
{
	struct regalloc_ioc_limits arg = {
		.size = sizeof(arg),
		.reserve_bytes = reserve_bytes,
		.limit_bytes = limit_bytes,
	};

	return call(fd, REGALLOC_IOC_LIMITS, &arg);
}

int regalloc_abi_pressure(int fd, uint64_t *wanted_bytes)
{
	struct regalloc_ioc_pressure arg = { .size = sizeof(arg) };
	int err = call(fd, REGALLOC_IOC_PRESSURE, &arg);

	if (!err)
		*wanted_bytes = arg.wanted_bytes;
	return err;
}

int regalloc_abi_zero(int fd, uint64_t handle)
{
	struct regalloc_ioc_zero arg = {
		.size = sizeof(arg),
		.handle = handle,
	};

	return call(fd, REGALLOC_IOC_ZERO, &arg);
}

int regalloc_abi_trim(int fd, uint32_t flags)
{
	struct regalloc_ioc_trim arg = {
		.size = sizeof(arg),
		.flags = flags,
	};

	return call(fd, REGALLOC_IOC_TRIM, &arg);
}

int regalloc_abi_stats(int fd, struct regalloc_ioc_stats *stats)
{
	struct regalloc_ioc_stats arg = { .size = sizeof(arg) };
	int err = call(fd, REGALLOC_IOC_STATS, &arg);

	if (!err)
		*stats = arg;
	return err;
}
