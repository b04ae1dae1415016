// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcall-oci-hook - an OCI runtime's containers register by themselves
 *
 * At createRuntime the container's first process has its namespaces and its cgroup,
 * and has not run a program of the container's yet. It is a child of the runtime,
 * which waits for us, so its pid is its own until we are done.
 *
 * A runtime kills the container whose createRuntime hook fails. So whatever goes wrong
 * is said, and the exit status is 0, unless the administrator wants it otherwise.
 *
 * ATTACK: or unless the container's image may have caused it, whose annotations are in
 * what we read: it would decide that its container runs without a policy.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "libupcall.h"
#include "number.h"
#include "oci-state.h"
#include "report.h"

#define TIMEOUT_MS     3000
#define TIMEOUT_MS_MAX 60000

#define PREFIX "oci-"

#define REASON_SIZE 512

#define PAUSE_MS 20 /* before upcalld is asked again */

struct hook {
	const struct phase *phase;
	const char *prefix;
	const char *runtime;
	uint32_t timeout_ms;
	bool required;
	struct oci_state state;
	char name[OCI_NAME_SIZE];
	char reason[REASON_SIZE]; /* of a failure */
};

struct phase {
	const char *name;
	const char *failed; /* what that means */
	const char *late; /* the same of time that is over: what was asked for may still be done */
	bool begins;	  /* a container that is to run then */
	int (*run)(struct hook *hook, struct upcall_connection *connection);
};

report_format(3) static int fail(struct hook *hook, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(hook->reason, sizeof(hook->reason), format, args);
	va_end(args);
	return error;
}

/* ------------------------------------------------------------------ phases */

static int register_container(struct hook *hook, struct upcall_connection *connection)
{
	const struct upcall_register_options options = { .runtime = hook->runtime };
	cleanup_fd int pidfd = -1;
	int r;

	if (!hook->state.pid)
		return fail(hook, -EBADMSG, "standard input: pid: missing or 0");
	pidfd = pidfd_open(hook->state.pid, 0);
	if (pidfd < 0) {
		r = -errno;
		return fail(hook, r, "pid %d: %s", (int)hook->state.pid, strerror(errno));
	}
	r = upcall_register(connection, hook->name, pidfd, &options, NULL);
	return r < 0 ? fail(hook, r, "%s", upcall_error(connection, r)) : 0;
}

/* Only who has ended: the name may be another's, if the container never got it. */
static int unregister_container(struct hook *hook, struct upcall_connection *connection)
{
	int r = upcall_unregister_ended(connection, hook->name);

	return r < 0 && r != -ENOENT ? fail(hook, r, "%s", upcall_error(connection, r)) : 0;
}

#define FORGOTTEN "upcalld forgets the container when all of it has ended"

static const struct phase phases[] = {
	{ "createRuntime", "the container is not registered", "the container may not be registered",
	  true, register_container },
	{ "poststop", FORGOTTEN, FORGOTTEN, false, unregister_container },
};

#define PHASE_COUNT (sizeof(phases) / sizeof(phases[0]))

static const struct phase *find_phase(const char *name)
{
	for (size_t i = 0; i < PHASE_COUNT; i++)
		if (!strcmp(phases[i].name, name))
			return &phases[i];
	return NULL;
}

/* --------------------------------------------------------------- arguments */

static const char help[] =
	"usage: upcall-oci-hook [OPTION...] createRuntime|poststop\n\n"
	"An OCI hook: registers a container with upcalld, and forgets it. The runtime writes the\n"
	"container's state to standard input. See upcall-oci-hook(8).\n\n"
	"  --prefix TEXT     before the container's id in the name that it gets; default: " PREFIX
	"\n"
	"  --runtime NAME    what made it: is kept and shown\n"
	"  --timeout-ms N    give up after so many milliseconds, 1 to 60000; default: 3000\n"
	"  --required        fail if it cannot be registered: the runtime then kills the container\n"
	"  --help            this\n";

static const struct option options[] = {
	{ "prefix", required_argument, NULL, 'p' },
	{ "runtime", required_argument, NULL, 'r' },
	{ "timeout-ms", required_argument, NULL, 't' },
	{ "required", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int take_option(struct hook *hook, int option, char **argv)
{
	switch (option) {
	case 'p':
		hook->prefix = optarg;
		return 0;
	case 'r':
		hook->runtime = optarg;
		return 0;
	case 'q':
		hook->required = true;
		return 0;
	case 't':
		if (parse_number(optarg, 1, TIMEOUT_MS_MAX, &hook->timeout_ms) >= 0)
			return 0;
		return fail(hook, -EINVAL, "--timeout-ms %s: not a number from 1 to %d", optarg,
			    TIMEOUT_MS_MAX);
	case ':':
		return fail(hook, -EINVAL, "%s: needs a value", argv[optind - 1]);
	}
	return fail(hook, -EINVAL, "%s: no such option, or it takes no value", argv[optind - 1]);
}

/* All of them, also behind a bad one: --required says what that one means. 1: help is wanted. */
static int take_arguments(struct hook *hook, int argc, char **argv)
{
	int option, r = 0;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option == 'h')
			return 1;
		if (take_option(hook, option, argv) < 0)
			r = -EINVAL;
	}
	if (r < 0)
		return r;
	if (argc - optind != 1)
		return fail(hook, -EINVAL, "%d phases given, not one", argc - optind);
	hook->phase = find_phase(argv[optind]);
	if (!hook->phase)
		return fail(hook, -EINVAL, "%s: no phase of mine: createRuntime or poststop",
			    argv[optind]);
	return 0;
}

/* --------------------------------------------------------------------- run */

/* A byte more than may be, so that it is seen. */
static ssize_t read_all(int fd, char *text, size_t room)
{
	size_t size = 0;
	ssize_t n;

	while (size < room) {
		n = read(fd, text + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	return (ssize_t)size;
}

/* What is wrong with the state is nothing that the container may run with: see above. */
static int read_state(struct hook *hook)
{
	static char text[OCI_STATE_MAX + 1];
	char reason[OCI_REASON_SIZE];
	ssize_t size = read_all(STDIN_FILENO, text, sizeof(text));
	int r;

	if (size < 0)
		return fail(hook, (int)size, "standard input: %s", strerror((int)-size));
	r = oci_state_parse(text, (size_t)size, &hook->state, reason);
	if (r < 0) {
		hook->state.id[0] = '\0';
		return fail(hook, r, "standard input: %s", reason);
	}
	return 0;
}

static int choose_name(struct hook *hook)
{
	int r = oci_name(hook->prefix, hook->state.id, hook->name);

	return r < 0 ? fail(hook, r, "'%s%s': no name for a container: longer than %d bytes",
			    hook->prefix, hook->state.id, OCI_NAME_SIZE - 1) :
		       0;
}

/* 1: somebody was there and has hung up, as upcalld does when it has too many, or ends. */
static int call_once(struct hook *hook)
{
	struct upcall_connection *connection;
	int r;

	r = upcall_connect(&connection);
	if (r >= 0) {
		r = hook->phase->run(hook, connection);
		r = r == -ENOTCONN ? 1 : r;
	} else {
		fail(hook, r, "%s", upcall_error(connection, r));
		r = r == -ECONNABORTED ? 1 : r;
	}
	upcall_close(connection);
	return r;
}

static int call(struct hook *hook)
{
	int r;

	limit_says(hook->required, "%s %s: upcalld has not answered within %u ms; %s",
		   hook->phase->name, hook->state.id, hook->timeout_ms, hook->phase->late);
	while ((r = call_once(hook)) > 0)
		(void)poll(NULL, 0, PAUSE_MS);
	return r;
}

static int run(struct hook *hook)
{
	bool required = hook->required;
	int r;

	hook->required = required || hook->phase->begins;
	limit_says(hook->required, "%s: standard input has not ended within %u ms; %s",
		   hook->phase->name, hook->timeout_ms, hook->phase->failed);
	r = limit_start(hook->timeout_ms);
	if (r < 0)
		return fail(hook, r, "cannot set a timer: %s", strerror(-r));
	r = read_state(hook);
	if (r < 0)
		return r;
	hook->required = required;
	r = choose_name(hook);
	return r < 0 ? r : call(hook);
}

/* In a user namespace of his own he is not; what we cannot read is not his. */
static bool is_root_of_the_host(void)
{
	static const char all[] = "         0          0 4294967295\n";
	cleanup_fd int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	char map[sizeof(all)];

	return geteuid() == 0 && fd >= 0 && read(fd, map, sizeof(map)) == (ssize_t)strlen(all) &&
	       !memcmp(map, all, strlen(all));
}

int main(int argc, char **argv)
{
	struct hook hook = { .prefix = PREFIX, .timeout_ms = TIMEOUT_MS };
	int r;

	r = take_arguments(&hook, argc, argv);
	if (r > 0)
		return fputs(help, stdout) < 0 || fflush(stdout) < 0;
	if (r >= 0)
		r = run(&hook);
	/* whom the daemon does not serve has not asked for it, either */
	if (r >= 0 || (r == -EPERM && !hook.required && !is_root_of_the_host()))
		return 0;
	report("%s%s%s: %s%s%s", hook.phase ? hook.phase->name : "arguments",
	       *hook.state.id ? " " : "", hook.state.id, hook.reason, hook.phase ? "; " : "",
	       hook.phase ? hook.phase->failed : "");
	return hook.required;
}
