// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workers as units of PID 1
 *
 * The instance's socket is the way in. If it is there, connecting to it is all:
 * PID 1 starts the service. If it is not, PID 1 is asked to start the socket
 * unit, on its private socket (root needs no bus daemon for that), and told us
 * that the job is done by a JobRemoved signal, which a private connection gets
 * unasked. The connection is dropped when nothing is under way: PID 1 would
 * wake us with each signal that it sends.
 *
 * PID 1 that executes itself again (daemon-reexec, or its package's upgrade) drops
 * the connection, and takes none for a while. What was asked for is asked again
 * then: each of it may be done twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "bus-loop.h"
#include "cleanup.h"
#include "clock.h"
#include "journal.h"
#include "launcher.h"
#include "list.h"
#include "worker.h"

#define MANAGER_PATH  "/org/freedesktop/systemd1"
#define MANAGER_IFACE "org.freedesktop.systemd1.Manager"
#define UNIT_FORMAT   "upcall-worker@%s.%s"
#define UNIT_SIZE     (UPCALL_NAME_LEN + 32)

#define RETRY_SECONDS .1

struct launcher_systemd {
	struct launcher launcher;
	struct ev_loop *loop;
	struct bus_loop bus_loop;
	struct list launches;
	struct list stops;
	ev_timer retry; /* while something is to be asked again */
	char address[];
};

/* A unit that is to be stopped. */
struct stop {
	struct launcher_systemd *systemd;
	struct list link;
	sd_bus_slot *slot; /* StopUnit, or NULL: it is to be asked for */
	double until;	   /* asked again no later: clock_now() */
	const char *type;
	char name[UPCALL_NAME_LEN];
};

struct launch {
	struct launcher_systemd *systemd;
	struct launch_client *client;
	struct list link;
	ev_timer timer;
	sd_bus_slot *slot; /* StartUnit; dropping it cancels. NULL without a job: it is to be asked
			      for */
	char *job;	   /* object path, once PID 1 has answered */
	char name[UPCALL_NAME_LEN];
	bool ended; /* the timer will say so */
	int result; /* with which it ends then: fd of ours, or errno */
};

/* ------------------------------------------------------------------ socket */

/* Returns a connected fd. Never blocks: a full backlog is -EAGAIN. */
static int connect_worker(const char *name)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (fd < 0)
		return -errno;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), WORKER_SOCKET_FORMAT, name);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

static bool is_absent(int error)
{
	return error == -ENOENT || error == -ECONNREFUSED;
}

static bool has_socket(const char *name)
{
	char path[sizeof(WORKER_SOCKET_FORMAT) + UPCALL_NAME_LEN];
	struct stat status;

	(void)snprintf(path, sizeof(path), WORKER_SOCKET_FORMAT, name);
	return lstat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* ---------------------------------------------------------------- launches */

static void retry_soon(struct launcher_systemd *systemd)
{
	ev_timer_stop(systemd->loop, &systemd->retry);
	ev_timer_set(&systemd->retry, RETRY_SECONDS, 0.);
	ev_timer_start(systemd->loop, &systemd->retry);
}

/* It is sd-bus that says so, of a connection that has ended. */
static bool is_lost(const sd_bus_error *failure)
{
	return sd_bus_error_has_name(failure, SD_BUS_ERROR_NO_REPLY) ||
	       sd_bus_error_has_name(failure, SD_BUS_ERROR_DISCONNECTED);
}

static bool systemd_asks(const struct launcher_systemd *systemd)
{
	return !list_empty(&systemd->launches) || !list_empty(&systemd->stops);
}

static void close_if_idle(struct launcher_systemd *systemd)
{
	if (!systemd_asks(systemd) && systemd->bus_loop.bus)
		bus_loop_finish(&systemd->bus_loop);
}

static void launch_free(struct launch *launch)
{
	struct launcher_systemd *systemd = launch->systemd;

	ev_timer_stop(systemd->loop, &launch->timer);
	list_unlink(&launch->link);
	close_keep_errno(launch->result);
	sd_bus_slot_unref(launch->slot);
	free(launch->job);
	free(launch);
	close_if_idle(systemd);
}

static void time_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct launch *launch = container_of(timer, struct launch, timer);
	struct launch_client *client = launch->client;
	int result = launch->result;

	launch->result = -1; /* the client's now */
	launch_free(launch);
	client->done(client, result);
}

/* From a turn of its own: callbacks of the bus must not free what the bus works with. */
static void end_soon(struct launch *launch, int result)
{
	launch->ended = true;
	launch->result = result;
	ev_timer_stop(launch->systemd->loop, &launch->timer);
	ev_timer_set(&launch->timer, 0., 0.);
	ev_timer_start(launch->systemd->loop, &launch->timer);
}

static int unit_started(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct launch *launch = userdata;
	const sd_bus_error *failure = sd_bus_message_get_error(reply);
	const char *job;

	launch->slot = sd_bus_slot_unref(launch->slot);
	if (failure && is_lost(failure)) {
		retry_soon(launch->systemd);
		return 1;
	}
	if (failure) {
		journal_log(LOG_ERR, "PID 1 does not start the worker of container %s: %.256s",
			    launch->name, failure->message ?: failure->name);
		end_soon(launch, -EIO);
		return 1;
	}
	if (sd_bus_message_read(reply, "o", &job) < 0 || !(launch->job = strdup(job)))
		end_soon(launch, -EIO);
	return 1;
}

static struct launch *find_job(struct launcher_systemd *systemd, const char *job)
{
	struct launch *launch;

	list_for_each_entry(launch, &systemd->launches, link)
		if (launch->job && !strcmp(launch->job, job))
			return launch;
	return NULL;
}

static int job_removed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	struct launcher_systemd *systemd = userdata;
	const char *job, *unit, *result;
	struct launch *launch;
	uint32_t id;

	if (sd_bus_message_read(signal, "uoss", &id, &job, &unit, &result) < 0)
		return 0;
	launch = find_job(systemd, job);
	if (!launch)
		return 0;
	if (strcmp(result, "done")) {
		journal_log(LOG_ERR, "The job to start the worker of container %s ended: %.64s",
			    launch->name, result);
		end_soon(launch, -EIO);
		return 0;
	}
	end_soon(launch, connect_worker(launch->name));
	return 0;
}

/* -------------------------------------------------------------- connection */

/* What it was asked for may be done or not, and the signal of a job's end is lost. */
static void broken(struct bus_loop *bus_loop, int error)
{
	struct launcher_systemd *systemd =
		container_of(bus_loop, struct launcher_systemd, bus_loop);
	struct launch *launch;
	struct stop *stop;

	bus_loop_stop(bus_loop);
	list_for_each_entry(launch, &systemd->launches, link) {
		launch->slot = sd_bus_slot_unref(launch->slot);
		free(take_ptr(launch->job));
	}
	list_for_each_entry(stop, &systemd->stops, link)
		stop->slot = sd_bus_slot_unref(stop->slot);
	if (systemd_asks(systemd))
		retry_soon(systemd);
}

static void cleanup_bus_(sd_bus **bus)
{
	*bus = sd_bus_unref(*bus);
}

static int open_bus(struct launcher_systemd *systemd)
{
	cleanup_with(cleanup_bus_) sd_bus *bus = NULL;
	int ret;

	/* it may be about to be dropped as idle */
	if (systemd->bus_loop.bus && systemd->bus_loop.finished && !systemd->bus_loop.dispatching)
		bus_loop_stop(&systemd->bus_loop);
	systemd->bus_loop.finished = false;
	if (systemd->bus_loop.bus)
		return 0;
	ret = sd_bus_new(&bus);
	if (ret >= 0)
		ret = sd_bus_set_address(bus, systemd->address);
	if (ret >= 0)
		ret = sd_bus_start(bus);
	if (ret >= 0)
		ret = sd_bus_match_signal(bus, NULL, NULL, MANAGER_PATH, MANAGER_IFACE,
					  "JobRemoved", job_removed, systemd);
	if (ret < 0)
		return ret;
	bus_loop_start(&systemd->bus_loop, systemd->loop, take_ptr(bus));
	return 0;
}

static int call_manager(struct launcher_systemd *systemd, sd_bus_slot **slot, const char *method,
			const char *name, const char *type, sd_bus_message_handler_t reply,
			void *userdata)
{
	char unit[UNIT_SIZE];
	int ret;

	(void)snprintf(unit, sizeof(unit), UNIT_FORMAT, name, type);
	ret = open_bus(systemd);
	if (ret >= 0)
		ret = sd_bus_call_method_async(systemd->bus_loop.bus, slot, NULL, MANAGER_PATH,
					       MANAGER_IFACE, method, reply, userdata, "ss", unit,
					       "replace");
	bus_loop_update(&systemd->bus_loop);
	return ret;
}

/* --------------------------------------------------------------- interface */

static void stop_free(struct stop *stop)
{
	struct launcher_systemd *systemd = stop->systemd;

	list_unlink(&stop->link);
	sd_bus_slot_unref(stop->slot);
	free(stop);
	close_if_idle(systemd);
}

static int unit_stopped(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct stop *stop = userdata;
	const sd_bus_error *failure = sd_bus_message_get_error(reply);

	if (failure && is_lost(failure)) {
		stop->slot = sd_bus_slot_unref(stop->slot);
		retry_soon(stop->systemd);
	} else {
		/* that there is no such unit is as good */
		stop_free(stop);
	}
	return 1;
}

static void stop_ask(struct stop *stop)
{
	if (call_manager(stop->systemd, &stop->slot, "StopUnit", stop->name, stop->type,
			 unit_stopped, stop) < 0)
		retry_soon(stop->systemd);
}

static void stop_unit(struct launcher_systemd *systemd, const char *name, const char *type)
{
	struct stop *stop = calloc(1, sizeof(*stop));

	if (!stop)
		return;
	stop->systemd = systemd;
	stop->type = type;
	stop->until = clock_now() + LAUNCHER_SECONDS;
	(void)snprintf(stop->name, sizeof(stop->name), "%s", name);
	list_append(&systemd->stops, &stop->link);
	stop_ask(stop);
}

/*
 * Of a name that somebody has again: its worker is asked for anew, or ends when it
 * is idle. What PID 1 has been asked already comes before that; what of it is lost
 * is not asked again, when it would come after.
 */
static void stops_forget(struct launcher_systemd *systemd, const char *name)
{
	struct stop *stop, *after;

	list_for_each_entry_safe(stop, after, &systemd->stops, link) {
		if (strcmp(stop->name, name))
			continue;
		stop->until = 0.;
		if (!stop->slot)
			stop_free(stop);
	}
}

/* Cannot be asked now: later, as long as its timer does not end it. */
static void launch_ask(struct launch *launch)
{
	if (call_manager(launch->systemd, &launch->slot, "StartUnit", launch->name, "socket",
			 unit_started, launch) < 0)
		retry_soon(launch->systemd);
}

static int systemd_start(struct launcher *launcher, const char *name, struct launch_client *client,
			 struct launch **ret)
{
	struct launcher_systemd *systemd =
		container_of(launcher, struct launcher_systemd, launcher);
	struct launch *launch;
	int r;

	stops_forget(systemd, name);
	r = connect_worker(name);
	if (r >= 0 || !is_absent(r))
		return r;
	launch = calloc(1, sizeof(*launch));
	if (!launch)
		return -ENOMEM;
	launch->systemd = systemd;
	launch->client = client;
	launch->result = -ETIMEDOUT;
	(void)snprintf(launch->name, sizeof(launch->name), "%s", name);
	list_append(&systemd->launches, &launch->link);
	ev_timer_init(&launch->timer, time_over, LAUNCHER_SECONDS, 0.);
	ev_timer_start(systemd->loop, &launch->timer);
	launch_ask(launch);
	*ret = launch;
	return -EINPROGRESS;
}

/* What PID 1 has been asked to start would listen for ever. */
static void launch_cancel(struct launch *launch)
{
	/* ORDER: while the launch keeps the connection, or the stop could overtake the start on
	 * another */
	if (launch->slot || launch->job)
		stop_unit(launch->systemd, launch->name, "socket");
	launch_free(launch);
}

static void retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct launcher_systemd *systemd = container_of(timer, struct launcher_systemd, retry);
	struct launch *launch;
	struct stop *stop, *after;

	list_for_each_entry_safe(stop, after, &systemd->stops, link) {
		if (stop->slot)
			continue;
		if (clock_now() < stop->until)
			stop_ask(stop);
		else
			stop_free(stop);
	}
	list_for_each_entry(launch, &systemd->launches, link)
		if (!launch->ended && !launch->slot && !launch->job)
			launch_ask(launch);
}

static void systemd_stop(struct launcher *launcher, const char *name)
{
	struct launcher_systemd *systemd =
		container_of(launcher, struct launcher_systemd, launcher);

	if (!has_socket(name))
		return;
	/* ORDER: the socket first, or a late connection starts the service again */
	stop_unit(systemd, name, "socket");
	stop_unit(systemd, name, "service");
}

static bool systemd_busy(const struct launcher *launcher)
{
	const struct launcher_systemd *systemd =
		container_of(launcher, struct launcher_systemd, launcher);

	return systemd_asks(systemd);
}

static struct launcher *systemd_free(struct launcher *launcher)
{
	struct launcher_systemd *systemd =
		container_of(launcher, struct launcher_systemd, launcher);
	struct launch *launch, *after;
	struct stop *stop, *stop_after;

	list_for_each_entry_safe(launch, after, &systemd->launches, link)
		launch_free(launch);
	list_for_each_entry_safe(stop, stop_after, &systemd->stops, link)
		stop_free(stop);
	ev_timer_stop(systemd->loop, &systemd->retry);
	bus_loop_stop(&systemd->bus_loop);
	free(systemd);
	return NULL;
}

static const struct launcher_vtable vtable = {
	.name = "systemd",
	.start = systemd_start,
	.cancel = launch_cancel,
	.stop = systemd_stop,
	.busy = systemd_busy,
	.free = systemd_free,
};

struct launcher *launcher_systemd_new(struct ev_loop *loop, const char *address)
{
	const size_t size = strlen(address) + 1;
	struct launcher_systemd *systemd = calloc(1, sizeof(*systemd) + size);

	if (!systemd)
		return NULL;
	systemd->launcher.vtable = &vtable;
	systemd->loop = loop;
	systemd->bus_loop.broken = broken;
	list_init(&systemd->launches);
	list_init(&systemd->stops);
	ev_timer_init(&systemd->retry, retry, 0., 0.);
	memcpy(systemd->address, address, size);
	return &systemd->launcher;
}
