#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# upcallctl's verbs about upcalls, on real ones: a handler stands at a gate, and pending must show it; cancel makes its
# requester return.

# shellcheck source=lib/setup.sh
. lib/setup.sh
handler=""

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/handler
[Key user]
Handler=/usr/libexec/handler
MaxConcurrent=1
CONF
container_rootfs "$containers/web/rootfs"
handler_script web /usr/libexec/handler <<'SH'
#!/bin/sh
while [ ! -e /gate/open ]; do sleep 0.05; done
[ "$1" = create ] && keyctl instantiate "$2" text "$7"
exec cat >/dev/null
SH
check 'web is registered' registered web

# ask NAME DESCRIPTION: a request in the background; $asked is its pid, its output in NAME
ask() {
	request web "$2" >"$1" &
	asked=$!
}
pending() { upcallctl pending --json | jq -r ".upcalls[] | $1"; }
pending_count() { [ "$(pending .id | wc -l)" = "$1" ]; }
# status_of COMMAND…: its exit status, its words in ./said
status_of() {
	local status=0
	"$@" >said 2>&1 || status=$?
	echo "$status"
}

# --- pending
check_equal 'pending: nothing at first' '' "$(pending .id)"
ask first verbs:1
check 'a handler stands at the gate' handler_wait "${cgroup[web]}"
first=$asked
ask second verbs:2
second=$asked
check 'pending: both are there' wait_for 10 pending_count 2
check_equal 'pending: the first runs, and that is its pid' "key/user web running /usr/libexec/handler container $handler" \
	"$(pending '"\(.class) \(.container) \(.state) \(.handler) \(."run-in") \(.pid)"' | head -1)"
check_equal 'pending: the second waits for its quota' 'offered quota 0' "$(pending '"\(.state) \(."waits-for") \(.pid)"' | tail -1)"
check 'pending: its deadline is that of a key' test "$(pending .deadline | head -1)" -gt 1000000 -a "$(pending .deadline | head -1)" -le 30000000
check 'pending: it has an age' test "$(pending .age | head -1)" -gt 0
check 'pending: the table has both' test "$(upcallctl pending --noheadings | wc -l)" = 2
check_equal 'pending: not for others than root' 4 "$(status_of setpriv --reuid=65534 --clear-groups upcallctl pending)"

# --- cancel
ids=$(pending .id)
one=$(head -1 <<<"$ids") two=$(tail -1 <<<"$ids")
check_equal 'cancel: not for others than root' 4 "$(status_of setpriv --reuid=65534 --clear-groups upcallctl cancel "$one")"
check_equal 'cancel: no such upcall' 3 "$(status_of upcallctl cancel 999999)"
check 'cancel: and it says so' grep -q 'no upcall 999999' said
check 'cancel: what waits' upcallctl cancel "$two"
wait "$second"
check 'cancel: its requester is refused' grep -q '^EKEYREJECTED' second
check 'cancel: what runs' upcallctl cancel "$one"
wait "$first"
check 'cancel: its requester is refused, too' grep -q '^EKEYREJECTED' first
check_fails 'cancel: its handler is gone' wait_for 1 test -d "/proc/$handler"
check_equal 'cancel: once only' 7 "$(status_of upcallctl cancel "$one")"
check 'cancel: and it says so, too' grep -q "upcall $one has ended" said
container_exec web /bin/requester crash >/dev/null 2>&1 &
crashed=$!
check 'a core is held' handler_wait "${cgroup[web]}"
check 'cancel: a core' upcallctl cancel "$(pending .id)"
wait "$crashed"
check 'cancel: nothing is left' wait_for 10 no_leaves web
check 'pending: nothing is left' wait_for 10 pending_count 0
refused() { [ "$(records UPCALL_REASON UPCALL_CONTAINER=web UPCALL_RESULT=refused | grep -c cancelled)" = "$1" ]; }
check 'cancel: each is recorded as refused' wait_for 10 refused 3
: >"${root[web]}/gate/open"
check_equal 'and the next one is served' 'payload text' "$(request web verbs:3 | sed 's/ ms=.*//')"

check_equal 'no upcall is left' '' "$(./shim-client list)"
summary
