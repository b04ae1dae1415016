// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "oci-state.h"

/* The state has three levels; json-c frees what is nested by recursion. */
#define DEPTH_MAX 16

#define ENGINE_ID_LEN	64
#define ENGINE_ID_SHOWN 12

#define ID_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-._"

static void cleanup_json(json_object **object)
{
	json_object_put(*object);
}

static void cleanup_tokener(json_tokener **tokener)
{
	if (*tokener)
		json_tokener_free(*tokener);
}

__attribute__((format(printf, 2, 3))) static int bad(char reason[OCI_REASON_SIZE],
						     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reason, OCI_REASON_SIZE, format, args);
	va_end(args);
	return -EBADMSG;
}

/* Strict: nothing behind the value. */
static int parse(const char *text, size_t size, json_object **ret, char reason[OCI_REASON_SIZE])
{
	cleanup_with(cleanup_tokener) json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);

	if (size > OCI_STATE_MAX)
		return bad(reason, "longer than %d bytes", OCI_STATE_MAX);
	if (!size)
		return bad(reason, "empty");
	/* json-c takes one for the end */
	if (memchr(text, '\0', size))
		return bad(reason, "a NUL byte");
	if (!tokener)
		return bad(reason, "out of memory");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*ret = json_tokener_parse_ex(tokener, text, (int)size);
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		return bad(reason, "no JSON: it ends within a value");
	if (json_tokener_get_error(tokener) != json_tokener_success)
		return bad(reason, "no JSON at byte %zu: %s", json_tokener_get_parse_end(tokener),
			   json_tokener_error_desc(json_tokener_get_error(tokener)));
	if (!json_object_is_type(*ret, json_type_object))
		return bad(reason, "no JSON object");
	return 0;
}

static int set_id(struct oci_state *ret, const char *id, size_t size, char reason[OCI_REASON_SIZE])
{
	if (!size || size > OCI_ID_MAX)
		return bad(reason, "id: %zu bytes, not 1 to %d", size, OCI_ID_MAX);
	/* a NUL ends the span, too */
	if (strspn(id, ID_BYTES) != size)
		return bad(reason, "id: byte %zu is none of letters, digits, '+', '-', '.' and '_'",
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
		return bad(reason, "id: missing");
	if (!json_object_is_type(value, json_type_string))
		return bad(reason, "id: no string");
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
		return bad(reason, "pid: no whole number");
	pid = json_object_get_int64(value); /* the nearest, of one that does not fit */
	if (pid < 0 || pid > INT32_MAX)
		return bad(reason, "pid: not from 0 to %d", INT32_MAX);
	ret->pid = (pid_t)pid;
	return 0;
}

int oci_state_parse(const char *text, size_t size, struct oci_state *ret,
		    char reason[OCI_REASON_SIZE])
{
	cleanup_with(cleanup_json) json_object *state = NULL;
	int r;

	r = parse(text, size, &state, reason);
	if (r >= 0)
		r = take_id(state, ret, reason);
	if (r >= 0)
		r = take_pid(state, ret, reason);
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
