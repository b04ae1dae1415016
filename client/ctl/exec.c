// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl exec: what would a handler see?
 *
 * The container's worker enters it as for a handler; we only carry bytes to and
 * fro. The exit status is the command's, so failures of ours are where env(1) and
 * chroot(1) have theirs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "describe.h"
#include "json.h"
#include "number.h"
#include "step.h"
#include "visit.h"

#define SECONDS_USUAL 60
#define SECONDS_MAX   86400

struct arguments {
	bool json;
	uint32_t seconds;
	const char *name;
	const char *command;
	char *const *argv; /* whose first it is */
};

static const struct option options[] = {
	{ "timeout", required_argument, NULL, 't' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Negative if all is well, else an exit status; 0 is that of --help. */
static int take_options(const struct verb *verb, int argc, char **argv, struct arguments *arguments)
{
	int option;

	/* +: what follows NAME is the command's */
	while ((option = getopt_long(argc, argv, "+:hj", options, NULL)) != -1) {
		if (option == 'h')
			return print_verb_help(verb);
		if (option == 'j')
			arguments->json = true;
		else if (option != 't')
			return refuse_option(verb, option, argv);
		else if (parse_number(optarg, 1, SECONDS_MAX, &arguments->seconds) < 0)
			return usage_error(verb, "--timeout %s: not 1 to %d seconds", optarg,
					   SECONDS_MAX);
	}
	return -1;
}

static int take_arguments(const struct verb *verb, int argc, char **argv,
			  struct arguments *arguments)
{
	int status = take_options(verb, argc, argv, arguments), at = optind;

	if (status >= 0)
		return status;
	if (at == argc)
		return usage_error(verb, "no NAME given");
	arguments->name = argv[at++];
	if (at < argc && strcmp(argv[at], "--") == 0)
		at++;
	if (at == argc)
		return usage_error(verb, "%s: no command given", arguments->name);
	/* the host's PATH says nothing about the container, and nobody searches its */
	if (argv[at][0] != '/')
		return usage_error(verb, "%s: %s: not an absolute path in the container",
				   arguments->name, argv[at]);
	arguments->command = argv[at];
	arguments->argv = argv + at;
	return -1;
}

static int exit_status(const struct worker_result *result)
{
	switch ((enum worker_outcome)result->outcome) {
	case WORKER_SERVED:
	case WORKER_HANDLER_FAILED:
		return WEXITSTATUS(result->wait_status);
	case WORKER_HANDLER_KILLED:
	case WORKER_HANDLER_OOM:
		return COMMAND_SIGNAL + WTERMSIG(result->wait_status);
	case WORKER_HANDLER_TIMEOUT:
		return COMMAND_TIMEOUT;
	case WORKER_EXEC_FAILED:
		return result->error == ENOENT ? COMMAND_NOT_FOUND : COMMAND_CANNOT_EXECUTE;
	case WORKER_ENTRY_FAILED:
	case WORKER_GONE:
	case WORKER_BAD_ANSWER:
		break;
	}
	return COMMAND_FAILED;
}

/* What an exit status alone would leave open. */
static void print_why(const struct arguments *arguments, const struct worker_result *result)
{
	fprintf(stderr, "upcallctl: exec %s: ", arguments->name);
	switch ((enum worker_outcome)result->outcome) {
	case WORKER_HANDLER_TIMEOUT:
		fprintf(stderr, "killed: it ran for more than %u s\n", arguments->seconds);
		break;
	case WORKER_HANDLER_OOM:
		fputs("killed: its cgroup had no memory left\n", stderr);
		break;
	case WORKER_EXEC_FAILED:
		fprintf(stderr, "%s: %s\n", arguments->command, strerror(result->error));
		break;
	default:
		fprintf(stderr, "the container could not be entered: step %s%s: %s\n",
			step_name(result->step), step_meaning(step_name(result->step)),
			strerror(result->error));
	}
}

static void print_json(const struct arguments *arguments, const struct worker_result *result,
		       bool input_cut)
{
	bool killed = WIFSIGNALED(result->wait_status);

	json_open(NULL, '{');
	json_string("container", arguments->name);
	json_string("outcome", visit_outcome(result));
	json_number("exit-status", (uint64_t)exit_status(result));
	json_number("signal", killed ? (uint64_t)WTERMSIG(result->wait_status) : 0);
	json_string("step", step_name(result->step));
	json_string("error", result->error ? strerror(result->error) : "");
	json_number("pid", result->handler_pid);
	json_number("duration", result->duration_us);
	json_bool("input-cut", input_cut);
	json_close('}');
}

/* With --json, our standard output has nothing but how it went. */
static int print_to_stderr(void *data, int fd, char *bytes, size_t size)
{
	return relay_print(data, STDERR_FILENO, bytes, size);
}

static int relay_failed(const struct verb *verb, const struct arguments *arguments, int error)
{
	if (error == -ECONNRESET)
		fprintf(stderr,
			"upcallctl: exec %s: its worker has gone, and the command with it\n",
			arguments->name);
	else if (error == -ETIMEDOUT)
		fprintf(stderr, "upcallctl: exec %s: its worker does not say how it ended\n",
			arguments->name);
	else
		(void)failed(verb, error, "%s: cannot go on", arguments->name);
	return COMMAND_FAILED;
}

/* It may have ended well for all that, and have done half of what was to be done. */
static void print_ending(const struct arguments *arguments, const struct worker_result *result,
			 int input_error)
{
	const char *outcome = visit_outcome(result);

	if (arguments->json) {
		print_json(arguments, result, input_error < 0);
		return;
	}
	if (strcmp(outcome, "exited") != 0 && strcmp(outcome, "killed") != 0)
		print_why(arguments, result);
	if (input_error < 0)
		fprintf(stderr, "upcallctl: exec %s: what it was to read was cut short: %s\n",
			arguments->name, strerror(-input_error));
}

static int go(const struct verb *verb, const struct arguments *arguments)
{
	struct visit visit = VISIT_NULL;
	struct worker_result result;
	struct relay relay = {
		.input = STDIN_FILENO,
		.print = arguments->json ? print_to_stderr : relay_print,
		.seconds = arguments->seconds + VISIT_SLACK_SECONDS,
	};
	int r, input_error;

	if (visit_begin(verb, arguments->name, arguments->argv, arguments->seconds,
			/* probe= */ false, &visit) >= 0)
		return COMMAND_FAILED;
	relay.channel = visit.channel;
	relay.carrier = &visit.carrier;
	memcpy(relay.sockets, visit.sockets, sizeof(relay.sockets));
	r = relay_run(&relay, &result);
	input_error = visit_end(&visit);
	if (r < 0)
		return relay_failed(verb, arguments, r);
	print_ending(arguments, &result, input_error);
	return finish_output(verb) == STATUS_OK ? exit_status(&result) : COMMAND_FAILED;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct arguments arguments = { .seconds = SECONDS_USUAL };
	int status = take_arguments(verb, argc, argv, &arguments);

	if (status >= 0)
		return status == STATUS_OK ? STATUS_OK : COMMAND_FAILED;
	return go(verb, &arguments);
}

const struct verb verb_exec = {
	.name = "exec",
	.arguments = "[--timeout SECONDS] [--json] NAME [--] CMD [ARG]...",
	.summary = "Run a command in a container, entered as its handlers enter it",
	.details =
		"  --timeout SECONDS  how long it may run, 1 to 86400; default: 60\n"
		"  --json             how it went; what CMD prints goes to standard error\n"
		"  CMD                an absolute path in the container\n\n"
		"CMD has what a handler has: namespaces, root, ids, capabilities, limits, a cgroup\n"
		"of its own below the container's, HOME=/ and PATH=/sbin:/bin:/usr/sbin:/usr/bin.\n"
		"What it reads and prints is carried through sockets: it never holds a file or a\n"
		"terminal of yours, so programs that ask for a terminal find none, and control\n"
		"characters that it prints do not reach one. At its end, or at yours, everything in\n"
		"its cgroup is killed. What the container has moved to another one may stay; and if\n"
		"the worker ends meanwhile, as at 'unregister', so may what CMD has started.\n\n",
	.example = "upcallctl exec web -- /bin/cat /proc/self/status",
	.statuses =
		"exit status: CMD's own; 128 and the number of the signal that killed it; 124 it ran too\n"
		"long; 125 upcallctl failed, or the container could not be entered: the sentence says at\n"
		"which step; 126 CMD cannot be executed; 127 there is no CMD\n",
	.run = run,
};
