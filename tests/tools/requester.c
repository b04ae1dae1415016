// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raises one upcall, from wherever it is run; static, so it runs in any root
 *
 * requester VERB ARG…
 *   crash              dies of SIGSEGV
 *   key TYPE DESCRIPTION CALLOUT [KEYRING]
 *                      request_key(2) into the session keyring (or KEYRING, a
 *                      number); prints the payload
 *   socket FAMILY      socket(2) of that number: asks for net-pf-FAMILY
 *   mount TYPE SOURCE TARGET [OPTIONS]
 *   raise TEXT         writes it to the device of tests/kmod
 *   wait FILE          until FILE exists; then exits
 *   leave NS FILE      waits for FILE, leaves its uts, ipc or cgroup namespace for
 *                      a new one, renames FILE to FILE.left and stays
 *   unshare VERB ARG…  everything unshared first, in a new process
 *   while FILE VERB ARG…
 *                      again and again, 20 ms between, as long as FILE exists
 * Prints "ok" or the errno's name and its time: "ERRNO TEXT ms=N". Exit 0 if the
 * call succeeded, 1 if it failed, 2 on bad usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct timespec started;

static long elapsed_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - started.tv_sec) * 1000 + (now.tv_nsec - started.tv_nsec) / 1000000;
}

static int report(long ret)
{
	if (ret >= 0) {
		printf("ok ms=%ld\n", elapsed_ms());
		return 0;
	}
	printf("%s %s ms=%ld\n", strerrorname_np(errno), strerror(errno), elapsed_ms());
	return 1;
}

static int verb_crash(char **argv)
{
	volatile char *volatile nowhere = NULL;

	(void)argv;
	signal(SIGSEGV, SIG_DFL);
	/* not raise(3): what the init of a pid namespace sends itself does nothing */
	*nowhere = 1;
	return 2;
}

static int verb_key(char **argv)
{
	char payload[4096];
	long ring = KEY_SPEC_SESSION_KEYRING;
	long key, size;

	if (!argv[0] || !argv[1] || !argv[2])
		return 2;
	if (argv[3])
		ring = strtol(argv[3], NULL, 10);
	key = syscall(SYS_request_key, argv[0], argv[1], argv[2], ring);
	if (key < 0)
		return report(key);
	size = syscall(SYS_keyctl, KEYCTL_READ, key, payload, sizeof(payload) - 1);
	if (size > 0 && (size_t)size < sizeof(payload))
		printf("payload %.*s\n", (int)size, payload);
	return report(0);
}

static int verb_socket(char **argv)
{
	if (!argv[0])
		return 2;
	return report(socket((int)strtol(argv[0], NULL, 10), SOCK_DGRAM, 0));
}

static int verb_mount(char **argv)
{
	if (!argv[0] || !argv[1] || !argv[2])
		return 2;
	return report(mount(argv[1], argv[2], argv[0], 0, argv[3]));
}

static int verb_raise(char **argv)
{
	int fd = open("/dev/upcall-raiser", O_WRONLY | O_CLOEXEC);

	if (!argv[0])
		return 2;
	return report(fd < 0 ? fd : write(fd, argv[0], strlen(argv[0])));
}

static const struct timespec interval = { .tv_nsec = 20000000 };

static int verb_wait(char **argv)
{
	if (!argv[0])
		return 2;
	while (access(argv[0], F_OK))
		nanosleep(&interval, NULL);
	return 0;
}

static int verb_leave(char **argv)
{
	static const struct {
		const char *name;
		int flag;
	} kinds[] = {
		{ "uts", CLONE_NEWUTS },
		{ "ipc", CLONE_NEWIPC },
		{ "cgroup", CLONE_NEWCGROUP },
	};
	char left[256];
	size_t i = 0;

	if (!argv[0] || !argv[1])
		return 2;
	while (i < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[i].name, argv[0]))
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return 2;
	verb_wait(argv + 1);
	if (unshare(kinds[i].flag))
		return report(-1);
	snprintf(left, sizeof(left), "%s.left", argv[1]);
	if (rename(argv[1], left))
		return report(-1);
	for (;;)
		pause();
}

static int run(char **argv);

static void write_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

/* Who has no id cannot unshare again. Where /proc is not ours it stays so, and the next unshare
 * says it. */
static void map_ids(uid_t uid, gid_t gid)
{
	char map[32];

	write_map("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_map("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_map("/proc/self/gid_map", map);
}

/* A pid namespace takes effect for children only, hence the fork. */
static int verb_unshare(char **argv)
{
	const int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			  CLONE_NEWUTS | CLONE_NEWCGROUP;
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	int status;

	if (unshare(flags))
		return report(-1);
	map_ids(uid, gid);
	if (!fork()) {
		status = run(argv);
		fflush(stdout);
		_exit(status);
	}
	if (wait(&status) < 0)
		return report(-1);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int verb_while(char **argv)
{
	int status = 0;

	if (!argv[0])
		return 2;
	for (; !access(argv[0], F_OK); nanosleep(&interval, NULL))
		status = run(argv + 1);
	return status;
}

static const struct {
	const char *name;
	int (*run)(char **argv);
} verbs[] = {
	{ "crash", verb_crash }, { "key", verb_key },	      { "socket", verb_socket },
	{ "mount", verb_mount }, { "raise", verb_raise },     { "wait", verb_wait },
	{ "leave", verb_leave }, { "unshare", verb_unshare }, { "while", verb_while },
};

static int run(char **argv)
{
	clock_gettime(CLOCK_MONOTONIC, &started);
	for (size_t i = 0; argv[0] && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[0], verbs[i].name))
			return verbs[i].run(argv + 1);
	return 2;
}

int main(int argc, char **argv)
{
	int status;

	(void)argc;
	status = run(argv + 1);
	if (status == 2)
		fprintf(stderr, "requester: bad usage\n");
	return status;
}
