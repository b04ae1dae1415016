// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raises the same upcall many times and says how long each took
 *
 * bench-client [-n ROUNDS] [-w WARM-UP] [-p PAUSE-MS] [-j PROCESSES] VERB ARG…
 *   key TYPE DESCRIPTION CALLOUT   request_key(2); "%" in DESCRIPTION becomes
 *                                  a number of this round
 *   socket FAMILY                  socket(2) of that number
 * Prints a line for each round after the warm-up: microseconds around the
 * system call alone, "ok" or the errno's name, and when it began (microseconds
 * of CLOCK_MONOTONIC). A key that was made is gone before the next round;
 * between rounds is PAUSE-MS of rest (20), in which what is done after the
 * answer ends.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	DESCRIPTION_MAX = 256,
	PROCESSES_MAX = 256
};

struct round {
	struct timespec begin;
	struct timespec end;
	int error;
};

struct options {
	long rounds;
	long warm_up;
	long pause_ms;
	long processes;
};

typedef int call_fn(char **argv, long number, struct round *round);

static void round_begin(struct round *round)
{
	clock_gettime(CLOCK_MONOTONIC, &round->begin);
}

static void round_end(struct round *round, long ret)
{
	const int error = errno;

	clock_gettime(CLOCK_MONOTONIC, &round->end);
	round->error = ret < 0 ? error : 0;
}

static void description_make(const char *pattern, long number, char text[DESCRIPTION_MAX])
{
	const char *mark = strchr(pattern, '%');

	if (mark)
		snprintf(text, DESCRIPTION_MAX, "%.*s%d.%ld%s", (int)(mark - pattern), pattern,
			 getpid(), number, mark + 1);
	else
		snprintf(text, DESCRIPTION_MAX, "%s", pattern);
}

static int call_key(char **argv, long number, struct round *round)
{
	char description[DESCRIPTION_MAX];
	long key;

	if (!argv[0] || !argv[1] || !argv[2])
		return 2;
	description_make(argv[1], number, description);
	round_begin(round);
	key = syscall(SYS_request_key, argv[0], description, argv[2], KEY_SPEC_SESSION_KEYRING);
	round_end(round, key);
	if (key > 0)
		syscall(SYS_keyctl, KEYCTL_INVALIDATE, key);
	return 0;
}

static int call_socket(char **argv, long number, struct round *round)
{
	int family, fd;

	(void)number;
	if (!argv[0])
		return 2;
	family = (int)strtol(argv[0], NULL, 10);
	round_begin(round);
	fd = socket(family, SOCK_DGRAM, 0);
	round_end(round, fd);
	if (fd >= 0)
		close(fd);
	return 0;
}

static long nanoseconds(const struct timespec *time)
{
	return time->tv_sec * 1000000000L + time->tv_nsec;
}

static void round_print(const struct round *round)
{
	const long begin = nanoseconds(&round->begin), ns = nanoseconds(&round->end) - begin;

	printf("%ld.%03ld %s %ld\n", ns / 1000, ns % 1000,
	       round->error ? strerrorname_np(round->error) : "ok", begin / 1000);
}

/* Nothing is printed before the last round: writing would be measured with the next. */
static int rounds_run(const struct options *options, call_fn *call, char **argv)
{
	const struct timespec pause = { options->pause_ms / 1000,
					options->pause_ms % 1000 * 1000000 };
	struct round *rounds = calloc((size_t)options->rounds, sizeof(*rounds));

	if (!rounds)
		return 1;
	for (long i = -options->warm_up; i < options->rounds; i++) {
		/* on the stack, where writing the time is no page fault */
		struct round round;

		if (call(argv, i, &round))
			return 2;
		if (i >= 0)
			rounds[i] = round;
		nanosleep(&pause, NULL);
	}
	for (long i = 0; i < options->rounds; i++)
		round_print(&rounds[i]);
	free(rounds);
	return 0;
}

/* All begin at once, when the pipe that holds them is closed. */
static int processes_run(const struct options *options, call_fn *call, char **argv)
{
	int gate[2], status, worst = 0;
	char byte;

	if (pipe(gate))
		return 1;
	for (long i = 0; i < options->processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0) {
			static char buffer[1 << 16];

			/* whole lines of each, whoever else prints */
			setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
			close(gate[1]);
			(void)!read(gate[0], &byte, 1);
			status = rounds_run(options, call, argv);
			fflush(stdout);
			_exit(status);
		}
	}
	close(gate[1]);
	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status) > worst)
			worst = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	return worst;
}

static const struct {
	const char *name;
	call_fn *call;
} verbs[] = { { "key", call_key }, { "socket", call_socket } };

static int run(const struct options *options, char **argv)
{
	if (options->rounds < 1 || options->processes < 1 || options->processes > PROCESSES_MAX)
		return 2;
	for (size_t i = 0; argv[0] && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[0], verbs[i].name))
			return options->processes == 1 ?
				       rounds_run(options, verbs[i].call, argv + 1) :
				       processes_run(options, verbs[i].call, argv + 1);
	return 2;
}

int main(int argc, char **argv)
{
	struct options options = { .rounds = 30, .warm_up = 5, .pause_ms = 20, .processes = 1 };
	int option, status;

	/* "+": the verb's arguments are its own */
	while ((option = getopt(argc, argv, "+n:w:p:j:")) >= 0) {
		if (option == 'n')
			options.rounds = strtol(optarg, NULL, 10);
		else if (option == 'w')
			options.warm_up = strtol(optarg, NULL, 10);
		else if (option == 'p')
			options.pause_ms = strtol(optarg, NULL, 10);
		else if (option == 'j')
			options.processes = strtol(optarg, NULL, 10);
		else
			return 2;
	}
	status = run(&options, argv + optind);
	if (status == 2)
		fprintf(stderr, "bench-client: bad usage\n");
	return status;
}
