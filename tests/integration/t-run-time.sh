#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# RuntimeMaxSec= is how long a handler may run: more than half a minute where it says so, and whoever overstays is recorded
# as that, whether the worker has ended it or, because that was stopped, the kernel. While request_key(2) waits for a handler
# nobody can register a type of keys, and behind who tries nobody on the machine has to do with keys: so the module has a
# bound of its own for it.

# shellcheck source=lib/setup.sh
. lib/setup.sh
handler=""

policy patient <<'CONF'
[Match]
Name=patient
[Key user]
Handler=/usr/libexec/gate
RuntimeMaxSec=3600
[Key logon]
Handler=/usr/libexec/gate
RuntimeMaxSec=2
CONF
container_rootfs "$containers/patient/rootfs"
install -o "$container_uid" -g "$container_uid" gate "$containers/patient/rootfs/usr/libexec/gate"
check 'patient is registered' registered patient
check 'it is said that the module does not let it wait for an hour' \
	grep -q '\[Key user\] RuntimeMaxSec=3600 .* 35000 ms' <<<"$(upcallctl list --json | jq -r '.containers[].warnings[]')"

# A key that the handler leaves as it is: ENOKEY, when it has ended.
ask() { container_exec patient /bin/requester key "$1" "$2" c | grep -q '^ENOKEY'; }
results() { records UPCALL_RESULT UPCALL_CONTAINER=patient "UPCALL_KEY_TYPE=$1"; }
is_recorded() { [ "$(results "$1" | wc -l)" = "$2" ]; }
worker() { systemctl kill --kill-whom=main --signal="$1" upcall-worker@patient.service; }

check 'over its time: the requester goes on' ask logon a:worker
check 'over its time: recorded' wait_for 20 is_recorded logon 1
check_equal 'over its time: by its worker' timeout "$(results logon)"

ask logon b:kernel &
requester=$!
check 'a handler runs' handler_wait "${cgroup[patient]}"
check 'its worker is stopped' worker STOP
check 'the kernel ends it, and the requester goes on' wait "$requester"
check 'its worker goes on' worker CONT
check 'over its time: recorded again' wait_for 20 is_recorded logon 2
check_equal 'over its time: by the kernel, and the same word for it' $'timeout\ntimeout' "$(results logon)"
check 'nothing is left in the container' wait_for 20 no_leaves patient

key_run_ms=/sys/module/upcall_shim/parameters/key_run_ms
was=$(cat "$key_run_ms")
echo 3000 >"$key_run_ms"
ask user keeps-a-lock &
requester=$!
check 'a handler runs that would for an hour' handler_wait "${cgroup[patient]}"
check_fails 'the module that is to come is not loaded yet' test -e /sys/module/rxrpc
audit_expect_host /sbin/modprobe 'what rxrpc wants beside'
modprobe rxrpc &
loading=$!
check 'a module that registers a type of keys is loaded all the same' wait_for 30 test -e /sys/module/rxrpc
check 'it has what it waited for' wait "$loading"
check 'the handler has been ended' wait "$requester"
check 'and keys can be made' keyctl add user made-afterwards x @s
check 'nothing is left in the container' wait_for 20 no_leaves patient
check 'recorded' wait_for 20 is_recorded user 1
check_equal 'as what the kernel has ended' killed "$(results user)"

echo 3610000 >"$key_run_ms"
ask user long &
requester=$!
check 'a patient handler runs' handler_wait "${cgroup[patient]}"
old_enough() { [ "$(ps -o etimes= -p "$handler")" -gt 33 ]; }
check 'after more than half a minute it still runs' wait_for 60 old_enough
: >"${root[patient]}/gate/open"
check 'its requester goes on with it' wait "$requester"
check 'it is recorded' wait_for 20 is_recorded user 2
check_equal 'as served' served "$(results user | tail -n 1)"
echo "$was" >"$key_run_ms"
summary
