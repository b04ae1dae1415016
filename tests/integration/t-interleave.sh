#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kcsan
# module: kmod
# soak: 350000
# soak-debug: 20000
#
# A-58: whatever happens to an upcall, in whatever order, it ends once. Tasks of a registered container, and of one that a rule
# would have adopted and that is registered now and then, raise upcalls by the thousand; brokers do everything at random
# (tests/tools/interleave/). Each returns once, init() runs at most once and never after cleanup(), cleanup() runs once; then the queue is empty and the modules unload.
# $1: upcalls (default 2000), $2: seed (default: of the clock; printed)

# shellcheck source=lib/raiser.sh
. lib/raiser.sh
left=${1:-2000}
seed=${2:-$(date +%s)}
round=2000

# The lines of upcalls that did not get what they may: exit statuses and signals of helpers, refusals, ENOMEM of init(),
# ERESTARTSYS.
wrong() { grep -vE '^raised=| ret=(0|9|256|512|768|1280|-1|-12|-512) .* returns=1 inits=[01] cleanups=1 ' "$device"; }
nothing_wrong() { ! wrong; }

# init() fails now and then: an answer like another, which nobody was to have so far.
echo 16 >/sys/module/upcall_raiser/parameters/init_fails
# Deadlines that are as likely as all else.
echo 150 >"$parameters/claim_ms"
echo 150 >"$parameters/attach_ms"
echo 300 >"$parameters/run_ms"

strangers=/sys/fs/cgroup/strangers
mkdir "$strangers"
unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 2>/dev/null &
find_stranger() { stranger=$(pgrep -P "$1" -x sleep); }
check 'another container' wait_for 10 find_stranger $!
echo "$stranger" >"$strangers/cgroup.procs"
check 'that would be adopted' ./shim-client adopt /strangers other=offer

while [ "$left" -gt 0 ]; do
	count=$((left < round ? left : round))
	audit_expect_host "$PWD/outcome" 'given back to the kernel, or run by a handler on the host'
	echo "round of $count, seed $seed"
	started=$(guest_clock)
	check "seed $seed: every call ended as it may" ./interleave "$seed" "$count" "$PWD/outcome" "$leader" "$cgroup" "$stranger" "$strangers"
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
				some = n["done"] && n["failed"] && n["overdue"] && n["given-back"] && n["killed"] && n["again"]
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

modules_unload
summary
