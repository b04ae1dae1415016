#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kasan bookworm-kcsan
# module: kmod
# soak: 100000
# soak-debug: 3000
#
# A-37: requesters are killed at random moments of a wait that nobody ends: each is gone in a second, and its handler with it.
# $1: kills (default 100), $2: seed (default: of the clock; printed)

# shellcheck source=lib/raiser.sh
. lib/raiser.sh
count=${1:-100}
seed=${2:-$(date +%s)}

echo "|$PWD/outcome %P" >/proc/sys/kernel/core_pattern
# What is measured is not that some deadline ends it: until one does, a killed one is there for much longer than it may be.
patient 30000 | tee "$parameters/claim_ms" "$parameters/module_claim_ms" "$parameters/attach_ms" \
	"$parameters/run_ms" >/dev/null
started=$(guest_clock)
check "A-37: seed $seed: killed while they waited, each was gone within a second, and so was its handler" \
	sh -c './abandon "$@" >abandoned' - "$seed" "$count" "$(patient 1000)" "$leader" "$cgroup"
cat abandoned
echo "     $((count * 100 / ($(guest_clock) - started + 1))) kills/s"
check 'some upcalls were held, and some had a handler' grep -qE 'held [1-9][0-9]* ran [1-9]' abandoned
check 'nothing is left in the queue' nothing_left
check_equal 'each has returned' "$(total raised)" "$(total returned)"
check_equal 'A-37: each was cleaned up' "$(total raised)" "$(total cleanups)"
check_equal 'A-37: nothing ran twice or too late' 0 "$(total violations)"
check_equal 'A-37: each by itself, too, and was killed' '' \
	"$(grep -vE '^raised=| ret=-512 .* returns=1 inits=[01] cleanups=1 ' "$device")"
for class in 1 2 4; do # key, module, other
	./shim-client counters $class >counted
	check "A-37: the module has counted each of class $class as killed ($(paste -sd ' ' counted))" \
		awk '{ n[$1] = $2 } END { exit !(n["offered"] && n["offered"] == n["killed"]) }' counted
done
# Who dumps core has an answer once the handler is there: then the handler ends, and not the upcall by the death.
./shim-client counters 0 >counted
check "A-37: of cores each as killed, or as done ($(paste -sd ' ' counted))" \
	awk '{ n[$1] = $2 } END { exit !(n["done"] && n["killed"] && n["offered"] == n["killed"] + n["done"]) }' counted
modules_unload
summary
