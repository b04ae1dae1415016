// SPDX-License-Identifier: GPL-2.0-or-later
/* upcallctl doctor: units, the daemon, what it has registered and where it keeps that */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "cgroup.h"
#include "cleanup.h"
#include "doctor.h"
#include "policy.h"
#include "process.h"

#define STATE "/run/upcalld"

#define CONTROL_UNIT "upcalld.socket"
#define SHIM_UNIT    "upcalld-shim.socket"
#define DAEMON_UNIT  "upcalld.service"

static const struct finding_kind unit_missing = {
	"unit-missing", "systemd does not know it: nothing starts upcalld"
};
static const struct finding_kind unit_masked = { "unit-masked", "systemd refuses to start it" };
static const struct finding_kind unit_failed = { "unit-failed", "it does not do its work" };
static const struct finding_kind unit_inactive = {
	"unit-inactive", "nobody listens there: upcalls or requests reach no daemon"
};
static const struct finding_kind unit_disabled = { "unit-disabled",
						   "it does not come back with the next boot" };
static const struct finding_kind daemon_unreachable = {
	"daemon-unreachable", "nothing can be registered, and upcalls of containers are refused"
};
static const struct finding_kind daemon_version = {
	"daemon-version", "an upgrade is not in effect as long as the old daemon runs"
};
static const struct finding_kind daemon_no_shim = {
	"daemon-no-shim", "upcalls of containers are refused as long as nobody takes them"
};
static const struct finding_kind config_not_taken = { "config-not-taken",
						      "the daemon still goes by older policies" };
static const struct finding_kind config_stale = {
	"config-stale", "the container's upcalls are still decided by what the files said before"
};
static const struct finding_kind tombstone = {
	"tombstone", "its first process has ended and others have not: their upcalls are refused"
};
static const struct finding_kind container_seccomp = {
	"container-seccomp", "programs of the container are not run: entry-failed at seccomp"
};
static const struct finding_kind state_directory = {
	"state-directory",
	"who is registered is kept there, and has to be known to a daemon that starts"
};

/* ------------------------------------------------------------------- units */

struct unit {
	const char *name;
	bool enabled; /* has to be */
	bool active;  /* has to be */
};

struct unit_facts {
	char load[32];
	char active[32];
	char file[32];
};

static bool with_systemd(const struct doctor *doctor)
{
	return doctor_exists(doctor, "/run/systemd/system");
}

static void take_property(const char *text, const char *key, char *out, size_t room)
{
	const char *line = strstr(text, key);

	*out = '\0';
	if (!line)
		return;
	line += strlen(key);
	(void)snprintf(out, room, "%.*s", (int)strcspn(line, "\n"), line);
}

static bool read_unit(const struct doctor *doctor, const char *name, struct unit_facts *ret)
{
	const char *const argv[] = { "systemctl", "show",
				     "--property=LoadState,ActiveState,UnitFileState", name, NULL };
	char output[1024];

	if (doctor->capture(argv, output, sizeof(output)) != 0)
		return false;
	take_property(output, "LoadState=", ret->load, sizeof(ret->load));
	take_property(output, "ActiveState=", ret->active, sizeof(ret->active));
	take_property(output, "UnitFileState=", ret->file, sizeof(ret->file));
	return true;
}

static void find_masked(struct doctor *doctor, const struct unit *unit,
			const struct unit_facts *facts)
{
	bool runtime = !strcmp(facts->file, "masked-runtime");
	char mend[DOCTOR_PATH];

	(void)snprintf(mend, sizeof(mend), "systemctl unmask %s%s%s%s", runtime ? "--runtime " : "",
		       unit->name, unit->active ? " && systemctl restart " : "",
		       unit->active ? unit->name : "");
	found(doctor, &unit_masked, unit->name, mend, "%s is masked", unit->name);
}

static void check_active(struct doctor *doctor, const struct unit *unit,
			 const struct unit_facts *facts)
{
	char mend[DOCTOR_PATH];

	if (!strcmp(facts->active, "failed")) {
		(void)snprintf(mend, sizeof(mend),
			       "systemctl reset-failed %s && systemctl restart %s", unit->name,
			       unit->name);
		found(doctor, &unit_failed, unit->name, mend, "%s has failed", unit->name);
	} else if (unit->active && strcmp(facts->active, "active") != 0) {
		/* a socket unit does not start while its service runs */
		(void)snprintf(mend, sizeof(mend), "systemctl restart %s", unit->name);
		found(doctor, &unit_inactive, unit->name, mend, "%s is %s", unit->name,
		      facts->active);
	}
}

static void check_unit(struct doctor *doctor, const struct unit *unit)
{
	struct unit_facts facts;
	char mend[DOCTOR_PATH];

	if (!read_unit(doctor, unit->name, &facts))
		return;
	if (!strcmp(facts.load, "masked")) {
		find_masked(doctor, unit, &facts);
		return;
	}
	if (strcmp(facts.load, "loaded") != 0) {
		found(doctor, &unit_missing, unit->name, "apt install --reinstall upcalld",
		      "%s cannot be loaded: %s", unit->name, facts.load);
		return;
	}
	check_active(doctor, unit, &facts);
	if (unit->enabled && !strncmp(facts.file, "disabled", strlen("disabled"))) {
		(void)snprintf(mend, sizeof(mend), "systemctl enable %s", unit->name);
		found(doctor, &unit_disabled, unit->name, mend, "%s is disabled", unit->name);
	}
}

/* Somebody's own daemon: it listens, and not through the unit. */
static bool is_standalone(const struct doctor *doctor)
{
	struct upcall_connection *connection;
	struct unit_facts facts;
	int r;

	if (!read_unit(doctor, CONTROL_UNIT, &facts) || strcmp(facts.active, "inactive") != 0)
		return false;
	r = upcall_connect(&connection);
	upcall_close(connection);
	return r >= 0 || r == -EPERM;
}

/* Before the daemon is asked: that starts it, and what it needs with it. */
void check_units(struct doctor *doctor)
{
	const struct unit units[] = {
		{ .name = CONTROL_UNIT, .enabled = true, .active = true },
		/* without the module it waits for it */
		{ .name = SHIM_UNIT, .active = doctor_exists(doctor, "/sys/module/upcall_shim") },
		{ .name = "upcalld-attach.service" },
		{ .name = DAEMON_UNIT },
	};

	if (!with_systemd(doctor) || is_standalone(doctor))
		return;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		check_unit(doctor, &units[i]);
}

/* ------------------------------------------------------------------ daemon */

static void ask_daemon(struct doctor *doctor)
{
	struct upcall_connection *connection;
	int r;

	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_status(connection, &doctor->daemon);
	/* the socket is root's: that others may not ask is no fault */
	if (r < 0 && (r != -EPERM || doctor->by_root))
		doctor->daemon_error = strdup(upcall_error(connection, r));
	else if (r >= 0 && doctor->by_root)
		(void)upcall_list(connection, &doctor->entries);
	upcall_close(connection);
}

static void check_answer(struct doctor *doctor)
{
	const struct upcall_daemon *daemon = doctor->daemon;

	if (strcmp(daemon->version, UPCALL_VERSION) != 0)
		found(doctor, &daemon_version, DAEMON_UNIT, "systemctl restart " DAEMON_UNIT,
		      "upcalld %s runs, and this is upcallctl " UPCALL_VERSION, daemon->version);
	if (!daemon->shim && doctor_exists(doctor, "/sys/module/upcall_shim") &&
	    !is_found_about(doctor, SHIM_UNIT) && !is_found_about(doctor, "/dev/upcall"))
		found(doctor, &daemon_no_shim, DAEMON_UNIT, "systemctl restart " SHIM_UNIT,
		      "upcalld has no connection to the module: %s", daemon->shim_error);
	/* that files are bad has been said of the files */
	if (*daemon->config_error && !doctor->policies_bad)
		found(doctor, &config_not_taken, DAEMON_UNIT, "upcallctl reload",
		      "the last reload was refused, and the files are in order now: %s",
		      daemon->config_error);
}

void check_daemon(struct doctor *doctor)
{
	ask_daemon(doctor);
	if (doctor->daemon) {
		check_answer(doctor);
		return;
	}
	if (!doctor->daemon_error || is_found_about(doctor, CONTROL_UNIT) ||
	    is_found_about(doctor, DAEMON_UNIT))
		return;
	found(doctor, &daemon_unreachable, DAEMON_UNIT,
	      with_systemd(doctor) ? "systemctl restart " CONTROL_UNIT : "upcalld --standalone &",
	      "%s", doctor->daemon_error);
}

/* -------------------------------------------------------------- containers */

/* Its boundary is a name that a user may have chosen, and may hold what is the host's. */
static void find_tombstone(struct doctor *doctor, const struct upcall_entry *entry)
{
	const char *cgroup = entry->cgroup + strspn(entry->cgroup, "/");
	cleanup_free char *mend = NULL;

	/* what nobody has named may be somebody's whole session */
	if (!*cgroup || entry->cgroup_derived) {
		mend = doctor_command("upcallctl unregister {}", entry->name);
		found(doctor, &tombstone, entry->name, mend,
		      "of container %s some processes are left without the first", entry->name);
		return;
	}
	mend = doctor_command("echo 1 >/sys/fs/cgroup/{}/cgroup.kill", cgroup);
	found(doctor, &tombstone, entry->name, mend,
	      "of container %s some processes are left without the first, in /sys/fs/cgroup/%s: the command kills everything there; 'upcallctl unregister %s' instead lets it live, and its upcalls be the kernel's own",
	      entry->name, cgroup, entry->name);
}

/* By where its first process is now: where it was when it was registered is the daemon's to know. */
static const struct policy *policy_of(const struct doctor *doctor, const struct upcall_entry *entry)
{
	struct policy_subject subject = { entry->name, NULL, entry->runtime, entry->uid };
	char path[CGROUP_PATH_MAX + 2];

	if (config_has_cgroups(doctor->config) &&
	    process_cgroup(entry->leader, path, sizeof(path)) >= 0)
		subject.cgroup = path + 1;
	return policy_select(doctor->config, &subject);
}

static void check_entry(struct doctor *doctor, const struct upcall_entry *entry)
{
	const struct policy *policy = policy_of(doctor, entry);
	const char *file = policy ? policy->file : "";

	if (strcmp(entry->policy, file) != 0)
		found(doctor, &config_stale, entry->name, "upcallctl reload",
		      "container %s goes by %s, and by the files it would be %s", entry->name,
		      *entry->policy ? entry->policy : "no policy", *file ? file : "none");
}

static bool has_seccomp(const struct doctor *doctor, uint32_t pid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%u/status", pid);
	return doctor_grep(doctor, path, "Seccomp:", /* within= */ false) == 1 &&
	       doctor_grep(doctor, path, "Seccomp:\t0", /* within= */ false) == 0;
}

/* 3: nobody may trace anybody, and so upcalld cannot learn of a filter that it was not told of. */
static bool filters_are_hidden(const struct doctor *doctor)
{
	return doctor_grep(doctor, "/proc/sys/kernel/yama/ptrace_scope", "3",
			   /* within= */ false) == 1;
}

static void check_seccomp(struct doctor *doctor, const struct upcall_entry *entry)
{
	const struct policy *policy = policy_of(doctor, entry);
	cleanup_free char *mend = NULL;
	const char *file;

	if (entry->seccomp_filter || !policy_runs_inside(policy) ||
	    !has_seccomp(doctor, entry->leader) || !filters_are_hidden(doctor))
		return;
	file = policy->file + strlen(doctor->root);
	mend = doctor_command("editor {} && upcallctl check && upcallctl reload", file);
	noted(doctor, &container_seccomp, entry->name, mend,
	      "container %s has a seccomp filter, which kernel.yama.ptrace_scope=3 keeps from being read, and %s has handlers that run in it: register it with the filter (upcall-oci-hook(8), or upcallctl register --seccomp-filter), start it without, have RunIn=host, or boot with another ptrace_scope",
	      entry->name, file);
}

void check_containers(struct doctor *doctor)
{
	/* a daemon of somebody's own has directories of its own */
	bool comparable = doctor->daemon && !doctor->daemon->standalone && doctor->config &&
			  !doctor->policies_bad && !is_found(doctor, &config_not_taken);

	for (struct upcall_entry **entry = doctor->entries; entry && *entry; entry++) {
		if (!strcmp((*entry)->state, "tombstone"))
			find_tombstone(doctor, *entry);
		else if (comparable)
			check_entry(doctor, *entry);
		if (doctor->config && strcmp((*entry)->state, "tombstone") != 0)
			check_seccomp(doctor, *entry);
	}
}

/* ------------------------------------------------------------------- state */

static bool is_full(const struct doctor *doctor, bool *ret_read_only)
{
	struct statvfs fs;
	char path[DOCTOR_PATH];

	(void)snprintf(path, sizeof(path), "%s" STATE, doctor->root);
	*ret_read_only = false;
	if (statvfs(path, &fs) < 0)
		return false;
	*ret_read_only = fs.f_flag & ST_RDONLY;
	return (fs.f_blocks && !fs.f_bavail) || (fs.f_files && !fs.f_favail);
}

void check_state(struct doctor *doctor)
{
	static const char make[] = "systemd-tmpfiles --create upcalld.conf";
	bool read_only, full = is_full(doctor, &read_only);
	struct stat st;

	if (!doctor_stat(doctor, STATE, &st) || !S_ISDIR(st.st_mode))
		found(doctor, &state_directory, STATE, make, "%s is no directory", STATE);
	else if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		found(doctor, &state_directory, STATE, make,
		      "%s has mode %04o and belongs to uid %u: others could write it", STATE,
		      st.st_mode & 07777U, st.st_uid);
	else if (read_only)
		found(doctor, &state_directory, STATE, "mount -o remount,rw /run",
		      "%s is on a read-only file system", STATE);
	else if (full)
		found(doctor, &state_directory, STATE, "du -xa /run | sort -n | tail",
		      "the file system of %s is full", STATE);
}
