// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Configuration files in several directories
 *
 * Which files there are is decided first, by names alone; then each is read
 * whole. Reading is bounded and refuses what is no regular file or what others
 * may write.
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
#include "config-files.h"
#include "config-lines.h"
#include "text.h"

int files_directories(const char *below, char ***ret)
{
	static const char *const roots[] = { "/usr/lib", "/run", "/etc" };
	cleanup_strv char **strv = NULL;

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "%s%s", roots[i], below);
		if (strv_append(&strv, path, strlen(path)) < 0)
			return -ENOMEM;
	}
	*ret = take_ptr(strv);
	return 0;
}

int files_say(struct listener *listener, const char *path, const char *reason)
{
	char text[CONFIG_ERROR_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %s", path, reason);
	text_show(text, strlen(text), listener->error, CONFIG_ERROR_SIZE);
	if (listener->observer)
		listener->observer->error(listener->observer, path, 0, reason);
	return -EINVAL;
}

/* ------------------------------------------------------------------ names */

static bool is_config_name(const char *name)
{
	return name[0] != '.' && text_ends_with(name, FILES_SUFFIX);
}

static bool strv_has(char *const *strv, const char *text)
{
	for (; strv && *strv; strv++)
		if (!strcmp(*strv, text))
			return true;
	return false;
}

/* Add the names of the directory's files that are not in the list yet. */
static int add_names(const char *directory, char ***names, struct listener *listener)
{
	cleanup_dir DIR *dir = opendir(directory);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : files_say(listener, directory, strerror(errno));
	while ((entry = readdir(dir))) {
		if (!is_config_name(entry->d_name) || strv_has(*names, entry->d_name))
			continue;
		if (strv_count(*names) >= CONFIG_FILES_MAX)
			return files_say(listener, directory, "too many files");
		if (strv_append(names, entry->d_name, strlen(entry->d_name)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int files_names(char *const *directories, const char *below, char ***ret, struct listener *listener)
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
		return files_say(listener, path, strerror(errno));
	if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3))
		return 0;
	return S_ISREG(st->st_mode) ? 1 : files_say(listener, path, "no regular file");
}

static int check_owner(const struct stat *st, const char *path, struct listener *listener)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return files_say(listener, path, "does not belong to root");
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return files_say(listener, path, "others than root may write it");
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
			return files_say(listener, path, strerror(errno));
		bytes->size += (size_t)count;
	} while (count > 0 && bytes->size <= CONFIG_FILE_MAX);
	return bytes->size > CONFIG_FILE_MAX ? files_say(listener, path, "larger than 1 MiB") : 0;
}

int files_read(const char *path, bool owned, struct bytes *bytes, struct listener *listener)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int ret;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return files_say(listener, path, strerror(errno));
	ret = check_kind(fd, path, &st, listener);
	if (ret <= 0)
		return ret;
	ret = owned ? check_owner(&st, path, listener) : 0;
	if (ret >= 0)
		ret = read_all(fd, path, bytes, listener);
	return ret < 0 ? ret : 1;
}

int files_find(char *const *directories, const char *below, const char *name, char **ret_path,
	       struct bytes *bytes, struct listener *listener)
{
	for (size_t i = strv_count(directories); i > 0; i--) {
		cleanup_free char *path = NULL;
		int r;

		if (asprintf(&path, "%s%s/%s", directories[i - 1], below, name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = files_read(path, /* owned= */ true, bytes, listener);
		if (r == -ENOENT)
			continue;
		*ret_path = take_ptr(path);
		return r;
	}
	return 0;
}

int files_refine(char *const *directories, const char *name, void *target,
		 struct listener *listener, refine_fn *fn)
{
	cleanup_strv char **names = NULL;
	cleanup_free char *below = NULL;
	int ret;

	if (asprintf(&below, "/%s.d", name) < 0) {
		below = NULL;
		return -ENOMEM;
	}
	ret = files_names(directories, below, &names, listener);
	for (char **at = names; at && *at && !config_is_end(listener->observer, ret); at++) {
		int one = fn(directories, below, *at, target, listener);

		ret = one < 0 ? one : ret;
	}
	return ret < 0 ? ret : 1;
}
