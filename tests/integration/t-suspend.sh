#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kcsan
# module: kmod
# soak: 50
# soak-debug: 1
#
# A-42: the machine freezes, or suspends devices and processors, too (pm_test), while a core dump is offered, claimed and
# running: it does so in time, no program starts before it goes on, and afterwards the dump is there. Whom the module cannot
# let freeze (who may hold a lock, as he does who asks for a key) it waits for, five seconds as the kernel does for its helpers.
# A-72: it sleeps for an hour under them by its clocks, and none is late for it.
# $1: rounds (default 1)

# shellcheck source=lib/setup.sh
. lib/setup.sh
rounds=${1:-1}
parameters=/sys/module/upcall_shim/parameters

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/core
[Key user]
Handler=/usr/libexec/told
CONF
container_rootfs "$containers/web/rootfs"
install -o "$container_uid" -g "$container_uid" told "$containers/web/rootfs/usr/libexec/told"
handler_script web /usr/libexec/core <<'SH'
#!/bin/sh
until [ -e /gate/open ]; do sleep 0.05; done
cat >/tmp/core.new
exec /bin/busybox mv /tmp/core.new /tmp/core
SH
check 'web is registered' registered web
gate=${root[web]}/gate/open
core=${root[web]}/tmp/core

in_state() { [ "$(./shim-client list | grep -c "state=$1 ")" = "$2" ]; }
nothing_left() { [ -z "$(./shim-client list)" ]; }
# signal UNIT NAME: to its main process
signal() { systemctl kill --kill-whom=main -s "$2" "$1"; }
# As long as its headers say.
core_is_whole() {
	local _ offset size
	wait_for 60 test -s "$core" || return
	read -r _ offset _ _ size _ < <(eu-readelf -l "$core" | grep LOAD | tail -n 1)
	[ -n "$size" ] && [ "$(stat -c %s "$core")" = $((offset + size)) ]
}

# What happens to processes while they are to stand.
trace=/sys/kernel/tracing/instances/suspend
mkdir -p "$trace"
for event in power/suspend_resume sched/sched_process_exec upcall/upcall_state; do echo 1 >"$trace/events/$event/enable"; done
# Who was executed, and who attached, between the freeze and the thaw; 1: the trace has no freeze
started_frozen() {
	awk '/thaw_processes\[0\] begin/ { frozen = 0 }
		frozen && (/sched_process_exec/ || /upcall_state: .* to=[34]$/)
		/freeze_processes\[0\] end/ { frozen = 1; seen = 1 }
		END { exit !seen }' "$trace/trace"
}

# suspends LEVEL STATE: how far, of which it comes back by itself after pm_test_delay. "core mem" is all but the firmware's
# part of a sleep: what the emulated one does when its clock wakes it ends the machine. $took: milliseconds
suspends() {
	local before done=''
	echo "$1" >/sys/power/pm_test
	before=${EPOCHREALTIME/./}
	! echo "$2" >/sys/power/state || done=yes
	took=$(((${EPOCHREALTIME/./} - before) / 1000))
	[ -n "$done" ]
}
# What the kernel says of the last one: how long it took to freeze.
froze() { dmesg | grep 'Freezing user space processes ' | tail -n 1; }
# stands WHAT COMMAND…: the machine does
stands() {
	local what=$1
	shift
	echo >"$trace/trace"
	check "A-42: $what: the machine stands, and goes on" "$@"
	check_within "A-42: $what: in time ($took ms; $(froze))" "$took" 10000
	check_equal "A-42: $what: no program has started meanwhile" '' "$(started_frozen || echo 'it did not freeze')"
}

ask() {
	rm -f "$core"
	container_exec web /bin/requester crash >/dev/null 2>&1 &
}
answered() { # TAG
	check "A-42: $1: the core is there, and whole" core_is_whole
	check "A-42: $1: nothing is left in the kernel" wait_for 60 nothing_left
	check "A-42: $1: nor in the container" wait_for 20 no_leaves web
}

# one_round TAG COMMAND…: what makes the machine stand
one_round() {
	local tag=$1
	shift
	: >"$gate"
	signal upcalld.service STOP
	ask
	check "$tag: offered" wait_for 60 in_state 1 1
	stands "offered.$tag" "$@"
	signal upcalld.service CONT
	answered "offered.$tag"

	# The worker exits when idle.
	container_exec web /bin/requester key user "told:0:worker.$tag" c >/dev/null
	signal upcall-worker@web.service STOP
	ask
	check "$tag: claimed" wait_for 60 in_state 2 1
	stands "claimed.$tag" "$@"
	signal upcall-worker@web.service CONT
	answered "claimed.$tag"

	rm "$gate"
	ask
	check "$tag: running" wait_for 60 in_state 4 1
	stands "running.$tag" "$@"
	check "A-42: $tag: it still runs" in_state 4 1
	: >"$gate"
	check "A-42: running.$tag: the core is there" wait_for 60 test -s "$core"
	check "A-42: running.$tag: nothing is left in the kernel" wait_for 60 nothing_left
}

# On 7.3 the virtio port that brings our words to the outside does not come back from the suspend of devices, without our
# module either: there, the freezer has to do.
comes_back() { [ "$(uname -r | cut -d. -f1)" -lt 7 ]; }
comes_back || skip 'A-42: the suspend of devices and processors' "this machine's port does not come back from it"

echo 1 >/sys/module/suspend/parameters/pm_test_delay
for ((round = 0; round < rounds; round++)); do
	one_round "freezer.$round" suspends freezer freeze
	! comes_back || one_round "core.$round" suspends core mem
done

# Who asks for a key holds a lock of the kernel's.
try() { suspends freezer freeze 2>error; }
refused_for() { # WHAT STATUS
	check_equal "A-42: $1 may hold a lock: no suspend" 1 "$2"
	check_within "A-42: $1: in time ($took ms)" "$took" 10000
	check "A-42: $1: and EAGAIN ($(cat error))" grep -q 'Resource temporarily unavailable' error
}
rm -f "$gate"
container_exec web /bin/requester key user told:0:key c >answer.key 2>&1 &
check 'one asks for a key' wait_for 60 in_state 4 1
try
refused_for 'who asks for a key' $?
: >"$gate"
check 'A-42: and gets it' wait_for 60 grep -qx 'payload key' answer.key

# A-72: an hour asleep, by the clocks that go on meanwhile, is no time that anybody has used: who was offered, claimed and
# running is there afterwards, and is served. claim_ms and attach_ms, too, are less than an hour.
hour_asleep() {
	local before parameter whole=0 what='A-72: an hour asleep'
	policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/hour
RuntimeMaxSec=600
CONF
	handler_script web /usr/libexec/hour <<'SH'
#!/bin/sh
until [ -e /gate/open ]; do sleep 0.05; done
cat >/tmp/new.$$
exec /bin/busybox mv /tmp/new.$$ /tmp/hour.$$
SH
	for parameter in claim_ms attach_ms run_ms; do echo 600000 >"$parameters/$parameter"; done
	check "$what: the raiser loads" insmod ./upcall_raiser.ko sleep_more=3600
	rm "$gate"
	ask
	check "$what: one runs" wait_for 60 in_state 4 1
	signal upcall-worker@web.service STOP
	ask
	check "$what: one is claimed" wait_for 60 in_state 2 1
	# It is stopped for longer than its watchdog waits, where the machine is slow.
	systemctl service-watchdogs no
	signal upcalld.service STOP
	ask
	check "$what: one is offered" wait_for 60 in_state 1 1
	before=$(slept)
	check "$what: the machine sleeps" suspends core mem
	before=$(($(slept) - before))
	check "$what: for more than an hour by its clocks ($before s; else the test proves nothing)" test "$before" -ge 3600
	check "$what: nobody has ended" all_are_there
	signal upcall-worker@web.service CONT
	signal upcalld.service CONT
	systemctl service-watchdogs yes
	# A worker that starts another has looked at who is late.
	check "$what: all run" wait_for 60 in_state 4 3
	: >"$gate"
	check "$what: nothing is left in the kernel" wait_for 60 nothing_left
	check_equal "$what: there are three cores" 3 "$(find "${root[web]}/tmp" -name 'hour.*' -size +0 | wc -l)"
	# A dump that is being written is cut short, as it is without us.
	for core in "${root[web]}"/tmp/hour.*; do ! core_is_whole || whole=$((whole + 1)); done
	check "$what: the two that were not yet written are whole ($whole)" test "$whole" -ge 2
	check "$what: and so they are recorded ($served before)" wait_for 20 are_served $((served + 3)) ||
		records 'UPCALL_RESULT + " " + .UPCALL_REASON' UPCALL_CLASS=core
	check_equal "$what: none has timed out" '' "$(records UPCALL_ID UPCALL_RESULT=timeout)"
	rmmod upcall_raiser
}
slept() { python3 -c 'import time; print(int(time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()))'; }
all_are_there() {
	./shim-client list
	in_state 4 1 && in_state 2 1 && in_state 1 1
}
served_count() { records UPCALL_ID UPCALL_CLASS=core UPCALL_RESULT=served | wc -l; }
are_served() { [ "$(served_count)" -ge "$1" ]; }
served=$(served_count)
! comes_back || hour_asleep
rmdir "$trace"
container_stop web

# ------------------------------------------------------------- who may hold a lock

# No caller of the kernel's own stands as long as a test wants; the raiser's upcalls are of the class "other".
device=/dev/upcall-raiser
helper=$PWD/outcome
# Masked: the module's device would start them again.
systemctl mask --runtime --now upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null
check 'the module unloads' wait_for 10 rmmod upcall_shim
check 'the raiser loads' insmod ./upcall_raiser.ko
check 'the module loads' modprobe upcall_shim
wait_for 10 test -c /dev/upcall
unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 2>/dev/null &
launcher=$!
find_inmate() { inmate=$(pgrep -P "$launcher" -x sleep); }
wait_for 10 find_inmate
./shim-client add web "$inmate" other=offer >/dev/null
raise() { exec nsenter -t "$inmate" -U -m -n --preserve-credentials sh -c "echo '$mode process 1 $helper exit 0' >$device"; }
results() { sed -n "s/^$mode process \(ret=[-0-9]*\) .*/\1/p" "$device"; }
echo 600000 >"$parameters/claim_ms"
mode=proc
raise &
check 'one is offered' wait_for 20 in_state 1 1
try
refused_for 'another' $?
check 'A-42: it is as it was' in_state 1 1
try &
trying=$!
mode=proc-killable
asked_meanwhile() {
	raise 2>/dev/null &
	sleep 1
	kill -KILL $! 2>/dev/null
	results | grep -qx ret=256
}
check 'A-42: and who asks now is refused' wait_for 10 asked_meanwhile
wait "$trying"
check 'A-42: it is as it was' in_state 1 1
./shim-client serve 1 complete=0 >/dev/null
mode=proc
check_equal 'A-42: and gets its answer' ret=0 "$(results)"

echo 2500 >"$parameters/claim_ms"
raise &
check 'one is offered, for a short time' wait_for 20 in_state 1 1
check 'A-42: which suspend waits for' try
check_within "A-42: in time ($took ms)" "$took" 10000
check_equal 'A-42: it had its deadline' $'ret=0\nret=256' "$(results)"
check 'nothing is left' nothing_left
audit_expect_host "$helper" 'the host asks'
echo "proc process 1 $helper exit 3" >$device
check_equal 'A-42: and upcalls are as before' $'ret=0\nret=256\nret=768' "$(results)"
kill -9 "$inmate"
summary
