// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "become.h"
#include "enter-fixture.h"
#include "filter.h"
#include "guard.h"
#include "leader.h"
#include "listen.h"
#include "request.h"
#include "spawn.h"

enum worker_step fault_step;

struct hands hands = { .listener = { .fd = -1 },
		       .ending = { .fd = -1 },
		       .dns_fd = -1,
		       .probe_fd = -1,
		       .null_fd = -1,
		       .proc_fd = -1 };
int broker_fd;
pid_t request_pidfd;
int request_filter_fd = -1;

static void leader_forget(void)
{
	close(broker_fd);
	close(hands.connections[0].watch.fd);
}

static int broker_connect(void)
{
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -1;
	broker_fd = sockets[1];
	return connection_add(&hands, sockets[0]);
}

void connect_again(void)
{
	if (connection_is_any(&hands))
		return;
	close(broker_fd);
	assert_int_equal(broker_connect(), 0);
}

/* The two signals of glibc's own, as its posix_spawn() leaves them. */
static void inherit_ignored(void)
{
	const uint64_t ignored[4] = { (uintptr_t)SIG_IGN };

	for (int number = 32; number <= 33; number++)
		(void)syscall(SYS_rt_sigaction, number, ignored, NULL, sizeof(uint64_t));
}

int group_setup(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	fake_reset();
	inherit_ignored();
	if (container_make() < 0)
		return -1;
	hands.null_fd = guard_null_open();
	hands.proc_fd = guard_proc_open();
	hands.dns_path = UPCALL_DNS_PATH;
	hands.probe_path = UPCALL_PROBE_PATH;
	if (hands.null_fd < 0 || hands.proc_fd < 0 || spawn_init() < 0 || leader_init() < 0 ||
	    become_init() < 0 || filter_init() < 0 || guard_process() < 0)
		return -1;
	if (broker_connect() < 0)
		return -1;
	container_start(leader_forget);
	return 0;
}

int group_teardown(void **state)
{
	(void)state;
	return geteuid() == 0 ? container_remove() : 0;
}

void require_root(void)
{
	if (geteuid() != 0)
		skip();
	fake_reset();
	fault_step = WORKER_STEP_NONE;
}

void require_user_namespaces(void)
{
	require_root();
	if (!container.has_user_ns)
		skip();
}

/* ----------------------------------------------------------------- a request */

static char script[2048];
static char argv_bytes[2200];

void info_set(enum upcall_class class, const char *text)
{
	size_t size;

	snprintf(script, sizeof(script), "cd %s; %s", container.out, text);
	size = sizeof("sh") + sizeof("-c") + strlen(script) + 1;
	memcpy(argv_bytes, "sh\0-c", 6);
	memcpy(argv_bytes + 6, script, strlen(script) + 1);
	fake_info = (struct tags){
		.id = 99,
		.class = class,
		.path = { "/bin/sh", 7 },
		.argv = { argv_bytes, size },
		.envp = { "A=1\0PATH=/usr/bin:/bin", 23 },
	};
}

struct worker_request request_of(enum worker_handler handler)
{
	struct tags place;
	struct worker_request request = {
		.protocol = WORKER_PROTOCOL,
		.class = fake_info.class,
		.id = 99,
		.container = FAKE_CONTAINER,
		.start_time = FAKE_START_TIME,
		.cgroup_id = container.boundary_id,
		.leader = (uint32_t)container.leader,
		.own_ns = container.own_ns,
		.handler = handler,
		.run_ms = 10000,
	};
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", container.leader);
	fake_place(pid, &place);
	memcpy(request.ns, place.ns, sizeof(request.ns));
	request.net_cookie = place.net_cookie;
	strcpy(request.cgroup, container.boundary_name);
	strcpy(request.container_name, "test");
	return request;
}

void answer_info_set(const char *type, const char *description)
{
	info_set(UPCALL_CLASS_KEY, "");
	fake_info.key = (struct tags_key){
		.present = true,
		.serial = FAKE_SERIAL,
		.type = { type, strlen(type) },
		.description = { description, strlen(description) },
	};
}

static void program_put(const char *text)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/answer", container.out);
	file = fopen(path, "we");
	fprintf(file, "#!/bin/sh\ncd %s\n%s\n", container.out, text);
	fclose(file);
	chmod(path, 0755);
}

struct worker_request answer_request_of(const char *text)
{
	struct worker_request request = request_of(WORKER_ANSWER_PROGRAM);

	program_put(text);
	snprintf(request.program, sizeof(request.program), "%s/answer", container.out);
	return request;
}

void fds_put(int socket, const void *data, size_t size, const int *fds, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
	struct iovec vector = { (void *)data, size };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	assert_int_equal(sendmsg(socket, &message, 0), size);
}

void request_put_fd(const struct worker_request *request, int upcall_fd)
{
	int fds[3] = { upcall_fd,
		       (int)syscall(SYS_pidfd_open,
				    request_pidfd ? request_pidfd : container.leader, 0),
		       request_filter_fd };

	fds_put(broker_fd, request, sizeof(*request), fds, request->filter ? 3 : 2);
	close(fds[0]);
	close(fds[1]);
}

static void request_put(const struct worker_request *request)
{
	request_put_fd(request, eventfd(0, EFD_CLOEXEC));
}

struct worker_result request_serve(const struct worker_request *request)
{
	struct worker_result result = { 0 };
	int64_t limit = loop_now_ms() + 20000;

	request_put(request);
	while (recv(broker_fd, &result, sizeof(result), MSG_DONTWAIT) != sizeof(result)) {
		assert_true(loop_now_ms() < limit);
		loop_run(&hands.loop, loop_now_ms() + 20);
		request_expire(&hands);
	}
	assert_int_equal(result.id, 99);
	assert_null(hands.requests);
	return result;
}

/* -------------------------------------------------------------- how it ended */

char *output(const char *name)
{
	static char text[8192];
	char path[64];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", container.out, name);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	size = fread(text, 1, sizeof(text) - 1, file);
	text[size] = '\0';
	fclose(file);
	unlink(path);
	return text;
}

void assert_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

void assert_nothing_left(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/upcall-99", container.boundary);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* the leader only */
}

void assert_refused(const struct worker_request *request, enum worker_step step, int error)
{
	struct worker_result result = request_serve(request);

	if (result.outcome != WORKER_ENTRY_FAILED || result.step != step)
		fail_msg("outcome %u, step %u instead of %u, error %d", result.outcome, result.step,
			 step, result.error);
	if (error)
		assert_int_equal(result.error, error);
	assert_int_equal(fake->completed, 1);
	assert_true(fake->complete_error == EKEYREJECTED || fake->complete_error == EIO);
	assert_true(result.duration_us < 1000000);
	assert_nothing_left();
	assert_null(output("ran"));
}
