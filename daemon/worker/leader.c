// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Facts about a container's leader
 *
 * Read first, check last: everything is read through one open /proc/PID, which
 * belongs to one process for good, and only then is that process compared with
 * what was registered. If it is the same at the end, it was when we read, since
 * a pid is not given away while its process has not been reaped (CVE-2015-5279
 * and its like: a pid that was recycled between look-up and use).
 *
 * The root is opened here and not after setns(): "/" of a mount namespace is not
 * the root of a process that has chrooted, and a path looked up inside could be
 * led elsewhere by the container. Nothing below it is opened on the host
 * (CVE-2015-1862, abrt).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "file.h"
#include "leader.h"
#include "shim-fd.h"

#define STATUS_LEN  8192
#define CGROUPS_LEN (WORKER_PATH_LEN * 4)
#define ID_MAP_LEN  (16 * 1024) /* at most 340 lines of 33 bytes */

static int leader_open(const struct worker_request *request, int pidfd, int *ret_directory)
{
	cleanup_fd int directory = -1;
	char path[64], text[1024];
	uint32_t pid;
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	ret = file_read(AT_FDCWD, path, text, sizeof(text));
	if (ret == 0)
		ret = parse_pidfd_info(text, &pid);
	if (ret < 0)
		return ret;
	if (pid != request->leader)
		return -EKEYREJECTED;
	snprintf(path, sizeof(path), "/proc/%u", pid);
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	/* CVE-2019-16884: a tmpfs mounted over /proc; not in our namespace, but it costs nothing */
	ret = file_check_system(directory, PROC_SUPER_MAGIC);
	if (ret < 0)
		return ret;
	*ret_directory = take_fd(&directory);
	return 0;
}

static int bset_read(uint64_t *ret)
{
	char text[64];
	int error;

	error = file_read(AT_FDCWD, "/proc/sys/kernel/usermodehelper/bset", text, sizeof(text));
	return error < 0 ? error : parse_bset(text, ret);
}

static int id_read(int directory, const char *name, uint32_t outside, uint32_t *ret)
{
	cleanup_free char *text = malloc(ID_MAP_LEN);
	int error;

	if (!text)
		return -ENOMEM;
	error = file_read(directory, name, text, ID_MAP_LEN);
	return error < 0 ? error : parse_id_map(text, outside, ret);
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

static int status_read(int directory, struct leader *leader, struct status_facts *ret_facts)
{
	char text[STATUS_LEN];
	uint64_t bset;
	int ret;

	ret = file_read(directory, "status", text, sizeof(text));
	if (ret == 0)
		ret = parse_status(text, ret_facts);
	if (ret == 0)
		ret = bset_read(&bset);
	if (ret == 0)
		ret = id_read(directory, "uid_map", ret_facts->uid, &leader->uid);
	if (ret == 0)
		ret = id_read(directory, "gid_map", ret_facts->gid, &leader->gid);
	if (ret < 0)
		return ret;
	leader->capabilities = ret_facts->cap_bounding & bset;
	leader->no_new_privs = ret_facts->no_new_privs;
	return 0;
}

/*
 * A version 1 hierarchy holds limits too, of devices among others, and nothing
 * here joins them.
 */
static int cgroup_read(int directory, struct leader *leader)
{
	/* nobody moves a worker */
	static char ours[CGROUPS_LEN];
	char theirs[CGROUPS_LEN];
	int ret = 0;

	if (ours[0] == '\0')
		ret = file_read(AT_FDCWD, "/proc/self/cgroup", ours, sizeof(ours));
	if (ret == 0)
		ret = file_read(directory, "cgroup", theirs, sizeof(theirs));
	if (ret == 0)
		ret = parse_cgroup(theirs, leader->cgroup, sizeof(leader->cgroup));
	if (ret < 0)
		return ret;
	return parse_cgroup_v1_is_same(theirs, ours) ? 0 : -EOPNOTSUPP;
}

/* By the shim, not by /proc/PID/ns: reading that can block, and its ids are recycled. */
static int leader_check(const struct worker_request *request, int upcall_fd, int pidfd,
			uint64_t *ret_cgroup_id)
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
	if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0)
		return -errno;
	*ret_cgroup_id = tags.cgroup_id;
	return 0;
}

static int obstacles_check(const struct status_facts *facts, int label_error, bool ours,
			   enum worker_step *ret_step)
{
	if (ours)
		return 0;
	*ret_step = WORKER_STEP_SECCOMP;
	if (facts->seccomp != 0)
		return -EPERM;
	*ret_step = WORKER_STEP_LABEL;
	return label_error;
}

int leader_read(const struct worker_request *request, int upcall_fd, int pidfd, bool ours,
		struct leader *ret, enum worker_step *ret_step)
{
	struct leader leader = LEADER_NULL;
	cleanup_fd int directory = -1, root = -1;
	struct status_facts facts;
	int error, label_error;

	*ret_step = WORKER_STEP_LEADER;
	error = leader_open(request, pidfd, &directory);
	if (error < 0)
		return error;
	*ret_step = WORKER_STEP_ROOT;
	root = openat(directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	*ret_step = WORKER_STEP_STATUS;
	error = status_read(directory, &leader, &facts);
	if (error < 0)
		return error;
	*ret_step = WORKER_STEP_CGROUP;
	error = cgroup_read(directory, &leader);
	if (error < 0)
		return error;
	label_error = label_read(directory, &leader);
	/* ORDER: after all that was read, or a recycled pid's facts would pass */
	*ret_step = WORKER_STEP_LEADER;
	error = leader_check(request, upcall_fd, pidfd, &leader.cgroup_id);
	if (error < 0)
		return error;
	error = obstacles_check(&facts, label_error, ours, ret_step);
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
