// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One connection at a time, one process for all: nothing here is measured, and
 * a test that hangs is killed by ctest with its child (PR_SET_PDEATHSIG).
 *
 * Register answers with the options that it got, so that a test sees what went
 * over the wire.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-daemon.h"

#define RECORD_ID 7

#define must(expression)                                                                        \
	do {                                                                                    \
		if ((expression) < 0) {                                                         \
			fprintf(stderr, "fake-daemon: %s: %s\n", #expression, strerror(errno)); \
			_exit(1);                                                               \
		}                                                                               \
	} while (0)

static void append_extras(const struct fake_daemon *fake, sd_bus_message *reply)
{
	if (!fake->new_keys)
		return;
	must(sd_bus_message_append(reply, "{sv}", "from-the-future", "a{ss}", 1, "a", "b"));
	must(sd_bus_message_append(reply, "{sv}", "also", "(ut)", 1, (uint64_t)2));
}

static void append_container(const struct fake_daemon *fake, sd_bus_message *reply,
			     const char *name)
{
	must(sd_bus_message_open_container(reply, 'a', "{sv}"));
	append_extras(fake, reply);
	must(sd_bus_message_append(reply, "{sv}", "name", "s", name));
	if (fake->wrong_types)
		must(sd_bus_message_append(reply, "{sv}", "leader", "s", "4711"));
	else
		must(sd_bus_message_append(reply, "{sv}", "leader", "u", fake->leader ?: 4711));
	must(sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "id", "t", (uint64_t)16, "state", "s",
				   fake->cgroup ? "tombstone" : "live", "since", "t",
				   UINT64_C(1000000000000000), "served", "t", UINT64_MAX));
	if (fake->cgroup)
		must(sd_bus_message_append(reply, "{sv}", "cgroup", "s", fake->cgroup));
	must(sd_bus_message_append(reply, "{sv}", "cgroup-derived", "b", fake->cgroup_derived));
	must(sd_bus_message_append(reply, "{sv}", "namespaces", "a{su}", 2, "net", 4026531999u,
				   "mnt", 4026531998u));
	must(sd_bus_message_append(reply, "{sv}", "warnings", "as", 0));
}

/* As upcalld does: how many instructions. */
static void answer_filter(sd_bus_message *call, sd_bus_message *reply)
{
	const void *code;
	size_t size;

	must(sd_bus_message_enter_container(call, 'v', "ay"));
	must(sd_bus_message_read_array(call, 'y', &code, &size));
	must(sd_bus_message_exit_container(call));
	must(sd_bus_message_append(reply, "v", "u", (uint32_t)(size / 8)));
}

/* False: one that it does not know. */
static bool copy_options(const struct fake_daemon *fake, sd_bus_message *call,
			 sd_bus_message *reply)
{
	const char *key;

	must(sd_bus_message_enter_container(call, 'a', "{sv}"));
	while (sd_bus_message_enter_container(call, 'e', "sv") > 0) {
		must(sd_bus_message_read(call, "s", &key));
		must(sd_bus_message_open_container(reply, 'e', "sv"));
		must(sd_bus_message_append(reply, "s", key));
		if (strcmp(key, "seccomp-filter"))
			must(sd_bus_message_copy(reply, call, /* all= */ 0));
		else if (fake->older)
			return false;
		else
			answer_filter(call, reply);
		must(sd_bus_message_close_container(reply));
		must(sd_bus_message_exit_container(call));
	}
	return true;
}

static bool is_wrong(const struct fake_daemon *fake, const char *name, sd_bus_error *error)
{
	if (!fake->name || !strcmp(fake->name, name))
		return false;
	sd_bus_error_setf(error, "org.upcalld.Error.BadName", "'%s' is not %s", name, fake->name);
	return true;
}

static int on_register(sd_bus_message *call, void *data, sd_bus_error *error)
{
	const struct fake_daemon *fake = data;
	sd_bus_message *reply = NULL;
	const char *name;
	struct stat st;
	int pidfd;

	if (fake->error_name)
		return sd_bus_error_set(error, fake->error_name, fake->error_text);
	must(sd_bus_message_read(call, "sh", &name, &pidfd));
	if (is_wrong(fake, name, error))
		return -EINVAL;
	must(fstat(pidfd, &st));
	must(sd_bus_message_new_method_return(call, &reply));
	append_container(fake, reply, name);
	if (!copy_options(fake, call, reply)) {
		sd_bus_message_unref(reply);
		return sd_bus_error_set(error, "org.upcalld.Error.BadArgument", "unknown option");
	}
	must(sd_bus_message_close_container(reply));
	must(sd_bus_send(NULL, reply, NULL));
	sd_bus_message_unref(reply);
	return 1;
}

static int on_register_process(sd_bus_message *call, void *data, sd_bus_error *error)
{
	const struct fake_daemon *fake = data;
	sd_bus_message *reply = NULL;
	const char *name;
	uint32_t pid;

	if (fake->error_name)
		return sd_bus_error_set(error, fake->error_name, fake->error_text);
	must(sd_bus_message_read(call, "su", &name, &pid));
	if (is_wrong(fake, name, error))
		return -EINVAL;
	if (fake->leader && fake->leader != pid)
		return sd_bus_error_setf(error, "org.upcalld.Error.NoSuchProcess", "%u is not %u",
					 pid, fake->leader);
	must(sd_bus_message_skip(call, "a{sv}"));
	must(sd_bus_message_at_end(call, 1) - 1);
	must(sd_bus_message_new_method_return(call, &reply));
	append_container(fake, reply, name);
	must(sd_bus_message_close_container(reply));
	must(sd_bus_send(NULL, reply, NULL));
	sd_bus_message_unref(reply);
	return 1;
}

static int on_unregister(sd_bus_message *call, void *data, sd_bus_error *error)
{
	const struct fake_daemon *fake = data;

	/* a fake that knows a name is a hook's, which lets go of nobody who is alive */
	if (fake->name && sd_bus_message_is_method_call(call, NULL, "Unregister"))
		return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
					"not only if it has ended");
	if (fake->error_name)
		return sd_bus_error_set(error, fake->error_name, fake->error_text);
	return sd_bus_reply_method_return(call, NULL);
}

static int on_unregister_ended(sd_bus_message *call, void *data, sd_bus_error *error)
{
	const struct fake_daemon *fake = data;
	const char *name;

	must(sd_bus_message_read(call, "s", &name));
	return is_wrong(fake, name, error) ? -EINVAL : on_unregister(call, data, error);
}

static void append_listed(const struct fake_daemon *fake, sd_bus_message *reply)
{
	struct fake_daemon listed = *fake;

	listed.cgroup = fake->listed_cgroup ?: fake->cgroup;
	append_container(&listed, reply, fake->listed);
	must(sd_bus_message_append(reply, "{sv}", "uid", "u", fake->listed_uid));
	must(sd_bus_message_close_container(reply));
}

static int on_list(sd_bus_message *call, void *data, sd_bus_error *error)
{
	const struct fake_daemon *fake = data;
	sd_bus_message *reply = NULL;
	char name[16];

	if (fake->error_name && !fake->listed)
		return sd_bus_error_set(error, fake->error_name, fake->error_text);
	must(sd_bus_message_new_method_return(call, &reply));
	must(sd_bus_message_open_container(reply, 'a', "a{sv}"));
	if (fake->listed)
		append_listed(fake, reply);
	for (unsigned int i = 0; i < fake->containers; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		append_container(fake, reply, name);
		must(sd_bus_message_append(reply, "{sv}", "labels", "as", 2, "one", "t\"wo"));
		must(sd_bus_message_close_container(reply));
	}
	must(sd_bus_message_close_container(reply));
	must(sd_bus_send(NULL, reply, NULL));
	sd_bus_message_unref(reply);
	return 1;
}

static int on_status(sd_bus_message *call, void *data, sd_bus_error *error)
{
	const struct fake_daemon *fake = data;
	sd_bus_message *reply = NULL;

	if (fake->error_name)
		return sd_bus_error_set(error, fake->error_name, fake->error_text);
	must(sd_bus_message_new_method_return(call, &reply));
	must(sd_bus_message_open_container(reply, 'a', "{sv}"));
	append_extras(fake, reply);
	if (fake->config_read)
		must(sd_bus_message_append(reply, "{sv}", "config-read", "t", fake->config_read));
	must(sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "version", "s", "9.9", "shim",
				   "b", !fake->no_shim, "shim-error", "s",
				   fake->no_shim ? "run modprobe upcall_shim" : "", "served", "t",
				   (uint64_t)5, "core-pattern", "s", "|/x \"%P\"\t\\", "warnings",
				   "as", 2, "first", "second"));
	must(sd_bus_message_close_container(reply));
	must(sd_bus_send(NULL, reply, NULL));
	sd_bus_message_unref(reply);
	return 1;
}

static int on_list_pending(sd_bus_message *call, void *data, sd_bus_error *error)
{
	const struct fake_daemon *fake = data;
	sd_bus_message *reply = NULL;

	if (fake->error_name)
		return sd_bus_error_set(error, fake->error_name, fake->error_text);
	must(sd_bus_message_new_method_return(call, &reply));
	must(sd_bus_message_append(reply, "aa{sv}", 2, 10, "id", "t", (uint64_t)7, "class", "s",
				   "key", "key-type", "s", "user", "container", "s", "web", "state",
				   "s", "running", "handler", "s", "/x", "pid", "u", 4712, "age",
				   "t", (uint64_t)1500000, "left", "t", (uint64_t)28500000, "comm",
				   "s", "\"a b\"", 1, "id", "t", UINT64_MAX));
	must(sd_bus_send(NULL, reply, NULL));
	sd_bus_message_unref(reply);
	return 1;
}

static void append_outlook(const struct fake_daemon *fake, sd_bus_message *reply)
{
	must(sd_bus_message_append(reply, "aa{sv}", 2, 5, "class", "s", "key", "verdict", "s",
				   fake->verdict ?: "native", "section", "s", "", "handler", "s",
				   "", "reason", "s", "no section", 6, "class", "s", "key",
				   "key-type", "s", "user", "verdict", "s", "offer", "section", "s",
				   "[Key user]", "handler", "s", "/x", "reason", "s", "why not"));
}

static void append_record(const struct fake_daemon *fake, sd_bus_message *reply, uint64_t id)
{
	must(sd_bus_message_append(
		reply, "a{sv}", 11, "requester", "u", id == RECORD_ID ? fake->requester : 0, "id",
		"t", id, "class", "s", "core", "container", "s", "web", "result", "s",
		fake->result ?: "entry-failed", "section", "s", fake->section ?: "", "handler", "s",
		fake->handler ?: "", "step", "s", fake->step ?: "cgroup", "error", "s",
		"Permission denied", "wait-status", "u", 0x700, "duration", "t", (uint64_t)1500));
}

static int on_explain_upcall(sd_bus_message *call, void *data, sd_bus_error *error)
{
	const struct fake_daemon *fake = data;
	sd_bus_message *reply = NULL;
	uint64_t id;

	if (fake->error_name)
		return sd_bus_error_set(error, fake->error_name, fake->error_text);
	must(sd_bus_message_read(call, "t", &id));
	if (fake->later && id != RECORD_ID)
		return sd_bus_error_set(error, "org.upcalld.Error.NoSuchUpcall", "no such");
	must(sd_bus_message_new_method_return(call, &reply));
	append_record(fake, reply, RECORD_ID);
	must(sd_bus_send(NULL, reply, NULL));
	sd_bus_message_unref(reply);
	return 1;
}

static int on_question(sd_bus_message *call, void *data, sd_bus_error *error)
{
	const struct fake_daemon *fake = data;
	sd_bus_message *reply = NULL;

	if (fake->error_name)
		return sd_bus_error_set(error, fake->error_name, fake->error_text);
	must(sd_bus_message_new_method_return(call, &reply));
	if (sd_bus_message_is_method_call(call, NULL, "Describe")) {
		append_container(fake, reply, "web");
		must(sd_bus_message_close_container(reply));
		append_outlook(fake, reply);
		append_record(fake, reply, RECORD_ID + fake->later);
	} else {
		must(sd_bus_message_append(reply, "a{sv}", 3, "pid", "u", 4711, "scope", "s",
					   "container", "container", "s", "c0"));
		append_outlook(fake, reply);
	}
	must(sd_bus_send(NULL, reply, NULL));
	sd_bus_message_unref(reply);
	return 1;
}

static int on_visit(sd_bus_message *call, void *data, sd_bus_error *error)
{
	const struct fake_daemon *fake = data;
	uint32_t seconds;
	const char *name;
	int channel, probe;

	if (fake->error_name)
		return sd_bus_error_set(error, fake->error_name, fake->error_text);
	must(sd_bus_message_read(call, "shub", &name, &channel, &seconds, &probe));
	channel = dup(channel);
	must(channel);
	fake_worker_visit(&fake->worker, channel);
	return sd_bus_reply_method_return(call, NULL);
}

/* Two events, then it is dropped. */
static int on_monitor(sd_bus_message *call, void *data, sd_bus_error *error)
{
	static const char *const members[] = { "UpcallOffered", "FromTheFuture", "UpcallEnded",
					       "MonitorDropped" };
	const struct fake_daemon *fake = data;

	if (fake->error_name)
		return sd_bus_error_set(error, fake->error_name, fake->error_text);
	must(sd_bus_reply_method_return(call, NULL));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		sd_bus_message *signal = NULL;

		must(sd_bus_message_new_signal(sd_bus_message_get_bus(call), &signal,
					       "/org/upcalld", "org.upcalld.Manager1", members[i]));
		append_record(fake, signal, RECORD_ID);
		must(sd_bus_send(NULL, signal, NULL));
		sd_bus_message_unref(signal);
	}
	return 1;
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Register", "sha{sv}", "a{sv}", on_register, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("RegisterProcess", "sua{sv}", "a{sv}", on_register_process,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Unregister", "s", "", on_unregister, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("UnregisterEnded", "s", "", on_unregister_ended, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("List", "", "aa{sv}", on_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Status", "", "a{sv}", on_status, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Reload", "", "", on_unregister, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListPending", "", "aa{sv}", on_list_pending, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Cancel", "t", "", on_unregister, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Describe", "s", "a{sv}aa{sv}a{sv}", on_question, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ExplainProcess", "h", "a{sv}aa{sv}", on_question,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ExplainUpcall", "t", "a{sv}", on_explain_upcall, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Visit", "shub", "", on_visit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Monitor", "", "", on_monitor, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void serve(struct fake_daemon *fake, int fd)
{
	sd_bus *bus = NULL;
	sd_id128_t id;
	int r;

	must(sd_id128_randomize(&id));
	must(sd_bus_new(&bus));
	must(sd_bus_set_fd(bus, fd, fd));
	must(sd_bus_set_server(bus, true, id));
	must(sd_bus_negotiate_fds(bus, true));
	must(sd_bus_add_object_vtable(bus, NULL, "/org/upcalld", "org.upcalld.Manager1", vtable,
				      fake));
	must(sd_bus_start(bus));
	while ((r = sd_bus_process(bus, NULL)) >= 0)
		if (r == 0 && sd_bus_wait(bus, UINT64_MAX) < 0)
			break;
	sd_bus_close_unref(bus);
}

/* Until the other end is closed. */
static void say(const struct fake_daemon *fake, int fd)
{
	char byte;

	must(write(fd, fake->says, strlen(fake->says)));
	while (read(fd, &byte, 1) > 0)
		;
	close(fd);
}

static void run(struct fake_daemon *fake, int listener)
{
	must(prctl(PR_SET_PDEATHSIG, SIGKILL));
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		must(fd);
		if (fake->hang_up)
			close(fd);
		else if (fake->says)
			say(fake, fd);
		else
			serve(fake, fd);
	}
}

void fake_daemon_start(struct fake_daemon *fake)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener;

	snprintf(fake->dir, sizeof(fake->dir), "/tmp/upcall-test-XXXXXX");
	assert_non_null(mkdtemp(fake->dir));
	snprintf(fake->socket, sizeof(fake->socket), "%s/control", fake->dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->socket);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	fake->pid = fork();
	assert_true(fake->pid >= 0);
	if (fake->pid == 0)
		run(fake, listener);
	close(listener);
	setenv("UPCALLD_SOCKET", fake->socket, 1);
}

void fake_daemon_stop(struct fake_daemon *fake)
{
	kill(fake->pid, SIGKILL);
	waitpid(fake->pid, NULL, 0);
	unlink(fake->socket);
	rmdir(fake->dir);
	unsetenv("UPCALLD_SOCKET");
}
