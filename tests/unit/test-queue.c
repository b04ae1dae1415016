// SPDX-License-Identifier: GPL-2.0-or-later
/* An upcall from the event to the ending. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue-fixture.h"

static void test_served(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	uint64_t id = offer(fixture, UPCALL_CLASS_CORE, "");

	assert_int_equal(fixture->launcher.starts, 1);
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
	assert_int_equal(fixture->launcher.starts, 1);
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
	/* no section is for it any more, and nobody waits who could start the kernel's own */
	id = offer(fixture, UPCALL_CLASS_RELEASE_AGENT, "");
	assert_true(is_end(id, FAKE_DENIED, EKEYREJECTED));
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
	assert_int_equal(fixture->launcher.starts, 0);
	assert_int_equal(queue_pending(&fixture->queue), 0);
	assert_int_equal(fixture->queue.refused, 5);
}

/* Of nobody: it is not handled here, whoever is adopted for it. */
static void test_adoption(void **state)
{
	static const struct {
		const char *desc;
		bool has_leader;
		bool known;    /* the leader is the one that is registered */
		int64_t start; /* its start time is so much off */
		enum fake_end end;
	} cases[] = {
		{ "of a container that was registered meanwhile", true, true, 0, FAKE_AGAIN },
		{ "of another process by then", true, true, 1, FAKE_DENIED },
		{ "of nobody who could be registered", false, true, 0, FAKE_DENIED },
		{ "of a process that is gone", true, false, 0, FAKE_DENIED },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tags tags = make_tags(fixture, UPCALL_CLASS_CORE, "");
		uint64_t id;

		tags.scope = UPCALL_SCOPE_UNREGISTERED;
		tags.container = 0;
		tags.adoption = (struct tags_adoption){
			.present = true,
			.has_leader = cases[i].has_leader,
			.cgroup_id = 1,
			.leader = cases[i].known ? fixture->web->leader : INT32_MAX,
			.start_time = fixture->web->start_time + (uint64_t)cases[i].start,
		};
		id = offer_tags(fixture, &tags);
		if (!is_end(id, cases[i].end, cases[i].end == FAKE_DENIED ? EKEYREJECTED : 0))
			fail_msg("%s", cases[i].desc);
	}
	assert_int_equal(fixture->registry.count, 1);
	assert_int_equal(queue_pending(&fixture->queue), 0);
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

/* -------------------------------------------------------------------- claims */

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

/* ------------------------------------------------------------------- the end */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_served),	    fixed(test_failed),	    fixed(test_decided_at_once),
		fixed(test_hosts_mount),    fixed(test_adoption),   fixed(test_known),
		fixed(test_unknown_result), fixed(test_superseded), fixed(test_claim_without_fds),
		fixed(test_claim_too_late), fixed(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
