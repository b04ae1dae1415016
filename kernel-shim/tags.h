/* SPDX-License-Identifier: GPL-2.0-only */
/* The tags of an upcall, encoded once as netlink attributes (enum upcall_attr). */
#ifndef UPCALL_SHIM_TAGS_H
#define UPCALL_SHIM_TAGS_H

#include <linux/types.h>

struct sk_buff;
struct subject;
struct subprocess_info;
struct task_struct;

/* What the queue, not the requester, knows of an upcall. */
struct tags_upcall {
	u64 id; /* 0: it never was in the queue */
	u64 parent;
	u32 depth;
	int wait; /* UMH_* */
};

/* Append attributes to @skb. -EMSGSIZE where it has no room. */
int tags_put_upcall(struct sk_buff *skb, const struct tags_upcall *upcall,
		    const struct subject *subject, const struct subprocess_info *info);
int tags_put_process(struct sk_buff *skb, struct task_struct *task);

/* Room that the attributes of an upcall need. */
size_t tags_size(const struct subprocess_info *info, const struct subject *subject);

#endif
