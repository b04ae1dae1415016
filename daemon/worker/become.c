// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Becoming the container's root, and no more than that
 *
 * The sets of the handler are the leader's, cut to what the machine's
 * administrator allows any helper of the kernel. Each change of credentials is
 * followed by one of the dumpable flag, which the kernel sets anew with them: a
 * dumpable process inside a container can be opened by the container's root
 * while it still holds files of the host (CVE-2016-9962).
 */
#include <errno.h>
#include <grp.h>
#include <keyutils.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "become.h"
#include "enter.h"
#include "file.h"

int become_undumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int become_labelled(struct enter *enter)
{
	char text[LABEL_LEN + 8];
	int ret;

	if (enter->leader.label_kind == LABEL_NONE)
		return 0;
	snprintf(text, sizeof(text), "%s%s",
		 enter->leader.label_kind == LABEL_APPARMOR ? "exec " : "", enter->leader.label);
	ret = file_write_fd(enter->label_fd, text);
	close(enter->label_fd);
	enter->label_fd = -1;
	return ret;
}

/* Said and done are two things where an id is not mapped (CVE-2015-8709). */
static int ids_check(uint32_t uid, uint32_t gid)
{
	uid_t uids[3];
	gid_t gids[3];

	if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 ||
	    getresgid(&gids[0], &gids[1], &gids[2]) < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (uids[i] != uid || gids[i] != gid)
			return -EPERM;
	return getgroups(0, NULL) == 0 ? 0 : -EPERM;
}

int become_ids(struct enter *enter)
{
	uint32_t uid = enter->leader.uid, gid = enter->leader.gid;

	/* ORDER: the group first, while we may */
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	if (become_undumpable() < 0)
		return -errno;
	return ids_check(uid, gid);
}

static int capability_last;

int become_init(void)
{
	int capability = 0;

	while (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0)
		capability++;
	capability_last = capability - 1;
	return capability > 0 && capability <= 64 ? 0 : -EINVAL;
}

/* What the program's exec may give at most; it cannot come back. */
static int bounding_cut(uint64_t allowed)
{
	for (int capability = 0; capability <= capability_last; capability++)
		if (!(allowed >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return -errno;
	return 0;
}

/* Inheritable is emptied: a full one came back with file capabilities (CVE-2022-27650). */
static int sets_cut(uint64_t allowed)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (capget(&header, sets) < 0)
		return -errno;
	for (unsigned int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		sets[i].permitted &= (uint32_t)(allowed >> (32 * i));
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	header.pid = 0;
	return capset(&header, sets) < 0 ? -errno : 0;
}

int become_capabilities(struct enter *enter)
{
	uint64_t allowed = enter->leader.capabilities;
	int ret;

	if (enter_is_cut_by_attach(enter))
		return prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) < 0 ? -errno : 0;
	/* ORDER: the bounding set and the securebits need CAP_SETPCAP, which then goes */
	/* one call: cap_reset_ambient() asks for each of 41 first, while the requester waits */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	ret = bounding_cut(allowed);
	if (ret < 0)
		return ret;
	if (prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) < 0)
		return -errno;
	ret = sets_cut(allowed);
	return ret < 0 ? ret : become_undumpable();
}

int become_no_new_privs(struct enter *enter)
{
	if (enter->leader.no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* The worker ignores this one; all others are as guard_process() has set them. */
static int signals_reset(void)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };

	return sigaction(SIGPIPE, &action, NULL) < 0 ? -errno : 0;
}

/*
 * ATTACH leaves its caller without keyrings. Who only prints an answer does not
 * ATTACH, and gets one of its own. Where others of its uid have used up the quota of
 * keys, or its filter forbids it, it keeps the worker's, that is revoked: see guard_process().
 */
static int session_keyring_join(const struct enter *enter)
{
	if (keyctl_join_session_keyring(NULL) >= 0 || errno == EDQUOT)
		return 0;
	/* docker's filter has no keyctl(2) */
	return enter->profile->count && !enter->leader.no_new_privs ? 0 : -errno;
}

/*
 * A core limit of 1 is how the kernel knows a crash handler that crashes; it needs
 * the hard limit too, or a container's root would raise it again.
 */
int become_limits(struct enter *enter)
{
	const struct rlimit core = { 1, 1 };
	/* but a probe is there to crash: a pipe gets its core with this limit, too */
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, enter->request->handler == WORKER_PROBE ? &none : &core) < 0)
		return -errno;
	if (signals_reset() < 0)
		return -errno;
	return enter->request->handler == WORKER_BECOME ? 0 : session_keyring_join(enter);
}
