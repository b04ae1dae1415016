/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON of an OCI runtime's, as far as we ask. Others have chosen parts of it. */
#ifndef UPCALL_OCI_JSON_H
#define UPCALL_OCI_JSON_H

#include <json-c/json.h>
#include <stddef.h>

/* An image's annotations are in it: 4 MiB, as engines bound them, each byte as \u00XX, and some. */
#define OCI_TEXT_MAX	33554432 /* bytes */
#define OCI_REASON_SIZE 192

/* Says what is wrong; -EBADMSG. */
__attribute__((format(printf, 2, 3))) int oci_bad(char reason[OCI_REASON_SIZE], const char *format,
						  ...);
/* An object and nothing behind it, for the caller to put; or -EBADMSG. */
int oci_json_parse(const char *text, size_t size, json_object **ret, char reason[OCI_REASON_SIZE]);
/* What *object has by that name, which has to be of that type. 0: *ret is NULL, there is none; or
 * -EBADMSG. */
int oci_json_get(json_object *object, const char *name, enum json_type type, json_object **ret,
		 char reason[OCI_REASON_SIZE]);

static inline void cleanup_json(json_object **object)
{
	json_object_put(*object);
}

#endif
