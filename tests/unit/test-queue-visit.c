// SPDX-License-Identifier: GPL-2.0-or-later
/* Visits: what is between the visitor and the worker, and how it comes there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue-fixture.h"
#include "send-error.h"
#include "visit.h"

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
	assert_int_equal(fixture->launcher.starts, 1);
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
	assert_int_equal(fixture->launcher.starts, 1);
	assert_true(receive(fixture, &request));
}

static void test_visit_waits(void **state)
{
	struct fixture *fixture = *state;
	struct worker_request request;
	struct visitor visitor, other;

	fixture->launcher.start_error = -EINPROGRESS;
	come(fixture, &visitor);
	come(fixture, &other);
	assert_int_equal(visitor.done, 0);
	assert_int_equal(fixture->launcher.starts, 1);
	fixture->launcher.launching->done(fixture->launcher.launching,
					  fake_launcher_connect(&fixture->launcher));
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

	fixture->launcher.start_error = -ENOENT;
	come(fixture, &visitor);
	assert_done(&visitor, "Failed");
	fixture->launcher.start_error = 0;
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
	close(fixture->launcher.worker);
	fixture->launcher.worker = -1;
	turn(fixture);
	fixture->launcher.start_error = -EINPROGRESS;
	come(fixture, &visitor);
	assert_int_equal(registry_unregister(&fixture->registry, "web", &failure), 0);
	assert_done(&visitor, "Failed");
	assert_int_equal(fixture->launcher.cancels, 1);
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

	fixture->launcher.start_error = -EINPROGRESS;
	come(fixture, &visitor);
	queue_close(&fixture->queue);
	assert_done(&visitor, "Failed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixed(test_visit),	    fixed(test_visit_waits),
		fixed(test_visit_refused),  fixed(test_visit_leader_moved),
		fixed(test_visit_at_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
