// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "oci-json.h"

/* What we ask for has no more than eight levels; json-c frees what is nested by recursion. */
#define DEPTH_MAX 16

static void cleanup_tokener(json_tokener **tokener)
{
	if (*tokener)
		json_tokener_free(*tokener);
}

int oci_bad(char reason[OCI_REASON_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reason, OCI_REASON_SIZE, format, args);
	va_end(args);
	return -EBADMSG;
}

/* Strict: nothing behind the value. */
int oci_json_parse(const char *text, size_t size, json_object **ret, char reason[OCI_REASON_SIZE])
{
	cleanup_with(cleanup_tokener) json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);

	if (size > OCI_TEXT_MAX)
		return oci_bad(reason, "longer than %d bytes", OCI_TEXT_MAX);
	if (!size)
		return oci_bad(reason, "empty");
	/* json-c takes one for the end */
	if (memchr(text, '\0', size))
		return oci_bad(reason, "a NUL byte");
	if (!tokener)
		return oci_bad(reason, "out of memory");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*ret = json_tokener_parse_ex(tokener, text, (int)size);
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		return oci_bad(reason, "no JSON: it ends within a value");
	if (json_tokener_get_error(tokener) != json_tokener_success)
		return oci_bad(reason, "no JSON at byte %zu: %s",
			       json_tokener_get_parse_end(tokener),
			       json_tokener_error_desc(json_tokener_get_error(tokener)));
	if (!json_object_is_type(*ret, json_type_object))
		return oci_bad(reason, "no JSON object");
	return 0;
}

int oci_json_get(json_object *object, const char *name, enum json_type type, json_object **ret,
		 char reason[OCI_REASON_SIZE])
{
	*ret = NULL;
	if (!json_object_object_get_ex(object, name, ret) || !*ret)
		return 0;
	if (json_object_is_type(*ret, type))
		return 0;
	*ret = NULL;
	return oci_bad(reason, "%s: no %s", name, json_type_to_name(type));
}
