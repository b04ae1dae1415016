// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Upcalls from the event to the ending, with a fake kernel, a fake launcher and
 * the test itself as the worker.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "fake-shim.h"
#include "hardening.h"
#include "no-watches.h"
#include "process.h"
#include "queue.h"
#include "visit.h"

static const char policy_text[] = "[Match]\nName=web\n"
				  "[Core]\nHandler=/save\nMaxConcurrent=1\n"
				  "[Key user]\nMaxConcurrent=2\n"
				  "[Key prints]\nHandler=/p\nAnswer=yes\n"
				  "[Key one]\nMaxConcurrent=1\n"
				  "[Other]\nHandler=deny\n"
				  "[Module]\nAllow=dummy\n";

struct fixture {
	struct launcher launcher;
	struct launch_client *launching; /* a start under way */
	int start_error;		 /* what start() returns; 0: a connection */
	int worker;			 /* the worker's end of the last one, or -1 */
	unsigned int starts, stops, cancels;
	struct ev_loop *loop;
	struct config *config;
	struct registry_watcher watcher;
	struct registry registry;
	struct records records;
	struct queue queue;
	struct container *web;
	uint64_t next_id;
};

/* ------------------------------------------------------------------- clock */

/* Somebody sets the time of day, which is what ev_now() tells. */
static time_t time_jump;

int __attribute__((visibility("default"))) gettimeofday(struct timeval *ret, void *zone)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	ret->tv_sec = now.tv_sec + time_jump;
	ret->tv_usec = now.tv_nsec / 1000;
	return 0;
}

static void jump(struct ev_loop *loop, time_t seconds)
{
	time_jump += seconds;
	/* libev looks each half second */
	usleep(600000);
	ev_now_update(loop);
}

/* What the next sendmsg(2) fails with, and how often it was called. */
static int send_error;
static unsigned int sends;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	sends++;
	if (send_error) {
		errno = send_error;
		return -1;
	}
	return syscall(SYS_sendmsg, fd, message, flags);
}

/* ---------------------------------------------------------------- launcher */

static int connect_worker(struct fixture *fixture)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	if (fixture->worker >= 0)
		close(fixture->worker);
	fixture->worker = pair[1];
	return pair[0];
}

static int fake_start(struct launcher *launcher, const char *name, struct launch_client *client,
		      struct launch **ret)
{
	struct fixture *fixture = container_of(launcher, struct fixture, launcher);

	fixture->starts++;
	if (fixture->start_error == -EINPROGRESS) {
		fixture->launching = client;
		*ret = (struct launch *)fixture;
	}
	return fixture->start_error < 0 ? fixture->start_error : connect_worker(fixture);
}

static void fake_cancel(struct launch *launch)
{
	((struct fixture *)launch)->cancels++;
}

static void fake_stop(struct launcher *launcher, const char *name)
{
	container_of(launcher, struct fixture, launcher)->stops++;
}

static const struct launcher_vtable fake_launcher = {
	.name = "fake",
	.start = fake_start,
	.cancel = fake_cancel,
	.stop = fake_stop,
};

/* ----------------------------------------------------------------- fixture */

static void gone(struct registry_watcher *watcher, struct container *container,
		 enum registry_reason reason)
{
	struct fixture *fixture = container_of(watcher, struct fixture, watcher);

	queue_container_gone(&fixture->queue, container, reason == REGISTRY_UNREGISTERED);
}

static struct config *make_config(void)
{
	struct config *config = config_new();
	char error[CONFIG_ERROR_SIZE];

	config->policies = calloc(1, sizeof(*config->policies));
	config->count = 1;
	config->policies[0].file = strdup("web.conf");
	assert_int_equal(policy_parse(&config->policies[0], "web.conf", policy_text,
				      strlen(policy_text), error),
			 0);
	assert_int_equal(policy_check(&config->policies[0], error), 0);
	return config;
}

static void add_container(struct fixture *fixture)
{
	struct container *web = container_new("web");

	web->id = UPCALL_CONTAINER_FIRST;
	web->leader = (uint32_t)getpid();
	web->start_time = fake_shim.process.start_time;
	web->net_cookie = fake_shim.process.net_cookie;
	web->own_ns = 0x7f;
	memcpy(web->ns, fake_shim.process.ns, sizeof(web->ns));
	web->pidfd = pidfd_of((uint32_t)getpid());
	container_set_config(web, fixture->config);
	assert_int_equal(registry_insert(&fixture->registry, web), 0);
	fixture->web = web;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fake_shim_reset();
	fixture->launcher.vtable = &fake_launcher;
	fixture->worker = -1;
	fixture->next_id = 1;
	fixture->loop = ev_loop_new(EVFLAG_AUTO);
	fixture->config = make_config();
	fixture->watcher.gone = gone;
	records_init(&fixture->records, fixture->loop);
	registry_init(&fixture->registry, fixture->loop, fixture->config, &fixture->watcher,
		      FAKE_SHIM_FD, -1);
	queue_init(&fixture->queue, fixture->loop, FAKE_SHIM_FD, &fixture->registry,
		   &fixture->launcher, &fixture->records);
	add_container(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	queue_close(&fixture->queue);
	registry_close(&fixture->registry);
	records_stop(&fixture->records);
	config_unref(fixture->config);
	if (fixture->worker >= 0)
		close(fixture->worker);
	ev_loop_destroy(fixture->loop);
	free(fixture);
	return 0;
}

static void turn(struct fixture *fixture)
{
	for (int i = 0; i < 4; i++)
		ev_run(fixture->loop, EVRUN_NOWAIT);
}

/* ------------------------------------------------------------------ upcalls */

static struct tags make_tags(struct fixture *fixture, uint32_t class, const char *key_type)
{
	struct tags tags = {
		.id = fixture->next_id++,
		.class = class,
		.scope = UPCALL_SCOPE_CONTAINER,
		.container = UPCALL_CONTAINER_FIRST,
		.tgid = 4711,
	};

	tags.comm = (struct tags_text){ "test", 4 };
	tags.key.present = class == UPCALL_CLASS_KEY;
	tags.key.type = (struct tags_text){ key_type, strlen(key_type) };
	return tags;
}

static uint64_t offer_tags(struct fixture *fixture, const struct tags *tags)
{
	struct fake_upcall *upcall = fake_upcall_find(tags->id);

	if (upcall) {
		upcall->tags = *tags;
		upcall->end = FAKE_OFFERED;
	} else {
		fake_upcall_add(tags);
	}
	fixture->queue.client.offered(&fixture->queue.client, tags);
	return tags->id;
}

static uint64_t offer(struct fixture *fixture, uint32_t class, const char *key_type)
{
	struct tags tags = make_tags(fixture, class, key_type);

	return offer_tags(fixture, &tags);
}

static bool is_end(uint64_t id, enum fake_end end, int error)
{
	const struct fake_upcall *upcall = fake_upcall_find(id);

	return upcall->end == end && upcall->error == error;
}

/* Play the worker: take one request; its fds, `count` of them, are closed. False: there is none. */
static bool receive_with(struct fixture *fixture, struct worker_request *request, size_t count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = { request, sizeof(*request) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	int fds[3];

	if (fixture->worker < 0 || recvmsg(fixture->worker, &message, MSG_DONTWAIT) <= 0)
		return false;
	cmsg = CMSG_FIRSTHDR(&message);
	assert_non_null(cmsg);
	assert_int_equal(cmsg->cmsg_len, CMSG_LEN(count * sizeof(int)));
	memcpy(fds, CMSG_DATA(cmsg), count * sizeof(int));
	assert_true(pidfd_alive(fds[1]));
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	return true;
}

static bool receive(struct fixture *fixture, struct worker_request *request)
{
	return receive_with(fixture, request, 2);
}

static void answer(struct fixture *fixture, uint64_t id, uint32_t outcome)
{
	const struct worker_result result = { .protocol = WORKER_PROTOCOL,
					      .id = id,
					      .outcome = outcome };

	assert_int_equal(send(fixture->worker, &result, sizeof(result), 0), sizeof(result));
	turn(fixture);
}

/* ---------------------------------------------------------------- the path */

static void test_served(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	assert_int_equal(fixture->starts, 1);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.protocol, WORKER_PROTOCOL);
	assert_int_equal(request.id, id);
	assert_int_equal(request.class, UPCALL_CLASS_CORE);
	assert_int_equal(request.container, UPCALL_CONTAINER_FIRST);
	assert_int_equal(request.leader, getpid());
	assert_int_equal(request.run_ms, 300000);
	/* the kernel's own limit is behind the worker's */
	assert_int_equal(fake_upcall_find(id)->run_ms, 300000 + LANE_RUN_SLACK_MS);
	assert_string_equal(request.program, "/save");
	assert_string_equal(request.container_name, "web");
	/* our own copy is closed: the worker's was the last */
	assert_true(fake_upcall_dropped(fake_upcall_find(id)));
	assert_int_equal(queue_pending(&fixture->queue), 1);
	assert_true(queue_has_handed(&fixture->queue));
	answer(fixture, id, WORKER_SERVED);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.served, 1);
	assert_int_equal(fixture->web->served, 1);
	/* one look at the leader, and no INFO */
	assert_int_equal(fake_shim.tags_calls, 1);
	assert_int_equal(fake_shim.info_calls, 0);
	/* the connection is kept */
	offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(fixture->starts, 1);
	assert_true(receive(fixture, &request));
}

static void test_failed(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	answer(fixture, id, WORKER_EXEC_FAILED);
	assert_int_equal(fixture->queue.failed, 1);
	assert_int_equal(fixture->web->failed, 1);
}

static void test_decided_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct tags tags;
	uint64_t id;

	id = offer(fixture, UPCALL_CLASS_OTHER, "");
	assert_true(is_end(id, FAKE_DENIED, EKEYREJECTED));
	id = offer(fixture, UPCALL_CLASS_RELEASE_AGENT, "");
	assert_true(is_end(id, FAKE_NATIVE, 0));
	tags = make_tags(fixture, UPCALL_CLASS_MODULE, "");
	tags.argv = (struct tags_text){ "modprobe\0-q\0--\0dummy", 21 };
	assert_true(is_end(offer_tags(fixture, &tags), FAKE_NATIVE, 0));
	tags = make_tags(fixture, UPCALL_CLASS_MODULE, "");
	tags.argv = (struct tags_text){ "modprobe\0-q\0--\0evil", 20 };
	assert_true(is_end(offer_tags(fixture, &tags), FAKE_DENIED, EKEYREJECTED));
	tags = make_tags(fixture, UPCALL_CLASS_CORE, "");
	tags.scope = UPCALL_SCOPE_AMBIGUOUS;
	assert_true(is_end(offer_tags(fixture, &tags), FAKE_DENIED, EKEYREJECTED));
	tags = make_tags(fixture, UPCALL_CLASS_CORE, "");
	tags.container = 999;
	assert_true(is_end(offer_tags(fixture, &tags), FAKE_DENIED, EKEYREJECTED));
	assert_int_equal(fixture->starts, 0);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.refused, 4);
}

/* What the kernel asks for on the host's own network is the host's, whoever walks there. */
static void test_hosts_mount(void **state)
{
	struct fixture *fixture = *state;
	struct tags tags = make_tags(fixture, UPCALL_CLASS_KEY, "prints");

	fixture->queue.host_net = 4711;
	tags.key.has_net = true;
	tags.key.net_cookie = 4711;
	tags.key.origin = UPCALL_ORIGIN_KERNEL;
	assert_true(is_end(offer_tags(fixture, &tags), FAKE_NATIVE, 0));
	/* a task's own request goes into its own keyrings, another network is not ours */
	tags.id = fixture->next_id++;
	tags.key.origin = UPCALL_ORIGIN_SYSCALL;
	assert_true(is_end(offer_tags(fixture, &tags), FAKE_CLAIMED, 0));
	tags.id = fixture->next_id++;
	tags.key.origin = UPCALL_ORIGIN_KERNEL;
	tags.key.net_cookie = 4712;
	assert_true(is_end(offer_tags(fixture, &tags), FAKE_CLAIMED, 0));
}

static void test_known(void **state)
{
	struct fixture *fixture = *state;
	struct tags tags = make_tags(fixture, UPCALL_CLASS_CORE, "");
	struct worker_request request;

	offer_tags(fixture, &tags);
	assert_true(fixture->queue.client.knows(&fixture->queue.client, tags.id, 0));
	assert_false(fixture->queue.client.knows(&fixture->queue.client, tags.id, 1));
	assert_false(fixture->queue.client.knows(&fixture->queue.client, 999, 0));
	fixture->queue.client.offered(&fixture->queue.client, &tags);
	assert_true(receive(fixture, &request));
	assert_false(receive(fixture, &request));
}

/* ------------------------------------------------------------------- quota */

static void test_quota(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t key[3], one[2];

	for (int i = 0; i < 3; i++)
		key[i] = offer(fixture, UPCALL_CLASS_KEY, "user");
	one[0] = offer(fixture, UPCALL_CLASS_KEY, "one");
	one[1] = offer(fixture, UPCALL_CLASS_KEY, "one");
	/* two and one; a section does not take from another */
	for (int i = 0; i < 3; i++)
		assert_true(receive(fixture, &request));
	assert_false(receive(fixture, &request));
	assert_true(is_end(key[2], FAKE_OFFERED, 0));
	assert_true(is_end(one[1], FAKE_OFFERED, 0));
	answer(fixture, one[0], WORKER_SERVED);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, one[1]);
	assert_false(receive(fixture, &request));
	answer(fixture, key[1], WORKER_HANDLER_FAILED);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, key[2]);
}

/* While it waited, it would hold one of the machine's slots for dumps. */
static void test_core_does_not_wait(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first = offer(fixture, UPCALL_CLASS_CORE, "");
	uint64_t second = offer(fixture, UPCALL_CLASS_CORE, "");

	assert_true(is_end(second, FAKE_DENIED, EDQUOT));
	assert_int_equal(fixture->queue.refused, 1);
	answer(fixture, first, WORKER_SERVED);
	assert_true(is_end(offer(fixture, UPCALL_CLASS_CORE, ""), FAKE_CLAIMED, 0));
}

static void test_too_many(void **state)
{
	struct fixture *fixture = *state;
	uint64_t last = 0;

	for (int i = 0; i < 1 + LANE_WAITING_MAX; i++)
		last = offer(fixture, UPCALL_CLASS_KEY, "one");
	assert_true(is_end(last, FAKE_OFFERED, 0));
	last = offer(fixture, UPCALL_CLASS_KEY, "one");
	assert_true(is_end(last, FAKE_DENIED, EDQUOT));
	assert_int_equal(queue_pending(&fixture->queue), 1 + LANE_WAITING_MAX);
}

static void fill_waiting(struct fixture *fixture)
{
	for (int i = 0; i < 2 + LANE_WAITING_MAX; i++)
		(void)offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_int_equal(queue_pending(&fixture->queue), 2 + LANE_WAITING_MAX);
}

/* Those after the first two, which are the worker's. */
static void end_waiting(void)
{
	for (uint64_t id = 3; id <= 2 + LANE_WAITING_MAX; id++)
		fake_upcall_find(id)->end = FAKE_COMPLETED;
}

/* Who has ended in the kernel waits no more, and keeps nobody from waiting. */
static void test_ended_keep_no_place(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t last;

	fill_waiting(fixture);
	/* one of them has not ended, and keeps its turn */
	end_waiting();
	fake_upcall_find(7)->end = FAKE_OFFERED;
	last = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_true(is_end(last, FAKE_OFFERED, 0));
	assert_int_equal(queue_pending(&fixture->queue), 4);
	assert_int_equal(fixture->queue.refused, 0);
	assert_true(receive(fixture, &request) && receive(fixture, &request));
	answer(fixture, 1, WORKER_SERVED);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, 7);
}

/* Nor are they pending: without any event, and not more often than need be. */
static void test_ended_are_forgotten(void **state)
{
	struct fixture *fixture = *state;
	double begun = clock_now();

	fill_waiting(fixture);
	turn(fixture);
	assert_int_equal(queue_pending(&fixture->queue), 2 + LANE_WAITING_MAX);
	end_waiting();
	while (queue_pending(&fixture->queue) > 2 && clock_since(begun) < 20.) {
		ev_run(fixture->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(queue_pending(&fixture->queue), 2);
	assert_false(ev_is_active(&fixture->queue.sweep_timer));
	assert_int_equal(fixture->queue.refused + fixture->queue.failed, 0);
}

/* The kernel has answered what waited too long. */
static void test_gone_while_waiting(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first = offer(fixture, UPCALL_CLASS_KEY, "one");
	uint64_t second = offer(fixture, UPCALL_CLASS_KEY, "one");

	fake_upcall_find(second)->end = FAKE_COMPLETED;
	answer(fixture, first, WORKER_SERVED);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.refused, 0);
}

/* Whoever is next in turn has gone: his place is for the one behind him. */
static void test_gone_makes_room(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t key[4];

	for (int i = 0; i < 4; i++)
		key[i] = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_true(receive(fixture, &request) && receive(fixture, &request));
	fake_upcall_find(key[2])->end = FAKE_DENIED;
	answer(fixture, key[0], WORKER_SERVED);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, key[3]);
}

/* The same, while those that were let in waited for their worker. */
static void test_gone_while_starting(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t key[3];

	fixture->start_error = -EINPROGRESS;
	for (int i = 0; i < 3; i++)
		key[i] = offer(fixture, UPCALL_CLASS_KEY, "user");
	fake_upcall_find(key[0])->end = FAKE_DENIED;
	fixture->launching->done(fixture->launching, connect_worker(fixture));
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, key[1]);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, key[2]);
}

/* ------------------------------------------------------------------ workers */

static void test_start_under_way(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t core, key;

	fixture->start_error = -EINPROGRESS;
	core = offer(fixture, UPCALL_CLASS_CORE, "");
	key = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_int_equal(fixture->starts, 1);
	/* not claimed before there is a worker: the kernel's clock for that is the longer one */
	assert_true(is_end(core, FAKE_OFFERED, 0));
	fixture->launching->done(fixture->launching, connect_worker(fixture));
	assert_true(is_end(core, FAKE_CLAIMED, 0));
	assert_true(is_end(key, FAKE_CLAIMED, 0));
	assert_true(receive(fixture, &request) && receive(fixture, &request));
}

static void test_start_fails_later(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first, waiting;

	fixture->start_error = -EINPROGRESS;
	first = offer(fixture, UPCALL_CLASS_KEY, "one");
	waiting = offer(fixture, UPCALL_CLASS_KEY, "one");
	fixture->launching->done(fixture->launching, -ETIMEDOUT);
	assert_true(is_end(first, FAKE_DENIED, ENOKEY));
	assert_true(is_end(waiting, FAKE_DENIED, ENOKEY));
	assert_int_equal(queue_pending(&fixture->queue), 0);
}

static void test_start_fails(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id;

	fixture->start_error = -EIO;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	/* a storm does not reach PID 1 */
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	assert_int_equal(fixture->starts, 1);
}

/* No worker runs there, so none is started: each request is told why, until it is mended. */
static void test_unsafe_host(void **state)
{
	const char *usual = hardening_suid_dumpable;
	struct fixture *fixture = *state;
	char path[] = "/tmp/upcall-sysctl-XXXXXX";
	int fd = mkstemp(path);
	uint64_t id;

	hardening_suid_dumpable = path;
	assert_int_equal(write(fd, "1\n", 2), 2);
	for (int i = 0; i < 2; i++) {
		id = offer(fixture, UPCALL_CLASS_KEY, "user");
		assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	}
	assert_int_equal(fixture->starts, 0);
	assert_int_equal(fixture->queue.refused, 2);
	assert_int_equal(pwrite(fd, "2\n", 2, 0), 2);
	id = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_int_equal(fixture->starts, 1);
	assert_true(is_end(id, FAKE_CLAIMED, 0));
	close(fd);
	unlink(path);
	hardening_suid_dumpable = usual;
}

static void test_worker_ends_idle(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	answer(fixture, id, WORKER_SERVED);
	close(fixture->worker);
	fixture->worker = -1;
	turn(fixture);
	assert_null(fixture->web->lane);
	offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(fixture->starts, 2);
}

/* It ends in the moment in which we send: what was claimed for it goes to the next. */
static void test_worker_ends_unseen(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	answer(fixture, id, WORKER_SERVED);
	close(fixture->worker);
	fixture->worker = -1;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(fixture->starts, 2);
	assert_int_equal(fake_upcall_find(id)->claims, 1);
	assert_true(receive(fixture, &request));
	assert_int_equal(request.id, id);
	assert_true(fake_upcall_dropped(fake_upcall_find(id)));
}

static void test_worker_ends_unseen_and_is_not_back(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	answer(fixture, id, WORKER_SERVED);
	close(fixture->worker);
	fixture->worker = -1;
	fixture->start_error = -EIO;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	/* it was claimed already */
	assert_true(is_end(id, FAKE_COMPLETED, ENOKEY));
	assert_true(fake_upcall_dropped(fake_upcall_find(id)));
	assert_int_equal(queue_pending(&fixture->queue), 0);
}

static void test_worker_dies(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct tags tags = make_tags(fixture, UPCALL_CLASS_CORE, "");

	offer_tags(fixture, &tags);
	assert_true(receive(fixture, &request));
	close(fixture->worker);
	fixture->worker = -1;
	turn(fixture);
	assert_false(list_empty(&fixture->queue.lost));
	assert_false(queue_has_handed(&fixture->queue));
	tags.generation = 1;
	offer_tags(fixture, &tags);
	assert_true(list_empty(&fixture->queue.lost));
	assert_true(receive(fixture, &request));
	answer(fixture, tags.id, WORKER_SERVED);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.served, 1);
	assert_int_equal(fixture->queue.failed, 0);
}

/* What the worker was given while nobody could watch it is not left with it. */
static void test_worker_unwatched(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct tags tags = make_tags(fixture, UPCALL_CLASS_CORE, "");
	char byte;

	no_watches = true;
	offer_tags(fixture, &tags);
	turn(fixture);
	no_watches = false;
	assert_true(receive(fixture, &request));
	assert_int_equal(recv(fixture->worker, &byte, 1, MSG_DONTWAIT), 0);
	assert_false(list_empty(&fixture->queue.lost));
	tags.generation = 1;
	offer_tags(fixture, &tags);
	assert_true(receive(fixture, &request));
	answer(fixture, tags.id, WORKER_SERVED);
	assert_int_equal(fixture->queue.served, 1);
}

static void test_worker_dies_for_good(void **state)
{
	struct fixture *fixture = *state;
	struct upcall *upcall;

	offer(fixture, UPCALL_CLASS_CORE, "");
	close(fixture->worker);
	fixture->worker = -1;
	turn(fixture);
	upcall = list_entry(fixture->queue.lost.next, struct upcall, link);
	upcall->lost_at -= QUEUE_LOST_SECONDS;
	ev_invoke(fixture->loop, &fixture->queue.lost_timer, EV_TIMER);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.failed, 1);
	assert_false(ev_is_active(&fixture->queue.lost_timer));
}

/* It gets what the kernel and the policy give a handler, and some; then it is of no use. */
static void test_worker_never_answers(void **state)
{
	struct fixture *fixture = *state;
	struct lane *lane;
	struct upcall *upcall;
	uint64_t id;

	id = offer(fixture, UPCALL_CLASS_KEY, "user");
	lane = fixture->web->lane;
	upcall = list_entry(lane->active.next, struct upcall, link);
	assert_true(ev_is_active(&upcall->deadline));
	assert_int_equal((int)(ev_timer_remaining(fixture->loop, &upcall->deadline) + .5),
			 25 + 30 + 5 + 5);
	ev_invoke(fixture->loop, &upcall->deadline, EV_TIMER);
	assert_int_equal(fixture->stops, 1);
	assert_false(worker_link_is_open(&lane->worker));
	assert_false(queue_has_handed(&fixture->queue));
	assert_false(list_empty(&fixture->queue.lost));
	/* its place is free again, and it is not asked again at once */
	assert_int_equal(lane->active_count, 0);
	id = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	assert_int_equal(fixture->starts, 1);
	/* later it is */
	lane->retry_at = 0;
	id = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_int_equal(fixture->starts, 2);
	answer(fixture, id, WORKER_SERVED);
	assert_int_equal(lane->failures, 0);
	assert_int_equal(fixture->queue.served, 1);
}

/* As many as a worker takes at a time may run as long as they may; who waits behind them is not
 * overdue. */
static void test_worker_is_full(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct upcall *last;
	struct lane *lane;

	fixture->config->policies[0].rules[0].max_concurrent = 64; /* [Core] */
	for (int i = 0; i < LANE_WORKER_ROOM; i++) {
		offer(fixture, UPCALL_CLASS_CORE, "");
		assert_true(receive(fixture, &request));
	}
	offer(fixture, UPCALL_CLASS_KEY, "user");
	lane = fixture->web->lane;
	last = list_entry(lane->active.prev, struct upcall, link);
	assert_true(upcall_is_handed(last));
	ev_invoke(fixture->loop, &last->deadline, EV_TIMER);
	assert_int_equal(fixture->stops, 0);
	assert_true(ev_is_active(&last->deadline));
	lane_end(list_entry(lane->active.next, struct upcall, link), &(struct ending){ 0 });
	ev_invoke(fixture->loop, &last->deadline, EV_TIMER);
	assert_int_equal(fixture->stops, 1);
}

/* It dies whenever it is asked: the second time in a row is enough for a while. */
static void test_worker_dies_always(void **state)
{
	struct fixture *fixture = *state;
	struct tags tags = make_tags(fixture, UPCALL_CLASS_CORE, "");

	for (uint32_t generation = 0; generation < 3; generation++) {
		tags.generation = generation;
		offer_tags(fixture, &tags);
		if (fixture->worker >= 0)
			close(fixture->worker);
		fixture->worker = -1;
		turn(fixture);
	}
	assert_int_equal(fixture->starts, 2);
	assert_true(is_end(tags.id, FAKE_DENIED, ENOKEY));
	assert_int_equal(queue_pending(&fixture->queue), 0);
	for (int i = 0; i < 100; i++)
		offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(fixture->starts, 2);
	/* each further time it is left alone longer, within bounds */
	for (int i = 0; i < 10; i++) {
		fixture->web->lane->retry_at = 0;
		offer(fixture, UPCALL_CLASS_CORE, "");
		close(fixture->worker);
		fixture->worker = -1;
		turn(fixture);
	}
	assert_int_equal(fixture->starts, 12);
	assert_true(fixture->web->lane->retry_at - clock_now() > 7.);
	assert_true(fixture->web->lane->retry_at - clock_now() < 9.);
}

static void test_bad_results(void **state)
{
	static const struct {
		const char *desc;
		size_t size;
		uint32_t protocol;
	} cases[] = {
		{ "short", sizeof(struct worker_result) - 1, WORKER_PROTOCOL },
		{ "long", sizeof(struct worker_result) + 8, WORKER_PROTOCOL },
		{ "another version", sizeof(struct worker_result), WORKER_PROTOCOL + 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *fixture = *state;
		char packet[256] = { 0 };

		if (fixture->web->lane)
			fixture->web->lane->retry_at = 0;
		offer(fixture, UPCALL_CLASS_KEY, "prints");
		memcpy(packet, &cases[i].protocol, sizeof(cases[i].protocol));
		assert_true(send(fixture->worker, packet, cases[i].size, 0) > 0);
		turn(fixture);
		if (fixture->starts != i + 1 || queue_has_handed(&fixture->queue))
			fail_msg("%s", cases[i].desc);
	}
}

static void test_unknown_result(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	answer(fixture, id + 1, WORKER_SERVED);
	assert_int_equal(queue_pending(&fixture->queue), 1);
	answer(fixture, id, WORKER_SERVED);
	answer(fixture, id, WORKER_SERVED);
	assert_int_equal(fixture->queue.served, 1);
}

/* The kernel took a claim back and offers it again while the worker still has the old one. */
static void test_superseded(void **state)
{
	struct fixture *fixture = *state;
	struct tags tags = make_tags(fixture, UPCALL_CLASS_KEY, "user");
	struct worker_request request;

	offer_tags(fixture, &tags);
	tags.generation = 1;
	offer_tags(fixture, &tags);
	assert_true(receive(fixture, &request) && receive(fixture, &request));
	assert_int_equal(queue_pending(&fixture->queue), 1);
	answer(fixture, tags.id, WORKER_GONE); /* the old one, of which nothing is said */
	assert_int_equal(queue_pending(&fixture->queue), 1);
	answer(fixture, tags.id, WORKER_SERVED);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.served, 1);
}

/* What the kernel has taken back uses nobody's quota: its worker may never say that it has ended. */
static void test_superseded_is_no_quota(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct tags tags[2];

	for (int i = 0; i < 2; i++) {
		tags[i] = make_tags(fixture, UPCALL_CLASS_KEY, "user");
		offer_tags(fixture, &tags[i]);
		assert_true(receive(fixture, &request));
	}
	for (int i = 0; i < 2; i++) {
		tags[i].generation = 1;
		offer_tags(fixture, &tags[i]);
		assert_true(receive(fixture, &request));
		assert_int_equal(request.id, tags[i].id);
	}
	assert_false(receive(fixture, &request));
	offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_false(receive(fixture, &request));
}

/* A worker that does not read: the rest waits, claimed, and goes on when it does. */
static void test_socket_full(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	unsigned int received = 0;
	int size = 1;

	fixture->config->policies[0].rules[1].max_concurrent = 64; /* [Key user] */
	offer(fixture, UPCALL_CLASS_KEY, "user");
	setsockopt(fixture->web->lane->worker.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (int i = 0; i < 31; i++)
		offer(fixture, UPCALL_CLASS_KEY, "user");
	for (int i = 0; i < 100 && received < 32; i++) {
		received += receive(fixture, &request);
		turn(fixture);
	}
	assert_int_equal(received, 32);
	assert_int_equal(queue_pending(&fixture->queue), 32);
}

/* No memory for it, and the socket is writable all the time: again, but not at once. */
static void test_send_without_memory(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;

	send_error = ENOBUFS;
	sends = 0;
	offer(fixture, UPCALL_CLASS_KEY, "user");
	for (int i = 0; i < 20; i++)
		turn(fixture);
	assert_int_equal(sends, 1);
	send_error = 0;
	usleep(100000);
	turn(fixture);
	assert_true(receive(fixture, &request));
	assert_int_equal(sends, 2);
}

/* ------------------------------------------------------------- time of day */

static void test_time_set_back(void **state)
{
	struct fixture *fixture = *state;
	double wall = ev_now(fixture->loop);
	int saved, ends[2];
	char out[2048];
	uint64_t id;

	/* a worker that could not be started is not left alone for an hour */
	fixture->start_error = -EIO;
	offer(fixture, UPCALL_CLASS_KEY, "user");
	jump(fixture->loop, -3600);
	assert_true(ev_now(fixture->loop) < wall - 3000.); /* else the test proves nothing */
	usleep((useconds_t)(LANE_RETRY_SECONDS * 1.1e6));
	fixture->start_error = 0;
	id = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_int_equal(fixture->starts, 2);
	/* and nothing takes less than no time */
	jump(fixture->loop, -3600);
	assert_int_equal(pipe(ends), 0);
	saved = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	answer(fixture, id, WORKER_SERVED);
	dup2(saved, STDERR_FILENO);
	out[read(ends[0], out, sizeof(out) - 1)] = '\0';
	close(ends[0]);
	close(ends[1]);
	close(saved);
	assert_non_null(strstr(out, "UPCALL_DURATION_USEC="));
	assert_true(strtoull(strstr(out, "UPCALL_DURATION_USEC=") + 21, NULL, 10) < 60000000);
}

static void test_time_set_forth(void **state)
{
	struct fixture *fixture = *state;
	double wall = ev_now(fixture->loop);

	offer(fixture, UPCALL_CLASS_CORE, "");
	close(fixture->worker);
	fixture->worker = -1;
	turn(fixture);
	/* the kernel has not had its five seconds */
	jump(fixture->loop, 3600);
	assert_true(ev_now(fixture->loop) > wall + 3000.);
	ev_invoke(fixture->loop, &fixture->queue.lost_timer, EV_TIMER);
	assert_int_equal(queue_pending(&fixture->queue), 1);
}

/* ---------------------------------------------------------------- shortages */

static void test_claim_without_fds(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct tags tags = make_tags(fixture, UPCALL_CLASS_CORE, "");

	fake_shim.fail_claim = -EMFILE;
	offer_tags(fixture, &tags);
	/* still the kernel's; the device brings it again */
	assert_true(is_end(tags.id, FAKE_OFFERED, 0));
	assert_false(fixture->queue.client.knows(&fixture->queue.client, tags.id, 0));
	offer_tags(fixture, &tags);
	assert_true(receive(fixture, &request));
}

static void test_claim_too_late(void **state)
{
	struct fixture *fixture = *state;

	fake_shim.fail_claim = -ESTALE;
	offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.refused, 0);
}

/* --------------------------------------------------------------- containers */

static void test_leader_moved(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id;

	fake_shim.process.ns[UPCALL_NS_MNT]++;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_DENIED, EKEYREJECTED));
	assert_non_null(registry_by_name(&fixture->registry, "web"));
	turn(fixture);
	assert_null(registry_by_name(&fixture->registry, "web"));
	assert_int_equal(fixture->stops, 1);
}

/* Its main thread has ended, or another is just executing: refused now, and no more. */
static void test_leader_between(void **state)
{
	struct fixture *fixture = *state;
	const struct tags usual = fake_shim.process;
	uint64_t id;

	for (int i = 0; i < UPCALL_NS_COUNT; i++)
		if (i != UPCALL_NS_PID && i != UPCALL_NS_USER)
			fake_shim.process.ns[i] = 0;
	fake_shim.process.net_cookie = 0;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	turn(fixture);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
	fake_shim.process = usual;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_CLAIMED, 0));
	/* another user namespace is a move all the same */
	fake_shim.process.ns[UPCALL_NS_MNT] = 0;
	fake_shim.process.ns[UPCALL_NS_USER]++;
	offer(fixture, UPCALL_CLASS_KEY, "user");
	turn(fixture);
	assert_null(registry_by_name(&fixture->registry, "web"));
}

static void test_leader_unknown(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id;

	fake_shim.fail_tags = -ENOMEM;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	turn(fixture);
	assert_non_null(registry_by_name(&fixture->registry, "web"));
}

static int cancel(struct fixture *fixture, uint64_t id)
{
	const struct upcall_list_entry entry = { .id = id, .container = UPCALL_CONTAINER_FIRST };

	return queue_cancel(&fixture->queue, &entry);
}

/* In each phase; whatever its worker says of it then, it was refused. */
static void test_cancel(void **state)
{
	struct fixture *fixture = *state;
	uint64_t handed = offer(fixture, UPCALL_CLASS_KEY, "one");
	uint64_t waiting = offer(fixture, UPCALL_CLASS_KEY, "one"), last;

	assert_int_equal(cancel(fixture, waiting), 0);
	assert_int_equal(fake_upcall_find(waiting)->error, EKEYREJECTED);
	assert_int_equal(queue_pending(&fixture->queue), 1);
	assert_int_equal(fixture->queue.refused, 1);
	assert_int_equal(cancel(fixture, waiting), -ENOENT);
	assert_int_equal(cancel(fixture, handed), 0);
	assert_int_equal(fake_upcall_find(handed)->end, FAKE_CANCELLED);
	/* its place is free when its worker is done with it, not before */
	last = offer(fixture, UPCALL_CLASS_KEY, "one");
	assert_int_equal(fake_upcall_find(last)->end, FAKE_OFFERED);
	answer(fixture, handed, WORKER_HANDLER_KILLED);
	assert_int_equal(fake_upcall_find(last)->end, FAKE_CLAIMED);
	assert_int_equal(fixture->queue.refused, 2);
	assert_int_equal(fixture->queue.failed, 0);
}

static void test_cancel_and_worker_dies(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	assert_int_equal(cancel(fixture, id), 0);
	close(fixture->worker);
	fixture->worker = -1;
	turn(fixture);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.refused, 1);
}

/* It attaches at this moment: nothing has changed, and it can be cancelled later. */
static void test_cancel_busy(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	fake_shim.fail_cancel = -EBUSY;
	assert_int_equal(cancel(fixture, id), -EBUSY);
	answer(fixture, id, WORKER_SERVED);
	assert_int_equal(fixture->queue.served, 1);
}

/* Of a daemon before us. */
static void test_cancel_foreign(void **state)
{
	struct fixture *fixture = *state;
	struct tags tags = make_tags(fixture, UPCALL_CLASS_CORE, "");

	fake_upcall_add(&tags);
	assert_int_equal(cancel(fixture, tags.id), 0);
	assert_int_equal(fixture->queue.refused, 1);
	assert_int_equal(cancel(fixture, tags.id), -ENOENT);
}

static void test_unregister(void **state)
{
	struct fixture *fixture = *state;
	struct failure failure;
	uint64_t handed = offer(fixture, UPCALL_CLASS_KEY, "one");
	uint64_t waiting = offer(fixture, UPCALL_CLASS_KEY, "one");

	assert_int_equal(registry_unregister(&fixture->registry, "web", &failure), 0);
	assert_true(is_end(waiting, FAKE_DENIED, EKEYREJECTED));
	assert_true(is_end(handed, FAKE_CLAIMED, 0));
	assert_int_equal(fixture->stops, 1);
	assert_int_equal(queue_pending(&fixture->queue), 1);
	/* its worker still answers: there is a record, and the lane goes */
	answer(fixture, handed, WORKER_SERVED);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_true(list_empty(&fixture->queue.lanes));
}

static void test_unregister_while_starting(void **state)
{
	struct fixture *fixture = *state;
	struct failure failure;
	uint64_t id;

	fixture->start_error = -EINPROGRESS;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(registry_unregister(&fixture->registry, "web", &failure), 0);
	assert_true(is_end(id, FAKE_DENIED, EKEYREJECTED));
	assert_int_equal(fixture->cancels, 1);
	assert_true(list_empty(&fixture->queue.lanes));
}

/* The old one's handler still ran; its end is not the end of the new one's worker. */
static void test_same_name_again(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct failure failure;
	int old_worker;

	offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_true(receive(fixture, &request));
	old_worker = fixture->worker;
	fixture->worker = -1;
	assert_int_equal(registry_unregister(&fixture->registry, "web", &failure), 0);
	assert_int_equal(fixture->stops, 1);
	add_container(fixture);
	offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_true(receive(fixture, &request));
	close(old_worker);
	turn(fixture);
	assert_int_equal(fixture->stops, 1);
	assert_true(worker_link_is_open(&fixture->web->lane->worker));
	assert_int_equal(registry_unregister(&fixture->registry, "web", &failure), 0);
	assert_int_equal(fixture->stops, 2);
}

/* The same, where nobody unregistered the old one: its leader died while a handler ran. */
static void test_same_name_after_death(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");
	int old_worker;

	assert_true(receive(fixture, &request));
	old_worker = fixture->worker;
	fixture->worker = -1;
	registry_leader_moved(fixture->web);
	turn(fixture);
	assert_int_equal(fixture->stops, 0); /* it saves a core, perhaps the leader's */
	add_container(fixture);
	/* the new one goes, and has had no upcall: the old one's handler still runs */
	registry_leader_moved(fixture->web);
	turn(fixture);
	assert_int_equal(fixture->stops, 0);
	fixture->worker = old_worker;
	answer(fixture, id, WORKER_SERVED);
	assert_int_equal(fixture->stops, 1);
	assert_true(list_empty(&fixture->queue.lanes));
}

/* A reload does not touch what runs, and a smaller quota holds for what comes. */
static void test_reload(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct config *config = make_config();
	uint64_t id = offer(fixture, UPCALL_CLASS_KEY, "one");

	registry_set_config(&fixture->registry, config);
	config_unref(config);
	offer(fixture, UPCALL_CLASS_KEY, "one");
	assert_true(receive(fixture, &request));
	assert_false(receive(fixture, &request));
	answer(fixture, id, WORKER_SERVED);
	assert_true(receive(fixture, &request));
}

/* ------------------------------------------------------------------ visits */

struct visitor {
	struct visit visit;
	unsigned int done;
	char failure[64]; /* its name; "": the worker has it */
};

static void visit_done(struct visit *visit, const struct failure *failure)
{
	struct visitor *visitor = container_of(visit, struct visitor, visit);

	visitor->done++;
	snprintf(visitor->failure, sizeof(visitor->failure), "%s", failure ? failure->name : "");
	close(visit->channel);
}

static void come(struct fixture *fixture, struct visitor *visitor)
{
	*visitor = (struct visitor){ .visit = { .done = visit_done, .run_ms = 1000 } };
	list_init(&visitor->visit.link);
	assert_int_equal(visit_draw_id(&visitor->visit), 0);
	visitor->visit.channel = dup(0);
	assert_true(visitor->visit.channel >= 0);
	lane_visit(lane_of(&fixture->queue, fixture->web), &visitor->visit);
}

static void assert_done(const struct visitor *visitor, const char *failure)
{
	assert_int_equal(visitor->done, 1);
	assert_string_equal(visitor->failure, failure);
}

static void test_visit(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct visitor visitor;

	come(fixture, &visitor);
	assert_done(&visitor, "");
	assert_int_equal(fixture->starts, 1);
	assert_true(receive_with(fixture, &request, 3));
	assert_int_equal(request.handler, WORKER_VISIT);
	assert_int_equal(request.run_in, WORKER_RUN_IN_CONTAINER);
	assert_int_equal(request.class, UPCALL_CLASS_OTHER);
	assert_int_equal(request.run_ms, 1000);
	assert_int_equal(request.leader, getpid());
	assert_int_equal(request.container, UPCALL_CONTAINER_FIRST);
	assert_string_equal(request.program, "");
	/* never one of an upcall */
	assert_int_equal(request.id >> 63, 1);
	/* it is between the worker and the visitor */
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_false(queue_has_handed(&fixture->queue));
	/* the worker is an upcall's, too */
	offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(fixture->starts, 1);
	assert_true(receive(fixture, &request));
}

static void test_visit_waits(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct visitor visitor, other;

	fixture->start_error = -EINPROGRESS;
	come(fixture, &visitor);
	come(fixture, &other);
	assert_int_equal(visitor.done, 0);
	assert_int_equal(fixture->starts, 1);
	fixture->launching->done(fixture->launching, connect_worker(fixture));
	assert_done(&visitor, "");
	assert_done(&other, "");
	assert_true(receive_with(fixture, &request, 3));
	assert_true(receive_with(fixture, &request, 3));
	assert_false(receive(fixture, &request));

	/* the socket is full, for a moment */
	send_error = EAGAIN;
	come(fixture, &visitor);
	assert_int_equal(visitor.done, 0);
	send_error = 0;
	turn(fixture);
	assert_done(&visitor, "");
}

static void test_visit_refused(void **state)
{
	struct fixture *fixture = *state;
	struct failure failure;
	struct visitor visitor;

	fixture->start_error = -ENOENT;
	come(fixture, &visitor);
	assert_done(&visitor, "Failed");
	fixture->start_error = 0;
	fixture->web->lane->retry_at = 0;
	fake_shim.fail_witness = -ENOTTY;
	come(fixture, &visitor);
	assert_done(&visitor, "NoShim");
	fake_shim.fail_witness = -EMFILE;
	come(fixture, &visitor);
	assert_done(&visitor, "Failed");
	fake_shim.fail_tags = -EIO;
	come(fixture, &visitor);
	assert_done(&visitor, "Failed");

	/* gone while it waits */
	close(fixture->worker);
	fixture->worker = -1;
	turn(fixture);
	fixture->start_error = -EINPROGRESS;
	come(fixture, &visitor);
	assert_int_equal(registry_unregister(&fixture->registry, "web", &failure), 0);
	assert_done(&visitor, "Failed");
	assert_int_equal(fixture->cancels, 1);
}

static void test_visit_leader_moved(void **state)
{
	struct fixture *fixture = *state;
	struct visitor visitor;

	fake_shim.process.start_time++;
	come(fixture, &visitor);
	assert_done(&visitor, "NoSuchContainer");
	turn(fixture);
	assert_null(registry_by_name(&fixture->registry, "web"));
}

static void test_visit_at_close(void **state)
{
	struct fixture *fixture = *state;
	struct visitor visitor;

	fixture->start_error = -EINPROGRESS;
	come(fixture, &visitor);
	queue_close(&fixture->queue);
	assert_done(&visitor, "Failed");
}

/* We end: what is not handed on stays the kernel's. */
static void test_close(void **state)
{
	struct fixture *fixture = *state;
	uint64_t handed = offer(fixture, UPCALL_CLASS_KEY, "one");
	uint64_t waiting = offer(fixture, UPCALL_CLASS_KEY, "one");

	queue_close(&fixture->queue);
	assert_true(is_end(handed, FAKE_CLAIMED, 0));
	assert_true(is_end(waiting, FAKE_OFFERED, 0));
}

#define fixed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_served),
		fixed(test_failed),
		fixed(test_decided_at_once),
		fixed(test_hosts_mount),
		fixed(test_known),
		fixed(test_quota),
		fixed(test_core_does_not_wait),
		fixed(test_too_many),
		fixed(test_ended_keep_no_place),
		fixed(test_ended_are_forgotten),
		fixed(test_gone_while_waiting),
		fixed(test_gone_makes_room),
		fixed(test_gone_while_starting),
		fixed(test_start_under_way),
		fixed(test_start_fails_later),
		fixed(test_start_fails),
		fixed(test_unsafe_host),
		fixed(test_worker_ends_idle),
		fixed(test_worker_ends_unseen),
		fixed(test_worker_ends_unseen_and_is_not_back),
		fixed(test_worker_dies),
		fixed(test_worker_unwatched),
		fixed(test_worker_dies_for_good),
		fixed(test_worker_never_answers),
		fixed(test_worker_is_full),
		fixed(test_worker_dies_always),
		fixed(test_bad_results),
		fixed(test_unknown_result),
		fixed(test_superseded),
		fixed(test_superseded_is_no_quota),
		fixed(test_socket_full),
		fixed(test_send_without_memory),
		fixed(test_time_set_back),
		fixed(test_time_set_forth),
		fixed(test_claim_without_fds),
		fixed(test_claim_too_late),
		fixed(test_leader_moved),
		fixed(test_leader_between),
		fixed(test_leader_unknown),
		fixed(test_cancel),
		fixed(test_cancel_and_worker_dies),
		fixed(test_cancel_busy),
		fixed(test_cancel_foreign),
		fixed(test_unregister),
		fixed(test_unregister_while_starting),
		fixed(test_same_name_again),
		fixed(test_same_name_after_death),
		fixed(test_reload),
		fixed(test_visit),
		fixed(test_visit_waits),
		fixed(test_visit_refused),
		fixed(test_visit_leader_moved),
		fixed(test_visit_at_close),
		fixed(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
