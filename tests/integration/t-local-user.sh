#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# What neither a local user nor the bytes of a name may do to the daemon: the control socket is root's, a cgroup's name that
# is no UTF-8 does not cost the list, and where fs.suid_dumpable is 1 every request is told so.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy web <<'CONF'
[Match]
Name=*
[Key user]
CONF
container_rootfs "$containers/web/rootfs"
handler_script web /bin/answer <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" served "$2"
SH
echo 'create user * * /bin/answer %k %S' >"$containers/web/rootfs/etc/request-key.conf"
check 'web is registered' registered web
serial=0
ask() {
	serial=$((serial + 1))
	request web "local:$serial"
}
served() { grep -q '^payload served' <<<"$(ask)"; }
check 'it is served' served

output=$(setpriv --reuid 65534 --regid 65534 --clear-groups upcallctl status 2>&1)
check_equal 'a user is refused with a status of its own' 4 $?
check "and is told why ($output)" grep -q "permission denied: /run/upcalld/control is root's" <<<"$output"
check 'the daemon still serves' served

strange=/sys/fs/cgroup/$'c\xff'
mkdir "$strange"
# shellcheck disable=SC2016 # for the inner shell
bash -c 'echo $$ >"$1/cgroup.procs"; exec unshare -Cpmnf --kill-child sleep 1000' x "$strange" &
sleep 2
inner=$(head -1 "$strange/cgroup.procs")
inner=$(pgrep -P "$inner" || echo "$inner")
check 'a container in a cgroup that is no text is registered' upcallctl register strange --pid "$inner"
check 'the list still lists' grep -q web <<<"$(upcallctl list)"
check 'and shows the bytes' grep -qF 'c\\xff' <<<"$(upcallctl list --json)"
check 'it is unregistered' upcallctl unregister strange
kill %1

gone() { [ "$(systemctl is-active "$1")" != active ]; }
check 'the worker exits when idle' wait_for 40 gone upcall-worker@web.service
systemctl stop upcalld.service
usual=$(sysctl -n fs.suid_dumpable)
sysctl -q fs.suid_dumpable=1
starts() { journalctl -b --no-pager -q -o cat -u upcalld.service | grep -c '^Starting '; }
before=$(starts)
output=$(ask)
check "where workers cannot run the requester is refused ($output)" grep -q '^ENOKEY' <<<"$output"
check 'at once' test "$(took_ms "$output")" -lt 10000
recorded() { records UPCALL_REASON UPCALL_RESULT=refused | grep -q '^fs.suid_dumpable is 1: sysctl -w fs.suid_dumpable=0$'; }
check 'the record says why and what helps' wait_for 10 recorded
check 'so does the status' grep -q 'fs.suid_dumpable is 1' <<<"$(upcallctl status)"
sleep 5
check "the daemon runs ($(($(starts) - before)) starts)" test $(($(starts) - before)) -le 2
sysctl -q fs.suid_dumpable="$usual"
check 'set back, the next is served' served

sysctl -q fs.suid_dumpable=1
check_fails 'a worker that runs already serves no longer' served
check_equal 'and its record says so' 'entry-failed request 95' \
	"$(records 'UPCALL_RESULT + " " + .UPCALL_STEP + " " + .UPCALL_ERRNO' UPCALL_CONTAINER=web | tail -n 1)"
sysctl -q fs.suid_dumpable="$usual"
check 'set back, it serves' served
summary
