/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of ours that run where a container can see them: from sealed memory. */
#ifndef UPCALL_WORKER_SEAL_H
#define UPCALL_WORKER_SEAL_H

/*
 * A copy of `path` in a memfd that nobody can write any more; the caller's,
 * close-on-exec. `name` is what /proc/PID/exe shows of it. Writing to /proc/PID/exe of such a
 * process changes no file of the host (CVE-2019-5736).
 */
int seal_file(const char *path, const char *name);

/* Execute ourselves again from such a copy, unless we are one. Returns 0 in the copy. */
int seal_self(char *const argv[]);

#endif
