/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM regalloc

#if !defined(REGALLOC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define REGALLOC_TRACE_H

#include <linux/tracepoint.h>

#include "geometry.h"

TRACE_EVENT(regalloc_region_open,
	TP_PROTO(u64 client, unsigned int class, unsigned long slot,
		 unsigned int nr_chunks),
	TP_ARGS(client, class, slot, nr_chunks),
	TP_STRUCT__entry(
		__field(u64, client)
		__field(u64, slice_bytes)
		__field(unsigned long, slot)
		__field(unsigned int, nr_chunks)
	),
	TP_fast_assign(
		__entry->client = client;
		__entry->slice_bytes = regalloc_class_bytes(class);
		__entry->slot = slot;
		__entry->nr_chunks = nr_chunks;
	),
	TP_printk("client=%llu slice_bytes=%llu slot=%lu chunks=%u",
		  __entry->client, __entry->slice_bytes, __entry->slot,
		  __entry->nr_chunks)
);

TRACE_EVENT(regalloc_region_close,
	TP_PROTO(u64 client, unsigned int class, unsigned long slot),
	TP_ARGS(client, class, slot),
	TP_STRUCT__entry(
		__field(u64, client)
		__field(u64, slice_bytes)
		__field(unsigned long, slot)
	),
	TP_fast_assign(
		__entry->client = client;
		__entry->slice_bytes = regalloc_class_bytes(class);
		__entry->slot = slot;
	),
	TP_printk("client=%llu slice_bytes=%llu slot=%lu",
		  __entry->client, __entry->slice_bytes, __entry->slot)
);

DECLARE_EVENT_CLASS(regalloc_region_bytes,
	TP_PROTO(u64 client, unsigned int class, unsigned long slot, u64 bytes),
	TP_ARGS(client, class, slot, bytes),
	TP_STRUCT__entry(
		__field(u64, client)
		__field(u64, slice_bytes)
		__field(unsigned long, slot)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->client = client;
		__entry->slice_bytes = regalloc_class_bytes(class);
		__entry->slot = slot;
		__entry->bytes = bytes;
	),
	TP_printk("client=%llu slice_bytes=%llu slot=%lu bytes=%llu",
		  __entry->client, __entry->slice_bytes, __entry->slot,
		  __entry->bytes)
);

DEFINE_EVENT(regalloc_region_bytes, regalloc_punch,
	TP_PROTO(u64 client, unsigned int class, unsigned long slot, u64 bytes),
	TP_ARGS(client, class, slot, bytes)
);

DEFINE_EVENT(regalloc_region_bytes, regalloc_fill,
	TP_PROTO(u64 client, unsigned int class, unsigned long slot, u64 bytes),
	TP_ARGS(client, class, slot, bytes)
);

TRACE_EVENT(regalloc_alloc_failure,
	TP_PROTO(u64 client, unsigned int class, int error),
	TP_ARGS(client, class, error),
	TP_STRUCT__entry(
		__field(u64, client)
		__field(u64, slice_bytes)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->client = client;
		__entry->slice_bytes = regalloc_class_bytes(class);
		__entry->error = error;
	),
	TP_printk("client=%llu slice_bytes=%llu error=%d",
		  __entry->client, __entry->slice_bytes, __entry->error)
);

TRACE_EVENT(regalloc_pressure,
	TP_PROTO(u64 client, u64 bytes),
	TP_ARGS(client, bytes),
	TP_STRUCT__entry(
		__field(u64, client)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->client = client;
		__entry->bytes = bytes;
	),
	TP_printk("client=%llu bytes=%llu", __entry->client, __entry->bytes)
);

#endif /* REGALLOC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
