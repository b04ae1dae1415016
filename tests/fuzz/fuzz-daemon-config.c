// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The daemon's own settings (daemon/daemon-config.c)
 *
 * What is accepted lies within its bounds and survives being written down and read
 * again; an error says where it is, in plain text. With an observer everything is read,
 * nothing is accepted that is refused without, and each setting is told at most once.
 */
#include <errno.h>

#include "daemon-config.h"
#include "fuzz.h"

#define FILE_NAME "upcalld.conf"

static int parse(struct daemon_config *config, const void *data, size_t size,
		 struct config_observer *observer, char error[CONFIG_ERROR_SIZE])
{
	cleanup_free char *copy = fuzz_copy(data, size);

	*config = DAEMON_CONFIG_DEFAULT;
	*error = '\0';
	return daemon_config_parse(config, FILE_NAME, copy, size, observer, error);
}

static void check_error(const char *error)
{
	const char *line = error + strlen(FILE_NAME ":");

	property(strnlen(error, CONFIG_ERROR_SIZE) < CONFIG_ERROR_SIZE);
	property(!strncmp(error, FILE_NAME ":", strlen(FILE_NAME ":")));
	property(*line >= '1' && *line <= '9');
	line += strspn(line, "0123456789");
	property(!strncmp(line, ": ", 2) && line[2]);
	for (const char *at = error; *at; at++)
		property(*at >= ' ' && *at <= '~');
}

static void check_same(const struct daemon_config *a, const struct daemon_config *b)
{
	property(a->idle_sec == b->idle_sec && a->idle_set == b->idle_set &&
		 a->require_shim == b->require_shim);
}

static void check_round_trip(const struct daemon_config *config)
{
	char text[128], error[CONFIG_ERROR_SIZE];
	struct daemon_config again;
	int size = 0;

	if (config->idle_set)
		size = snprintf(text, sizeof(text), "[Daemon]\nIdleExitSec=%u\nRequireShim=%s\n",
				config->idle_sec, config->require_shim ? "yes" : "no");
	else
		size = snprintf(text, sizeof(text), "[Daemon]\nRequireShim=%s",
				config->require_shim ? "yes" : "no");
	property(parse(&again, text, (size_t)size, NULL, error) == 0);
	check_same(config, &again);
}

struct watcher {
	struct config_observer observer;
	unsigned int errors;
	unsigned int settings;
};

static void on_error(struct config_observer *observer, const char *file, unsigned int line,
		     const char *reason)
{
	property(line && *reason);
	((struct watcher *)observer)->errors++;
}

static void on_setting(struct config_observer *observer, const struct policy *policy,
		       size_t section, const char *file, unsigned int line, const char *name,
		       const char *value)
{
	property(!policy && line && *name && *value);
	((struct watcher *)observer)->settings++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct watcher watcher = { .observer = { on_error, on_setting } };
	char error[CONFIG_ERROR_SIZE], first[CONFIG_ERROR_SIZE];
	struct daemon_config config, watched;
	int ret;

	ret = parse(&config, data, size, NULL, error);
	memcpy(first, error, sizeof(first));
	property(parse(&watched, data, size, &watcher.observer, error) == ret);
	property((ret < 0) == (watcher.errors > 0));
	property(watcher.settings <= 2);
	if (ret < 0) {
		property(ret == -EINVAL);
		check_error(first);
		return 0;
	}
	property(!*first && config.idle_sec <= IDLE_SEC_MAX);
	check_same(&config, &watched);
	check_round_trip(&config);
	return 0;
}
