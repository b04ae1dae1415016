#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# A-61: a running upcalld and a running worker have the capabilities, the filter, the flags, the sockets and the namespaces
# that units/README.md says, and no more. A-53: as PID 1 sees them, the installed units are exposed as the limits say.

# shellcheck source=lib/setup.sh
. lib/setup.sh

audit_expect_host /sbin/modprobe 'ss has the kernel load what tells of sockets'
policy web <<'CONF'
[Match]
Name=web
[Key user]
Handler=/usr/libexec/told
CONF
container_rootfs "$containers/web/rootfs"
install -o "$container_uid" -g "$container_uid" told "$containers/web/rootfs/usr/libexec/told"
check 'web is registered' registered web
: >"${root[web]}/gate/open"
check 'it serves' grep -q '^payload it' <<<"$(request web told:0:it)"

main_pid() { systemctl show -p MainPID --value "$1"; }
status_of() { awk -v name="$2:" '$1 == name { $1 = ""; print substr($0, 2) }' "/proc/$1/status"; }
# Of what is not unix and netlink: who has such a socket, none is expected.
internet_sockets() { ss -H -a -n -p -t -u -w -0 | grep "pid=$1,"; }
core_limit() { awk '/^Max core file size/ { print $5 }' "/proc/$1/limits"; }
# Namespaces that are not PID 1's.
own_namespaces() {
	local ns
	for ns in cgroup ipc mnt net pid time user uts; do
		[ "$(readlink "/proc/$1/ns/$ns")" = "$(readlink "/proc/1/ns/$ns")" ] || echo "$ns"
	done
}
# capabilities PROCESS-ID: permitted, effective, bounding; inheritable, ambient
capabilities() {
	echo "$(status_of "$1" CapPrm) $(status_of "$1" CapEff) $(status_of "$1" CapBnd) $(status_of "$1" CapInh) $(status_of "$1" CapAmb)"
}

sleep 1000 &
other=$!
check_equal 'a process of nobody in particular is dumpable (else the test proves nothing)' yes "$(./dumpable "$other")"
kill "$other"

daemon=$(main_pid upcalld.service)
check 'there is a daemon (else the test proves nothing)' test "$(readlink "/proc/$daemon/exe")" = /usr/sbin/upcalld
# CAP_SYS_PTRACE is 19, CAP_SYS_ADMIN 21
two=$(printf %016x $((1 << 19 | 1 << 21)))
none=0000000000000000
check_equal 'upcalld: its capabilities' "$two $two $two $none $none" "$(capabilities "$daemon")"
check_equal 'upcalld: its ids are root' '0 0 0 0' "$(status_of "$daemon" Uid)"
check_equal 'upcalld: no new privileges' 1 "$(status_of "$daemon" NoNewPrivs)"
check_equal 'upcalld: a seccomp filter' 2 "$(status_of "$daemon" Seccomp)"
check_equal 'upcalld: not dumpable' no "$(./dumpable "$daemon")"
check_equal 'upcalld: its crash would be no upcall' 1 "$(core_limit "$daemon")"
check_equal 'upcalld: no socket but unix and netlink' '' "$(internet_sockets "$daemon")"
check_equal 'upcalld: and it cannot make one' 'AF_NETLINK AF_UNIX' \
	"$(systemctl show -p RestrictAddressFamilies --value upcalld.service)"
check_equal 'upcalld: of all namespaces its own is the view of files' mnt "$(own_namespaces "$daemon")"
# /run is for its state; the rest that can be written is the devices', which DevicePolicy= closes, and a /tmp of its own. An
# automount point has no file.
writable() { grep -v ' - autofs ' "/proc/$1/mountinfo" | awk '$6 !~ /(^|,)ro(,|$)/ && $5 !~ "^/(run|dev|tmp|var/tmp)(/|$)" { print $5 }'; }
check_equal 'upcalld: sysctls, cgroups and files of the system are read-only' '' "$(writable "$daemon")"
check_equal 'upcalld: one thread' 1 "$(status_of "$daemon" Threads)"
check_fails 'upcalld: the buffer for events is large enough without CAP_NET_ADMIN' \
	grep -q 'Cannot enlarge' <<<"$(journalctl -b -q --no-pager -u upcalld.service)"

# One that has just served, and is stopped: it ends by itself when it is idle.
check 'it serves again' grep -q '^payload again' <<<"$(request web told:0:again)"
worker=$(main_pid upcall-worker@web.service)
kill -STOP "$worker"
check 'there is a worker (else the test proves nothing)' test "$worker" -gt 1
all=$(status_of 1 CapBnd)
check_equal 'worker: its capabilities' "$all $all $all $none $none" "$(capabilities "$worker")"
check_equal 'worker: new privileges are as the leader has them' 0 "$(status_of "$worker" NoNewPrivs)"
check_equal 'worker: no filter that its children would inherit' 0 "$(status_of "$worker" Seccomp)"
check_equal 'worker: not dumpable' no "$(./dumpable "$worker")"
check_equal 'worker: its crash would be no upcall' 1 "$(core_limit "$worker")"
check_equal 'worker: no socket but unix' '' "$(internet_sockets "$worker")"
check_equal 'worker: all namespaces are the host'\''s' '' "$(own_namespaces "$worker")"
check_equal 'worker: one thread' 1 "$(status_of "$worker" Threads)"
check 'worker: it is sealed memory' test "$(readlink "/proc/$worker/exe")" = '/memfd:upcall-worker (deleted)'
kill -CONT "$worker"

check 'upcalld.service is exposed by at most 3.0' systemd-analyze security --threshold=30 --no-pager upcalld.service
check 'upcall-worker@.service by at most 9.8' systemd-analyze security --threshold=98 --no-pager upcall-worker@web.service
summary
