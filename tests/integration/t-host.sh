#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
# soak: 10000
#
# A-66: nobody is registered: upcalls of host tasks, hundreds of them, with the module and without it in turns, end for who
# raised them with the same result, and what the kernel runs for them finds the same of itself, byte for byte; also while
# somebody looks on (upcallctl monitor --native). How long they take is not looked at here: what the module adds is kept by
# tests/bench, case `host`, with instructions for a clock. t-wait-modes is about the same, in every wait mode and from every
# context.
# $1: upcalls of each side (default 96)

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
upcalls=${1:-96}
turns=4
a_round=6 # upcalls
rounds=$(((upcalls + turns * a_round - 1) / (turns * a_round)))

# --- what the kernel runs: it writes down what it was given, then does what it is for
install -m 755 seen /usr/local/bin/seen-core
install -m 755 seen /usr/local/bin/seen-modprobe
mount --bind seen "$(readlink -f /sbin/request-key)"
echo /usr/local/bin/seen-modprobe >/proc/sys/kernel/modprobe
echo '|/usr/local/bin/seen-core %s %u %g %d %c %e' >/proc/sys/kernel/core_pattern

# Six upcalls, and for each how it ended.
cat >one-round <<'SH'
for description in made negated rejected failed; do
	./requester key user "host:$description" c
	echo "$description: $?"
done
# a family of no module
./requester socket 18
echo "no such module: $?"
./requester crash
echo "crash: $?"
SH
# one_turn SIDE
one_turn() {
	local i
	rm -f /run/seen
	# a session keyring for each, with which the keys go; what it calls itself goes to stderr
	for ((i = 0; i < rounds; i++)); do keyctl session - bash ./one-round 2>/dev/null; done | sed 's/ ms=[0-9]*$//' >>"$1.results"
	cat /run/seen >>"$1.seen"
	# and a module that there is
	./requester socket 35 | sed 's/ ms=[0-9]*$//' >>"$1.results"
	echo "loaded: $(grep -c '^phonet ' /proc/modules)" >>"$1.results"
	rmmod phonet
}
nothing_offered() { upcallctl status --json | jq -e '.pending == 0 and ([.upcalls[] | .offered] | add) == 0'; }
unload() { systemctl stop upcalld-shim.socket upcalld.socket upcalld.service && rmmod upcall_shim; }
# What sees the device come starts the socket and upcalld anew, and may close the connection of who asks just then.
load() {
	modprobe upcall_shim && wait_for 60 systemctl is-active --quiet upcalld-shim.socket &&
		systemctl start upcalld.socket && wait_for 60 upcallctl status
}

for ((turn = 0; turn < turns; turn++)); do
	audit_expect_host '*' 'the host asks'
	check "$turn: the module is loaded, upcalld answers" load
	check_equal "$turn: nobody is registered" '' "$(./shim-client containers)"
	monitor=''
	if [ $((turn % 2)) = 1 ]; then
		upcallctl monitor --native >monitor.out &
		monitor=$!
		check "$turn: somebody monitors" wait_for 10 grep -q '^TIME ' monitor.out
	fi
	one_turn with
	[ -z "$monitor" ] || kill "$monitor"
	check "$turn: nothing of it was offered to upcalld" wait_for 60 nothing_offered
	audit_checkpoint
	audit_expect_host '*' 'the host asks'
	check "$turn: the module is unloaded" unload
	one_turn without
	audit_checkpoint
done
expected=$((turns * rounds))
check_equal 'without the module: what was made is there' $expected "$(grep -c '^payload made$' without.results)"
check_equal 'without the module: what was negated, or whose helper failed' $((expected * 2)) "$(grep -c '^ENOKEY ' without.results)"
check_equal 'without the module: what was rejected' $expected "$(grep -c '^EKEYREJECTED ' without.results)"
check_equal 'without the module: the family that there is not' $expected "$(grep -c '^EAFNOSUPPORT ' without.results)"
check_equal 'without the module: the family that there is' $turns "$(grep -c '^loaded: 1$' without.results)"
check_equal 'without the module: the crash' $expected "$(grep -c '^crash: 139$' without.results)"
check_equal 'without the module: the kernel ran as much as was asked for' $((expected * a_round)) \
	"$(grep -c '^argument 0: ' without.seen)"
check "A-66: with the module: $((expected * a_round)) results, byte for byte the same" cmp without.results with.results
check 'A-66: with the module: what the kernel ran, byte for byte the same' cmp without.seen with.seen
cmp -s without.results with.results || diff without.results with.results | head -n 20
cmp -s without.seen with.seen || diff without.seen with.seen | head -n 20
echo "$(wc -l <with.seen) lines of what was seen, of which $(sort -u with.seen | wc -l) differ"
summary
