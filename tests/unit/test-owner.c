// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose upcall it is: what the shim said, or nobody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-shim.h"
#include "owner.h"
#include "process.h"

static void gone(struct registry_watcher *watcher, struct container *container,
		 enum registry_reason reason)
{
}

static void test_owner(void **state)
{
	static const struct {
		const char *desc;
		uint32_t scope;
		uint64_t container;
		uint32_t class;
		bool has_net;
		bool found;
		const char *text; /* reason, or rule */
	} cases[] = {
		{ "a container's", UPCALL_SCOPE_CONTAINER, 16, UPCALL_CLASS_CORE, false, true,
		  "requester" },
		{ "a container's key", UPCALL_SCOPE_CONTAINER, 16, UPCALL_CLASS_KEY, false, true,
		  "requester" },
		{ "a namespace's key", UPCALL_SCOPE_CONTAINER, 16, UPCALL_CLASS_KEY, true, true,
		  "network namespace of the key" },
		{ "a cgroup's", UPCALL_SCOPE_CONTAINER, 16, UPCALL_CLASS_RELEASE_AGENT, false, true,
		  "cgroup" },
		{ "several", UPCALL_SCOPE_AMBIGUOUS, 16, UPCALL_CLASS_CORE, false, false,
		  "several containers" },
		{ "the host's", UPCALL_SCOPE_HOST, 0, UPCALL_CLASS_CORE, false, false,
		  "of no container" },
		{ "unregistered", UPCALL_SCOPE_UNREGISTERED, 0, UPCALL_CLASS_CORE, false, false,
		  "of no container" },
		{ "unregistered with an id", UPCALL_SCOPE_UNREGISTERED, 16, UPCALL_CLASS_CORE,
		  false, false, "of no container" },
		{ "a kthread's", UPCALL_SCOPE_KTHREAD, 0, UPCALL_CLASS_KEY, false, false,
		  "of no container" },
		{ "unknown id", UPCALL_SCOPE_CONTAINER, 17, UPCALL_CLASS_CORE, false, false,
		  "not registered here" },
		{ "no id", UPCALL_SCOPE_CONTAINER, 0, UPCALL_CLASS_CORE, false, false,
		  "of no container" },
		{ "unknown scope", 99, 16, UPCALL_CLASS_CORE, false, false, "of no container" },
	};
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct config *config = config_new();
	struct registry_watcher watcher = { .gone = gone };
	struct container *container = container_new("web");
	struct registry registry;

	registry_init(&registry, loop, config, &watcher, FAKE_SHIM_FD, -1);
	container->id = 16;
	container->pidfd = pidfd_of((uint32_t)getpid());
	assert_int_equal(registry_insert(&registry, container), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tags tags = {
			.scope = cases[i].scope,
			.container = cases[i].container,
			.class = cases[i].class,
		};
		struct owner owner;

		tags.key.has_net = cases[i].has_net;
		owner = owner_of(&registry, &tags);
		if ((owner.container == container) != cases[i].found ||
		    !strstr(cases[i].found ? owner.rule : owner.reason, cases[i].text))
			fail_msg("%s", cases[i].desc);
	}
	registry_close(&registry);
	config_unref(config);
	ev_loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_owner) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
