#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# A-24: a handler of core dumps that itself crashes, a daemon that crashes and a worker that does: one upcall for the process
# that crashed, none for them, one line of the kernel's for the recursion, nothing that grows, one restart.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/crash
[Key user]
Handler=/usr/libexec/told
CONF
container_rootfs "$containers/web/rootfs"
install -o "$container_uid" -g "$container_uid" told "$containers/web/rootfs/usr/libexec/told"
handler_script web /usr/libexec/crash <<'SH'
#!/bin/sh
echo ran >>/tmp/crashed
exec /bin/requester crash
SH
check 'web is registered' registered web
: >"${root[web]}/gate/open"

trace=/sys/kernel/tracing/instances/recursion
mkdir -p "$trace"
echo 1 >"$trace/events/upcall/upcall_decided/enable"
# Of class core, whoever's.
cores() { grep -c 'upcall_decided: class=0 ' "$trace/trace" || true; }
recursions() { dmesg | grep -c 'RLIMIT_CORE' || true; }
crash() { container_exec web /bin/requester crash >/dev/null 2>&1; }
recorded() { [ "$(records UPCALL_ID UPCALL_CLASS=core | wc -l)" = "$1" ]; }
serial=0
served() {
	serial=$((serial + 1))
	check "$1: the next upcall is served" grep -q "^payload $serial" <<<"$(request web "told:0:$serial")"
}
main_pid() { systemctl show -p MainPID --value "$1"; }
restarts() { systemctl show -p NRestarts --value upcalld.service; }
is_another() { [ "$(main_pid "$1")" != 0 ] && [ "$(main_pid "$1")" != "$2" ]; }

# --- the handler
crash
check 'a crash: recorded' wait_for 20 recorded 1
check_equal 'its handler was killed by its own crash' killed "$(records UPCALL_RESULT UPCALL_CLASS=core)"
check_equal 'it ran (else the test proves nothing)' ran "$(cat "${root[web]}/tmp/crashed")"
check_equal 'one upcall, and none of the handler' 1 "$(cores)"
check_equal 'the kernel says once that it was one' 1 "$(recursions)"
served 'a handler crashed'
check 'nothing is left' wait_for 20 no_leaves web
# Who is there to stay is there now. The kernel's own threads come and go.
processes() { ps -e -o pid=,ppid= | awk '$1 != 2 && $2 != 2' | wc -l; }
before=$(processes)
# Since 6.12 the kernel says no more than ten such things in five seconds.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	sleep 0.6
	crash
done
check 'ten more: recorded' wait_for 60 recorded 11
check_equal 'ten more: an upcall each' 11 "$(cores)"
check_equal 'ten more: a recursion each' 11 "$(recursions)"
check 'ten more: nothing is left' wait_for 20 no_leaves web
not_grown() { [ "$(processes)" -le "$before" ]; }
check "ten more: no more processes than before ($before)" wait_for 20 not_grown

# find_main UNIT: sets $found; who has just served has not ended for being idle. 0 would be everybody.
find_main() {
	found=$(main_pid "$1")
	[ "$found" -gt 1 ]
}
segv() { find_main "$1" && kill -SEGV "$found"; }

# --- the daemon
served 'before upcalld crashes'
find_main upcalld.service
daemon=$found
count=$(restarts)
check 'upcalld is sent SIGSEGV' segv upcalld.service
check 'upcalld crashes, and another is there' wait_for 60 is_another upcalld.service "$daemon"
served 'upcalld crashed'
sleep 5
check_equal 'upcalld: started again once' $((count + 1)) "$(restarts)"
check 'upcalld: PID 1 knows how it ended' grep -q 'status=11/SEGV' \
	<<<"$(journalctl -b --no-pager -q -o cat -u upcalld.service)"
check_equal 'upcalld: its crash is no upcall' 11 "$(cores)"

# --- the worker, idle and with a handler
served 'before the worker crashes'
check 'the worker is sent SIGSEGV' segv upcall-worker@web.service
worker_gone() { [ ! -e "/proc/$found" ]; }
check 'the worker crashes' wait_for 20 worker_gone
served 'the worker crashed'
check_equal 'the worker: its crash is no upcall' 11 "$(cores)"
rm "${root[web]}/gate/open"
request web told:0:held >held &
held=$!
check 'a handler stands at its gate' handler_wait "${cgroup[web]}"
check 'its worker is sent SIGSEGV' segv upcall-worker@web.service
check 'its worker crashes' wait_for 20 worker_gone
: >"${root[web]}/gate/open"
wait "$held"
check 'its requester is answered all the same' grep -q . held
served 'the worker crashed with a handler'
check_equal 'the worker, with a handler: its crash is no upcall' 11 "$(cores)"
check_equal 'nor for the kernel a recursion' 11 "$(recursions)"
check 'no core of anybody went to the host' host_has_no_core
# Its leaf, empty, is the next worker's to remove, after a minute (daemon/worker/leaf.c).
nobody_in_leaves() { ! cat "${cgroup[web]}"/upcall-*/cgroup.procs 2>/dev/null | grep -q .; }
check 'nobody is left at the end' wait_for 20 nobody_in_leaves
check "and no more processes than before ($before)" wait_for 60 not_grown
check_equal 'no upcall is left' '' "$(./shim-client list)"
rmdir "$trace"
summary
