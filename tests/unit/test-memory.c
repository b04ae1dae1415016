// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The last records: what is asked for, what is forgotten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"

static void put(struct memory *memory, uint64_t id, const char *container, const char *reason)
{
	const struct facts facts = { .id = id, .class = UPCALL_CLASS_KEY };
	const struct record record = {
		.facts = &facts,
		.container = container,
		.handler = container ? "/x" : NULL,
		.policy = "web.conf",
		.reason = reason,
	};

	memory_put(memory, &record);
}

static void test_nothing(void **state)
{
	struct memory *memory = memory_new();

	assert_null(memory_of_upcall(memory, 0));
	assert_null(memory_of_container(memory, ""));
	assert_null(memory_of_upcall(NULL, 1));
	assert_null(memory_of_container(NULL, "web"));
	assert_null(memory_free(memory));
	assert_null(memory_free(NULL));
}

/* The texts are its own: those that it was given may have gone. */
static void test_texts(void **state)
{
	struct memory *memory = memory_new();
	const struct remembered *found;
	char name[] = "web";

	put(memory, 7, name, NULL);
	memset(name, 'x', sizeof(name) - 1);
	found = memory_of_upcall(memory, 7);
	assert_non_null(found);
	assert_string_equal(found->record.container, "web");
	assert_string_equal(found->record.handler, "/x");
	assert_string_equal(found->record.policy, "web.conf");
	assert_null(found->record.section);
	assert_int_equal(found->record.facts->id, 7);
	assert_true(found->at > UINT64_C(1600000000000000));
	memory_free(memory);
}

static void test_latest(void **state)
{
	struct memory *memory = memory_new();

	put(memory, 7, "web", "first");
	put(memory, 8, NULL, NULL);
	put(memory, 7, "web", "second");
	put(memory, 9, "db", NULL);
	assert_string_equal(memory_of_upcall(memory, 7)->record.reason, "second");
	assert_string_equal(memory_of_container(memory, "web")->record.reason, "second");
	assert_int_equal(memory_of_container(memory, "db")->facts.id, 9);
	assert_null(memory_of_upcall(memory, 8)->record.container);
	memory_free(memory);
}

static void test_oldest_is_forgotten(void **state)
{
	struct memory *memory = memory_new();

	for (uint64_t id = 1; id <= 3 * MEMORY_MAX + 1; id++)
		put(memory, id, id == 1 ? "first" : "web", NULL);
	assert_null(memory_of_upcall(memory, 2 * MEMORY_MAX + 1));
	assert_non_null(memory_of_upcall(memory, 2 * MEMORY_MAX + 2));
	assert_null(memory_of_container(memory, "first"));
	assert_int_equal(memory_of_container(memory, "web")->facts.id, 3 * MEMORY_MAX + 1);
	memory_free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_latest),
		cmocka_unit_test(test_oldest_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
