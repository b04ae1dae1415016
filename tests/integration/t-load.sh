#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
# needs: untraceable-shim
#
# A-65: where the module cannot have its hook, or may not be loaded, it says why and leaves nothing: no hook, no device, no
# family. Loaded twice; redirected by another already; the function missing, or one that ftrace cannot redirect; ftrace
# switched off; unsigned, in lockdown.

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
functions=/sys/kernel/tracing/enabled_functions
audit_expect_host '*' 'without the module whatever is asked for is the kernel'\''s own'

# Only this test loads it and opens its device.
systemctl mask --runtime -q upcalld-attach.service
hooked() { grep -q '^call_usermodehelper_exec ' "$functions"; }
has_family() { ./intruder family | grep -q '^family [0-9]'; }
unload() {
	systemctl stop upcalld-shim.socket upcalld.service
	wait_for 20 rmmod upcall_shim
}
load() { modprobe upcall_shim && wait_for 20 test -c /dev/upcall; }
# status_of COMMAND…: its exit status, its words in ./said
status_of() {
	local status=0
	"$@" >said 2>&1 || status=$?
	echo "$status"
}
# cannot WHAT WORDS [COMMAND…]: it is not loaded, and the kernel's log, from line $lines on, has these words
mark_log() { lines=$(dmesg | wc -l); }
says_why() { dmesg | tail -n +$((lines + 1)) | grep -q "$1"; }
cannot() {
	local -a how=("${@:3}")
	((${#how[@]})) || how=(modprobe upcall_shim)
	mark_log
	check_fails "$1: the module is not loaded" "${how[@]}"
	check "$1: the kernel's log says why" says_why "$2"
	nothing_of_it "$1"
	check_equal "$1: upcallctl status has a status of its own" 6 "$(status_of upcallctl status)"
	check "$1: and says it" grep -q '^module  *missing: ' said
}
nothing_of_it() {
	check_fails "$1: it is not there" grep -q '^upcall_shim ' /proc/modules
	check "$1: nor its device" test ! -e /dev/upcall
	check_fails "$1: nor its family" has_family
}

[ -d /sys/module/upcall_shim ] || modprobe upcall_shim
systemctl start upcalld-shim.socket
check_equal 'loaded once: it works' 0 "$(status_of upcallctl status)"
check 'loaded once: hooked' hooked

# --- loaded twice
file=$(modinfo -n upcall_shim)
case $file in *.xz) xz -dc "$file" ;; *) cat "$file" ;; esac >upcall_shim.ko
check_equal 'twice: refused' 1 "$(status_of insmod upcall_shim.ko)"
check 'twice: because it is there' grep -q 'File exists' said
# Another module that wants the same family.
LC_ALL=C sed 's/upcall_shim/upcall_twin/g' upcall_shim.ko >upcall_twin.ko
mark_log
check_equal 'twice, by another name: refused' 1 "$(status_of insmod upcall_twin.ko)"
check "twice, by another name: the kernel's log says why" says_why 'upcall_twin: cannot register'
check_equal 'twice: the first one works' 0 "$(status_of upcallctl status)"
check 'twice: and is hooked' hooked

# --- redirected by another: the same code, by names that do not collide
LC_ALL=C sed 's/upcall_shim/upcall_twin/g; s/\x00upcall\x00/\x00upcalk\x00/g' upcall_shim.ko >upcall_twin.ko
mark_log
check_equal 'redirected: a second one is refused' 1 "$(status_of insmod upcall_twin.ko)"
check "redirected: the kernel's log says why" says_why "upcall_twin: it is another's"
check_fails 'redirected: the second one is not there' grep -q '^upcall_twin ' /proc/modules
check_equal 'redirected: the first one works' 0 "$(status_of upcallctl status)"
check 'unloaded' unload
check_fails 'unloaded: not hooked' hooked
check_equal 'now the other one is loaded' 0 "$(status_of insmod upcall_twin.ko)"
check 'and has the hook (else the test proves nothing)' hooked
cannot 'redirected by another' "upcall_shim: it is another's"
check 'the other one goes' rmmod upcall_twin
check_fails 'nobody is hooked' hooked
check 'now it loads' load
check 'and hooks' hooked

# --- ftrace is switched off
check_fails 'loaded: ftrace cannot be switched off' sysctl -w kernel.ftrace_enabled=0
check 'loaded: the hook stays' hooked
check 'unloaded' unload
if sysctl -q -w kernel.ftrace_enabled=0; then
	cannot 'ftrace is off' 'upcall_shim: .* ftrace is off'
	sysctl -q -w kernel.ftrace_enabled=1
	check_fails 'ftrace is on again: not hooked' hooked
else
	skip 'ftrace is off' 'this kernel does not let it be switched off, though nobody uses it'
fi
check 'ftrace is on again: it loads' load
check 'ftrace is on again: and hooks' hooked
check 'unloaded' unload

# --- a kernel without the function, by name, and one in which ftrace cannot redirect it (notrace, or inlined)
LC_ALL=C sed 's/call_usermodehelper_exec\x00/call_usermodehelper_exex\x00/g' upcall_shim.ko >upcall_missing.ko
cannot 'no such function' 'upcall_shim: Unknown symbol call_usermodehelper_exex' insmod upcall_missing.ko
check_fails 'no such function: not hooked' hooked
cannot 'untraceable' 'upcall_shim: call_usermodehelper_exec() cannot be traced: -22' insmod untraceable-shim/upcall_shim.ko
check_fails 'untraceable: not hooked' hooked
check 'after both: it loads' load
check 'after both: and hooks' hooked
check 'unloaded' unload

# --- no trust in its signature; there is no way back from that
check_equal 'no lockdown until now' '[none] integrity confidentiality' "$(cat /sys/kernel/security/lockdown)"
echo integrity >/sys/kernel/security/lockdown
cannot 'lockdown' 'Lockdown: modprobe: unsigned module loading is restricted'
check 'lockdown: modprobe says that it may not' grep -q 'not permitted\|rejected' <<<"$(modprobe upcall_shim 2>&1)"
check_fails 'lockdown: not hooked' hooked
systemctl unmask --runtime -q upcalld-attach.service
summary
