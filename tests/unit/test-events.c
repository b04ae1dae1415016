// SPDX-License-Identifier: GPL-2.0-or-later
/* Events: taken apart from any bytes, and only the kernel's. */
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
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "events.h"
#include "list.h"

#define FAMILY 40

struct fixture {
	struct events_reader reader;
	struct events events;
	unsigned int seen, lost, done;
	uint64_t last_id;
	uint32_t last_class;
};

static void event(struct events_reader *reader, const struct tags *tags)
{
	struct fixture *fixture = container_of(reader, struct fixture, reader);

	fixture->seen++;
	fixture->last_id = tags->id;
	fixture->last_class = tags->class;
}

static void lost(struct events_reader *reader)
{
	container_of(reader, struct fixture, reader)->lost++;
}

static void done(struct events_reader *reader)
{
	container_of(reader, struct fixture, reader)->done++;
}

static struct fixture *fixture_of(void **state)
{
	struct fixture *fixture = *state;

	memset(fixture, 0, sizeof(*fixture));
	fixture->reader = (struct events_reader){ event, lost, done };
	fixture->events.reader = &fixture->reader;
	return fixture;
}

static struct nl_msg *message(uint16_t type, uint8_t command, uint64_t id)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, 0, 0, type, 0, 0, command, UPCALL_GENL_VERSION);
	nla_put_u32(msg, UPCALL_A_GENERATION, 0);
	nla_put_u64(msg, UPCALL_A_ID, id);
	nla_put_u32(msg, UPCALL_A_CLASS, UPCALL_CLASS_KEY);
	return msg;
}

static void feed(struct fixture *fixture, struct nl_msg *msg)
{
	events_parse(&fixture->events, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
}

static void test_good(void **state)
{
	struct fixture *fixture = fixture_of(state);

	feed(fixture, message(FAMILY, UPCALL_CMD_OFFERED, 7));
	assert_int_equal(fixture->seen, 1);
	assert_int_equal(fixture->last_id, 7);
	assert_int_equal(fixture->last_class, UPCALL_CLASS_KEY);
	assert_int_equal(fixture->events.malformed, 0);
}

static void test_several(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char buffer[1024];
	size_t size = 0;

	for (uint64_t id = 1; id <= 3; id++) {
		struct nl_msg *msg = message(FAMILY, UPCALL_CMD_OFFERED, id);

		memcpy(buffer + size, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
		size += NLMSG_ALIGN(nlmsg_hdr(msg)->nlmsg_len);
		nlmsg_free(msg);
	}
	events_parse(&fixture->events, buffer, size);
	assert_int_equal(fixture->seen, 3);
	assert_int_equal(fixture->last_id, 3);
}

static void test_refused(void **state)
{
	static const struct {
		const char *desc;
		uint16_t type;
		uint8_t command;
	} cases[] = {
		{ "another family", FAMILY + 1, UPCALL_CMD_OFFERED },
		{ "unknown command", FAMILY, 99 },
		{ "error message", NLMSG_ERROR, UPCALL_CMD_OFFERED },
		{ "done message", NLMSG_DONE, UPCALL_CMD_OFFERED },
		{ "no message", NLMSG_NOOP, UPCALL_CMD_OFFERED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *fixture = fixture_of(state);

		feed(fixture, message(FAMILY, UPCALL_CMD_OFFERED, 1));
		feed(fixture, message(cases[i].type, cases[i].command, 2));
		if (fixture->seen != 1 || fixture->events.malformed != 1)
			fail_msg("%s", cases[i].desc);
	}
}

/* Each prefix of a good event is refused, and nothing is read behind it. */
static void test_truncated(void **state)
{
	struct nl_msg *msg = message(FAMILY, UPCALL_CMD_OFFERED, 7);
	size_t size = nlmsg_hdr(msg)->nlmsg_len;

	for (size_t cut = 0; cut < size; cut++) {
		struct fixture *fixture = fixture_of(state);
		char *bytes = malloc(cut ?: 1);

		memcpy(bytes, nlmsg_hdr(msg), cut);
		events_parse(&fixture->events, bytes, cut);
		assert_int_equal(fixture->seen, 0);
		assert_int_equal(fixture->events.malformed, 1);
		free(bytes);
	}
	nlmsg_free(msg);
}

static void test_bad_attributes(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct nl_msg *msg = message(FAMILY, UPCALL_CMD_OFFERED, 7);

	nla_put_u32(msg, UPCALL_A_SCOPE, 1);
	nla_put_u64(msg, UPCALL_A_TGID, 1); /* of the wrong size */
	feed(fixture, msg);
	assert_int_equal(fixture->seen, 0);
	assert_int_equal(fixture->events.malformed, 1);
}

static void test_random(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct nl_msg *msg = message(FAMILY, UPCALL_CMD_OFFERED, 7);
	size_t size = nlmsg_hdr(msg)->nlmsg_len;

	srand(1);
	for (int round = 0; round < 100000; round++) {
		char *bytes = malloc(size);

		memcpy(bytes, nlmsg_hdr(msg), size);
		for (int i = rand() % 4; i >= 0; i--)
			bytes[(size_t)rand() % size] = (char)rand();
		events_parse(&fixture->events, bytes, size);
		free(bytes);
	}
	nlmsg_free(msg);
}

/* ------------------------------------------------------------- the socket */

/* Another process' netlink socket, or none of netlink at all: not the kernel. */
static void test_bad_sender(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct nl_msg *msg = message(FAMILY, UPCALL_CMD_OFFERED, 7);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(events_start(&fixture->events, loop, &fixture->reader, pair[0]), 0);
	assert_true(send(pair[1], nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0) > 0);
	ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(fixture->seen, 0);
	assert_int_equal(fixture->done, 1);
	assert_int_equal(fixture->events.bad_sender, 1);
	events_stop(&fixture->events);
	events_stop(&fixture->events);
	nlmsg_free(msg);
	close(pair[0]);
	close(pair[1]);
	ev_loop_destroy(loop);
}

static int bound(void)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	return fd;
}

/* Who sends without end is counted for a while, and then refused by the kernel. */
static void test_foreign_flood(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct nl_msg *msg = message(FAMILY, UPCALL_CMD_OFFERED, 7);
	const struct nlmsghdr *header = nlmsg_hdr(msg);
	int fd = bound(), sender = bound();
	struct sockaddr_nl ours;
	socklen_t size = sizeof(ours);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ours, &size), 0);
	assert_int_equal(events_start(&fixture->events, loop, &fixture->reader, fd), 0);
	for (int i = 0; i < EVENTS_FOREIGN_MAX; i++) {
		assert_true(sendto(sender, header, header->nlmsg_len, 0, (struct sockaddr *)&ours,
				   size) > 0);
		ev_run(loop, EVRUN_NOWAIT);
	}
	assert_int_equal(
		sendto(sender, header, header->nlmsg_len, 0, (struct sockaddr *)&ours, size), -1);
	assert_int_equal(errno, ECONNREFUSED);
	ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(fixture->events.bad_sender, EVENTS_FOREIGN_MAX);
	assert_int_equal(fixture->seen, 0);
	events_stop(&fixture->events);
	nlmsg_free(msg);
	close(fd);
	close(sender);
	ev_loop_destroy(loop);
}

static int make(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int destroy(void **state)
{
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	       cmocka_unit_test(test_several),
		cmocka_unit_test(test_refused),	       cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_bad_attributes), cmocka_unit_test(test_random),
		cmocka_unit_test(test_bad_sender),     cmocka_unit_test(test_foreign_flood),
	};

	return cmocka_run_group_tests(tests, make, destroy);
}
