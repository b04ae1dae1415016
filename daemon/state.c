// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "cleanup.h"
#include "state.h"
#include "text.h"

#define FOLDER	      "containers"
#define TEMPORARY     ".new"
#define FILTER	      ".filter-"
#define LINE_MAX_SIZE 2048
#define HIDDEN_SIZE   (UPCALL_NAME_LEN + sizeof(FILTER))

static void cleanup_container_(struct container **container)
{
	*container = container_free(*container);
}

/* ----------------------------------------------------------------- fields */

enum field_type {
	FIELD_U32,
	FIELD_COUNT, /* the same; 0 is left out */
	FIELD_U64,
	FIELD_TEXT,  /* bytes; may be left out */
	FIELD_PLAIN, /* printable ASCII; may be left out */
	FIELD_NAME,
	FIELD_LABEL, /* may be repeated */
};

struct field {
	const char *key;
	enum field_type type;
	size_t offset;
	size_t max; /* of a text */
};

#define FIELD(key_, type_, member, max_)                                                          \
	{                                                                                         \
		.key = key_, .type = FIELD_##type_, .offset = offsetof(struct container, member), \
		.max = max_                                                                       \
	}

static const struct field fields[] = {
	FIELD("NAME", NAME, name, UPCALL_NAME_LEN - 1),
	FIELD("UID", U32, uid, 0),
	FIELD("LEADER", U32, leader, 0),
	FIELD("START_TIME", U64, start_time, 0),
	FIELD("NET_COOKIE", U64, net_cookie, 0),
	FIELD("CGROUP_ID", U64, cgroup_id, 0),
	FIELD("CGROUP_DERIVED", COUNT, cgroup_derived, 0),
	FIELD("OWN_NS", U32, own_ns, 0),
	FIELD("NS_PID", U32, ns[UPCALL_NS_PID], 0),
	FIELD("NS_MNT", U32, ns[UPCALL_NS_MNT], 0),
	FIELD("NS_NET", U32, ns[UPCALL_NS_NET], 0),
	FIELD("NS_USER", U32, ns[UPCALL_NS_USER], 0),
	FIELD("NS_UTS", U32, ns[UPCALL_NS_UTS], 0),
	FIELD("NS_IPC", U32, ns[UPCALL_NS_IPC], 0),
	FIELD("NS_CGROUP", U32, ns[UPCALL_NS_CGROUP], 0),
	FIELD("NS_TIME", U32, ns[UPCALL_NS_TIME], 0),
	FIELD("SINCE", U64, since, 0),
	FIELD("SERVED", U64, served, 0),
	FIELD("FAILED", U64, failed, 0),
	FIELD("CGROUP", TEXT, cgroup, CGROUP_PATH_MAX),
	FIELD("PLACE", TEXT, place, CGROUP_PATH_MAX),
	FIELD("RUNTIME", PLAIN, runtime, STATE_RUNTIME_LEN),
	FIELD("FILTER", COUNT, filter, 0),
	FIELD("LABEL", LABEL, labels, STATE_LABEL_LEN),
};

#define FIELDS_COUNT (sizeof(fields) / sizeof(fields[0]))

/* ---------------------------------------------------------------- writing */

struct writer {
	char *out;
	size_t room;
	size_t used;
	bool full;
};

static void __attribute__((format(printf, 2, 3)))
put(struct writer *writer, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(writer->out + writer->used, writer->room - writer->used, format, args);
	va_end(args);
	if (size < 0 || (size_t)size >= writer->room - writer->used)
		writer->full = true;
	else
		writer->used += (size_t)size;
}

static void put_field(struct writer *writer, const struct field *field, const void *value)
{
	char *const *text = value;
	char **labels;

	switch (field->type) {
	case FIELD_COUNT:
		if (*(const uint32_t *)value)
			put(writer, "%s=%u\n", field->key, *(const uint32_t *)value);
		break;
	case FIELD_U32:
		put(writer, "%s=%u\n", field->key, *(const uint32_t *)value);
		break;
	case FIELD_U64:
		put(writer, "%s=%llu\n", field->key, (unsigned long long)*(const uint64_t *)value);
		break;
	case FIELD_NAME:
		put(writer, "%s=%s\n", field->key, (const char *)value);
		break;
	case FIELD_TEXT:
	case FIELD_PLAIN:
		if (*text)
			put(writer, "%s=%s\n", field->key, *text);
		break;
	case FIELD_LABEL:
		for (labels = *(char **const *)value; labels && *labels; labels++)
			put(writer, "%s=%s\n", field->key, *labels);
		break;
	}
}

int state_format(const struct container *container, char *out, size_t room)
{
	struct writer writer = { .out = out, .room = room };

	put(&writer, "VERSION=1\n");
	for (size_t i = 0; i < FIELDS_COUNT && !writer.full; i++)
		put_field(&writer, &fields[i], (const char *)container + fields[i].offset);
	put(&writer, "END=1\n");
	return writer.full ? -EMSGSIZE : (int)writer.used;
}

/* ---------------------------------------------------------------- reading */

static int read_number(const char *value, uint64_t min, uint64_t max, uint64_t *ret)
{
	return text_number(value, min, max, ret) < 0 ? -EBADMSG : 0;
}

static int read_text(const struct field *field, const char *value, char **slot)
{
	size_t size = strlen(value);

	if (!size || size > field->max)
		return -EBADMSG;
	*slot = strdup(value);
	return *slot ? 0 : -ENOMEM;
}

static int read_label(const struct field *field, const char *value, char ***slot)
{
	if (!text_plain(value, field->max) || strv_count(*slot) >= STATE_LABELS_MAX)
		return -EBADMSG;
	return strv_append(slot, value, strlen(value));
}

static int read_field(const struct field *field, const char *value, void *slot)
{
	uint64_t number;
	int ret;

	switch (field->type) {
	case FIELD_U32:
	case FIELD_COUNT:
		/* None is not written, so a line that says so is not upcalld's. */
		ret = read_number(value, field->type == FIELD_COUNT, UINT32_MAX, &number);
		if (ret >= 0)
			*(uint32_t *)slot = (uint32_t)number;
		return ret;
	case FIELD_U64:
		return read_number(value, 0, UINT64_MAX, slot);
	case FIELD_NAME:
		if (!text_is_name(value))
			return -EBADMSG;
		text_copy(slot, field->max + 1, value, strlen(value));
		return 0;
	case FIELD_TEXT:
		return read_text(field, value, slot);
	case FIELD_PLAIN:
		return text_plain(value, field->max) ? read_text(field, value, slot) : -EBADMSG;
	case FIELD_LABEL:
		return read_label(field, value, slot);
	}
	return -EBADMSG;
}

static int read_line_into(struct container *container, const char *key, const char *value,
			  uint32_t *seen)
{
	for (size_t i = 0; i < FIELDS_COUNT; i++) {
		if (strcmp(fields[i].key, key))
			continue;
		if (fields[i].type != FIELD_LABEL && (*seen & (1U << i)))
			return -EBADMSG;
		*seen |= 1U << i;
		return read_field(&fields[i], value, (char *)container + fields[i].offset);
	}
	return -EBADMSG;
}

static bool may_be_left_out(const struct field *field)
{
	return field->type == FIELD_TEXT || field->type == FIELD_PLAIN ||
	       field->type == FIELD_LABEL || field->type == FIELD_COUNT;
}

static bool all_there(uint32_t seen)
{
	_Static_assert(FIELDS_COUNT < 32, "mask");

	for (size_t i = 0; i < FIELDS_COUNT; i++)
		if (!may_be_left_out(&fields[i]) && !(seen & (1U << i)))
			return false;
	return true;
}

/* Copy the next line without its newline. -EBADMSG: none, too long, or with a NUL. */
static int next_line(const char **at, const char *end, char *line)
{
	const char *stop = memchr(*at, '\n', (size_t)(end - *at));
	size_t size;

	if (!stop)
		return -EBADMSG;
	size = (size_t)(stop - *at);
	if (size >= LINE_MAX_SIZE || memchr(*at, '\0', size))
		return -EBADMSG;
	text_copy(line, LINE_MAX_SIZE, *at, size);
	*at = stop + 1;
	return 0;
}

static int parse_lines(const char *text, size_t size, struct container *container)
{
	const char *end = text + size;
	char line[LINE_MAX_SIZE], *value;
	uint32_t seen = 0;
	int ret;

	ret = next_line(&text, end, line);
	if (ret < 0 || strcmp(line, "VERSION=1"))
		return -EBADMSG;
	while ((ret = next_line(&text, end, line)) >= 0 && strcmp(line, "END=1")) {
		value = strchr(line, '=');
		if (!value)
			return -EBADMSG;
		*value++ = '\0';
		ret = read_line_into(container, line, value, &seen);
		if (ret < 0)
			return ret;
	}
	return ret >= 0 && text == end && all_there(seen) ? 0 : -EBADMSG;
}

int state_parse(const char *text, size_t size, struct container **ret)
{
	cleanup_with(cleanup_container_) struct container *container = container_new("");
	int r;

	if (!container)
		return -ENOMEM;
	r = parse_lines(text, size, container);
	if (r < 0)
		return r;
	if (!container->cgroup != !container->cgroup_id ||
	    container->cgroup_derived > (container->cgroup_id ? 1 : 0))
		return -EBADMSG;
	*ret = take_ptr(container);
	return 0;
}

/* ------------------------------------------------------------------ files */

int state_open(const char *base)
{
	cleanup_fd int parent = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (parent < 0)
		return -errno;
	if (mkdirat(parent, FOLDER, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_file(int folder, const char *name, const void *data, size_t size)
{
	cleanup_fd int fd =
		openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	ssize_t count;

	if (fd < 0)
		return -errno;
	count = write(fd, data, size);
	if (count < 0)
		return -errno;
	return (size_t)count == size ? 0 : -ENOSPC;
}

/* What is not a container's state begins with a dot: no name does. */
static void hidden_name(const char *prefix, const char *name, char ret[static HIDDEN_SIZE])
{
	(void)snprintf(ret, HIDDEN_SIZE, "%s%s", prefix, name);
}

static int replace_file(int folder, const char *container, const char *name, const void *data,
			size_t size)
{
	char temporary[HIDDEN_SIZE];
	int ret;

	hidden_name(TEMPORARY, container, temporary);
	ret = write_file(folder, temporary, data, size);
	if (ret >= 0 && renameat(folder, temporary, folder, name) < 0)
		ret = -errno;
	if (ret < 0)
		(void)unlinkat(folder, temporary, 0);
	return ret;
}

int state_save(int folder, const struct container *container)
{
	char text[STATE_FILE_MAX];
	int size = state_format(container, text, sizeof(text));

	if (size < 0)
		return size;
	return replace_file(folder, container->name, container->name, text, (size_t)size);
}

int state_save_filter(int folder, const char *name, const void *code, size_t size)
{
	char file[HIDDEN_SIZE];

	hidden_name(FILTER, name, file);
	return replace_file(folder, name, file, code, size);
}

int state_open_filter(int folder, const char *name)
{
	char file[HIDDEN_SIZE];
	int fd;

	hidden_name(FILTER, name, file);
	fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int state_load(int folder, const char *name, struct container **ret)
{
	cleanup_with(cleanup_container_) struct container *container = NULL;
	cleanup_fd int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[STATE_FILE_MAX + 1];
	ssize_t size;
	int r;

	if (fd < 0)
		return -errno;
	size = read(fd, text, sizeof(text));
	if (size < 0)
		return -errno;
	if ((size_t)size >= sizeof(text))
		return -EBADMSG;
	r = state_parse(text, (size_t)size, &container);
	if (r < 0)
		return r;
	if (strcmp(container->name, name))
		return -EBADMSG;
	*ret = take_ptr(container);
	return 0;
}

void state_remove(int folder, const char *name)
{
	char file[HIDDEN_SIZE];

	hidden_name(FILTER, name, file);
	(void)unlinkat(folder, name, 0);
	/* ORDER: a state without its filter would be one that is refused */
	(void)unlinkat(folder, file, 0);
}

static DIR *open_list(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		close_keep_errno(fd);
	return dir;
}

static bool is_left_over(int folder, const char *file)
{
	if (!strncmp(file, TEMPORARY, strlen(TEMPORARY)))
		return true;
	return !strncmp(file, FILTER, strlen(FILTER)) &&
	       faccessat(folder, file + strlen(FILTER), F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	       errno == ENOENT;
}

void state_sweep(int folder)
{
	cleanup_dir DIR *dir = open_list(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (is_left_over(folder, entry->d_name))
			(void)unlinkat(folder, entry->d_name, 0);
}

int state_names(int folder, char ***ret)
{
	cleanup_dir DIR *dir = open_list(folder);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	*ret = NULL;
	while (r >= 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = strv_append(ret, entry->d_name, strlen(entry->d_name));
	return r;
}
