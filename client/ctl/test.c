// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcallctl test: raises one upcall inside a container and says what became of it
 *
 * A program of ours is its requester, and its record is found by that one's pid,
 * among the last of its container. What the kernel's table decides by itself has
 * no record: then the table is what there is to tell.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>

#include "describe.h"
#include "json.h"
#include "step.h"
#include "visit.h"

/* What test has besides enum exit_status; scripts depend on them. */
#define TEST_UNSUCCESSFUL 8
#define TEST_REFUSED	  9
#define TEST_NATIVE	  10

#define SECONDS_MAX  600 /* more than any handler has by default */
#define RECORD_TRIES 100 /* of how long its record may take to come */
#define RECORD_MS    50
#define REMEMBERED   256 /* records that upcalld keeps: MEMORY_MAX of its memory.h */
#define LOOK_AHEAD   32	 /* how many may have come later and ended earlier than the last */
#define KEY_TYPE_LEN 32
#define OUTPUT_SIZE  256

struct test {
	/* ---- asked for ---- */
	bool json;
	const char *name;
	const char *class_name; /* "core", "key", "module" */
	char key_type[KEY_TYPE_LEN];
	char description[64];

	/* ---- seen ---- */
	char output[OUTPUT_SIZE]; /* of the requester's, with a NUL */
	size_t output_size;
	uint32_t requester;
	int error; /* of its system call, or 0 */
	uint64_t waited;
	uint64_t last;		      /* id that its container's last record had */
	char verdict[16];	      /* the kernel's table's */
	struct upcall_record *record; /* NULL: there is none */
};

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* ----------------------------------------------------------------- arguments */

static int take_class(const struct verb *verb, const char *text, struct test *test)
{
	const char *type = strncmp(text, "key/", 4) == 0 ? text + 4 : "user";

	if (strcmp(text, "core") == 0 || strcmp(text, "module") == 0) {
		test->class_name = text;
		return -1;
	}
	if (strcmp(text, "key") != 0 && type != text + 4)
		return usage_error(verb, "%s: neither core, key, key/TYPE nor module", text);
	/* the kernel keeps those with a dot for itself, and asks nobody for a keyring */
	if (*type == '\0' || *type == '.' || strcmp(type, "keyring") == 0 ||
	    strlen(type) >= sizeof(test->key_type))
		return usage_error(verb, "%s: no type of keys that upcalls are made for", text);
	test->class_name = "key";
	memcpy(test->key_type, type, strlen(type) + 1);
	return -1;
}

static int take_arguments(const struct verb *verb, int argc, char **argv, struct test *test)
{
	int option;

	while ((option = getopt_long(argc, argv, ":hj", options, NULL)) != -1) {
		if (option == 'h')
			return print_verb_help(verb);
		if (option != 'j')
			return refuse_option(verb, option, argv);
		test->json = true;
	}
	if (argc - optind != 2)
		return usage_error(verb, argc - optind < 2 ? "NAME and CLASS are needed" :
							     "one NAME and one CLASS only");
	test->name = argv[optind];
	return take_class(verb, argv[optind + 1], test);
}

/* ------------------------------------------------------------------ the upcall */

static int output_keep(void *data, int fd, char *bytes, size_t size)
{
	struct test *test = data;
	size_t room = sizeof(test->output) - 1 - test->output_size;

	(void)fd;
	size = size < room ? size : room;
	memcpy(test->output + test->output_size, bytes, size);
	test->output_size += size;
	return 0;
}

/* "ERRNO MICROSECONDS" */
static int output_parse(struct test *test)
{
	char *end;

	errno = 0;
	test->error = (int)strtol(test->output, &end, 10);
	if (errno || end == test->output || *end != ' ')
		return -EBADMSG;
	test->waited = strtoull(end + 1, &end, 10);
	return errno || *end != '\n' ? -EBADMSG : 0;
}

/* Its output is ours if all is well, and ASCII; if not, it may be anybody's in the container. */
static int raise_failed(const struct verb *verb, struct test *test,
			const struct worker_result *result)
{
	relay_tame(test->output, test->output_size, /* utf8= */ false);
	fprintf(stderr, "upcallctl: %s %s: it could not be raised: ", verb->name, test->name);
	if (result->step != WORKER_STEP_NONE)
		fprintf(stderr, "step %s: %s\n", step_name(result->step), strerror(result->error));
	else
		fprintf(stderr, "its requester %s%s%s\n", visit_outcome(result),
			test->output_size ? ": " : "", test->output);
	return STATUS_FAILED;
}

/* By the compiler's trap: SIGILL on some machines, SIGTRAP on others (arm64). */
static bool is_crash(int status)
{
	return WIFSIGNALED(status) && (WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}

/* Negative: it has ended as it should. */
static int raise_judge(const struct verb *verb, struct test *test,
		       const struct worker_result *result)
{
	test->requester = result->handler_pid;
	if (strcmp(test->class_name, "core") == 0) {
		test->waited = result->duration_us;
		return is_crash(result->wait_status) ? -1 : raise_failed(verb, test, result);
	}
	if (result->outcome == WORKER_SERVED && output_parse(test) == 0)
		return -1;
	return raise_failed(verb, test, result);
}

static int raise_upcall(const struct verb *verb, struct test *test)
{
	char program[] = "upcall-probe";
	char *argv[] = { program, (char *)(uintptr_t)test->class_name, NULL, NULL, NULL };
	struct relay relay = {
		.print = output_keep,
		.data = test,
		.seconds = SECONDS_MAX + VISIT_SLACK_SECONDS,
	};
	struct visit visit = VISIT_NULL;
	struct worker_result result;
	int r, status;

	if (*test->key_type) {
		argv[2] = test->key_type;
		argv[3] = test->description;
	}
	status = visit_begin(verb, test->name, argv, SECONDS_MAX, /* probe= */ true, &visit);
	if (status >= 0)
		return status;
	relay.channel = visit.channel;
	memcpy(relay.sockets, visit.sockets, sizeof(relay.sockets));
	r = relay_run(&relay, &result);
	(void)visit_end(&visit);
	if (r < 0)
		return failed(
			verb, r,
			"%s: its worker does not say what became of it; see 'upcallctl doctor'",
			test->name);
	return raise_judge(verb, test, &result);
}

/* ------------------------------------------------------------------ its record */

static void verdict_keep(struct test *test, struct upcall_outlook *const *outlooks)
{
	for (; *outlooks; outlooks++) {
		const struct upcall_outlook *outlook = *outlooks;

		if (strcmp(outlook->class_name, test->class_name) != 0)
			continue;
		/* the type's own, or else every other's */
		if (strcmp(outlook->key_type, test->key_type) == 0 ||
		    (*outlook->key_type == '\0' && *test->verdict == '\0'))
			snprintf(test->verdict, sizeof(test->verdict), "%s", outlook->verdict);
	}
}

static int is_pending(struct upcall_connection *connection, const struct test *test)
{
	struct upcall_pending **pending = NULL;
	int r = upcall_list_pending(connection, &pending);
	bool found = false;

	for (struct upcall_pending **one = pending; r >= 0 && *one; one++)
		found |= (*one)->requester == test->requester;
	upcall_list_pending_free(pending);
	return r < 0 ? r : found;
}

/* 1: it is found, among all that may be remembered. */
static int record_search(struct upcall_connection *connection, struct test *test)
{
	uint64_t id = test->last + LOOK_AHEAD;

	for (int i = 0; i < REMEMBERED + LOOK_AHEAD && id > 0; i++, id--) {
		struct upcall_record *record = NULL;

		if (upcall_explain(connection, id, &record) >= 0 &&
		    record->requester == test->requester) {
			test->record = record;
			return 1;
		}
		upcall_record_free(record);
	}
	return 0;
}

/* 1: it is found. As long as the container's last one is the same, nothing has come. */
static int record_look(struct upcall_connection *connection, struct test *test)
{
	struct upcall_outlook **outlooks = NULL;
	struct upcall_record *record = NULL;
	struct upcall_entry *entry = NULL;
	bool more = false;
	int r;

	r = upcall_describe(connection, test->name, &entry, &outlooks, &record);
	if (r >= 0) {
		verdict_keep(test, outlooks);
		more = record->id != test->last;
		test->last = record->id;
	}
	upcall_entry_free(entry);
	upcall_outlook_free(outlooks);
	upcall_record_free(record);
	return r >= 0 && more ? record_search(connection, test) : r;
}

/* The requester has ended, so what upcalld does not know by now, or soon, it was never asked. */
static int record_find(struct upcall_connection *connection, struct test *test)
{
	const struct timespec interval = { .tv_nsec = RECORD_MS * 1000000L };
	int r = 0;

	for (int i = 0; i < RECORD_TRIES && r == 0; i++) {
		if (i > 0)
			nanosleep(&interval, NULL);
		while ((r = is_pending(connection, test)) > 0)
			nanosleep(&interval, NULL);
		if (r == 0)
			r = record_look(connection, test);
		if (r == 0 && strcmp(test->verdict, "offer") != 0)
			break;
	}
	return r < 0 ? r : 0;
}

/* ---------------------------------------------------------------------- telling */

static const char *result_word(const struct test *test)
{
	if (test->record)
		return test->record->result;
	if (strcmp(test->verdict, "native") == 0)
		return "native";
	return strcmp(test->verdict, "deny") == 0 ? "refused" : "unknown";
}

/* What a policy refuses has been decided by a section of it, and gets no handler. */
static bool is_policy(const struct test *test)
{
	return !test->record || (*test->record->section && !*test->record->handler);
}

static int exit_status(const struct test *test)
{
	const char *result = result_word(test);

	if (strcmp(result, "served") == 0)
		return STATUS_OK;
	if (strcmp(result, "native") == 0)
		return TEST_NATIVE;
	if (strcmp(result, "refused") == 0 && is_policy(test))
		return TEST_REFUSED;
	return strcmp(result, "unknown") == 0 ? STATUS_FAILED : TEST_UNSUCCESSFUL;
}

static const char *without_record(const struct test *test)
{
	switch (exit_status(test)) {
	case TEST_NATIVE:
		return "native: upcalld is not asked, the kernel starts its own helper on the host";
	case TEST_REFUSED:
		return "refused: by the kernel's table, at once and without a record";
	}
	return "unknown: not among the last 256 upcalls that upcalld remembers; if it was asked at all, see 'upcallctl doctor'";
}

static void print_text(const struct test *test)
{
	bool is_core = strcmp(test->class_name, "core") == 0;

	describe("raised", "%s%s%s%s%s", test->class_name, *test->key_type ? " " : "",
		 test->key_type, *test->key_type ? " " : "",
		 *test->key_type ? test->description : "");
	if (!is_core)
		describe("requester got", "%s",
			 test->error	 ? strerror(test->error) :
			 *test->key_type ? "the key" :
					   "a socket");
	describe("it waited", "%.1f ms", (double)test->waited / 1e3);
	if (test->record) {
		describe_record(test->record);
		return;
	}
	describe("result", "%s", without_record(test));
	if (exit_status(test) != STATUS_FAILED)
		describe("why", "see 'upcallctl show %s'", test->name);
}

static void print_json(const struct test *test)
{
	json_open(NULL, '{');
	json_string("container", test->name);
	json_string("class", test->class_name);
	json_string("key-type", test->key_type);
	json_string("description", *test->key_type ? test->description : "");
	json_number("requester", test->requester);
	json_string("error", test->error ? strerror(test->error) : "");
	json_number("waited", test->waited);
	json_string("verdict", test->verdict);
	json_string("result", result_word(test));
	if (test->record) {
		json_open("upcall", '{');
		describe_record_json(test->record);
		json_close('}');
	}
	json_close('}');
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct upcall_connection *connection;
	struct test test = { 0 };
	uint64_t number = 0;
	int r, status;

	status = take_arguments(verb, argc, argv, &test);
	if (status >= 0)
		return status;
	if (getrandom(&number, sizeof(number), GRND_INSECURE) != sizeof(number))
		return failed(verb, errno, "%s: no number to be had", test.name);
	snprintf(test.description, sizeof(test.description), "upcallctl-test:%" PRIx64, number);
	status = raise_upcall(verb, &test);
	if (status >= 0)
		return status;
	r = upcall_connect(&connection);
	if (r >= 0)
		r = record_find(connection, &test);
	if (r < 0)
		return library_failed(verb, test.name, connection, r);
	upcall_close(connection);
	if (test.json)
		print_json(&test);
	else
		print_text(&test);
	status = finish_output(verb) == STATUS_OK ? exit_status(&test) : STATUS_FAILED;
	upcall_record_free(test.record);
	return status;
}

const struct verb verb_test = {
	.name = "test",
	.arguments = "NAME CLASS [--json]",
	.summary = "Raise one upcall inside a container and say what became of it",
	.details =
		"  CLASS  core: a small program of ours crashes\n"
		"         key, key/TYPE: asks for a key 'upcallctl-test:ID' of type user, or TYPE\n"
		"         module: opens a socket of a family that no module provides\n\n"
		"It is a real one: the handler that is configured runs. The program that raises it\n"
		"has the container's namespaces, ids and cgroup, no capability, and not its seccomp\n"
		"filter. Where nobody redirects the class, the kernel starts its own helper.\n\n",
	.example = "upcallctl test web key/user",
	.statuses =
		"exit status: 0 it was handled, with success; 8 without success, also where a limit refused\n"
		"it or nobody could serve it: the record says why; 9 refused by policy; 10 native: nobody\n"
		"redirects it; 1 it could not be raised, or no record of it is among the last 256 that\n"
		"upcalld remembers; 2 wrong usage, 3 no such container, 4 not allowed, 5 upcalld cannot be\n"
		"reached, 6 the kernel module is missing\n",
	.run = run,
};
