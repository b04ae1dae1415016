// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What Linux checks is checked here, too, where whoever registers can still be told: see
 * bpf_check_classic() and seccomp_check_filter(). That is not what makes it safe: Linux checks
 * again.
 *
 * ATTACK: a child of ours gives away what it has under the filter. One that answers errno 0
 * would have it believe that it did.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

#include "seccomp-code.h"

/* Offsets that may be loaded from are multiples of four, in struct seccomp_data. */
static bool load_is_valid(const struct sock_filter *insn)
{
	switch (insn->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return insn->k % sizeof(uint32_t) == 0 && insn->k < sizeof(struct seccomp_data);
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
		return true;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return insn->k < BPF_MEMWORDS;
	}
	return false;
}

static bool arithmetic_is_valid(const struct sock_filter *insn)
{
	const bool constant = BPF_SRC(insn->code) == BPF_K;

	if (insn->code & ~(BPF_CLASS(UINT16_MAX) | BPF_OP(UINT16_MAX) | BPF_SRC(UINT16_MAX)))
		return false;
	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_MUL:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		return true;
	case BPF_NEG:
		return constant;
	case BPF_DIV:
		return !constant || insn->k != 0;
	case BPF_LSH:
	case BPF_RSH:
		return !constant || insn->k < 32;
	}
	return false;
}

/* Forward only, and to what there is: `left` follow. */
static bool jump_is_valid(const struct sock_filter *insn, size_t left)
{
	switch (insn->code) {
	case BPF_JMP | BPF_JA:
		return insn->k < left;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_X:
		return insn->jt < left && insn->jf < left;
	}
	return false;
}

/* One that is computed could be anything. */
static int return_check(const struct sock_filter *insn)
{
	if (insn->code == (BPF_RET | BPF_A))
		return -EPERM;
	if (insn->code != (BPF_RET | BPF_K))
		return -EINVAL;
	if ((insn->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO &&
	    (insn->k & SECCOMP_RET_DATA) == 0)
		return -EPERM;
	return 0;
}

static int insn_check(const struct sock_filter *insn, size_t left)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		return load_is_valid(insn) ? 0 : -EINVAL;
	case BPF_ALU:
		return arithmetic_is_valid(insn) ? 0 : -EINVAL;
	case BPF_JMP:
		return jump_is_valid(insn, left) ? 0 : -EINVAL;
	case BPF_MISC:
		return insn->code == (BPF_MISC | BPF_TAX) || insn->code == (BPF_MISC | BPF_TXA) ?
			       0 :
			       -EINVAL;
	}
	return return_check(insn);
}

int seccomp_code_check(const struct sock_filter *code, size_t count, size_t *ret_at)
{
	int ret = 0;

	if (!count || count > BPF_MAXINSNS)
		return -E2BIG;
	for (*ret_at = 0; *ret_at < count; (*ret_at)++) {
		ret = insn_check(&code[*ret_at], count - *ret_at - 1);
		if (ret < 0)
			return ret;
	}
	*ret_at = count - 1;
	return BPF_CLASS(code[count - 1].code) == BPF_RET ? 0 : -EINVAL;
}
