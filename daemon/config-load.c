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
#include "config.h"
#include "text.h"

#define SUFFIX ".conf"

static void cleanup_strv_(char ***strv)
{
	*strv = strv_free(*strv);
}
#define cleanup_strv cleanup_with(cleanup_strv_)

static void cleanup_dir_(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

struct bytes {
	char *data;
	size_t size;
};

static int say(char *error, const char *path, const char *reason)
{
	char text[CONFIG_ERROR_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %s", path, reason);
	text_show(text, strlen(text), error, CONFIG_ERROR_SIZE);
	return -EINVAL;
}

/* ------------------------------------------------------------------ names */

static bool is_policy_name(const char *name)
{
	size_t size = strlen(name), suffix = strlen(SUFFIX);

	return name[0] != '.' && size > suffix && !strcmp(name + size - suffix, SUFFIX);
}

static bool strv_has(char *const *strv, const char *text)
{
	for (; strv && *strv; strv++)
		if (!strcmp(*strv, text))
			return true;
	return false;
}

/* Add the names of the directory's policy files that are not in the list yet. */
static int add_names(const char *directory, char ***names, char *error)
{
	cleanup_with(cleanup_dir_) DIR *dir = opendir(directory);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : say(error, directory, strerror(errno));
	while ((entry = readdir(dir))) {
		if (!is_policy_name(entry->d_name) || strv_has(*names, entry->d_name))
			continue;
		if (strv_count(*names) >= CONFIG_FILES_MAX)
			return say(error, directory, "too many files");
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
static int collect_names(char *const *directories, const char *below, char ***ret, char *error)
{
	cleanup_strv char **names = NULL;

	for (; *directories; directories++) {
		cleanup_free char *path = NULL;
		int r;

		if (asprintf(&path, "%s%s", *directories, below) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = add_names(path, &names, error);
		if (r < 0)
			return r;
	}
	if (names)
		qsort(names, strv_count(names), sizeof(*names), by_name);
	*ret = take_ptr(names);
	return 0;
}

/* ------------------------------------------------------------------ files */

static int check_file(int fd, const char *path, char *error, bool *ret_masked)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return say(error, path, strerror(errno));
	*ret_masked = S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
	if (*ret_masked)
		return 0;
	if (!S_ISREG(st.st_mode))
		return say(error, path, "no regular file");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return say(error, path, "does not belong to root");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return say(error, path, "others than root may write it");
	return 0;
}

static int read_all(int fd, const char *path, struct bytes *bytes, char *error)
{
	ssize_t count;

	bytes->data = malloc(CONFIG_FILE_MAX + 1);
	if (!bytes->data)
		return -ENOMEM;
	do {
		count = read(fd, bytes->data + bytes->size, CONFIG_FILE_MAX + 1 - bytes->size);
		if (count < 0)
			return say(error, path, strerror(errno));
		bytes->size += (size_t)count;
	} while (count > 0 && bytes->size <= CONFIG_FILE_MAX);
	return bytes->size > CONFIG_FILE_MAX ? say(error, path, "larger than 1 MiB") : 0;
}

/* 1: read; 0: masked; -ENOENT: not in this directory. */
static int read_file(const char *path, struct bytes *bytes, char *error)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool masked;
	int ret;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return say(error, path, strerror(errno));
	ret = check_file(fd, path, error, &masked);
	if (ret < 0 || masked)
		return ret;
	ret = read_all(fd, path, bytes, error);
	return ret < 0 ? ret : 1;
}

/* In the last directory that has it. The same returns; a dangling link is as if it were not there. */
static int find_file(char *const *directories, const char *below, const char *name, char **ret_path,
		     struct bytes *bytes, char *error)
{
	for (size_t i = strv_count(directories); i > 0; i--) {
		cleanup_free char *path = NULL;
		int r;

		if (asprintf(&path, "%s%s/%s", directories[i - 1], below, name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = read_file(path, bytes, error);
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
		    struct policy *policy, char *error)
{
	cleanup_free char *path = NULL, *data = NULL;
	struct bytes bytes = { 0 };
	int ret;

	ret = find_file(directories, below, name, &path, &bytes, error);
	data = bytes.data;
	if (ret == 0 || ret == -ENOMEM)
		return ret;
	if (ret > 0)
		ret = policy_parse(policy, path, bytes.data, bytes.size, error);
	if (!*below)
		policy->file = take_ptr(path);
	return ret < 0 ? ret : 1;
}

/* One of the files that refine; negative: enough. */
typedef int refine_fn(char *const *directories, const char *below, const char *name,
		      struct policy *policy, char *error);

static int refine(char *const *directories, const char *name, struct policy *policy, char *error,
		  refine_fn *fn)
{
	cleanup_strv char **names = NULL;
	cleanup_free char *below = NULL;
	int ret;

	if (asprintf(&below, "/%s.d", name) < 0) {
		below = NULL;
		return -ENOMEM;
	}
	ret = collect_names(directories, below, &names, error);
	for (char **at = names; at && *at && ret >= 0; at++)
		ret = fn(directories, below, *at, policy, error);
	return ret < 0 ? ret : 1;
}

/* -EINVAL: it may say something about names, or cannot be read. */
static int leave_names(char *const *directories, const char *below, const char *name,
		       struct policy *policy, char *error)
{
	cleanup_free char *path = NULL, *data = NULL;
	struct bytes bytes = { 0 };
	int ret;

	ret = find_file(directories, below, name, &path, &bytes, error);
	data = bytes.data;
	if (ret > 0 && memmem(bytes.data, bytes.size, "[Match", 6))
		ret = -EINVAL;
	return ret;
}

/*
 * What can be said of a policy that could not be read: its names, if they are known
 * for sure, with `whole` or because no file that refines has any; else it might
 * match anybody.
 */
static int make_bad(char *const *directories, const char *name, struct policy *policy, bool whole)
{
	char ignored[CONFIG_ERROR_SIZE];

	policy->bad = true;
	if (policy->names && (whole || (policy->names_whole && refine(directories, name, policy,
								      ignored, leave_names) > 0)))
		return 0;
	policy->names = strv_free(policy->names);
	return strv_append(&policy->names, "*", 1);
}

/* 1: there is a policy; 0: none; -EINVAL: there is one, and it is bad. */
static int load_policy(char *const *directories, const char *name, struct policy *policy,
		       bool keep_bad, char *error)
{
	bool whole;
	int ret;

	ret = add_file(directories, "", name, policy, error);
	if (ret == 0)
		return ret;
	if (ret > 0)
		ret = refine(directories, name, policy, error, add_file);
	whole = ret > 0;
	if (whole)
		ret = policy_check(policy, error);
	if (ret == -EINVAL && keep_bad && make_bad(directories, name, policy, whole) < 0)
		return -ENOMEM;
	return ret < 0 ? ret : 1;
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
		     bool keep_bad, char *error)
{
	int worst = 0;

	config->policies = calloc(strv_count(names) + 1, sizeof(*config->policies));
	if (!config->policies)
		return -ENOMEM;
	for (; names && *names; names++) {
		char ignored[CONFIG_ERROR_SIZE];
		struct policy *policy = &config->policies[config->count];
		int ret;

		ret = load_policy(directories, *names, policy, keep_bad, worst ? ignored : error);
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

int config_load(char *const *directories, bool keep_bad, struct config **ret,
		char error[CONFIG_ERROR_SIZE])
{
	cleanup_with(cleanup_config_) struct config *config = config_new();
	cleanup_strv char **names = NULL;
	int result;

	*error = '\0';
	if (!config)
		return -ENOMEM;
	result = collect_names(directories, "", &names, error);
	if (result >= 0)
		result = load_into(config, directories, names, keep_bad, error);
	else if (result == -EINVAL && keep_bad && deny_all(config) < 0)
		return -ENOMEM;
	if (result < 0 && !(keep_bad && result == -EINVAL))
		return result;
	*ret = take_ptr(config);
	return result;
}
