#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: bookworm-nosys
#
# A-14: while the daemon holds more than 500 descriptors, a handler that lists its own finds those that are documented and
# no other, at each of many upcalls of each class; its directory is its root, its environment the kernel's.
# $1: how many upcalls of each class (default 100)

# shellcheck source=lib/setup.sh
. lib/setup.sh
rounds=${1:-100}
members=500

policy mirror <<'CONF'
[Match]
Name=user priv
[Core]
Handler=/usr/libexec/handler
[Key user]
Handler=/usr/libexec/handler
[Key dns_resolver]
Handler=/usr/libexec/handler
Answer=yes
CONF

start() {
	container_rootfs "$containers/$1/rootfs"
	cp mirror "$containers/$1/rootfs/usr/libexec/handler"
	check "$1 is registered" registered "$1" "$2"
}

daemon_fds() { find "/proc/$(systemctl show -p MainPID --value upcalld.service)/fd" -type l | wc -l; }

crowd_registered() {
	local pid number=0
	while read -r pid; do
		number=$((number + 1))
		upcallctl register "member-$number" --pid "$pid" >/dev/null || return
	done <crowd.pids
	[ "$number" = "$members" ]
}

# Lines that are equal are one, with their number.
mirrored() { sed 's/mirror[0-9]*/mirrorN/' "${root[$1]}/tmp/mirror" | sort | uniq -c | sed 's/^ *//'; }

key_environ='HOME=/ PATH=/sbin:/bin:/usr/sbin:/usr/bin'
expected() {
	echo "$rounds 0=null 1=null 2=null cwd=/ $key_environ"
	echo "$rounds 0=null 1=socket 2=null cwd=/ UPCALL_KEY_TYPE=dns_resolver UPCALL_KEY_DESCRIPTION=mirrorN.example"
	echo "$rounds 0=pipe 1=null 2=null cwd=/"
}

check 'the kernel has dns_resolver keys' modprobe dns_resolver
start user .
start priv "$(container_privileged)"
./crowd "$members" crowd.pids &
check 'a crowd is there' wait_for 60 test -e crowd.pids
check "$members more containers are registered" crowd_registered
for name in user priv; do
	for ((i = 0; i < rounds; i++)); do
		echo "key user mirror:$i c"
		echo "key dns_resolver mirror$i.example c"
		echo crash
	done | container_exec "$name" /bin/sh -c 'while read -r a b c d; do /bin/requester $a $b $c $d >/dev/null 2>&1; done'
	check_equal "$name: $rounds handlers of each class found what is documented" "$(expected | sort)" "$(mirrored "$name" | sort)"
done
check "meanwhile the daemon held its $members descriptors" test "$(daemon_fds)" -gt "$members"
summary
