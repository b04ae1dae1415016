// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcall-worker - the privileged hands of one container
 *
 * Small, static, of one thread and short-lived. It reads no configuration and
 * looks nothing up: what to do is in the packets of upcalld, who it concerns is
 * in the shim's tags.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "become.h"
#include "cleanup.h"
#include "ending.h"
#include "fault.h"
#include "filter.h"
#include "guard.h"
#include "hands.h"
#include "leader.h"
#include "listen.h"
#include "needs.h"
#include "parse.h"
#include "request.h"
#include "seal.h"
#include "spawn.h"

#ifndef UPCALL_LIBEXECDIR
#define UPCALL_LIBEXECDIR "/usr/libexec/upcalld"
#endif
#define LISTEN_FD	 3 /* SD_LISTEN_FDS_START */
#define IDLE_SECONDS	 10
#define IDLE_SECONDS_MAX 86400

#ifdef UPCALL_FAULT_INJECTION
enum worker_step fault_step;
#endif

struct options {
	int connection_fd;
	uint64_t idle_seconds;
	const char *dns_path;
	const char *probe_path;
};

static int usage(FILE *out)
{
	fputs("usage: upcall-worker [--idle-seconds=N] [--connection-fd=N] [--dns-handler=PATH]\n"
	      "                     [--probe=PATH]\n"
	      "Started by upcalld or its socket unit; not for use by hand.\n",
	      out);
	return out == stdout ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int number_option(const char *text, uint64_t max, uint64_t *ret)
{
	return parse_number(text, strlen(text), max, ret);
}

static int option_take(int option, struct options *options)
{
	uint64_t number;

	switch (option) {
	case 'c':
		if (number_option(optarg, INT32_MAX, &number) < 0)
			return -EINVAL;
		options->connection_fd = (int)number;
		return 0;
	case 'i':
		return number_option(optarg, IDLE_SECONDS_MAX, &options->idle_seconds);
	case 'd':
		options->dns_path = optarg;
		return optarg[0] == '/' ? 0 : -EINVAL;
	case 'p':
		options->probe_path = optarg;
		return optarg[0] == '/' ? 0 : -EINVAL;
#ifdef UPCALL_FAULT_INJECTION
	case 'f':
		if (number_option(optarg, WORKER_STEP_COUNT - 1, &number) < 0)
			return -EINVAL;
		fault_step = (enum worker_step)number;
		return 0;
#endif
	}
	return -EINVAL;
}

static int options_parse(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "connection-fd", required_argument, NULL, 'c' },
		{ "idle-seconds", required_argument, NULL, 'i' },
		{ "dns-handler", required_argument, NULL, 'd' },
		{ "probe", required_argument, NULL, 'p' },
#ifdef UPCALL_FAULT_INJECTION
		{ "fail-step", required_argument, NULL, 'f' },
#endif
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) >= 0) {
		if (option == 'h')
			exit(usage(stdout));
		if (option == 'V')
			exit(puts("upcall-worker " UPCALL_VERSION) < 0);
		if (option_take(option, options) < 0)
			return -EINVAL;
	}
	return optind == argc ? 0 : -EINVAL;
}

/* Is fd 3 a socket for us? Read here: libsystemd cannot be linked statically. */
static bool listen_fd_is_ours(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint64_t number;

	return pid && count && number_option(pid, INT32_MAX, &number) == 0 &&
	       number == (uint64_t)getpid() && number_option(count, 1, &number) == 0 && number == 1;
}

static int hands_open(struct hands *hands, const struct options *options)
{
	int ret;

	hands->null_fd = guard_null_open();
	if (hands->null_fd < 0)
		return hands->null_fd;
	hands->proc_fd = guard_proc_open();
	if (hands->proc_fd < 0)
		return hands->proc_fd;
	ret = ending_watch(hands);
	if (ret == 0)
		ret = spawn_init();
	if (ret == 0)
		ret = leader_init();
	if (ret == 0)
		ret = become_init();
	if (ret == 0)
		ret = filter_init();
	if (ret < 0)
		return ret;
	if (options->connection_fd >= 0) {
		ret = fcntl(options->connection_fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
		return ret < 0 ? ret : connection_add(hands, options->connection_fd);
	}
	return listen_fd_is_ours() ? listen_start(hands, LISTEN_FD) : -ENOTCONN;
}

static void hands_run(struct hands *hands)
{
	int64_t idle_at = loop_now_ms() + hands->idle_ms;

	for (;;) {
		int64_t deadline = hands->requests ? request_next_deadline(hands) : idle_at;
		int ran;

		connection_throttle(hands);
		ran = loop_run(&hands->loop, deadline);
		request_expire(hands);
		if (ran || hands->requests)
			idle_at = loop_now_ms() + hands->idle_ms;
		else if (loop_now_ms() >= idle_at)
			return;
		if (!hands->requests && listen_is_over(hands))
			return;
	}
}

static int cannot_start(const char *reason)
{
	fprintf(stderr, "upcall-worker: cannot start: %s\n", reason);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options options = {
		.connection_fd = -1,
		.idle_seconds = IDLE_SECONDS,
		.dns_path = UPCALL_LIBEXECDIR "/upcall-dns",
		.probe_path = UPCALL_LIBEXECDIR "/upcall-probe",
	};
	static struct hands hands = {
		.loop.woken = request_woken,
		.listener = { .fd = -1 },
		.ending = { .fd = -1 },
		.dns_fd = -1,
		.probe_fd = -1,
		.null_fd = -1,
		.proc_fd = -1,
	};
	char missing[128];
	int ret;

	if (options_parse(argc, argv, &options) < 0)
		return usage(stderr);
	if (needs_check(NEEDS_WORKER, missing, sizeof(missing)) < 0)
		return cannot_start(missing);
	ret = seal_self(argv);
	if (ret == 0)
		ret = guard_process();
	hands.dns_path = options.dns_path;
	hands.probe_path = options.probe_path;
	hands.idle_ms = (int64_t)options.idle_seconds * 1000;
	if (ret == 0)
		ret = hands_open(&hands, &options);
	if (ret < 0)
		return cannot_start(strerror(-ret));
	/* nothing below reads it, and nothing of it may reach a child */
	clearenv();
	hands_run(&hands);
	return EXIT_SUCCESS;
}
