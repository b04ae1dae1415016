/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between kernels, in one place. Feature tests where
 * there is something to test; a version only where there is not.
 */
#ifndef UPCALL_SHIM_COMPAT_H
#define UPCALL_SHIM_COMPAT_H

#include <linux/capability.h>
#include <linux/coredump.h>
#include <linux/ftrace.h>
#include <linux/sched/coredump.h>
#include <linux/sched/signal.h>
#include <linux/version.h>

#if !defined(CONFIG_DYNAMIC_FTRACE) || \
	!(defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS) || \
	  defined(CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS))
#error "upcall_shim needs dynamic ftrace with registers or arguments"
#endif

/* Without it nobody could be told to be able to wait: see hook.c. */
#ifndef CONFIG_PREEMPT_COUNT
#error "upcall_shim needs a kernel that counts preemption"
#endif

/*
 * struct mnt_namespace is private to fs/; its first member is the public
 * struct ns_common in every kernel so far, unless its layout is shuffled.
 */
#if defined(CONFIG_RANDSTRUCT) || defined(CONFIG_GCC_PLUGIN_RANDSTRUCT)
#error "upcall_shim cannot find the mount namespace's number with RANDSTRUCT"
#endif

/* Full registers are needed, and allowed, only where arguments alone are not had. */
#ifdef CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS
#define COMPAT_FTRACE_REGS 0
#else
#define COMPAT_FTRACE_REGS FTRACE_OPS_FL_SAVE_REGS
#endif

/*
 * 6.2 renamed the setter; both are macros or inlines, so there is no symbol to test.
 * Before that it did nothing, silently, where arguments alone are not had.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0) && !defined(CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS)
#define compat_ftrace_set_ip(fregs, ip) instruction_pointer_set(ftrace_get_regs(fregs), ip)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define compat_ftrace_set_ip(fregs, ip) ftrace_instruction_pointer_set(fregs, ip)
#else
#define compat_ftrace_set_ip(fregs, ip) ftrace_regs_set_instruction_pointer(fregs, ip)
#endif

/* Threads that run with borrowed credentials on somebody else's behalf. */
#ifdef PF_USER_WORKER
#define COMPAT_PF_WORKERS (PF_IO_WORKER | PF_USER_WORKER)
#else
#define COMPAT_PF_WORKERS PF_IO_WORKER
#endif

/* One word of 64 bits since 6.3, an array before. */
static inline u64 compat_cap_bits(kernel_cap_t set)
{
#ifdef _KERNEL_CAPABILITY_U32S
	return (u64)set.cap[1] << 32 | set.cap[0];
#else
	return set.val;
#endif
}

static inline kernel_cap_t compat_cap_set(u64 bits)
{
#ifdef _KERNEL_CAPABILITY_U32S
	return (kernel_cap_t){ .cap = { (u32)bits, (u32)(bits >> 32) } };
#else
	return (kernel_cap_t){ .val = bits };
#endif
}

/* Whether who dumped was dumpable, of the time it began to: 0, 1 or 2 as fs.suid_dumpable. */
static inline u32 compat_dump_mode(const struct coredump_params *params)
{
#ifdef SUID_DUMP_DISABLE
	return __get_dumpable(params->mm_flags);
#else
	/* a field of its own since 7.3, where these became an enum */
	return params->dumpable;
#endif
}

/*
 * A zombie whose whole group has ended is dead, reaped or not. Who watches wait_pidfd
 * has to look: a tracer is told of each thread's end, which is not the group's.
 */
static inline bool compat_group_ended(struct task_struct *leader)
{
	return READ_ONCE(leader->exit_state) && thread_group_empty(leader);
}

/* The status that wait(2) would report of a thread group that has ended. */
static inline int compat_exit_status(const struct task_struct *leader)
{
	if (leader->signal->flags & SIGNAL_GROUP_EXIT)
		return leader->signal->group_exit_code;
	return leader->exit_code;
}

#endif
