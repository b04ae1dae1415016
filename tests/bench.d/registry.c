// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What one container costs, however many others there are
 *
 *	registry fill PREFIX      registers each process that standard input names, as PREFIX-N
 *	registry register PREFIX  the same, and says for each how many microseconds it took
 *	registry expire PID       kills them, and says how much of the processor's time each was,
 *without that of process PID: the journal's, which has more to do the more is in it
 *
 *	cc registry.c -lupcall -o registry
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <libupcall.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

/* Long enough for the module's last look at what is left, and for the journal. */
#define SETTLE_S 4

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "registry: %s: %s\n", what, why);
	return 1;
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* ---------------------------------------------------------------- register */

static int register_one(struct upcall_connection *connection, const char *name, int pid, double *us)
{
	int pidfd = pidfd_open(pid, 0), r;
	double begin;

	if (pidfd < 0)
		return fail(name, strerror(errno));
	begin = now_us();
	r = upcall_register(connection, name, pidfd, NULL, NULL);
	*us = now_us() - begin;
	close(pidfd);
	return r < 0 ? fail(name, upcall_error(connection, r)) : 0;
}

static int register_all(struct upcall_connection *connection, const char *prefix, int timed)
{
	char name[64];
	double us;
	int pid;

	for (unsigned int i = 0; scanf("%d", &pid) == 1; i++) {
		(void)snprintf(name, sizeof(name), "%.32s-%u", prefix, i);
		if (register_one(connection, name, pid, &us))
			return 1;
		if (timed)
			printf("%.1f\n", us);
	}
	return 0;
}

static int verb_register(const char *prefix, int timed)
{
	struct upcall_connection *connection;
	int r = upcall_connect(&connection), status;

	status = r < 0 ? fail("connect", upcall_error(connection, r)) :
			 register_all(connection, prefix, timed);
	upcall_close(connection);
	return status;
}

/* ------------------------------------------------------------------ expire */

/* Nanoseconds that tasks have run, on this machine's one processor: sched-stats(5), the 7th number.
 */
static double busy_ns(void)
{
	FILE *file = fopen("/proc/schedstat", "re");
	char line[512];
	double ns = -1;

	if (!file)
		return ns;
	while (ns < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "cpu0 %*s %*s %*s %*s %*s %*s %lf", &ns) != 1)
			ns = -1;
	(void)fclose(file);
	return ns;
}

/* The same of one process: proc(5). */
static double process_ns(const char *pid)
{
	char path[64];
	double ns = -1;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%.16s/schedstat", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%lf", &ns) != 1)
		ns = -1;
	(void)fclose(file);
	return ns;
}

static double counted_ns(const char *but)
{
	double busy = busy_ns(), its = process_ns(but);

	return busy < 0 || its < 0 ? -1 : busy - its;
}

/* What the machine does from when they are killed; negative: it cannot be told. */
static double kill_all(const int *pids, int count, const char *but)
{
	double begin = counted_ns(but), end;

	for (int i = 0; i < count; i++)
		if (kill(pids[i], SIGKILL) < 0)
			return -1;
	sleep(SETTLE_S);
	end = counted_ns(but);
	return begin < 0 || end < 0 ? -1 : end - begin;
}

static int verb_expire(const char *but)
{
	int pids[1000], count = 0;
	double ns;

	while (count < 1000 && scanf("%d", &pids[count]) == 1)
		count++;
	ns = count ? kill_all(pids, count, but) : -1;
	if (ns < 0)
		return fail("expire", "nobody, or no schedstat");
	printf("%.1f\n", ns / 1e3 / count);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "fill"))
		return verb_register(argv[2], 0);
	if (argc == 3 && !strcmp(argv[1], "register"))
		return verb_register(argv[2], 1);
	if (argc == 3 && !strcmp(argv[1], "expire"))
		return verb_expire(argv[2]);
	return fail("usage", "fill PREFIX | register PREFIX | expire PID");
}
