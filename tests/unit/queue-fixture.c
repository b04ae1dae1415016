// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "process.h"
#include "queue-fixture.h"

static const char policy_text[] = "[Match]\nName=web\n"
				  "[Core]\nHandler=/save\nMaxConcurrent=1\n"
				  "[Key user]\nMaxConcurrent=2\n"
				  "[Key prints]\nHandler=/p\nAnswer=yes\n"
				  "[Key one]\nMaxConcurrent=1\n"
				  "[Other]\nHandler=deny\n"
				  "[Module]\nAllow=dummy\n";

static void gone(struct registry_watcher *watcher, struct container *container,
		 enum registry_reason reason)
{
	struct fixture *fixture = container_of(watcher, struct fixture, watcher);

	queue_container_gone(&fixture->queue, container, reason == REGISTRY_UNREGISTERED);
}

static void was_gone(struct registry_watcher *watcher, const char *name)
{
}

struct config *make_config(void)
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

void add_container(struct fixture *fixture)
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

void fixture_init(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	fake_shim_reset();
	fake_launcher_init(&fixture->launcher);
	fixture->watcher = (struct registry_watcher){ gone, was_gone };
	fixture->next_id = 1;
	fixture->loop = ev_loop_new(EVFLAG_AUTO);
}

void fixture_registry(struct fixture *fixture, int states_fd)
{
	registry_init(&fixture->registry, fixture->loop, fixture->config, &fixture->watcher,
		      FAKE_SHIM_FD, states_fd);
}

void fixture_queue(struct fixture *fixture)
{
	queue_init(&fixture->queue, fixture->loop, FAKE_SHIM_FD, &fixture->registry,
		   &fixture->launcher.base, &fixture->records);
}

void fixture_end(struct fixture *fixture)
{
	config_unref(fixture->config);
	fake_launcher_end(&fixture->launcher);
	ev_loop_destroy(fixture->loop);
}

int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture_init(fixture);
	fixture->config = make_config();
	records_init(&fixture->records, fixture->loop);
	fixture_registry(fixture, -1);
	fixture_queue(fixture);
	add_container(fixture);
	*state = fixture;
	return 0;
}

int teardown(void **state)
{
	struct fixture *fixture = *state;

	queue_close(&fixture->queue);
	registry_close(&fixture->registry);
	records_stop(&fixture->records);
	fixture_end(fixture);
	free(fixture);
	return 0;
}

void turn(struct fixture *fixture)
{
	for (int i = 0; i < 4; i++)
		ev_run(fixture->loop, EVRUN_NOWAIT);
}

/* ------------------------------------------------------------------- upcalls */

struct tags make_tags(struct fixture *fixture, uint32_t class, const char *key_type)
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

uint64_t offer_tags(struct fixture *fixture, const struct tags *tags)
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

uint64_t offer(struct fixture *fixture, uint32_t class, const char *key_type)
{
	struct tags tags = make_tags(fixture, class, key_type);

	return offer_tags(fixture, &tags);
}

bool is_end(uint64_t id, enum fake_end end, int error)
{
	const struct fake_upcall *upcall = fake_upcall_find(id);

	return upcall->end == end && upcall->error == error;
}

/* -------------------------------------------------------------------- worker */

bool receive_with(struct fixture *fixture, struct worker_request *request, size_t count)
{
	int fds[FAKE_LAUNCHER_FDS];
	int taken = fake_launcher_take(&fixture->launcher, request, fds);

	if (taken < 0)
		return false;
	assert_int_equal(taken, count);
	assert_true(pidfd_alive(fds[1]));
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	return true;
}

bool receive(struct fixture *fixture, struct worker_request *request)
{
	return receive_with(fixture, request, 2);
}

void answer(struct fixture *fixture, uint64_t id, uint32_t outcome)
{
	const struct worker_result result = { .protocol = WORKER_PROTOCOL,
					      .id = id,
					      .outcome = outcome };

	assert_int_equal(send(fixture->launcher.worker, &result, sizeof(result), 0),
			 sizeof(result));
	turn(fixture);
}
