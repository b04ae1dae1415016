# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What most tests begin with; sourced in the guest by t-*.sh.
#
#   policy NAME <<CONF             writes /etc/upcalld.d/NAME.conf and reloads
#   registered NAME [JQ-FILTER [OPTION…]]  starts a container and registers it, with options of upcallctl's; its leader is
#                                  ${leader[NAME]}, its cgroup ${cgroup[NAME]}, its root ${root[NAME]}
#   handler_script NAME PATH <<SH  a program in the container's root
#   answering NAME                 a policy and a root by which the container's own request-key makes every user key, with the
#                                  payload "served"
#   request NAME DESCRIPTION       request_key(2) for a user key in the container; prints requester's output
#   records FIELD [MATCH…]         that field of the journal's records of upcalls, newest last, or "null"; or jq's expression
#                                  of several
#   now_ms                         milliseconds
#   twins_registered               two containers, twin-a and twin-b, that only their mount and network namespaces tell
#                                  apart; "${in_twin[@]}" COMMAND is a task with others, and killing $outer ends all
#   raise_key_quotas               for thousands of keys: the kernel collects those of who has ended only later

# shellcheck source=../../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
# shellcheck source=container.sh
. lib/container.sh
# shellcheck source=where.sh
. lib/where.sh
# shellcheck source=nosys.sh
. lib/nosys.sh

declare -A leader cgroup root

policy() {
	cat >"/etc/upcalld.d/$1.conf"
	upcallctl reload
}

registered() {
	local name=$1
	container_start "$name" "${2:-.}" || return
	leader[$name]=$(container_pid "$name")
	cgroup[$name]=$(container_cgroup "$name")
	root[$name]=$containers/$name/rootfs
	upcallctl register "$name" --pid "${leader[$name]}" "${@:3}"
}

handler_script() {
	local file=$containers/$1/rootfs$2
	mkdir -p "$(dirname "$file")"
	cat >"$file"
	chmod 755 "$file"
	chown "$container_uid:$container_uid" "$file"
}

answering() {
	policy "$1" <<-CONF
		[Match]
		Name=$1
		[Key user]
	CONF
	container_rootfs "$containers/$1/rootfs"
	handler_script "$1" /bin/answer <<-'SH'
		#!/bin/sh
		exec keyctl instantiate "$1" served "$2"
	SH
	echo 'create user * * /bin/answer %k %S' >"$containers/$1/rootfs/etc/request-key.conf"
}

request() { container_exec "$1" /bin/requester key user "$2" callout 2>&1; }

# jq takes a second to start where the processor is emulated, and most want a field as it is.
records() {
	local field=$1
	shift
	case $field in
	*[!A-Z_]*) ;;
	*)
		journalctl -b --no-pager -q -o export --output-fields="UPCALL_ID,$field" "$@" _SYSTEMD_UNIT=upcalld.service |
			awk -v field="$field=" '
				function finish() { if (id) print value; id = 0; value = "null" }
				BEGIN { value = "null" }
				/^$/ { finish() }
				index($0, "UPCALL_ID=") == 1 { id = 1 }
				index($0, field) == 1 { value = substr($0, length(field) + 1) }
				END { finish() }'
		return
		;;
	esac
	journalctl -b --no-pager -q -o json "$@" _SYSTEMD_UNIT=upcalld.service | jq -r "select(.UPCALL_ID) | .$field"
}

raise_key_quotas() {
	local name
	for name in maxkeys maxbytes root_maxkeys root_maxbytes; do echo 20000000 >"/proc/sys/kernel/keys/$name"; done
}

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# The last word of requester's output: how long the call took.
took_ms() { sed -n 's/.* ms=//p' <<<"$1"; }

no_leaves() { [ -d "${cgroup[$1]}" ] && [ -z "$(find "${cgroup[$1]}" -name 'upcall-*' 2>/dev/null)" ]; }

# twin_is_there NAME PARENT
twin_is_there() { leader[$1]=$(pgrep -P "$2" -x sleep); }

twins_registered() {
	unshare -U -r -p -m -n -i -u -f --mount-proc --kill-child sleep 2147483647 &
	outer=$!
	wait_for 10 twin_is_there twin-a "$outer"
	in_twin=(nsenter -t "${leader[twin-a]}" -U -p --preserve-credentials unshare -m -n)
	"${in_twin[@]}" sleep 2147483647 &
	wait_for 10 twin_is_there twin-b "$!"
	mkdir /sys/fs/cgroup/twin-b
	echo "${leader[twin-b]}" >/sys/fs/cgroup/twin-b/cgroup.procs
	check 'twin-a is registered' upcallctl register twin-a --pid "${leader[twin-a]}"
	check 'twin-b is registered' upcallctl register twin-b --pid "${leader[twin-b]}" --cgroup /twin-b
}
