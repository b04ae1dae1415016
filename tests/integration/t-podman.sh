#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# The way from README.md and upcallctl(1) to a container of podman with a core handler of its own, by their very commands,
# under podman's seccomp filter; and what becomes of it where that cannot be learned from its first process.

# shellcheck source=lib/setup.sh
. lib/setup.sh
container_uid=0

cat >/etc/upcalld.d/web.conf <<'CONF'
[Match]
Name=web-*

[Core]
Handler=/usr/libexec/save-core

[Key user]

[Key dns_resolver]
Handler=dns

[Module]
Allow=xt_* dummy
CONF
check 'the policy is taken' upcallctl reload
audit_expect_host '*' 'podman makes what it needs'

# start NAME OPTION…
start() {
	local name=$1
	shift
	root[$name]=$containers/$name/rootfs
	container_rootfs "${root[$name]}"
	handler_script "$name" /usr/libexec/save-core <<-'SH'
		#!/bin/sh
		cat >/cores/core
		grep ^Seccomp /proc/self/status >/cores/state
	SH
	podman run -d --name "$name" --network none "$@" --rootfs "${root[$name]}" /bin/sleep 2147483647 >podman.log 2>&1 ||
		{ cat podman.log && return 1; }
	upcallctl register "$name" --pid "$(podman inspect -f '{{.State.Pid}}' "$name")" --runtime podman
}

is_listed() { upcallctl list --json | jq -e --arg name "$1" 'any(.containers[]; .name == $name and .state == "live")' >/dev/null; }
is_gone() { ! is_listed "$1"; }
crash() { podman exec "$1" /bin/requester crash; }

check 'podman runs web-1, and it is registered' start web-1
check 'web-1 is on the list' is_listed web-1
check 'web-1 can be shown' upcallctl show web-1
check 'nothing is to be noted' grep -qx 'healthy, 0 notes' <<<"$(upcallctl doctor)"
check 'so far the audit is clean' audit_checkpoint
check 'exec: a command runs in it' upcallctl exec web-1 -- /bin/true
check 'test: a core is served' upcallctl test web-1 core
rm -f "${root[web-1]}/cores/core"
crash web-1
check 'its own handler has the core of a program that crashed' core_names "${root[web-1]}/cores/core" requester
check 'and the host has none' host_has_no_core
filters_of() { sed -n 's/^Seccomp\(_filters\)\?:\t//p' "$1" | xargs; }
check_equal "which has run under podman's filter" '2 1' "$(filters_of "${root[web-1]}/cores/state")"
check 'audited' audit_checkpoint

audit_expect_host '*' 'podman makes what it needs'
check 'podman runs web-2, and it is registered' start web-2
check 'so far the audit is clean' audit_checkpoint
# as a debugger would
strace -qq -o /dev/null -e trace=none -p "$(podman inspect -f '{{.State.Pid}}' web-2)" &
tracer=$!
is_traced() { grep -qx "TracerPid:	$tracer" "/proc/$(podman inspect -f '{{.State.Pid}}' web-2)/status"; }
check 'web-2: somebody traces its first process' wait_for 20 is_traced
check 'so far the audit is clean' audit_checkpoint
crash web-2
check 'web-2: its handler has not run' test ! -e "${root[web-2]}/cores/core"
check 'web-2: the host has none' host_has_no_core
check_equal 'web-2: its record says why' 'entry-failed seccomp' \
	"$(records 'UPCALL_RESULT + " " + .UPCALL_STEP' UPCALL_CONTAINER=web-2 | tail -n 1)"
check 'audited' audit_checkpoint
kill -TERM "$tracer"
wait "$tracer"
served() {
	crash web-2
	core_names "${root[web-2]}/cores/core" requester
}
check 'web-2: nobody does any more, and it has its core soon' wait_for 30 served
check_equal 'nothing is to be noted' '' "$(upcallctl doctor --json | jq -r '.findings[].id')"
# cannot be undone
echo 3 >/proc/sys/kernel/yama/ptrace_scope
check_equal 'nobody may trace anybody: doctor notes it' 'note container-seccomp web-1 note container-seccomp web-2' \
	"$(upcallctl doctor --json | jq -r '.findings[] | "\(.severity) \(.id) \(.subject)"' | sort | xargs)"

audit_expect_host '*' 'podman takes down what it made'
check 'web-1 stops' podman stop -t 0 web-1
check 'and is listed no longer' wait_for 20 is_gone web-1
check 'web-2 stops' podman rm -f -t 0 web-2
summary
