// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tags: kernel attributes to struct tags
 *
 * A table says for each attribute what it is and where it goes, so there is one
 * place that checks lengths. Strict where the kernel never varies (sizes, no
 * attribute twice, no NUL inside a text), lenient where it may grow (unknown
 * attributes). Values are copied with memcpy: attributes are aligned to 4 bytes
 * only, and only as well as the buffer is.
 */
#include <errno.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#include "tags.h"

enum field_kind {
	FIELD_SKIP = 0, /* unknown, or padding */
	FIELD_U32,
	FIELD_U64,
	FIELD_TEXT,    /* a string: at most one NUL, at its end */
	FIELD_STRINGS, /* several, each with its NUL */
	FIELD_NS,
	FIELD_KEY,
	FIELD_CORE,
	FIELD_HELPER,
	FIELD_ADOPTION,
};

struct field {
	enum field_kind kind;
	size_t offset;
};

struct layout {
	const struct field *fields;
	int max;
};

/* More attributes than bits in a mask would need another check for doubles. */
_Static_assert(UPCALL_A_MAX < 64 && UPCALL_NS_A_MAX < 64 && UPCALL_KEY_A_MAX < 64 &&
		       UPCALL_HELPER_A_MAX < 64 && UPCALL_ADOPTION_A_MAX < 64,
	       "mask");

#define FIELD(kind_, member)                                                   \
	{                                                                      \
		.kind = FIELD_##kind_, .offset = offsetof(struct tags, member) \
	}

static const struct field ns_fields[] = {
	[UPCALL_NS_A_PID] = FIELD(U32, ns[UPCALL_NS_PID]),
	[UPCALL_NS_A_MNT] = FIELD(U32, ns[UPCALL_NS_MNT]),
	[UPCALL_NS_A_NET] = FIELD(U32, ns[UPCALL_NS_NET]),
	[UPCALL_NS_A_USER] = FIELD(U32, ns[UPCALL_NS_USER]),
	[UPCALL_NS_A_UTS] = FIELD(U32, ns[UPCALL_NS_UTS]),
	[UPCALL_NS_A_IPC] = FIELD(U32, ns[UPCALL_NS_IPC]),
	[UPCALL_NS_A_CGROUP] = FIELD(U32, ns[UPCALL_NS_CGROUP]),
	[UPCALL_NS_A_TIME] = FIELD(U32, ns[UPCALL_NS_TIME]),
	[UPCALL_NS_A_NET_COOKIE] = FIELD(U64, net_cookie),
};

static const struct field key_fields[] = {
	[UPCALL_KEY_A_SERIAL] = FIELD(U32, key.serial),
	[UPCALL_KEY_A_TYPE] = FIELD(TEXT, key.type),
	[UPCALL_KEY_A_DESCRIPTION] = FIELD(TEXT, key.description),
	[UPCALL_KEY_A_ORIGIN] = FIELD(U32, key.origin),
	[UPCALL_KEY_A_NET] = FIELD(U32, key.net),
	[UPCALL_KEY_A_NET_COOKIE] = FIELD(U64, key.net_cookie),
};

static const struct field core_fields[] = {
	[UPCALL_CORE_A_SIGNAL] = FIELD(U32, core_signal),
	[UPCALL_CORE_A_DUMP_MODE] = FIELD(U32, core_dump_mode),
};

static const struct field helper_fields[] = {
	[UPCALL_HELPER_A_UID] = FIELD(U32, helper.uid),
	[UPCALL_HELPER_A_GID] = FIELD(U32, helper.gid),
	[UPCALL_HELPER_A_BSET] = FIELD(U64, helper.bounding),
	[UPCALL_HELPER_A_NO_NEW_PRIVS] = FIELD(U32, helper.no_new_privs),
	[UPCALL_HELPER_A_SECCOMP] = FIELD(U32, helper.seccomp),
	[UPCALL_HELPER_A_CGROUP1] = FIELD(U32, helper.cgroup1),
	[UPCALL_HELPER_A_FROZEN] = FIELD(U32, helper.frozen),
};

/* Of these none may be missing: what is not said would be read as "no limit". */
#define HELPER_LIMITS                                                          \
	(1ULL << UPCALL_HELPER_A_BSET | 1ULL << UPCALL_HELPER_A_NO_NEW_PRIVS | \
	 1ULL << UPCALL_HELPER_A_SECCOMP | 1ULL << UPCALL_HELPER_A_CGROUP1 |   \
	 1ULL << UPCALL_HELPER_A_FROZEN)

static const struct field adoption_fields[] = {
	[UPCALL_ADOPTION_A_CGROUP_ID] = FIELD(U64, adoption.cgroup_id),
	[UPCALL_ADOPTION_A_LEADER] = FIELD(U32, adoption.leader),
	[UPCALL_ADOPTION_A_START_TIME] = FIELD(U64, adoption.start_time),
};

static const struct field top_fields[] = {
	[UPCALL_A_ID] = FIELD(U64, id),
	[UPCALL_A_GENERATION] = FIELD(U32, generation),
	[UPCALL_A_CLASS] = FIELD(U32, class),
	[UPCALL_A_WAIT] = FIELD(U32, wait),
	[UPCALL_A_PATH] = FIELD(TEXT, path),
	[UPCALL_A_ARGV] = FIELD(STRINGS, argv),
	[UPCALL_A_ENVP] = FIELD(STRINGS, envp),
	[UPCALL_A_TID] = FIELD(U32, tid),
	[UPCALL_A_TGID] = FIELD(U32, tgid),
	[UPCALL_A_START_TIME] = FIELD(U64, start_time),
	[UPCALL_A_COMM] = FIELD(TEXT, comm),
	[UPCALL_A_UID] = FIELD(U32, uid),
	[UPCALL_A_GID] = FIELD(U32, gid),
	[UPCALL_A_NS] = { .kind = FIELD_NS },
	[UPCALL_A_CGROUP_ID] = FIELD(U64, cgroup_id),
	[UPCALL_A_SCOPE] = FIELD(U32, scope),
	[UPCALL_A_CONTEXT] = FIELD(U32, context),
	[UPCALL_A_DEPTH] = FIELD(U32, depth),
	[UPCALL_A_PARENT] = FIELD(U64, parent),
	[UPCALL_A_CONTAINER] = FIELD(U64, container),
	[UPCALL_A_KEY] = { .kind = FIELD_KEY },
	[UPCALL_A_CORE] = { .kind = FIELD_CORE },
	[UPCALL_A_RELEASE_CGROUP] = FIELD(TEXT, release_cgroup),
	[UPCALL_A_HELPER] = { .kind = FIELD_HELPER },
	[UPCALL_A_VERDICT] = FIELD(U32, verdict),
	[UPCALL_A_LOST] = FIELD(U32, lost),
	[UPCALL_A_ADOPTION] = { .kind = FIELD_ADOPTION },
};

static const struct layout top_layout = { top_fields, UPCALL_A_MAX };
static const struct layout ns_layout = { ns_fields, UPCALL_NS_A_MAX };
static const struct layout key_layout = { key_fields, UPCALL_KEY_A_MAX };
static const struct layout core_layout = { core_fields, UPCALL_CORE_A_MAX };
static const struct layout helper_layout = { helper_fields, UPCALL_HELPER_A_MAX };
static const struct layout adoption_layout = { adoption_fields, UPCALL_ADOPTION_A_MAX };

static int run_parse(const void *buffer, size_t size, const struct layout *layout,
		     struct tags *tags, uint64_t *ret_seen);

static int number_parse(const struct nlattr *attr, void *value, size_t size)
{
	if ((size_t)nla_len(attr) != size)
		return -EBADMSG;
	memcpy(value, nla_data(attr), size);
	return 0;
}

static int text_parse(const struct nlattr *attr, struct tags_text *text)
{
	const char *data = nla_data(attr);
	size_t size = nla_len(attr);

	if (size > 0 && data[size - 1] == '\0')
		size--;
	if (memchr(data, '\0', size))
		return -EBADMSG;
	*text = (struct tags_text){ data, size };
	return 0;
}

static int strings_parse(const struct nlattr *attr, struct tags_text *text)
{
	const char *data = nla_data(attr);
	size_t size = nla_len(attr);

	if (size > 0 && data[size - 1] != '\0')
		return -EBADMSG;
	*text = (struct tags_text){ data, size };
	return 0;
}

static int nest_parse(const struct nlattr *attr, const struct layout *layout, struct tags *tags,
		      uint64_t *ret_seen)
{
	return run_parse(nla_data(attr), nla_len(attr), layout, tags, ret_seen);
}

static int key_parse(const struct nlattr *attr, struct tags *tags)
{
	uint64_t seen;
	int ret = nest_parse(attr, &key_layout, tags, &seen);

	if (ret < 0)
		return ret;
	tags->key.present = true;
	tags->key.has_net = seen & (1ULL << UPCALL_KEY_A_NET);
	return 0;
}

static int core_parse(const struct nlattr *attr, struct tags *tags)
{
	uint64_t seen;

	tags->has_core = true;
	return nest_parse(attr, &core_layout, tags, &seen);
}

static int helper_parse(const struct nlattr *attr, struct tags *tags)
{
	uint64_t seen;
	int ret = nest_parse(attr, &helper_layout, tags, &seen);

	if (ret < 0)
		return ret;
	if ((seen & HELPER_LIMITS) != HELPER_LIMITS)
		return -EBADMSG;
	tags->helper.present = true;
	tags->helper.has_uid = seen & (1ULL << UPCALL_HELPER_A_UID);
	tags->helper.has_gid = seen & (1ULL << UPCALL_HELPER_A_GID);
	return 0;
}

static int adoption_parse(const struct nlattr *attr, struct tags *tags)
{
	const uint64_t leader = 1ULL << UPCALL_ADOPTION_A_LEADER |
				1ULL << UPCALL_ADOPTION_A_START_TIME;
	uint64_t seen;
	int ret = nest_parse(attr, &adoption_layout, tags, &seen);

	if (ret < 0)
		return ret;
	if (!(seen & (1ULL << UPCALL_ADOPTION_A_CGROUP_ID)))
		return -EBADMSG;
	tags->adoption.present = true;
	tags->adoption.has_leader = (seen & leader) == leader;
	return 0;
}

static int field_parse(const struct nlattr *attr, const struct field *field, struct tags *tags)
{
	void *member = (char *)tags + field->offset;
	uint64_t seen;

	switch (field->kind) {
	case FIELD_SKIP:
		return 0;
	case FIELD_U32:
		return number_parse(attr, member, sizeof(uint32_t));
	case FIELD_U64:
		return number_parse(attr, member, sizeof(uint64_t));
	case FIELD_TEXT:
		return text_parse(attr, member);
	case FIELD_STRINGS:
		return strings_parse(attr, member);
	case FIELD_NS:
		return nest_parse(attr, &ns_layout, tags, &seen);
	case FIELD_KEY:
		return key_parse(attr, tags);
	case FIELD_CORE:
		return core_parse(attr, tags);
	case FIELD_HELPER:
		return helper_parse(attr, tags);
	case FIELD_ADOPTION:
		return adoption_parse(attr, tags);
	}
	return -EBADMSG;
}

/* One run of attributes; *ret_seen says which there were. */
static int run_parse(const void *buffer, size_t size, const struct layout *layout,
		     struct tags *tags, uint64_t *ret_seen)
{
	const struct nlattr *attr = buffer;
	int left = (int)size;
	uint64_t seen = 0;

	for (; nla_ok(attr, left); attr = nla_next(attr, &left)) {
		int type = nla_type(attr), ret;

		if (type > layout->max || layout->fields[type].kind == FIELD_SKIP)
			continue;
		/* twice: which one is meant is for a liar to choose, not for us */
		if (seen & (1ULL << type))
			return -EBADMSG;
		seen |= 1ULL << type;
		ret = field_parse(attr, &layout->fields[type], tags);
		if (ret < 0)
			return ret;
	}
	*ret_seen = seen;
	/* the last one may come without its padding; anything else left is torn */
	return left > 0 ? -EBADMSG : 0;
}

int tags_parse(const void *buffer, size_t size, struct tags *ret)
{
	struct tags tags = { 0 };
	uint64_t seen;
	int error;

	if (size > INT32_MAX)
		return -EBADMSG;
	error = run_parse(buffer, size, &top_layout, &tags, &seen);
	if (error < 0)
		return error;
	/* callers index arrays with it */
	if (tags.class >= UPCALL_CLASS_COUNT)
		return -EBADMSG;
	*ret = tags;
	return 0;
}

static size_t strings_count(struct tags_text text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.size; i++)
		count += text.data[i] == '\0';
	return count;
}

int tags_strv(struct tags_text text, const char ***ret)
{
	const char **strv, *next = text.data;
	size_t count = strings_count(text);

	if (text.size > 0 && text.data[text.size - 1] != '\0')
		return -EBADMSG;
	strv = calloc(count + 1, sizeof(*strv));
	if (!strv)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		strv[i] = next;
		next += strlen(next) + 1;
	}
	*ret = strv;
	return 0;
}
