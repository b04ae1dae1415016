# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Upcalls of each class, all denied by policy, from a task that tries to get out; sourced in the guest.
#
#   everything WHAT COMMAND…  COMMAND is requester, or ends in it; nothing may run for it anywhere

refused() { grep -q "$1" <<<"$2"; }

everything() {
	local what=$1
	shift
	audit_checkpoint
	check "$what: key refused" refused EKEYREJECTED "$("$@" key user "escape:$RANDOM" c 2>&1)"
	check "$what: module refused" refused EAFNOSUPPORT "$("$@" socket 35 2>&1)"
	"$@" crash >/dev/null 2>&1
	check_equal "$what: the kernel ran nothing on the host" '' "$(audit_host_upcalls)"
	check_fails "$what: the module is not loaded" grep -q '^phonet ' /proc/modules
}
