// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl register: name a running container by a process in it
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>

#include "cleanup.h"
#include "holder.h"
#include "number.h"
#include "process.h"
#include "read-all.h"
#include "table.h"
#include "text.h"
#include "verb.h"

#define LABELS_MAX 64
#define FILTER_MAX (BPF_MAXINSNS * sizeof(struct sock_filter)) /* bytes */

struct arguments {
	char **argv;
	const char *name;
	uint32_t pid;
	struct joins joins; /* instead of it */
	bool json;
	size_t label_count;
	const char *labels[LABELS_MAX + 1];
	struct upcall_register_options options;
	const char *filter_path;
	char *filter; /* owned */
};

static const struct option options[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "ns", required_argument, NULL, 'n' },
	{ "cgroup", required_argument, NULL, 'c' },
	{ "label", required_argument, NULL, 'l' },
	{ "runtime", required_argument, NULL, 'r' },
	{ "seccomp-filter", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int take_namespace(const struct verb *verb, struct joins *joins)
{
	int r = joins_add(joins, optarg);

	if (r == -EEXIST)
		return usage_error(verb, "--ns %s: another one of that type is there", optarg);
	if (r < 0)
		return usage_error(
			verb,
			"--ns %s: not TYPE=PATH, with TYPE one of cgroup, ipc, mnt, net, pid, time, user and uts",
			optarg);
	return -1;
}

/* One option other than --help; negative if all is well, else an exit status. */
static int take_option(const struct verb *verb, int option, char **argv,
		       struct arguments *arguments)
{
	switch (option) {
	case 'p':
		if (parse_number(optarg, 1, INT32_MAX, &arguments->pid) < 0)
			return usage_error(verb, "--pid %s: not a process number", optarg);
		return -1;
	case 'n':
		return take_namespace(verb, &arguments->joins);
	case 'c':
		arguments->options.cgroup = optarg;
		return -1;
	case 'l':
		if (arguments->label_count == LABELS_MAX)
			return usage_error(verb, "--label %s: more than %d labels", optarg,
					   LABELS_MAX);
		arguments->labels[arguments->label_count++] = optarg;
		return -1;
	case 'r':
		arguments->options.runtime = optarg;
		return -1;
	case 's':
		arguments->filter_path = optarg;
		return -1;
	case 'j':
		arguments->json = true;
		return -1;
	}
	return refuse_option(verb, option, argv);
}

static int refuse_words(const struct verb *verb, char **words, int count, bool with_pid)
{
	uint32_t pid;

	if (count == 0)
		return usage_error(verb, "no NAME given");
	if (count == 2 && !with_pid && parse_number(words[1], 1, INT32_MAX, &pid) >= 0)
		return usage_error(verb, "%s: a process is named by --pid %u", words[1], pid);
	return usage_error(verb, "one NAME only");
}

/* Negative if all is well, else an exit status. */
static int take_arguments(const struct verb *verb, int argc, char **argv,
			  struct arguments *arguments)
{
	int option, status;

	while ((option = getopt_long(argc, argv, ":hj", options, NULL)) != -1) {
		if (option == 'h')
			return print_verb_help(verb);
		status = take_option(verb, option, argv, arguments);
		if (status >= 0)
			return status;
	}
	if (argc - optind != 1)
		return refuse_words(verb, argv + optind, argc - optind, arguments->pid != 0);
	arguments->name = argv[optind];
	if (arguments->pid && joins_any(&arguments->joins))
		return usage_error(verb, "%s: --pid or --ns, not both", arguments->name);
	if (!arguments->pid && !joins_any(&arguments->joins))
		return usage_error(verb, "%s: no --pid given, nor any --ns", arguments->name);
	if (!arguments->pid && !arguments->options.cgroup)
		return usage_error(verb, "%s: --ns: not without --cgroup", arguments->name);
	arguments->options.labels = arguments->labels;
	return -1;
}

/* More than upcalld takes, so that it says so. */
static int read_filter(struct arguments *arguments)
{
	cleanup_fd int fd = -1;
	ssize_t size;

	if (!arguments->filter_path)
		return 0;
	fd = open(arguments->filter_path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -errno :
			read_all(fd, FILTER_MAX + sizeof(struct sock_filter), &arguments->filter);
	if (size < 0)
		return (int)size;
	arguments->options.seccomp_filter = arguments->filter;
	arguments->options.seccomp_filter_size = (size_t)size;
	return size > 0 ? 0 : -ENODATA;
}

static void print_entry(const struct upcall_entry *entry)
{
	printf("registered %s: leader %u", entry->name, entry->leader);
	if (*entry->cgroup)
		printf(", cgroup %s", entry->cgroup);
	printf(", %s%s\n", *entry->policy ? "policy " : "no policy: nothing changes for it",
	       entry->policy);
	for (const char *const *warning = entry->warnings; *warning; warning++)
		fprintf(stderr, "upcallctl: register %s: warning: %s\n", entry->name, *warning);
}

static int print_result(const struct verb *verb, const struct arguments *arguments,
			struct upcall_entry *entry)
{
	struct upcall_entry *const entries[] = { entry, NULL };
	int r = 0;

	if (arguments->json)
		r = table_print(&container_columns, (const void *const *)entries,
				&(struct table_format){ .json = true });
	else
		print_entry(entry);
	if (r < 0)
		return failed(verb, r, "%s: cannot print it", arguments->name);
	return finish_output(verb);
}

/* holder: whose pidfd it is, or NULL */
static int register_process(const struct verb *verb, struct arguments *arguments, int pidfd,
			    struct holder *holder)
{
	struct upcall_connection *connection;
	struct upcall_entry *entry = NULL;
	int r, status;

	r = upcall_connect(&connection);
	if (r >= 0)
		r = upcall_register(connection, arguments->name, pidfd, &arguments->options,
				    &entry);
	if (r < 0) {
		status = library_failed(verb, arguments->name, connection, r);
		/* the name is none, or an option's value: wrong usage */
		return r == -EINVAL ? STATUS_USAGE : status;
	}
	r = holder ? holder_keep(holder) : 0;
	if (r < 0)
		(void)upcall_unregister(connection, entry->name);
	status = r < 0 ? failed(verb, r, "%s: its leader", arguments->name) :
			 print_result(verb, arguments, entry);
	upcall_entry_free(entry);
	upcall_close(connection);
	return status;
}

static int register_pid(const struct verb *verb, struct arguments *arguments)
{
	cleanup_fd int pidfd = pidfd_open((pid_t)arguments->pid, 0);

	if (pidfd < 0)
		return failed(verb, errno, "%s: pid %u", arguments->name, arguments->pid);
	return register_process(verb, arguments, pidfd, NULL);
}

static void cleanup_holder(struct holder *holder)
{
	(void)holder_end(holder);
}

/* What is wrong with the daemon or the module has statuses of its own. */
static int not_held(const struct verb *verb, const struct arguments *arguments, int error,
		    const char *what)
{
	int status = failed(verb, error, "%s: %s", arguments->name, what);

	return status == STATUS_NO_SUCH || status == STATUS_DENIED ? status : STATUS_FAILED;
}

/*
 * ATTACK: whoever joins a user namespace of somebody else's has new credentials, and with this
 * anybody there may trace him before he can say that it is not to be.
 */
static bool is_traceable(void)
{
	char line[16];

	return read_line("/proc/sys/fs/suid_dumpable", line, sizeof(line)) < 0 ||
	       !strcmp(line, "1");
}

/* ORDER: the leader ends with us until it is registered */
static int register_held(const struct verb *verb, struct arguments *arguments)
{
	cleanup_with(cleanup_holder) struct holder holder = HOLDER_NULL;
	const struct holder_start start = { .name = arguments->name,
					    .joins = &arguments->joins,
					    .cgroup = arguments->options.cgroup,
					    .argv = arguments->argv };
	char reason[JOINS_REASON_SIZE];
	const char *what;
	int r;

	if (!text_is_name(arguments->name))
		return usage_error(verb, "'%s' is no name for a container", arguments->name);
	if (is_traceable()) {
		fprintf(stderr,
			"upcallctl: register %s: --ns: fs.suid_dumpable is 1: sysctl -w fs.suid_dumpable=0\n",
			arguments->name);
		return STATUS_FAILED;
	}
	if (!joins_open(&arguments->joins, reason)) {
		fprintf(stderr, "upcallctl: register %s: --ns %s\n", arguments->name, reason);
		return STATUS_FAILED;
	}
	r = holder_start(&holder, &start, &what);
	if (r < 0)
		return not_held(verb, arguments, r, what);
	return register_process(verb, arguments, holder.pidfd, &holder);
}

static int register_as(const struct verb *verb, struct arguments *arguments)
{
	return arguments->pid ? register_pid(verb, arguments) : register_held(verb, arguments);
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct arguments arguments = { .argv = argv };
	int r, status;

	status = take_arguments(verb, argc, argv, &arguments);
	if (status >= 0)
		return status;
	r = read_filter(&arguments);
	status = r < 0 ? failed(verb, -r, "--seccomp-filter %s", arguments.filter_path) :
			 register_as(verb, &arguments);
	joins_close(&arguments.joins);
	free(arguments.filter);
	return status;
}

const struct verb verb_register = {
	.name = "register",
	.arguments =
		"NAME {--pid PID | --ns TYPE=PATH...} [--cgroup PATH] [--label LABEL]... [--runtime NAME] [--seccomp-filter FILE] [--json]",
	.summary = "Register the container that a process lives in",
	.details =
		"  --pid PID       its first process\n"
		"  --ns TYPE=PATH  instead of a process, one of its namespaces, for instance\n"
		"                  net=/run/netns/blue; may repeat. A process that does nothing is\n"
		"                  put there, into a cgroup below --cgroup, until 'unregister'\n"
		"  --cgroup PATH   where its tasks are, below /sys/fs/cgroup; default: the root of PID's\n"
		"                  cgroup namespace, or else what upcallctl(1) says\n"
		"  --label LABEL   is kept and shown; may repeat\n"
		"  --runtime NAME  what made it: shown, and for Runtime= of a policy\n"
		"  --seccomp-filter FILE\n"
		"                  the filter that its programs run under, as instructions of BPF\n"
		"  --json          print the container as 'list --json' does\n\n",
	.example = "upcallctl register web --pid 4711 --cgroup /machine.slice/web",
	.run = run,
};
