#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kcsan
# soak: 300
# soak-debug: 60
#
# What is left of a container whose leader has died is refused everything until its cgroup is empty, and not before: also
# where its last task goes to and fro between that cgroup and one below it, and the module looks again and again.
# $1: looks at least (default 20)

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
looks=${1:-20}
cgroup=/sys/fs/cgroup/tomb

systemctl mask --runtime --now upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null
[ -d /sys/module/upcall_shim ] || modprobe upcall_shim
wait_for 10 test -c /dev/upcall
# Where KCSAN watches, it watches each access: it holds up who reads, so that others can change what he reads next.
kcsan=/sys/module/kcsan/parameters/skip_watch
[ ! -e $kcsan ] || echo 1 >$kcsan

# A user and a mount namespace, so that its leader is nobody's init, and somebody else in them.
mkdir -p $cgroup/below
unshare -U -r -m sleep 2147483647 &
leader=$!
is_inside() { [ "$(readlink "/proc/$1/ns/user")" != "$(readlink /proc/self/ns/user)" ] && [ "$(cat "/proc/$1/comm")" = sleep ]; }
wait_for 10 is_inside "$leader"
nsenter -t "$leader" -U -m --preserve-credentials sleep 2147483646 &
other=$!
wait_for 10 is_inside "$other"
for pid in $leader $other; do echo "$pid" >$cgroup/cgroup.procs; done
check 'a container with a cgroup is added' ./shim-client add tomb "$leader" key=offer "$(stat -c %i $cgroup)"
kill -KILL "$leader"
wait "$leader" 2>/dev/null
check 'its leader dies: it is still there' [ -n "$(./shim-client containers | grep -w tomb)" ]

# Each other container's death is a reason to look.
./mover "$other" $cgroup/below $cgroup >moves &
mover=$!
has_gone() { ! ./shim-client containers | grep -qw passing; }
for ((look = 0; look < looks; look++)); do
	unshare -U -r -p -f --kill-child sleep 2147483645 &
	find_passing() { passing=$(pgrep -P "$1" -x sleep); }
	wait_for 10 find_passing $!
	./shim-client add passing "$passing" key=offer >/dev/null || break
	kill -KILL "$passing"
	wait_for 10 has_gone || break
done
kill "$mover"
wait "$mover"
check_equal 'so often others ended' "$looks" "$look"
moved=$(cat moves)
check "the last one has moved ($moved)" [ "$moved" -ge "$looks" ]
check 'and is refused all the time' [ -n "$(./shim-client containers | grep -w tomb)" ]

kill -KILL "$other"
tomb_gone() { ! ./shim-client containers | grep -qw tomb; }
check 'with the last task it goes' wait_for 20 tomb_gone
rmdir $cgroup/below $cgroup
check 'the module unloads' wait_for 10 rmmod upcall_shim
summary
