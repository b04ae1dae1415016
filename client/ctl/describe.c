// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "cleanup.h"
#include "describe.h"
#include "json.h"

void describe(const char *key, const char *format, ...)
{
	cleanup_free char *value = NULL;
	va_list args;
	int size;

	va_start(args, format);
	size = vasprintf(&value, format, args);
	va_end(args);
	if (size < 0)
		value = NULL;
	if (size > 0)
		printf("%s:%*s %s\n", key, (int)(strlen(key) < 14 ? 14 - strlen(key) : 0), "",
		       value);
}

void print_clock(uint64_t usec)
{
	time_t seconds = (time_t)(usec / 1000000);
	char text[16];
	struct tm tm;

	if (localtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%T", &tm))
		printf("%s.%03u ", text, (unsigned int)(usec / 1000 % 1000));
}

static void describe_time(const char *key, uint64_t usec)
{
	time_t seconds = (time_t)(usec / 1000000);
	char text[64];
	struct tm tm;

	if (usec && gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%FT%TZ", &tm))
		describe(key, "%s", text);
}

static void describe_status(uint32_t status)
{
	if (WIFSIGNALED((int)status))
		describe("handler's end", "signal %d", WTERMSIG((int)status));
	else if (status)
		describe("handler's end", "exit status %d", WEXITSTATUS((int)status));
}

const char *step_meaning(const char *step)
{
	if (strcmp(step, "seccomp") != 0)
		return "";
	return " (its first process has seccomp filters, see HANDLERS in upcalld.d(5))";
}

void describe_record(const struct upcall_record *record)
{
	describe("upcall", "%" PRIu64 " (%s%s%s)", record->id, record->class_name,
		 *record->key_type ? "/" : "", record->key_type);
	describe("requester", "process %u (%s)", record->requester, record->comm);
	describe("container", "%s", *record->container ? record->container : "none");
	describe("found by", "%s", record->rule);
	describe("decided by", "%s%s%s", record->policy, *record->policy ? " " : "",
		 record->section);
	describe("handler", "%s%s%s", record->handler, *record->run_in ? ", in the " : "",
		 record->run_in);
	describe("result", "%s%s%s", record->result, *record->reason ? ": " : "", record->reason);
	describe("failed at", "%s%s", record->step, step_meaning(record->step));
	describe("error", "%s", record->error);
	describe_status(record->wait_status);
	if (record->pid)
		describe("handler's pid", "%u", record->pid);
	describe("took", "%.1f ms", (double)record->duration / 1e3);
	describe_time("ended", record->at);
}

void describe_record_json(const struct upcall_record *record)
{
	json_number("id", record->id);
	json_number("generation", record->generation);
	json_string("class", record->class_name);
	json_string("key-type", record->key_type);
	json_number("requester", record->requester);
	json_string("comm", record->comm);
	json_string("container", record->container);
	json_string("rule", record->rule);
	json_string("policy", record->policy);
	json_string("section", record->section);
	json_string("handler", record->handler);
	json_string("run-in", record->run_in);
	json_string("result", record->result);
	json_string("reason", record->reason);
	json_string("step", record->step);
	json_string("error", record->error);
	json_number("wait-status", record->wait_status);
	json_number("pid", record->pid);
	json_number("duration", record->duration);
	json_number("at", record->at);
}
