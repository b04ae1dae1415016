#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# The module without the daemon, the daemon without the module: each says what is missing and harms nothing. And the
# smoke test of --standalone: the same path without systemd's sockets and units.

# shellcheck source=lib/setup.sh
. lib/setup.sh

answering web
container_start web
pid=$(container_pid web)
cgroup[web]=$(container_cgroup web)

stop_all() { systemctl stop upcalld-shim.socket upcalld.socket upcalld.service; }

# --- the module alone
stop_all
audit_expect_host '*' 'the host asks, with the module loaded and no daemon'
started=$(now_ms)
./requester key user "host:1" c >/dev/null
check 'module alone: a host upcall is native, at once' test $(($(now_ms) - started)) -lt 2000
check 'module alone: it was the host that ran it' grep -q request-key <<<"$(audit_host_upcalls)"
status=0
message=$(upcallctl status 2>&1) || status=$?
check_equal 'module alone: status says that the daemon cannot be reached' 5 "$status"
check 'module alone: and where' grep -q /run/upcalld/control <<<"$message"

# --- the daemon alone
own() { printf '[Daemon]\n%s\n' "$1" >/etc/upcalld.conf; }
state_is() { [ "$(upcallctl list --json | jq -r '.containers[] | select(.name == "web").state')" = "$1" ]; }
refused() {
	local status=0
	message=$(upcallctl register web --pid "$pid" 2>&1) || status=$?
	check_equal "$1: register exits with 6" 6 "$status"
	check "$1: and says why" grep -q upcall_shim <<<"$message"
	check_equal "$1: nothing is registered" '[]' "$(upcallctl list --json | jq -c '.containers // .')"
}
says_so() {
	journalctl -b -q -p err -o cat _SYSTEMD_UNIT=upcalld.service | grep -q "$1"
}

check 'the module unloads' modprobe -r upcall_shim
systemctl start upcalld.socket
status=0
message=$(upcallctl status 2>&1) || status=$?
check_equal 'daemon alone: status exits with 6' 6 "$status"
check 'daemon alone: it names the module and the command' grep -q 'modprobe upcall_shim' <<<"$message"
refused 'the default'
own RequireShim=yes
check 'RequireShim=yes: reload' upcallctl reload
check 'daemon alone: config shows the setting and its line' grep -q 'RequireShim=yes .*/etc/upcalld.conf:2$' \
	<<<"$(upcallctl config)"
refused 'RequireShim=yes'
own RequireShim=perhaps
reason='/etc/upcalld.conf:2: RequireShim=perhaps: neither yes nor no'
check_equal 'a typo: check finds it' "$reason" "$(upcallctl check)"
check 'a typo: doctor, too' grep -q "daemon-config-bad: $reason" <<<"$(upcallctl doctor)"
check_fails 'a typo: reload fails' upcallctl reload
check 'a typo: status says why' grep -q "$reason" <<<"$(upcallctl status)"
check 'a typo: the journal, too' says_so "$reason"
refused 'a typo: what was read before stays'
own RequireShim=no
check 'RequireShim=no: reload' upcallctl reload
check_fails 'RequireShim=no: the host is no container' upcallctl register host --pid $$
message=$(upcallctl register web --pid "$pid" 2>&1)
check 'RequireShim=no: register says that nothing is redirected yet' grep -q 'warning: the module is not loaded' <<<"$message"
check 'RequireShim=no: web waits' state_is waiting
check 'RequireShim=no: status says so' grep -q '1 containers wait for the module' <<<"$(upcallctl status)"
check 'RequireShim=no: it is unregistered' upcallctl unregister web
check_fails 'RequireShim=no: and gone' state_is waiting
check 'RequireShim=no: and registered again' upcallctl register web --pid "$pid"
systemctl stop upcalld.service
check 'RequireShim=no: the next daemon has it, too' state_is waiting
audit_checkpoint
audit_expect_host '*' 'the container asks, without the module'
container_exec web /bin/requester key user "plain:1" c >/dev/null
check "daemon alone: a container's upcall is as it was" grep -q request-key <<<"$(audit_host_upcalls)"
audit_checkpoint

# --- the module comes later: to no daemon, then to one that runs
systemctl stop upcalld.service
modprobe upcall_shim
check 'the module comes: it brings the daemon' wait_for 20 systemctl is-active --quiet upcalld.service
check 'the module comes: web is live' wait_for 20 state_is live
check 'the module comes: it is served' grep -q '^payload served' <<<"$(request web later:1)"
stop_all
check 'the module unloads again' modprobe -r upcall_shim
systemctl start upcalld.socket
check 'the module has gone: web waits' state_is waiting
modprobe upcall_shim
check 'the module is back: web is live' wait_for 20 state_is live
check 'the module is back: it is served' grep -q '^payload served' <<<"$(request web later:2)"

# --- standalone
upcallctl unregister web
rm /etc/upcalld.conf
stop_all
wait_for 10 test -c /dev/upcall
upcalld --standalone >standalone.log 2>&1 &
daemon=$!
reachable() { upcallctl status >/dev/null 2>&1; }
check 'standalone: it answers' wait_for 20 reachable
check 'standalone: it registers' upcallctl register web --pid "$pid"
check 'standalone: it serves' grep -q '^payload served' <<<"$(request web alone:1)"
no_worker() { ! pgrep -x upcall-worker >/dev/null; }
# One that runs goes on: it may be stopped for an upgrade.
handler_script web /bin/answer <<'SH'
#!/bin/sh
echo here >/tmp/here
while [ -e /tmp/here ]; do sleep 0.1; done
exec keyctl instantiate "$1" served "$2"
SH
request web alone:2 >alone &
asking=$!
check 'standalone: a handler runs' wait_for 20 test -e "$containers/web/rootfs/tmp/here"
kill -TERM "$daemon"
check 'standalone: it ends when told' wait "$daemon"
check 'standalone: who runs goes on' pgrep -x upcall-worker
upcalld --standalone >>standalone.log 2>&1 &
daemon=$!
check 'standalone: another answers' wait_for 20 reachable
check 'standalone: who runs goes on' test -e "$containers/web/rootfs/tmp/here"
rm "$containers/web/rootfs/tmp/here"
wait "$asking"
check "standalone: and serves ($(cat alone))" grep -q '^payload served' alone
check 'standalone: and leaves no worker' wait_for 20 no_worker
check 'standalone: nor a leaf' no_leaves web
kill -TERM "$daemon"
check 'standalone: the other ends, too' wait "$daemon"
summary
