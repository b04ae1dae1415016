/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What /proc and a pidfd tell of a process.
 *
 * Used when somebody registers or the daemon starts, never for an upcall. What
 * decides (namespaces, start time) comes from the shim, not from here, wherever
 * there is one.
 */
#ifndef UPCALLD_PROCESS_H
#define UPCALLD_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upcall.h"

/* -EBADF no pidfd; -ESRCH the process has gone, or is not in our pid namespace. */
int pidfd_pid(int pidfd, uint32_t *ret);
/* False as soon as all threads have ended, also while it is a zombie. */
bool pidfd_alive(int pidfd);
/* Returns the pidfd. */
int pidfd_of(uint32_t pid);

/* -ESRCH: has gone. */
int process_parent(uint32_t pid, uint32_t *ret);
/* For a better sentence only; false also where that cannot be told. */
bool process_is_kernel_thread(uint32_t pid);
/*
 * Where there is no shim to ask. The start time is the shim's, cut to the clock tick
 * (10 ms) that procfs tells: process_cut_time(). Both go by the pid: a pidfd that
 * lives afterwards says that it was its process.
 */
int process_start_time(uint32_t pid, uint64_t *ret);
uint64_t process_cut_time(uint64_t start_time);
/* What /proc/PID/status says: no privilege is needed, and nobody waited for, as /proc/PID/ns does. */
struct process_status {
	uint32_t euid;
	bool nested; /* it is in a pid namespace below that of /proc */
};
int process_status(uint32_t pid, struct process_status *ret);
/* Inode numbers as the shim has them; 0: the kernel has no such namespaces. */
int process_namespaces(uint32_t pid, uint32_t ret[UPCALL_NS_COUNT]);
/* Path in cgroup2, with its leading slash. -ENOENT: in none, or a deleted one. */
int process_cgroup(uint32_t pid, char *out, size_t room);

/* First line of a small file, without its newline. */
int read_line(const char *path, char *out, size_t room);

#endif
