// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of policies from directories
 *
 * Which files there are is decided first, by names alone; then each is read
 * whole, parsed and refined. Reading is bounded and refuses what is no regular
 * file or what others may write.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "config-parser.h"
#include "text.h"

#define SUFFIX ".conf"

int config_directories(char ***ret)
{
	static const char *const directories[] = { "/usr/lib/upcalld.d", "/run/upcalld.d",
						   "/etc/upcalld.d" };
	char **strv = NULL;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		if (strv_append(&strv, directories[i], strlen(directories[i])) < 0) {
			strv_free(strv);
			return -ENOMEM;
		}
	}
	*ret = strv;
	return 0;
}

static void cleanup_strv_(char ***strv)
{
	*strv = strv_free(*strv);
}
#define cleanup_strv cleanup_with(cleanup_strv_)

struct bytes {
	char *data;
	size_t size;
};

/* Who hears of errors: the caller of the first (or the last), an observer of all. */
struct listener {
	char *error;
	struct config_observer *observer; /* or NULL */
};

static int say(struct listener *listener, const char *path, const char *reason)
{
	char text[CONFIG_ERROR_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %s", path, reason);
	text_show(text, strlen(text), listener->error, CONFIG_ERROR_SIZE);
	if (listener->observer)
		listener->observer->error(listener->observer, path, 0, reason);
	return -EINVAL;
}

/* ------------------------------------------------------------------ names */

static bool is_policy_name(const char *name)
{
	return name[0] != '.' && text_ends_with(name, SUFFIX);
}

static bool strv_has(char *const *strv, const char *text)
{
	for (; strv && *strv; strv++)
		if (!strcmp(*strv, text))
			return true;
	return false;
}

/* Add the names of the directory's policy files that are not in the list yet. */
static int add_names(const char *directory, char ***names, struct listener *listener)
{
	cleanup_dir DIR *dir = opendir(directory);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : say(listener, directory, strerror(errno));
	while ((entry = readdir(dir))) {
		if (!is_policy_name(entry->d_name) || strv_has(*names, entry->d_name))
			continue;
		if (strv_count(*names) >= CONFIG_FILES_MAX)
			return say(listener, directory, "too many files");
		if (strv_append(names, entry->d_name, strlen(entry->d_name)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The sorted names over all directories, with `below` ("" or "/NAME.conf.d") appended to each. */
static int collect_names(char *const *directories, const char *below, char ***ret,
			 struct listener *listener)
{
	cleanup_strv char **names = NULL;

	for (; *directories; directories++) {
		cleanup_free char *path = NULL;
		int r;

		if (asprintf(&path, "%s%s", *directories, below) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = add_names(path, &names, listener);
		if (r < 0)
			return r;
	}
	if (names)
		qsort(names, strv_count(names), sizeof(*names), by_name);
	*ret = take_ptr(names);
	return 0;
}

/* ------------------------------------------------------------------ files */

/* 1: a file; 0: masked. */
static int check_kind(int fd, const char *path, struct stat *st, struct listener *listener)
{
	if (fstat(fd, st) < 0)
		return say(listener, path, strerror(errno));
	if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3))
		return 0;
	return S_ISREG(st->st_mode) ? 1 : say(listener, path, "no regular file");
}

static int check_owner(const struct stat *st, const char *path, struct listener *listener)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return say(listener, path, "does not belong to root");
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return say(listener, path, "others than root may write it");
	return 0;
}

static int read_all(int fd, const char *path, struct bytes *bytes, struct listener *listener)
{
	ssize_t count;

	bytes->data = malloc(CONFIG_FILE_MAX + 1);
	if (!bytes->data)
		return -ENOMEM;
	do {
		count = read(fd, bytes->data + bytes->size, CONFIG_FILE_MAX + 1 - bytes->size);
		if (count < 0)
			return say(listener, path, strerror(errno));
		bytes->size += (size_t)count;
	} while (count > 0 && bytes->size <= CONFIG_FILE_MAX);
	return bytes->size > CONFIG_FILE_MAX ? say(listener, path, "larger than 1 MiB") : 0;
}

/* 1: read; 0: masked; -ENOENT: not in this directory. With `owned`, it has to be root's. */
static int read_file(const char *path, bool owned, struct bytes *bytes, struct listener *listener)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int ret;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return say(listener, path, strerror(errno));
	ret = check_kind(fd, path, &st, listener);
	if (ret <= 0)
		return ret;
	ret = owned ? check_owner(&st, path, listener) : 0;
	if (ret >= 0)
		ret = read_all(fd, path, bytes, listener);
	return ret < 0 ? ret : 1;
}

/* In the last directory that has it. The same returns; a dangling link is as if it were not there. */
static int find_file(char *const *directories, const char *below, const char *name, char **ret_path,
		     struct bytes *bytes, struct listener *listener)
{
	for (size_t i = strv_count(directories); i > 0; i--) {
		cleanup_free char *path = NULL;
		int r;

		if (asprintf(&path, "%s%s/%s", directories[i - 1], below, name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = read_file(path, /* owned= */ true, bytes, listener);
		if (r == -ENOENT)
			continue;
		*ret_path = take_ptr(path);
		return r;
	}
	return 0;
}

/* --------------------------------------------------------------- policies */

/* One file into the policy. 1: done; 0: masked or not there. */
static int add_file(char *const *directories, const char *below, const char *name,
		    struct policy *policy, struct listener *listener)
{
	cleanup_free char *path = NULL, *data = NULL;
	struct bytes bytes = { 0 };
	int ret;

	ret = find_file(directories, below, name, &path, &bytes, listener);
	data = bytes.data;
	if (ret == 0 || ret == -ENOMEM)
		return ret;
	policy->match_bad |= ret < 0;
	if (ret > 0)
		ret = policy_parse(policy, path, bytes.data, bytes.size, listener->error);
	policy->anybody |= ret == -EINVAL && !policy->names_whole;
	if (!*below)
		policy->file = take_ptr(path);
	return ret < 0 ? ret : 1;
}

/* One of the files that refine; negative: enough, or an error that was told. */
typedef int refine_fn(char *const *directories, const char *below, const char *name,
		      struct policy *policy, struct listener *listener);

static int refine(char *const *directories, const char *name, struct policy *policy,
		  struct listener *listener, refine_fn *fn)
{
	cleanup_strv char **names = NULL;
	cleanup_free char *below = NULL;
	int ret;

	if (asprintf(&below, "/%s.d", name) < 0) {
		below = NULL;
		return -ENOMEM;
	}
	ret = collect_names(directories, below, &names, listener);
	for (char **at = names; at && *at && !config_is_end(listener->observer, ret); at++) {
		int one = fn(directories, below, *at, policy, listener);

		ret = one < 0 ? one : ret;
	}
	return ret < 0 ? ret : 1;
}

/* -EINVAL: it may say something about names, or cannot be read. */
static int leave_names(char *const *directories, const char *below, const char *name,
		       struct policy *policy, struct listener *listener)
{
	cleanup_free char *path = NULL, *data = NULL;
	struct bytes bytes = { 0 };
	int ret;

	ret = find_file(directories, below, name, &path, &bytes, listener);
	data = bytes.data;
	if (ret > 0 && memmem(bytes.data, bytes.size, "[Match", 6))
		ret = -EINVAL;
	return ret;
}

/*
 * What can be said of a policy that could not be read: its names, if they are known
 * for sure, with `whole` or because no file that refines has any; else it might
 * match anybody. Read again quietly: what is wrong has been told.
 */
static int make_bad(char *const *directories, const char *name, struct policy *policy, bool whole)
{
	char ignored[CONFIG_ERROR_SIZE];
	struct listener quiet = { ignored, NULL };

	policy->bad = true;
	if (policy->names && (whole || (!policy->anybody && refine(directories, name, policy,
								   &quiet, leave_names) > 0)))
		return 0;
	policy->names = strv_free(policy->names);
	return strv_append(&policy->names, "*", 1);
}

/* 1: there is a policy; 0: none; -EINVAL: there is one, and it is bad. */
static int load_policy(char *const *directories, const char *name, struct policy *policy,
		       bool keep_bad, struct listener *listener)
{
	bool whole;
	int ret, more;

	policy->observer = listener->observer;
	ret = add_file(directories, "", name, policy, listener);
	if (ret != 0 && !config_is_end(listener->observer, ret)) {
		more = refine(directories, name, policy, listener, add_file);
		ret = more < 0 ? more : ret;
	}
	whole = ret > 0;
	if (ret != 0 && !config_is_end(listener->observer, ret)) {
		more = policy_check(policy, listener->error);
		ret = more < 0 ? more : ret;
	}
	policy->observer = NULL;
	if (ret == -EINVAL && keep_bad && make_bad(directories, name, policy, whole) < 0)
		return -ENOMEM;
	return ret;
}

/* -------------------------------------------------------------------- set */

struct config *config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config)
		config->refs = 1;
	return config;
}

struct config *config_ref(struct config *config)
{
	config->refs++;
	return config;
}

struct config *config_unref(struct config *config)
{
	if (!config || --config->refs)
		return NULL;
	for (size_t i = 0; i < config->count; i++)
		policy_clear(&config->policies[i]);
	free(config->policies);
	free(config);
	return NULL;
}

static void cleanup_config_(struct config **config)
{
	*config = config_unref(*config);
}

/* The first error is the one that is told. */
static int load_into(struct config *config, char *const *directories, char *const *names,
		     bool keep_bad, struct listener *listener)
{
	int worst = 0;

	config->policies = calloc(strv_count(names) + 1, sizeof(*config->policies));
	if (!config->policies)
		return -ENOMEM;
	for (; names && *names; names++) {
		char ignored[CONFIG_ERROR_SIZE];
		struct listener later = { ignored, listener->observer };
		struct policy *policy = &config->policies[config->count];
		int ret;

		ret = load_policy(directories, *names, policy, keep_bad, worst ? &later : listener);
		if (ret == 0) {
			policy_clear(policy);
			continue;
		}
		config->count++;
		if (ret < 0)
			worst = ret;
		if (ret < 0 && (!keep_bad || ret != -EINVAL))
			return ret;
	}
	return worst;
}

/* A directory that cannot be read may hold a file for anybody. */
static int deny_all(struct config *config)
{
	config->policies = calloc(1, sizeof(*config->policies));
	if (!config->policies)
		return -ENOMEM;
	config->count = 1;
	config->policies[0].bad = true;
	config->policies[0].file = strdup("");
	if (!config->policies[0].file)
		return -ENOMEM;
	return strv_append(&config->policies[0].names, "*", 1);
}

static int load_all(char *const *directories, bool keep_bad, struct config **ret,
		    struct listener *listener)
{
	cleanup_with(cleanup_config_) struct config *config = config_new();
	cleanup_strv char **names = NULL;
	int result;

	*listener->error = '\0';
	if (!config)
		return -ENOMEM;
	result = collect_names(directories, "", &names, listener);
	if (result >= 0)
		result = load_into(config, directories, names, keep_bad, listener);
	else if (result == -EINVAL && keep_bad && deny_all(config) < 0)
		return -ENOMEM;
	if (result < 0 && !(keep_bad && result == -EINVAL))
		return result;
	*ret = take_ptr(config);
	return result;
}

int config_load(char *const *directories, bool keep_bad, struct config **ret,
		char error[CONFIG_ERROR_SIZE])
{
	struct listener listener = { error, NULL };

	return load_all(directories, keep_bad, ret, &listener);
}

int config_observe(char *const *directories, struct config_observer *observer, struct config **ret)
{
	char error[CONFIG_ERROR_SIZE];
	struct listener listener = { error, observer };

	return load_all(directories, /* keep_bad= */ true, ret, &listener) == -ENOMEM ? -ENOMEM : 0;
}

/* Does the file refine another, as NAME.conf.d/FILE? */
static bool is_refinement(const char *path)
{
	static const char ending[] = SUFFIX ".d";
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;

	return size >= strlen(ending) && !strncmp(slash - strlen(ending), ending, strlen(ending));
}

int config_observe_file(const char *path, struct config_observer *observer)
{
	char error[CONFIG_ERROR_SIZE];
	struct listener listener = { error, observer };
	struct policy policy = { .observer = observer, .file = strdup(path) };
	cleanup_free char *data = NULL;
	struct bytes bytes = { 0 };
	int ret;

	if (!policy.file)
		return -ENOMEM;
	ret = read_file(path, /* owned= */ false, &bytes, &listener);
	data = bytes.data;
	if (ret == -ENOENT)
		ret = say(&listener, path, strerror(ENOENT));
	if (ret > 0) {
		ret = policy_parse(&policy, path, bytes.data, bytes.size, error);
		if (ret != -ENOMEM && !is_refinement(path))
			ret = policy_check(&policy, error);
	}
	policy_clear(&policy);
	return ret == -ENOMEM ? -ENOMEM : 0;
}
