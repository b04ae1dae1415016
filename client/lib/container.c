// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Containers: register, unregister, list.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "explain.h"
#include "pidfd.h"

#define FIELD(key, type, member)                                         \
	{                                                                \
		key, FIELD_##type, offsetof(struct upcall_entry, member) \
	}

static const struct field entry_fields[] = {
	FIELD("name", STRING, name),
	FIELD("id", U64, id),
	FIELD("state", STRING, state),
	FIELD("leader", U32, leader),
	FIELD("uid", U32, uid),
	FIELD("cgroup", STRING, cgroup),
	FIELD("policy", STRING, policy),
	FIELD("runtime", STRING, runtime),
	FIELD("pending", U32, pending),
	FIELD("served", U64, served),
	FIELD("failed", U64, failed),
	FIELD("since", U64, since),
	FIELD("namespaces", NAMESPACES, namespaces),
	FIELD("labels", STRINGS, labels),
	FIELD("warnings", STRINGS, warnings),
	FIELD("worker", STRING, worker),
	FIELD("seccomp-filter", U32, seccomp_filter),
	FIELD("cgroup-derived", BOOL, cgroup_derived),
	{ NULL, FIELD_END, 0 },
};

const struct object_type entry_type = { entry_fields, sizeof(struct upcall_entry) };

UPCALL_EXPORT struct upcall_entry *upcall_entry_free(struct upcall_entry *entry)
{
	object_free(&entry_type, entry);
	return NULL;
}

UPCALL_EXPORT struct upcall_entry **upcall_list_free(struct upcall_entry **entries)
{
	objects_free(&entry_type, (void **)entries);
	return NULL;
}

static int append_string(sd_bus_message *call, const char *key, const char *value)
{
	return value ? sd_bus_message_append(call, "{sv}", key, "s", value) : 0;
}

static int append_bytes(sd_bus_message *call, const char *key, const void *data, size_t size)
{
	int r;

	if (!size)
		return 0;
	r = sd_bus_message_open_container(call, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", key);
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'v', "ay");
	if (r >= 0)
		r = sd_bus_message_append_array(call, 'y', data, size);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? r : sd_bus_message_close_container(call);
}

static int append_labels(sd_bus_message *call, const char *const *labels)
{
	int r;

	if (!labels || !*labels)
		return 0;
	r = sd_bus_message_open_container(call, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", "labels");
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_append_strv(call, (char **)labels);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r;
}

static int append_options(sd_bus_message *call, const struct upcall_register_options *options)
{
	static const struct upcall_register_options none;
	int r;

	options = options ?: &none;
	if (!options->seccomp_filter != !options->seccomp_filter_size)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(options->reserved) / sizeof(options->reserved[0]); i++)
		if (options->reserved[i])
			return -EINVAL;
	r = sd_bus_message_open_container(call, 'a', "{sv}");
	if (r >= 0)
		r = append_string(call, "cgroup", options->cgroup);
	if (r >= 0)
		r = append_string(call, "runtime", options->runtime);
	if (r >= 0)
		r = append_labels(call, options->labels);
	if (r >= 0)
		r = append_bytes(call, "seccomp-filter", options->seccomp_filter,
				 options->seccomp_filter_size);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r;
}

/* Through upcalld-users no fd goes: there a process is named by its number. */
static int append_process(struct upcall_connection *connection, sd_bus_message **call, int pidfd,
			  const char *name)
{
	pid_t pid;
	int r;

	r = sd_bus_can_send(connection->bus, SD_BUS_TYPE_UNIX_FD);
	if (r > 0) {
		r = connection_method(connection, "Register", call);
		return r < 0 ? r : sd_bus_message_append(*call, "sh", name, pidfd);
	}
	if (r < 0)
		return r;
	pid = pidfd_to_pid(AT_FDCWD, "/proc/self/fdinfo", pidfd);
	if (pid < 0)
		return pid;
	r = connection_method(connection, "RegisterProcess", call);
	return r < 0 ? r : sd_bus_message_append(*call, "su", name, (uint32_t)pid);
}

/* What had the number when upcalld looked was the process, if it has not ended since. */
static int check_process(struct upcall_connection *connection, const char *name, int pidfd)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	if (sd_bus_can_send(connection->bus, SD_BUS_TYPE_UNIX_FD) > 0 || poll(&poll_fd, 1, 0) == 0)
		return 0;
	(void)upcall_unregister(connection, name);
	return connection_fail(connection, -ESRCH, "the process has ended");
}

static int send_register(struct upcall_connection *connection, const char *name, int pidfd,
			 const struct upcall_register_options *options, sd_bus_message **ret_reply)
{
	cleanup_message sd_bus_message *call = NULL;
	int r;

	r = append_process(connection, &call, pidfd, name);
	if (r == -ESRCH)
		return connection_fail(connection, r,
				       "the process has ended, or is not ours to see");
	if (r >= 0)
		r = append_options(call, options);
	if (r < 0)
		return connection_fail(connection, r, "cannot send name, pidfd and options: %s",
				       strerror(-r));
	r = connection_call(connection, call, ret_reply);
	return r < 0 ? r : check_process(connection, name, pidfd);
}

UPCALL_EXPORT int upcall_register(struct upcall_connection *connection, const char *name, int pidfd,
				  const struct upcall_register_options *options,
				  struct upcall_entry **ret)
{
	cleanup_message sd_bus_message *reply = NULL;
	int r;

	r = connection_begin(connection);
	if (r >= 0)
		r = send_register(connection, name, pidfd, options, &reply);
	if (r < 0 || !ret)
		return r;
	r = object_read(&entry_type, reply, (void **)ret);
	return r < 0 ? connection_not_understood(connection, r) : 0;
}

static int unregister(struct upcall_connection *connection, const char *method, const char *name)
{
	cleanup_message sd_bus_message *call = NULL;
	int r;

	r = connection_begin(connection);
	if (r < 0)
		return r;
	r = connection_method(connection, method, &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "s", name);
	if (r < 0)
		return connection_fail(connection, r, "cannot send the name: %s", strerror(-r));
	return connection_call(connection, call, NULL);
}

UPCALL_EXPORT int upcall_unregister(struct upcall_connection *connection, const char *name)
{
	return unregister(connection, "Unregister", name);
}

UPCALL_EXPORT int upcall_unregister_ended(struct upcall_connection *connection, const char *name)
{
	return unregister(connection, "UnregisterEnded", name);
}

UPCALL_EXPORT int upcall_list(struct upcall_connection *connection, struct upcall_entry ***ret)
{
	return objects_ask(connection, "List", &entry_type, (void ***)ret);
}
