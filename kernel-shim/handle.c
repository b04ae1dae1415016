// SPDX-License-Identifier: GPL-2.0-only
/*
 * The upcall fd
 *
 * An anonymous inode that stands for one claim: an upcall in one generation.
 * Where the claim has been revoked, COMPLETE and ATTACH answer ESTALE, unless
 * ATTACH has something else to refuse first (EPERM, EBADF: attach.c); INFO and
 * TAGS work. Closing the last copy before ATTACH or COMPLETE gives the upcall
 * back to the queue.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/sched/task.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/netlink.h>

#include "handle.h"
#include "queue.h"
#include "tags.h"
#include "upcall_object.h"

#define TAGS_PROCESS_SIZE 512

struct handle {
	struct upcall *upcall; /* reference */
	u32 generation;
	bool claimed; /* the claim is ours to give back */
};

/* Bytes to the user's buffer; its size says what was, or would be, written. */
static int bytes_to_user(const struct sk_buff *skb, u64 buffer, u32 room, u32 __user *size)
{
	if (put_user(skb->len, size))
		return -EFAULT;
	if (room < skb->len)
		return -EMSGSIZE;
	return copy_to_user(u64_to_user_ptr(buffer), skb->data, skb->len) ? -EFAULT : 0;
}

int info_to_user(const struct upcall *upcall, struct upcall_info __user *user)
{
	struct upcall_info info;

	if (copy_from_user(&info, user, sizeof(info)))
		return -EFAULT;
	return bytes_to_user(upcall->tags, info.buffer, info.size, &user->size);
}

static struct task_struct *tags_task(u32 pid)
{
	struct task_struct *task;

	if (!pid)
		return get_task_struct(current);
	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_TGID);
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

/* Whoever holds an fd of ours inside a container is told about itself, not about the host. */
int tags_to_user(struct upcall_tags __user *user)
{
	struct task_struct *task;
	struct upcall_tags tags;
	struct sk_buff *skb;
	int ret;

	if (copy_from_user(&tags, user, sizeof(tags)))
		return -EFAULT;
	/* ATTACK: of what was copied, because another thread may change it meanwhile */
	if (tags.pid && task_active_pid_ns(current) != &init_pid_ns)
		return -EPERM;
	skb = alloc_skb(TAGS_PROCESS_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	task = tags_task(tags.pid);
	ret = -ESRCH;
	if (!task)
		goto free;
	ret = tags_put_process(skb, task);
	put_task_struct(task);
	if (!ret)
		ret = bytes_to_user(skb, tags.buffer, tags.size, &user->size);
free:
	kfree_skb(skb);
	return ret;
}

static int handle_complete(struct handle *handle, const struct upcall_complete __user *user)
{
	struct upcall_complete complete;

	if (copy_from_user(&complete, user, sizeof(complete)))
		return -EFAULT;
	if (complete.reserved)
		return -EINVAL;
	return upcall_complete(handle->upcall, handle->generation, complete.error);
}

static int handle_attach(struct handle *handle, const struct upcall_attach __user *user)
{
	struct upcall_attach attach;

	if (copy_from_user(&attach, user, sizeof(attach)))
		return -EFAULT;
	if (attach.flags || attach.reserved)
		return -EINVAL;
	return attach_current(handle->upcall, handle->generation, attach.capabilities);
}

static long handle_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct handle *handle = file->private_data;
	void __user *user = (void __user *)argument;

	switch (command) {
	case UPCALL_IOC_INFO:
		return info_to_user(handle->upcall, user);
	case UPCALL_IOC_TAGS:
		return tags_to_user(user);
	case UPCALL_IOC_ATTACH:
		return handle_attach(handle, user);
	case UPCALL_IOC_COMPLETE:
		return handle_complete(handle, user);
	}
	return -ENOTTY;
}

static __poll_t handle_poll(struct file *file, struct poll_table_struct *table)
{
	struct handle *handle = file->private_data;

	poll_wait(file, &handle->upcall->poll, table);
	return upcall_claim_stands(handle->upcall, handle->generation) ? 0 : EPOLLHUP;
}

static void handle_free(struct handle *handle)
{
	upcall_put(handle->upcall);
	kfree(handle);
}

static int handle_release(struct inode *inode, struct file *file)
{
	struct handle *handle = file->private_data;

	if (handle->claimed)
		upcall_unclaim(handle->upcall, handle->generation);
	handle_free(handle);
	return 0;
}

static const struct file_operations handle_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = handle_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = handle_poll,
	.release = handle_release,
	.llseek = noop_llseek,
};

int handle_claim(const struct upcall_claim *claim)
{
	struct handle *handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);
	struct file *file;
	int fd, ret;

	if (!handle)
		return -ENOMEM;
	handle->generation = claim->generation;
	handle->upcall = queue_find(claim->id, claim->generation);
	if (IS_ERR(handle->upcall)) {
		ret = PTR_ERR(handle->upcall);
		kfree(handle);
		return ret;
	}
	file = anon_inode_getfile("[upcall]", &handle_fops, handle, O_RDWR | O_CLOEXEC);
	if (IS_ERR(file)) {
		handle_free(handle);
		return PTR_ERR(file);
	}
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		fput(file); /* frees the handle */
		return fd;
	}
	/* ORDER: all that can fail is done; the claim must not be lost to a full fd table */
	ret = upcall_claim(handle->upcall, claim->generation, claim->run_ms);
	if (ret) {
		put_unused_fd(fd);
		fput(file);
		return ret;
	}
	handle->claimed = true;
	fd_install(fd, file);
	return fd;
}

/* Its holder may be inside a container: it learns about itself, and can do nothing. */
static long witness_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	return command == UPCALL_IOC_TAGS ? tags_to_user((void __user *)argument) : -ENOTTY;
}

static const struct file_operations witness_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = witness_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

int handle_witness(void)
{
	return anon_inode_getfd("[upcall-witness]", &witness_fops, NULL, O_RDWR | O_CLOEXEC);
}
