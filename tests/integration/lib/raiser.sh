# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tests of the module with tests/kmod share: source it. upcalld is masked, and both modules are loaded; then $device is
# the raiser's, $parameters are the module's, and one container, "web", is registered: $leader, $cgroup. All that it raises is offered.

# shellcheck source=../../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
device=/dev/upcall-raiser
parameters=/sys/module/upcall_shim/parameters
cgroup=/sys/fs/cgroup/raising

# Masked: the module's device would start them again.
systemctl mask --runtime --now upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null
[ -d "$parameters" ] || modprobe upcall_shim
wait_for 10 test -c /dev/upcall
# init() takes its time, so that all the rest can meet it.
check 'the raiser loads' insmod ./upcall_raiser.ko init_ms=50
wait_for 10 test -c "$device"

unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 2>/dev/null &
find_leader() { leader=$(pgrep -P "$1" -x sleep); }
wait_for 10 find_leader $!
mkdir "$cgroup"
check 'a container is added' ./shim-client add web "$leader" core=offer,other=offer,key=offer,module=offer

# total NAME: of the raiser's line of totals
total() { sed -n "1s/.*\\b$1=\\([0-9]*\\).*/\\1/p" "$device"; }
nothing_left() { [ -z "$(./shim-client list)" ]; }
# At the end
modules_unload() {
	check 'the raiser unloads' rmmod upcall_raiser
	kill -9 "$leader"
	check 'and so does the module' wait_for 10 rmmod upcall_shim
}
