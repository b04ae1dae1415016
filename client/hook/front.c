// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcall-oci-hook - what a runtime executes
 *
 * upcall-oci-register can all that the manual page says, and most of its time it loads
 * libraries, while a container waits. This one is static, and knows one case: root's
 * createRuntime without options, of a bundle that has no seccomp filter, which upcalld takes.
 * Whatever else there is, also what goes wrong, it leaves to the other, which gets the same
 * arguments and the same input and begins anew: it knows what that means, and says it. What
 * does not come in time is said here: it would not come to the other, either.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "defaults.h"
#include "direct.h"
#include "late.h"
#include "oci-state.h"
#include "read-all.h"
#include "report.h"

struct input {
	char *text; /* owned; NULL: nothing has been read */
	size_t size;
	bool understood;
};

static void cleanup_input(struct input *input)
{
	free(input->text);
}

static bool is_plain(int argc, char **argv)
{
	return argc == 2 && !strcmp(argv[1], CREATE_RUNTIME) && geteuid() == 0;
}

/* ---------------------------------------------------------------- the case */

/*
 * Neither a name nor a value that says "seccomp" can be there without these bytes, or without
 * the one way to write letters otherwise.
 */
static bool may_have_filter(const char *config, size_t size)
{
	return memmem(config, size, "seccomp", strlen("seccomp")) ||
	       memmem(config, size, "\\u", strlen("\\u"));
}

static bool is_without_filter(const struct oci_state *state)
{
	cleanup_free char *text = NULL;
	char path[sizeof(state->bundle) + sizeof("/config.json")];
	cleanup_fd int fd = -1;
	ssize_t size;

	if (!*state->bundle)
		return true;
	(void)snprintf(path, sizeof(path), "%s/config.json", state->bundle);
	late_config(0, CREATE_RUNTIME, state->id, path, NOT_REGISTERED);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -errno : read_all(fd, OCI_TEXT_MAX + 1, &text);
	return size > 0 && size <= OCI_TEXT_MAX && text && !may_have_filter(text, (size_t)size);
}

/* It is told by its number: that it was the same process all the time says the pidfd. */
static int register_process(const char *name, pid_t pid)
{
	cleanup_fd int pidfd = pidfd_open(pid, 0);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int r;

	if (pidfd < 0)
		return -errno;
	r = direct_register(name, pid);
	if (r >= 0 && poll(&ended, 1, 0) != 0)
		r = -ESRCH;
	return r;
}

static int take_state(struct input *input, struct oci_state *state, char name[OCI_NAME_SIZE])
{
	char reason[OCI_REASON_SIZE];
	ssize_t size;
	int r;

	/* an image can make it long, and is to gain nothing by that */
	late_state(1, CREATE_RUNTIME, STATE_TIMES * TIMEOUT_MS, NOT_REGISTERED);
	r = limit_start(STATE_TIMES * TIMEOUT_MS, 2);
	if (r < 0)
		return r;
	size = read_all(STDIN_FILENO, OCI_TEXT_MAX + 1, &input->text);
	if (size < 0)
		return (int)size;
	input->size = (size_t)size;
	r = oci_state_parse(input->text, input->size, state, reason);
	if (r < 0)
		return r;
	input->understood = true;
	return oci_name(PREFIX, state->id, name);
}

/* A filter that our runtime is under is its containers', too: the other program has a word on that.
 */
static bool is_special(const struct oci_state *state)
{
	return state->pid <= 0 || prctl(PR_GET_SECCOMP) != 0 || !is_without_filter(state);
}

static int do_plain(struct input *input)
{
	struct oci_state state;
	char name[OCI_NAME_SIZE];
	int r;

	r = take_state(input, &state, name);
	if (r >= 0 && is_special(&state))
		r = -EOPNOTSUPP;
	if (r < 0)
		return r;
	late_answer(0, CREATE_RUNTIME, state.id, TIMEOUT_MS, MAYBE_REGISTERED);
	r = limit_start(TIMEOUT_MS, 1);
	return r < 0 ? r : register_process(name, state.pid);
}

/* ----------------------------------------------------------- all the others */

/* Standard input becomes what has been read of it. */
static int give_back(const struct input *input)
{
	cleanup_fd int fd = memfd_create("state", MFD_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (done < input->size) {
		n = write(fd, input->text + done, input->size - done);
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, STDIN_FILENO) < 0 ? -errno : 0;
}

/* As the options of the other program may be shortened. */
static bool is_required(char **argv)
{
	for (; *argv; argv++)
		if (!strncmp(*argv, "--re", strlen("--re")))
			return true;
	return false;
}

/* Does not return if all is well. */
static void leave(const struct input *input, char **argv)
{
	int r = 0;

	if (input->text)
		r = give_back(input);
	if (r >= 0) {
		(void)execv(UPCALL_OCI_REGISTER, argv);
		r = -errno;
	}
	report("cannot execute " UPCALL_OCI_REGISTER ": %s; " NOT_REGISTERED, strerror(-r));
}

int main(int argc, char **argv)
{
	cleanup_with(cleanup_input) struct input input = { .text = NULL };
	int r;

	if (!is_plain(argc, argv)) {
		leave(&input, argv);
		return is_required(argv);
	}
	r = do_plain(&input);
	if (r >= 0)
		return 0;
	limit_stop();
	if (!input.text) {
		report(CREATE_RUNTIME ": standard input: %s; " NOT_REGISTERED, strerror(-r));
		return 1;
	}
	leave(&input, argv);
	/* ATTACK: an image may have made the state long: see main.c */
	return !input.understood;
}
