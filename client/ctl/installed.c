// SPDX-License-Identifier: GPL-2.0-or-later
#include <libkmod.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "installed.h"

#define MODULE "upcall_shim"

static void cleanup_context_(struct kmod_ctx **context)
{
	kmod_unref(*context);
}

static void cleanup_module_(struct kmod_module **module)
{
	kmod_module_unref(*module);
}

static void cleanup_info_(struct kmod_list **info)
{
	kmod_module_info_free_list(*info);
}

static void ignore(void *data, int priority, const char *file, int line, const char *function,
		   const char *format, va_list arguments)
{
	(void)data, (void)priority, (void)file, (void)line, (void)function, (void)format;
	(void)arguments;
}

void installed_module_version(char *ret, size_t size)
{
	static const char *const no_configuration = NULL;
	cleanup_with(cleanup_context_) struct kmod_ctx *context = kmod_new(NULL, &no_configuration);
	cleanup_with(cleanup_module_) struct kmod_module *module = NULL;
	cleanup_with(cleanup_info_) struct kmod_list *info = NULL;
	struct kmod_list *entry;

	*ret = '\0';
	if (!context)
		return;
	/* that there is none is for us to say */
	kmod_set_log_fn(context, ignore, NULL);
	if (kmod_module_new_from_name(context, MODULE, &module) < 0 ||
	    kmod_module_get_info(module, &info) < 0)
		return;
	kmod_list_foreach(entry, info) if (!strcmp(kmod_module_info_get_key(entry), "version"))(
		void) snprintf(ret, size, "%s", kmod_module_info_get_value(entry));
}
