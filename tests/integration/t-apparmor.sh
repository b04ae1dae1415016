#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
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
check 'confined is registered' registered confined '.process.apparmorProfile = "upcall-test-confined"'
check 'the container has the label' grep -q upcall-test-confined "/proc/${leader[confined]}/attr/apparmor/current"

# Decoys: a writable file over each path that a careless entry would write or read.
decoys() {
	container_exec confined /bin/sh -c '
		echo untouched >/tmp/decoy
		for path in /dev/null /proc/sys/kernel/core_pattern; do
			/bin/busybox mount -o bind /tmp/decoy $path 2>/dev/null
		done
		/bin/busybox mount -t tmpfs decoy /proc 2>/dev/null
		mkdir -p /proc/self/attr/apparmor /proc/thread-self/attr/apparmor
		for path in /proc/self/attr/exec /proc/self/attr/apparmor/exec /proc/thread-self/attr/apparmor/exec; do
			echo untouched >$path
		done' 2>&1
}

label_equal() { [ "$(cat "/proc/$handler/attr/apparmor/current")" = "$(cat "/proc/${leader[confined]}/attr/apparmor/current")" ]; }

try() {
	local what=$1
	shift
	rm -f "${root[confined]}/gate/open"
	container_exec confined /bin/requester "$@" >/dev/null 2>&1 &
	local requester=$!
	check "$what: a handler starts" handler_wait "${cgroup[confined]}" || return
	check "$what: it has the container's label" label_equal
	: >"${root[confined]}/gate/open"
	wait "$requester"
}

try key key user aa:1 c
try core crash
decoys
try 'key, with decoys' key user aa:2 c
check_equal 'the decoy is untouched' untouched "$(cat "${root[confined]}/tmp/decoy")"
check_fails 'no denial in normal operation' grep -q 'apparmor="DENIED"' <(dmesg)
summary
