# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For test scripts that run in the guest: . "$UPCALL_VM_LIB/guest.sh"
#
#   ok DESCRIPTION                       count a success
#   not_ok DESCRIPTION [DETAIL…]         count a failure
#   check DESCRIPTION COMMAND [ARG…]     success if COMMAND succeeds; its output is shown only if it does not
#   check_fails DESCRIPTION COMMAND…     success if COMMAND fails
#   check_equal DESCRIPTION EXPECTED ACTUAL
#   check_within DESCRIPTION TOOK LIMIT  in milliseconds, of which a kernel that watches itself gets more
#   skip DESCRIPTION REASON              count neither, but say so
#   wait_for SECONDS COMMAND [ARG…]      until COMMAND succeeds; 1 if it does not in time
#   check_leaks DESCRIPTION              on a kernel with kmemleak: the module has lost no memory; elsewhere nothing
#   guest_patience                       a variable: times that are limits are multiplied by it
#   patient TIME                         prints it, multiplied so
#   summary                              the last line of a script: "N passed, N failed"; its status is the script's
#
# A script that ends without calling summary gets it called by the EXIT trap, so that it cannot pass by ending early
# with a failure counted.

# shellcheck source=SCRIPTDIR/audit.sh
. "$UPCALL_VM_LIB/audit.sh"

guest_passed=0
guest_failed=0
guest_summed=''
guest_checking=0

ok() {
	guest_passed=$((guest_passed + 1))
	echo "ok   $1"
}

not_ok() {
	guest_failed=$((guest_failed + 1))
	echo "FAIL $1"
	shift
	[ $# = 0 ] || printf '%s\n' "$@" | sed 's/^/     | /'
}

skip() { echo "skip $1: $2"; }

check() {
	local description=$1 output status=0
	shift
	# In this shell, not a substitution's: COMMAND may be a function that sets variables, or checks by itself. The file stays
	# for the next: making and removing one are two processes, and there are many checks.
	guest_checking=$((guest_checking + 1))
	output=/run/upcall-vm/check.$BASHPID.$guest_checking
	"$@" >"$output" 2>&1 || status=$?
	if [ "$status" = 0 ]; then
		ok "$description"
	else
		not_ok "$description" "status $status of: $*" "$(cat "$output")"
	fi
	guest_checking=$((guest_checking - 1))
	return "$status"
}

check_fails() {
	local description=$1 output
	shift
	if output=$("$@" 2>&1); then
		not_ok "$description" "succeeded, and should not have: $*" "$output"
		return 1
	fi
	ok "$description"
}

check_equal() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "expected: $2" "got:      $3"
		return 1
	fi
}

# How many times longer than on others things take on a kernel that watches itself
guest_patience=$(sed -n 's/.*upcall_vm\.patience=\([0-9]*\).*/\1/p' /proc/cmdline)

patient() { echo $(($1 * guest_patience)); }
# check_within DESCRIPTION TOOK LIMIT: in milliseconds
check_within() { check "$1" test "$2" -lt $(($3 * guest_patience)); }

# Polls: the time limit is for failure only; success is seen within a twentieth of a second.
wait_for() {
	local deadline
	guest_clock_read
	deadline=$((guest_now + $1 * 100 * guest_patience))
	shift
	until "$@"; do
		guest_clock_read
		[ "$guest_now" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

# Hundredths of a second since the boot: SECONDS and date follow a clock that tests may set.
guest_clock() {
	guest_clock_read
	echo "$guest_now"
}
guest_clock_read() {
	read -r guest_now _ </proc/uptime
	guest_now=${guest_now/./}
}

# Twice: what was only just lost has to be found in two scans. A pointer that is in a register just then is none.
check_leaks() {
	local leaks=/sys/kernel/debug/kmemleak
	[ -w $leaks ] && echo scan 2>/dev/null >$leaks || return 0
	sleep 6
	echo scan >$leaks
	check_equal "$1" '' "$(awk '/^unreferenced object/ { object = "" } { object = object "\n" $0 }
		/\[upcall_/ { print object }' $leaks)"
}

summary() {
	guest_summed=yes
	echo "$guest_passed passed, $guest_failed failed"
	[ "$guest_failed" = 0 ]
}

guest_exit() {
	local status=$?
	[ -n "$guest_summed" ] || summary || [ "$status" != 0 ] || status=1
	exit "$status"
}
trap guest_exit EXIT
