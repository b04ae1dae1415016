#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: soak
# suites: bookworm-debug
# module: kmod
#
# the first, second, third… allocation fails of a requester in the module, and of each call of the device. Whoever asked
# has one answer, what failed left nothing behind, and the next time all is well. For kernels with fault injection.

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
# What is in nobody's way here: the machine's own broker.
systemctl mask --runtime --now -q upcalld-attach.service upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null
[ -d /sys/module/upcall_shim ] || modprobe upcall_shim
wait_for 20 test -c /dev/upcall
audit_expect_host '*' "what is not offered is the kernel's own; shim-client's handlers run on the host"
# An allocation that may wait fails like any other.
echo N >/sys/kernel/debug/failslab/ignore-gfp-wait
echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
# Nor is its stack looked at: only what else the kernel has to say.
for kind in failslab fail_page_alloc; do echo 0 >/sys/kernel/debug/$kind/verbose; done

unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 &
launcher=$!
find_leader() { leader=$(pgrep -P "$launcher" -x sleep); }
wait_for 20 find_leader
# Its processes are those of the container; it is not, and may write to their fail-nth.
inside=(nsenter -t "$leader" -U -m -n --preserve-credentials)
injected_inside() { nsenter -t "$leader" -p --no-fork "$PWD/fail-nth" "$@"; }

policy=key=offer,core=offer,module=offer,other=offer
nothing_left() { [ -z "$(./shim-client list)" ]; }
waits() { ./shim-client list | grep -q "state=1 class=$1 "; }
containers() { ./shim-client containers | wc -l; }
# balanced CLASS: what was offered has ended
balanced() {
	./shim-client counters "$1" | awk '{ n[$1] = $2 }
		END { exit n["offered"] != n["done"] + n["failed"] + n["overdue"] + n["given-back"] + n["killed"] + n["again"] }'
}
# every_allocation WHAT FUNCTION: calls it with 1, 2, … until it says 3, that there are no more; not fewer than one
every_allocation() {
	local what=$1 n status
	shift
	for ((n = 1; n < 500; n++)); do
		"$@" "$n" >injected.out 2>&1
		status=$?
		[ "$status" = 0 ] || break
	done
	check_equal "$what: each of $((n - 1)) allocations has failed once ($(tail -n 1 injected.out))" 3 "$status"
	check "$what: there are some" test "$n" -gt 1
}

web=$(./shim-client add web "$leader" "$policy" | awk '{ print $1 }')
check 'a container is added' test -n "$web"
before=$(containers)

# --- requesters, with a broker that answers
./shim-client serve 1000000 deny=126 >served 2>&1 &
broker=$!
serial=0
ask_key() {
	serial=$((serial + 1))
	injected_inside "$1" request_key "${inside[@]}" "$PWD/requester" key user "injected:$serial" callout
}
ask_module() { injected_inside "$1" socket "${inside[@]}" "$PWD/requester" socket 35; }
ask_core() { injected_inside "$1" core "${inside[@]}" "$PWD/requester" crash; }
every_allocation 'A-55: who asks for a key' ask_key
check 'A-55: nothing is left of it' wait_for 20 nothing_left
check 'A-55: each that was offered has ended' balanced 1
every_allocation 'A-55: who asks for a module' ask_module
check 'A-55: nothing is left of it' wait_for 20 nothing_left
check 'A-55: each that was offered has ended' balanced 2
every_allocation 'A-55: who dumps core' ask_core
check 'A-55: nothing is left of it' wait_for 20 nothing_left
check 'A-55: each that was offered has ended' balanced 0
check 'the raiser loads' insmod ./upcall_raiser.ko
wait_for 20 test -c /dev/upcall-raiser
ask_other() { injected_inside "$1" write "${inside[@]}" sh -c 'echo proc process 1 /bin/true >/dev/upcall-raiser'; }
every_allocation 'A-55: who asks for anything else' ask_other
check 'A-55: nothing is left of it' wait_for 20 nothing_left
check 'A-55: each that was offered has ended' balanced 4
total() { sed -n "1s/.*\\b$1=\\([0-9]*\\).*/\\1/p" /dev/upcall-raiser; }
check "A-55: some were raised ($(total raised))" test "$(total raised)" -gt 3
check_equal 'A-55: each has returned' "$(total raised)" "$(total returned)"
check_equal 'A-55: each was cleaned up' "$(total raised)" "$(total cleanups)"
check_equal 'A-55: nothing ran twice or too late' 0 "$(total violations)"
check 'the raiser unloads' rmmod upcall_raiser
served=$(wc -l <served)
check "A-55: some were offered all the same ($served)" test "$served" -gt 3
# By default the number of a process is its first socket's, too.
announced() { awk -v port="$broker" '$2 == 16 && $3 == port && $5 > 0 { some = 1 } END { exit !some }' /proc/net/netlink; }
check 'A-55: they were announced to the broker (else no allocation for that has failed)' announced
kill "$broker"
wait "$broker" 2>/dev/null

# --- calls of the device that change nothing
list() { ./fail-nth "$1" LIST ./shim-client list; }
tags() { ./fail-nth "$1" TAGS ./shim-client tags "$leader"; }
opened() { ./fail-nth "$1" open ./shim-client list; }
witness() { ./fail-nth "$1" WITNESS ./fd-rights witness "$leader"; }
anew() { ./fail-nth "$1" CONTAINER_POLICY ./shim-client policy "$web" "$policy"; }
next() { ./fail-nth "$1" CONTAINER_NEXT ./shim-client containers; }
adopt() { ./fail-nth "$1" ADOPT ./shim-client adopt /nobody.slice/a-* key=offer; }
for what in list tags opened witness anew next adopt; do every_allocation "A-55: $what" "$what"; done
counters() { ./fail-nth "$1" COUNTERS ./shim-client counters 1; }
drain() { ./fail-nth "$1" DRAIN ./shim-client drain 0; }
version() { ./fail-nth "$1" VERSION ./shim-client version; }
monitor() { ./fail-nth "$1" MONITOR ./eavesdropper hold 0; }
for what in counters drain version monitor; do
	"$what" 1
	check "A-55: $what needs no memory" test "$?" = 3
done

# --- what is not offered, with a monitor that is told
denied() { ./shim-client counters 1 | awk '$1 == "denied" { print $2 }'; }
lost() { cat /sys/module/upcall_shim/parameters/monitor_lost; }
check 'keys are refused' ./shim-client policy "$web" key=deny
./eavesdropper device injected: "$PWD/enough" >heard &
monitor=$!
wait_for 20 grep -q monitors heard
denied_before=$(denied) lost_before=$(lost)
every_allocation 'A-55: whose key is refused, and a monitor is told' ask_key
touch enough
wait "$monitor"
check "A-55: the monitor was told of some ($(tail -n 1 heard), $(($(denied) - denied_before)) refused)" grep -q 'bytes [1-9]' heard
check "A-55: and that it was not told of others ($(($(lost) - lost_before)))" test "$(lost)" -gt "$lost_before"
check 'A-55: not more than there were' test $(($(lost) - lost_before)) -le $(($(denied) - denied_before))
check 'keys are offered again' ./shim-client policy "$web" "$policy"

# --- whoever nobody has registered, where a rule is about his cgroup
mkdir -p /sys/fs/cgroup/stranger
unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483645 &
strange_launcher=$!
find_stranger() { stranger=$(pgrep -P "$strange_launcher" -x sleep); }
wait_for 20 find_stranger
echo "$stranger" >/sys/fs/cgroup/stranger/cgroup.procs
check 'a rule is about a stranger' ./shim-client adopt /strange* key=offer
./shim-client serve 1000000 deny=126 >strange 2>&1 &
broker=$!
ask_strange() {
	serial=$((serial + 1))
	(echo "$BASHPID" >/sys/fs/cgroup/stranger/cgroup.procs
		exec nsenter -t "$stranger" -p --no-fork "$PWD/fail-nth" "$1" request_key nsenter -t "$stranger" -U -m -n \
			--preserve-credentials "$PWD/requester" key user "strange:$serial" callout)
}
every_allocation 'A-55: who asks for a key, and nobody registered him' ask_strange
check 'A-55: nothing is left of it' wait_for 20 nothing_left
check 'A-55: each that was offered has ended' balanced 1
check "A-55: some were offered all the same ($(wc -l <strange))" test -s strange
check_equal 'A-55: and the host answered none' '' "$(audit_host_upcalls | grep -x /sbin/request-key)"
kill "$broker" "$strange_launcher"
wait "$broker" 2>/dev/null
./shim-client adopt

# --- registering
add() {
	local status id
	./fail-nth "$1" CONTAINER_ADD ./shim-client add two "$other" "$policy" >added 2>&1
	status=$?
	cat added
	id=$(awk '/cgroup=/ { print $1 }' added)
	[ -z "$id" ] || ./shim-client del "$id" || return 9
	[ "$(containers)" = "$before" ] || return 8
	return "$status"
}
unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483646 &
other_launcher=$!
find_other() { other=$(pgrep -P "$other_launcher" -x sleep); }
wait_for 20 find_other
every_allocation 'A-55: add' add
del() {
	local id status
	id=$(./shim-client add two "$other" "$policy" | awk '{ print $1 }')
	./fail-nth "$1" CONTAINER_DEL ./shim-client del "$id"
	status=$?
	[ "$(containers)" = "$before" ] || ./shim-client del "$id"
	[ "$(containers)" = "$before" ] || return 8
	return "$status"
}
del 1
check 'A-55: del needs no memory' test "$?" = 3

# --- an upcall: whatever fails in a broker or a handler, another takes it, and who waits has one answer
# handled CALL N ACTION…
handled() {
	local call=$1 n=$2 status
	shift 2
	serial=$((serial + 1))
	"${inside[@]}" "$PWD/requester" key user "handled:$serial" callout >answer 2>&1 &
	local requester=$!
	wait_for 20 waits key || return 7
	./fail-nth "$n" "$call" ./shim-client serve 1 "$@"
	status=$?
	# One that failed before it was claimed waits still.
	while ! nothing_left; do
		waits key && ./shim-client serve 1 deny=126 >/dev/null 2>&1
	done
	wait "$requester"
	[ "$(grep -c ' ms=' answer)" = 1 ] || return 6
	return "$status"
}
claim() { handled CLAIM "$1" complete=126; }
complete() { handled COMPLETE "$1" complete=126; }
deny() { handled DENY "$1" deny=126; }
info() { handled INFO "$1" run; }
attach() { handled ATTACH "$1" run; }
for what in claim attach; do every_allocation "A-55: $what" "$what"; done
native() { handled NATIVE "$1" native; }
cancel() { handled CANCEL "$1" cancel=126; }
subscribe() { handled SUBSCRIBE "$1" deny=126; }
audit_expect_host '*' 'what is given back to the kernel'
for what in info complete deny native cancel subscribe; do
	"$what" 1
	check "A-55: $what needs no memory" test "$?" = 3
done
check 'A-55: each that was offered has ended' balanced 1

check_leaks 'A-55: what has failed has left no memory behind'
kill "$launcher" "$other_launcher"
check 'A-55: nothing is left' wait_for 20 nothing_left
./shim-client drain 1
gone() { [ "$(containers)" = 0 ]; }
wait_for 20 gone
check 'A-55: and the module unloads' wait_for 60 rmmod upcall_shim
summary
