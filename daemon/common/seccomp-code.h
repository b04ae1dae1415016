/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A seccomp filter of somebody else's, as instructions of classic BPF. */
#ifndef UPCALL_SECCOMP_CODE_H
#define UPCALL_SECCOMP_CODE_H

#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <stddef.h>

/*
 * Would Linux take it, as far as one instruction and where it jumps to can tell, and can what runs
 * under it believe a call that did not fail? 0; -E2BIG: none, or more than BPF_MAXINSNS; -EINVAL:
 * an instruction that is none; -EPERM: one that makes a call succeed that was not done. Of the last
 * two *ret_at is the first.
 */
int seccomp_code_check(const struct sock_filter *code, size_t count, size_t *ret_at);

#endif
