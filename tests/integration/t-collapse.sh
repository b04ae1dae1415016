#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kcsan
# module: kmod
# soak: 15000
# soak-debug: 1500
#
# A-35, the module's part of it, by the thousand: a container dies with two upcalls in it queued, accepted, joining, running or
# finishing; its init is killed, or its cgroup, or its network namespace stays. Everything is gone in a second, of nine and one
# in a hundred in five, and no namespace is left. upcalld's and the worker's part is t-dying.
# $1: deaths (default 90: three of each kind in each stage, with a cgroup registered and without), $2: seed (default: of the
# clock; printed)

# shellcheck source=lib/raiser.sh
. lib/raiser.sh
count=${1:-90}
seed=${2:-$(date +%s)}

# What is stopped must not end by a deadline.
for parameter in claim_ms attach_ms run_ms; do echo 600000 >"$parameters/$parameter"; done

# Every namespace has a number that it takes and gives back.
profile=/sys/kernel/tracing/kprobe_profile
for function in proc_alloc_inum proc_free_inum; do
	echo "p:collapse/$function $function" >>/sys/kernel/tracing/kprobe_events
	echo 1 >"/sys/kernel/tracing/events/collapse/$function/enable"
done
# A hit in an interrupt that comes while another is counted is told apart, as missed.
hits() { awk -v name="$1" '$1 == name { print $2 + $3 }' "$profile"; }
missed() { awk '{ missed += $3 } END { print missed }' "$profile"; }
namespaces_freed() { [ "$(hits proc_free_inum)" -ge "$(hits proc_alloc_inum)" ]; }

started=$(guest_clock)
check "A-35: seed $seed: $count containers died, and each was gone within a second, but for nine and one in a hundred within five" \
	sh -c './collapse "$@" >collapsed' - "$seed" "$count" "$(patient 1000)" "$cgroup"
cat collapsed
echo "     $((count * 100 / ($(guest_clock) - started + 1))) deaths/s"
check 'A-35: with upcalls offered, claimed and running' \
	grep -qE '^offered [1-9][0-9]* claimed [1-9][0-9]* attaching [0-9]+ running [1-9]' collapsed
check 'nothing is left in the queue' nothing_left
check_equal 'the one container of before is the only one' 1 "$(./shim-client containers | wc -l)"
check "A-35: namespaces were made ($(hits proc_alloc_inum)), five with each" test "$(hits proc_alloc_inum)" -ge $((count * 5))
still_there() {
	echo "     $(hits proc_free_inum) are gone"
	! wait_for 100 namespaces_freed || echo '     and the others, later'
}
check 'A-35: not one is left' wait_for 20 namespaces_freed || still_there
echo "     $(missed) of these were counted as missed"
./shim-client counters 1 >counted
check "A-35: the module has counted each once ($(paste -sd ' ' counted))" \
	awk -v asked=$((2 * count)) '{ n[$1] = $2 }
		END { exit n["offered"] != asked || n["offered"] != n["done"] + n["failed"] + n["killed"] }' counted
check_leaks 'A-35: the module has lost no memory'
modules_unload
summary
