// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "kin.h"
#include "text.h"

/* ------------------------------------------------------------------ /proc */

static uint32_t inode_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (uint32_t)st.st_ino : 0;
}

/* The namespace and its ancestors, as far as they may be seen from here. */
static void read_namespaces(uint32_t pid, const char *type, uint32_t *out, unsigned int room)
{
	char path[64];
	int fd, parent;

	snprintf(path, sizeof(path), "/proc/%u/ns/%s", pid, type);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (unsigned int i = 0; i < room && fd >= 0; i++) {
		out[i] = inode_of(fd);
		parent = i + 1 < room ? ioctl(fd, NS_GET_PARENT) : -1;
		close(fd);
		fd = parent;
	}
	if (fd >= 0)
		close(fd);
}

static int read_cgroup(uint32_t pid, char *out, size_t room)
{
	cleanup_file FILE *file = NULL;
	char path[64], line[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0)
			snprintf(out, room, "%s", line + 3);
	}
	return 0;
}

int kin_read(uint32_t pid, struct kin *ret)
{
	struct kin kin = { 0 };
	int r;

	r = read_cgroup(pid, kin.cgroup, sizeof(kin.cgroup));
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	read_namespaces(pid, "pid", kin.pid, KIN_DEPTH_MAX);
	read_namespaces(pid, "user", kin.user, KIN_DEPTH_MAX);
	read_namespaces(pid, "mnt", &kin.mnt, 1);
	read_namespaces(pid, "net", &kin.net, 1);
	*ret = kin;
	return 0;
}

/* ------------------------------------------------------------------ steps */

struct look_up {
	const struct kin *kin;
	const struct kin *host;
	struct upcall_entry *const *entries;
};

/* 0: not one of its own. */
static uint32_t own_namespace(const struct upcall_entry *entry, const char *type)
{
	for (const struct upcall_namespace *ns = entry->namespaces; ns->type; ns++)
		if (strcmp(ns->type, type) == 0)
			return ns->inode;
	return 0;
}

static bool within(const uint32_t *chain, uint32_t inode)
{
	for (; *chain; chain++)
		if (*chain == inode)
			return true;
	return false;
}

static bool is_elsewhere(const struct look_up *look_up, const struct upcall_entry *entry)
{
	const struct kin *kin = look_up->kin, *host = look_up->host;
	uint32_t pid = own_namespace(entry, "pid"), user = own_namespace(entry, "user");

	if (pid && kin->pid[0] != host->pid[0] && !within(kin->pid, pid))
		return true;
	return user && kin->user[0] != host->user[0] && !within(kin->user, user);
}

static bool inside_besides_cgroup(const struct look_up *look_up, const struct upcall_entry *entry)
{
	uint32_t pid = own_namespace(entry, "pid"), user = own_namespace(entry, "user");
	uint32_t mnt = own_namespace(entry, "mnt");

	if (user)
		return within(look_up->kin->user, user);
	if (pid && entry->cgroup_derived)
		return within(look_up->kin->pid, pid);
	/* in a namespace around it: told for the host's only, where the module knows others */
	if (pid)
		return look_up->kin->pid[0] != look_up->host->pid[0] ||
		       (mnt && look_up->kin->mnt == mnt);
	return mnt && look_up->kin->mnt != look_up->host->mnt;
}

static void hit(struct kin_step *step, const struct upcall_entry *entry)
{
	size_t used = strlen(step->hits);

	snprintf(step->hits + used, sizeof(step->hits) - used, "%s%s", used ? "," : "",
		 entry->name);
	step->count++;
}

/* upcalld writes paths without the slash that /proc begins them with. */
static const char *below_root(const char *path)
{
	return path + strspn(path, "/");
}

/* Is the process in the boundary, or below it? */
static bool is_below(const char *cgroup, const char *boundary)
{
	const char *path = below_root(cgroup);
	size_t size;

	boundary = below_root(boundary);
	size = strlen(boundary);
	if (!size)
		return false;
	return strncmp(path, boundary, size) == 0 && (path[size] == '/' || !path[size]);
}

static void step_cgroup(const struct look_up *look_up, struct kin_step *step)
{
	/* upcalld says of cgroups what is to be shown of them */
	char shown[4 * sizeof(look_up->kin->cgroup)];
	struct upcall_entry *const *entry;
	size_t nearest = 0;
	bool outside = false;

	text_show(look_up->kin->cgroup, strlen(look_up->kin->cgroup), shown, sizeof(shown));
	for (entry = look_up->entries; *entry; entry++) {
		size_t size = strlen(below_root((*entry)->cgroup));

		if (!is_below(shown, (*entry)->cgroup))
			continue;
		if (!inside_besides_cgroup(look_up, *entry))
			outside = true;
		else if (size > nearest)
			nearest = size;
	}
	for (entry = look_up->entries; nearest && *entry; entry++)
		if (strlen(below_root((*entry)->cgroup)) == nearest &&
		    is_below(shown, (*entry)->cgroup) && inside_besides_cgroup(look_up, *entry))
			hit(step, *entry);
	step->counts = step->count;
	if (step->count)
		step->why = "it or its nearest registered ancestor is the boundary";
	else if (outside)
		step->why =
			"in a container's cgroup, but in none of its namespaces: of the host, or of another there";
	else
		step->why = "below no container's boundary";
}

static void step_chain(const struct look_up *look_up, const uint32_t *chain, struct kin_step *step)
{
	struct upcall_entry *const *entry;
	bool elsewhere = false;

	for (; *chain && !step->count; chain++)
		for (entry = look_up->entries; *entry; entry++) {
			if (own_namespace(*entry, step->by) != *chain)
				continue;
			if (is_elsewhere(look_up, *entry))
				elsewhere = true;
			else
				hit(step, *entry);
		}
	step->counts = step->count;
	if (step->count)
		step->why = "it or its nearest registered ancestor";
	else if (elsewhere)
		step->why = "shared with a container, but another namespace is not that one's";
	else
		step->why = "neither it nor an ancestor is a container's";
}

static void step_single(const struct look_up *look_up, uint32_t inode, bool decided, bool foreign,
			struct kin_step *step)
{
	const uint32_t chain[] = { inode, 0 };

	step_chain(look_up, chain, step);
	if (step->count)
		step->why = "equal";
	else
		step->why = "no container's";
	if (!decided && foreign)
		return;
	step->counts = false;
	step->why = decided ? "not looked at: one container was left" :
			      "not looked at: a task of the host may join one";
}

void kin_explain(const struct kin *kin, const struct kin *host, struct upcall_entry *const *entries,
		 struct kin_step ret[KIN_STEPS])
{
	static const char *const names[KIN_STEPS] = { "cgroup", "pid", "user", "mnt", "net" };
	const struct look_up look_up = { kin, host, entries };
	bool foreign = kin->pid[0] != host->pid[0] || kin->user[0] != host->user[0] ||
		       kin->mnt != host->mnt;
	bool decided = false;

	for (int i = 0; i < KIN_STEPS; i++)
		ret[i] = (struct kin_step){ .by = names[i] };
	step_cgroup(&look_up, &ret[0]);
	step_chain(&look_up, kin->pid, &ret[1]);
	step_chain(&look_up, kin->user, &ret[2]);
	for (int i = 0; i < 3; i++)
		decided = decided || ret[i].count == 1;
	step_single(&look_up, kin->mnt, decided, foreign, &ret[3]);
	decided = decided || (ret[3].counts && ret[3].count == 1);
	step_single(&look_up, kin->net, decided, foreign, &ret[4]);
}
