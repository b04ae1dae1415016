// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A helper of the kernel's that writes down what it was given
 *
 * Adds to /run/seen its arguments, environment, descriptors, namespaces,
 * credentials, limits and parent, without the numbers that are of one run; then,
 * by the last word of its name:
 *   request-key  makes, negates, rejects the key, or fails, as its description says:
 *                "host:made", "host:negated", "host:rejected", else
 *   modprobe     executes /sbin/modprobe
 *   core         reads what is on its standard input
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* An answer that is over when the helper ends counts as none: longer than a slow machine takes. */
#define REFUSED_SEC 600

extern char **environ;

static char text[32768];
static size_t length;

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	length += (size_t)vsnprintf(text + length, sizeof(text) - length, format, arguments);
	va_end(arguments);
	if (length >= sizeof(text))
		_exit(120);
}

static void note_link(const char *path)
{
	char target[256];
	ssize_t size = readlink(path, target, sizeof(target) - 1);

	if (size < 0)
		return;
	target[size] = '\0';
	if (!strncmp(target, "pipe:", 5))
		target[5] = '\0';
	note("%s %s\n", path, target);
}

/* note_file(): lines that begin with one of `words`, or all */
static void note_file(const char *path, const char *const *words)
{
	FILE *file = fopen(path, "re");
	char line[1024];

	while (file && fgets(line, sizeof(line), file)) {
		const char *const *word = words;

		while (word && *word && strncmp(line, *word, strlen(*word)) != 0)
			word++;
		if (!word || *word)
			note("%s: %s", path, line);
	}
	if (file)
		fclose(file);
	note("\n");
}

static void note_parent(void)
{
	char path[64], line[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", getppid());
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		_exit(121);
	fclose(file);
	line[strcspn(line, "/\n")] = '\0';
	note("child of %s, priority %d\n", line, getpriority(PRIO_PROCESS, 0));
}

static void note_all(char **argv, int keys)
{
	static const char *const ours[] = {
		"Umask:",  "Uid:",	    "Gid:",	     "Groups:", "Threads:", "SigPnd:",
		"ShdPnd:", "SigBlk:",	    "SigIgn:",	     "SigCgt:", "Cap",	    "NoNewPrivs:",
		"Seccomp", "Cpus_allowed:", "Mems_allowed:", NULL
	};
	static const char *const namespaces[] = { "pid", "mnt", "net",	  "user",
						  "uts", "ipc", "cgroup", "time" };
	char path[64], about[256] = "";

	for (int i = 0; argv[i]; i++)
		note("argument %d: %s\n", i, keys && (i == 2 || i > 4) ? "a key" : argv[i]);
	for (int i = 0; environ[i]; i++)
		note("environment: %s\n", environ[i]);
	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		note_link(path);
	}
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", namespaces[i]);
		note_link(path);
	}
	note_link("/proc/self/cwd");
	note_link("/proc/self/root");
	note_link("/proc/self/exe");
	note_file("/proc/self/status", ours);
	note_file("/proc/self/limits", NULL);
	note_file("/proc/self/cgroup", NULL);
	note_file("/proc/self/oom_score_adj", NULL);
	note_file("/proc/self/loginuid", NULL);
	note_parent();
	(void)syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, about, sizeof(about));
	/* "_req.SERIAL" */
	about[strcspn(about, ".")] = '\0';
	note("session keyring: %s\n", about);
}

/* One write(2): those of others do not mix with it. */
static void keep(void)
{
	int fd = open("/run/seen", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, length) != (ssize_t)length)
		_exit(122);
}

static int answer(char **argv)
{
	char about[512] = "";
	long key, ring;

	if (!argv[1] || !argv[2] || !argv[3] || !argv[4] || !argv[5] || !argv[6] || !argv[7])
		return 123;
	key = strtol(argv[2], NULL, 10);
	ring = strtol(argv[7], NULL, 10);
	if (syscall(SYS_keyctl, KEYCTL_ASSUME_AUTHORITY, key) < 0 ||
	    syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, about, sizeof(about)) < 0)
		return 124;
	if (strstr(about, ";host:made"))
		return syscall(SYS_keyctl, KEYCTL_INSTANTIATE, key, "made", 4, ring) < 0;
	if (strstr(about, ";host:negated"))
		return syscall(SYS_keyctl, KEYCTL_NEGATE, key, REFUSED_SEC, ring) < 0;
	if (strstr(about, ";host:rejected"))
		return syscall(SYS_keyctl, KEYCTL_REJECT, key, REFUSED_SEC, EKEYREJECTED, ring) < 0;
	return 1;
}

/* Of a core the first bytes: their number depends on where the stack lies. */
static int swallow(void)
{
	char first[4] = "", buffer[65536];
	ssize_t size = read(0, first, sizeof(first));

	note("input: %d %.3s\n", size == sizeof(first), first + 1);
	while (read(0, buffer, sizeof(buffer)) > 0)
		;
	keep();
	return 0;
}

int main(int argc, char **argv)
{
	size_t size = argc ? strlen(argv[0]) : 0;
	const int keys = size >= 11 && !strcmp(argv[0] + size - 11, "request-key");

	note_all(argv, keys);
	if (size >= 4 && !strcmp(argv[0] + size - 4, "core"))
		return swallow();
	keep();
	if (keys)
		return answer(argv);
	/* by which it tells what it is */
	argv[0] = (char[]){ "/sbin/modprobe" };
	execv(argv[0], argv);
	return 125;
}
