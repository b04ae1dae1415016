// SPDX-License-Identifier: GPL-2.0-or-later
/* Journal entries and records: what others chose stays data, and there are not too many. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "journal.h"
#include "record.h"
#include "step.h"

/* What stderr got meanwhile. */
struct capture {
	int saved;
	int ends[2];
};

static void capture_begin(struct capture *capture)
{
	fflush(stderr);
	capture->saved = dup(STDERR_FILENO);
	assert_int_equal(pipe2(capture->ends, O_NONBLOCK), 0);
	dup2(capture->ends[1], STDERR_FILENO);
}

static size_t capture_end(struct capture *capture, char *out, size_t room)
{
	ssize_t size;

	dup2(capture->saved, STDERR_FILENO);
	size = read(capture->ends[0], out, room - 1);
	close(capture->saved);
	close(capture->ends[0]);
	close(capture->ends[1]);
	out[size > 0 ? size : 0] = '\0';
	return size > 0 ? (size_t)size : 0;
}

static unsigned int lines(const char *text)
{
	unsigned int count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* ------------------------------------------------------------------ entries */

static void test_data(void **state)
{
	struct journal_entry entry = { .used = 0 };
	uint64_t length = htole64(3);
	char expected[64];
	size_t size = 0;

	journal_data(&entry, "PLAIN", "a=b", 3);
	journal_data(&entry, "EVIL", "x\nY", 3);
	journal_data(&entry, "EMPTY", "", 0);
	size += (size_t)sprintf(expected + size, "PLAIN=a=b\nEVIL\n");
	memcpy(expected + size, &length, sizeof(length));
	size += sizeof(length);
	memcpy(expected + size, "x\nY\nEMPTY=\n", 11);
	size += 11;
	assert_int_equal(entry.used, size);
	assert_memory_equal(entry.buffer, expected, size);
}

static void test_full(void **state)
{
	struct journal_entry entry = { .used = 0 };
	char value[1000];
	size_t used;

	memset(value, 'x', sizeof(value));
	for (int i = 0; i < 100; i++)
		journal_data(&entry, "FIELD", value, sizeof(value));
	assert_true(entry.used <= sizeof(entry.buffer));
	used = entry.used;
	journal_data(&entry, "FIELD", value, sizeof(value));
	assert_int_equal(entry.used, used);
}

static void test_stderr(void **state)
{
	struct journal_entry entry;
	struct capture capture;
	char out[4096];

	capture_begin(&capture);
	journal_begin(&entry, LOG_INFO);
	journal_data(&entry, "MESSAGE", "two\nlines \x1b[0m", 14);
	journal_data(&entry, "WHO", "a\nb", 3);
	journal_send(&entry);
	capture_end(&capture, out, sizeof(out));
	assert_string_equal(out, "upcalld: two\\x0alines \\x1b[0m WHO=a\\x0ab\n");
}

/* Nobody reads: it is dropped, and we go on. */
static void test_stderr_full(void **state)
{
	uint64_t dropped = journal_dropped();
	struct capture capture;
	char out[4096];

	capture_begin(&capture);
	while (write(capture.ends[1], out, sizeof(out)) > 0)
		;
	journal_log(LOG_INFO, "is lost");
	assert_int_equal(journal_dropped(), dropped + 1);
	while (read(capture.ends[0], out, sizeof(out)) > 0)
		;
	journal_log(LOG_INFO, "comes");
	capture_end(&capture, out, sizeof(out));
	assert_non_null(strstr(out, "comes"));
	assert_non_null(strstr(out, "1 messages of mine"));
}

/* ------------------------------------------------------------------ records */

static struct tags_text text_of(const char *text)
{
	return (struct tags_text){ text, strlen(text) };
}

static void test_facts(void **state)
{
	struct tags tags = { .id = 7, .generation = 2, .class = UPCALL_CLASS_KEY, .tgid = 99 };
	struct facts facts;

	tags.comm = text_of("a name that is far too long for a comm");
	tags.key.present = true;
	tags.key.origin = UPCALL_ORIGIN_KERNEL;
	tags.key.type = text_of("a type that is far too long for the type of a key");
	tags.ns[UPCALL_NS_NET] = 42;
	facts_from_tags(&facts, &tags);
	assert_int_equal(facts.id, 7);
	assert_int_equal(facts.origin, UPCALL_ORIGIN_KERNEL);
	assert_int_equal(facts.ns[UPCALL_NS_NET], 42);
	assert_int_equal(strlen(facts.comm), sizeof(facts.comm) - 1);
	assert_int_equal(strlen(facts.key_type), sizeof(facts.key_type) - 1);
}

static void test_record(void **state)
{
	struct facts facts = { .id = 7, .class = UPCALL_CLASS_KEY, .tgid = 99 };
	const struct record record = {
		.facts = &facts,
		.container = "web",
		.handler = "/bin/h",
		.run_in = "container",
		.result = RECORD_ENTRY_FAILED,
		.step = WORKER_STEP_CGROUP,
		.error = ENOENT,
		.duration_us = 1500,
	};
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct records records;
	struct capture capture;
	char out[4096];

	strcpy(facts.comm, "e\n UPCALL_ID=9");
	strcpy(facts.key_type, "user");
	records_init(&records, loop);
	capture_begin(&capture);
	record_send(&records, &record);
	capture_end(&capture, out, sizeof(out));
	assert_int_equal(lines(out), 1);
	assert_non_null(strstr(
		out, "Upcall 7 (key user) of container web: entry-failed at cgroup: No such file"));
	assert_non_null(strstr(out, " UPCALL_COMM=e\\x0a\\x20UPCALL_ID=9 "));
	assert_non_null(strstr(out, " UPCALL_STEP=cgroup "));
	assert_non_null(strstr(out, " UPCALL_ERRNO=2 "));
	assert_non_null(strstr(out, " UPCALL_ORIGIN=syscall "));
	assert_non_null(strstr(out, " UPCALL_DURATION_USEC=1500"));
	records_stop(&records);
	ev_loop_destroy(loop);
}

/* What somebody who reads the journal would look for next. */
static void test_ends(void **state)
{
	static const struct {
		enum record_result result;
		int wait_status;
		int error;
		const char *says; /* up to the first field */
	} cases[] = {
		{ RECORD_FAILED, 0x300, 0, ": failed: exit status 3 UPCALL_" },
		{ RECORD_KILLED, 9, 0, ": killed: signal 9 UPCALL_" },
		{ RECORD_KILLED, 0x80 | 11, 0, ": killed: signal 11 UPCALL_" },
		{ RECORD_SERVED, 0, 0, ": served UPCALL_" },
		{ RECORD_TIMEOUT, 9, ETIMEDOUT, ": timeout UPCALL_" },
		{ RECORD_OOM, 9, 0, ": oom-killed UPCALL_" },
		{ RECORD_FAILED, 0, EIO, ": failed: Input/output error UPCALL_" },
		{ RECORD_EXEC_FAILED, 0x7f00, ENOENT,
		  ": exec-failed: No such file or directory UPCALL_" },
	};
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct records records;

	records_init(&records, loop);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct facts facts = { .id = i };
		const struct record record = { .facts = &facts,
					       .result = cases[i].result,
					       .wait_status = cases[i].wait_status,
					       .error = cases[i].error };
		struct capture capture;
		char out[4096];

		capture_begin(&capture);
		record_send(&records, &record);
		capture_end(&capture, out, sizeof(out));
		if (!strstr(out, cases[i].says))
			fail_msg("no \"%s\" in %s", cases[i].says, out);
	}
	records_stop(&records);
	ev_loop_destroy(loop);
}

static void test_nobody(void **state)
{
	struct facts facts = { .id = 8, .class = 99 };
	const struct record record = { .facts = &facts,
				       .result = RECORD_REFUSED,
				       .reason = "of nobody" };
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct records records;
	struct capture capture;
	char out[4096];

	records_init(&records, loop);
	capture_begin(&capture);
	record_send(&records, &record);
	capture_end(&capture, out, sizeof(out));
	assert_non_null(strstr(out, "Upcall 8 (unknown) of nobody: refused: of nobody"));
	assert_null(strstr(out, "UPCALL_CONTAINER"));
	records_stop(&records);
	ev_loop_destroy(loop);
}

static void test_rate(void **state)
{
	struct facts facts = { .id = 8 };
	const struct record record = { .facts = &facts };
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	static char out[256 * 1024];
	struct records records;
	struct capture capture;

	records_init(&records, loop);
	capture_begin(&capture);
	fcntl(capture.ends[1], F_SETPIPE_SZ, sizeof(out));
	for (int i = 0; i < RECORD_RATE + 50; i++)
		record_send(&records, &record);
	assert_int_equal(records.suppressed, 50);
	records_stop(&records);
	capture_end(&capture, out, sizeof(out));
	assert_int_equal(lines(out), RECORD_RATE + 1);
	assert_non_null(strstr(out, "UPCALL_SUPPRESSED=50"));
	ev_loop_destroy(loop);
}

/* Who makes many does not take the others' place. */
static void test_rate_of_each(void **state)
{
	struct facts facts = { .id = 8 };
	const struct record noisy = { .facts = &facts, .container = "noisy" };
	const struct record quiet = { .facts = &facts, .container = "web" };
	const struct record nobody = { .facts = &facts };
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	static char out[512 * 1024];
	struct records records;
	struct capture capture;

	records_init(&records, loop);
	capture_begin(&capture);
	fcntl(capture.ends[1], F_SETPIPE_SZ, sizeof(out));
	for (int i = 0; i < RECORD_RATE + 50; i++)
		record_send(&records, &noisy);
	record_send(&records, &quiet);
	record_send(&records, &nobody);
	assert_int_equal(records.suppressed, 50);
	records_stop(&records);
	capture_end(&capture, out, sizeof(out));
	assert_non_null(strstr(out, "UPCALL_CONTAINER=web"));
	assert_non_null(strstr(out, "of nobody"));
	ev_loop_destroy(loop);
}

/* Nor do many names of one who may choose them, nor many users. */
static void test_rate_of_users(void **state)
{
	struct facts facts = { .id = 8 };
	const struct record quiet = { .facts = &facts, .container = "web" };
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	static char out[1024 * 1024];
	struct records records;
	struct capture capture;
	char name[16];

	records_init(&records, loop);
	capture_begin(&capture);
	fcntl(capture.ends[1], F_SETPIPE_SZ, sizeof(out));
	for (int i = 0; i < 32 * RECORD_RATE; i++) {
		const struct record noisy = { .facts = &facts, .container = name, .uid = 1000 };

		snprintf(name, sizeof(name), "1000-%d", i % 32);
		record_send(&records, &noisy);
	}
	assert_int_equal(records.suppressed, 31 * RECORD_RATE);
	for (uint32_t uid = 1001; uid < 1033; uid++) {
		const struct record noisy = { .facts = &facts, .container = "web", .uid = uid };

		for (int i = 0; i < RECORD_RATE; i++)
			record_send(&records, &noisy);
	}
	assert_int_equal(records.suppressed,
			 31 * RECORD_RATE + 33 * RECORD_RATE - RECORD_RATE_USERS);
	record_send(&records, &quiet);
	assert_int_equal(records.suppressed,
			 31 * RECORD_RATE + 33 * RECORD_RATE - RECORD_RATE_USERS);
	records_stop(&records);
	capture_end(&capture, out, sizeof(out));
	assert_non_null(strstr(out, "UPCALL_CONTAINER=web"));
	ev_loop_destroy(loop);
}

/* More than have one of their own: what is over is one crowd, and goes on in the next second. */
static void test_rate_of_many(void **state)
{
	struct record_rates *rates = calloc(1, sizeof(*rates));
	char name[16];

	for (int i = 0; i < RECORD_RATES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_true(record_rate_allows(rates, 0, name));
	}
	for (int i = 0; i < RECORD_RATE; i++)
		assert_true(record_rate_allows(rates, 0, i % 2 ? "more" : "most"));
	assert_false(record_rate_allows(rates, 0, "more"));
	assert_true(record_rate_allows(rates, 0, "7"));
	for (int i = 0; i < RECORD_RATES; i++)
		rates->containers.of[i].window -= 1.;
	assert_true(record_rate_allows(rates, 0, "more"));
	free(rates);
}

/* One user may have many ids: none of them takes the place of what root has registered. */
static void test_rate_of_many_users(void **state)
{
	struct record_rates *rates = calloc(1, sizeof(*rates));

	for (uint32_t uid = 1; uid <= 4 * RECORD_RATES; uid++)
		for (int i = 0; i < RECORD_RATE; i++)
			(void)record_rate_allows(rates, uid, "web");
	for (int i = 0; i < RECORD_RATE; i++)
		assert_true(record_rate_allows(rates, 0, "web"));
	assert_true(record_rate_allows(rates, 0, NULL));
	free(rates);
}

static void test_names(void **state)
{
	for (uint32_t step = 0; step < WORKER_STEP_COUNT; step++)
		assert_string_not_equal(step_name(step), "unknown");
	assert_string_equal(step_name(WORKER_STEP_COUNT), "unknown");
	for (int result = 0; result < RECORD_RESULT_COUNT; result++)
		assert_non_null(record_result_name((enum record_result)result));
	assert_int_equal(record_result_of(WORKER_SERVED), RECORD_SERVED);
	assert_int_equal(record_result_of(WORKER_GONE), RECORD_GONE);
	assert_int_equal(record_result_of(4711), RECORD_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),	     cmocka_unit_test(test_full),
		cmocka_unit_test(test_stderr),	     cmocka_unit_test(test_stderr_full),
		cmocka_unit_test(test_facts),	     cmocka_unit_test(test_record),
		cmocka_unit_test(test_nobody),	     cmocka_unit_test(test_rate),
		cmocka_unit_test(test_rate_of_each), cmocka_unit_test(test_names),
		cmocka_unit_test(test_ends),	     cmocka_unit_test(test_rate_of_users),
		cmocka_unit_test(test_rate_of_many), cmocka_unit_test(test_rate_of_many_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
