// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcalld - the broker of the kernel's upcalls
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "hardening.h"
#include "journal.h"
#include "needs.h"
#include "text.h"

#ifndef UPCALL_WORKER_PATH
#define UPCALL_WORKER_PATH "/usr/libexec/upcalld/upcall-worker"
#endif

enum {
	OPTION_STANDALONE = 256,
	OPTION_IDLE,
	OPTION_CONFIG,
	OPTION_STATE,
	OPTION_WORKER
};

static int usage(FILE *out)
{
	(void)fprintf(
		out,
		"usage: upcalld [OPTION]...\n"
		"Answers the kernel's upcalls inside the containers that cause them.\n\n"
		"  --standalone        open sockets and start workers without systemd\n"
		"  --idle-seconds N    end when nothing has happened that long; 0: never\n"
		"                      (default: IdleExitSec= in upcalld.conf, or %d, with --standalone 0)\n"
		"  --config-dir DIR    read policies there instead of upcalld.d in /usr/lib, /run and\n"
		"                      /etc; may be repeated, later ones win\n"
		"  --state-dir DIR     instead of /run/upcalld\n"
		"  --worker PATH       with --standalone, the worker's program\n"
		"  --version, --help\n",
		IDLE_SEC);
	return out == stdout ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int bad_option(const char *what)
{
	(void)fprintf(stderr, "upcalld: %s\n", what);
	return -EINVAL;
}

static int take_option(int option, struct options *options)
{
	uint64_t number;

	switch (option) {
	case OPTION_STANDALONE:
		options->standalone = true;
		return 0;
	case OPTION_IDLE:
		if (text_number(optarg, 0, IDLE_SEC_MAX, &number) < 0)
			return bad_option("--idle-seconds: no number from 0 to 86400");
		options->idle_given = true;
		options->idle_seconds = (unsigned int)number;
		return 0;
	case OPTION_CONFIG:
		return strv_append(&options->config_dirs, optarg, strlen(optarg));
	case OPTION_STATE:
		options->state_dir = optarg;
		return *optarg == '/' ? 0 : bad_option("--state-dir: no absolute path");
	case OPTION_WORKER:
		options->worker_path = optarg;
		return *optarg == '/' ? 0 : bad_option("--worker: no absolute path");
	}
	return -EINVAL;
}

static int set_defaults(struct options *options)
{
	if (!options->config_dirs && config_directories(&options->config_dirs) < 0)
		return -ENOMEM;
	return daemon_config_directories(&options->daemon_dirs);
}

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "standalone", no_argument, NULL, OPTION_STANDALONE },
		{ "idle-seconds", required_argument, NULL, OPTION_IDLE },
		{ "config-dir", required_argument, NULL, OPTION_CONFIG },
		{ "state-dir", required_argument, NULL, OPTION_STATE },
		{ "worker", required_argument, NULL, OPTION_WORKER },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) >= 0) {
		if (option == 'h')
			exit(usage(stdout));
		if (option == 'V')
			exit(puts("upcalld " UPCALL_VERSION) < 0);
		if (take_option(option, options) < 0)
			return -EINVAL;
	}
	return optind == argc ? 0 : bad_option("takes no arguments");
}

static int fatal(const char *error)
{
	(void)fprintf(stderr, "upcalld: %s\n", error);
	return EXIT_FAILURE;
}

static int run(const struct options *options)
{
	char error[DAEMON_ERROR_SIZE];
	struct daemon *daemon;
	unsigned int who = NEEDS_DAEMON;

	if (options->standalone)
		who |= NEEDS_STANDALONE;
	if (needs_check(who, error, sizeof(error)) < 0)
		return fatal(error);
	if (hardening_apply(error, sizeof(error)) < 0)
		return fatal(error);
	journal_open(/* to_stderr= */ options->standalone);
	if (daemon_new(options, &daemon, error) < 0)
		return fatal(error);
	daemon_run(daemon);
	daemon_free(daemon);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = {
		.state_dir = "/run/upcalld",
		.worker_path = UPCALL_WORKER_PATH,
	};
	int ret = EXIT_FAILURE;

	if (parse_options(argc, argv, &options) < 0)
		return usage(stderr);
	if (set_defaults(&options) >= 0)
		ret = run(&options);
	journal_close();
	strv_free(options.config_dirs);
	strv_free(options.daemon_dirs);
	return ret;
}
