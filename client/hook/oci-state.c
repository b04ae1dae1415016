// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "oci-state.h"

#define ENGINE_ID_LEN	64
#define ENGINE_ID_SHOWN 12

#define ID_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-._"

static int set_id(struct oci_state *ret, const char *id, size_t size, char reason[OCI_REASON_SIZE])
{
	if (!size || size > OCI_ID_MAX)
		return oci_bad(reason, "id: %zu bytes, not 1 to %d", size, OCI_ID_MAX);
	/* a NUL ends the span, too */
	if (strspn(id, ID_BYTES) != size)
		return oci_bad(reason,
			       "id: byte %zu is none of letters, digits, '+', '-', '.' and '_'",
			       strspn(id, ID_BYTES));
	memcpy(ret->id, id, size + 1);
	return 0;
}

int oci_state_id(struct oci_state *state, const char *id, char reason[OCI_REASON_SIZE])
{
	return set_id(state, id, strlen(id), reason);
}

static int take_id(json_object *state, struct oci_state *ret, char reason[OCI_REASON_SIZE])
{
	json_object *value;

	if (!json_object_object_get_ex(state, "id", &value))
		return oci_bad(reason, "id: missing");
	if (!json_object_is_type(value, json_type_string))
		return oci_bad(reason, "id: no string");
	return set_id(ret, json_object_get_string(value), (size_t)json_object_get_string_len(value),
		      reason);
}

static int take_pid(json_object *state, struct oci_state *ret, char reason[OCI_REASON_SIZE])
{
	json_object *value;
	int64_t pid;

	ret->pid = 0;
	if (!json_object_object_get_ex(state, "pid", &value))
		return 0;
	if (!json_object_is_type(value, json_type_int))
		return oci_bad(reason, "pid: no whole number");
	pid = json_object_get_int64(value); /* the nearest, of one that does not fit */
	if (pid < 0 || pid > INT32_MAX)
		return oci_bad(reason, "pid: not from 0 to %d", INT32_MAX);
	ret->pid = (pid_t)pid;
	return 0;
}

/* "": none that could be looked into. */
static void take_bundle(json_object *state, struct oci_state *ret)
{
	json_object *value;
	const char *path;
	size_t size;

	ret->bundle[0] = '\0';
	if (!json_object_object_get_ex(state, "bundle", &value) ||
	    !json_object_is_type(value, json_type_string))
		return;
	path = json_object_get_string(value);
	size = (size_t)json_object_get_string_len(value);
	if (*path == '/' && size < sizeof(ret->bundle) && !memchr(path, '\0', size))
		memcpy(ret->bundle, path, size + 1);
}

int oci_state_parse(const char *text, size_t size, struct oci_state *ret,
		    char reason[OCI_REASON_SIZE])
{
	cleanup_with(cleanup_json) json_object *state = NULL;
	int r;

	r = oci_json_parse(text, size, &state, reason);
	if (r >= 0)
		r = take_id(state, ret, reason);
	if (r >= 0)
		r = take_pid(state, ret, reason);
	if (r >= 0)
		take_bundle(state, ret);
	return r;
}

int oci_name(const char *prefix, const char *id, char name[OCI_NAME_SIZE])
{
	size_t shown = strlen(id);
	int size;

	if (shown == ENGINE_ID_LEN && strspn(id, "0123456789abcdef") == shown)
		shown = ENGINE_ID_SHOWN;
	size = snprintf(name, OCI_NAME_SIZE, "%s%.*s", prefix, (int)shown, id);
	return size < 0 || size >= OCI_NAME_SIZE ? -ENAMETOOLONG : 0;
}
