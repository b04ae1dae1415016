#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# A-36: a handler that does not exist, is not executable, is of no known format, exits non-zero, is killed, or hangs. The
# requester has the documented result within the documented time, the record says which, nothing is left behind.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/handler
RuntimeMaxSec=3
[Key user]
Handler=/usr/libexec/handler
RuntimeMaxSec=3
CONF

container_rootfs "$containers/web/rootfs"
check 'web is registered' registered web

exit_7() { printf '#!/bin/sh\ncat >/dev/null\nexit 7\n'; }
kill_self() { printf '#!/bin/sh\nkill -9 $$\n'; }
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
echo garbage | put
try 'no known format' 1500 'exec-failed' ENOKEY
exit_7 | put
try 'exits with 7' 1500 'failed' ENOKEY
kill_self | put
try 'killed' 1500 'killed' ENOKEY
hang | put
try 'hangs' 6000 'timeout' ENOKEY

check 'each upcall has exactly one record' test \
	"$(records UPCALL_ID UPCALL_CONTAINER=web | sort | uniq -d | wc -l)" = 0
check_equal 'no upcall is left in the kernel' '' "$(./shim-client list)"
summary
