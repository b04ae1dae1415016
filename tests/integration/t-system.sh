#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: soak
# soak-suites: trixie trixie-backports
# module: kmod
#
# What happens to the system around: PID 1, dbus and journald are restarted under upcalls (A-44), the clock jumps a day
# (A-72) or goes on while the machine stands (F-16), and with a upcalld that hangs the machine is looked after as it is without
# the module (A-67).

# shellcheck source=lib/setup.sh
. lib/setup.sh
parameters=/sys/module/upcall_shim/parameters

policy sys <<'CONF'
[Match]
Name=busy cold
[Key user]
Handler=/usr/libexec/told
RuntimeMaxSec=600
[Key logon]
Handler=/usr/libexec/gate
RuntimeMaxSec=3
CONF
for name in busy cold; do
	container_rootfs "$containers/$name/rootfs"
	for program in told gate; do
		install -o "$container_uid" -g "$container_uid" "$program" "$containers/$name/rootfs/usr/libexec/$program"
	done
	check "$name is registered" registered "$name"
	: >"${root[$name]}/gate/open"
done
parameter() { echo "$2" >"$parameters/$1"; }
main_pid() { systemctl show -p MainPID --value "$1"; }
in_state() { [ "$(./shim-client list | grep -c "state=$1 ")" = "$2" ]; }
nothing_left() { [ -z "$(./shim-client list)" ]; }
is_another() { [ "$(main_pid "$1")" != 0 ] && [ "$(main_pid "$1")" != "$2" ]; }
# Each file of the journal by itself: after a crash, journalctl 257 left out all 73 entries of one that is whole.
each_record() {
	local file
	for file in /run/log/journal/*/*; do journalctl --no-pager -q -o json --file "$file" "UPCALL_CONTAINER=$1" UPCALL_RESULT=served; done |
		jq -r 'select(.UPCALL_ID) | .UPCALL_ID'
}
recorded() { [ "$(each_record "$1" | sort -u | wc -l)" = "$2" ]; }

# ------------------------------------------------------------ A-44

# journald deletes its oldest file when it has a tenth of /run, 19 MB: with version 257 that was so after its crash here, and
# looked like records of ours that were lost.
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nRuntimeMaxUse=100M\nRuntimeKeepFree=10M\n' >/etc/systemd/journald.conf.d/room.conf
systemctl restart systemd-journald.service

parameter claim_ms 600000
parameter key_run_ms 600000
answers=${root[busy]}/tmp
container_exec busy /bin/sh -c '
	one() {
		i=0
		while [ ! -e /tmp/enough ]; do
			/bin/requester key user told:0:$1-$i c
			i=$((i + 1))
		done
	}
	for stream in 1 2; do one $stream >/tmp/stream.$stream 2>&1 & done
	wait' &
asking=$!
answered() { cat "$answers"/stream.* 2>/dev/null | grep -c '^payload ' || true; }
have_grown() { [ "$(answered)" -ge "$1" ]; }
# Two streams: after three more answers one of them has gone round.
flows() { wait_for 120 have_grown $(($(answered) + 3)); }
check 'A-44: upcalls flow' flows

# A worker that has to be started just then, and what flows anyway.
cold=0
# under WHAT COMMAND...
under() {
	local what=$1
	shift
	systemctl stop -q upcall-worker@cold.service
	request cold "told:0:cold-$cold" >just-then &
	local requester=$!
	check "A-44: $what" "$@"
	wait "$requester"
	check_equal "A-44: $what: who came just then is served, by a worker that was started then" "payload cold-$cold" "$(head -n 1 just-then)"
	check "A-44: $what: upcalls flow" flows
	cold=$((cold + 1))
}
restarted() {
	local pid
	pid=$(main_pid "$1")
	systemctl restart "$1" && is_another "$1" "$pid"
}
audit_expect_host '*/lib/systemd/systemd' 'PID 1 executes itself again; its parent is the kernel'
under 'daemon-reexec' systemctl daemon-reexec
under 'daemon-reload' systemctl daemon-reload
under 'dbus is restarted' restarted dbus.service
under 'journald is restarted' restarted systemd-journald.service

# journald crashes with records before it that it has not read. What it has read is written, because nothing comes just then.
rm "${root[busy]}/gate/open"
stands() { in_state 4 2; }
check 'A-44: all stand at their gate' wait_for 60 stands
all_recorded() { recorded busy "$(answered)"; }
check 'A-44: who was answered is recorded' wait_for 60 all_recorded
journald=$(main_pid systemd-journald.service)
kill -STOP "$journald"
: >"${root[busy]}/gate/open"
check 'A-44: journald hangs: upcalls flow' flows
audit_expect_host '*/systemd-coredump' 'journald crashes'
kill -SEGV "$journald"
kill -CONT "$journald"
check 'A-44: journald crashes, and another is there' wait_for 120 is_another systemd-journald.service "$journald"
check 'A-44: journald has crashed: upcalls flow' flows
: >"$answers/enough"
wait "$asking"
# Each answer is its own, in order: none lost, none twice.
for stream in 1 2; do
	count=$(grep -c '^payload ' "$answers/stream.$stream")
	check "A-44: each of stream $stream ($count) has its own answer" \
		diff <(seq -f "payload $stream-%.0f" 0 $((count - 1))) <(grep -v '^ok ' "$answers/stream.$stream")
done
check "A-44: no record is lost ($(answered))" wait_for 60 all_recorded
check 'A-44: nor one of those who came just then' wait_for 60 recorded cold "$cold"
check_equal 'A-44: each is there once' '' "$({ each_record busy && each_record cold; } | sort | uniq -d)"
# Workers that are started for the first time, each at another moment of PID 1's executing itself again.
policy crowd <<CONF
[Match]
Name=crowd-*
[Key user]
Handler=$PWD/bench-helper
CONF
members=() launchers=()
for ((i = 0; i < 12; i++)); do
	unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 &
	launchers+=($!)
done
for i in "${!launchers[@]}"; do
	wait_for 20 pgrep -P "${launchers[i]}" -x sleep >/dev/null
	members[i]=$(pgrep -P "${launchers[i]}" -x sleep)
	check "A-44: crowd-$i is registered" upcallctl register "crowd-$i" --pid "${members[i]}"
done
ask_first() { nsenter -t "${members[$1]}" -U -p -m --preserve-credentials "$PWD/requester" key user "first:$1" c >"first.$1" 2>&1; }
asking=()
systemctl daemon-reexec &
reexec=$!
for i in "${!members[@]}"; do
	ask_first "$i" &
	asking+=($!)
	sleep 0.15
done
wait "${asking[@]}"
check 'A-44: PID 1 has executed itself again' wait "$reexec"
check_equal "A-44: each of ${#members[@]} who came meanwhile is served, by a worker that was started then" '' \
	"$(for i in "${!members[@]}"; do [ "$(head -n 1 "first.$i")" = 'payload bench' ] || echo "$i: $(cat "first.$i")"; done)"
# Nor is one left whose container goes just then.
systemctl daemon-reexec &
reexec=$!
for i in "${!members[@]}"; do
	upcallctl unregister "crowd-$i"
	sleep 0.15
done
wait "$reexec"
no_crowd() { [ -z "$(systemctl list-units --plain --no-legend 'upcall-worker@crowd*')" ]; }
check 'A-44: no unit is left of them' wait_for 60 no_crowd
kill -KILL "${launchers[@]}" "${members[@]}"
wait "${launchers[@]}" 2>/dev/null
check 'A-44: nothing is left' wait_for 20 nothing_left
audit_checkpoint

# ------------------------------------------------------------ A-72

# The day that it is, whatever date says.
begun=$(($(date +%s) * 100 - $(guest_clock)))
days() { date -s "@$(((begun + $(guest_clock)) / 100 + $1 * 86400))" >/dev/null; }
rm "${root[busy]}/gate/open"
requesters=()
for ((i = 0; i < 6; i++)); do
	request busy "told:0:day-$i" >"day.$i" &
	requesters+=($!)
done
four_run() { in_state 4 4 && in_state 1 2; }
check 'A-72: four run, and two wait for them' wait_for 60 four_run
for jump in 1 0 -1 0; do
	days $jump
	# longer than any timer that looks at what is overdue
	sleep 3
	check "A-72: the clock is $jump days off: they run and wait as before" four_run
done

# Deadlines in the module and in the worker, each with the clock set forth and back under it.
expire_by_module() { nsenter -t "${leader[cold]}" -U -p -m /bin/requester key user told:0:late c; }
expire_by_worker() { nsenter -t "${leader[cold]}" -U -p -m /bin/requester key logon late:1 c; }
# jumps WHO DAYS LEAST-MS MOST-MS ERRNO
jumps() {
	"expire_by_$1" >late &
	local requester=$!
	wait_for 20 "$1_counts"
	days "$2"
	wait "$requester"
	check "A-72: $2 days under a deadline of the $1 ($(cat late))" grep -q "^$5 " late
	check "A-72: $2 days: neither too early nor too late" \
		test "$(took_ms "$(cat late)")" -ge "$3" -a "$(took_ms "$(cat late)")" -lt "$4"
	days 0
}
module_counts() { in_state 1 3; }
worker_counts() { in_state 4 5; }
rm "${root[cold]}/gate/open"
for jump in 1 -1; do jumps worker $jump 2900 20000 ENOKEY; done
systemctl kill --kill-whom=main -s STOP upcalld.service
parameter claim_ms 2000
for jump in 1 -1; do jumps module $jump 1900 20000 ETIMEDOUT; done
systemctl kill --kill-whom=main -s CONT upcalld.service
: >"${root[busy]}/gate/open"
wait "${requesters[@]}"
for ((i = 0; i < 6; i++)); do check_equal "A-72: day-$i is served" "payload day-$i" "$(head -n 1 "day.$i")"; done
timed_out() { [ "$(records UPCALL_ID UPCALL_RESULT=timeout | wc -l)" = 2 ]; }
check 'A-72: the two that overstayed are recorded as that' wait_for 20 timed_out
check_equal 'A-72: no record has lasted longer than the test' '' \
	"$(records UPCALL_DURATION_USEC | awk -v most="$(guest_clock)" '$1 < 0 || $1 > most * 10000')"
check 'A-72: nothing is left' wait_for 20 nothing_left

# The machine stands while its clocks go on: when it is over, so is everybody's time, and nobody has had any of it.
policy sys <<'CONF'
[Match]
Name=busy cold
[Key user]
Handler=/usr/libexec/told
RuntimeMaxSec=6
[Key dns_resolver]
Handler=dns
CONF
parameter claim_ms 6000
check 'A-72: the kernel has dns_resolver keys' modprobe dns_resolver
echo 'nameserver 127.0.0.1' >"${root[busy]}/etc/resolv.conf"
container_exec busy /bin/dns-server 53 a.example 10.0.0.7 /tmp/dns.log /gate/dns &
server=$!
check 'A-72: a name server listens' wait_for 20 test -e "${root[busy]}/tmp/dns.log"
check 'A-72: the raiser loads' insmod ./upcall_raiser.ko
wait_for 20 test -c /dev/upcall-raiser
rm "${root[busy]}/gate/open"
requesters=()
request cold told:0:overstayed >overstayed &
requesters+=($!)
for ((i = 0; i < 6; i++)); do
	request busy "told:0:stood-$i" >"stood.$i" &
	requesters+=($!)
done
all_there() { in_state 4 5 && in_state 1 2; }
check 'A-72: five run, and two wait for them' wait_for 60 all_there
# A resolver in the last of its two tries has some again: only then does the server say something.
container_exec busy /bin/requester key dns_resolver a:a.example x >resolved 2>&1 &
requesters+=($!)
# The server, who has the first question, does not read another.
asked_again() {
	nsenter -t "${leader[busy]}" -n awk '$2 ~ /:0035$/ && $5 !~ /:0+$/ { found = 1 } END { exit !found }' /proc/self/net/udp
}
check 'A-72: a name server is asked for the last time' wait_for 20 asked_again
echo 'stand 13' >/dev/upcall-raiser
check 'A-72: the machine stood: they run and wait as before' all_there
: >"${root[busy]}/gate/dns"
: >"${root[busy]}/gate/open"
wait "${requesters[@]}"
for ((i = 0; i < 6; i++)); do check_equal "A-72: stood-$i is served" "payload stood-$i" "$(head -n 1 "stood.$i")"; done
check "A-72: the name server's answer came in time ($(cat resolved))" grep -q 10.0.0.7 resolved
kill "$server"
check "A-72: who overstays even so has his end ($(cat overstayed))" grep -q ^ENOKEY overstayed
check 'A-72: and not before he has had his time' test "$(took_ms "$(cat overstayed)")" -ge 18000
check 'A-72: nor much later' test "$(took_ms "$(cat overstayed)")" -lt 40000
check 'A-72: nothing of them is left' wait_for 20 nothing_left
rmmod upcall_raiser

# ------------------------------------------------------------ A-67

trace=/sys/kernel/tracing/instances/system
mkdir -p "$trace"
echo 1 >"$trace/events/upcall/upcall_decided/enable"
decided_otherwise() { grep 'upcall_decided: ' "$trace/trace" | grep -v ' verdict=0 ' || true; }
# Nor would PID 1 wait for one that hangs: it is to hang to the end.
mkdir -p /run/systemd/system/upcalld.service.d
printf '[Service]\nWatchdogSec=0\n' >/run/systemd/system/upcalld.service.d/patient.conf
systemctl daemon-reload
systemctl restart upcalld.service
daemon=$(main_pid upcalld.service)
systemctl kill --kill-whom=main -s STOP upcalld.service
audit_expect_host '*' 'the host'\''s own helpers'

# helper PATH: a helper that says with what it was called
helper() {
	printf '#!/bin/sh\necho "$@" >>/run/helper-said\n' >"$1"
	chmod 755 "$1"
	rm -f /run/helper-said
}
said() { [ "$(cat /run/helper-said)" = "$1" ]; }
helper /sbin/bridge-stp
ip link add stp0 type bridge
ip link set stp0 type bridge stp_state 1
check 'A-67: upcalld hangs: the bridge helper runs' wait_for 20 said 'stp0 start'
ip link del stp0
# Who asks for it holds the lock of the machine's networks: where strangers are refused all else, they have it, too.
bridge_of_a_stranger() { # NAME
	helper /sbin/bridge-stp
	ip link add "$1" type bridge
	parameter strict 1
	unshare -p -f ip link set "$1" type bridge stp_state 1
	parameter strict 0
	wait_for 20 said "$1 start" && ip link del "$1"
}
check 'A-67: upcalld hangs: and for a stranger, where those are refused' bridge_of_a_stranger stp1
# Its class is that of who calls, and whoever looks at what the hooked function returns takes his place in the return address.
echo 'r:system/returned call_usermodehelper_exec' >>/sys/kernel/tracing/kprobe_events
echo 1 >"$trace/events/system/returned/enable"
check 'A-67: also while the call is traced' bridge_of_a_stranger stp2
check 'A-67: which it was' grep -q ' returned: ' "$trace/trace"
echo 0 >"$trace/events/system/returned/enable"
mkdir /run/agent
mount -t cgroup -o none,name=agent none /run/agent
helper /run/agent-says
echo /run/agent-says >/run/agent/release_agent
mkdir /run/agent/one
echo 1 >/run/agent/one/notify_on_release
sh -c 'echo $$ >/run/agent/one/cgroup.procs'
check 'A-67: upcalld hangs: the release agent runs' wait_for 20 said /one
umount /run/agent
# Drivers that see the machine overheat call it, and none does so here; so the tests' module does. It is a work of the kernel.
check 'A-67: the raiser loads' insmod ./upcall_raiser.ko
wait_for 20 test -c /dev/upcall-raiser
poweroff_cmd=$(sysctl -n kernel.poweroff_cmd)
helper /run/power-off
sysctl -q -w kernel.poweroff_cmd='/run/power-off now'
echo poweroff >/dev/upcall-raiser
check 'A-67: upcalld hangs: orderly_poweroff() runs its program' wait_for 20 said now
sysctl -q -w kernel.poweroff_cmd="$poweroff_cmd"
rmmod upcall_raiser
host_dumped() { journalctl -b -q --no-pager MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1 COREDUMP_COMM=requester | grep -q .; }
./requester crash
check 'A-67: upcalld hangs: the host dumps a core' wait_for 60 host_dumped
check_equal 'A-67: all that was decided was: native' '' "$(decided_otherwise)"
check 'A-67: and something was (else the test proves nothing)' test "$(grep -c 'upcall_decided: ' "$trace/trace")" -ge 5
rmdir "$trace"

# What the kernel sends PID 1 for ctrl-alt-del, and where that goes.
cat >/run/systemd/system/ctrl-alt-del.target <<'UNIT'
[Unit]
DefaultDependencies=no
Wants=pressed.service
UNIT
printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=touch /run/pressed\n' >/run/systemd/system/pressed.service
systemctl daemon-reload
kill -INT 1
check 'A-67: upcalld hangs: PID 1 acts on ctrl-alt-del' wait_for 20 test -e /run/pressed
synced() { dmesg | grep -q 'Emergency Sync complete'; }
echo s >/proc/sysrq-trigger
check 'A-67: upcalld hangs: SysRq acts' wait_for 20 synced
check_equal 'A-67: and it hung all the time' "$daemon" "$(main_pid upcalld.service)"
# As at a shutdown.
started=$(guest_clock)
systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
check 'A-67: it does not keep PID 1 from stopping it' test $(($(guest_clock) - started)) -lt 1500
summary
