// SPDX-License-Identifier: GPL-2.0-or-later
/* Tags: what the kernel sends is understood; what it never sends is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tags.h"

#define NLA_SIZE 4
#define NESTED	 0x8000
#define ALIGN(n) (((n) + 3u) & ~3u)

struct blob {
	_Alignas(8) unsigned char data[4096];
	size_t size;
};

static size_t put(struct blob *blob, unsigned int type, const void *data, size_t size)
{
	const uint16_t header[2] = { (uint16_t)(NLA_SIZE + size), (uint16_t)type };
	size_t at = blob->size;

	memcpy(blob->data + at, header, sizeof(header));
	if (size)
		memcpy(blob->data + at + NLA_SIZE, data, size);
	blob->size += ALIGN(NLA_SIZE + size);
	return at;
}

static void put_u32(struct blob *blob, unsigned int type, uint32_t value)
{
	put(blob, type, &value, sizeof(value));
}

static void put_u64(struct blob *blob, unsigned int type, uint64_t value)
{
	put(blob, UPCALL_A_PAD, NULL, 0);
	put(blob, type, &value, sizeof(value));
}

static void put_text(struct blob *blob, unsigned int type, const char *text)
{
	put(blob, type, text, strlen(text) + 1);
}

static void nest_end(struct blob *blob, size_t at)
{
	uint16_t size = (uint16_t)(blob->size - at);

	memcpy(blob->data + at, &size, sizeof(size));
}

static void blob_good(struct blob *blob)
{
	size_t nest;

	memset(blob, 0, sizeof(*blob));
	put_u32(blob, UPCALL_A_GENERATION, 3);
	put_u64(blob, UPCALL_A_ID, 0x1122334455667788);
	put_u32(blob, UPCALL_A_CLASS, UPCALL_CLASS_KEY);
	put_text(blob, UPCALL_A_COMM, "mount.nfs");
	put_text(blob, UPCALL_A_PATH, "/sbin/request-key");
	put(blob, UPCALL_A_ARGV, "/sbin/request-key\0create", 25);
	put(blob, UPCALL_A_ENVP, "HOME=/\0", 7);
	nest = put(blob, UPCALL_A_NS | NESTED, NULL, 0);
	put_u32(blob, UPCALL_NS_A_PID, 4026531836u);
	put_u32(blob, UPCALL_NS_A_TIME, 4026531834u);
	put_u64(blob, UPCALL_NS_A_NET_COOKIE, 77);
	nest_end(blob, nest);
	nest = put(blob, UPCALL_A_KEY, NULL, 0);
	put_u32(blob, UPCALL_KEY_A_SERIAL, 0x1234);
	put_text(blob, UPCALL_KEY_A_TYPE, "dns_resolver");
	put_text(blob, UPCALL_KEY_A_DESCRIPTION, "a:server");
	put_u32(blob, UPCALL_KEY_A_NET, 5);
	nest_end(blob, nest);
	put_u32(blob, UPCALL_A_VERDICT, UPCALL_VERDICT_DENY);
	put_u32(blob, UPCALL_A_LOST, 9);
	nest = put(blob, UPCALL_A_ADOPTION, NULL, 0);
	put_u64(blob, UPCALL_ADOPTION_A_CGROUP_ID, 4321);
	put_u32(blob, UPCALL_ADOPTION_A_LEADER, 12);
	put_u64(blob, UPCALL_ADOPTION_A_START_TIME, 99);
	nest_end(blob, nest);
	put_text(blob, 200, "of a newer kernel half");
}

static int text_is(struct tags_text text, const char *expected)
{
	return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

static void test_good(void **state)
{
	struct blob blob;
	struct tags tags;

	(void)state;
	blob_good(&blob);
	assert_int_equal(tags_parse(blob.data, blob.size, &tags), 0);
	assert_int_equal(tags.id, 0x1122334455667788);
	assert_int_equal(tags.generation, 3);
	assert_int_equal(tags.class, UPCALL_CLASS_KEY);
	assert_true(text_is(tags.comm, "mount.nfs"));
	assert_true(text_is(tags.path, "/sbin/request-key"));
	assert_int_equal(tags.argv.size, 25);
	assert_int_equal(tags.ns[UPCALL_NS_PID], 4026531836u);
	assert_int_equal(tags.ns[UPCALL_NS_TIME], 4026531834u);
	assert_int_equal(tags.ns[UPCALL_NS_MNT], 0);
	assert_int_equal(tags.net_cookie, 77);
	assert_true(tags.key.present);
	assert_true(tags.key.has_net);
	assert_int_equal(tags.key.serial, 0x1234);
	assert_true(text_is(tags.key.description, "a:server"));
	assert_int_equal(tags.verdict, UPCALL_VERDICT_DENY);
	assert_int_equal(tags.lost, 9);
	assert_true(tags.adoption.present && tags.adoption.has_leader);
	assert_int_equal(tags.adoption.cgroup_id, 4321);
	assert_int_equal(tags.adoption.leader, 12);
	assert_int_equal(tags.adoption.start_time, 99);
	assert_false(tags.has_core);
}

static void test_empty(void **state)
{
	struct tags tags;

	(void)state;
	assert_int_equal(tags_parse("", 0, &tags), 0);
	assert_false(tags.key.present);
}

/* Cut between two attributes it is a shorter blob, anywhere else a torn one. */
static void test_truncated(void **state)
{
	struct blob blob;

	(void)state;
	blob_good(&blob);
	for (size_t size = 1; size < blob.size; size++) {
		struct tags tags = { .id = 42 };
		size_t at = 0;
		int expected;
		unsigned char *copy = malloc(size);
		uint16_t length = 0;

		while (at < size) {
			memcpy(&length, blob.data + at, sizeof(length));
			if (at + length > size)
				break;
			at += ALIGN(length);
		}
		expected = at >= size ? 0 : -EBADMSG;
		/* a buffer of its own: sanitizers see a byte too far */
		memcpy(copy, blob.data, size);
		assert_int_equal(tags_parse(copy, size, &tags), expected);
		if (expected < 0)
			assert_int_equal(tags.id, 42);
		free(copy);
	}
}

static void test_malformed(void **state)
{
	static const struct {
		const char *desc;
		unsigned int type;
		const char *data;
		size_t size;
	} cases[] = {
		{ "u32 of 3 bytes", UPCALL_A_GENERATION, "abc", 3 },
		{ "u32 of 8 bytes", UPCALL_A_GENERATION, "abcdefgh", 8 },
		{ "u64 of 4 bytes", UPCALL_A_ID, "abcd", 4 },
		{ "empty number", UPCALL_A_UID, "", 0 },
		{ "NUL inside a text", UPCALL_A_COMM, "a\0b", 4 },
		{ "two NULs", UPCALL_A_COMM, "a\0", 3 },
		{ "argv without its last NUL", UPCALL_A_ARGV, "a\0b", 3 },
		{ "class out of range", UPCALL_A_CLASS, "\x05\0\0\0", 4 },
		{ "nest: torn header", UPCALL_A_NS, "\x08\0", 2 },
		{ "nest: attribute too long", UPCALL_A_NS, "\x0c\0\x02\0abcd", 8 },
		{ "nest: attribute of size 0", UPCALL_A_NS, "\0\0\x02\0abcd", 8 },
		{ "nest: wrong size", UPCALL_A_NS, "\x06\0\x02\0ab\0\0", 8 },
		{ "nest: key text", UPCALL_A_KEY, "\x08\0\x03\0a\0b\0", 8 },
		{ "nest: doubled", UPCALL_A_CORE, "\x08\0\x02\0abcd\x08\0\x02\0abcd", 16 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct blob blob = { .size = 0 };
		struct tags tags = { .id = 42 };

		put(&blob, cases[i].type, cases[i].data, cases[i].size);
		if (tags_parse(blob.data, blob.size, &tags) != -EBADMSG || tags.id != 42)
			fail_msg("accepted: %s", cases[i].desc);
	}
}

static void helper_put(struct blob *blob, unsigned int without)
{
	size_t nest = put(blob, UPCALL_A_HELPER, NULL, 0);
	const uint64_t bounding = 0x1ffffffffff;

	for (unsigned int type = UPCALL_HELPER_A_UID; type <= UPCALL_HELPER_A_MAX; type++) {
		if (type == without)
			continue;
		if (type == UPCALL_HELPER_A_BSET)
			put(blob, type, &bounding, sizeof(bounding));
		else
			put_u32(blob, type, 1000 + type);
	}
	nest_end(blob, nest);
}

static void test_helper(void **state)
{
	struct blob blob = { .size = 0 };
	struct tags tags;

	(void)state;
	helper_put(&blob, 0);
	assert_int_equal(tags_parse(blob.data, blob.size, &tags), 0);
	assert_true(tags.helper.present && tags.helper.has_uid && tags.helper.has_gid);
	assert_int_equal(tags.helper.uid, 1000 + UPCALL_HELPER_A_UID);
	assert_int_equal(tags.helper.gid, 1000 + UPCALL_HELPER_A_GID);
	assert_int_equal(tags.helper.bounding, 0x1ffffffffff);
	assert_int_equal(tags.helper.no_new_privs, 1000 + UPCALL_HELPER_A_NO_NEW_PRIVS);
	assert_int_equal(tags.helper.seccomp, 1000 + UPCALL_HELPER_A_SECCOMP);
	assert_int_equal(tags.helper.cgroup1, 1000 + UPCALL_HELPER_A_CGROUP1);
	assert_int_equal(tags.helper.frozen, 1000 + UPCALL_HELPER_A_FROZEN);
}

/* An id may be missing, a limit not: it would be read as none. */
static void test_helper_parts(void **state)
{
	(void)state;
	for (unsigned int type = UPCALL_HELPER_A_UID; type <= UPCALL_HELPER_A_MAX; type++) {
		bool is_id = type == UPCALL_HELPER_A_UID || type == UPCALL_HELPER_A_GID;
		struct blob blob = { .size = 0 };
		struct tags tags;

		helper_put(&blob, type);
		assert_int_equal(tags_parse(blob.data, blob.size, &tags), is_id ? 0 : -EBADMSG);
		if (!is_id)
			continue;
		assert_int_equal(tags.helper.has_uid, type != UPCALL_HELPER_A_UID);
		assert_int_equal(tags.helper.has_gid, type != UPCALL_HELPER_A_GID);
	}
}

static void test_doubled(void **state)
{
	struct blob blob = { .size = 0 };
	struct tags tags;

	(void)state;
	put_u32(&blob, UPCALL_A_UID, 0);
	put_u32(&blob, UPCALL_A_UID, 1000);
	assert_int_equal(tags_parse(blob.data, blob.size, &tags), -EBADMSG);
}

/* Any single changed byte is answered, one way or the other, within the buffer. */
static void test_mutated(void **state)
{
	struct blob blob;

	(void)state;
	blob_good(&blob);
	for (size_t i = 0; i < blob.size; i++)
		for (unsigned int value = 0; value < 256; value++) {
			unsigned char *copy = malloc(blob.size);
			struct tags tags;

			memcpy(copy, blob.data, blob.size);
			copy[i] = (unsigned char)value;
			(void)tags_parse(copy, blob.size, &tags);
			free(copy);
		}
}

static void test_strv(void **state)
{
	const char **strv;

	(void)state;
	assert_int_equal(tags_strv((struct tags_text){ "a\0\0bc", 6 }, &strv), 0);
	assert_string_equal(strv[0], "a");
	assert_string_equal(strv[1], "");
	assert_string_equal(strv[2], "bc");
	assert_null(strv[3]);
	free(strv);
	assert_int_equal(tags_strv((struct tags_text){ NULL, 0 }, &strv), 0);
	assert_null(strv[0]);
	free(strv);
	assert_int_equal(tags_strv((struct tags_text){ "ab", 2 }, &strv), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	     cmocka_unit_test(test_empty),
		cmocka_unit_test(test_truncated),    cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_doubled),	     cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_strv),	     cmocka_unit_test(test_helper),
		cmocka_unit_test(test_helper_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
