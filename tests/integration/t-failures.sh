#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# A-36: a handler that does not exist, is not executable, is of no known format or another machine's, exits non-zero, is
# killed, is killed for want of memory, or hangs. The requester has the documented result within the documented time, the record says which, nothing is left behind.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/handler
RuntimeMaxSec=5
[Key user]
Handler=/usr/libexec/handler
RuntimeMaxSec=5
# An unknown format of programs makes the kernel ask for a module, for the handler itself.
[Module]
CONF

container_rootfs "$containers/web/rootfs"
check 'web is registered' registered web '.linux.resources.memory.limit = 25165824'

# Each writes when it died: the requester must know within 100 ms of it.
exit_7() { printf '#!/bin/sh\ncat >/dev/null\ncat /proc/uptime >/tmp/died\nexit 7\n'; }
kill_self() { printf '#!/bin/sh\ncat /proc/uptime >/tmp/died\nkill -9 $$\n'; }
eat_memory() { printf '#!/bin/sh\nx=0123456789abcdef\nwhile :; do x=$x$x; done\n'; }
# e_machine, the two bytes at 18, says AArch64.
foreign() { head -c 18 gate && printf '\267\0' && tail -c +21 gate; }
hang() { printf '#!/bin/sh\nwhile :; do sleep 1; done\n'; }

put() { cat >"$containers/web/rootfs/usr/libexec/handler" && chmod "${1:-755}" "$containers/web/rootfs/usr/libexec/handler"; }
result() { records UPCALL_RESULT UPCALL_CONTAINER=web "UPCALL_CLASS=$1" | tail -1; }
record_count() { [ "$(records UPCALL_ID UPCALL_CONTAINER=web | wc -l)" -ge "$1" ]; }

seen=0
# try WHAT LIMIT-MS RESULT ERRNO-FOR-KEY: both classes, with the handler as it is
try() {
	local what=$1 limit=$2 expected=$3 errno=$4 output
	output=$(request web "f:$what")
	check "$what: the key's requester gets $errno" grep -q "^$errno" <<<"$output"
	check "$what: within $limit ms ($(took_ms "$output"))" test "$(took_ms "$output")" -lt "$limit"
	seen=$((seen + 1))
	wait_for 10 record_count "$seen"
	check_equal "$what: the key's record" "$expected" "$(result key)"
	local started
	started=$(now_ms)
	container_exec web /bin/requester crash >/dev/null 2>&1
	check "$what: the crashed process is gone in time" test $(($(now_ms) - started)) -lt $((limit + 1000))
	seen=$((seen + 1))
	wait_for 10 record_count "$seen"
	check_equal "$what: the core's record" "$expected" "$(result core)"
	check "$what: nothing is left behind" wait_for 10 no_leaves web
}

rm -f "$containers/web/rootfs/usr/libexec/handler"
try missing 1500 'exec-failed' ENOKEY
exit_7 | put 644
try 'not executable' 1500 'exec-failed' ENOKEY
foreign | put
try "another machine's" 1500 'exec-failed' ENOKEY
echo garbage | put
try 'no known format' 1500 'exec-failed' ENOKEY
exit_7 | put
try 'exits with 7' 1500 'failed' ENOKEY
kill_self | put
try 'killed' 1500 'killed' ENOKEY
eat_memory | put
try 'out of memory' 5000 'oom-killed' ENOKEY
hang | put
try 'hangs' 8000 'timeout' ENOKEY

# after_death REQUESTER-ARG…: milliseconds from the handler's end to the requester's, the least of three: a machine that is
# busy with something else delays one, a wait for anything but the death delays all.
after_death() {
	local least=999999 took
	for _ in 1 2 3; do
		rm -f "${root[web]}/tmp/died"
		container_exec web /bin/sh -c '"$@" >/dev/null 2>&1; cat /proc/uptime >/tmp/answered' sh /bin/requester "$@" "death:$RANDOM" c
		took=$(cat "${root[web]}/tmp/died" "${root[web]}/tmp/answered" | tr -d . | awk '{ t = $1 * 10 - t } END { print t }')
		[ "$took" -ge "$least" ] || least=$took
	done
	echo "$least"
}
for how in exit_7 kill_self; do
	$how | put
	for request in 'key user' crash; do
		# shellcheck disable=SC2086  # words
		took=$(after_death $request)
		check "$how, $request: answered within 100 ms of the handler's end ($took)" test "$took" -le 100
	done
done

check 'each upcall has exactly one record' test \
	"$(records UPCALL_ID UPCALL_CONTAINER=web | sort | uniq -d | wc -l)" = 0
check_equal 'no upcall is left in the kernel' '' "$(./shim-client list)"
summary
