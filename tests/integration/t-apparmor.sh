#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: bookworm-nosys
#
# A-17 (AppArmor): the handler's label is the container's, also where the container has mounted decoys over what a host
# process might read inside.

# shellcheck source=lib/setup.sh
. lib/setup.sh
handler=""

policy confined <<'CONF'
[Match]
Name=confined
[Core]
Handler=/usr/libexec/handler
[Key user]
Handler=/usr/libexec/handler
CONF

cat >/run/upcall-confined.apparmor <<'PROFILE'
profile upcall-test-confined flags=(attach_disconnected,mediate_deleted) {
  file,
  network,
  capability,
  mount,
  umount,
  signal,
  ptrace,
  unix,
  deny /proc/sysrq-trigger w,
}
PROFILE
check 'the profile is loaded' apparmor_parser -r /run/upcall-confined.apparmor

container_rootfs "$containers/confined/rootfs"
cp gate "$containers/confined/rootfs/usr/libexec/handler"
# CAP_SYS_ADMIN: it is to mount decoys.
check 'confined is registered' registered confined '.process.apparmorProfile = "upcall-test-confined"
	| .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
check 'the container has the label' grep -q upcall-test-confined "/proc/${leader[confined]}/attr/apparmor/current"

# Decoys: a writable file over each path that a careless entry would write or read. Then the upcall, from the same
# process: a runtime would not enter a container with such a /proc any more.
decoys_and_key() {
	container_exec confined /bin/sh -c '
		echo untouched >/tmp/decoy
		/bin/busybox mount -t tmpfs decoy /proc || exit
		mkdir -p /proc/self/attr/apparmor /proc/thread-self/attr/apparmor
		for path in /proc/self/attr/exec /proc/self/attr/apparmor/exec /proc/thread-self/attr/apparmor/exec; do
			echo untouched >$path
		done
		# last, because a shell writes to it
		/bin/busybox mount -o bind /tmp/decoy /dev/null || exit
		exec /bin/requester key user aa:2 c' >decoys.log 2>&1
}

# All decoys, as the container sees them.
decoys_text() {
	local path
	for path in dev/null proc/self/attr/exec proc/self/attr/apparmor/exec proc/thread-self/attr/apparmor/exec; do
		cat "/proc/${leader[confined]}/root/$path"
	done | sort | uniq -c | sed 's/^ *//'
}

label_equal() { [ "$(cat "/proc/$handler/attr/apparmor/current")" = "$(cat "/proc/${leader[confined]}/attr/apparmor/current")" ]; }

try() {
	local what=$1
	shift
	rm -f "${root[confined]}/gate/open"
	"$@" >/dev/null 2>&1 &
	local requester=$!
	check "$what: a handler starts" handler_wait "${cgroup[confined]}" || return
	check "$what: it has the container's label" label_equal
	: >"${root[confined]}/gate/open"
	wait "$requester"
}

try key container_exec confined /bin/requester key user aa:1 c
try core container_exec confined /bin/requester crash
try 'key, with decoys' decoys_and_key
check_equal 'the decoys are there, and untouched' '4 untouched' "$(decoys_text)"
check_fails 'no denial in normal operation' grep -q 'apparmor="DENIED"' <(dmesg)
summary
