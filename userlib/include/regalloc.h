/* SPDX-License-Identifier: MIT */
/*
 * libregalloc: slices of memory under one machine-wide budget.
 *
 * Every function returns 0 or a negative errno where nothing else is said, may
 * be called from any thread, though not from a signal handler, and works in the
 * child of a fork. An argument that is NULL where it must not be gives -EINVAL.
 * When a function fails, it has changed nothing, and what its output arguments
 * point to is as it was, unless said otherwise.
 */
#ifndef REGALLOC_H
#define REGALLOC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One client of the device: an open file description and its window. */
struct regalloc;

/**
 * struct regalloc_slice - an allocated piece of memory
 * @addr: its first byte; aligned to @bytes
 * @bytes: its size, which is that of a size class: 4 KiB to 256 KiB
 * @handle: names this one allocation of the slice; never 0
 */
struct regalloc_slice {
	void *addr;
	uint64_t bytes;
	uint64_t handle;
};

/**
 * struct regalloc_stats - what a client holds
 * @charged_bytes: charged to the budget: memory of live and of free slices, and
 *	@pinned_bytes
 * @live_bytes: slices in use
 * @spare_bytes: memory of open regions without a live slice
 * @pinned_bytes: removed, but still referenced, by a transfer for example
 * @map_bytes: kernel memory of the slice maps; not charged to the budget
 * @nr_regions: open regions
 * @regions_opened: since the client was opened
 * @regions_closed: since the client was opened
 * @alloc_failures: allocations for which there was no memory at all
 */
struct regalloc_stats {
	uint64_t charged_bytes;
	uint64_t live_bytes;
	uint64_t spare_bytes;
	uint64_t pinned_bytes;
	uint64_t map_bytes;
	uint64_t nr_regions;
	uint64_t regions_opened;
	uint64_t regions_closed;
	uint64_t alloc_failures;
};

/* Flag of the allocating functions: the slices hold zeros. */
#define REGALLOC_ALLOC_F_ZERO 1U

/**
 * regalloc_open() - become a client of the device
 * @path: the device node; NULL for /dev/regalloc
 * @flags: must be 0
 * @out: where to store the client, which the caller closes
 *
 * Takes address space only, no memory. The file descriptor is closed on exec.
 *
 * Errors: those of open(2) and mmap(2); -ENOTTY if @path is another device.
 */
int regalloc_open(const char *path, uint32_t flags, struct regalloc **out);

/**
 * regalloc_close() - give everything back
 * @ra: the client, or NULL; no other thread may be using it
 *
 * Slices that are still live go too: their addresses are unmapped. In a child
 * of fork it ends the child's use only.
 */
int regalloc_close(struct regalloc *ra);

/**
 * regalloc_alloc() - allocate one slice
 * @ra: the client
 * @bytes: 1 to 256 KiB; rounded up to a size class
 * @flags: 0 or REGALLOC_ALLOC_F_ZERO
 * @out: where to store the slice, which the caller releases
 *
 * Errors: -EINVAL, -ENOMEM (budget used up and nothing spare or idle, or no
 * memory),
 * -EINTR (a fatal signal is pending).
 */
int regalloc_alloc(struct regalloc *ra, uint64_t bytes, uint32_t flags,
		   struct regalloc_slice *out);

/* For regalloc_alloc_wait(): without end. */
#define REGALLOC_WAIT_FOREVER (~0U)

/**
 * regalloc_alloc_wait() - allocate one slice, waiting for others to release
 * @ra: the client
 * @bytes: 1 to 256 KiB; rounded up to a size class
 * @flags: 0 or REGALLOC_ALLOC_F_ZERO
 * @timeout_ms: how long to wait; 0: not at all; REGALLOC_WAIT_FOREVER
 * @out: where to store the slice, which the caller releases
 *
 * Those who wait are served in the order in which they came; one whose time is up
 * takes what is free just then.
 *
 * Errors: those of regalloc_alloc(); -ETIMEDOUT (waited in vain); -EINTR also
 * if any other signal came while waiting.
 */
int regalloc_alloc_wait(struct regalloc *ra, uint64_t bytes, uint32_t flags,
			uint32_t timeout_ms, struct regalloc_slice *out);

/**
 * regalloc_alloc_many() - allocate up to @count slices of one size
 * @ra: the client
 * @bytes: 1 to 256 KiB; rounded up to a size class
 * @flags: 0 or REGALLOC_ALLOC_F_ZERO
 * @count: how many; 0 is allowed
 * @out: room for @count slices
 * @got: where to store how many there are in @out
 *
 * Fewer than @count are a success, none is the error that stopped it.
 */
int regalloc_alloc_many(struct regalloc *ra, uint64_t bytes, uint32_t flags,
			uint32_t count, struct regalloc_slice *out,
			uint32_t *got);

/**
 * regalloc_release() - release one slice
 * @ra: the client
 * @handle: of the slice
 *
 * Errors: -ESTALE (released already), -ENOENT (never handed out).
 */
int regalloc_release(struct regalloc *ra, uint64_t handle);

/**
 * regalloc_release_many() - release slices
 * @ra: the client
 * @count: how many; 0 is allowed
 * @handles: @count handles
 * @released: where to store how many were released, from the first on
 *
 * Stops at the first that cannot be released, which is @handles[*@released].
 * That is an error only if it is the first of all.
 */
int regalloc_release_many(struct regalloc *ra, uint32_t count,
			  const uint64_t *handles, uint32_t *released);

/**
 * regalloc_release_addr() - release the slice that starts at an address
 * @ra: the client
 * @addr: exactly what an allocation returned as the address
 *
 * Without a handle it cannot be told whether the slice is still the one that
 * the caller means: prefer regalloc_release().
 *
 * Errors: -EINVAL (in the client's window, but not where a slice may begin),
 * -ENOENT (not in the window, or no region was ever open there), -ESTALE (no
 * live slice begins there).
 */
int regalloc_release_addr(struct regalloc *ra, void *addr);

/**
 * regalloc_zero() - fill a live slice with zeros
 * @ra: the client
 * @handle: of the slice
 *
 * Errors: as for regalloc_release().
 */
int regalloc_zero(struct regalloc *ra, uint64_t handle);

/**
 * regalloc_trim() - return this client's spare and idle memory now
 * @ra: the client
 */
int regalloc_trim(struct regalloc *ra);

/**
 * regalloc_limits() - say how much the client must and may have
 * @ra: the client
 * @reserve_bytes: so much of the budget is kept for it; rounded up to whole pages
 * @limit_bytes: it never has more than this, rounded down to whole pages; 0: no limit
 *	of its own
 *
 * Each call replaces what the one before said; a new client has neither.
 *
 * Errors: -EINVAL (a limit below the reserve), -EBUSY (the reserves of all
 * clients would exceed the budget).
 */
int regalloc_limits(struct regalloc *ra, uint64_t reserve_bytes,
		    uint64_t limit_bytes);

/**
 * regalloc_pressure() - how much memory others want, and forget it
 * @ra: the client
 * @wanted_bytes: where to store it; 0 if nobody asked since the last call
 *
 * Each slice that is released is available to others, wherever it lies. poll() reports
 * POLLPRI on regalloc_fd() when memory is wanted.
 */
int regalloc_pressure(struct regalloc *ra, uint64_t *wanted_bytes);

/* A thread that calls back when others want memory. */
struct regalloc_listener;

/**
 * typedef regalloc_listener_fn - what to do when others want memory
 * @wanted_bytes: how much; not 0
 * @arg: what regalloc_listener_start() got
 *
 * Runs in the listener's thread; may use the client, but not stop the listener.
 */
typedef void (*regalloc_listener_fn)(uint64_t wanted_bytes, void *arg);

/**
 * regalloc_listener_start() - have a function called when others want memory
 * @ra: the client, which must not be closed before the listener is stopped
 * @fn: the function
 * @arg: for the function
 * @out: where to store the listener, which the caller stops
 *
 * For programs without an event loop; the others poll regalloc_fd() themselves.
 * A child of fork has no such thread, and must not stop its parent's.
 *
 * Errors: -ENOMEM, -EMFILE, -ENFILE, -EAGAIN (too many threads).
 */
int regalloc_listener_start(struct regalloc *ra, regalloc_listener_fn fn,
			    void *arg, struct regalloc_listener **out);

/**
 * regalloc_listener_stop() - end it
 * @listener: or NULL; waits for a call that is under way
 */
int regalloc_listener_stop(struct regalloc_listener *listener);

/**
 * regalloc_fd() - the client's file descriptor, which stays the library's
 * @ra: the client
 *
 * For poll() and the ioctls of <linux/regalloc.h>. Returns -EINVAL for NULL.
 */
int regalloc_fd(const struct regalloc *ra);

/**
 * regalloc_stats() - what the client holds at the moment
 * @ra: the client
 * @out: where to store it
 */
int regalloc_stats(struct regalloc *ra, struct regalloc_stats *out);

/**
 * regalloc_strerror() - a sentence for an error of this library
 * @err: what a function returned, or the same without the minus
 *
 * Returns a constant string, never NULL.
 */
const char *regalloc_strerror(int err);

/**
 * regalloc_version() - the version of the library that is in use
 *
 * Returns a constant string like "1.0.0": it moves on in front when programs
 * have to be built anew, in the middle when there is something new.
 */
const char *regalloc_version(void);

#ifdef __cplusplus
}
#endif

#endif /* REGALLOC_H */
