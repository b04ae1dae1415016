/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of a{sv}, the dictionaries that all answers of the control socket are
 * made of. Each returns what sd-bus does: a negative errno, and then the message
 * is of no use any more.
 */
#ifndef UPCALLD_CONTROL_DICT_H
#define UPCALLD_CONTROL_DICT_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/*
 * NULL: "". Others may have chosen it, such as the name of a cgroup: bytes that are
 * no UTF-8 would cost the reply, so they are escaped; what is too long is cut.
 */
int append_text(sd_bus_message *reply, const char *key, const char *value);
/* The same, but all that is not printable ASCII is escaped. */
int append_escaped(sd_bus_message *reply, const char *key, const char *text);
int append_u32(sd_bus_message *reply, const char *key, uint32_t value);
int append_u64(sd_bus_message *reply, const char *key, uint64_t value);
int append_bool(sd_bus_message *reply, const char *key, bool value);
int append_strv(sd_bus_message *reply, const char *key, char **value);

/* Open {key: <variant of type>}; close_value() closes it. */
int open_value(sd_bus_message *reply, const char *key, const char *type);
int close_value(sd_bus_message *reply);

#endif
