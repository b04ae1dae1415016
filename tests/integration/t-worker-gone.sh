#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# begins: first
#
# A worker whose program is missing, or that does not run at all: requests end in bounded time, PID 1 does not start it again
# and again, and the request after the repair is served, without a hand.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy web <<'CONF'
[Match]
Name=web
[Key user]
RuntimeMaxSec=1
CONF
container_rootfs "$containers/web/rootfs"
handler_script web /bin/answer <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" served "$2"
SH
echo 'create user * * /bin/answer %k %S' >"$containers/web/rootfs/etc/request-key.conf"
check 'web is registered' registered web

worker=/usr/libexec/upcalld/upcall-worker
serial=0
ask() {
	serial=$((serial + 1))
	request web "gone:$serial"
}
served() { grep -q '^payload served' <<<"$(ask)"; }
attempts() { journalctl -b --no-pager -q -o cat -u upcall-worker@web.service | grep -c '^Starting '; }
inactive() { [ "$(systemctl is-active "$1")" != active ]; }
ticks() { awk '{ print $14 + $15 }' /proc/1/stat; }

check 'before, it is served' served
check 'the worker exits when idle' wait_for 40 inactive upcall-worker@web.service

mv "$worker" "$worker.away"
before=$(attempts)
output=$(ask)
check "without the program the requester is refused ($output)" grep -q '^ENOKEY' <<<"$output"
check 'within 30 s' test "$(took_ms "$output")" -lt 30000
settled=$(attempts)
check "PID 1 has tried some times only ($((settled - before)))" test $((settled - before)) -le 10
for ((i = 0; i < 20; i++)); do ask >/dev/null; done
check "20 more requests cost some attempts ($(($(attempts) - settled)))" test $(($(attempts) - settled)) -le 60
# As long as PID 1 counts starts, and longer than upcalld waits before it asks for another.
settled=$(attempts)
spent=$(ticks)
sleep 11
check_equal 'and not again while nobody asks' "$settled" "$(attempts)"
check "PID 1 is idle ($(($(ticks) - spent)) ticks)" test $(($(ticks) - spent)) -lt 100

mv "$worker.away" "$worker"
check 'put back, the next is served' served

# It is there, and does nothing: the daemon gives it 25 + 1 + 5 + 5 seconds.
pid=$(systemctl show -p MainPID --value upcall-worker@web.service)
check 'there is a worker (else the test proves nothing)' test "$pid" -gt 1
kill -STOP "$pid"
started=$(now_ms)
output=$(ask)
check "the stopped worker's requester has an end ($output)" test "$(took_ms "$output")" -lt 75000
stopped() { [ "$(systemctl show -p MainPID --value upcall-worker@web.service)" != "$pid" ]; }
check 'the stopped worker is ended' wait_for 60 stopped
check "within 60 s ($(($(now_ms) - started)) ms)" test $(($(now_ms) - started)) -lt 100000
sleep 2
check 'the next is served' served
nothing_pending() { upcallctl status --json | jq -e '.pending == 0' >/dev/null; }
check 'nothing is pending' wait_for 10 nothing_pending
check_equal 'no upcall is left in the kernel' '' "$(./shim-client list)"
summary
