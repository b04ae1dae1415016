// SPDX-License-Identifier: GPL-2.0-or-later
/* The phases, and how upcalld is asked for them */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>

#include "cleanup.h"
#include "defaults.h"
#include "hook.h"
#include "late.h"

#define PAUSE_MS 20 /* before upcalld is asked again */

int fail(struct hook *hook, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(hook->reason, sizeof(hook->reason), format, args);
	va_end(args);
	return error;
}

/* ------------------------------------------------------------------ phases */

/* An upcalld that is older, or does not want this filter: none of its programs is run then. */
static int register_unfiltered(struct hook *hook, struct upcall_connection *connection, int pidfd,
			       struct upcall_register_options *options)
{
	char reason[REASON_SIZE];
	int r;

	(void)snprintf(reason, sizeof(reason), "%s", upcall_error(connection, -EINVAL));
	oci_filter_clear(&hook->filter);
	options->seccomp_filter = NULL;
	options->seccomp_filter_size = 0;
	r = upcall_register(connection, hook->name, pidfd, options, NULL);
	if (r >= 0)
		report("%s %s: without its seccomp filter: %s", hook->phase->name, hook->state.id,
		       reason);
	return r;
}

static int register_container(struct hook *hook, struct upcall_connection *connection)
{
	struct upcall_register_options options = { .runtime = hook->runtime,
						   .seccomp_filter = hook->filter.code,
						   .seccomp_filter_size = hook->filter.size };
	cleanup_fd int pidfd = -1;
	int r;

	if (!hook->state.pid)
		return fail(hook, -EBADMSG, "%s: missing or 0",
			    hook->id ? "--pid" : "standard input: pid");
	pidfd = pidfd_open(hook->state.pid, 0);
	if (pidfd < 0) {
		r = -errno;
		return fail(hook, r, "pid %d: %s", (int)hook->state.pid, strerror(errno));
	}
	r = upcall_register(connection, hook->name, pidfd, &options, NULL);
	if (r == -EINVAL && hook->filter.size)
		r = register_unfiltered(hook, connection, pidfd, &options);
	return r < 0 ? fail(hook, r, "%s", upcall_error(connection, r)) : 0;
}

/* Only who has ended: the name may be another's, if the container never got it. */
static int unregister_container(struct hook *hook, struct upcall_connection *connection)
{
	int r = upcall_unregister_ended(connection, hook->name);

	return r < 0 && r != -ENOENT ? fail(hook, r, "%s", upcall_error(connection, r)) : 0;
}

#define FORGOTTEN "upcalld forgets the container when all of it has ended"

static const struct phase phases[] = {
	{ CREATE_RUNTIME, NOT_REGISTERED, MAYBE_REGISTERED, true, register_container },
	{ "poststop", FORGOTTEN, FORGOTTEN, false, unregister_container },
};

#define PHASE_COUNT (sizeof(phases) / sizeof(phases[0]))

const struct phase *phase_find(const char *name)
{
	for (size_t i = 0; i < PHASE_COUNT; i++)
		if (!strcmp(phases[i].name, name))
			return &phases[i];
	return NULL;
}

/* ------------------------------------------------------------------ asking */

/* A user's is called UID-NAME. */
static bool is_its_name(const struct hook *hook, const struct upcall_entry *entry)
{
	char name[16 + OCI_NAME_SIZE];

	(void)snprintf(name, sizeof(name), "%u-%s", entry->uid, hook->name);
	return !strcmp(entry->name, entry->uid ? name : hook->name);
}

/* Who has hung up on us, or on who has left this to us, may have done it before. */
static bool is_registered(const struct hook *hook, struct upcall_connection *connection)
{
	struct upcall_entry **entries;
	bool found = false;

	if (upcall_list(connection, &entries) < 0)
		return false;
	for (struct upcall_entry **entry = entries; *entry && !found; entry++)
		found = is_its_name(hook, *entry) &&
			(*entry)->leader == (uint32_t)hook->state.pid &&
			strcmp((*entry)->state, "tombstone") != 0;
	upcall_list_free(entries);
	return found;
}

/* 1: somebody was there and has hung up, as upcalld does when it has too many, or ends. */
static int ask(struct hook *hook)
{
	struct upcall_connection *connection;
	int r;

	r = upcall_connect(&connection);
	if (r >= 0) {
		r = hook->phase->run(hook, connection);
		if (r == -EEXIST && is_registered(hook, connection))
			r = 0;
		r = r == -ENOTCONN ? 1 : r;
	} else {
		fail(hook, r, "%s", upcall_error(connection, r));
		r = r == -ECONNABORTED ? 1 : r;
	}
	upcall_close(connection);
	return r;
}

int phase_run(struct hook *hook)
{
	int r;

	late_answer(hook->required, hook->phase->name, hook->state.id, hook->timeout_ms,
		    hook->phase->late);
	/* of its own: whoever has made the state long has none of this */
	r = limit_start(hook->timeout_ms, 1);
	if (r < 0)
		return fail(hook, r, "cannot set a timer: %s", strerror(-r));
	while ((r = ask(hook)) > 0) {
		limit_says(hook->required, "%s %s: within %u ms: %s; %s", hook->phase->name,
			   hook->state.id, hook->timeout_ms, hook->reason, hook->phase->late);
		(void)poll(NULL, 0, PAUSE_MS);
	}
	return r;
}
