#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-nosys
#
# Handlers that do not do as they should.
#   A-20  in a container with limits one forks, or takes memory, without end: it is killed there, the container is charged
#         for it, and neither upcalld nor another container has to do with it
#   A-64  one leaves processes that have sessions of their own and are deaf to signals: when it ends, and when its time is
#         over, none is left five seconds later, and no unit

# shellcheck source=lib/setup.sh
. lib/setup.sh

unruly_handler() {
	[ -d "$containers/$1/rootfs" ] || container_rootfs "$containers/$1/rootfs"
	install -o "$container_uid" -g "$container_uid" unruly "$containers/$1/rootfs/bin/unruly"
	handler_script "$1" "$2"
}
results() { records UPCALL_RESULT "UPCALL_CONTAINER=$1"; }
# of its number: recorded NAME NUMBER RESULT
is_recorded() { [ "$(results "$1" | wc -l)" -ge "$2" ] && [ "$(results "$1" | sed -n "$2p")" = "$3" ]; }

# ------------------------------------------------------------------------ A-64

policy leaves <<'CONF'
[Match]
Name=leaves
[Core]
Handler=/usr/libexec/leaves
RuntimeMaxSec=3
[Key user]
Handler=/usr/libexec/leaves
RuntimeMaxSec=3
[Key dns_resolver]
Handler=/usr/libexec/leaves
Answer=yes
RuntimeMaxSec=3
[Key logon]
Handler=/run/leaves
RunIn=host
Answer=yes
RuntimeMaxSec=3
CONF
modprobe dns_resolver
mkdir -p /gate
install unruly /bin/unruly
# $1: how long it stays itself
handlers_stay() {
	printf '#!/bin/sh\nexec /bin/unruly leave 8 %s\n' "$1" | unruly_handler leaves /usr/libexec/leaves
	printf '#!/bin/sh\nexec /bin/unruly leave 8 %s\n' "$1" >/run/leaves
	chmod 755 /run/leaves
}
handlers_stay 0
check 'leaves is registered' registered leaves
# A zombie of a container whose first process reaps nobody is that one's.
unruly_ones() { pgrep -x -r D,I,R,S,T,t unruly; }
none_left() { [ -z "$(unruly_ones)" ]; }
raise() {
	case $1 in
	core) container_exec leaves /bin/requester crash ;;
	*) container_exec leaves /bin/requester key "$1" "$2:$1" c ;;
	esac >/dev/null 2>&1
}
for stays in 0 600; do
	handlers_stay "$stays"
	for what in user core dns_resolver logon; do
		how="A-64: $what, whose handler $([ "$stays" = 0 ] && echo ends || echo overstays)"
		rm -f /gate/left "${root[leaves]}/gate/left"
		audit_expect_host /run/leaves 'its policy says RunIn=host'
		audit_expect_host /bin/unruly 'what it becomes'
		raise "$what" "$stays"
		from=$(now_ms)
		check_equal "$how: it has left eight (else the test proves nothing)" 8 "$(cat /gate/left "${root[leaves]}/gate/left" 2>/dev/null)"
		check "$how: of which none is left" wait_for 20 none_left
		check_within "$how: in five seconds" "$(($(now_ms) - from))" 5000
		check "$how: nor a cgroup" wait_for 5 no_leaves leaves
		check "$how: audited" audit_checkpoint
	done
done

# ------------------------------------------------------------------------ A-20

policy burden <<'CONF'
[Match]
Name=burden
[Key user]
Handler=/usr/libexec/forks
RuntimeMaxSec=20
[Core]
Handler=/usr/libexec/swallows
RuntimeMaxSec=60
CONF
unruly_handler burden /usr/libexec/forks <<'SH'
#!/bin/sh
exec /bin/unruly fork
SH
unruly_handler burden /usr/libexec/swallows <<'SH'
#!/bin/sh
exec /bin/unruly swallow
SH
check 'burden is registered: 20 processes, 64 MiB, a tenth of a processor' registered burden \
	'.linux.resources = {pids: {limit: 20}, memory: {limit: 67108864}, cpu: {quota: 10000, period: 100000}}'
check_equal 'it has these limits (else the test proves nothing)' '20 67108864 10000 100000' \
	"$(cat "${cgroup[burden]}"/{pids.max,memory.max,cpu.max} | xargs)"
answering web
check 'web is registered, a neighbour' registered web
event() { sed -n "s/^$2 //p" "${cgroup[burden]}/$1"; }
daemon=$(systemctl show -P MainPID upcalld.service)
memory() { sed -n 's/^VmRSS:[ \t]*\([0-9]*\) kB/\1/p' "/proc/$daemon/status"; }
served() { grep -q 'payload served' <<<"$(request web "$1" 2>&1)"; }
check 'web is served' served before
before=$(memory)

request burden forks >forks.out &
requester=$!
full() { [ "$(event pids.events max)" -gt 0 ] && [ "$(cat "${cgroup[burden]}/pids.current")" -ge 19 ]; }
check 'A-20: it forks, until the container may have no more' wait_for 60 full
inside=$(cat "${cgroup[burden]}"/upcall-*/cgroup.procs | wc -l)
check "A-20: all of these are in the container's cgroup ($inside)" test "$(unruly_ones | wc -l)" = "$inside" -a "$inside" -gt 2
from=$(now_ms)
check 'A-20: a neighbour is served meanwhile' served forking
check_within 'A-20: and in time' "$(($(now_ms) - from))" 5000
check 'A-20: upcalld answers meanwhile' upcallctl status
wait "$requester"
check 'A-20: it is ended when its time is over' is_recorded burden 1 timeout
check 'A-20: nothing is left of it' wait_for 10 none_left
check 'A-20: nor a cgroup' wait_for 10 no_leaves burden

killed=$(event memory.events oom_kill)
container_exec burden /bin/requester crash >/dev/null 2>&1
check 'A-20: it takes memory, and is killed for it' wait_for 90 is_recorded burden 2 oom-killed
check "A-20: the container's memory.events says so" test "$(event memory.events oom_kill)" -gt "$killed"
check 'A-20: nothing is left of it' wait_for 10 none_left
check 'A-20: its first process lives' kill -0 "${leader[burden]}"
check 'A-20: a neighbour is served' served after
check_equal 'A-20: upcalld ran all the time' "$daemon" "$(systemctl show -P MainPID upcalld.service)"
check "A-20: its memory: $before KiB before, $(memory) KiB after" test "$(memory)" -le $((before * 105 / 100))
check 'A-20: audited' audit_checkpoint

for name in leaves burden web; do
	# its socket waits for the next upcall
	worker_is_gone() { [ "$(systemctl is-active "upcall-worker@$name.service")" = inactive ]; }
	check "$name: its worker has ended, and its unit" wait_for 60 worker_is_gone
done
check_equal 'no unit has failed' '' "$(systemctl list-units --failed --plain --no-legend)"
summary
