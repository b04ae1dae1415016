/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole daemon with a fake kernel, asked through its control socket
 *
 * The daemon runs in a child process, standalone; the test is the client. A
 * worker that it starts takes what it is given and never answers.
 */
#ifndef TEST_CONTROL_FIXTURE_H
#define TEST_CONTROL_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "daemon.h"
#include "tags.h"

struct fixture {
	char base[40];
	char socket_path[64];
	char config[64];
	char worker[64];
	pid_t daemon;
	bool old_module; /* with_shim: one that knows of no owners */
	pid_t leader;
	int pidfd;
	bool stays; /* --idle-seconds 0 */
};

int setup(void **state);
int setup_without_shim(void **state);
int teardown(void **state);

void run_daemon(struct fixture *fixture, bool with_shim);
void start_daemon(struct fixture *fixture, bool with_shim);
void stop_daemon(struct fixture *fixture);
bool is_up(const struct fixture *fixture);

/* The kernel offers an upcall of the first container; ids count from this on. */
#define FIRST_UPCALL 7
void offer(const struct fixture *fixture);
/* It has as many that no event told of. */
#define CROWD	    200
#define CROWD_FIRST 1000
void crowd(const struct fixture *fixture);
/* Very many records, at once. */
#define FLOOD 20000
void flood(const struct fixture *fixture);
struct tags fixture_tags(uint64_t id);

int connect_raw(const struct fixture *fixture);
sd_bus *connect_bus(const struct fixture *fixture);
/* The user's, as upcalld-users makes it; root: root's. */
sd_bus *connect_user(sd_bus *root, uint32_t uid);
/* The error's short name, "" for none. */
const char *call(sd_bus *bus, const char *method, sd_bus_message **reply, const char *types, ...);
/* Position the message after `key` in its a{sv}; true if it is there. */
bool find_key(sd_bus_message *message, const char *key);
/* Of a message that is one a{sv}. */
const char *text_in(sd_bus_message *message, const char *key);
uint32_t u32_in(sd_bus_message *message, const char *key);
/* A file of the configuration. */
void put(const struct fixture *fixture, const char *name, const char *text);

#endif
