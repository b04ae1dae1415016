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
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "defaults.h"
#include "hook.h"
#include "late.h"
#include "number.h"
#include "read-all.h"

#define TIMEOUT_MS_MAX 60000

/* --------------------------------------------------------------- arguments */

static const char help[] =
	"usage: upcall-oci-hook [OPTION...] createRuntime|poststop\n\n"
	"An OCI hook: registers a container with upcalld, and forgets it. The runtime writes the\n"
	"container's state to standard input, or says it by --id and --pid. See upcall-oci-hook(8).\n\n"
	"  --id ID           what the container is called, instead of standard input\n"
	"  --pid PID         its first process; with --id, for createRuntime\n"
	"  --prefix TEXT     before the container's id in the name that it gets; default: " PREFIX
	"\n"
	"  --runtime NAME    what made it: shown, and for Runtime= of a policy\n"
	"  --timeout-ms N    give up after so many milliseconds, 1 to 60000; default: 3000\n"
	"  --required        fail if it cannot be registered: the runtime then kills the container\n"
	"  --help            this\n";

static const struct option options[] = {
	{ "id", required_argument, NULL, 'i' },
	{ "pid", required_argument, NULL, 'P' },
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
	case 'i':
		hook->id = optarg;
		return 0;
	case 'P':
		if (parse_number(optarg, 1, INT32_MAX, &hook->pid) >= 0)
			return 0;
		return fail(hook, -EINVAL, "--pid %s: not a number from 1 to %d", optarg,
			    INT32_MAX);
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
	if (hook->pid && !hook->id)
		return fail(hook, -EINVAL, "--pid: not without --id");
	hook->phase = phase_find(argv[optind]);
	if (!hook->phase)
		return fail(hook, -EINVAL, "%s: no phase of mine: createRuntime or poststop",
			    argv[optind]);
	return 0;
}

/* --------------------------------------------------------------------- run */

static int take_id(struct hook *hook)
{
	char reason[OCI_REASON_SIZE];
	int r = oci_state_id(&hook->state, hook->id, reason);

	hook->state.pid = (pid_t)hook->pid;
	return r < 0 ? fail(hook, r, "--%s", reason) : 0;
}

/* What is wrong with the state is nothing that the container may run with: see above. */
static int read_state(struct hook *hook)
{
	cleanup_free char *text = NULL;
	char reason[OCI_REASON_SIZE];
	ssize_t size;
	int r;

	if (hook->id)
		return take_id(hook);
	size = read_all(STDIN_FILENO, OCI_TEXT_MAX + 1, &text);
	if (size < 0)
		return fail(hook, (int)size, "standard input: %s", strerror((int)-size));
	r = oci_state_parse(text, (size_t)size, &hook->state, reason);
	if (r < 0) {
		hook->state.id[0] = '\0';
		return fail(hook, r, "standard input: %s", reason);
	}
	return 0;
}

#define STATUS_MAX 65536 /* bytes of /proc/PID/status */
#define UNFILTERED "\nSeccomp:\t0\n"

/* Who started the runtime may be under a filter, which its containers have besides. */
static bool is_filtered(pid_t pid)
{
	cleanup_free char *status = NULL;
	cleanup_fd int fd = -1;
	char path[32];
	ssize_t size;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read_all(fd, STATUS_MAX, &status);
	return size < 0 || !memmem(status, (size_t)size, UNFILTERED, strlen(UNFILTERED));
}

/*
 * The filter that its programs run under. Without it upcalld runs none of them, once the container
 * has it: that is said, and nothing else.
 */
static void read_filter(struct hook *hook)
{
	cleanup_free char *text = NULL;
	char path[sizeof(hook->state.bundle) + sizeof("/config.json")], reason[OCI_REASON_SIZE];
	cleanup_fd int fd = -1;
	ssize_t size;

	if (!hook->phase->begins || !*hook->state.bundle)
		return;
	(void)snprintf(path, sizeof(path), "%s/config.json", hook->state.bundle);
	late_config(hook->required, hook->phase->name, hook->state.id, path, hook->phase->failed);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -errno : read_all(fd, OCI_TEXT_MAX + 1, &text);
	if (size < 0)
		report("%s %s: no seccomp filter: %s: %s", hook->phase->name, hook->state.id, path,
		       strerror((int)-size));
	else if (is_filtered(hook->state.pid))
		report("%s %s: no seccomp filter: process %d is under another already",
		       hook->phase->name, hook->state.id, (int)hook->state.pid);
	else if (oci_seccomp(text, (size_t)size, &hook->filter, reason) < 0)
		report("%s %s: no seccomp filter: %s: %s", hook->phase->name, hook->state.id, path,
		       reason);
}

static int choose_name(struct hook *hook)
{
	int r = oci_name(hook->prefix, hook->state.id, hook->name);

	return r < 0 ? fail(hook, r, "'%s%s': no name for a container: longer than %d bytes",
			    hook->prefix, hook->state.id, OCI_NAME_SIZE - 1) :
		       0;
}

/*
 * The state has a time of its own, and much: an image can make it long, and is to gain
 * nothing by that. It is over at the second alarm, so that a machine that stood is no reason.
 */
static int take_state(struct hook *hook)
{
	const uint32_t most_ms = STATE_TIMES * hook->timeout_ms;
	bool required = hook->required || (hook->phase->begins && !hook->id);
	int r;

	late_state(required, hook->phase->name, most_ms, hook->phase->failed);
	r = limit_start(most_ms, 2);
	if (r < 0)
		return fail(hook, r, "cannot set a timer: %s", strerror(-r));
	r = read_state(hook);
	if (r >= 0)
		read_filter(hook);
	else
		hook->required = required;
	return r;
}

static int run(struct hook *hook)
{
	int r;

	r = take_state(hook);
	if (r >= 0)
		r = choose_name(hook);
	if (r >= 0)
		r = phase_run(hook);
	oci_filter_clear(&hook->filter);
	return r;
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
