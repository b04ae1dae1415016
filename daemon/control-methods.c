// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The methods of org.upcalld.Manager1
 *
 * None waits: what takes time is done for the caller after the answer. Users may
 * ask for Status, and about containers of their own; the rest is for root. sd-bus'
 * own permission checks are off, because they ask for capabilities of a caller that
 * it knows less about than SO_PEERCRED does.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "control.h"
#include "daemon.h"
#include "peer.h"
#include "process.h"
#include "state.h"
#include "text.h"
#include "user.h"

#define ERROR_PREFIX "org.upcalld.Error."

int control_reply_failure(sd_bus_error *error, const struct failure *failure)
{
	char name[64], text[CONTROL_TEXT_SIZE];

	(void)snprintf(name, sizeof(name), ERROR_PREFIX "%s", failure->name ?: "Failed");
	text_utf8(failure->text, text, sizeof(text));
	return sd_bus_error_set(error, name, text);
}

int control_refuse(sd_bus_error *error, const char *name, const char *text)
{
	struct failure failure;

	failure_set(&failure, 0, name, "%s", text);
	return control_reply_failure(error, &failure);
}

bool control_is_allowed(const struct control_link *link, sd_bus_error *error)
{
	if (link->uid == 0)
		return true;
	(void)control_refuse(error, "Denied", "only root may do that");
	return false;
}

bool control_is_user(const struct control_link *link, sd_bus_error *error)
{
	return link->uid != PEER_NOBODY || control_is_allowed(link, error);
}

bool control_may_see(const struct control_link *link, const struct container *container)
{
	return link->uid == 0 || container->uid == link->uid;
}

const char *control_name(const struct control_link *link, const char *name,
			 char room[UPCALL_NAME_LEN])
{
	return link->uid && user_container_name(link->uid, name, room) >= 0 ? room : name;
}

/* ---------------------------------------------------------------- register */

struct register_call {
	const char *name;
	int pidfd; /* the message's, or ours: who asks knows */
	struct registry_options options;
	char **labels;
};

/* It is the message's. */
static int read_filter(sd_bus_message *call, struct registry_options *options, sd_bus_error *error)
{
	int r = sd_bus_message_enter_container(call, 'v', "ay");

	if (r >= 0)
		r = sd_bus_message_read_array(call, 'y', &options->filter, &options->filter_size);
	if (r >= 0 && !options->filter_size)
		return control_refuse(error, "BadArgument", "the seccomp filter is empty");
	return r < 0 ? r : sd_bus_message_exit_container(call);
}

static int refuse_labels(sd_bus_error *error)
{
	struct failure failure;

	failure_set(&failure, 0, "BadArgument", "more than %d labels", STATE_LABELS_MAX);
	return control_reply_failure(error, &failure);
}

/*
 * ATTACK: sd_bus_message_read_strv() counts what it has for each that it adds, and a message has
 * room for many thousands.
 */
static int read_labels(sd_bus_message *call, struct register_call *args, sd_bus_error *error)
{
	const char *label;
	int r = sd_bus_message_enter_container(call, 'v', "as");

	args->labels = strv_free(args->labels);
	if (r >= 0)
		r = sd_bus_message_enter_container(call, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read(call, "s", &label)) > 0) {
		if (strv_count(args->labels) == STATE_LABELS_MAX)
			return refuse_labels(error);
		r = strv_append(&args->labels, label, strlen(label));
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(call);
	if (r >= 0)
		r = sd_bus_message_exit_container(call);
	args->options.labels = args->labels;
	return r;
}

static int read_option(sd_bus_message *call, struct register_call *args, sd_bus_error *error)
{
	const char *key;
	int ret;

	ret = sd_bus_message_read(call, "s", &key);
	if (ret < 0)
		return ret;
	if (!strcmp(key, "cgroup"))
		return sd_bus_message_read(call, "v", "s", &args->options.cgroup);
	if (!strcmp(key, "runtime"))
		return sd_bus_message_read(call, "v", "s", &args->options.runtime);
	if (!strcmp(key, "seccomp-filter"))
		return read_filter(call, &args->options, error);
	if (!strcmp(key, "labels"))
		return read_labels(call, args, error);
	return control_refuse(
		error, "BadArgument",
		"unknown option: only cgroup, labels, runtime and seccomp-filter are known");
}

static int read_options(sd_bus_message *call, struct register_call *args, sd_bus_error *error)
{
	int ret;

	ret = sd_bus_message_enter_container(call, 'a', "{sv}");
	while (ret >= 0 && (ret = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
		ret = read_option(call, args, error);
		if (ret >= 0)
			ret = sd_bus_message_exit_container(call);
	}
	if (ret >= 0)
		ret = sd_bus_message_exit_container(call);
	return ret;
}

static int reply_container(sd_bus_message *call, const struct container *container)
{
	cleanup_message sd_bus_message *reply = NULL;
	int ret;

	ret = sd_bus_message_new_method_return(call, &reply);
	if (ret >= 0)
		ret = control_append_container(reply, container);
	return ret < 0 ? ret : sd_bus_send(NULL, reply, NULL);
}

static int do_register(const struct control_link *link, const struct register_call *args,
		       struct container **ret, struct failure *failure)
{
	struct daemon *daemon = link->control->daemon;
	char room[UPCALL_NAME_LEN];

	if (!registry_takes(&daemon->registry))
		return failure_set(failure, -ENODEV, "NoShim", "%s", daemon->shim_error);
	/* ATTACK: it is what we say of whom nobody registered, and trust in */
	if (args->options.runtime && !strcmp(args->options.runtime, CONTAINER_ADOPTED))
		return failure_set(failure, -EINVAL, "BadArgument",
				   "the runtime of who is registered is not '" CONTAINER_ADOPTED
				   "'");
	if (link->uid && daemon->shim_fd >= 0 && !(daemon->shim.features & UPCALL_FEATURE_OWNERS))
		return failure_set(
			failure, -ENODEV, "NoShim",
			"the kernel module that is loaded is too old to say whose a process is: a reboot, or 'upcallctl drain' and loading it anew");
	return registry_register(&daemon->registry, control_name(link, args->name, room),
				 args->pidfd, &args->options, ret, failure);
}

/* The name and who it is have been read, with the result `ret`. */
static int finish_register(sd_bus_message *call, struct control_link *link,
			   struct register_call *args, int ret, sd_bus_error *error)
{
	struct failure failure = FAILURE_NULL;
	struct container *container = NULL;

	args->options.uid = link->uid;
	if (!control_is_user(link, error))
		return -EPERM;
	if (ret >= 0)
		ret = read_options(call, args, error);
	if (ret < 0) {
		strv_free(args->labels);
		return ret;
	}
	/* ATTACK: it might be weaker than that of the process, which is read instead */
	if (link->uid)
		args->options.filter_size = 0;
	ret = do_register(link, args, &container, &failure);
	strv_free(args->labels);
	return ret < 0 ? control_reply_failure(error, &failure) : reply_container(call, container);
}

static int method_register(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct register_call args = { .pidfd = -1 };
	int ret = sd_bus_message_read(call, "sh", &args.name, &args.pidfd);

	return finish_register(call, userdata, &args, ret, error);
}

/*
 * For who can send no fd. That the pid was the same process' all the time is for him to see, who
 * has a pidfd.
 */
static int method_register_process(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct register_call args = { .pidfd = -1 };
	cleanup_fd int pidfd = -1;
	uint32_t pid = 0;
	int ret;

	ret = sd_bus_message_read(call, "su", &args.name, &pid);
	if (ret >= 0 && (pid == 0 || pid > INT32_MAX))
		return control_refuse(error, "BadArgument", "that is no process number");
	if (ret >= 0)
		pidfd = pidfd_of(pid);
	if (ret >= 0 && pidfd < 0)
		return pidfd == -ESRCH || pidfd == -EINVAL || pidfd == -ENOENT ?
			       control_refuse(error, "NoSuchProcess", "there is no such process") :
			       pidfd;
	args.pidfd = pidfd;
	return finish_register(call, userdata, &args, ret, error);
}

/* ------------------------------------------------------------------- relay */

static int method_relay(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct control_link *link = userdata;
	uint32_t uid;
	int fd, ret;

	if (!control_is_allowed(link, error))
		return -EPERM;
	ret = sd_bus_message_read(call, "uh", &uid, &fd);
	if (ret < 0)
		return ret;
	if (uid == 0 || uid == PEER_NOBODY)
		return control_refuse(error, "BadArgument", "that is no ordinary user");
	if (sd_is_socket_unix(fd, SOCK_STREAM, /* listening= */ 0, NULL, 0) <= 0)
		return control_refuse(error, "BadArgument", "what was sent is no stream socket");
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	ret = control_relay(link->control, fd, uid);
	if (ret == -EDQUOT)
		return control_refuse(error, "LimitReached", "the user has too many connections");
	return ret < 0 ? ret : sd_bus_reply_method_return(call, NULL);
}

static int unregister(sd_bus_message *call, const struct control_link *link, sd_bus_error *error,
		      int (*fn)(struct registry *, const char *, struct failure *))
{
	struct registry *registry = &link->control->daemon->registry;
	struct failure failure = FAILURE_NULL;
	char room[UPCALL_NAME_LEN];
	const char *name;
	int ret;

	if (!control_is_user(link, error))
		return -EPERM;
	ret = sd_bus_message_read(call, "s", &name);
	if (ret < 0)
		return ret;
	name = control_name(link, name, room);
	ret = registry_is_users(registry, name, link->uid) ? fn(registry, name, &failure) :
							     registry_no_such(name, &failure);
	return ret < 0 ? control_reply_failure(error, &failure) :
			 sd_bus_reply_method_return(call, NULL);
}

static int method_unregister(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return unregister(call, userdata, error, registry_unregister);
}

static int method_unregister_ended(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return unregister(call, userdata, error, registry_unregister_ended);
}

/* ---------------------------------------------------------------- questions */

static int append_those(sd_bus_message *reply, const struct list *containers,
			const struct control_link *link)
{
	const struct container *container;
	int ret = 0;

	list_for_each_entry(container, containers, link)
		if (ret >= 0 && control_may_see(link, container))
			ret = control_append_container(reply, container);
	return ret;
}

static int append_all(sd_bus_message *reply, const struct control_link *link)
{
	struct registry *registry = &link->control->daemon->registry;
	int ret;

	ret = sd_bus_message_open_container(reply, 'a', "a{sv}");
	if (ret >= 0)
		ret = append_those(reply, &registry->containers, link);
	if (registry->shim_fd >= 0)
		registry_sweep(registry);
	if (ret >= 0)
		ret = append_those(reply, &registry->tombstones, link);
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

static int method_list(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	cleanup_message sd_bus_message *reply = NULL;
	const struct control_link *link = userdata;
	int ret;

	if (!control_is_user(link, error))
		return -EPERM;
	ret = sd_bus_message_new_method_return(call, &reply);
	if (ret >= 0)
		ret = append_all(reply, link);
	return ret < 0 ? ret : sd_bus_send(NULL, reply, NULL);
}

static int method_status(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	cleanup_message sd_bus_message *reply = NULL;
	struct control_link *link = userdata;
	int ret;

	ret = sd_bus_message_new_method_return(call, &reply);
	if (ret >= 0)
		ret = control_append_status(reply, link->control->daemon, link->uid == 0);
	return ret < 0 ? ret : sd_bus_send(NULL, reply, NULL);
}

static int method_reload(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct control_link *link = userdata;
	struct daemon *daemon = link->control->daemon;

	if (!control_is_allowed(link, error))
		return -EPERM;
	if (daemon_reload(daemon) < 0)
		return control_refuse(error, "BadArgument", daemon->config_error);
	return sd_bus_reply_method_return(call, NULL);
}

const sd_bus_vtable control_vtable[] = {
	SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Register", SD_BUS_ARGS("s", name, "h", pidfd, "a{sv}", options),
				SD_BUS_RESULT("a{sv}", container), method_register,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("RegisterProcess",
				SD_BUS_ARGS("s", name, "u", pid, "a{sv}", options),
				SD_BUS_RESULT("a{sv}", container), method_register_process,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Relay", SD_BUS_ARGS("u", uid, "h", connection), SD_BUS_NO_RESULT,
				method_relay, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Unregister", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT,
				method_unregister, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("UnregisterEnded", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT,
				method_unregister_ended, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("List", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", containers),
				method_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Status", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", status),
				method_status, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListPending", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", upcalls),
				control_list_pending, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("s", name),
				SD_BUS_RESULT("a{sv}", container, "aa{sv}", outlook, "a{sv}", last),
				control_describe, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ExplainProcess", SD_BUS_ARGS("h", pidfd),
				SD_BUS_RESULT("a{sv}", process, "aa{sv}", outlook),
				control_explain_process, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ExplainUpcall", SD_BUS_ARGS("t", id),
				SD_BUS_RESULT("a{sv}", upcall), control_explain_upcall,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_ARGS("t", id), SD_BUS_NO_RESULT, control_cancel,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Monitor", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, control_monitor,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Visit",
				SD_BUS_ARGS("s", name, "h", channel, "u", seconds, "b", probe),
				SD_BUS_NO_RESULT, control_visit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("UpcallOffered", SD_BUS_ARGS("a{sv}", upcall), 0),
	SD_BUS_SIGNAL_WITH_ARGS("UpcallEnded", SD_BUS_ARGS("a{sv}", upcall), 0),
	SD_BUS_SIGNAL_WITH_ARGS("MonitorDropped", SD_BUS_ARGS("a{sv}", nothing), 0),
	SD_BUS_VTABLE_END,
};
