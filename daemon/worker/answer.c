// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <keyutils.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "answer.h"
#include "become.h"
#include "cleanup.h"
#include "fault.h"
#include "fds.h"
#include "payload.h"
#include "report.h"
#include "shim-fd.h"

#define REJECT_SECONDS 1
#define OPTIONS_LEN    256

static int fds_prepare(struct answer *answer)
{
	int *const kept[] = { &answer->upcall_fd, &answer->data_fd, &answer->control_fd,
			      &answer->null_fd, &answer->report_fd };
	const size_t count = sizeof(kept) / sizeof(kept[0]);
	int ret;

	ret = fds_lift(kept, count);
	if (ret == 0)
		ret = fds_close_others(0, kept, count);
	for (int fd = 0; ret == 0 && fd < 3; fd++)
		if (dup2(answer->null_fd, fd) < 0)
			ret = -errno;
	return ret;
}

/*
 * It is going to read what a container wrote. What it does afterwards rests on
 * the authority of its session keyring and on no capability.
 */
static int power_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (capset(&header, none) < 0)
		return -errno;
	return become_undumpable();
}

/* To the end, bounded in size; the worker bounds the time. */
static int answer_read(int fd, char *buffer, size_t room, size_t *ret_size)
{
	size_t size = 0;

	for (;;) {
		ssize_t got = read(fd, buffer + size, room - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		size += (size_t)got;
		if (size == room)
			return -EBADMSG;
	}
	*ret_size = size;
	return 0;
}

/* Half an answer of a handler that crashed is none. */
static int approval_wait(int fd)
{
	ssize_t got;
	char byte;

	do
		got = read(fd, &byte, 1);
	while (got < 0 && errno == EINTR);
	return got == 1 ? 0 : -ECANCELED;
}

static int options_read(char options[static OPTIONS_LEN])
{
	long size = keyctl_read(KEY_SPEC_REQKEY_AUTH_KEY, options, OPTIONS_LEN - 1);

	if (size < 0)
		return -errno;
	if (size >= OPTIONS_LEN)
		return -EBADMSG;
	options[size] = '\0';
	return 0;
}

/* The timeout can be set now, by our authority over the key, and not afterwards. */
static int key_instantiate(const struct tags_key *key, struct payload *payload)
{
	char options[OPTIONS_LEN];
	int ret;

	ret = fault_at(WORKER_STEP_INSTANTIATE) ?: options_read(options);
	if (ret == 0)
		ret = payload_choose(key, options, payload);
	if (ret < 0)
		return ret;
	if (payload->ttl > 0 && keyctl_set_timeout(key->serial, payload->ttl) < 0)
		return -errno;
	if (keyctl_instantiate(key->serial, payload->data, payload->size, 0) < 0)
		return -errno;
	return 0;
}

/* Attached, so the upcall is ours to end: a key left as it is would be negated for a minute. */
static int key_answer(const struct tags_key *key, struct payload *payload)
{
	int ret;

	if (keyctl_assume_authority(key->serial) < 0)
		return -errno;
	ret = key_instantiate(key, payload);
	if (ret < 0)
		(void)keyctl_reject(key->serial, REJECT_SECONDS, ENOKEY, 0);
	return ret;
}

static int answer_receive(struct answer *answer, char *buffer, struct payload *ret_payload)
{
	size_t size = 0;
	int ret;

	ret = answer_read(answer->data_fd, buffer, PAYLOAD_MAX + 1, &size);
	if (ret == 0)
		ret = approval_wait(answer->control_fd);
	if (ret == 0)
		ret = payload_parse(answer->key, buffer, size, ret_payload);
	return ret;
}

static int answer_attach(struct answer *answer)
{
	/* it has none any more, see power_drop(), and is to get none */
	int ret = shim_attach(answer->upcall_fd, /* capabilities= */ 0);

	if (ret == 0)
		ret = report_send(answer->report_fd, REPORT_ATTACHED, WORKER_STEP_ATTACH, 0);
	return ret < 0 ? ret : become_undumpable();
}

static int answer_steps(struct answer *answer, enum worker_step *step)
{
	cleanup_free char *buffer = malloc(PAYLOAD_MAX + 2);
	struct payload payload = { 0 };
	int ret;

	*step = WORKER_STEP_FDS;
	ret = buffer ? fds_prepare(answer) : -ENOMEM;
	if (ret < 0)
		return ret;
	*step = WORKER_STEP_CAPS;
	ret = power_drop();
	if (ret < 0)
		return ret;
	*step = WORKER_STEP_READ;
	ret = fault_at(*step) ?: answer_receive(answer, buffer, &payload);
	if (ret < 0)
		return ret;
	*step = WORKER_STEP_ATTACH;
	ret = answer_attach(answer);
	if (ret < 0)
		return ret;
	*step = WORKER_STEP_INSTANTIATE;
	return key_answer(answer->key, &payload);
}

_Noreturn void answer_run(struct answer *answer)
{
	enum worker_step step;
	int ret = answer_steps(answer, &step);

	if (ret < 0)
		(void)report_send(answer->report_fd, REPORT_FAILED, step, -ret);
	_exit(ret < 0 ? 1 : 0);
}
