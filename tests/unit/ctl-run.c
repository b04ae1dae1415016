// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl-run.h"

static char root[64];

int ctl_enter(void **state)
{
	strcpy(root, "/tmp/upcall-ctl-XXXXXX");
	if (!mkdtemp(root) || chdir(root) < 0)
		return -1;
	return mkdir("lib", 0755) < 0 || mkdir("etc", 0755) < 0 ? -1 : 0;
}

int ctl_leave(void **state)
{
	char command[128];

	if (chdir("/") < 0)
		return -1;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void make_parents(const char *path)
{
	char parent[256];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		(void)mkdir(parent, 0755);
	}
}

void ctl_put(const char *path, const char *text, mode_t mode)
{
	FILE *file;

	make_parents(path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

int ctl_run(const char *arguments, const char **ret_output)
{
	static char output[16384];
	char command[512];
	size_t length;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "%s %s 2>&1", UPCALLCTL, arguments);
	print_message("upcallctl %s\n", arguments);
	pipe = popen(command, "r"); /* lint: a test's own fixed command */
	assert_non_null(pipe);
	length = fread(output, 1, sizeof(output) - 1, pipe);
	output[length] = '\0';
	status = pclose(pipe);
	assert_true(WIFEXITED(status));
	print_message("%s", output);
	*ret_output = output;
	return WEXITSTATUS(status);
}
