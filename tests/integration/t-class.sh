#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# suites: bookworm trixie trixie-backports
#
# The class of an upcall is told by names of the kernel's own functions (kernel-shim/class.c), which a compiler may inline away
# and a new series call otherwise. Those that are static, and of the infrastructure that no policy may touch, are there by
# these names. That they are who calls is shown elsewhere, or, of DRBD, OCFS2 and nfsd, by reading.

# shellcheck source=lib/setup.sh
. lib/setup.sh
known=$(echo /usr/src/upcall-shim-*/kernel-shim/class.c)

# functions_of MODULE: names without what compilers append; "-": the kernel's own
functions_of() {
	awk -v module="[${1//-/_}]" '
		BEGIN { if (module == "[_]") module = "" }
		tolower($2) == "t" && $4 == module { sub(/\..*/, "", $3); print $3 }' /proc/kallsyms
}

entries=$(grep -oE '\{ "[a-z0-9_]+"' "$known" | cut -d'"' -f2)
knows() {
	local entry
	for entry in $entries; do
		[ "$1" = "$entry" ] && return
		[[ $entry = *_ && $1 = "$entry"* ]] && return
	done
	return 1
}

# named WHAT MODULE NAME…: a function of the module's, "-" for the kernel's, has one of these names, all of which class.c knows
named() {
	local what=$1 module=$2 name
	shift 2
	if [ "$module" != - ]; then
		modinfo "$module" >/dev/null 2>&1 || {
			skip "$what" "this kernel has no module $module"
			return
		}
		check "$what: module $module can be loaded" modprobe "$module"
	fi
	for name in "$@"; do check "$what: class.c knows $name" knows "$name"; done
	functions_of "$module" | grep -xFf <(printf '%s\n' "$@") >found
	check "$what: $(sort -u found | xargs)" test -s found
}

check 'class.c is there' test -s "$known"
check_fails 'what it does not know it does not know' knows call_usermodehelper
audit_expect_host '*' 'modules bring others'
named 'a core dump, by its init function' - umh_coredump_setup umh_pipe_setup
named 'a key, by its init function' - umh_keys_init
named 'a module, by its cleanup function' - free_modprobe_argv
named 'a release agent, by who calls' - cgroup1_release_agent
named 'bridge-stp, by who calls' bridge br_stp_call_user br_stp_set_enabled br_stp_start
named 'DRBD, by who calls for a device' drbd drbd_khelper
named 'DRBD, by who calls for a connection' drbd conn_khelper
named 'OCFS2, by who calls' ocfs2_stackglue ocfs2_leave_group ocfs2_cluster_disconnect
if [ "$(modprobe nfsd && functions_of nfsd | grep -c '^nfsd4_umh_')" != 0 ]; then
	named 'nfsd, by who calls' nfsd nfsd4_umh_cltrack_upcall
else
	skip 'nfsd, by who calls' 'this kernel keeps its clients without a helper'
fi
named 'nfsd, by who calls for a layout' nfsd nfsd4_cb_layout_fail
named 'power-off, by who calls' - run_cmd __orderly_poweroff poweroff_work_func
named 'reboot, by who calls' - run_cmd __orderly_reboot reboot_work_func
summary
