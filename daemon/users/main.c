// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcalld-users - ordinary users' way to upcalld
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "cleanup.h"
#include "hardening.h"
#include "journal.h"
#include "users.h"

#define UPCALLD_PATH "/run/upcalld/control"
#define SOCKET_PATH  "/run/upcalld/users"
#define BACKLOG	     64
#define IDLE_SECONDS 30.

static int usage(FILE *out)
{
	(void)fputs(
		"usage: upcalld-users [--standalone]\n"
		"Lets ordinary users talk to upcalld: carries what they say, and no descriptors.\n\n"
		"  --standalone  open " SOCKET_PATH
		" without systemd, and never end for want of work\n"
		"  --version, --help\n",
		out);
	return out == stdout ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int fatal(const char *what, int error)
{
	(void)fprintf(stderr, "upcalld-users: %s: %s\n", what, strerror(error));
	return EXIT_FAILURE;
}

static int receive_socket(void)
{
	int count = sd_listen_fds(/* unset_environment= */ 1);

	if (count < 0)
		return count;
	if (count != 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0)
		return -ENOTSOCK;
	return SD_LISTEN_FDS_START;
}

/* Whoever listened there before us has ended, or will not be asked any more. */
static int open_socket(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET_PATH };
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int r;

	if (fd < 0)
		return -errno;
	(void)unlink(SOCKET_PATH);
	mask = umask(0111);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	(void)umask(mask);
	if (r < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return take_fd(&fd);
}

static void told_to_end(struct ev_loop *loop, ev_signal *signal, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

static void serve(struct ev_loop *loop, int fd, bool standalone)
{
	struct users users;
	ev_signal on_term, on_int;

	ev_signal_init(&on_term, told_to_end, SIGTERM);
	ev_signal_init(&on_int, told_to_end, SIGINT);
	ev_signal_start(loop, &on_term);
	ev_signal_start(loop, &on_int);
	users_start(&users, loop, fd, standalone ? 0. : IDLE_SECONDS);
	(void)sd_notify(0, "READY=1");
	ev_run(loop, 0);
	users_stop(&users);
	ev_signal_stop(loop, &on_term);
	ev_signal_stop(loop, &on_int);
}

static int run(bool standalone)
{
	struct ev_loop *loop;
	char error[256];
	int fd, r;

	if (hardening_apply(error, sizeof(error)) < 0) {
		(void)fprintf(stderr, "upcalld-users: %s\n", error);
		return EXIT_FAILURE;
	}
	r = linger_init();
	if (r < 0)
		return fatal("SIGALRM", -r);
	/* said, so that libupcall takes no other: ours */
	if (setenv("UPCALLD_SOCKET", UPCALLD_PATH, /* overwrite= */ 0) < 0)
		return fatal("UPCALLD_SOCKET", errno);
	fd = standalone ? open_socket() : receive_socket();
	if (fd < 0)
		return fatal(standalone ? SOCKET_PATH :
					  "no socket from systemd, and no --standalone",
			     -fd);
	loop = ev_default_loop(EVFLAG_NOENV);
	if (!loop)
		return fatal("no event loop", ENOMEM);
	journal_open(/* to_stderr= */ standalone);
	serve(loop, fd, standalone);
	journal_close();
	if (standalone)
		(void)unlink(SOCKET_PATH);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "standalone", no_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool standalone = false;
	int option;

	while ((option = getopt_long(argc, argv, "hV", options, NULL)) >= 0) {
		if (option == 'h')
			return usage(stdout);
		if (option == 'V')
			return puts("upcalld-users " UPCALL_VERSION) < 0;
		if (option != 's')
			return usage(stderr);
		standalone = true;
	}
	return optind == argc ? run(standalone) : usage(stderr);
}
