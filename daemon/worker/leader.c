// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Facts about a container's leader
 *
 * What it may do is told by the shim, in the same answer that says that it is
 * still who was registered: no fact can be another process's.
 *
 * What only procfs has is read first and checked last: through one open
 * /proc/PID, which belongs to one process for good, and only then is that process
 * compared with what was registered. If it is the same at the end, it was when we
 * read, since a pid is not given away while its process has not been reaped
 * (CVE-2015-5279 and its like: a pid that was recycled between look-up and use).
 * The leader's pidfd is not asked whose it is: what a child comes by through it
 * are namespaces, and these the child compares with what was registered.
 *
 * The root is opened here and not after setns(): "/" of a mount namespace is not
 * the root of a process that has chrooted, and a path looked up inside could be
 * led elsewhere by the container. Nothing below it is opened on the host
 * (CVE-2015-1862, abrt).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "leader.h"
#include "shim-fd.h"

#define CGROUPS_LEN (WORKER_PATH_LEN * 4)
#define OVERFLOW_ID 65534u
#define STATUS_LEN  8192

static int bset_fd = -1;

int leader_init(void)
{
	close_keep_errno(bset_fd);
	bset_fd = open("/proc/sys/kernel/usermodehelper/bset", O_RDONLY | O_CLOEXEC);
	return bset_fd < 0 ? -errno : 0;
}

static int leader_open(const struct worker_request *request, int *ret_directory)
{
	cleanup_fd int directory = -1;
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/%u", request->leader);
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* CVE-2019-16884: a tmpfs mounted over /proc; not in our namespace, but it costs nothing */
	ret = file_check_system(directory, PROC_SUPER_MAGIC);
	if (ret < 0)
		return ret;
	*ret_directory = take_fd(&directory);
	return 0;
}

/* Anew each time: the administrator may have cut it. */
static int bset_read(uint64_t *ret)
{
	char text[64];
	ssize_t size = pread(bset_fd, text, sizeof(text) - 1, 0);

	if (size < 0)
		return -errno;
	text[size] = '\0';
	return parse_bset(text, ret);
}

/* Decided at boot: read once. */
static int apparmor_is_enabled(void)
{
	static int known = -1;
	char text[8];
	int ret;

	if (known >= 0)
		return known;
	ret = file_read(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", text, sizeof(text));
	if (ret < 0 && ret != -ENOENT)
		return ret;
	known = ret == 0 && text[0] == 'Y';
	return known;
}

static int label_apparmor_read(int directory, struct leader *leader)
{
	char text[LABEL_LEN + 32];
	int ret;

	ret = file_read(directory, "attr/apparmor/current", text, sizeof(text));
	if (ret == 0)
		ret = parse_label(text, leader->label);
	if (ret == 0 && leader->label[0] != '\0')
		leader->label_kind = LABEL_APPARMOR;
	return ret;
}

/*
 * The context ends in a NUL or not, depending on the kernel. Cut off, it might be
 * another one's; empty, it would leave the handler as it is.
 */
static int label_selinux_read(int directory, struct leader *leader)
{
	cleanup_fd int fd = openat(directory, "attr/current", O_RDONLY | O_CLOEXEC);
	char label[sizeof(leader->label)];
	ssize_t size;

	if (fd < 0)
		return -errno;
	size = read(fd, label, sizeof(label));
	if (size < 0)
		return -errno;
	if (size == sizeof(label))
		return -EBADMSG;
	label[size] = '\0';
	label[strcspn(label, "\n")] = '\0';
	if (!label[0])
		return -EBADMSG;
	memcpy(leader->label, label, strlen(label) + 1);
	leader->label_kind = LABEL_SELINUX;
	return 0;
}

static bool selinux_is_enabled(void)
{
	struct stat status;

	return stat("/sys/fs/selinux/enforce", &status) == 0;
}

static int label_read(int directory, struct leader *leader)
{
	int ret = apparmor_is_enabled();

	if (ret < 0)
		return ret;
	if (ret > 0)
		return label_apparmor_read(directory, leader);
	return selinux_is_enabled() ? label_selinux_read(directory, leader) : 0;
}

/* Never an id that stands for "nobody knows": CVE-2015-8709. */
static bool id_is_usable(bool is_known, uint32_t id)
{
	return is_known && id != UINT32_MAX && id != OVERFLOW_ID;
}

static int helper_take(const struct tags_helper *helper, struct leader *leader)
{
	uint64_t bset;
	int ret;

	if (!helper->present)
		return -EPROTO;
	if (!id_is_usable(helper->has_uid, helper->uid) ||
	    !id_is_usable(helper->has_gid, helper->gid))
		return -EPERM;
	ret = bset_read(&bset);
	if (ret < 0)
		return ret;
	leader->uid = helper->uid;
	leader->gid = helper->gid;
	leader->capabilities = helper->bounding & bset;
	leader->no_new_privs = helper->no_new_privs;
	return 0;
}

/*
 * Its path in cgroup2. A hint: whoever opens it compares the id, so this may be
 * read after the check, and need not be read where it was told with that id.
 */
static int cgroup_read(const struct worker_request *request, int directory, struct leader *leader)
{
	char text[CGROUPS_LEN];
	int ret;

	if (leader->cgroup_id == request->cgroup_id) {
		const char *path = request->cgroup + strspn(request->cgroup, "/");

		memcpy(leader->cgroup, path, strlen(path) + 1);
		return 0;
	}
	ret = file_read(directory, "cgroup", text, sizeof(text));
	return ret < 0 ? ret : parse_cgroup(text, leader->cgroup, sizeof(leader->cgroup));
}

/* By the shim, not by /proc/PID/ns: reading that can block, and its ids are recycled. */
int leader_check(const struct worker_request *request, int upcall_fd, struct tags *ret_tags)
{
	struct tags tags;
	int ret;

	ret = shim_tags(upcall_fd, request->leader, &tags);
	if (ret < 0)
		return ret;
	if (tags.tgid != request->leader || tags.start_time != request->start_time ||
	    tags.container != request->container || tags.net_cookie != request->net_cookie)
		return -EKEYREJECTED;
	for (int i = 0; i < UPCALL_NS_COUNT; i++)
		if (request->ns[i] != 0 && tags.ns[i] != request->ns[i])
			return -EKEYREJECTED;
	*ret_tags = tags;
	return 0;
}

/*
 * More groups than there is room for come before it. That costs its stops, and nothing else, so
 * it is no error.
 */
static uint32_t filters_count(int directory)
{
	char text[STATUS_LEN];
	uint64_t count;

	if (file_read(directory, "status", text, sizeof(text)) < 0 ||
	    parse_filters(text, &count) < 0)
		return 0;
	return (uint32_t)count;
}

static int facts_take(const struct worker_request *request, const struct tags *tags, int directory,
		      struct leader *leader, enum worker_step *ret_step)
{
	int ret;

	*ret_step = WORKER_STEP_STATUS;
	ret = helper_take(&tags->helper, leader);
	if (ret < 0)
		return ret;
	*ret_step = WORKER_STEP_CGROUP;
	/* nothing here joins a version 1 hierarchy, whose limits a handler would not have */
	if (tags->helper.cgroup1)
		return -EOPNOTSUPP;
	/* a child that is born frozen would answer nobody: say so at once */
	if (tags->helper.frozen)
		return -EBUSY;
	leader->cgroup_id = tags->cgroup_id;
	leader->filtered = tags->helper.seccomp == SECCOMP_MODE_FILTER;
	if (leader->filtered && !request->filter &&
	    worker_runs_theirs(request->handler, request->run_in))
		leader->filters = filters_count(directory);
	return cgroup_read(request, directory, leader);
}

static int obstacles_check(const struct worker_request *request, uint32_t seccomp, int label_error,
			   bool ours, enum worker_step *ret_step)
{
	if (ours)
		return 0;
	*ret_step = WORKER_STEP_SECCOMP;
	if (seccomp != 0 && seccomp != SECCOMP_MODE_FILTER && !request->filter)
		return -EPERM;
	*ret_step = WORKER_STEP_LABEL;
	return label_error;
}

int leader_read(const struct worker_request *request, int upcall_fd, bool ours, struct leader *ret,
		enum worker_step *ret_step)
{
	struct leader leader = LEADER_NULL;
	cleanup_fd int directory = -1, root = -1;
	struct tags tags = { 0 };
	int error, label_error;

	*ret_step = WORKER_STEP_LEADER;
	error = leader_open(request, &directory);
	if (error < 0)
		return error;
	*ret_step = WORKER_STEP_ROOT;
	root = openat(directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	label_error = label_read(directory, &leader);
	/* ORDER: after what was read from procfs, or a recycled pid's facts would pass */
	*ret_step = WORKER_STEP_LEADER;
	error = leader_check(request, upcall_fd, &tags);
	if (error < 0)
		return error;
	error = facts_take(request, &tags, directory, &leader, ret_step);
	if (error < 0)
		return error;
	error = obstacles_check(request, tags.helper.seccomp, label_error, ours, ret_step);
	if (error < 0)
		return error;
	leader.root_fd = take_fd(&root);
	*ret = leader;
	return 0;
}

int leader_read_host(const struct worker_request *request, struct leader *ret,
		     enum worker_step *ret_step)
{
	struct leader leader = LEADER_NULL;
	int error;

	*ret_step = WORKER_STEP_STATUS;
	error = bset_read(&leader.capabilities);
	if (error < 0)
		return error;
	if (request->class == UPCALL_CLASS_CORE || request->handler != WORKER_BECOME) {
		leader.capabilities = 0;
		leader.no_new_privs = true;
	}
	*ret = leader;
	return 0;
}

void leader_clear(struct leader *leader)
{
	close_keep_errno(leader->root_fd);
	*leader = LEADER_NULL;
}
