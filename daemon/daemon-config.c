// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "config-files.h"
#include "config-lines.h"
#include "daemon-config.h"
#include "list.h"

#define NAME "upcalld.conf"

struct reader {
	struct lines lines;
	struct daemon_config *config;
	uint32_t set; /* mask, in this file */
};

/* --------------------------------------------------------------- settings */

static int parse_idle(struct reader *reader, const char *name, const char *value)
{
	int ret = lines_number(&reader->lines, name, value, 0, IDLE_SEC_MAX,
			       &reader->config->idle_sec);

	reader->config->idle_set |= ret >= 0;
	return ret;
}

static int parse_require(struct reader *reader, const char *name, const char *value)
{
	return lines_yes(&reader->lines, name, value, &reader->config->require_shim);
}

static const struct {
	const char *name;
	int (*parse)(struct reader *reader, const char *name, const char *value);
} settings[] = {
	{ "IdleExitSec", parse_idle },
	{ "RequireShim", parse_require },
};

static int enter_section(struct lines *lines, const char *title)
{
	return strcmp(title, "Daemon") ? lines_fail(lines, "unknown section [%s]", title) : 0;
}

static int parse_setting(struct lines *lines, const char *name, const char *value)
{
	struct reader *reader = container_of(lines, struct reader, lines);
	size_t i = 0;
	int ret;

	while (i < sizeof(settings) / sizeof(settings[0]) && strcmp(settings[i].name, name))
		i++;
	if (i == sizeof(settings) / sizeof(settings[0]))
		return lines_fail(lines, "unknown setting %s=", name);
	if (reader->set & (1U << i))
		return lines_fail(lines, "%s= is there twice", name);
	reader->set |= 1U << i;
	ret = settings[i].parse(reader, name, value);
	if (ret >= 0 && lines->observer && lines->observer->setting)
		lines->observer->setting(lines->observer, NULL, 0, lines->file, lines->line, name,
					 value);
	return ret;
}

int daemon_config_parse(struct daemon_config *config, const char *file, const char *text,
			size_t size, struct config_observer *observer,
			char error[CONFIG_ERROR_SIZE])
{
	struct reader reader = {
		.lines = {
			.file = file,
			.error = error,
			.observer = observer,
			.section = enter_section,
			.setting = parse_setting,
		},
		.config = config,
	};

	return lines_parse(&reader.lines, text, size);
}

/* ------------------------------------------------------------------ files */

int daemon_config_directories(char ***ret)
{
	return files_directories("", ret);
}

static int add_file(char *const *directories, const char *below, const char *name, void *target,
		    struct listener *listener)
{
	cleanup_free char *path = NULL, *data = NULL;
	struct bytes bytes = { 0 };
	int ret;

	ret = files_find(directories, below, name, &path, &bytes, listener);
	data = bytes.data;
	if (ret <= 0)
		return ret;
	return daemon_config_parse(target, path, bytes.data, bytes.size, listener->observer,
				   listener->error);
}

static int load(char *const *directories, struct daemon_config *config, struct listener *listener)
{
	int ret, more;

	*config = DAEMON_CONFIG_DEFAULT;
	*listener->error = '\0';
	ret = add_file(directories, "", NAME, config, listener);
	if (config_is_end(listener->observer, ret))
		return ret;
	/* also where there is none, or it is masked: each of them says something by itself */
	more = files_refine(directories, NAME, config, listener, add_file);
	return more < 0 ? more : ret;
}

int daemon_config_load(char *const *directories, struct daemon_config *ret,
		       char error[CONFIG_ERROR_SIZE])
{
	struct listener listener = { error, NULL };
	struct daemon_config config;
	int r = load(directories, &config, &listener);

	if (r < 0)
		return r;
	*ret = config;
	return 0;
}

int daemon_config_observe(char *const *directories, struct config_observer *observer,
			  struct daemon_config *ret)
{
	char error[CONFIG_ERROR_SIZE];
	struct listener listener = { error, observer };
	int r = load(directories, ret, &listener);

	if (r < 0)
		*ret = DAEMON_CONFIG_DEFAULT;
	return r == -ENOMEM ? r : 0;
}

/* ---------------------------------------------------------------- one file */

/* The last component of the first *size bytes of the path, which are cut before it. */
static bool pop(const char *path, size_t *size, const char *name)
{
	size_t length = strlen(name);

	if (*size < length || strncmp(path + *size - length, name, length) != 0)
		return false;
	*size -= length;
	if (!*size)
		return true;
	if (path[*size - 1] != '/')
		return false;
	(*size)--;
	return true;
}

/* /etc/upcalld.conf and /etc/upcalld.conf.d/10.conf; /etc/upcalld.d/upcalld.conf is a policy. */
bool daemon_config_is(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;

	if (!pop(path, &size, NAME ".d")) {
		size = strlen(path);
		if (!pop(path, &size, NAME))
			return false;
	}
	return size < 2 || strncmp(path + size - 2, ".d", 2) != 0;
}

int daemon_config_observe_file(const char *path, struct config_observer *observer)
{
	struct daemon_config config = DAEMON_CONFIG_DEFAULT;
	char error[CONFIG_ERROR_SIZE];
	struct listener listener = { error, observer };
	cleanup_free char *data = NULL;
	struct bytes bytes = { 0 };
	int ret;

	ret = files_read(path, /* owned= */ false, &bytes, &listener);
	data = bytes.data;
	if (ret == -ENOENT)
		ret = files_say(&listener, path, strerror(ENOENT));
	if (ret > 0)
		ret = daemon_config_parse(&config, path, bytes.data, bytes.size, observer, error);
	return ret == -ENOMEM ? ret : 0;
}
