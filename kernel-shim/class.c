// SPDX-License-Identifier: GPL-2.0-only
/*
 * The class of an upcall
 *
 * Paths are settable by administrators (core_pattern, kernel.modprobe) and, in
 * a badly confined container, by others; so the class never comes from text. It
 * comes from the init and cleanup functions that the kernel's own code passed
 * and, where there are none, from the function that called; that one last,
 * because tracers replace return addresses. ATTACK: then a release agent or the
 * infrastructure would be anybody's, so it is looked for behind them. These
 * functions are static and not exported, so they are known by the names of their
 * addresses.
 *
 * call_usermodehelper() ends in a tail call, so its users appear as callers
 * themselves.
 */
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/umh.h>
#include <linux/workqueue.h>

#include "subject.h"

struct class_symbol {
	const char *name;
	enum upcall_class class;
	bool infrastructure;
	bool prefix; /* several functions begin with it */
};

static const struct class_symbol init_symbols[] = {
	{ "umh_coredump_setup", UPCALL_CLASS_CORE },
	{ "umh_pipe_setup", UPCALL_CLASS_CORE }, /* as it was called before %F */
	{ "umh_keys_init", UPCALL_CLASS_KEY },
};

static const struct class_symbol cleanup_symbols[] = {
	{ "free_modprobe_argv", UPCALL_CLASS_MODULE },
};

static const struct class_symbol caller_symbols[] = {
	{ "cgroup1_release_agent", UPCALL_CLASS_RELEASE_AGENT },
	{ "br_stp_", UPCALL_CLASS_OTHER, true, true },
	{ "drbd_", UPCALL_CLASS_OTHER, true, true },
	{ "conn_khelper", UPCALL_CLASS_OTHER, true },
	{ "ocfs2_", UPCALL_CLASS_OTHER, true, true },
	{ "nfsd4_", UPCALL_CLASS_OTHER, true, true },
	{ "run_cmd", UPCALL_CLASS_OTHER, true },
	{ "__orderly_poweroff", UPCALL_CLASS_OTHER, true },
	{ "__orderly_reboot", UPCALL_CLASS_OTHER, true },
	{ "poweroff_work_func", UPCALL_CLASS_OTHER, true },
	{ "reboot_work_func", UPCALL_CLASS_OTHER, true },
};

/* What returns to the caller in its place, where unwinding does not see through it. */
static const struct class_symbol tracer_symbols[] = {
	{ "bpf_trampoline_", .prefix = true },
	{ "return_to_handler" },
	{ "arch_rethook_trampoline" },
	{ "__kretprobe_trampoline" },
};

/* Compilers append ".part.0", ".isra.0" and the like, modules " [name]". */
static bool symbol_matches(const struct class_symbol *symbol, const char *text)
{
	size_t length = strlen(symbol->name);

	if (strncmp(text, symbol->name, length))
		return false;
	return symbol->prefix || !text[length] || text[length] == '.' || text[length] == ' ';
}

static const struct class_symbol *symbol_find(const struct class_symbol *symbols, size_t count,
					      unsigned long address)
{
	char text[KSYM_SYMBOL_LEN];
	size_t i;

	sprint_symbol_no_offset(text, address);
	for (i = 0; i < count; i++)
		if (symbol_matches(&symbols[i], text))
			return &symbols[i];
	return NULL;
}

static const struct class_symbol *caller_find(unsigned long address)
{
	return symbol_find(caller_symbols, ARRAY_SIZE(caller_symbols), address);
}

bool class_is_release_work(const struct work_struct *work)
{
	const struct class_symbol *symbol = caller_find((unsigned long)work->func);

	return symbol && symbol->class == UPCALL_CLASS_RELEASE_AGENT;
}

static bool is_tracer(unsigned long address)
{
	return symbol_find(tracer_symbols, ARRAY_SIZE(tracer_symbols), address);
}

/* The first that is neither of us nor a tracer's; 0: there is none. */
static unsigned long caller_behind_tracers(void)
{
	unsigned long frames[16];
	unsigned int count = stack_trace_save(frames, ARRAY_SIZE(frames), 0), i = 0;

	while (i < count && (within_module(frames[i], THIS_MODULE) || is_tracer(frames[i])))
		i++;
	return i < count ? frames[i] : 0;
}

/* -1: a call at a function's very end returns into the next one. */
static const struct class_symbol *caller_symbol(unsigned long caller)
{
	const struct class_symbol *symbol;
	const struct work_struct *work;

	/* a stack is only as good as who walks it, and a work may have freed itself */
	if (!is_tracer(caller))
		return caller_find(caller - 1);
	work = current_work();
	symbol = work ? caller_find((unsigned long)work->func) : NULL;
	return symbol ?: caller_find(caller_behind_tracers() - 1);
}

enum upcall_class class_of(const struct subprocess_info *info, unsigned long caller,
			   bool *infrastructure)
{
	const struct class_symbol *symbol = NULL;

	if (info->init)
		symbol = symbol_find(init_symbols, ARRAY_SIZE(init_symbols),
				     (unsigned long)info->init);
	else if (info->cleanup)
		symbol = symbol_find(cleanup_symbols, ARRAY_SIZE(cleanup_symbols),
				     (unsigned long)info->cleanup);
	else
		symbol = caller_symbol(caller);
	*infrastructure = symbol && symbol->infrastructure;
	return symbol ? symbol->class : UPCALL_CLASS_OTHER;
}
