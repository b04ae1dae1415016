// SPDX-License-Identifier: GPL-2.0-or-later
#include <fnmatch.h>
#include <libkmod.h>
#include <stddef.h>

#include "cleanup.h"
#include "modules.h"

static bool fits(char *const *patterns, const char *name)
{
	for (; patterns && *patterns; patterns++)
		if (!fnmatch(*patterns, name, 0))
			return true;
	return false;
}

static void cleanup_list_(struct kmod_list **list)
{
	kmod_module_unref_list(*list);
}

/* "no configuration files": an administrator's blacklist binds modprobe, which comes after us. */
static struct kmod_ctx *context_of(struct modules *modules)
{
	static const char *const none = NULL;

	if (modules->context)
		return modules->context;
	modules->context = kmod_new(NULL, &none);
	if (modules->context)
		(void)kmod_load_resources(modules->context);
	return modules->context;
}

bool modules_allow(struct modules *modules, char *const *patterns, const char *request)
{
	cleanup_with(cleanup_list_) struct kmod_list *list = NULL;
	struct kmod_list *entry;
	struct kmod_ctx *context;
	bool allowed = true;

	if (!patterns)
		return false;
	if (fits(patterns, request))
		return true;
	context = context_of(modules);
	if (!context || kmod_module_new_from_lookup(context, request, &list) < 0)
		return false;
	/* all of them: modprobe loads all of them */
	kmod_list_foreach(entry, list)
	{
		struct kmod_module *module = kmod_module_get_module(entry);

		allowed = allowed && fits(patterns, kmod_module_get_name(module));
		kmod_module_unref(module);
	}
	return list && allowed;
}

void modules_close(struct modules *modules)
{
	if (modules->context)
		kmod_unref(modules->context);
	modules->context = NULL;
}
