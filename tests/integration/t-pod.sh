#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# A-69: containers that share namespaces, as in a pod: the network's; with those of IPC and host names; the pids', too; or the
# network of the host. Each one's cores, keys and modules are its own, in whichever order they were registered. A task that
# has nothing but their pid namespace is nobody's: refused, and recorded, in each order. One that has their network and nothing
# else of theirs is the host's, as any task that has its processes, users and mounts.

# shellcheck source=lib/setup.sh
. lib/setup.sh
# shellcheck source=lib/everything.sh
. lib/everything.sh

policy pod <<'CONF'
[Match]
Name=pod-*
[Core]
Handler=/usr/libexec/save-core
[Key user]
[Module]
CONF

prepare() {
	container_rootfs "$containers/$1/rootfs"
	handler_script "$1" /usr/libexec/save-core <<-'SH'
		#!/bin/sh
		cat >/cores/new && busybox mv /cores/new /cores/core
	SH
	handler_script "$1" /bin/answer <<-SH
		#!/bin/sh
		exec keyctl instantiate "\$1" "$1" "\$2"
	SH
	echo 'create user * * /bin/answer %k %S' >"$containers/$1/rootfs/etc/request-key.conf"
}
# joining PID TYPE…: a JQ-FILTER, of a container that has these namespaces of that process
joining() {
	local pid=$1 type file
	shift
	container_privileged
	for type in "$@"; do
		file=$type
		[ "$type" != network ] || file=net
		echo "| .linux.namespaces |= map(if .type == \"$type\" then .path = \"/proc/$pid/ns/$file\" else . end)"
	done
}
on_the_hosts_network() {
	echo "$(container_privileged) | .linux.namespaces |= map(select(.type != \"network\"))
		| .mounts |= map(select(.destination | startswith(\"/sys\") | not))"
}
key_by() { container_exec "$1" /bin/requester key user "pod:$RANDOM" c 2>&1 | sed -n 's/^payload //p'; }
# who has a core by now, of all
cores_of() {
	local name
	for name in "${names[@]}"; do
		[ ! -s "$containers/$name/rootfs/cores/core" ] || echo "$name"
	done | xargs
}
module_of() { upcallctl explain --pid "$(container_pid "$1")" --class module --json | jq -r .container; }
# each_its_own WHAT: of all that are registered
each_its_own() {
	local name
	for name in "${names[@]}"; do
		rm -f "$containers"/pod-*/rootfs/cores/*
		check_equal "$1: $name: its key is made inside" "$name" "$(key_by "$name")"
		container_exec "$name" /bin/requester crash >/dev/null 2>&1
		check "$1: $name: its core is saved" wait_for 20 test -s "$containers/$name/rootfs/cores/core"
		check_equal "$1: $name: by nobody else" "$name" "$(cores_of)"
		check "$1: $name: its module is refused" refused EAFNOSUPPORT "$(container_exec "$name" /bin/requester socket 35 2>&1)"
		check_equal "$1: $name: by its policy" "$name" "$(module_of "$name")"
	done
	check "$1: audited" audit_checkpoint
}
# in_each_order WHAT COMMAND…: COMMAND with what each order is called, of three
in_each_order() {
	local what=$1 order name
	shift
	for order in 'a b c' 'c b a' 'b a c'; do
		for name in $order; do
			check "$what, $order: pod-$name is registered" upcallctl register "pod-$name" --pid "$(container_pid "pod-$name")"
		done
		"$@" "$what, $order"
		for name in $order; do upcallctl unregister "pod-$name"; done
	done
}
# What a task asks for that has only what they share. nsenter ends of the signal that its child has died of.
outside() {
	# shellcheck disable=SC2016 # for the shell inside
	nsenter -t "$first" "${shared[@]}" sh -c '"$@"; exit $?' sh "$PWD/requester" "$@"
}
nobodys() {
	each_its_own "$1"
	everything "$1: a task of none" outside
	check "$1: and the record says why" grep -q '^several containers match' <<<"$(records UPCALL_REASON UPCALL_CLASS=key | tail -n 1)"
}
the_hosts() {
	each_its_own "$1"
	audit_expect_host /sbin/request-key 'the host asks'
	audit_expect_host /bin/keyctl 'what that becomes'
	audit_expect_host /usr/share/keyutils/request-key-debug.sh 'the same'
	check_fails "$1: a task of none has none of theirs" grep -q payload <<<"$(outside key user "pod:$RANDOM" c 2>&1)"
	check "$1: it is the host's" grep -qx /sbin/request-key <<<"$(audit_host_upcalls)"
	check "$1: audited, too" audit_checkpoint
}
# pod_of FILTER: b and c, with that
pod_of() {
	local name
	for name in b c; do
		check "pod-$name runs" container_start "pod-$name" "$1"
	done
}
stop_all() {
	local name
	for name in "$@"; do container_stop "pod-$name"; done
}

names=(pod-a pod-b pod-c)
for name in "${names[@]}"; do prepare "$name"; done
check 'pod-a runs' container_start pod-a "$(container_privileged)"
first=$(container_pid pod-a)

pod_of "$(joining "$first" network)"
shared=(-n)
in_each_order 'one network' the_hosts
stop_all b c

pod_of "$(joining "$first" network ipc uts)"
shared=(-n -i -u)
in_each_order 'as a pod' the_hosts
stop_all b c

pod_of "$(joining "$first" network ipc uts pid)"
shared=(-n -i -u -p)
in_each_order 'with one pid namespace' nobodys
stop_all b c a

for name in a b c; do
	check "pod-$name runs" container_start "pod-$name" "$(on_the_hosts_network)"
done
in_each_order "the host's network" each_its_own
stop_all a b c
summary
