#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kcsan
# module: kmod
#
# What call_usermodehelper_exec() returns, who runs init() and when cleanup() runs, for every wait mode and from every
# context. A-37: without the module and with it, registered containers or none, an upcall of the host is the same in all
# of this; a container's is what kernel-shim/result.c says, init() once where it is handled, cleanup() once always.
# A-58: also for who is killed while it waits, and while helpers are disabled. A-29: who cannot be killed is not taken for hung.

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
device=/dev/upcall-raiser
parameters=/sys/module/upcall_shim/parameters
helper=$PWD/outcome
plain=$PWD/not-executable
nowhere=/nowhere/helper
: >"$plain"

# raise MODE CONTEXT COUNT PATH [ARG…]
raise() { echo "$*" >"$device"; }
settled() { grep -q ' live=0 ' "$device"; }
# The totals without what the caller asked for: "raised=5 … violations=0"
totals() { head -n 1 "$device"; }
# One line for each upcall since the last time: what differs from run to run is left out.
take_results() {
	wait_for 20 settled || echo 'not all are cleaned up'
	totals | grep -q ' violations=0$' || echo 'violations'
	sed '1d; s/ raiser=[0-9]* helper=[0-9]* us=[0-9]*//' "$device"
	echo reset >"$device"
}
one_line() { take_results | paste -sd'|'; }

# Masked: the module's device would start them again.
systemctl mask --runtime --now upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null
[ ! -d "$parameters" ] || check 'the module unloads' wait_for 10 rmmod upcall_shim
check 'the raiser loads' insmod ./upcall_raiser.ko
wait_for 10 test -c "$device"
check_fails 'no mode: refused' raise some process 1 "$helper"
check_fails 'nobody can wait where it must not sleep' raise proc timer 1 "$helper"
audit_expect_host "$helper" 'the host asks'

# ------------------------------------------------------------- of the host

endings=("$helper exit 0" "$helper exit 3" "$helper signal 9" "$nowhere" "$plain")
init_fails=/sys/module/upcall_raiser/parameters/init_fails
everywhere() {
	local mode context ending
	echo 1 >$init_fails
	for mode in no-wait exec proc; do raise "$mode process 1 $helper exit 0"; done
	wait_for 20 settled # nobody waits for the first
	echo 0 >$init_fails
	for ending in "${endings[@]}"; do
		for context in process kthread workqueue; do
			for mode in no-wait exec proc exec-killable proc-killable; do
				raise "$mode $context 1 $ending"
			done
		done
		raise "no-wait atomic 1 $ending"
		raise "no-wait irqs-off 1 $ending"
		raise "no-wait bh-off 1 $ending"
		raise "no-wait timer 1 $ending"
	done
	take_results
}

# expected_of MODE ENDING: what the kernel's own returns
expected_of() {
	case $1,$2 in
	no-wait,*) echo 0 ;;
	*,"$nowhere") echo -2 ;;
	*,"$plain") echo -13 ;;
	exec*) echo 0 ;;
	*'exit 3') echo 768 ;;
	*'signal 9') echo 9 ;;
	*) echo 0 ;;
	esac
}
failed_line() { # MODE: init() has failed
	local ret=-12
	[ "$1" != no-wait ] || ret=0
	echo "$1 process ret=$ret retval=-12 returns=1 inits=1 cleanups=1 by=kernel $helper exit 0"
}
native_line() { # MODE CONTEXT ENDING
	local ret retval
	ret=$(expected_of "$1" "$3")
	retval=$ret
	# nobody waits: the exec's error is seen by cleanup() alone
	[ "$1" != no-wait ] || retval=$(expected_of exec "$3")
	echo "$1 $2 ret=$ret retval=$retval returns=1 inits=1 cleanups=1 by=kernel $3"
}
everywhere_expected() {
	local mode context ending
	for mode in no-wait exec proc; do failed_line $mode; done
	for ending in "${endings[@]}"; do
		for context in process kthread workqueue; do
			for mode in no-wait exec proc exec-killable proc-killable; do
				native_line $mode $context "$ending"
			done
		done
		native_line no-wait atomic "$ending"
		native_line no-wait irqs-off "$ending"
		native_line no-wait bh-off "$ending"
		native_line no-wait timer "$ending"
	done
}

everywhere >without
check 'without the module: as documented' diff <(everywhere_expected) without

# killed_while MODE ENDING: a task of the host; sets $took, ms from its SIGKILL to its end
hanging() { [ "$(pgrep -c -x outcome)" = "$1" ]; }
end_by_kill() { # PID
	local killed=$EPOCHREALTIME ended
	kill -KILL "$1"
	wait "$1" 2>/dev/null
	ended=$EPOCHREALTIME
	took=$(((${ended/./} - ${killed/./}) / 1000))
}
killed_native() {
	sh -c "echo 'proc-killable process 1 $helper hang' >$device" 2>/dev/null &
	wait_for 10 hanging 1
	end_by_kill $!
	check_within "$1: a killed one goes on at once ($took ms)" "$took" 1000
	check "$1: its helper runs, and keeps what is its own" grep -q ' cleanups=0 live=1 ' "$device"
	pkill -KILL -x outcome
	check_equal "$1: cleanup() has run once in the end" \
		"proc-killable process ret=-512 retval=-512 returns=1 inits=1 cleanups=1 by=kernel $helper hang" \
		"$(one_line | sed 's/retval=[-0-9]*/retval=-512/')"
}
killed_native 'without the module'

check 'the module loads' modprobe upcall_shim
wait_for 10 test -c /dev/upcall
everywhere >with
check 'A-37: with the module and nothing registered: the same' cmp without with
killed_native 'with the module'

# ------------------------------------------------------------- of a container

unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 2>/dev/null &
launcher=$!
find_leader() { leader=$(pgrep -P "$launcher" -x sleep); }
wait_for 10 find_leader
container=''
verdict() { # VERDICT
	[ -z "$container" ] || ./shim-client del "$container"
	container=$(./shim-client add web "$leader" "other=$1" | sed 's/ .*//')
}
inside=(nsenter -t "$leader" -U -p -m -n --preserve-credentials)
# Without the pid namespace nsenter does not fork, and $! is the requester; its user namespace is the container's.
beside=(nsenter -t "$leader" -U -m -n --preserve-credentials)
raise_inside() { "${inside[@]}" sh -c "echo '$*' >$device"; }
state_is() { ./shim-client list | grep -q "state=$1 "; }
nothing_left() { [ -z "$(./shim-client list)" ]; }

check 'a container is registered' verdict offer
everywhere >with
check 'A-37: with a container that is not asking: the same' cmp without with

waiting_modes='exec proc exec-killable proc-killable'
# refusal_of MODE: kernel-shim/result.c
refusal_of() {
	case $1 in
	proc*) echo 256 ;;
	*) echo -1 ;;
	esac
}
# answer WHAT ACTION COUNT ENDING MODE RET INITS BY: the container asks, the broker does ACTION with COUNT offers
answer() {
	local what=$1 action=$2 count=$3 ending=$4 mode=$5 ret=$6 inits=$7 by=$8
	timeout 60 ./shim-client serve "$count" "$action" >/dev/null &
	local broker=$!
	raise_inside "$mode process 1 $ending"
	wait "$broker"
	check_equal "$what, $mode" \
		"$mode process ret=$ret retval=$ret returns=1 inits=$inits cleanups=1 by=$by $ending" "$(one_line)"
	check "$what, $mode: it has ended" wait_for 10 nothing_left
}

audit_expect_host '*' 'shim-client runs handlers on the host'
for mode in $waiting_modes; do
	refusal=$(refusal_of "$mode")
	case $mode in
	# What ATTACH cannot know, an exec that fails, is the handler's exit status, or nobody's.
	proc*) exit3=768 signal9=9 failed=32512 ;;
	*) exit3=0 signal9=0 failed=0 ;;
	esac
	answer 'handled: exit 0' run 1 "$helper exit 0" "$mode" 0 1 process
	answer 'handled: exit 3' run 1 "$helper exit 3" "$mode" $exit3 1 process
	answer 'handled: signal 9' run 1 "$helper signal 9" "$mode" $signal9 1 process
	answer 'handled: no such file' run 1 "$nowhere" "$mode" $failed 1 process
	answer 'handled: not executable' run 1 "$plain" "$mode" $failed 1 process
	echo 1 >$init_fails
	answer 'handled: init() fails' run 1 "$helper exit 0" "$mode" "$refusal" 1 process
	echo 0 >$init_fails
	answer 'refused' deny=129 1 "$helper exit 0" "$mode" "$refusal" 0 nobody
	answer 'completed' complete=0 1 "$helper exit 0" "$mode" 0 0 nobody
	answer 'completed with an error that has side effects (ENOENT)' complete=2 1 "$helper exit 0" "$mode" "$refusal" 0 nobody
	answer 'dropped, four times' drop 4 "$helper exit 0" "$mode" "$refusal" 0 nobody
	for ending in "${endings[@]}"; do
		answer "given back, ${ending#"$PWD"/}" native 1 "$ending" "$mode" "$(expected_of "$mode" "$ending")" 1 kernel
	done
done
audit_checkpoint
audit_expect_host "$helper" 'of the host, and what is native'

# lines_of VERDICT: each mode once in the container, with whom nobody asks; nothing serves
lines_of() {
	local mode
	verdict "$1"
	for mode in $waiting_modes; do raise_inside "$mode process 1 $helper exit 3"; done
	raise_inside "no-wait process 1 $helper exit 3"
	raise_inside "no-wait atomic 1 $helper exit 3"
	raise_inside "no-wait irqs-off 1 $helper exit 3"
	raise_inside "no-wait bh-off 1 $helper exit 3"
	take_results
}
refused_line() { # MODE CONTEXT
	local ret
	ret=$(refusal_of "$1")
	echo "$1 $2 ret=$ret retval=$ret returns=1 inits=0 cleanups=1 by=nobody $helper exit 3"
}
refused_lines() {
	for mode in $waiting_modes; do refused_line "$mode" process; done
	refused_line no-wait process
	refused_line no-wait atomic
	refused_line no-wait irqs-off
	refused_line no-wait bh-off
}
native_lines() {
	for mode in $waiting_modes; do native_line "$mode" process "$helper exit 3"; done
	native_line no-wait process "$helper exit 3"
	native_line no-wait atomic "$helper exit 3"
	native_line no-wait irqs-off "$helper exit 3"
	native_line no-wait bh-off "$helper exit 3"
}
echo 200 >"$parameters/claim_ms"
lines_of offer >lines
check 'offered, and nobody claims: refused; who cannot wait: at once' diff <(refused_lines) lines
echo 30000 >"$parameters/claim_ms"
lines_of deny >lines
check 'denied in the kernel: no init(), one cleanup()' diff <(refused_lines) lines
lines_of native >lines
check 'native: as if nobody were there' diff <(native_lines) lines
verdict deny
for context in kthread workqueue; do raise_inside "proc $context 1 $helper exit 3"; done
raise_inside "no-wait timer 1 $helper exit 3"
check 'what the kernel does for it elsewhere is nobody'\''s' diff \
	<(native_line proc kthread "$helper exit 3"; native_line proc workqueue "$helper exit 3"
		native_line no-wait timer "$helper exit 3") <(take_results)

# ------------------------------------------------------------- of who is killed

verdict offer
# ask_beside MODE: a requester in the background, $asking
ask_beside() {
	"${beside[@]}" sh -c "echo '$1 process 1 $helper exit 0' >$device" 2>/dev/null &
	asking=$!
}
for mode in exec-killable proc-killable; do
	ask_beside $mode
	wait_for 10 state_is 1
	end_by_kill "$asking"
	check_within "A-58: $mode, killed while offered: ends at once ($took ms)" "$took" 1000
	check_equal "A-58: $mode, killed while offered" \
		"$mode process ret=-512 retval=-512 returns=1 inits=0 cleanups=1 by=nobody $helper exit 0" "$(one_line)"
	check "A-58: $mode, killed while offered: nothing is left" nothing_left
done

# The kernel's detector of hung tasks looks meanwhile: it takes for hung who does not run for two seconds, and needs two more to
# find him. Whom it means it tells its tracepoint, too; it is not to print it, which fails a run, whoever it is about.
detector=/proc/sys/kernel/hung_task
hangs=/sys/kernel/tracing/instances/hangs
is_hung() { grep -q "sched_process_hang: .* pid=$1\$" "$hangs/trace"; }
detector_begin() {
	detector_was=("$(cat ${detector}_warnings)" "$(cat ${detector}_timeout_secs)" "$(cat ${detector}_check_interval_secs)")
	mkdir "$hangs" && echo 1 >"$hangs/events/sched/sched_process_hang/enable" &&
		echo 0 >${detector}_warnings && echo 1 >${detector}_check_interval_secs && echo 2 >${detector}_timeout_secs
}
detector_end() {
	echo "${detector_was[2]}" >${detector}_check_interval_secs
	echo "${detector_was[1]}" >${detector}_timeout_secs
	echo "${detector_was[0]}" >${detector}_warnings
	rmdir "$hangs"
}
detects=''
if [ -e ${detector}_timeout_secs ]; then
	check 'A-29: the detector of hung tasks is on' detector_begin
	detects=yes
	# who sleeps in the raiser, where nothing wakes him
	echo $((6000 * guest_patience)) >/sys/module/upcall_raiser/parameters/delay_ms
	sh -c "echo 'exec process 1 $helper exit 0' >$device" &
	sleeping=$!
	check 'A-29: it finds who sleeps for six seconds and cannot be woken' wait_for 20 is_hung $sleeping
	wait $sleeping
	echo 0 >/sys/module/upcall_raiser/parameters/delay_ms
	check_equal 'A-29: who goes on after that' "$(native_line exec process "$helper exit 0")" "$(one_line)"
else
	skip 'A-29: who waits and cannot be killed is not taken for hung' 'this kernel has no detector (CONFIG_DETECT_HUNG_TASK)'
fi
echo $((6000 * guest_patience)) >"$parameters/claim_ms"
for mode in exec proc; do
	ask_beside $mode
	wait_for 10 state_is 1
	end_by_kill "$asking"
	[ -z "$detects" ] || check_fails "A-29: $mode: who waits is not taken for hung ($took ms)" is_hung "$asking"
	refusal=$(refusal_of $mode)
	check "A-58: $mode cannot be killed, as natively ($took ms)" test "$took" -gt 1000
	check_within "A-58: $mode: its deadline ends it ($took ms)" "$took" 20000
	check_equal "A-58: $mode, killed while offered" \
		"$mode process ret=$refusal retval=$refusal returns=1 inits=0 cleanups=1 by=nobody $helper exit 0" "$(one_line)"
done
[ -z "$detects" ] || detector_end
echo 30000 >"$parameters/claim_ms"

# with a handler: what waits for it is answered or gone, and so is the handler
audit_expect_host '*' 'shim-client runs handlers on the host'
echo $((3000 * guest_patience)) >"$parameters/run_ms"
for mode in proc proc-killable; do
	./shim-client serve 1 hang >/dev/null &
	ask_beside $mode
	wait_for 10 state_is 4
	hung=$(./shim-client list | sed 's/.*handler=//')
	end_by_kill "$asking"
	case $mode in
	proc) ret=9 && check_within "A-58: $mode, killed while its handler runs: the handler's deadline ends it ($took ms)" "$took" 20000 ;;
	*) ret=-512 && check_within "A-58: $mode, killed while its handler runs: ends at once ($took ms)" "$took" 1000 ;;
	esac
	check_equal "A-58: $mode, killed while its handler runs" \
		"$mode process ret=$ret retval=$ret returns=1 inits=1 cleanups=1 by=process $helper exit 0" "$(one_line)"
	handler_gone() { [ ! -e "/proc/$hung/ns/pid" ] || grep -q '^State:.Z' "/proc/$hung/status"; }
	check "A-58: $mode: the handler is gone, too" wait_for 10 handler_gone
done
echo 3610000 >"$parameters/run_ms"
audit_checkpoint
audit_expect_host "$helper" 'of the host'

# ------------------------------------------------------------- while helpers are disabled

# Whoever is in the kernel when the machine begins to suspend keeps it from freezing until it has raised.
all_in_kernel() {
	local pid
	for pid; do grep -q '^State:.D' "/proc/$pid/status" || return; done
}
disabled() {
	local -a asking=()
	local mode status=0
	echo $((8000 * guest_patience)) >/sys/module/upcall_raiser/parameters/delay_ms
	echo $((20000 * guest_patience)) >/sys/power/pm_freeze_timeout
	for mode in $waiting_modes no-wait; do
		ask_beside "$mode"
		asking+=("$!")
		sh -c "echo '$mode process 1 $helper exit 1' >$device" &
		asking+=("$!")
	done
	sh -c "echo 'proc kthread 1 $helper exit 1' >$device" &
	asking+=("$!")
	wait_for 6 all_in_kernel "${asking[@]}" || status=1
	echo freezer >/sys/power/pm_test
	echo freeze >/sys/power/state || status=1
	wait "${asking[@]}"
	echo 0 >/sys/module/upcall_raiser/parameters/delay_ms
	echo none >/sys/power/pm_test
	return $status
}
disabled_expected() {
	local mode ret
	for mode in $waiting_modes no-wait; do
		ret=$(refusal_of "$mode")
		echo "$mode process ret=$ret retval=$ret returns=1 inits=0 cleanups=1 by=nobody $helper exit 0"
		# cleanup() is not told: the kernel has it from nowhere
		echo "$mode process ret=-16 retval=0 returns=1 inits=0 cleanups=1 by=nobody $helper exit 1"
	done
	echo "proc kthread ret=-16 retval=0 returns=1 inits=0 cleanups=1 by=nobody $helper exit 1"
}
if [ -e /sys/power/pm_test ] && grep -qw freeze /sys/power/state; then
	[ ! -e /sys/module/suspend/parameters/pm_test_delay ] || echo 1 >/sys/module/suspend/parameters/pm_test_delay
	check 'the machine suspends and resumes' disabled
	check 'it froze' grep -q 'suspend debug: Waiting' <(dmesg)
	check 'disabled: EBUSY for the host, a refusal for a container, and nothing started' \
		diff <(disabled_expected | sort) <(take_results | sort)
	raise "proc process 1 $helper exit 3"
	check_equal 'and enabled again' "$(native_line proc process "$helper exit 3")" "$(one_line)"
else
	skip 'while helpers are disabled' "this kernel has no /sys/power/pm_test, or cannot freeze: $(cat /sys/power/state 2>&1)"
fi

check 'the raiser unloads' rmmod upcall_raiser
kill -9 "$leader"
check 'and so does the module' wait_for 10 rmmod upcall_shim
summary
