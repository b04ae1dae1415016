/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM upcall

#if !defined(UPCALL_SHIM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define UPCALL_SHIM_TRACE_H

#include <linux/key.h>
#include <linux/tracepoint.h>

#include "subject.h"
#include "upcall_object.h"

/* What was decided, and why: one for each upcall that is looked at. */
TRACE_EVENT(upcall_decided,
	TP_PROTO(const struct subject *subject, int wait),
	TP_ARGS(subject, wait),
	TP_STRUCT__entry(
		__field(u32, class)
		__field(u32, context)
		__field(u32, scope)
		__field(u32, verdict)
		__field(u64, container)
		__field(u32, origin)
		__field(u32, net)
		__field(int, wait)
		__field(s32, key)
	),
	TP_fast_assign(
		__entry->class = subject->class;
		__entry->context = subject->context;
		__entry->scope = subject->scope;
		__entry->verdict = subject->verdict;
		__entry->container = subject->entry ? subject->entry->id : 0;
		__entry->origin = subject->origin;
		__entry->net = subject->net;
		__entry->wait = wait;
		__entry->key = subject->key ? subject->key->serial : 0;
	),
	TP_printk("class=%u context=%u scope=%u container=%llu verdict=%u wait=%d key=%d origin=%u net=%u",
		  __entry->class, __entry->context, __entry->scope, __entry->container,
		  __entry->verdict, __entry->wait, __entry->key, __entry->origin, __entry->net)
);

/* Every transition of every upcall. */
TRACE_EVENT(upcall_state,
	TP_PROTO(const struct upcall *upcall, u32 from, u32 to),
	TP_ARGS(upcall, from, to),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, generation)
		__field(u32, class)
		__field(u32, from)
		__field(u32, to)
	),
	TP_fast_assign(
		__entry->id = upcall->id;
		__entry->generation = upcall->generation;
		__entry->class = upcall->class;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("id=%llu generation=%u class=%u from=%u to=%u", __entry->id,
		  __entry->generation, __entry->class, __entry->from, __entry->to)
);

/* What the waiter is given: exactly one for each upcall that was offered. */
TRACE_EVENT(upcall_answered,
	TP_PROTO(const struct upcall *upcall),
	TP_ARGS(upcall),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, class)
		__field(int, error)
		__field(int, status)
	),
	TP_fast_assign(
		__entry->id = upcall->id;
		__entry->class = upcall->class;
		__entry->error = upcall->error;
		__entry->status = upcall->status;
	),
	TP_printk("id=%llu class=%u error=%d status=%d", __entry->id, __entry->class,
		  __entry->error, __entry->status)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
