// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl run: a program in a container that upcalld knows before its first instruction
 *
 *   create -> fork, the child waits -> register -> go -> its end
 *
 * The container is an fd of ours: however we end, all of it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <libupcall-container.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "number.h"
#include "signals.h"
#include "verb.h"

/* What a program's upcalls can be told by; the network stays the caller's. */
#define USUAL_FLAGS                                                    \
	(UPCALL_CONTAINER_NEW_FS_NS | UPCALL_CONTAINER_NEW_CGROUP_NS | \
	 UPCALL_CONTAINER_NEW_UTS_NS | UPCALL_CONTAINER_NEW_IPC_NS | UPCALL_CONTAINER_NEW_PID_NS)
#define MAP_COUNT 65536

struct arguments {
	const char *name;
	unsigned int flags; /* UPCALL_CONTAINER_NEW_* */
	uint32_t first_id;  /* outside, of root inside; 0: not said */
	bool json;
	const char *program;
	char *const *argv; /* whose first it is */
};

static const struct option options[] = {
	{ "name", required_argument, NULL, 'n' }, { "new-fs", no_argument, NULL, 'F' },
	{ "new-cgroup", no_argument, NULL, 'C' }, { "new-uts", no_argument, NULL, 'U' },
	{ "new-ipc", no_argument, NULL, 'I' },	  { "new-user", no_argument, NULL, 'S' },
	{ "new-pid", no_argument, NULL, 'P' },	  { "new-net", no_argument, NULL, 'N' },
	{ "map", required_argument, NULL, 'm' },  { "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },	  { NULL, 0, NULL, 0 },
};

static unsigned int flag_of(int option)
{
	static const struct {
		int option;
		unsigned int flag;
	} flags[] = {
		{ 'F', UPCALL_CONTAINER_NEW_FS_NS },   { 'C', UPCALL_CONTAINER_NEW_CGROUP_NS },
		{ 'U', UPCALL_CONTAINER_NEW_UTS_NS },  { 'I', UPCALL_CONTAINER_NEW_IPC_NS },
		{ 'S', UPCALL_CONTAINER_NEW_USER_NS }, { 'P', UPCALL_CONTAINER_NEW_PID_NS },
		{ 'N', UPCALL_CONTAINER_NEW_NET_NS },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].option == option)
			return flags[i].flag;
	return 0;
}

/* One option other than --help; negative if all is well, else an exit status. */
static int take_option(const struct verb *verb, int option, char **argv,
		       struct arguments *arguments)
{
	switch (option) {
	case 'n':
		arguments->name = optarg;
		return -1;
	case 'm':
		if (parse_number(optarg, 1, UINT32_MAX - MAP_COUNT, &arguments->first_id) < 0)
			return usage_error(verb, "--map %s: not an id from 1 to %u", optarg,
					   UINT32_MAX - MAP_COUNT);
		return -1;
	case 'j':
		arguments->json = true;
		return -1;
	}
	if (!flag_of(option))
		return refuse_option(verb, option, argv);
	arguments->flags |= flag_of(option);
	return -1;
}

/* Negative if all is well, else an exit status; 0 is that of --help. */
static int take_arguments(const struct verb *verb, int argc, char **argv,
			  struct arguments *arguments)
{
	int option, status;

	/* +: what follows is the program's */
	while ((option = getopt_long(argc, argv, "+:hj", options, NULL)) != -1) {
		if (option == 'h')
			return print_verb_help(verb);
		status = take_option(verb, option, argv, arguments);
		if (status >= 0)
			return status;
	}
	if (!arguments->name)
		return usage_error(verb, "no --name given");
	if (optind == argc)
		return usage_error(verb, "%s: no program given", arguments->name);
	if (!arguments->flags)
		arguments->flags = USUAL_FLAGS;
	if (arguments->first_id && !(arguments->flags & UPCALL_CONTAINER_NEW_USER_NS))
		return usage_error(verb, "--map: not without --new-user");
	if (!arguments->first_id && arguments->flags & UPCALL_CONTAINER_NEW_USER_NS &&
	    geteuid() == 0)
		return usage_error(
			verb, "--new-user: not without --map: root inside would be root outside");
	arguments->program = argv[optind];
	arguments->argv = argv + optind;
	return -1;
}

/* --------------------------------------------------------------- the child */

/* Its /proc would be another pid namespace's. Its mounts are nobody else's. */
static int proc_mount(unsigned int flags)
{
	const unsigned int both = UPCALL_CONTAINER_NEW_FS_NS | UPCALL_CONTAINER_NEW_PID_NS;

	if ((flags & both) != both)
		return 0;
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? errno :
											    0;
}

/* Says why it could not be executed; if it was, the pipe's end says so. */
static _Noreturn void program_run(const struct arguments *arguments, int go_fd, int said_fd)
{
	char word;
	int error;

	/* who has forked us is gone, or has not been able to register us */
	if (read(go_fd, &word, 1) != 1)
		_exit(COMMAND_FAILED);
	if (arguments->json)
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	error = proc_mount(arguments->flags);
	if (!error) {
		signals_restore();
		(void)execvp(arguments->program, arguments->argv);
		error = errno;
	}
	(void)!write(said_fd, &error, sizeof(error));
	_exit(COMMAND_FAILED);
}

/* -------------------------------------------------------------- the parent */

static int cannot(const struct verb *verb, const struct arguments *arguments, int error,
		  const char *what)
{
	(void)failed(verb, error, "%s: %s", arguments->name, what);
	return COMMAND_FAILED;
}

static int container_make(const struct arguments *arguments)
{
	const struct upcall_id_range ids[] = {
		{ .inside = 0, .outside = arguments->first_id, .count = MAP_COUNT },
		{ .count = 0 },
	};
	const struct upcall_container_options made = { .uids = ids, .gids = ids };

	return upcall_container_create(arguments->name,
				       arguments->flags | UPCALL_CONTAINER_KILL_ON_CLOSE |
					       UPCALL_CONTAINER_FD_CLOEXEC,
				       arguments->first_id ? &made : NULL);
}

static int container_register(const struct verb *verb, const struct arguments *arguments,
			      int container)
{
	const struct upcall_register_options how = { .runtime = "upcallctl" };
	struct upcall_connection *connection;
	struct upcall_entry *entry = NULL;
	int r;

	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_register_container(connection, NULL, container, &how, &entry);
	if (r < 0) {
		(void)library_failed(verb, arguments->name, connection, r);
		return r;
	}
	for (const char *const *warning = entry->warnings; *warning; warning++)
		fprintf(stderr, "upcallctl: run %s: warning: %s\n", arguments->name, *warning);
	upcall_entry_free(entry);
	upcall_close(connection);
	return 0;
}

static void print_end(const struct arguments *arguments, int wait_status)
{
	const bool killed = WIFSIGNALED(wait_status);

	json_open(NULL, '{');
	json_string("container", arguments->name);
	json_string("outcome", killed ? "killed" : "exited");
	json_number("exit-status", killed ? 0 : (uint64_t)WEXITSTATUS(wait_status));
	json_number("signal", killed ? (uint64_t)WTERMSIG(wait_status) : 0);
	json_close('}');
}

static int program_wait(const struct verb *verb, const struct arguments *arguments, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cannot(verb, arguments, errno, "its end is not known");
	if (arguments->json)
		print_end(arguments, status);
	if (finish_output(verb) != STATUS_OK)
		return COMMAND_FAILED;
	return WIFSIGNALED(status) ? COMMAND_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Of a container whose first process is `pid`, and waits for the word. */
static int program_go(const struct verb *verb, const struct arguments *arguments, int container,
		      pid_t pid, int go_fd, int said_fd)
{
	int error = 0;

	if (container_register(verb, arguments, container) < 0)
		return COMMAND_FAILED;
	/* the terminal's are its own: it says how it ends of them */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	if (write(go_fd, "1", 1) != 1)
		return cannot(verb, arguments, errno, "its first process is gone");
	if (read(said_fd, &error, sizeof(error)) == sizeof(error)) {
		fprintf(stderr, "upcallctl: run %s: %s: %s\n", arguments->name, arguments->program,
			strerror(error));
		return error == ENOENT ? COMMAND_NOT_FOUND : COMMAND_CANNOT_EXECUTE;
	}
	return program_wait(verb, arguments, pid);
}

static int container_run(const struct verb *verb, const struct arguments *arguments)
{
	cleanup_fd int container = container_make(arguments);
	cleanup_fd int go_read = -1, go_write = -1, said_read = -1, said_write = -1;
	int go[2], said[2];
	pid_t pid;

	if (container < 0)
		return cannot(verb, arguments, container, "it cannot be made");
	if (pipe2(go, O_CLOEXEC) < 0)
		return cannot(verb, arguments, errno, "no pipe");
	go_read = go[0];
	go_write = go[1];
	if (pipe2(said, O_CLOEXEC) < 0)
		return cannot(verb, arguments, errno, "no pipe");
	said_read = said[0];
	said_write = said[1];
	pid = upcall_container_fork(container);
	if (pid < 0)
		return cannot(verb, arguments, pid, "its first process cannot be made");
	if (pid == 0) {
		/* or it would be who keeps it open */
		close(take_fd(&go_write));
		program_run(arguments, go_read, said_write);
	}
	close(take_fd(&said_write));
	close(take_fd(&go_read));
	return program_go(verb, arguments, container, pid, go_write, said_read);
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status = take_arguments(verb, argc, argv, &arguments);

	if (status >= 0 || !arguments.program)
		return status == STATUS_OK ? STATUS_OK : COMMAND_FAILED;
	/* a first process that is gone is said so */
	(void)signal(SIGPIPE, SIG_IGN);
	return container_run(verb, &arguments);
}

const struct verb verb_run = {
	.name = "run",
	.arguments = "--name NAME [OPTION]... [--] PROGRAM [ARG]...",
	.summary = "Run a program in a container of its own, registered from the beginning",
	.details =
		"  --name NAME   what it is called, and its policy goes by\n"
		"  --new-fs      its own mounts, a copy of yours\n"
		"  --new-cgroup, --new-uts, --new-ipc, --new-pid, --new-net, --new-user\n"
		"                its own namespace of that type; default, if none is named: fs, cgroup,\n"
		"                uts, ipc and pid\n"
		"  --map ID      with --new-user: ids 0 to 65535 inside are those from ID on outside\n"
		"  --json        how it ended; what PROGRAM prints goes to standard error\n\n"
		"PROGRAM is found by PATH, and has your files, terminal and environment. With --new-pid\n"
		"it is process 1 there: it does not die of a signal that it has no handler for. When it\n"
		"ends, or upcallctl does, everything in the container is killed.\n\n",
	.example = "upcallctl run --name web-test -- /usr/local/bin/server --verbose",
	.statuses =
		"exit status: PROGRAM's own; 128 and the number of the signal that killed it; 125 upcallctl\n"
		"failed: the sentence says why; 126 PROGRAM cannot be executed; 127 there is no PROGRAM\n",
	.run = run,
};
