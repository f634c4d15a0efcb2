/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * regalloc: slices of memory regions under one machine-wide budget.
 *
 * Every ioctl takes a pointer to a structure that starts with
 *
 *	__u32 size;	sizeof() the structure as the caller knows it
 *	__u32 flags;	0, or the flags of that ioctl
 *
 * A structure grows only at its end. A caller whose structure is longer than
 * the kernel's is served if what the kernel does not know is zero, and gets
 * E2BIG otherwise; one that is shorter than the first version, or that sets an
 * unknown flag or a reserved field, gets EINVAL. Nothing has changed then.
 */
#ifndef _UAPI_LINUX_REGALLOC_H
#define _UAPI_LINUX_REGALLOC_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Geometry: fixed by the interface. */
#define REGALLOC_REGION_SHIFT		22
#define REGALLOC_REGION_BYTES		(4UL << 20)
#define REGALLOC_NR_CLASSES		7
#define REGALLOC_MIN_SLICE_SHIFT	12
#define REGALLOC_MIN_SLICE_BYTES	(4UL << 10)
#define REGALLOC_MAX_SLICE_SHIFT	18
#define REGALLOC_MAX_SLICE_BYTES	(256UL << 10)

/* The most handles that one ALLOC or RELEASE takes. */
#define REGALLOC_MAX_BATCH		65536

/*
 * A handle names one allocation of a slice: the bits above say where the slice
 * lies in the data window (in units of the smallest slice), the bits below are
 * its generation, which moves on at each release. 0 is never a handle.
 */
#define REGALLOC_HANDLE_GEN_BITS	30
#define REGALLOC_HANDLE_GEN_MASK	((1U << REGALLOC_HANDLE_GEN_BITS) - 1)
#define REGALLOC_HANDLE_OFFSET(handle)					\
	(((__u64)(handle) >> REGALLOC_HANDLE_GEN_BITS) <<		\
	 REGALLOC_MIN_SLICE_SHIFT)
#define REGALLOC_HANDLE_GEN(handle)					\
	((__u32)(handle) & REGALLOC_HANDLE_GEN_MASK)
#define REGALLOC_HANDLE(offset, gen)					\
	((((__u64)(offset) >> REGALLOC_MIN_SLICE_SHIFT) <<		\
	  REGALLOC_HANDLE_GEN_BITS) | (gen))

/*
 * The slice map: a __u32 for each REGALLOC_MIN_SLICE_BYTES of the data window;
 * that of a slice is the one for its first byte. The two low bits are the state,
 * the others the generation. The owner may change words, each with one
 * compare-and-swap, in two ways and no other:
 *
 *	allocate	(g, FREE) -> (g, LIVE); the handle has generation g
 *	release		(g, LIVE) -> (g + 1, FREE); from the last one to 1
 *
 * After that, a release sees to it that both bytes of the region's struct
 * regalloc_hint are 1, and then does what @attention of struct regalloc_control
 * asks for. An allocation that finds no free slice in a region clears @avail
 * and looks once more, and sets it again if it finds one after all; and if no
 * region has any, it calls ALLOC. Loads that follow a store here follow it in
 * memory, too.
 */
#define REGALLOC_STATE_CLOSED		0U	/* no memory behind it */
#define REGALLOC_STATE_FREE		1U
#define REGALLOC_STATE_LIVE		2U	/* handed out */
#define REGALLOC_STATE_MASK		3U
#define REGALLOC_STATE_GEN_SHIFT	2

/**
 * struct regalloc_hint - where to look in the slice map
 * @avail: there may be a free slice in the region
 * @dirty: a slice has been released into it since the kernel looked last
 */
struct regalloc_hint {
	__u8 avail;
	__u8 dirty;
};

/*
 * What a release has to do next; bits of regalloc_control.attention. The first
 * that applies is enough.
 */
#define REGALLOC_ATTENTION_WAIT		1U	/* TRIM with REGALLOC_TRIM_F_NOTIFY */
#define REGALLOC_ATTENTION_CLOSE	2U	/* likewise, if it emptied a region */
#define REGALLOC_ATTENTION_ARM		4U	/* TRIM with REGALLOC_TRIM_F_ARM */

/**
 * struct regalloc_control - what the kernel and the owner tell each other
 * @attention: the kernel: REGALLOC_ATTENTION_*; 0 most of the time
 * @pressure: the kernel: moves on when this client is asked for memory
 * @first_gen: the kernel: where the word of a slice is 0 and its slot was open, all
 *	generations below this have been released
 * @reserved1: keeps the next members in a cache line of their own
 * @nr_slots: the kernel: for each class, slots from this one on have never been
 *	open
 * @reserved2: likewise
 * @lowest: a hint, for each class: the lowest slot worth a look at "avail"
 * @reserved3: likewise
 */
struct regalloc_control {
	__u32 attention;
	__u32 pressure;
	__u32 first_gen;
	__u32 reserved1[13];
	__u32 nr_slots[REGALLOC_NR_CLASSES];
	__u32 reserved2[9];
	__u32 lowest[REGALLOC_NR_CLASSES];
	__u32 reserved3[9];
};

/**
 * struct regalloc_ioc_info - geometry of this client's window
 * @size: sizeof(struct regalloc_ioc_info)
 * @flags: must be 0
 * @span_bytes: bytes of window per size class; a power of two. Region slot r
 *	of class c lies at c * span_bytes + r * REGALLOC_REGION_BYTES
 * @window_bytes: bytes of the data window, which starts at mmap offset 0
 * @map_offset: mmap offset of the map window, which begins with struct
 *	regalloc_control and holds the slice maps
 * @map_bytes: bytes of the map window
 * @state_offset: offset in the map window of the words of the slice map; that of
 *	a slice is number (its offset / REGALLOC_MIN_SLICE_BYTES)
 * @hint_offset: offset in the map window of struct regalloc_hint for each region
 *	slot of the data window; that of a region is number (its offset /
 *	REGALLOC_REGION_BYTES)
 * @budget_bytes: what all clients together may hold, at this moment
 */
struct regalloc_ioc_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 span_bytes;
	__aligned_u64 window_bytes;
	__aligned_u64 map_offset;
	__aligned_u64 map_bytes;
	__aligned_u64 state_offset;
	__aligned_u64 hint_offset;
	__aligned_u64 budget_bytes;
};

#define REGALLOC_WAIT_FOREVER		(~0U)

/* Slices hold zeros. Without it, they may hold what this client left there. */
#define REGALLOC_ALLOC_F_ZERO		1U

/**
 * struct regalloc_ioc_alloc - allocate slices
 * @size: sizeof(struct regalloc_ioc_alloc)
 * @flags: REGALLOC_ALLOC_F_*
 * @length: bytes wanted in each slice, 1 to 256 KiB; rounded up to a class
 * @count: number of slices wanted, 1 to REGALLOC_MAX_BATCH
 * @timeout_ms: how long to wait if there is no memory for any of them; 0: not at
 *	all; REGALLOC_WAIT_FOREVER: without end
 * @handles: user pointer to room for @count handles (__u64 each)
 * @out_count: number of handles written, from the first on
 * @out_slice_bytes: bytes of each slice
 * @end_ns: when to stop waiting, in nanoseconds of CLOCK_MONOTONIC; 0: @timeout_ms
 *	from now. The kernel stores it here when a signal interrupts a wait, so that
 *	the call, if it is restarted, waits no longer than it was told
 *
 * Fewer slices than asked for are a success that @out_count tells.
 *
 * A signal that runs no handler does not end a wait, and one whose handler was
 * installed with SA_RESTART does not, either; unless the caller's structure ends before
 * @end_ns.
 *
 * Errors: EINVAL, E2BIG, EFAULT (nothing is allocated then), ENOMEM (the
 * budget or the client's limit is used up and nothing is spare or idle, or the
 * system or the memory cgroup has no memory), ETIMEDOUT (the same, after waiting
 * in vain), EINTR (a signal came while waiting, or a fatal one at any time).
 */
struct regalloc_ioc_alloc {
	__u32 size;
	__u32 flags;
	__aligned_u64 length;
	__u32 count;
	__u32 timeout_ms;
	__aligned_u64 handles;
	__u32 out_count;
	__u32 out_slice_bytes;
	__aligned_u64 end_ns;
};

/**
 * struct regalloc_ioc_release - release slices
 * @size: sizeof(struct regalloc_ioc_release)
 * @flags: must be 0
 * @count: number of handles, 1 to REGALLOC_MAX_BATCH
 * @out_count: number of handles released, from the first on
 * @handles: user pointer to @count handles (__u64 each)
 *
 * Stops at the first handle that cannot be released. That is an error only if
 * it is the first one; else @out_count says where the bad one is.
 *
 * Errors: EINVAL, E2BIG, EFAULT, ENOMEM (no memory to copy the handles to),
 * ESTALE (released already), ENOENT (was never handed out to this client).
 */
struct regalloc_ioc_release {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 out_count;
	__aligned_u64 handles;
};

/* Let it decay, as after a RELEASE, instead of returning it now. */
#define REGALLOC_TRIM_F_ARM		0x100U
/* A release was told to tell of itself: return what others wait for, and no more. */
#define REGALLOC_TRIM_F_NOTIFY		0x200U

/**
 * struct regalloc_ioc_trim - return this client's spare and idle memory now
 * @size: sizeof(struct regalloc_ioc_trim)
 * @flags: REGALLOC_TRIM_F_*
 * @out_regions: number of regions closed
 * @reserved: must be 0
 */
struct regalloc_ioc_trim {
	__u32 size;
	__u32 flags;
	__u32 out_regions;
	__u32 reserved;
};

/**
 * struct regalloc_ioc_stats - what this client holds
 * @size: sizeof(struct regalloc_ioc_stats)
 * @flags: must be 0
 * @charged_bytes: charged to the budget: the sum of the next three and @idle_bytes
 * @live_bytes: slices handed out
 * @spare_bytes: memory of open regions without a live slice
 * @pinned_bytes: removed, and still referenced by something
 * @map_bytes: memory of the slice maps; not charged to the budget
 * @nr_regions: open regions
 * @regions_opened: ever
 * @regions_closed: ever
 * @alloc_failures: ALLOC calls for which there was no memory at all
 * @idle_bytes: memory of free slices in the other open regions
 * @hole_bytes: address space without memory in open regions; not charged
 * @punched_bytes: memory that was removed from regions that stayed open, ever
 * @filled_bytes: memory that was added to such regions, ever
 */
struct regalloc_ioc_stats {
	__u32 size;
	__u32 flags;
	__aligned_u64 charged_bytes;
	__aligned_u64 live_bytes;
	__aligned_u64 spare_bytes;
	__aligned_u64 pinned_bytes;
	__aligned_u64 map_bytes;
	__aligned_u64 nr_regions;
	__aligned_u64 regions_opened;
	__aligned_u64 regions_closed;
	__aligned_u64 alloc_failures;
	__aligned_u64 idle_bytes;
	__aligned_u64 hole_bytes;
	__aligned_u64 punched_bytes;
	__aligned_u64 filled_bytes;
};

/**
 * struct regalloc_ioc_limits - say how much the client must and may have
 * @size: sizeof(struct regalloc_ioc_limits)
 * @flags: must be 0
 * @reserve_bytes: so much of the budget is kept for this client; rounded up to
 *	whole pages. Starts as 0
 * @limit_bytes: the client never has more than this, rounded down to whole pages,
 *	and at least @reserve_bytes; 0: as much as the budget allows, which is how
 *	it starts
 *
 * The reserve counts against the budget from now on, whether it is used or not.
 * What others hold of it already they keep until they release it; they are told
 * of the pressure at once.
 *
 * Errors: EINVAL, E2BIG, EFAULT, EBUSY (the reserves of all clients together
 * would exceed the budget).
 */
struct regalloc_ioc_limits {
	__u32 size;
	__u32 flags;
	__aligned_u64 reserve_bytes;
	__aligned_u64 limit_bytes;
};

/**
 * struct regalloc_ioc_pressure - read how much memory others want
 * @size: sizeof(struct regalloc_ioc_pressure)
 * @flags: must be 0
 * @wanted_bytes: so much would help, at most what the client has above its
 *	reserve; 0 if nobody has asked since the last read
 *
 * Reading clears it. poll() reports POLLPRI as long as it is not 0, and each
 * time that it becomes so, @pressure of struct regalloc_control moves on.
 */
struct regalloc_ioc_pressure {
	__u32 size;
	__u32 flags;
	__aligned_u64 wanted_bytes;
};

/**
 * struct regalloc_ioc_zero - fill a slice with zeros
 * @size: sizeof(struct regalloc_ioc_zero)
 * @flags: must be 0
 * @handle: a live slice of this client
 *
 * Errors: EINVAL, E2BIG, EFAULT, ESTALE, ENOENT; the latter as for RELEASE.
 */
struct regalloc_ioc_zero {
	__u32 size;
	__u32 flags;
	__aligned_u64 handle;
};

#define REGALLOC_IOC_TYPE	0xBC
#define REGALLOC_IOC_INFO	_IO(REGALLOC_IOC_TYPE, 0)
#define REGALLOC_IOC_ALLOC	_IO(REGALLOC_IOC_TYPE, 1)
#define REGALLOC_IOC_RELEASE	_IO(REGALLOC_IOC_TYPE, 2)
#define REGALLOC_IOC_TRIM	_IO(REGALLOC_IOC_TYPE, 3)
#define REGALLOC_IOC_STATS	_IO(REGALLOC_IOC_TYPE, 4)
#define REGALLOC_IOC_LIMITS	_IO(REGALLOC_IOC_TYPE, 5)
#define REGALLOC_IOC_PRESSURE	_IO(REGALLOC_IOC_TYPE, 6)
#define REGALLOC_IOC_ZERO	_IO(REGALLOC_IOC_TYPE, 7)

#endif /* _UAPI_LINUX_REGALLOC_H */
