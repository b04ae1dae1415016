// SPDX-License-Identifier: GPL-2.0-or-later
/* Workers that do not start, end, die, are silent, talk nonsense or do not read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "hardening.h"
#include "no-watches.h"
#include "queue-fixture.h"
#include "send-error.h"

/* --------------------------------------------------------------------- start */

static void test_start_under_way(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t core, key;

	fixture->launcher.start_error = -EINPROGRESS;
	core = offer(fixture, UPCALL_CLASS_CORE, "");
	key = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_int_equal(fixture->launcher.starts, 1);
	/* not claimed before there is a worker: the kernel's clock for that is the longer one */
	assert_true(is_end(core, FAKE_OFFERED, 0));
	fixture->launcher.launching->done(fixture->launcher.launching,
					  fake_launcher_connect(&fixture->launcher));
	assert_true(is_end(core, FAKE_CLAIMED, 0));
	assert_true(is_end(key, FAKE_CLAIMED, 0));
	assert_true(receive(fixture, &request) && receive(fixture, &request));
}

static void test_start_fails_later(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first, waiting;

	fixture->launcher.start_error = -EINPROGRESS;
	first = offer(fixture, UPCALL_CLASS_KEY, "one");
	waiting = offer(fixture, UPCALL_CLASS_KEY, "one");
	fixture->launcher.launching->done(fixture->launcher.launching, -ETIMEDOUT);
	assert_true(is_end(first, FAKE_DENIED, ENOKEY));
	assert_true(is_end(waiting, FAKE_DENIED, ENOKEY));
	assert_int_equal(queue_pending(&fixture->queue), 0);
}

static void test_start_fails(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id;

	fixture->launcher.start_error = -EIO;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	/* a storm does not reach PID 1 */
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	assert_int_equal(fixture->launcher.starts, 1);
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
	assert_int_equal(fixture->launcher.starts, 0);
	assert_int_equal(fixture->queue.refused, 2);
	assert_int_equal(pwrite(fd, "2\n", 2, 0), 2);
	id = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_int_equal(fixture->launcher.starts, 1);
	assert_true(is_end(id, FAKE_CLAIMED, 0));
	close(fd);
	unlink(path);
	hardening_suid_dumpable = usual;
}

/* ----------------------------------------------------------------------- end */

static void test_worker_ends_idle(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	answer(fixture, id, WORKER_SERVED);
	close(fixture->launcher.worker);
	fixture->launcher.worker = -1;
	turn(fixture);
	assert_null(fixture->web->lane);
	offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(fixture->launcher.starts, 2);
}

/* It ends in the moment in which we send: what was claimed for it goes to the next. */
static void test_worker_ends_unseen(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	answer(fixture, id, WORKER_SERVED);
	close(fixture->launcher.worker);
	fixture->launcher.worker = -1;
	id = offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(fixture->launcher.starts, 2);
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
	close(fixture->launcher.worker);
	fixture->launcher.worker = -1;
	fixture->launcher.start_error = -EIO;
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
	close(fixture->launcher.worker);
	fixture->launcher.worker = -1;
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
	assert_int_equal(recv(fixture->launcher.worker, &byte, 1, MSG_DONTWAIT), 0);
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
	close(fixture->launcher.worker);
	fixture->launcher.worker = -1;
	turn(fixture);
	upcall = list_entry(fixture->queue.lost.next, struct upcall, link);
	upcall->lost_at -= QUEUE_LOST_SECONDS;
	ev_invoke(fixture->loop, &fixture->queue.lost_timer, EV_TIMER);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.failed, 1);
	assert_false(ev_is_active(&fixture->queue.lost_timer));
}

/* It dies whenever it is asked: the second time in a row is enough for a while. */
static void test_worker_dies_always(void **state)
{
	struct fixture *fixture = *state;
	struct tags tags = make_tags(fixture, UPCALL_CLASS_CORE, "");

	for (uint32_t generation = 0; generation < 3; generation++) {
		tags.generation = generation;
		offer_tags(fixture, &tags);
		if (fixture->launcher.worker >= 0)
			close(fixture->launcher.worker);
		fixture->launcher.worker = -1;
		turn(fixture);
	}
	assert_int_equal(fixture->launcher.starts, 2);
	/* it may be an older one, which would live on by being asked */
	assert_int_equal(fixture->launcher.stops, 1);
	assert_true(is_end(tags.id, FAKE_DENIED, ENOKEY));
	assert_int_equal(queue_pending(&fixture->queue), 0);
	for (int i = 0; i < 100; i++)
		offer(fixture, UPCALL_CLASS_CORE, "");
	assert_int_equal(fixture->launcher.starts, 2);
	/* each further time it is left alone longer, within bounds */
	for (int i = 0; i < 10; i++) {
		fixture->web->lane->retry_at = 0;
		offer(fixture, UPCALL_CLASS_CORE, "");
		close(fixture->launcher.worker);
		fixture->launcher.worker = -1;
		turn(fixture);
	}
	assert_int_equal(fixture->launcher.starts, 12);
	assert_true(fixture->web->lane->retry_at - clock_now() > 7.);
	assert_true(fixture->web->lane->retry_at - clock_now() < 9.);
}

/* ----------------------------------------------------------------- no answer */

/* Time passes, all that the upcall has. */
static void overstay(struct fixture *fixture, struct upcall *upcall)
{
	for (unsigned int left = upcall->looks_left; left > 0; left--) {
		assert_int_equal(fixture->launcher.stops, 0);
		ev_invoke(fixture->loop, &upcall->looks, EV_TIMER);
	}
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
	assert_true(ev_is_active(&upcall->looks));
	assert_true(upcall->looks_left * LANE_LOOK_SECONDS >= 25 + 30 + 5 + 5);
	assert_true(upcall->looks_left * LANE_LOOK_SECONDS <= 25 + 30 + 5 + 5 + LANE_LOOK_SECONDS);
	overstay(fixture, upcall);
	assert_int_equal(fixture->launcher.stops, 1);
	assert_false(worker_link_is_open(&lane->worker));
	assert_false(queue_has_handed(&fixture->queue));
	assert_false(list_empty(&fixture->queue.lost));
	/* its place is free again, and it is not asked again at once */
	assert_int_equal(lane->active_count, 0);
	id = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_true(is_end(id, FAKE_DENIED, ENOKEY));
	assert_int_equal(fixture->launcher.starts, 1);
	/* later it is */
	lane->retry_at = 0;
	id = offer(fixture, UPCALL_CLASS_KEY, "user");
	assert_int_equal(fixture->launcher.starts, 2);
	answer(fixture, id, WORKER_SERVED);
	assert_int_equal(lane->failures, 0);
	assert_int_equal(fixture->queue.served, 1);
}

/* The machine stood while its clocks went on: that is nobody's time, and another look comes in
 * time. */
static void test_worker_stood(void **state)
{
	struct fixture *fixture = *state;
	struct upcall *upcall;
	unsigned int left;

	(void)offer(fixture, UPCALL_CLASS_KEY, "user");
	upcall = list_entry(fixture->web->lane->active.next, struct upcall, link);
	left = upcall->looks_left;
	for (int i = 0; i < 20; i++) {
		upcall->looked_at -= 60;
		ev_invoke(fixture->loop, &upcall->looks, EV_TIMER);
		assert_int_equal(upcall->looks_left, left);
		assert_true(ev_timer_remaining(fixture->loop, &upcall->looks) >
			    LANE_LOOK_SECONDS - 1);
	}
	overstay(fixture, upcall);
	assert_int_equal(fixture->launcher.stops, 1);
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
	overstay(fixture, last);
	assert_int_equal(fixture->launcher.stops, 0);
	assert_true(ev_is_active(&last->looks));
	lane_end(list_entry(lane->active.next, struct upcall, link), &(struct ending){ 0 });
	overstay(fixture, last);
	assert_int_equal(fixture->launcher.stops, 1);
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
		assert_true(send(fixture->launcher.worker, packet, cases[i].size, 0) > 0);
		turn(fixture);
		if (fixture->launcher.starts != i + 1 || queue_has_handed(&fixture->queue))
			fail_msg("%s", cases[i].desc);
	}
}

/* -------------------------------------------------------------------- socket */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		fixed(test_worker_stood),
		fixed(test_worker_is_full),
		fixed(test_worker_dies_always),
		fixed(test_bad_results),
		fixed(test_socket_full),
		fixed(test_send_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
