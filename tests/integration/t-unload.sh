#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kcsan
# soak: 1000
# soak-debug: 20
#
# while anybody waits in the module, whatever for and in whatever state, it does not unload; drained, it does. Loaded
# and unloaded again and again under load, the kernel's own path works after each, and no hook is left.
# $1: how often (default 8)

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
cycles=${1:-8}
parameters=/sys/module/upcall_shim/parameters
functions=/sys/kernel/tracing/enabled_functions

# Nobody but this test opens the device: loading the module would start the daemon.
systemctl mask --runtime -q upcalld-attach.service upcalld-shim.socket
systemctl stop upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null
audit_expect_host '*' "what is not offered is the kernel's own; shim-client's handlers run on the host"

unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 &
launcher=$!
find_leader() { leader=$(pgrep -P "$launcher" -x sleep); }
wait_for 10 find_leader
inside=(nsenter -t "$leader" -U -p -m -n --preserve-credentials)

load() {
	modprobe upcall_shim && wait_for 20 test -c /dev/upcall &&
		container=$(./shim-client add web "$leader" key=offer,core=offer,module=offer,other=offer)
}
hooked() { grep -q '^call_usermodehelper_exec ' "$functions"; }
nothing_left() { [ -z "$(./shim-client list)" ]; }
waits() { ./shim-client list | grep -q "state=$1 class=$2 "; }

serial=0
raise() {
	serial=$((serial + 1))
	case $1 in
	key) "${inside[@]}" "$PWD/requester" key user "unload:$serial" c ;;
	core) "${inside[@]}" sh -c "'$PWD/requester' crash; true" ;;
	module) "${inside[@]}" "$PWD/requester" socket 35 ;;
	esac
}
refused() {
	check_fails "$1: the module does not unload" rmmod upcall_shim
	check "$1: and stays hooked" hooked
}

modprobe -r upcall_shim
check_fails 'without the module there is no hook' hooked
check 'the module loads' load
check 'and hooks' hooked

# --- one that waits, of each class and in each state
for parameter in claim_ms module_claim_ms attach_ms run_ms key_run_ms core_run_ms; do echo 600000 >"$parameters/$parameter"; done
for class in key core module; do
	raise "$class" >/dev/null 2>&1 &
	requester=$!
	check "$class, offered: it waits" wait_for 20 waits 1 "$class"
	refused "$class, offered"
	./shim-client stall >/dev/null &
	holder=$!
	check "$class, claimed: it waits" wait_for 20 waits 2 "$class"
	refused "$class, claimed"
	kill "$holder"
	wait "$holder" 2>/dev/null
	if [ "$class" = module ]; then
		# It has one turn: its requester is answered, and asks once more.
		wait "$requester"
		raise "$class" >/dev/null 2>&1 &
		requester=$!
	fi
	check "$class, offered again: it waits" wait_for 20 waits 1 "$class"
	refused "$class, offered again"
	./shim-client serve 1 hang >/dev/null
	check "$class, running: it waits" wait_for 20 waits 4 "$class"
	refused "$class, running"
	kill -9 "$(./shim-client list | sed 's/.*handler=//')"
	check "$class: its handler's end ends it" wait_for 20 nothing_left
	wait "$requester"
done

# --- drained, it unloads, with requesters that wait
waiters=()
for class in key core module; do
	raise "$class" >"drained.$class" 2>&1 &
	waiters+=($!)
done
three() { [ "$(./shim-client list | wc -l)" = 3 ]; }
check 'one of each class waits' wait_for 20 three
refused 'three that wait'
check 'it is drained' ./shim-client drain 1
check 'drained, they go' wait_for 20 nothing_left
wait "${waiters[@]}"
check "the key's requester is refused" grep -q '^E' drained.key
check "the module's, too" grep -q '^EAFNOSUPPORT' drained.module
check 'drained, it unloads' wait_for 20 rmmod upcall_shim
check_fails 'and leaves no hook' hooked

# --- the host's own, with nobody registered
kernel_modprobe=$(cat /proc/sys/kernel/modprobe)
mkfifo hold
exec 8<>hold
handler_of_host() { pgrep -x gated; }
printf '#!/bin/sh\nread -r _ <%q\n' "$PWD/hold" >gated
chmod +x gated
echo "$PWD/gated" >/proc/sys/kernel/modprobe
check 'it loads' modprobe upcall_shim
./requester socket 35 >/dev/null 2>&1 &
requester=$!
check "the kernel's own helper runs" wait_for 20 handler_of_host
echo "$kernel_modprobe" >/proc/sys/kernel/modprobe
check 'nobody registered: the module unloads while it does' rmmod upcall_shim
check 'and the helper runs still' handler_of_host
# A line for each that may have been started meanwhile.
helpers_gone() { echo go >&8 && ! handler_of_host; }
check 'which ends' wait_for 20 helpers_gone
wait "$requester"

# --- under load: tasks of the container, of the host and of a container that nobody registered, without a pause. There is no
# module net-pf-25: one that there is would be asked for once.
: >load
loops=()
for who in "${inside[*]}" '' 'unshare -U -r -p -f'; do
	# shellcheck disable=SC2086  # words
	while [ -e load ]; do
		serial=$((serial + 1))
		$who "$PWD/requester" key user "load:$serial" c >/dev/null 2>&1
		$who "$PWD/requester" socket 25 >/dev/null 2>&1
	done &
	loops+=($!)
done
"${inside[@]}" "$PWD/requester" while "$PWD/load" socket 25 >/dev/null 2>&1 &
loops+=($!)
# The load keeps all processors busy; what is tried under it goes first.
renice -n -15 -p $$ >/dev/null
busy=0 idle=0
for ((cycle = 0; cycle < cycles; cycle++)); do
	load || not_ok "cycle $cycle: it loads"
	rm -f served
	./shim-client serve 1000000 deny=129 >served &
	broker=$!
	some_served() { [ -s served ]; }
	wait_for 20 some_served || not_ok "cycle $cycle: something is offered under load"
	# Not drained: whoever sleeps in it holds it.
	kill -STOP "$broker"
	someone_waits() { waits 1 module; }
	wait_for 20 someone_waits || not_ok "cycle $cycle: somebody waits"
	if rmmod upcall_shim 2>/dev/null; then idle=$((idle + 1)); else busy=$((busy + 1)); fi
	kill -CONT "$broker"
	kill "$broker"
	wait "$broker" 2>/dev/null
	./shim-client drain 1 || not_ok "cycle $cycle: it is drained"
	# While somebody is registered, what the load raises natively holds it as well, for as long as modprobe takes: a slow
	# machine has few gaps.
	((cycle % 50 == 1)) || ./shim-client del "$container" || not_ok "cycle $cycle: it is nobody's"
	wait_for 180 rmmod upcall_shim 2>/dev/null || not_ok "cycle $cycle: it unloads"
	! hooked || not_ok "cycle $cycle: it leaves no hook"
	((cycle % 20)) || audit_checkpoint
	((cycle % 25)) || echo "# cycle $cycle, $SECONDS s"
	audit_expect_host '*' 'the same'
done
check_equal "of $cycles under load none unloaded while somebody waited" "$cycles 0" "$busy $idle"
rm load
wait "${loops[@]}"

check_fails 'at the end there is no hook' hooked
check_equal 'and no probe' '' "$(grep -s upcall /sys/kernel/debug/kprobes/list)"
audit_checkpoint
audit_expect_host '*' 'the same'
./requester key user "native:1" c >/dev/null
native() { audit_host_upcalls | grep -q request-key; }
check "the kernel's own path works" native
kill "$launcher"
systemctl unmask --runtime -q upcalld-attach.service upcalld-shim.socket
check 'and the module loads again' modprobe upcall_shim
summary
