// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl drain: let no new upcall be offered, wait for those under way
 *
 * The step before the module is unloaded. It talks to the device itself, so
 * that it works when the daemon does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "drained.h"
#include "json.h"
#include "number.h"
#include "upcall.h"
#include "verb.h"

#define TIMEOUT_SEC 30
#define INTERVAL_MS 50
#define LIST_ROOM   256

struct arguments {
	bool json;
	bool undo;
	uint32_t timeout_sec;
};

static const struct option options[] = {
	{ "timeout", required_argument, NULL, 't' },
	{ "undo", no_argument, NULL, 'u' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Negative if all is well, else an exit status. */
static int take_arguments(const struct verb *verb, int argc, char **argv,
			  struct arguments *arguments)
{
	int option;

	while ((option = getopt_long(argc, argv, ":hj", options, NULL)) != -1) {
		switch (option) {
		case 't':
			if (parse_number(optarg, 0, 3600, &arguments->timeout_sec) < 0)
				return usage_error(verb, "--timeout %s: not 0 to 3600 seconds",
						   optarg);
			break;
		case 'u':
			arguments->undo = true;
			break;
		case 'j':
			arguments->json = true;
			break;
		case 'h':
			return print_verb_help(verb);
		default:
			return refuse_option(verb, option, argv);
		}
	}
	if (argc != optind)
		return usage_error(verb, "%s: one argument too many", argv[optind]);
	return -1;
}

/* How many upcalls have not ended (at least; that is enough here), or a negative errno. */
static int count_pending(int device)
{
	struct upcall_list_entry entries[LIST_ROOM];
	struct upcall_list list = { .entries = (uintptr_t)entries, .room = LIST_ROOM };

	if (ioctl(device, UPCALL_IOC_LIST, &list) < 0)
		return -errno;
	return (int)list.count;
}

static int wait_until_empty(int device, uint32_t timeout_sec)
{
	const struct timespec interval = { .tv_nsec = INTERVAL_MS * 1000000L };
	uint32_t rounds = timeout_sec * (1000 / INTERVAL_MS);
	int pending;

	while ((pending = count_pending(device)) > 0 && rounds-- > 0)
		nanosleep(&interval, NULL);
	return pending;
}

/* Where it cannot be written, it is drained all the same. */
static void put_note(void)
{
	cleanup_file FILE *file = NULL;
	struct stat module;

	if (stat(DRAINED_MODULE, &module) < 0)
		return;
	file = fopen(DRAINED_NOTE, "we");
	if (file)
		fprintf(file, "%ju\n", (uintmax_t)module.st_ino);
}

/* ORDER: the note is there as long as the module may be draining. Negative: errno. */
static int set_draining(int device, bool draining)
{
	__u32 drain = draining;
	int r;

	if (draining)
		put_note();
	r = ioctl(device, UPCALL_IOC_DRAIN, &drain) < 0 ? -errno : 0;
	if (r >= 0 && !draining)
		(void)unlink(DRAINED_NOTE);
	return r;
}

static int print_result(const struct verb *verb, const struct arguments *arguments, int pending)
{
	if (arguments->json) {
		json_open(NULL, '{');
		json_bool("draining", !arguments->undo);
		json_number("pending", (uint64_t)pending);
		json_close('}');
	} else if (pending > 0) {
		fprintf(stderr, "upcallctl: drain: %d upcalls have not ended within %u s\n",
			pending, arguments->timeout_sec);
	}
	return finish_output(verb) ?: pending > 0 ? STATUS_FAILED : STATUS_OK;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct arguments arguments = { .timeout_sec = TIMEOUT_SEC };
	cleanup_fd int device = -1;
	int r, status, pending = 0;

	status = take_arguments(verb, argc, argv, &arguments);
	if (status >= 0)
		return status;
	device = open(UPCALL_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0 && (errno == ENOENT || errno == ENXIO))
		return failed(verb, ENODEV, "%s: the kernel module upcall_shim is not loaded",
			      UPCALL_DEVICE);
	if (device < 0)
		return failed(verb, errno, UPCALL_DEVICE);
	r = set_draining(device, !arguments.undo);
	if (r < 0)
		return failed(verb, r, UPCALL_DEVICE);
	if (!arguments.undo)
		pending = wait_until_empty(device, arguments.timeout_sec);
	if (pending < 0)
		return failed(verb, pending, "%s: cannot list upcalls", UPCALL_DEVICE);
	return print_result(verb, &arguments, pending);
}

const struct verb verb_drain = {
	.name = "drain",
	.arguments = "[--timeout SECONDS | --undo] [--json]",
	.summary = "Offer no more upcalls and wait for the rest, before the module is unloaded",
	.details = "  --timeout SECONDS  how long to wait (default 30); status 1 if some remain\n"
		   "  --undo             offer upcalls again\n\n",
	.example =
		"upcallctl drain && systemctl stop upcalld-shim.socket && modprobe -r upcall_shim",
	.run = run,
};
