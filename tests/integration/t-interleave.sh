#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug
# module: kmod
# soak: 100000
#
# A-37: requesters are killed at random moments of a wait that nobody ends: each is gone in a second, and its handler with it.
# A-58: whatever happens to an upcall, in whatever order, it ends once. Tasks of a registered container raise upcalls
# by the thousand; brokers do everything at random (tests/tools/interleave.c). Each returns once, init() runs at most once
# and never after cleanup(), cleanup() runs once; then the queue is empty and the modules unload.
# $1: upcalls (default 2000; a fortieth as many are killed in the first part), $2: seed (default: of the clock; printed)

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
left=${1:-2000}
seed=${2:-$(date +%s)}
device=/dev/upcall-raiser
parameters=/sys/module/upcall_shim/parameters
cgroup=/sys/fs/cgroup/interleave
round=2000

# Masked: the module's device would start them again.
systemctl mask --runtime --now upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null
[ -d "$parameters" ] || modprobe upcall_shim
wait_for 10 test -c /dev/upcall
# init() takes its time, so that all the rest can meet it.
check 'the raiser loads' insmod ./upcall_raiser.ko init_ms=50
wait_for 10 test -c "$device"

unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 2>/dev/null &
launcher=$!
find_leader() { leader=$(pgrep -P "$launcher" -x sleep); }
wait_for 10 find_leader
mkdir "$cgroup"
check 'a container is added' ./shim-client add web "$leader" other=offer,key=offer,module=offer

total() { sed -n "1s/.*\\b$1=\\([0-9]*\\).*/\\1/p" "$device"; }
nothing_left() { [ -z "$(./shim-client list)" ]; }
# The lines of upcalls that did not get what they may: exit statuses and signals of helpers, refusals, ENOMEM of init(),
# ERESTARTSYS.
wrong() { grep -vE '^raised=| ret=(0|9|256|512|768|1280|-1|-12|-512) .* returns=1 inits=[01] cleanups=1 ' "$device"; }
nothing_wrong() { ! wrong; }

# ------------------------------------------------------------- killed while nobody answers

# What is measured is not that some deadline ends it: until one does, a killed one is there for much longer than it may be.
echo $((30000 * guest_patience)) | tee "$parameters/claim_ms" "$parameters/module_claim_ms" "$parameters/attach_ms" \
	"$parameters/run_ms" >/dev/null
check "A-37: seed $seed: killed while they waited, each was gone within a second, and so was its handler" \
	sh -c './abandon "$@" >abandoned' - "$seed" $((left / 40)) $((1000 * guest_patience)) "$leader" "$cgroup"
cat abandoned
check 'some upcalls were held, and some had a handler' grep -qE 'held [1-9][0-9]* ran [1-9]' abandoned
check 'nothing is left in the queue' nothing_left
check_equal 'A-37: each has returned' "$(total raised)" "$(total returned)"
check_equal 'A-37: each was cleaned up' "$(total raised)" "$(total cleanups)"
check_equal 'A-37: nothing ran twice or too late' 0 "$(total violations)"
check_equal 'A-37: each by itself, too, and was killed' '' \
	"$(grep -vE '^raised=| ret=-512 .* returns=1 inits=[01] cleanups=1 ' "$device")"
for class in 1 2 4; do # key, module, other
	./shim-client counters $class >counted
	check "A-37: the module has counted each of class $class as killed ($(paste -sd ' ' counted))" \
		awk '{ n[$1] = $2 } END { exit !(n["offered"] && n["offered"] == n["killed"]) }' counted
done
echo reset >"$device"

# ------------------------------------------------------------- everything at random

# init() fails now and then: an answer like another, which nobody was to have so far.
echo 16 >/sys/module/upcall_raiser/parameters/init_fails
# Deadlines that are as likely as all else.
echo 150 >"$parameters/claim_ms"
echo 150 >"$parameters/attach_ms"
echo 300 >"$parameters/run_ms"

while [ "$left" -gt 0 ]; do
	count=$((left < round ? left : round))
	audit_expect_host "$PWD/outcome" 'given back to the kernel, or run by a handler on the host'
	echo "round of $count, seed $seed"
	started=$(guest_clock)
	check "seed $seed: every call ended as it may" ./interleave "$seed" "$count" "$leader" "$cgroup" "$PWD/outcome"
	head -n 1 "$device"
	echo "     $((count * 100 / ($(guest_clock) - started + 1))) upcalls/s, what became of them:"
	sed -n 's/.* \(ret=[-0-9]*\) .* \(by=[a-z]*\) .*/     \1 \2/p' "$device" | sort | uniq -c
	check "seed $seed: nothing is left in the queue" nothing_left
	check "seed $seed: about as many were raised as asked for" test "$(total raised)" -ge $((count * 9 / 10))
	check_equal "seed $seed: each has returned" "$(total raised)" "$(total returned)"
	check_equal "A-58: seed $seed: each was cleaned up" "$(total raised)" "$(total cleanups)"
	check_equal "A-37: seed $seed: nothing ran twice or too late" 0 "$(total violations)"
	check "seed $seed: each by itself, too" nothing_wrong
	./shim-client counters 4 >counted
	check "A-58: seed $seed: the module has counted each once ($(paste -sd ' ' counted))" \
		awk '{ n[$1] = $2 }
			END {
				ended = n["done"] + n["failed"] + n["overdue"] + n["given-back"] + n["killed"] + n["again"]
				some = n["done"] && n["failed"] && n["overdue"] && n["given-back"] && n["killed"]
				exit !(some && n["offered"] == ended)
			}' counted
	check "seed $seed: handlers ran" test "$(grep -c ' inits=1 .* by=process' "$device")" -gt $((count / 20))
	check "seed $seed: so did the kernel's own helpers" grep -q ' inits=1 .* by=kernel' "$device"
	check "seed $seed: some were killed while they waited" grep -q ' ret=-512 ' "$device"
	echo reset >"$device"
	audit_checkpoint
	left=$((left - count))
	seed=$((seed + 1))
done

check 'the raiser unloads' rmmod upcall_raiser
kill -9 "$leader"
check 'and so does the module' wait_for 10 rmmod upcall_shim
summary
