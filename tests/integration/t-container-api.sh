#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# suites: bookworm trixie
# needs: examples
#
# Containers as objects, with what the package installs: the examples are compiled against its headers and its library, among
# them the 'Container objects' proposal's own, and run, by root and by an ordinary user.

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"

for example in test-container user-container register-container; do
	check "$example compiles" gcc -Wall -Wextra -Werror "examples/$example.c" -lupcall -o "$example"
done

cgroups_left() { find /sys/fs/cgroup -type d -name 'container-*'; }
nothing_left() { ! pgrep -x upcall-keeper && [ -z "$(cgroups_left)" ]; }

# ------------------------------------------------- the proposal's, without a daemon

systemctl stop upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null

# busybox's, as not every release installs e2fsprogs
truncate -s 16M root.img
check 'a file system for it' busybox mke2fs -F root.img
modprobe loop
device=$(losetup -f --show root.img)
mkdir tree
mount -t ext4 "$device" tree
mkdir tree/bin tree/proc tree/dev
cp /bin/busybox tree/bin/
for applet in sh sleep ip ls; do ln -s busybox "tree/bin/$applet"; done
umount tree

# shellcheck disable=SC2016  # for the shell inside
inside='echo "pid $$"; echo $(ls / | grep -v lost+found)
	echo processes: $(ls /proc | grep -c "^[0-9]"); echo interfaces: $(ip -o link show up | grep -c LOOPBACK)'
check_equal "the proposal's example: pid 1, the root from outside, its own processes, the interface that was brought up" \
	$'pid 1\nbin dev proc\nprocesses: few\ninterfaces: 1' \
	"$(./test-container "$device" /bin/sh -c "$inside" 2>&1 | sed 's/^processes: [1-6]$/processes: few/')"
check "its init's exit status comes through waitpid" bash -c "./test-container $device /bin/sh -c 'exit 0'"
check_fails 'and so does another one' ./test-container "$device" /bin/sh -c 'exit 3'
check_equal 'closing the fd kills it' 'init was killed by signal 9' "$(./test-container -k "$device" /bin/sleep 2147483647)"
check 'nothing is left of them' wait_for 20 nothing_left
check 'the device is free' losetup -d "$device"

# The fd's last copy goes with its holder, however that ends.
./register-container holder /bin/sleep 2147483646 >holder.log 2>&1
check_equal 'without upcalld, nobody can be registered, and it does not stay' '' "$(pgrep -f 'sleep 2147483646')"
check 'nothing is left of that' wait_for 20 nothing_left

# ------------------------------------------------------------- an ordinary user's

chmod 755 . user-container
check_equal 'an ordinary user is root in his own' 'pid 1, uid 0, /data is ours' \
	"$(setpriv --reuid 1234 --regid 1234 --clear-groups ./user-container 2>&1)"
check 'nothing is left of it' wait_for 20 nothing_left

# ------------------------------------------------------------------- registered

systemctl start upcalld.socket upcalld-shim.socket
./register-container web /bin/sleep 2147483645 >web.log 2>&1 &
holder=$!
registered() { upcallctl list --json | grep -q '"web"'; }
check 'it is registered in one call' wait_for 60 registered
leader=$(pgrep -fx '/bin/sleep 2147483645')
cgroup=$(sed -n 's,^0::/,,p' "/proc/$leader/cgroup")
check_equal 'by its first process and its cgroup' "web: leader $leader, cgroup $cgroup" "$(cat web.log)"
check 'whose name is the container' test "${cgroup##*/container-web-}" != "$cgroup"
kill -KILL "$holder"
ended() { ! [ -d "/proc/$leader" ]; }
check 'its holder is killed: so is all of it' wait_for 20 ended
check 'nothing is left of it' wait_for 20 nothing_left
summary
