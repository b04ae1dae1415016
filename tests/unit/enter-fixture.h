/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole way of a request through the worker, into a real container, with a
 * shim that is played.
 *
 *   test = worker ── socketpair ── test = upcalld
 *      └─ handler in the container's namespaces, writes what it sees to out/
 */
#ifndef TEST_ENTER_FIXTURE_H
#define TEST_ENTER_FIXTURE_H

#include "enter-container.h"
#include "fake-entry.h"
#include "fault.h"
#include "hands.h"

extern struct hands hands;
/* The daemon's end of the worker's connection. */
extern int broker_fd;

int group_setup(void **state);
int group_teardown(void **state);
/* A connection that the worker has given up is the daemon's to make anew; else nothing. */
void connect_again(void);
/* First in each test, and before each further request. Skips it where it cannot be run. */
void require_root(void);
void require_user_namespaces(void);

/* The kernel's words: /bin/sh -c TEXT, in the directory `out`. */
void info_set(enum upcall_class class, const char *text);
/* For what info_set() has said, and the container as it is. */
struct worker_request request_of(enum worker_handler handler);
/* Whose pidfd comes with a request; 0: the leader's. */
extern pid_t request_pidfd;
/* What comes with one that has a filter. */
extern int request_filter_fd;

/* A key, for whose payload a program is asked, and that program. */
void answer_info_set(const char *type, const char *description);
struct worker_request answer_request_of(const char *text);

void fds_put(int socket, const void *data, size_t size, const int *fds, size_t count);
/* With an upcall fd that the caller has made, and which is closed. */
void request_put_fd(const struct worker_request *request, int upcall_fd);
/* The worker's loop until there is a result. */
struct worker_result request_serve(const struct worker_request *request);

/* What a handler wrote to that file of `out`, which is removed. NULL: there is none. */
char *output(const char *name);
void assert_line(const char *text, const char *line);
void assert_nothing_left(void);
/* It fails at that step, at once, with that error (0: any), and no handler runs. */
void assert_refused(const struct worker_request *request, enum worker_step step, int error);

#endif
