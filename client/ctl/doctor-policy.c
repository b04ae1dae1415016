// SPDX-License-Identifier: GPL-2.0-or-later
/* upcallctl doctor: policies, and upcalld.conf */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "daemon-config.h"
#include "doctor.h"
#include "policy.h"
#include "text.h"
#include "user.h"

static const struct finding_kind policy_directory_mode = {
	"policy-directory-mode", "who may write there decides what runs as root in containers"
};
static const struct finding_kind policy_mode = {
	"policy-mode",
	"who may write it decides what runs as root in containers; so it is not taken"
};
static const struct finding_kind policy_unread = { "policy-unread",
						   "upcalls are decided by what was read before" };
static const struct finding_kind policy_bad = {
	"policy-bad",
	"no reload is taken, and a daemon that starts refuses all upcalls of whom it may be about"
};
static const struct finding_kind daemon_config_bad = {
	"daemon-config-bad", "no reload is taken, and a daemon that starts has its defaults instead"
};
static const struct finding_kind handler_missing = { "handler-missing",
						     "upcalls that it is to handle fail" };
static const struct finding_kind policy_unused = {
	"policy-unused",
	"if a container is meant, it is not registered, by another name, or an earlier file has it"
};

/* ------------------------------------------------------------------ owners */

static bool others_may_write(const struct stat *st)
{
	return st->st_uid != 0 || (st->st_mode & (S_IWGRP | S_IWOTH));
}

static void check_owner(struct doctor *doctor, const char *path, const struct stat *st)
{
	const struct finding_kind *kind = S_ISDIR(st->st_mode) ? &policy_directory_mode :
								 &policy_mode;
	cleanup_free char *mend = NULL;

	if (!others_may_write(st))
		return;
	mend = doctor_command("chown root:root {} && chmod go-w {} && upcallctl reload", path);
	found(doctor, kind, path, mend, "%s has mode %04o and belongs to uid %u", path,
	      st->st_mode & 07777U, st->st_uid);
}

/* A directory of policies, or one of them. */
typedef void look_fn(struct doctor *doctor, const char *path, const struct stat *st);

/* With `refined`, NAME.conf.d in it, too. */
static void scan(struct doctor *doctor, const char *directory, bool refined, look_fn *look)
{
	char path[DOCTOR_PATH], full[2 * DOCTOR_PATH];
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	struct stat st;

	if (!doctor_stat(doctor, directory, &st) || !S_ISDIR(st.st_mode))
		return;
	look(doctor, directory, &st);
	(void)snprintf(full, sizeof(full), "%s%s", doctor->root, directory);
	dir = opendir(full);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || snprintf(path, sizeof(path), "%s/%s", directory,
							entry->d_name) >= (int)sizeof(path))
			continue;
		if (refined && text_ends_with(entry->d_name, ".conf.d"))
			scan(doctor, path, /* refined= */ false, look);
		else if (text_ends_with(entry->d_name, ".conf") && doctor_stat(doctor, path, &st) &&
			 S_ISREG(st.st_mode))
			look(doctor, path, &st);
	}
}

void check_policy_owners(struct doctor *doctor)
{
	for (char **directory = doctor->directories; directory && *directory; directory++)
		scan(doctor, *directory, /* refined= */ true, check_owner);
}

/* The change time: a file that was moved here, or copied with its times, is as old as that. */
static bool is_later(const struct doctor *doctor, const struct stat *st)
{
	uint64_t changed =
		(uint64_t)st->st_ctim.tv_sec * 1000000 + (uint64_t)st->st_ctim.tv_nsec / 1000;

	return changed > doctor->daemon->config_read;
}

/* A link that points to another file now is younger than that file. */
static void check_file_read(struct doctor *doctor, const char *path, const struct stat *st)
{
	struct stat link;

	if (S_ISREG(st->st_mode) && (is_later(doctor, st) || (doctor_lstat(doctor, path, &link) &&
							      is_later(doctor, &link))))
		noted(doctor, &policy_unread, path, "upcallctl reload",
		      "%s was changed after the policies had been read", path);
}

static bool is_unread_below(const struct doctor *doctor, const char *directory)
{
	size_t size = strlen(directory);

	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		if (finding->kind == &policy_unread &&
		    !strncmp(finding->subject, directory, size) && finding->subject[size] == '/')
			return true;
	}
	return false;
}

/*
 * What is no longer there can be seen here only. It may have been a file that is no
 * policy, an editor's for instance; but where one has been noted, that is reason enough.
 */
static void check_directory_read(struct doctor *doctor, const char *path, const struct stat *st)
{
	if (S_ISDIR(st->st_mode) && is_later(doctor, st) && !is_unread_below(doctor, path))
		noted(doctor, &policy_unread, path, "upcallctl reload",
		      "%s was changed after the policies had been read: a file may have been added, removed or renamed",
		      path);
}

/* A daemon of somebody's own has directories of its own; an older one does not say when. */
void check_policies_read(struct doctor *doctor)
{
	const struct upcall_daemon *daemon = doctor->daemon;

	if (!daemon || daemon->standalone || !daemon->config_read || *daemon->config_error)
		return;
	for (char **directory = doctor->directories; directory && *directory; directory++) {
		scan(doctor, *directory, /* refined= */ true, check_file_read);
		scan(doctor, *directory, /* refined= */ true, check_directory_read);
	}
}

/* ------------------------------------------------------------------ errors */

struct listener {
	struct config_observer observer;
	struct doctor *doctor;
};

static void on_error(struct config_observer *observer, const char *file, unsigned int line,
		     const char *reason)
{
	struct doctor *doctor = ((struct listener *)observer)->doctor;
	char subject[DOCTOR_PATH];
	cleanup_free char *mend = NULL;

	doctor->policies_bad = true;
	file += strlen(doctor->root);
	/* its owner or mode, found already */
	if (!line && is_found_about(doctor, file))
		return;
	if (line)
		(void)snprintf(subject, sizeof(subject), "%s:%u", file, line);
	else
		(void)snprintf(subject, sizeof(subject), "%s", file);
	mend = doctor_command("editor {} && upcallctl check && upcallctl reload", file);
	found(doctor, &policy_bad, subject, mend, "%s: %s", subject, reason);
}

static void on_own_error(struct config_observer *observer, const char *file, unsigned int line,
			 const char *reason)
{
	struct doctor *doctor = ((struct listener *)observer)->doctor;
	cleanup_free char *mend = NULL;
	char subject[DOCTOR_PATH];
	struct stat st;

	file += strlen(doctor->root);
	if (line)
		(void)snprintf(subject, sizeof(subject), "%s:%u", file, line);
	else
		(void)snprintf(subject, sizeof(subject), "%s", file);
	if (!line && doctor_stat(doctor, file, &st) && S_ISREG(st.st_mode) && others_may_write(&st))
		mend = doctor_command("chown root:root {} && chmod go-w {} && upcallctl reload",
				      file);
	else
		mend = doctor_command("editor {} && upcallctl check && upcallctl reload", file);
	found(doctor, &daemon_config_bad, subject, mend, "%s: %s", subject, reason);
}

static int below_root(const struct doctor *doctor, char **directories, char ***ret)
{
	char path[2 * DOCTOR_PATH];
	int r = 0;

	for (char **directory = directories; directory && *directory && r >= 0; directory++) {
		(void)snprintf(path, sizeof(path), "%s%s", doctor->root, *directory);
		r = strv_append(ret, path, strlen(path));
	}
	return r;
}

void check_policies(struct doctor *doctor)
{
	struct listener listener = { .observer.error = on_error, .doctor = doctor };
	char **directories = NULL;
	int r;

	r = below_root(doctor, doctor->directories, &directories);
	if (r >= 0)
		r = config_observe(directories, &listener.observer, &doctor->config);
	doctor->no_memory |= r < 0;
	strv_free(directories);
}

void check_own_config(struct doctor *doctor)
{
	struct listener listener = { .observer.error = on_own_error, .doctor = doctor };
	char **names = NULL, **directories = NULL;
	struct daemon_config own;
	int r;

	r = daemon_config_directories(&names);
	if (r >= 0)
		r = below_root(doctor, names, &directories);
	if (r >= 0)
		r = daemon_config_observe(directories, &listener.observer, &own);
	doctor->no_memory |= r < 0;
	strv_free(directories);
	strv_free(names);
}

/* ---------------------------------------------------------------- handlers */

/*
 * Only those on the host: what is in a container is not looked at from outside.
 * The line is not known here; upcallctl config tells it.
 */
static void check_handler(struct doctor *doctor, const struct policy *policy,
			  const struct rule *rule)
{
	cleanup_free char *mend = NULL;
	char title[CONFIG_TITLE_SIZE];
	const char *file = policy->file + strlen(doctor->root);
	struct stat st;

	if (rule->handler != HANDLER_PROGRAM || !rule->in_host)
		return;
	if (doctor_stat(doctor, rule->program, &st) && S_ISREG(st.st_mode) &&
	    (st.st_mode & S_IXUSR))
		return;
	rule_title(rule, title);
	mend = doctor_command("editor {} && upcallctl reload", file);
	found(doctor, &handler_missing, rule->program, mend,
	      "%s: [%s]: %s is no program on the host, and RunIn=host", file, title, rule->program);
}

void check_host_handlers(struct doctor *doctor)
{
	for (size_t i = 0; doctor->config && i < doctor->config->count; i++) {
		const struct policy *policy = &doctor->config->policies[i];

		for (size_t n = 0; n < policy->rules_count && !policy->bad; n++)
			check_handler(doctor, policy, &policy->rules[n]);
	}
}

/* ------------------------------------------------------------------ unused */

/* Where it is, is the daemon's to know: policies that ask for that are not looked at here. */
static struct policy_subject subject_of(const struct upcall_entry *entry)
{
	return (struct policy_subject){ .name = entry->name,
					.runtime = entry->runtime,
					.uid = entry->uid };
}

static bool is_used(const struct doctor *doctor, const struct policy *policy)
{
	for (struct upcall_entry **entry = doctor->entries; *entry; entry++) {
		const struct policy_subject subject = subject_of(*entry);

		if (policy_select(doctor->config, &subject) == policy)
			return true;
	}
	return false;
}

/* By a name alone, it is of root's container of that name. */
static char *config_command(const struct upcall_entry *entry)
{
	char format[64];

	if (!entry->uid)
		return doctor_command("upcallctl config {}", entry->name);
	(void)snprintf(format, sizeof(format), "upcallctl config --user %u {}", entry->uid);
	return doctor_command(format, user_own_name(entry->uid, entry->name));
}

/* Somebody whom it matches goes by an earlier file; or it matches nobody. */
static char *unused_mend(const struct doctor *doctor, const struct policy *policy)
{
	for (struct upcall_entry **entry = doctor->entries; *entry; entry++) {
		const struct policy_subject subject = subject_of(*entry);

		if (policy_matches(policy, &subject))
			return config_command(*entry);
	}
	return strdup("upcallctl register --help");
}

void check_unused(struct doctor *doctor)
{
	for (size_t i = 0; doctor->config && doctor->entries && i < doctor->config->count; i++) {
		const struct policy *policy = &doctor->config->policies[i];
		const char *file = policy->file + strlen(doctor->root);
		cleanup_free char *mend = NULL;

		/* of the others nobody may have had an upcall yet */
		if (policy->bad || policy->cgroups || is_used(doctor, policy))
			continue;
		mend = unused_mend(doctor, policy);
		noted(doctor, &policy_unused, file, mend,
		      "%s is the policy of no container that is registered", file);
	}
}
