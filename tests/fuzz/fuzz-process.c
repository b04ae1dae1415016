// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the daemon reads of processes, cgroups, the host and its own past
 * (daemon/process.c, cgroup.c, host.c, counters.c)
 *
 * The input is the files. A number is one that stands there, in that form; a path is
 * whole and leaves no room for a newline.
 */
#include <errno.h>
#include <inttypes.h>

#include "cgroup.h"
#include "counters.h"
#include "fuzz.h"
#include "host.h"
#include "process.h"
#include "sections.h"
#include "text.h"

#define UNTOUCHED 0x5a5a5a5a

/* Does the file hold this number, with nothing that belongs to it on either side? */
static bool holds(const char *path, uint64_t number)
{
	const struct section *file = fake_files_find(path);
	char decimal[24];
	size_t size = (size_t)snprintf(decimal, sizeof(decimal), "%" PRIu64, number);
	const char *at, *end, *found;

	property(file);
	at = file->data;
	end = at + file->size;
	for (; (found = memmem(at, (size_t)(end - at), decimal, size)); at = found + 1) {
		if (found > file->data && !strchr(" \t\n", found[-1]))
			continue;
		if (found + size == end || memchr(" \t\n", found[size], 4))
			return true;
	}
	return false;
}

static void check_process(void)
{
	uint32_t pid = UNTOUCHED, parent = UNTOUCHED;
	int ret = pidfd_pid(5, &pid);

	if (ret == 0)
		property(pid >= 1 && pid <= INT32_MAX && holds("/proc/self/fdinfo/5", pid));
	else
		property(pid == UNTOUCHED);
	(void)process_is_kernel_thread(1);
	ret = process_parent(1, &parent);
	if (ret == 0)
		property(parent <= INT32_MAX && holds("/proc/1/stat", parent));
	else
		property(parent == UNTOUCHED && ret < 0);
}

static void check_cgroup(void)
{
	char path[CGROUP_PATH_MAX + 2], normal[CGROUP_PATH_MAX + 1];
	const struct section *file = fake_files_find("/proc/1/cgroup");
	size_t size;

	if (process_cgroup(1, path, sizeof(path)) < 0)
		return;
	size = strlen(path);
	property(path[0] == '/' && size < sizeof(path) && !strchr(path, '\n'));
	/* the whole line of the file, up to its end or a NUL */
	for (size_t at = 0; at + 3 + size <= file->size; at++)
		if ((at == 0 || file->data[at - 1] == '\n') && !memcmp(file->data + at, "0::", 3) &&
		    !memcmp(file->data + at + 3, path, size))
			size = at + 3 + size == file->size ||
					       memchr("\n", file->data[at + 3 + size], 2) ?
				       0 :
				       size;
	property(size == 0 || size >= CGROUP_PATH_MAX);
	if (cgroup_normalize(path, normal, sizeof(normal)) < 0)
		return;
	property(normal[0] && normal[0] != '/' && normal[strlen(normal) - 1] != '/');
	property(strlen(normal) <= CGROUP_PATH_MAX);
}

static void check_normalize(const char *text)
{
	char once[CGROUP_PATH_MAX + 1], twice[CGROUP_PATH_MAX + 1], small[8];

	property(cgroup_normalize(text, small, sizeof(small)) < 0 || strlen(small) < sizeof(small));
	if (cgroup_normalize(text, once, sizeof(once)) < 0)
		return;
	property(once[0] && once[0] != '/' && once[strlen(once) - 1] != '/');
	for (const char *at = once; *at; at++)
		property((unsigned char)*at >= ' ' && *at != 0x7f);
	/* unless what is left names the root again: "/sys/fs/cgroup//sys/fs/cgroup/a" */
	if (cgroup_normalize(once, twice, sizeof(twice)) >= 0)
		property(!strcmp(once, twice));
}

static void check_host(void)
{
	char **warnings = NULL;
	struct host host;

	host_read(&host);
	for (const char *at = host.core_pattern; *at; at++)
		property(*at >= ' ' && *at <= '~');
	/* 0 means something: it is never a guess */
	property(host.core_pipe_limit == UINT32_MAX ||
		 !fake_files_find("/proc/sys/kernel/core_pipe_limit") ||
		 holds("/proc/sys/kernel/core_pipe_limit", host.core_pipe_limit));
	property(host_warnings(&host, &warnings) == 0);
	property(strv_count(warnings) <= 2);
	strv_free(warnings);
}

static void check_counters(void)
{
	struct counters counters;

	counters_load("/run/upcalld", &counters);
	property(!counters.served || holds("/run/upcalld/counters", counters.served));
	property(!counters.failed || holds("/run/upcalld/counters", counters.failed));
	property(!counters.bad_sender || holds("/run/upcalld/counters", counters.bad_sender));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_text(data, size);
	struct sections files;

	check_normalize(text);
	sections_split(data, size, &files);
	fake_files_arm(&files);
	check_process();
	check_cgroup();
	check_host();
	check_counters();
	fake_files_disarm();
	return 0;
}
