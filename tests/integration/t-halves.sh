#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# The module without the daemon, the daemon without the module: each says what is missing and harms nothing. And the
# smoke test of --standalone: the same path without systemd's sockets and units.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy web <<'CONF'
[Match]
Name=web
[Key user]
CONF
container_rootfs "$containers/web/rootfs"
handler_script web /bin/answer <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" served "$2"
SH
echo 'create user * * /bin/answer %k %S' >"$containers/web/rootfs/etc/request-key.conf"
container_start web
pid=$(container_pid web)

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
check 'the module unloads' modprobe -r upcall_shim
systemctl start upcalld.socket
status=0
message=$(upcallctl status 2>&1) || status=$?
check_equal 'daemon alone: status exits with 6' 6 "$status"
check 'daemon alone: it names the module and the command' grep -q 'modprobe upcall_shim' <<<"$message"
status=0
message=$(upcallctl register web --pid "$pid" 2>&1) || status=$?
check 'daemon alone: register fails' test "$status" != 0
check 'daemon alone: and says why' grep -q upcall_shim <<<"$message"
check_equal 'daemon alone: nothing is registered' '[]' "$(upcallctl list --json | jq -c '.containers // .')"
audit_checkpoint
audit_expect_host '*' 'the container asks, without the module'
container_exec web /bin/requester key user "plain:1" c >/dev/null
check "daemon alone: a container's upcall is as it was" grep -q request-key <<<"$(audit_host_upcalls)"
audit_checkpoint

# --- standalone
stop_all
modprobe upcall_shim
stop_all
wait_for 10 test -c /dev/upcall
upcalld --standalone >standalone.log 2>&1 &
daemon=$!
reachable() { upcallctl status >/dev/null 2>&1; }
check 'standalone: it answers' wait_for 20 reachable
check 'standalone: it registers' upcallctl register web --pid "$pid"
check 'standalone: it serves' grep -q '^payload served' <<<"$(request web alone:1)"
kill -TERM "$daemon"
check 'standalone: it ends when told' wait "$daemon"
check_fails 'standalone: and leaves no worker' pgrep -x upcall-worker
summary
