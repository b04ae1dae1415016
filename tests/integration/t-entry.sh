#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-nosys
#
# What a handler finds itself in, read from the host's /proc while it runs:
#   A-14  descriptors: 0, 1, 2 (and 3 for a core's pidfd), none that leads to the host; cwd and environment
#   A-18  ids, groups, capabilities, no_new_privs, seccomp as the container's; also with a reduced usermodehelper/bset
#   A-70  no controlling terminal, a session of its own, umask 022
# each for a container with and without a user namespace.

# shellcheck source=lib/setup.sh
. lib/setup.sh
handler=""

policy all <<'CONF'
[Match]
Name=*
[Core]
Handler=/usr/libexec/handler
[Key user]
Handler=/usr/libexec/handler
CONF

status_of() { awk -v key="$1:" '$1 == key { $1 = ""; sub(/^ /, ""); print }' "/proc/$handler/status"; }

# Descriptors 0 to 2 only, each a null device that is not the host's file or, for a core, a pipe.
# With %F in core_pattern the kernel hands over who dumps: a process of the container, which dies.
pidfd_is_the_dumpers() {
	local pid
	pid=$(sed -n 's/^Pid:\t//p' "/proc/$handler/fdinfo/3")
	echo "fd 3 is a pidfd of process $pid"
	grep -q %F /proc/sys/kernel/core_pattern && [ "$(cat "/proc/$pid/comm")" = requester ] &&
		[ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink "/proc/${leader[$name]}/ns/pid")" ]
}

fds_are_plain() {
	local fd target
	for fd in /proc/"$handler"/fd/*; do
		target=$(readlink "$fd")
		[ "$(stat -Lc '%t:%T' "$fd")" != 1:3 ] || target=null
		[ "$(stat -Lc '%d:%i' "$fd")" != "$(stat -c '%d:%i' /dev/null)" ] || target="the host's null"
		case ${fd##*/}:$target in
		[012]:null | 0:pipe:* | [0-9]*:/usr/libexec/handler) ;;
		3:anon_inode:\[pidfd\] | 3:pidfd:*) pidfd_is_the_dumpers || return ;;
		*)
			echo "fd ${fd##*/} is $target"
			return 1
			;;
		esac
	done
}

caps_within() {
	local bound=$((16#$(status_of CapBnd))) outer=$((16#$(awk '/^CapBnd/ { print $2 }' "/proc/$1/status")))
	echo "handler $bound container $outer"
	[ $((bound & ~outer)) = 0 ]
}

# session, terminal: fields 6 and 7 of stat, behind the command's closing parenthesis
stat_field() { sed 's/.*) //' "/proc/$handler/stat" | cut -d' ' -f"$(($1 - 2))"; }

look() {
	local name=$1 what=$2 uid=$3
	check "$what: only its own descriptors (A-14)" fds_are_plain
	check_equal "$what: cwd is the container's root (A-14)" "$(stat -Lc %d:%i "/proc/${leader[$name]}/root")" \
		"$(stat -Lc %d:%i "/proc/$handler/cwd")"
	check_equal "$what: root is the container's root (A-14)" "$(stat -Lc %d:%i "/proc/${leader[$name]}/root")" \
		"$(stat -Lc %d:%i "/proc/$handler/root")"
	check_equal "$what: its ids are the container's root (A-18)" "$uid $uid $uid $uid" "$(status_of Uid | tr '\t' ' ')"
	check_equal "$what: no supplementary groups (A-18)" '' "$(status_of Groups | tr -d ' ')"
	check_equal "$what: nothing inheritable (A-18)" 0000000000000000 "$(status_of CapInh)"
	check_equal "$what: nothing ambient (A-18)" 0000000000000000 "$(status_of CapAmb)"
	check "$what: its bounding set is within the container's (A-18)" caps_within "${leader[$name]}"
	check_equal "$what: no_new_privs as the leader's (A-18)" \
		"$(awk '/^NoNewPrivs/ { print $2 }' "/proc/${leader[$name]}/status")" "$(status_of NoNewPrivs)"
	check_equal "$what: no signal is blocked or ignored" '0000000000000000 0000000000000000' \
		"$(status_of SigBlk) $(status_of SigIgn)"
	check_equal "$what: umask 022 (A-70)" 0022 "$(status_of Umask)"
	check_equal "$what: no terminal (A-70)" 0 "$(stat_field 7)"
	check_equal "$what: a session of its own (A-70)" "$handler" "$(stat_field 6)"
	check_equal "$what: no core of its own" 1 "$(awk '/^Max core file size/ { print $5 }' "/proc/$handler/limits")"
	check_equal "$what: first to be killed for memory" 1000 "$(cat "/proc/$handler/oom_score_adj")"
}

environment() { tr '\0' '\n' <"/proc/$handler/environ" | sort | paste -sd' '; }

try() {
	local name=$1 what=$2 uid=$3 environ=$4
	shift 4
	rm -f "${root[$name]}/gate/open"
	container_exec "$name" /bin/requester "$@" >/dev/null 2>&1 &
	local requester=$!
	check "$name, $what: a handler starts" handler_wait "${cgroup[$name]}" || return
	look "$name" "$name, $what" "$uid"
	check_equal "$name, $what: the kernel's environment and nothing else (A-14)" "$environ" "$(environment)"
	: >"${root[$name]}/gate/open"
	wait "$requester"
}

start() {
	container_rootfs "$containers/$1/rootfs"
	# A static program and no shell: a shell would add to its environment's picture and open its script.
	mkdir -p "$containers/$1/rootfs/usr/libexec"
	cp gate "$containers/$1/rootfs/usr/libexec/handler"
	check "$1 is registered" registered "$1" "$2"
}

key_environ='HOME=/ PATH=/sbin:/bin:/usr/sbin:/usr/bin'
start user .
start priv "$(container_privileged)"
try user key "$container_uid" "$key_environ" key user d:1 c
try user core "$container_uid" '' crash
try priv key 0 "$key_environ" key user d:2 c
try priv core 0 '' crash

# CAP_KILL (5) is in the privileged container's set; without it in bset no handler may have it.
echo "4294967263 511" >/proc/sys/kernel/usermodehelper/bset
try priv 'reduced bset' 0 "$key_environ" key user d:3 c
rm -f "${root[priv]}/gate/open"
container_exec priv /bin/requester key user d:4 c >/dev/null 2>&1 &
check 'reduced bset: a handler starts' handler_wait "${cgroup[priv]}"
check_equal 'reduced bset: its bounding set lacks what bset lacks (A-18)' 0 $((16#$(status_of CapBnd) & 32))
: >"${root[priv]}/gate/open"
wait
check 'nothing is left behind' wait_for 10 no_leaves priv

# A controller of version 1, and the leader in another cgroup of it than the worker: its limits would not hold.
last_record() { records "$1" UPCALL_CONTAINER=user | tail -n 1; }
ended() { [ "$(last_record UPCALL_RESULT)/$(last_record UPCALL_STEP)" = "$1" ]; }
ask() { container_exec user /bin/requester key user "$1" c >/dev/null 2>&1; }

v1=/run/v1
mkdir $v1
check 'version 1: a hierarchy is mounted' mount -t cgroup -o net_prio none $v1
mkdir $v1/limits
: >"${root[user]}/gate/open"
echo "${leader[user]}" >$v1/limits/cgroup.procs
ask v1:elsewhere
check 'version 1: refused in another cgroup of it, and the record says so' wait_for 10 ended entry-failed/cgroup
echo "${leader[user]}" >$v1/cgroup.procs
ask v1:same
check 'version 1: served in the same one' wait_for 10 ended served/null
rmdir $v1/limits
umount $v1
summary
