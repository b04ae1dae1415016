// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The method Visit
 *
 * Answered when the container's worker has the visit, or cannot have it; what
 * becomes of it then, the visitor is told by the worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "cleanup.h"
#include "control.h"
#include "daemon.h"
#include "visit.h"

struct visit_call {
	struct visit visit;
	sd_bus_message *message; /* reference; its connection may have gone */
};

static void call_free(struct visit_call *call)
{
	close_keep_errno(call->visit.channel);
	sd_bus_message_unref(call->message);
	free(call);
}

static void done(struct visit *visit, const struct failure *failure)
{
	struct visit_call *call = container_of(visit, struct visit_call, visit);
	sd_bus_error error = SD_BUS_ERROR_NULL;

	if (failure) {
		(void)control_reply_failure(&error, failure);
		(void)sd_bus_reply_method_error(call->message, &error);
		sd_bus_error_free(&error);
	} else {
		(void)sd_bus_reply_method_return(call->message, NULL);
	}
	call_free(call);
}

static struct visit_call *call_new(sd_bus_message *message, int channel, uint32_t seconds,
				   bool probe)
{
	struct visit_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	list_init(&call->visit.link);
	call->visit.done = done;
	call->visit.run_ms = seconds * 1000;
	call->visit.probe = probe;
	call->message = sd_bus_message_ref(message);
	call->visit.channel = fcntl(channel, F_DUPFD_CLOEXEC, 3);
	if (call->visit.channel >= 0 && visit_draw_id(&call->visit) >= 0)
		return call;
	call_free(call);
	return NULL;
}

int control_visit(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control_link *link = userdata;
	struct daemon *daemon = link->control->daemon;
	struct failure failure = FAILURE_NULL;
	struct container *container;
	struct visit_call *call;
	struct lane *lane;
	const char *name;
	uint32_t seconds;
	int channel, probe, ret;

	if (!control_is_allowed(link, error))
		return -EPERM;
	if (daemon->shim_fd < 0)
		return control_refuse(error, "NoShim", daemon->shim_error);
	ret = sd_bus_message_read(message, "shub", &name, &channel, &seconds, &probe);
	if (ret < 0)
		return ret;
	if (seconds == 0 || seconds > VISIT_SECONDS_MAX)
		return control_refuse(error, "BadArgument",
				      "the time of a visit is 1 to 86400 seconds");
	container = registry_by_name(&daemon->registry, name);
	if (!container) {
		(void)registry_no_such(name, &failure);
		return control_reply_failure(error, &failure);
	}
	lane = lane_of(&daemon->queue, container);
	call = lane ? call_new(message, channel, seconds, probe) : NULL;
	if (!call)
		return -ENOMEM;
	lane_visit(lane, &call->visit);
	return 1;
}
