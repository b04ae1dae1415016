// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <string.h>

#include "stands-for.h"

#define NETWORK "network"
#define NOBODY	"nobody"
#define PROCESS "process"

/*
 * Types whose keys Linux tags with a network namespace (KEY_TYPE_NET_DOMAIN), and those that it
 * asks for itself, into a cache that is the whole machine's. All others are a process's own.
 */
static const struct {
	const char *key_type;
	const char *word;
} types[] = {
	{ "dns_resolver", NETWORK }, { "psk", NETWORK },       { "rxrpc", NETWORK },
	{ "rxrpc_s", NETWORK },	     { "cifs.idmap", NOBODY }, { "cifs.spnego", NOBODY },
	{ "id_resolver", NOBODY },
};

static const struct {
	const char *word;
	const char *meaning;
} meanings[] = {
	{ NETWORK,
	  "the network namespace that the key is for, if one container alone has it, as for what a mount needs; else the process, where it asks by request_key(2)" },
	{ NOBODY,
	  "nobody, where the kernel asks for itself: its cache is the whole machine's; the process, where it asks by request_key(2)" },
	{ PROCESS, "the process that asks" },
};

const char *stands_for(const char *class_name, const char *key_type)
{
	if (!strcmp(class_name, "release-agent"))
		return "cgroup";
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(class_name, "key") && !strcmp(types[i].key_type, key_type))
			return types[i].word;
	return PROCESS;
}

const char *stands_for_meaning(const char *word)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (!strcmp(meanings[i].word, word))
			return meanings[i].meaning;
	return word;
}
