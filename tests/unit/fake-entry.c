// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-entry.h"
#include "shim-fd.h"

#define CGROUPS "/sys/fs/cgroup/unified"
#define CGROUP	"/sys/fs/cgroup"

struct fake_entry *fake;
struct tags fake_info;

void fake_reset(void)
{
	if (!fake)
		fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	memset(fake, 0, sizeof(*fake));
}

#define PATH_SIZE 1200

/* Of its cgroup2 directory, "": unknown. */
static void cgroup_find(const char *pid, char full[static PATH_SIZE])
{
	char path[600], line[512];
	FILE *file;

	full[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%s/cgroup", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0)
			snprintf(full, PATH_SIZE, "%s%s",
				 access(CGROUPS, F_OK) == 0 ? CGROUPS : CGROUP, line + 3);
	}
	fclose(file);
}

static uint64_t cgroup_id(const char *pid)
{
	char full[PATH_SIZE];
	struct stat status;

	cgroup_find(pid, full);
	return stat(full, &status) == 0 ? status.st_ino : 0;
}

/* What these tests freeze they freeze themselves, not above it. */
static bool cgroup_freezes(const char *pid)
{
	char full[PATH_SIZE], path[PATH_SIZE + 16];
	FILE *file;
	int c;

	cgroup_find(pid, full);
	snprintf(path, sizeof(path), "%s/cgroup.freeze", full);
	file = fopen(path, "re");
	if (!file)
		return false;
	c = fgetc(file);
	fclose(file);
	return c == '1';
}

void fake_place(const char *pid, struct tags *ret)
{
	static const char *const names[UPCALL_NS_COUNT] = { "pid", "mnt", "net",    "user",
							    "uts", "ipc", "cgroup", "time" };

	for (int i = 0; i < UPCALL_NS_COUNT; i++) {
		struct stat status;
		char path[64];

		snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, names[i]);
		ret->ns[i] = stat(path, &status) == 0 ? (uint32_t)status.st_ino : 0;
	}
	ret->cgroup_id = cgroup_id(pid);
	/* good enough to tell two apart */
	ret->net_cookie = ret->ns[UPCALL_NS_NET];
}

/* The number in a line of /proc/PID/status. */
static uint64_t status_number(const char *pid, const char *name, int base)
{
	char path[64], line[512];
	uint64_t number = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			number = strtoull(line + strlen(name), NULL, base);
	fclose(file);
	return number;
}

/* 0 where there is one, else the only other id that these tests' leaders have. */
static uint32_t id_inside(const char *pid, const char *map)
{
	unsigned int first = UINT32_MAX;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, map);
	file = fopen(path, "re");
	if (!file)
		return first;
	if (fscanf(file, "%u", &first) != 1)
		first = UINT32_MAX;
	fclose(file);
	return first;
}

static struct tags_helper helper_of(const char *pid)
{
	struct tags_helper helper = {
		.present = true,
		.uid = id_inside(pid, "uid_map"),
		.gid = id_inside(pid, "gid_map"),
		.bounding = status_number(pid, "CapBnd:", 16),
		.no_new_privs = status_number(pid, "NoNewPrivs:", 10) != 0,
		.seccomp = (uint32_t)status_number(pid, "Seccomp:", 10),
	};

	helper.frozen = cgroup_freezes(pid);
	helper.has_uid = helper.uid != UINT32_MAX;
	helper.has_gid = helper.gid != UINT32_MAX;
	if (fake->overflow_id)
		helper.uid = 65534;
	if (fake->no_id)
		helper.has_uid = false;
	fake->looks++;
	if (fake->no_new_privs || (fake->no_new_privs_at && fake->looks >= fake->no_new_privs_at))
		helper.no_new_privs = true;
	if (fake->filtered)
		helper.seccomp = 2;
	if (fake->cgroup1)
		helper.cgroup1 = 1;
	return helper;
}

int shim_check_upcall(int fd)
{
	(void)fd;
	return fake->no_upcall ? -EBADF : 0;
}

int shim_check_witness(int fd)
{
	(void)fd;
	return fake->no_upcall ? -EBADF : 0;
}

int shim_info(int fd, uint64_t id, uint32_t generation, struct shim_info *ret)
{
	(void)fd;
	(void)id;
	(void)generation;
	*ret = (struct shim_info){ .tags = fake_info };
	return 0;
}

void shim_info_clear(struct shim_info *info)
{
	*info = SHIM_INFO_NULL;
}

int shim_tags(int fd, uint32_t pid, struct tags *ret)
{
	char text[16] = "self";

	(void)fd;
	if (pid)
		snprintf(text, sizeof(text), "%u", pid);
	*ret = (struct tags){
		.tgid = pid,
		.start_time = FAKE_START_TIME,
		.container = FAKE_CONTAINER,
		.helper = helper_of(text),
	};
	fake_place(text, ret);
	for (int i = 0; pid == 0 && i < UPCALL_NS_COUNT; i++)
		ret->ns[i] += fake->wrong_ns >> i & 1;
	if (pid == 0 && fake->wrong_cgroup)
		ret->cgroup_id++;
	return 0;
}

/* What the kernel half does without asking for CAP_SETPCAP, which who only answers has not. */
static int capabilities_cut(uint64_t allowed)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (capget(&header, sets) < 0)
		return -errno;
	for (int i = 0; sets[0].effective >> CAP_SETPCAP & 1 && i < 64; i++)
		if (!(allowed >> i & 1) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return -errno;
	for (unsigned int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		sets[i].permitted &= (uint32_t)(allowed >> (32 * i));
		sets[i].effective &= sets[i].permitted;
		sets[i].inheritable = 0;
	}
	return capset(&header, sets) < 0 ? -errno : 0;
}

int shim_attach(int upcall_fd, uint64_t capabilities)
{
	int pipe_fds[2], ret;

	if (fake->attach_error)
		return -fake->attach_error;
	if (upcall_fd < 100)
		return -EBADF;
	if (fake->core) {
		if (pipe(pipe_fds) < 0 || pipe_fds[0] != 0 || write(pipe_fds[1], "core", 4) != 4)
			return -EIO;
		close(pipe_fds[1]);
	}
	ret = capabilities_cut(capabilities);
	if (ret < 0)
		return ret;
	fake->attached++;
	return 0;
}

int shim_complete(int upcall_fd, int error)
{
	(void)upcall_fd;
	fake->completed++;
	fake->complete_error = error;
	return 0;
}

/* ---------------------------------------------------------------- libkeyutils */

key_serial_t keyctl_join_session_keyring(const char *name)
{
	(void)name;
	if (!fake->keys_error)
		return 1;
	errno = fake->keys_error;
	return -1;
}

/* Of the only one that is asked for: that of the session, which somebody has left. */
key_serial_t keyctl_get_keyring_ID(key_serial_t id, int create)
{
	(void)id;
	(void)create;
	if (!fake->session_revoked)
		return 1;
	errno = EKEYREVOKED;
	return -1;
}

long keyctl_revoke(key_serial_t id)
{
	(void)id;
	fake->session_revoked = true;
	return 0;
}

long keyctl_assume_authority(key_serial_t key)
{
	if (key == FAKE_SERIAL && fake->attached)
		return 0;
	errno = ENOKEY;
	return -1;
}

long keyctl_read(key_serial_t key, char *buffer, size_t size)
{
	(void)key;
	(void)buffer;
	(void)size;
	return 0;
}

long keyctl_set_timeout(key_serial_t key, unsigned int timeout)
{
	(void)key;
	fake->timeout = timeout;
	return 0;
}

long keyctl_instantiate(key_serial_t key, const void *payload, size_t size, key_serial_t ring)
{
	(void)key;
	(void)ring;
	if (size > sizeof(fake->payload))
		abort();
	memcpy(fake->payload, payload, size);
	fake->instantiated++;
	return 0;
}

long keyctl_reject(key_serial_t key, unsigned int timeout, unsigned int error, key_serial_t ring)
{
	(void)key;
	(void)timeout;
	(void)error;
	(void)ring;
	fake->rejected++;
	return 0;
}
