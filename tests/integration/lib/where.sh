# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where a handler runs, read from the host's /proc while it runs, and where a core went; sourced in the guest.
#
#   handler_wait CGROUP [SECONDS]  waits for a process in a leaf "upcall-ID" below CGROUP; sets $handler to its pid
#   handler_inside PID LEADER      is it in the leader's pid, mnt, net, user, uts, ipc and cgroup namespaces?
#   handler_idmap PID LEADER       the same uid map, and its uid is the container's root
#   handler_parent_is_worker PID NAME  its parent runs in the unit of NAME's worker, in the host's mount namespace
#   handler_describe PID           one line for people
#   core_names FILE PROGRAM        waits for FILE; it is a core of PROGRAM's
#   host_has_no_core               systemd-coredump has got none since boot

# shellcheck disable=SC2034  # for who sources this
handler=''

# A process that has not yet entered (the worker's child) has the worker's executable, which is sealed memory: not yet
# the handler.
handler_find() {
	local procs pid
	for procs in "$1"/upcall-*/cgroup.procs; do
		[ -r "$procs" ] || continue
		while read -r pid; do
			case $(readlink "/proc/$pid/exe") in
			'' | */memfd:upcall-worker*) ;;
			*)
				handler=$pid
				return 0
				;;
			esac
		done <"$procs"
	done
	return 1
}

handler_wait() {
	handler=''
	wait_for "${2:-20}" handler_find "$1"
}

handler_inside() {
	local ns
	for ns in pid mnt net user uts ipc cgroup; do
		if [ "$(readlink "/proc/$1/ns/$ns")" != "$(readlink "/proc/$2/ns/$ns")" ]; then
			echo "its $ns namespace is $(readlink "/proc/$1/ns/$ns"), the container's $(readlink "/proc/$2/ns/$ns")"
			return 1
		fi
	done
}

handler_idmap() {
	[ "$(cat "/proc/$1/uid_map")" = "$(cat "/proc/$2/uid_map")" ] || return
	[ "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$1/status")" = "$(awk '{ print $2, $2, $2, $2; exit }' "/proc/$2/uid_map")" ]
}

handler_parent() { awk '/^PPid:/ { print $2 }' "/proc/$1/status"; }

handler_parent_is_worker() {
	local parent
	parent=$(handler_parent "$1")
	grep -q "/upcall-worker@$2.service" "/proc/$parent/cgroup" &&
		[ "$(readlink "/proc/$parent/ns/mnt")" = "$(readlink /proc/1/ns/mnt)" ] && return
	echo "its parent is $parent: $(readlink "/proc/$parent/exe") in $(cat "/proc/$parent/cgroup")"
	return 1
}

handler_describe() {
	echo "$(readlink "/proc/$1/exe") uid $(awk '/^Uid:/ { print $2 }' "/proc/$1/status") $(sed -n 's/^0:://p' "/proc/$1/cgroup")"
}

core_names() {
	wait_for 20 test -s "$1" && eu-readelf -n "$1" | grep -q "fname: $2"
}

host_has_no_core() {
	[ -z "$(find /var/lib/systemd/coredump -type f 2>/dev/null)" ] &&
		! journalctl -b --no-pager -q MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1 | grep -q .
}
