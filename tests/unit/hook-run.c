// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "hook-run.h"

char hook_output[4096];
double hook_took;

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int hook_run(const char *input, const char *arguments)
{
	double start = now();
	char command[1024];
	size_t length;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "{ %s; } | %s %s 2>&1", input, UPCALL_OCI_HOOK,
		 arguments);
	print_message("%s\n", command);
	pipe = popen(command, "r"); /* lint: a test's own fixed command */
	assert_non_null(pipe);
	length = fread(hook_output, 1, sizeof(hook_output) - 1, pipe);
	hook_output[length] = '\0';
	status = pclose(pipe);
	hook_took = now() - start;
	print_message("%s", hook_output);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

void hook_bundle_make(const char *config, char directory[HOOK_BUNDLE_SIZE])
{
	char path[HOOK_BUNDLE_SIZE + sizeof("/config.json")];
	FILE *file;

	snprintf(directory, HOOK_BUNDLE_SIZE, "/tmp/upcall-bundle-XXXXXX");
	assert_non_null(mkdtemp(directory));
	if (!config)
		return;
	snprintf(path, sizeof(path), "%s/config.json", directory);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fprintf(file, "%s", config), strlen(config));
	assert_int_equal(fclose(file), 0);
}

void hook_bundle_state(const char *directory, char *input, size_t size)
{
	snprintf(input, size, "printf '{\"id\":\"web\",\"pid\":%%d,\"bundle\":\"%s\"}' $$",
		 directory);
}

void hook_bundle_remove(const char *directory)
{
	char path[HOOK_BUNDLE_SIZE + sizeof("/config.json")];

	snprintf(path, sizeof(path), "%s/config.json", directory);
	(void)unlink(path);
	assert_int_equal(rmdir(directory), 0);
}
