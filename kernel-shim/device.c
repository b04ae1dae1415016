// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/upcall
 *
 * Whoever holds it open is the broker, if he might have opened it himself:
 * authority is checked at open and at each call, in the initial user and pid
 * namespaces, so that an fd that was passed on or inherited, by mistake or by
 * somebody who was talked into it, is none. It is readable as long as anything
 * waits for a claim; after a read(2), only from the next one on.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "adopt.h"
#include "counters.h"
#include "device.h"
#include "event.h"
#include "handle.h"
#include "queue.h"
#include "table.h"
#include "upcall_object.h"

#define LIST_ROOM_MAX 256

static bool may_decide(void)
{
	return task_active_pid_ns(current) == &init_pid_ns &&
	       ns_capable(&init_user_ns, CAP_SYS_ADMIN);
}

/* private_data is what queue_offers() was at the last read(2). */
static int device_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL;
	return may_decide() ? 0 : -EPERM;
}

static void *device_news(void)
{
	return (void *)queue_offers();
}

/*
 * There is nothing to read, but who reads until there is nothing has been told. PID
 * 1 empties a socket unit that it is about to stop; one that stays readable keeps it
 * from ever stopping it, and from all else.
 */
static ssize_t device_read(struct file *file, char __user *user, size_t size, loff_t *position)
{
	if (!may_decide())
		return -EPERM;
	file->private_data = device_news();
	return -EAGAIN;
}

static int device_release(struct inode *inode, struct file *file)
{
	event_unlisten(file);
	return 0;
}

static __poll_t device_poll(struct file *file, struct poll_table_struct *table)
{
	queue_poll_wait(file, table);
	if (!queue_has_offered() || file->private_data == device_news())
		return 0;
	return EPOLLIN | EPOLLRDNORM;
}

static int device_version(struct upcall_version __user *user)
{
	struct upcall_version version = {
		.abi = UPCALL_ABI_VERSION,
		.features = UPCALL_FEATURE_COUNTERS | UPCALL_FEATURE_ADOPTION |
			    UPCALL_FEATURE_OWNERS | UPCALL_FEATURE_SHARED,
	};

	strscpy(version.version, UPCALL_VERSION, sizeof(version.version));
	return copy_to_user(user, &version, sizeof(version)) ? -EFAULT : 0;
}

static int device_subscribe(unsigned int command, struct file *file,
			    const struct upcall_subscribe __user *user)
{
	struct upcall_subscribe subscribe;

	if (copy_from_user(&subscribe, user, sizeof(subscribe)))
		return -EFAULT;
	if (subscribe.flags)
		return -EINVAL;
	return event_listen(file, subscribe.netlink_fd,
			    command == UPCALL_IOC_MONITOR ? UPCALL_CMD_DECIDED :
							    UPCALL_CMD_OFFERED);
}

static int device_list(struct upcall_list __user *user)
{
	struct upcall_list_entry *entries;
	struct upcall_list list;
	int ret = 0;

	if (copy_from_user(&list, user, sizeof(list)))
		return -EFAULT;
	list.room = min_t(u32, list.room, LIST_ROOM_MAX);
	entries = kcalloc(list.room ?: 1, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	list.count = queue_list(list.after, entries, list.room);
	if (copy_to_user(u64_to_user_ptr(list.entries), entries, list.count * sizeof(*entries)) ||
	    put_user(list.count, &user->count))
		ret = -EFAULT;
	kfree(entries);
	return ret;
}

static int device_info(struct upcall_info __user *user)
{
	struct upcall_info info;
	struct upcall *upcall;
	int ret;

	if (copy_from_user(&info, user, sizeof(info)))
		return -EFAULT;
	upcall = queue_find(info.id, info.generation);
	if (IS_ERR(upcall))
		return PTR_ERR(upcall);
	ret = info_to_user(upcall, user);
	upcall_put(upcall);
	return ret;
}

static int counters_to_user(u64 __user *values, u32 class, u32 count)
{
	/* ORDER: endings before what was offered, so that never more have ended than were */
	while (count--)
		if (put_user(counters_read(class, count), &values[count]))
			return -EFAULT;
	return 0;
}

static int device_counters(struct upcall_counters __user *user)
{
	struct upcall_counters counters;
	int ret;

	if (copy_from_user(&counters, user, sizeof(counters)))
		return -EFAULT;
	if (counters.class >= UPCALL_CLASS_COUNT)
		return -EINVAL;
	counters.count = min_t(u32, counters.count, UPCALL_COUNT_COUNT);
	ret = counters_to_user(u64_to_user_ptr(counters.values),
			       array_index_nospec(counters.class, UPCALL_CLASS_COUNT),
			       counters.count);
	return ret ?: put_user(counters.count, &user->count);
}

static int device_claim(const struct upcall_claim __user *user)
{
	struct upcall_claim claim;

	if (copy_from_user(&claim, user, sizeof(claim)))
		return -EFAULT;
	return handle_claim(&claim);
}

static int device_end(unsigned int command, const struct upcall_ref __user *user)
{
	struct upcall *upcall;
	struct upcall_ref ref;
	int ret;

	if (copy_from_user(&ref, user, sizeof(ref)))
		return -EFAULT;
	if ((command == UPCALL_IOC_NATIVE || command == UPCALL_IOC_AGAIN) && ref.error)
		return -EINVAL;
	upcall = queue_find(ref.id, ref.generation);
	if (IS_ERR(upcall))
		return PTR_ERR(upcall);
	if (command == UPCALL_IOC_NATIVE)
		ret = upcall_give_back(upcall, ref.generation);
	else if (command == UPCALL_IOC_AGAIN)
		ret = upcall_again(upcall, ref.generation);
	else if (command == UPCALL_IOC_CANCEL)
		ret = upcall_cancel(upcall, ref.generation, ref.error);
	else
		ret = upcall_refuse(upcall, ref.generation, ref.error);
	upcall_put(upcall);
	return ret;
}

/*
 * ORDER: out of the table first, so that no new one matches. One that had matched before
 * and enters the queue only now is refused by the broker, which knows no such container,
 * or by its claim deadline.
 */
static int container_del(u64 id)
{
	int ret = table_del(id);

	if (!ret)
		queue_refuse(id);
	return ret;
}

static int device_container(unsigned int command, struct upcall_container __user *user)
{
	struct upcall_container *container;
	int ret;

	container = memdup_user(user, sizeof(*container));
	if (IS_ERR(container))
		return PTR_ERR(container);
	if (command == UPCALL_IOC_CONTAINER_ADD)
		ret = table_add(container);
	else if (command == UPCALL_IOC_CONTAINER_POLICY)
		ret = table_set_policy(container);
	else
		ret = table_next(container);
	if (!ret && command != UPCALL_IOC_CONTAINER_POLICY &&
	    copy_to_user(user, container, sizeof(*container))) {
		ret = -EFAULT;
		/* nobody was told its id */
		if (command == UPCALL_IOC_CONTAINER_ADD)
			container_del(container->id);
	}
	kfree(container);
	return ret;
}

static int device_container_del(const u64 __user *user)
{
	u64 id;

	return copy_from_user(&id, user, sizeof(id)) ? -EFAULT : container_del(id);
}

static int device_adopt(const struct upcall_adopt __user *user)
{
	struct upcall_adoption *adoptions = NULL;
	struct upcall_adopt adopt;
	int ret;

	if (copy_from_user(&adopt, user, sizeof(adopt)))
		return -EFAULT;
	if (adopt.flags)
		return -EINVAL;
	if (adopt.count > UPCALL_ADOPTIONS)
		return -E2BIG;
	if (adopt.count)
		adoptions = vmemdup_user(u64_to_user_ptr(adopt.adoptions),
					 array_size(adopt.count, sizeof(*adoptions)));
	if (IS_ERR(adoptions))
		return PTR_ERR(adoptions);
	ret = adopt_set(adoptions, adopt.count);
	kvfree(adoptions);
	return ret;
}

static int device_drain(const u32 __user *user)
{
	u32 drain;

	if (get_user(drain, user))
		return -EFAULT;
	if (drain > 1)
		return -EINVAL;
	queue_drain(drain);
	return 0;
}

static long device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	void __user *user = (void __user *)argument;

	if (!may_decide())
		return -EPERM;
	switch (command) {
	case UPCALL_IOC_VERSION:
		return device_version(user);
	case UPCALL_IOC_SUBSCRIBE:
	case UPCALL_IOC_MONITOR:
		return device_subscribe(command, file, user);
	case UPCALL_IOC_LIST:
		return device_list(user);
	case UPCALL_IOC_INFO:
		return device_info(user);
	case UPCALL_IOC_TAGS:
		return tags_to_user(user);
	case UPCALL_IOC_COUNTERS:
		return device_counters(user);
	case UPCALL_IOC_CLAIM:
		return device_claim(user);
	case UPCALL_IOC_NATIVE:
	case UPCALL_IOC_DENY:
	case UPCALL_IOC_CANCEL:
	case UPCALL_IOC_AGAIN:
		return device_end(command, user);
	case UPCALL_IOC_DRAIN:
		return device_drain(user);
	case UPCALL_IOC_WITNESS:
		return handle_witness();
	case UPCALL_IOC_CONTAINER_ADD:
	case UPCALL_IOC_CONTAINER_POLICY:
	case UPCALL_IOC_CONTAINER_NEXT:
		return device_container(command, user);
	case UPCALL_IOC_CONTAINER_DEL:
		return device_container_del(user);
	case UPCALL_IOC_ADOPT:
		return device_adopt(user);
	}
	return -ENOTTY;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = device_read,
	.poll = device_poll,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "upcall",
	.mode = 0600,
	.fops = &device_fops,
};

int device_init(void)
{
	int ret = misc_register(&device);

	if (ret)
		pr_err("cannot register the device %s: %d\n", device.name, ret);
	return ret;
}

void device_exit(void)
{
	misc_deregister(&device);
}
