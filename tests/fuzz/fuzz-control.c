// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages on the control socket (daemon/control-link.c, control-methods.c, control-reply.c)
 *
 * The first byte says who calls ('0': root). Each line is a step: see step(). Every
 * call is answered by one valid message; nobody but root changes anything; bytes
 * that are no message cost their connection only.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "daemon.h"
#include "directory.h"
#include "fake-shim.h"
#include "fuzz.h"
#include "process.h"
#include "text.h"

#define OBJECT	  "/org/upcalld"
#define INTERFACE "org.upcalld.Manager1"
#define STEPS_MAX 24
#define TURNS_MAX 200

struct client {
	sd_bus *bus;
	sd_bus_message *call; /* a Register that is being built */
	char **labels;
	bool root;
	unsigned int asked, answered;
};

static struct daemon *daemon_of_all;
static int own_pidfd = -1;

/* ---------------------------------------------------------------- answers */

static void check_error(const struct client *client, sd_bus_message *reply)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);

	property(error && error->name && error->message && *error->message);
	property(!strncmp(error->name, "org.upcalld.Error.", 18) ||
		 !strncmp(error->name, "org.freedesktop.DBus.Error.", 27) ||
		 !strncmp(error->name, "System.Error.", 13));
	/* a sentence for a person */
	for (const char *at = error->message; *at; at++)
		property((unsigned char)*at >= ' ' && *at != 0x7f);
	/* of what is root's, users are told nothing but that */
	property(client->root || (strcmp(error->name, "org.upcalld.Error.NoSuchUpcall") != 0 &&
				  strcmp(error->name, "org.upcalld.Error.HasEnded") != 0));
}

/* All of it can be read, with valid text. */
static int answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct client *client = userdata;
	cleanup_file FILE *nowhere = fopen("/dev/null", "we");

	property(nowhere);
	client->answered++;
	if (sd_bus_message_is_method_error(reply, NULL))
		check_error(client, reply);
	property(sd_bus_message_dump(reply, nowhere, 0) >= 0);
	return 0;
}

static bool is_connected(const struct client *client)
{
	return daemon_of_all->control.count > 0 && sd_bus_is_open(client->bus) > 0;
}

/* Both ends, in turns, until every call is answered. */
static void run(struct client *client)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		int ret = sd_bus_process(client->bus, NULL);

		ev_run(daemon_of_all->loop, EVRUN_NOWAIT);
		if (ret < 0 || !is_connected(client))
			return;
		if (ret == 0 && client->answered == client->asked && i > 8)
			return;
	}
	property(client->answered == client->asked);
}

/* ------------------------------------------------------------------ calls */

static void ask(struct client *client, sd_bus_message *call)
{
	if (call && sd_bus_call_async(client->bus, NULL, call, answer, client, 0) >= 0)
		client->asked++;
	sd_bus_message_unref(call);
	run(client);
}

static sd_bus_message *call_new(struct client *client, const char *method)
{
	sd_bus_message *call = NULL;

	(void)sd_bus_message_new_method_call(client->bus, &call, NULL, OBJECT, INTERFACE, method);
	return call;
}

static void call_end(struct client *client)
{
	sd_bus_message *call = client->call;
	bool whole = call;

	client->call = NULL;
	if (whole && client->labels)
		whole = sd_bus_message_open_container(call, 'e', "sv") >= 0 &&
			sd_bus_message_append(call, "s", "labels") >= 0 &&
			sd_bus_message_open_container(call, 'v', "as") >= 0 &&
			sd_bus_message_append_strv(call, client->labels) >= 0 &&
			sd_bus_message_close_container(call) >= 0 &&
			sd_bus_message_close_container(call) >= 0;
	client->labels = strv_free(client->labels);
	whole = whole && sd_bus_message_close_container(call) >= 0;
	if (whole)
		ask(client, call);
	else
		sd_bus_message_unref(call);
}

static void call_register(struct client *client, const char *name, int fd)
{
	call_end(client);
	client->call = call_new(client, "Register");
	if (client->call && (sd_bus_message_append(client->call, "sh", name, fd) < 0 ||
			     sd_bus_message_open_container(client->call, 'a', "{sv}") < 0))
		client->call = sd_bus_message_unref(client->call);
}

static void call_option(struct client *client, const char *key, const char *type, const char *value)
{
	if (client->call)
		(void)sd_bus_message_append(client->call, "{sv}", key, type, value);
}

static void call_simple(struct client *client, const char *method, const char *argument)
{
	sd_bus_message *call;

	call_end(client);
	call = call_new(client, method);
	if (call && argument)
		(void)sd_bus_message_append(call, "s", argument);
	ask(client, call);
}

/* Bytes in the middle of a connection: it may end, and does not hang. */
static void send_bytes(struct client *client, const char *bytes)
{
	(void)!send(sd_bus_get_fd(client->bus), bytes, strlen(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
	for (int i = 0; i < 8; i++)
		ev_run(daemon_of_all->loop, EVRUN_NOWAIT);
	sd_bus_close(client->bus);
}

static void step(struct client *client, const char *line)
{
	switch (*line++) {
	case 'R': /* NAME: begin a Register; what follows are its options */
		call_register(client, line, own_pidfd);
		break;
	case 'F': /* NAME: the same with what is no pidfd */
		call_register(client, line, STDIN_FILENO);
		break;
	case 'c':
		call_option(client, "cgroup", "s", line);
		break;
	case 'r':
		call_option(client, "runtime", "s", line);
		break;
	case 'l':
		property(strv_append(&client->labels, line, strlen(line)) == 0);
		break;
	case 'o': /* an option that nobody knows */
		call_option(client, line, "s", line);
		break;
	case 't': /* one of a wrong type */
		call_option(client, "cgroup", "o", "/wrong");
		break;
	case 'U': /* NAME */
		call_simple(client, "Unregister", line);
		break;
	case 'E': /* NAME */
		call_simple(client, "UnregisterEnded", line);
		break;
	case 'L':
		call_simple(client, "List", NULL);
		break;
	case 'S':
		call_simple(client, "Status", NULL);
		break;
	case 'O':
		call_simple(client, "Reload", NULL);
		break;
	case 'M': /* any method, with a text */
		call_simple(client, line, line);
		break;
	case 'p': /* the policy that a Reload finds */
		(void)directory_write("upcalld.d/p.conf", line, strlen(line));
		break;
	case 'B':
		send_bytes(client, line);
		break;
	}
}

/* ------------------------------------------------------------- connection */

static bool connect_client(struct client *client)
{
	int sockets[2];

	property(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0);
	property(control_link_new(&daemon_of_all->control, sockets[0], client->root ? 0 : 1000,
				  /* relayed= */ !client->root) == 0);
	property(sd_bus_new(&client->bus) >= 0);
	property(sd_bus_set_fd(client->bus, sockets[1], sockets[1]) >= 0);
	property(sd_bus_negotiate_fds(client->bus, true) >= 0);
	property(sd_bus_start(client->bus) >= 0);
	run(client);
	return is_connected(client);
}

static void disconnect_client(struct client *client)
{
	struct control *control = &daemon_of_all->control;
	struct control_link *link, *after;

	sd_bus_message_unref(client->call);
	strv_free(client->labels);
	sd_bus_close(client->bus);
	sd_bus_unref(client->bus);
	for (int i = 0; i < 8; i++)
		ev_run(daemon_of_all->loop, EVRUN_NOWAIT);
	/* its peer has gone: so has the link */
	property(control->count == 0);
	list_for_each_entry_safe(link, after, &control->links, link)
		control_link_free(link);
}

static void unregister_all(bool root)
{
	struct registry *registry = &daemon_of_all->registry;
	struct container *container, *after;
	struct failure failure;

	property(root || registry->count == 0);
	property(registry->count == fake_shim.containers_count);
	list_for_each_entry_safe(container, after, &registry->containers, link) {
		property(container->uid == 0 && text_is_name(container->name));
		property(registry_unregister(registry, container->name, &failure) == 0);
	}
	property(registry->count == 0 && fake_shim.containers_count == 0);
}

static void start_daemon(void)
{
	static char config[96];
	static char *directories[] = { config, NULL }, *own[] = { config, NULL };
	static struct options options = {
		.standalone = true,
		.config_dirs = directories,
		.daemon_dirs = own,
	};
	char error[DAEMON_ERROR_SIZE];

	(void)snprintf(config, sizeof(config), "%s/upcalld.d", directory_path());
	options.state_dir = directory_path();
	options.worker_path = "/bin/false";
	fake_shim_reset();
	property(daemon_new(&options, &daemon_of_all, error) == 0);
	daemon_of_all->shim_fd = daemon_of_all->registry.shim_fd = daemon_of_all->queue.shim_fd =
		FAKE_SHIM_FD;
	daemon_of_all->registry.no_module = false;
	*daemon_of_all->shim_error = '\0';
	own_pidfd = pidfd_of((uint32_t)getpid());
	property(own_pidfd >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_text(data, size);
	struct client client = { .root = *text == '0' };
	char *rest = text, *line;

	if (!daemon_of_all)
		start_daemon();
	if (connect_client(&client)) {
		(void)strsep(&rest, "\n");
		for (int i = 0; i < STEPS_MAX && (line = strsep(&rest, "\n")); i++)
			if (is_connected(&client))
				step(&client, line);
		if (is_connected(&client)) {
			call_end(&client);
			/* whatever was registered can be listed */
			call_simple(&client, "List", NULL);
			property(!is_connected(&client) || client.asked == client.answered);
		}
	}
	disconnect_client(&client);
	unregister_all(client.root);
	return 0;
}
