// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who opens these files?
 *
 * bait-watch LOG FILE…
 *
 * Holds each opener (fanotify permission events) while it looks at it: writes
 * "host FILE EXE" to LOG where the opener is in this process' own user or mount
 * namespace, "own FILE EXE" where it is in another, and lets it go on. Creates
 * LOG when it watches; ends with SIGTERM.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

static void link_read(char *out, size_t room, const char *format, int number)
{
	char path[64];
	ssize_t size;

	snprintf(path, sizeof(path), format, number);
	size = readlink(path, out, room - 1);
	out[size > 0 ? size : 0] = '\0';
}

static int same_namespace(int pid, const char *theirs, const char *ours)
{
	char a[64], b[64];
	ssize_t size;

	link_read(a, sizeof(a), theirs, pid);
	size = readlink(ours, b, sizeof(b) - 1);
	b[size > 0 ? size : 0] = '\0';
	return !strcmp(a, b);
}

static void judge(FILE *log, const struct fanotify_event_metadata *event)
{
	char file[PATH_MAX], exe[PATH_MAX];
	int host = same_namespace(event->pid, "/proc/%d/ns/mnt", "/proc/self/ns/mnt") ||
		   same_namespace(event->pid, "/proc/%d/ns/user", "/proc/self/ns/user");

	link_read(file, sizeof(file), "/proc/self/fd/%d", event->fd);
	link_read(exe, sizeof(exe), "/proc/%d/exe", event->pid);
	fprintf(log, "%s %s %s\n", host ? "host" : "own", file, exe);
	fflush(log);
}

static void events_read(int watch, FILE *log)
{
	struct fanotify_event_metadata events[16];
	struct fanotify_event_metadata *event = events;
	ssize_t size = read(watch, events, sizeof(events));

	for (; FAN_EVENT_OK(event, size); event = FAN_EVENT_NEXT(event, size)) {
		struct fanotify_response response = { .fd = event->fd, .response = FAN_ALLOW };

		if (event->pid != getpid())
			judge(log, event);
		if (write(watch, &response, sizeof(response)) < 0)
			perror("bait-watch: response");
		close(event->fd);
	}
}

int main(int argc, char **argv)
{
	int watch =
		fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	FILE *log;

	if (argc < 3 || watch < 0) {
		perror("bait-watch");
		return 1;
	}
	for (char **file = argv + 2; *file; file++)
		if (fanotify_mark(watch, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM, AT_FDCWD,
				  *file)) {
			perror(*file);
			return 1;
		}
	log = fopen(argv[1], "w");
	if (!log) {
		perror(argv[1]);
		return 1;
	}
	for (;;)
		events_read(watch, log);
}
