// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every parser of numbers in texts, with the same texts: the exact value or an error
 *
 * CVE-2026-30892 was an id that was parsed as another one and became 0, root.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* the worker's has the same name */
#define parse_number client_parse_number
#include "../../client/ctl/number.c"
#undef parse_number

#include "config.h"
#include "counters.h"
#include "host.h"
#include "leaf.h"
#include "parse.h"
#include "payload.h"
#include "process.h"
#include "state.h"
#include "text.h"

#define UNTOUCHED    77
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------ fake files */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

static char file_text[512];

static int file_open(void)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_int_equal(write(fd, file_text, strlen(file_text)), strlen(file_text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* With a text for it, every file is that text. */
int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return file_text[0] ? file_open() : __real_open(path, flags, mode);
}

/* ---------------------------------------------------------------- parsers */

/* Around the text, as `format` says. */
static char *around(const char *format, const char *text)
{
	static char whole[1024];
	const char *at = strstr(format, "%s");

	assert_non_null(at);
	snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(at - format), format, text, at + 2);
	return whole;
}

static int daemon_number(const char *text, uint64_t *value)
{
	return text_number(text, 0, UINT64_MAX, value);
}

static int worker_number(const char *text, uint64_t *value)
{
	return parse_number(text, strlen(text), UINT64_MAX, value);
}

static int client_number(const char *text, uint64_t *value)
{
	uint32_t number = UNTOUCHED;
	int ret = client_parse_number(text, 1, INT32_MAX, &number);

	*value = number;
	return ret;
}

static int setting(const char *format, const char *text, bool concurrent, uint64_t *value)
{
	char error[CONFIG_ERROR_SIZE], *whole = around(format, text);
	struct policy policy = { .file = strdup("f.conf") };
	int ret = policy_parse(&policy, "f.conf", whole, strlen(whole), error);

	if (ret == 0)
		*value = concurrent ? policy.rules[0].max_concurrent : policy.rules[0].run_sec;
	policy_clear(&policy);
	return ret;
}

static int config_seconds(const char *text, uint64_t *value)
{
	return setting("[Match]\nName=a\n[Key]\nRuntimeMaxSec=%s\n", text, false, value);
}

static int config_concurrent(const char *text, uint64_t *value)
{
	return setting("[Match]\nName=a\n[Key]\nMaxConcurrent=%s\n", text, true, value);
}

/* A state file with this text as one field's value. */
static int state_field(const char *field, const char *text, struct container **ret)
{
	static const char *const fields[] = { "UID",	   "LEADER",  "START_TIME", "NET_COOKIE",
					      "CGROUP_ID", "OWN_NS",  "NS_PID",	    "NS_MNT",
					      "NS_NET",	   "NS_USER", "NS_UTS",	    "NS_IPC",
					      "NS_CGROUP", "NS_TIME", "SINCE",	    "SERVED",
					      "FAILED" };
	char file[2048] = "VERSION=1\nNAME=a\n";
	size_t used = strlen(file);

	for (size_t i = 0; i < COUNT(fields); i++)
		used += (size_t)snprintf(file + used, sizeof(file) - used, "%s=%s\n", fields[i],
					 !strcmp(fields[i], field) ? text : "0");
	used += (size_t)snprintf(file + used, sizeof(file) - used, "END=1\n");
	return state_parse(file, used, ret);
}

static int state_uid(const char *text, uint64_t *value)
{
	struct container *container = NULL;
	int ret = state_field("UID", text, &container);

	if (ret == 0)
		*value = container->uid;
	container_free(container);
	return ret;
}

static int state_start_time(const char *text, uint64_t *value)
{
	struct container *container = NULL;
	int ret = state_field("START_TIME", text, &container);

	if (ret == 0)
		*value = container->start_time;
	container_free(container);
	return ret;
}

static int state_namespace(const char *text, uint64_t *value)
{
	struct container *container = NULL;
	int ret = state_field("NS_USER", text, &container);

	if (ret == 0)
		*value = container->ns[UPCALL_NS_USER];
	container_free(container);
	return ret;
}

/* Without a return of its own: the second counter tells whether the line was taken. */
static int counter(const char *text, uint64_t *value)
{
	struct counters counters;

	strcpy(file_text, around("%s 2 3 4 5\n", text));
	counters_load("/nowhere", &counters);
	file_text[0] = '\0';
	if (counters.failed != 2)
		return -EBADMSG;
	*value = counters.served;
	return 0;
}

static int pidfd_number(const char *text, uint64_t *value)
{
	uint32_t pid = UNTOUCHED;
	int ret;

	strcpy(file_text, around("pos:\t0\nPid:\t%s\nNSpid:\t1\n", text));
	ret = pidfd_pid(0, &pid);
	file_text[0] = '\0';
	*value = pid;
	return ret;
}

static int parent_number(const char *text, uint64_t *value)
{
	uint32_t parent = UNTOUCHED;
	int ret;

	strcpy(file_text, around("17 (a) S 1) S %s 17 17 0 -1\n", text));
	ret = process_parent(17, &parent);
	file_text[0] = '\0';
	*value = parent;
	return ret;
}

static int bset_low(const char *text, uint64_t *value)
{
	return parse_bset(around("%s\t0\n", text), value);
}

static int payload_number(const char *description, const char *format, const char *text,
			  struct payload *payload)
{
	const struct tags_key key = {
		.present = true,
		.type = { "dns_resolver", 12 },
		.description = { description, strlen(description) },
	};
	char *whole = around(format, text);

	return payload_parse(&key, whole, strlen(whole), payload);
}

static int payload_ttl(const char *text, uint64_t *value)
{
	struct payload payload = { .ttl = UNTOUCHED };
	int ret = payload_number("a:h", "ttl=%s\n192.0.2.1\n", text, &payload);

	*value = payload.ttl;
	return ret;
}

/* These two stay text: it is what the kernel reads. */
static int payload_port(const char *text, uint64_t *value)
{
	struct payload payload;
	int ret = payload_number("afsdb:c", "192.0.2.1+%s", text, &payload);

	if (ret == 0)
		*value = strtoull(strchr(payload.data, '+') + 1, NULL, 10);
	return ret;
}

static int payload_error(const char *text, uint64_t *value)
{
	struct payload payload;
	int ret = payload_number("a:h", "#dnserror=%s", text, &payload);

	if (ret == 0)
		*value = strtoull(strchr(payload.data, '=') + 1, NULL, 10);
	return ret;
}

/* -------------------------------------------------------------------- all */

enum blanks {
	BEFORE = 1, /* are separators there, not part of the number */
	AFTER = 2,
	AROUND = BEFORE | AFTER,
};

static const struct {
	const char *name;
	int (*parse)(const char *text, uint64_t *value);
	uint64_t min, max;
	enum blanks blanks;
	uint64_t least, most; /* what is accepted is brought within these, if they are not 0 */
} parsers[] = {
	{ "text_number", daemon_number, 0, UINT64_MAX, 0, 0, 0 },
	{ "worker's parse_number", worker_number, 0, UINT64_MAX, 0, 0, 0 },
	{ "client's parse_number", client_number, 1, INT32_MAX, 0, 0, 0 },
	{ "RuntimeMaxSec=", config_seconds, 1, 3600, AROUND, 0, 0 },
	{ "MaxConcurrent=", config_concurrent, 1, 64, AROUND, 0, 0 },
	{ "state file, UID", state_uid, 0, UINT32_MAX, 0, 0, 0 },
	{ "state file, START_TIME", state_start_time, 0, UINT64_MAX, 0, 0, 0 },
	{ "state file, NS_USER", state_namespace, 0, UINT32_MAX, 0, 0, 0 },
	{ "counters", counter, 0, UINT64_MAX, 0, 0, 0 },
	{ "pidfd, daemon", pidfd_number, 1, INT32_MAX, 0, 0, 0 },
	{ "parent in stat", parent_number, 0, INT32_MAX, AFTER, 0, 0 },
	{ "bset", bset_low, 0, UINT32_MAX, AROUND, 0, 0 },
	{ "ttl of an answer", payload_ttl, 0, UINT32_MAX, 0, 1, PAYLOAD_TTL_MAX },
	{ "port of an answer", payload_port, 1, UINT16_MAX, 0, 0, 0 },
	{ "dnserror of an answer", payload_error, 1, 511, 0, 0, 0 },
};

static const struct {
	const char *text;
	bool number;
	uint64_t value;
	enum blanks blanks; /* a number where these are separators */
} texts[] = {
	{ "0", true, 0, 0 },
	{ "1", true, 1, 0 },
	{ "9", true, 9, 0 },
	{ "10", true, 10, 0 },
	{ "64", true, 64, 0 },
	{ "65", true, 65, 0 },
	{ "511", true, 511, 0 },
	{ "512", true, 512, 0 },
	{ "3600", true, 3600, 0 },
	{ "3601", true, 3601, 0 },
	{ "65535", true, 65535, 0 },
	{ "65536", true, 65536, 0 },
	{ "2147483647", true, INT32_MAX, 0 },
	{ "2147483648", true, 2147483648, 0 },
	{ "4294967294", true, 4294967294, 0 },
	{ "4294967295", true, UINT32_MAX, 0 },
	{ "4294967296", true, 4294967296, 0 },
	{ "4294967297", true, 4294967297, 0 }, /* 1 in 32 bits */
	{ "9223372036854775807", true, INT64_MAX, 0 },
	{ "9223372036854775808", true, 9223372036854775808u, 0 },
	{ "18446744073709551615", true, UINT64_MAX, 0 },
	{ "18446744073709551616", false, 0, 0 }, /* 0 in 64 bits */
	{ "18446744073709551617", false, 0, 0 },
	{ "184467440737095516160", false, 0, 0 },
	{ "340282366920938463463374607431768211457", false, 0, 0 },
	{ "", false, 0, 0 },
	{ "00", false, 0, 0 },
	{ "01", false, 0, 0 },
	{ "007", false, 0, 0 },
	{ "-0", false, 0, 0 },
	{ "-1", false, 0, 0 },
	{ "-4294967295", false, 0, 0 },
	{ "+1", false, 0, 0 },
	{ "+0", false, 0, 0 },
	{ " 1", true, 1, BEFORE },
	{ "1 ", true, 1, AFTER },
	{ "\t1", true, 1, BEFORE },
	{ "1x", false, 0, 0 },
	{ "x1", false, 0, 0 },
	{ "x", false, 0, 0 },
	{ "0x1", false, 0, 0 },
	{ "0b1", false, 0, 0 },
	{ "1e3", false, 0, 0 },
	{ "1.0", false, 0, 0 },
	{ "1k", false, 0, 0 },
	{ "1_000", false, 0, 0 },
	{ "1'000", false, 0, 0 },
	{ "1;", false, 0, 0 },
	{ "--1", false, 0, 0 },
	{ "0-", false, 0, 0 },
	{ "\xd9\xa1", false, 0, 0 }, /* a digit, but not ours */
	{ "\xc2\xa0"
	  "1",
	  false, 0, 0 },
};

/* A tab between fields is no blank within one. */
static bool is_number(size_t text, size_t parser)
{
	return texts[text].number && (texts[text].blanks & ~parsers[parser].blanks) == 0;
}

static void check(size_t parser, size_t text)
{
	uint64_t value = UNTOUCHED, expected = texts[text].value;
	int ret = parsers[parser].parse(texts[text].text, &value);
	bool good = is_number(text, parser) && expected >= parsers[parser].min &&
		    expected <= parsers[parser].max;

	if (parsers[parser].least && expected < parsers[parser].least)
		expected = parsers[parser].least;
	if (parsers[parser].most && expected > parsers[parser].most)
		expected = parsers[parser].most;
	if (good != (ret == 0) || value != (good ? expected : UNTOUCHED))
		fail_msg("%s, \"%s\": %d, %llu", parsers[parser].name, texts[text].text, ret,
			 (unsigned long long)value);
}

static void test_all(void **state)
{
	for (size_t parser = 0; parser < COUNT(parsers); parser++)
		for (size_t text = 0; text < COUNT(texts); text++)
			check(parser, text);
}

/* Where 0 is what there is without a file. */
static void test_core_pipe_limit(void **state)
{
	struct host host;

	for (size_t i = 0; i < COUNT(texts); i++) {
		bool good = texts[i].number && !texts[i].blanks && texts[i].value <= INT32_MAX;

		snprintf(file_text, sizeof(file_text), "%s\n", texts[i].text);
		host_read(&host);
		file_text[0] = '\0';
		if (host.core_pipe_limit != (good ? texts[i].value : UINT32_MAX))
			fail_msg("\"%s\": %u", texts[i].text, host.core_pipe_limit);
	}
}

/* A leaf cgroup is taken for empty only where it says so. */
static void test_populated(void **state)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		int fd;

		strcpy(file_text, around("populated %s\nfrozen 0\n", texts[i].text));
		fd = file_open();
		file_text[0] = '\0';
		if (leaf_is_empty(fd) != !strcmp(texts[i].text, "0"))
			fail_msg("\"%s\"", texts[i].text);
		close(fd);
	}
}

/* The flags behind a comm that looks like the rest of the line. */
static void test_kernel_thread(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {
		{ "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0\n", true },
		{ "9 (a) S 1 1 1 0 -1 4194560) I 2 0 0 0 -1 69238880 0\n", true },
		{ "9 (a) S 2 0 0 0 -1 2129984) S 1 9 9 0 -1 4194560 0\n", false },
		{ "9 (a) S 1 9 9 0 -1 -2129984 0\n", false },
		{ "9 (a) S 1 9 9 0 -1\n", false },
		{ "9 (a) S 1\n", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		strcpy(file_text, cases[i].text);
		if (process_is_kernel_thread(9) != cases[i].is)
			fail_msg("%s", cases[i].text);
	}
	file_text[0] = '\0';
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_kernel_thread),
		cmocka_unit_test(test_core_pipe_limit),
		cmocka_unit_test(test_populated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
