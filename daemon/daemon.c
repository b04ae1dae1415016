// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adoption.h"
#include "cleanup.h"
#include "clock.h"
#include "daemon.h"
#include "journal.h"
#include "monitor.h"
#include "shim.h"
#include "state.h"
#include "text.h"

/* -------------------------------------------------------------- containers */

static void container_gone(struct registry_watcher *watcher, struct container *container,
			   enum registry_reason reason)
{
	struct daemon *daemon = container_of(watcher, struct daemon, watcher);

	queue_container_gone(&daemon->queue, container, reason == REGISTRY_UNREGISTERED);
}

static void container_was_gone(struct registry_watcher *watcher, const char *name)
{
	struct daemon *daemon = container_of(watcher, struct daemon, watcher);

	daemon->launcher->vtable->stop(daemon->launcher, name);
}

/* ----------------------------------------------------------------- monitors */

static void upcall_offered(struct record_watcher *watcher, const struct facts *facts,
			   const char *container)
{
	struct daemon *daemon = container_of(watcher, struct daemon, record_watcher);

	monitor_offered(&daemon->control, facts, container);
}

static void upcall_ended(struct record_watcher *watcher, const struct record *record)
{
	struct daemon *daemon = container_of(watcher, struct daemon, record_watcher);

	monitor_ended(&daemon->control, record);
}

/* ----------------------------------------------------------- configuration */

static void tell_adoptions(const struct daemon *daemon)
{
	if (daemon->shim_fd >= 0)
		adoption_tell(daemon->shim_fd, &daemon->shim, daemon->config);
}

int daemon_reload(struct daemon *daemon)
{
	/* ORDER: what is changed while it is read is newer */
	uint64_t now = clock_of_day_us();
	char error[CONFIG_ERROR_SIZE];
	struct daemon_config own = daemon->own;
	struct config *config = NULL;
	int ret;

	notify_reloading();
	ret = daemon_config_load(daemon->options->daemon_dirs, &own, error);
	if (ret >= 0)
		ret = config_load(daemon->options->config_dirs, /* keep_bad= */ false, &config,
				  error);
	if (ret < 0) {
		(void)snprintf(daemon->config_error, sizeof(daemon->config_error), "%s",
			       *error ? error : strerror(-ret));
		journal_log(LOG_ERR, "The configuration stays as it was: %s", daemon->config_error);
	} else {
		*daemon->config_error = '\0';
		config_unref(daemon->config);
		daemon->config = config;
		daemon->config_read = now;
		registry_set_config(&daemon->registry, config);
		tell_adoptions(daemon);
		daemon->own = own;
		daemon->registry.require_shim = own.require_shim;
		daemon_set_idle(daemon);
		journal_log(LOG_INFO, "The configuration was read: %zu files", config->count);
	}
	notify_ready("%zu containers", daemon->registry.count);
	return ret;
}

/* A typo in it is no reason that upcalls are not served. */
static int first_own_config(struct daemon *daemon)
{
	int ret;

	daemon->own = DAEMON_CONFIG_DEFAULT;
	ret = daemon_config_load(daemon->options->daemon_dirs, &daemon->own, daemon->config_error);
	daemon_set_idle(daemon);
	if (ret == -ENOMEM)
		return ret;
	if (ret < 0)
		journal_log(LOG_ERR, "The daemon's own settings are the defaults: %s",
			    daemon->config_error);
	return 0;
}

static int first_policies(struct daemon *daemon)
{
	char error[CONFIG_ERROR_SIZE];
	int ret;

	ret = config_load(daemon->options->config_dirs, /* keep_bad= */ true, &daemon->config,
			  error);
	if (ret == -ENOMEM)
		return ret;
	if (ret < 0) {
		journal_log(
			LOG_ERR,
			"Containers of a policy that cannot be read are refused all upcalls: %s",
			error);
		/* the worse of two */
		text_copy(daemon->config_error, sizeof(daemon->config_error), error, strlen(error));
	}
	return 0;
}

static int first_config(struct daemon *daemon)
{
	int ret;

	daemon->config_read = clock_of_day_us();
	ret = first_own_config(daemon);
	return ret < 0 ? ret : first_policies(daemon);
}

/* --------------------------------------------------------------------- shim */

static void no_shim(struct daemon *daemon, const char *reason)
{
	(void)snprintf(daemon->shim_error, sizeof(daemon->shim_error), "%s", reason);
	journal_log(LOG_WARNING, "There are no upcalls to handle: %s", reason);
	daemon->shim_fd = -1;
}

static void check_shim(struct daemon *daemon)
{
	char reason[DAEMON_ERROR_SIZE];
	int ret;

	daemon->shim_fd = daemon->fds.device;
	if (*daemon->fds.shim_error) {
		no_shim(daemon, daemon->fds.shim_error);
		return;
	}
	ret = shim_version(daemon->shim_fd, &daemon->shim);
	if (ret < 0) {
		(void)snprintf(reason, sizeof(reason), "%s does not tell its version: %s",
			       UPCALL_DEVICE, strerror(-ret));
		no_shim(daemon, reason);
		return;
	}
	daemon->shim.version[UPCALL_VERSION_LEN - 1] = '\0';
	if (daemon->shim.abi == UPCALL_ABI_VERSION)
		return;
	(void)snprintf(
		reason, sizeof(reason),
		"the module upcall_shim %s speaks version %u of the protocol, this daemon %d: install the same version of both and load the module again",
		daemon->shim.version, daemon->shim.abi, UPCALL_ABI_VERSION);
	no_shim(daemon, reason);
}

static void no_source(struct daemon *daemon, int ret)
{
	char reason[DAEMON_ERROR_SIZE];

	daemon->source = source_free(daemon->source);
	(void)snprintf(reason, sizeof(reason), "cannot subscribe to upcalls: %s%s", strerror(-ret),
		       ret == -EBUSY ? ": somebody else, such as upcalld-shim.socket, is" : "");
	no_shim(daemon, reason);
}

static void subscribe(struct daemon *daemon)
{
	int ret = -ENOMEM;

	if (daemon->shim_fd < 0)
		return;
	daemon->source = source_shim_new(daemon->loop, daemon->shim_fd, daemon->fds.netlink);
	if (daemon->source)
		ret = daemon->source->vtable->subscribe(daemon->source);
	if (ret < 0)
		no_source(daemon, ret);
}

static void start_source(struct daemon *daemon)
{
	int ret;

	if (daemon->shim_fd < 0)
		return;
	ret = daemon->source->vtable->start(daemon->source, &daemon->queue.client);
	if (ret < 0)
		no_source(daemon, ret);
}

static void restore(struct daemon *daemon)
{
	int ret;

	/* a module that is there and of no use to us may have a table */
	if (daemon->shim_fd < 0 && !daemon->registry.no_module)
		return;
	ret = registry_restore(&daemon->registry);
	if (ret < 0)
		journal_log(LOG_ERR, "The registered containers cannot be read back: %s",
			    strerror(-ret));
}

/* ----------------------------------------------------------------- counters */

void daemon_counters(const struct daemon *daemon, struct counters *ret)
{
	struct source_counters source = { 0 };

	if (daemon->source)
		daemon->source->vtable->counters(daemon->source, &source);
	*ret = daemon->past;
	ret->served += daemon->queue.served;
	ret->failed += daemon->queue.failed;
	ret->refused += daemon->queue.refused;
	ret->enobufs += source.enobufs;
	ret->bad_sender += source.bad_sender;
}

static void save_counters(const struct daemon *daemon)
{
	struct counters counters;
	int ret;

	daemon_counters(daemon, &counters);
	if (!memcmp(&counters, &daemon->past, sizeof(counters)))
		return;
	ret = counters_save(daemon->options->state_dir, &counters);
	if (ret < 0)
		journal_log(LOG_WARNING, "Cannot save the counters, ignoring: %s", strerror(-ret));
}

/* --------------------------------------------------------------------- life */

static int make_state_dir(const char *path)
{
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	/* the control socket in it may be a group's */
	return chmod(path, 0755) < 0 ? -errno : 0;
}

static int get_fds(struct daemon *daemon, char *error)
{
	cleanup_free char *path = NULL;
	int ret;

	if (!daemon->options->standalone) {
		ret = activation_receive(&daemon->fds);
		if (ret < 0)
			(void)snprintf(
				error, DAEMON_ERROR_SIZE,
				"systemd passed no control socket; without systemd: upcalld --standalone");
		return ret;
	}
	if (asprintf(&path, "%s/control", daemon->options->state_dir) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	ret = activation_open(&daemon->fds, path);
	if (ret < 0)
		(void)snprintf(error, DAEMON_ERROR_SIZE, "cannot listen on %s: %s%s", path,
			       strerror(-ret),
			       ret == -EADDRINUSE ? ": another upcalld answers there" : "");
	return ret;
}

static int build_parts(struct daemon *daemon, char *error)
{
	const struct options *options = daemon->options;
	int state_fd;

	state_fd = state_open(options->state_dir);
	if (state_fd < 0) {
		(void)snprintf(error, DAEMON_ERROR_SIZE, "cannot keep state in %s: %s",
			       options->state_dir, strerror(-state_fd));
		return state_fd;
	}
	daemon->launcher = options->standalone ?
				   launcher_fork_new(daemon->loop, options->worker_path) :
				   launcher_systemd_new(daemon->loop, LAUNCHER_SYSTEMD_ADDRESS);
	if (!daemon->launcher) {
		close_keep_errno(state_fd);
		return -ENOMEM;
	}
	daemon->watcher = (struct registry_watcher){ container_gone, container_was_gone };
	registry_init(&daemon->registry, daemon->loop, daemon->config, &daemon->watcher,
		      daemon->shim_fd, state_fd);
	queue_init(&daemon->queue, daemon->loop, daemon->shim_fd, &daemon->registry,
		   daemon->launcher, &daemon->records);
	return 0;
}

static int build(struct daemon *daemon, char *error)
{
	int ret;

	daemon->loop = ev_loop_new(EVFLAG_AUTO);
	if (!daemon->loop)
		return -ENOMEM;
	records_init(&daemon->records, daemon->loop);
	notify_start(&daemon->notify, daemon->loop);
	daemon_watch(daemon);
	ret = make_state_dir(daemon->options->state_dir);
	if (ret >= 0)
		ret = get_fds(daemon, error);
	counters_load(daemon->options->state_dir, &daemon->past);
	if (ret >= 0)
		ret = first_config(daemon);
	if (ret < 0)
		return ret;
	check_shim(daemon);
	ret = build_parts(daemon, error);
	if (ret < 0)
		return ret;
	/*
	 * ORDER: the subscription says whose the kernel's table is, and nobody else
	 * may touch it; containers before upcalls, or theirs would be nobody's
	 */
	subscribe(daemon);
	tell_adoptions(daemon);
	daemon->registry.shim_fd = daemon->shim_fd;
	daemon->registry.no_module = daemon->fds.no_module;
	daemon->registry.require_shim = daemon->own.require_shim;
	restore(daemon);
	start_source(daemon);
	daemon->registry.shim_fd = daemon->shim_fd;
	control_start(&daemon->control, daemon, daemon->fds.control);
	daemon->record_watcher = (struct record_watcher){ upcall_offered, upcall_ended };
	daemon->records.watcher = &daemon->record_watcher;
	return 0;
}

int daemon_new(const struct options *options, struct daemon **ret, char error[DAEMON_ERROR_SIZE])
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int r;

	*error = '\0';
	if (!daemon)
		return -ENOMEM;
	daemon->options = options;
	daemon->fds = ACTIVATION_NULL;
	daemon->shim_fd = -1;
	r = build(daemon, error);
	if (r < 0) {
		if (!*error)
			(void)snprintf(error, DAEMON_ERROR_SIZE, "cannot start: %s", strerror(-r));
		daemon_free(daemon);
		return r;
	}
	*ret = daemon;
	return 0;
}

struct daemon *daemon_free(struct daemon *daemon)
{
	if (!daemon)
		return NULL;
	daemon->records.watcher = NULL;
	control_close(&daemon->control);
	save_counters(daemon);
	daemon->source = source_free(daemon->source);
	queue_close(&daemon->queue);
	registry_close(&daemon->registry);
	if (daemon->loop) {
		records_stop(&daemon->records);
		notify_stop(&daemon->notify);
		daemon_unwatch(daemon);
	}
	/* ORDER: the launcher may wait for workers, and another daemon is to be free to start */
	activation_close(&daemon->fds);
	daemon->launcher = launcher_free(daemon->launcher);
	config_unref(daemon->config);
	if (daemon->loop)
		ev_loop_destroy(daemon->loop);
	free(daemon);
	return NULL;
}

void daemon_run(struct daemon *daemon)
{
	notify_ready("%zu containers%s%s", daemon->registry.count, *daemon->shim_error ? "; " : "",
		     daemon->shim_error);
	ev_run(daemon->loop, 0);
}
