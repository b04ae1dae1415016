#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: soak
# soak-suites: trixie trixie-backports
# initrd: integration/initrd
# boots: plain failing
# soak-boots: 50
#
# A-43: the module is in the initrd, upcalld only in the root file system. In the initrd a process crashes and the kernel needs
# a module, before ours is loaded and after (initrd/scripts/upcall-test): both times the kernel's own helpers run, and at once.
# The boot ends as any other, and not one upcall has been looked at, let alone waited for anybody. Then upcalld serves a container
# as ever; in the boot "failing", where it cannot start, the machine does without it.

# What the initrd has mounted at /run has no programs.
containers=/var/lib/upcall-containers
# shellcheck source=lib/setup.sh
. lib/setup.sh
boot=$1
seen=/run/upcall-initrd

check 'A-43: the initrd has left what it saw' test -e "$seen/with/loaded"
check_fails 'A-43: before: the module was not loaded' test -e "$seen/without/shim"
check 'A-43: after: it was, in the initrd' test -e "$seen/with/shim"
for when in without with; do
	check "A-43: $when: the kernel's own helper had the core" test "$(head -c 4 "$seen/$when/core")" = $'\x7fELF'
	check "A-43: $when: and loaded the module ($(cat "$seen/$when/autoload.out"))" test -s "$seen/$when/loaded"
done
# What is done in both was the same to the hundredth of a second, less what a slow machine makes of it.
for what in crash autoload; do
	added=$(($(cat "$seen/with/$what.took") - $(cat "$seen/without/$what.took")))
	check "A-43: $what: no wait was added ($((added * 10)) ms)" test "$added" -lt 100
done

# Nothing registered: an upcall that the module does no more than pass on is in none of them. One that waited is in "offered".
counted() {
	local class
	for class in 0 1 2 3 4; do ./shim-client counters $class | grep -v ' 0$'; done
}
check_equal 'A-43: up to here the module has judged no upcall' '' "$(counted)"
check 'A-43: the boot has reached its target' systemctl is-active multi-user.target
check_equal 'A-43: nothing of it is left to do' '' "$(systemctl list-jobs --no-legend)"
check_equal 'A-43: nothing has failed' '' "$(systemctl --failed --no-legend --plain)"
check 'A-43: PID 1 has the device, whoever loaded the module' systemctl is-active upcalld-shim.socket
systemd-analyze

served() {
	policy web <<-'CONF'
		[Match]
		Name=web
		[Key user]
		Handler=/usr/libexec/told
	CONF
	container_rootfs "$containers/web/rootfs"
	install -o "$container_uid" -g "$container_uid" told "$containers/web/rootfs/usr/libexec/told"
	check 'A-43: a container is registered' registered web
	: >"${root[web]}/gate/open"
	check_equal 'A-43: and served' 'payload hello' "$(request web told:0:hello | head -n 1)"
}

# The host's upcalls, with nobody there.
native() {
	check_fails 'A-43: upcalld does not start' systemctl start upcalld.service
	audit_expect_host /sbin/modprobe "the host's own"
	audit_expect_host '*/systemd-coredump' "the host's own"
	./requester socket 35 >/dev/null
	check 'A-43: the module is loaded' grep -q '^phonet ' /proc/modules
	./requester crash
	check 'A-43: the core is taken' wait_for 60 coredumpctl -q info COREDUMP_COMM=requester
	check_equal 'A-43: and the module has judged nothing' '' "$(counted)"
}

case $boot in
plain) served ;;
failing) native ;;
*) not_ok "no such boot: $boot" ;;
esac
summary
