// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "control-dict.h"
#include "control.h"
#include "text.h"

int append_text(sd_bus_message *reply, const char *key, const char *value)
{
	char text[CONTROL_TEXT_SIZE];

	text_utf8(value ?: "", text, sizeof(text));
	return sd_bus_message_append(reply, "{sv}", key, "s", text);
}

int append_escaped(sd_bus_message *reply, const char *key, const char *text)
{
	char escaped[CONTROL_TEXT_SIZE];

	text_escape(text ?: "", text ? strlen(text) : 0, escaped, sizeof(escaped));
	return append_text(reply, key, escaped);
}

int append_u32(sd_bus_message *reply, const char *key, uint32_t value)
{
	return sd_bus_message_append(reply, "{sv}", key, "u", value);
}

int append_u64(sd_bus_message *reply, const char *key, uint64_t value)
{
	return sd_bus_message_append(reply, "{sv}", key, "t", value);
}

int append_bool(sd_bus_message *reply, const char *key, bool value)
{
	return sd_bus_message_append(reply, "{sv}", key, "b", (int)value);
}

int open_value(sd_bus_message *reply, const char *key, const char *type)
{
	int ret;

	ret = sd_bus_message_open_container(reply, 'e', "sv");
	if (ret >= 0)
		ret = sd_bus_message_append(reply, "s", key);
	if (ret >= 0)
		ret = sd_bus_message_open_container(reply, 'v', type);
	return ret;
}

int close_value(sd_bus_message *reply)
{
	int ret = sd_bus_message_close_container(reply);

	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

int append_strv(sd_bus_message *reply, const char *key, char **value)
{
	char text[CONTROL_TEXT_SIZE];
	int ret;

	ret = open_value(reply, key, "as");
	if (ret >= 0)
		ret = sd_bus_message_open_container(reply, 'a', "s");
	for (; ret >= 0 && value && *value; value++) {
		text_utf8(*value, text, sizeof(text));
		ret = sd_bus_message_append(reply, "s", text);
	}
	if (ret >= 0)
		ret = sd_bus_message_close_container(reply);
	return ret < 0 ? ret : close_value(reply);
}
