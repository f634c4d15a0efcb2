/* SPDX-License-Identifier: MIT */
/*
 * The ioctls of the device, one function each. Nothing else in the library
 * builds an argument structure. All return 0 or a negative errno, and set what
 * @out_* points to only with 0.
 */
#ifndef REGALLOC_SRC_ABI_H
#define REGALLOC_SRC_ABI_H

#include <stdint.h>
#include <linux/regalloc.h>

/*
 * Handles per ioctl. A page of them is where the system call stops to count,
 * and what neither the stack here nor the kernel's copy minds.
 */
#define REGALLOC_ABI_BATCH 256U

/**
 * regalloc_abi_info() - geometry of the client's window
 * @fd: the client
 * @info: where to store it
 */
int regalloc_abi_info(int fd, struct regalloc_ioc_info *info);

/**
 * regalloc_abi_alloc() - allocate up to @count slices
 * @fd: the client
 * @bytes: of each slice, before rounding up
 * @flags: REGALLOC_ALLOC_F_*
 * @count: 1 to REGALLOC_MAX_BATCH
 * @timeout_ms: how long to wait for the first one
 * @handles: room for @count handles
 * @out_count: how many came
 * @out_slice_bytes: of each slice, after rounding up
 */
int regalloc_abi_alloc(int fd, uint64_t bytes, uint32_t flags, uint32_t count,
		       uint32_t timeout_ms, uint64_t *handles,
		       uint32_t *out_count, uint32_t *out_slice_bytes);

/**
 * regalloc_abi_limits() - how much the client must and may have
 * @fd: the client
 * @reserve_bytes: kept for it
 * @limit_bytes: never more than this; 0: no limit
 */
int regalloc_abi_limits(int fd, uint64_t reserve_bytes, uint64_t limit_bytes);

/**
 * regalloc_abi_pressure() - how much others want, and clear it
 * @fd: the client
 * @wanted_bytes: where to store it
 */
int regalloc_abi_pressure(int fd, uint64_t *wanted_bytes);

/**
 * regalloc_abi_zero() - fill a live slice with zeros
 * @fd: the client
 * @handle: of the slice
 */
int regalloc_abi_zero(int fd, uint64_t handle);

/**
 * regalloc_abi_trim() - close the client's spare regions
 * @fd: the client
 * @flags: REGALLOC_TRIM_F_*
 */
int regalloc_abi_trim(int fd, uint32_t flags);

/**
 * regalloc_abi_stats() - what the client holds
 * @fd: the client
 * @stats: where to store it
 */
int regalloc_abi_stats(int fd, struct regalloc_ioc_stats *stats);

#endif /* REGALLOC_SRC_ABI_H */
