// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attributes from the kernel (daemon/common/tags.c): an event's, UPCALL_IOC_INFO's and
 * UPCALL_IOC_TAGS'
 *
 * Refused: nothing was written. Accepted: texts lie in the buffer, and what was
 * understood, encoded again, is understood as the same.
 */
#include <errno.h>
#include <netlink/attr.h>

#include "fuzz.h"
#include "tags.h"

/* ---------------------------------------------------------------- bounds */

static void check_text(struct tags_text text, const char *buffer, size_t size)
{
	if (!text.size)
		return;
	property(text.data >= buffer && text.size <= size);
	property((size_t)(text.data - buffer) <= size - text.size);
}

static void check_plain_text(struct tags_text text, const char *buffer, size_t size)
{
	check_text(text, buffer, size);
	property(!text.size || !memchr(text.data, '\0', text.size));
}

static void check_strings(struct tags_text text, const char *buffer, size_t size)
{
	cleanup_free const char **strv = NULL;
	size_t total = 0;

	check_text(text, buffer, size);
	property(tags_strv(text, &strv) == 0);
	for (const char **at = strv; *at; at++) {
		property(*at == text.data + total);
		total += strlen(*at) + 1;
	}
	property(total == text.size);
}

static void check_bounds(const struct tags *tags, const char *buffer, size_t size)
{
	property(tags->class < UPCALL_CLASS_COUNT);
	property(tags->key.present || !tags->key.has_net);
	check_plain_text(tags->path, buffer, size);
	check_plain_text(tags->comm, buffer, size);
	check_plain_text(tags->release_cgroup, buffer, size);
	check_plain_text(tags->key.type, buffer, size);
	check_plain_text(tags->key.description, buffer, size);
	check_strings(tags->argv, buffer, size);
	check_strings(tags->envp, buffer, size);
}

/* ------------------------------------------------------------ round trip */

struct writer {
	char *data;
	size_t used;
};

static void put(struct writer *writer, int type, const void *data, size_t size)
{
	const struct nlattr header = { (uint16_t)(NLA_HDRLEN + size), (uint16_t)type };

	memset(writer->data + writer->used, 0, NLA_ALIGN(NLA_HDRLEN + size));
	memcpy(writer->data + writer->used, &header, sizeof(header));
	if (size)
		memcpy(writer->data + writer->used + NLA_HDRLEN, data, size);
	writer->used += NLA_ALIGN(NLA_HDRLEN + size);
}

static void put_text(struct writer *writer, int type, struct tags_text text)
{
	put(writer, type, text.data, text.size);
}

static void put_ns(struct writer *writer, const struct tags *tags)
{
	size_t start = writer->used;
	uint16_t size;

	put(writer, UPCALL_A_NS, NULL, 0);
	for (int i = 0; i < UPCALL_NS_COUNT; i++)
		put(writer, UPCALL_NS_A_PID + i, &tags->ns[i], sizeof(tags->ns[i]));
	put(writer, UPCALL_NS_A_NET_COOKIE, &tags->net_cookie, sizeof(tags->net_cookie));
	size = (uint16_t)(writer->used - start);
	memcpy(writer->data + start, &size, sizeof(size));
}

static void put_key(struct writer *writer, const struct tags_key *key)
{
	size_t start = writer->used;
	uint16_t size;

	if (!key->present)
		return;
	put(writer, UPCALL_A_KEY, NULL, 0);
	put(writer, UPCALL_KEY_A_SERIAL, &key->serial, sizeof(key->serial));
	put_text(writer, UPCALL_KEY_A_TYPE, key->type);
	put_text(writer, UPCALL_KEY_A_DESCRIPTION, key->description);
	put(writer, UPCALL_KEY_A_ORIGIN, &key->origin, sizeof(key->origin));
	if (key->has_net)
		put(writer, UPCALL_KEY_A_NET, &key->net, sizeof(key->net));
	put(writer, UPCALL_KEY_A_NET_COOKIE, &key->net_cookie, sizeof(key->net_cookie));
	size = (uint16_t)(writer->used - start);
	memcpy(writer->data + start, &size, sizeof(size));
}

static void put_helper(struct writer *writer, const struct tags_helper *helper)
{
	size_t start = writer->used;
	uint16_t size;

	if (!helper->present)
		return;
	put(writer, UPCALL_A_HELPER, NULL, 0);
	if (helper->has_uid)
		put(writer, UPCALL_HELPER_A_UID, &helper->uid, sizeof(helper->uid));
	if (helper->has_gid)
		put(writer, UPCALL_HELPER_A_GID, &helper->gid, sizeof(helper->gid));
	put(writer, UPCALL_HELPER_A_BSET, &helper->bounding, sizeof(helper->bounding));
	put(writer, UPCALL_HELPER_A_NO_NEW_PRIVS, &helper->no_new_privs,
	    sizeof(helper->no_new_privs));
	put(writer, UPCALL_HELPER_A_SECCOMP, &helper->seccomp, sizeof(helper->seccomp));
	put(writer, UPCALL_HELPER_A_CGROUP1, &helper->cgroup1, sizeof(helper->cgroup1));
	put(writer, UPCALL_HELPER_A_FROZEN, &helper->frozen, sizeof(helper->frozen));
	size = (uint16_t)(writer->used - start);
	memcpy(writer->data + start, &size, sizeof(size));
}

static void put_adoption(struct writer *writer, const struct tags_adoption *adoption)
{
	size_t start = writer->used;
	uint16_t size;

	if (!adoption->present)
		return;
	put(writer, UPCALL_A_ADOPTION, NULL, 0);
	put(writer, UPCALL_ADOPTION_A_CGROUP_ID, &adoption->cgroup_id, sizeof(adoption->cgroup_id));
	if (adoption->has_leader) {
		put(writer, UPCALL_ADOPTION_A_LEADER, &adoption->leader, sizeof(adoption->leader));
		put(writer, UPCALL_ADOPTION_A_START_TIME, &adoption->start_time,
		    sizeof(adoption->start_time));
	}
	size = (uint16_t)(writer->used - start);
	memcpy(writer->data + start, &size, sizeof(size));
}

static void put_core(struct writer *writer, const struct tags *tags)
{
	const struct nlattr signal = { 8, UPCALL_CORE_A_SIGNAL };
	const struct nlattr mode = { 8, UPCALL_CORE_A_DUMP_MODE };
	char nest[16];

	if (!tags->has_core)
		return;
	memcpy(nest, &signal, 4);
	memcpy(nest + 4, &tags->core_signal, 4);
	memcpy(nest + 8, &mode, 4);
	memcpy(nest + 12, &tags->core_dump_mode, 4);
	put(writer, UPCALL_A_CORE, nest, sizeof(nest));
}

#define PUT(writer, type, value) put(writer, type, &(value), sizeof(value))

static void put_all(struct writer *writer, const struct tags *tags)
{
	PUT(writer, UPCALL_A_ID, tags->id);
	PUT(writer, UPCALL_A_GENERATION, tags->generation);
	PUT(writer, UPCALL_A_CLASS, tags->class);
	PUT(writer, UPCALL_A_WAIT, tags->wait);
	put_text(writer, UPCALL_A_PATH, tags->path);
	put_text(writer, UPCALL_A_ARGV, tags->argv);
	put_text(writer, UPCALL_A_ENVP, tags->envp);
	PUT(writer, UPCALL_A_TID, tags->tid);
	PUT(writer, UPCALL_A_TGID, tags->tgid);
	PUT(writer, UPCALL_A_START_TIME, tags->start_time);
	put_text(writer, UPCALL_A_COMM, tags->comm);
	PUT(writer, UPCALL_A_UID, tags->uid);
	PUT(writer, UPCALL_A_GID, tags->gid);
	put_ns(writer, tags);
	PUT(writer, UPCALL_A_CGROUP_ID, tags->cgroup_id);
	PUT(writer, UPCALL_A_SCOPE, tags->scope);
	PUT(writer, UPCALL_A_CONTEXT, tags->context);
	PUT(writer, UPCALL_A_DEPTH, tags->depth);
	PUT(writer, UPCALL_A_PARENT, tags->parent);
	PUT(writer, UPCALL_A_CONTAINER, tags->container);
	put_key(writer, &tags->key);
	put_core(writer, tags);
	put_text(writer, UPCALL_A_RELEASE_CGROUP, tags->release_cgroup);
	put_helper(writer, &tags->helper);
	PUT(writer, UPCALL_A_VERDICT, tags->verdict);
	PUT(writer, UPCALL_A_LOST, tags->lost);
	put_adoption(writer, &tags->adoption);
}

static void check_same_text(struct tags_text a, struct tags_text b)
{
	property(a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size)));
}

static void check_same_key(const struct tags_key *a, const struct tags_key *b)
{
	property(a->present == b->present && a->has_net == b->has_net);
	property(a->serial == b->serial && a->origin == b->origin);
	property(a->net_cookie == b->net_cookie && a->net == b->net);
	check_same_text(a->type, b->type);
	check_same_text(a->description, b->description);
}

static void check_same_helper(const struct tags_helper *a, const struct tags_helper *b)
{
	property(a->present == b->present && a->has_uid == b->has_uid && a->has_gid == b->has_gid);
	property(a->uid == b->uid && a->gid == b->gid && a->bounding == b->bounding);
	property(a->no_new_privs == b->no_new_privs && a->seccomp == b->seccomp);
	property(a->cgroup1 == b->cgroup1 && a->frozen == b->frozen);
}

static void check_same_adoption(const struct tags_adoption *a, const struct tags_adoption *b)
{
	property(a->present == b->present && a->has_leader == b->has_leader);
	property(a->cgroup_id == b->cgroup_id);
	property(!a->has_leader || (a->leader == b->leader && a->start_time == b->start_time));
}

static void check_same(const struct tags *a, const struct tags *b)
{
	property(a->id == b->id && a->generation == b->generation && a->class == b->class);
	property(a->wait == b->wait && a->tid == b->tid && a->tgid == b->tgid);
	property(a->start_time == b->start_time && a->uid == b->uid && a->gid == b->gid);
	property(!memcmp(a->ns, b->ns, sizeof(a->ns)) && a->net_cookie == b->net_cookie);
	property(a->cgroup_id == b->cgroup_id && a->scope == b->scope);
	property(a->context == b->context && a->depth == b->depth);
	property(a->parent == b->parent && a->container == b->container);
	property(a->verdict == b->verdict && a->lost == b->lost);
	property(a->has_core == b->has_core && a->core_signal == b->core_signal);
	property(a->core_dump_mode == b->core_dump_mode);
	check_same_text(a->path, b->path);
	check_same_text(a->comm, b->comm);
	check_same_text(a->release_cgroup, b->release_cgroup);
	check_same_text(a->argv, b->argv);
	check_same_text(a->envp, b->envp);
	check_same_key(&a->key, &b->key);
	check_same_helper(&a->helper, &b->helper);
	check_same_adoption(&a->adoption, &b->adoption);
}

static void check_round_trip(const struct tags *tags, size_t size)
{
	/* each field of fixed size, and texts that came from `size` bytes */
	struct writer writer = { .data = malloc(size + 1024) };
	cleanup_free char *owner = writer.data;
	cleanup_free char *copy = NULL;
	struct tags again;

	property(owner);
	put_all(&writer, tags);
	copy = fuzz_copy(writer.data, writer.used);
	property(tags_parse(copy, writer.used, &again) == 0);
	check_same(tags, &again);
}

/* An attribute behind all others that nobody knows changes nothing. */
static void check_growth(const struct tags *tags, const char *data, size_t size)
{
	const struct nlattr unknown = { NLA_HDRLEN, UPCALL_A_MAX + 1 };
	cleanup_free char *longer = malloc(NLA_ALIGN(size) + sizeof(unknown));
	struct tags again;

	property(longer);
	memset(longer, 0, NLA_ALIGN(size) + sizeof(unknown));
	memcpy(longer, data, size);
	memcpy(longer + NLA_ALIGN(size), &unknown, sizeof(unknown));
	property(tags_parse(longer, NLA_ALIGN(size) + sizeof(unknown), &again) == 0);
	check_same(tags, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *copy = fuzz_copy(data, size);
	struct tags tags, untouched;
	int ret;

	memset(&tags, 0x5a, sizeof(tags));
	memcpy(&untouched, &tags, sizeof(tags));
	ret = tags_parse(copy, size, &tags);
	if (ret < 0) {
		property(ret == -EBADMSG);
		property(!memcmp(&tags, &untouched, sizeof(tags)));
		return 0;
	}
	check_bounds(&tags, copy, size);
	/* 16-bit lengths of attributes bound what can be encoded as one nest */
	if (size < UINT16_MAX / 2) {
		check_round_trip(&tags, size);
		check_growth(&tags, copy, size);
	}
	return 0;
}
