#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# begins: first
# soak-suites: trixie trixie-backports
# soak: 30 667
#
# upcalld hangs, is flooded while it does, and never comes back: the host and PID 1 notice nothing (A-25), nothing that was
# asked is lost with its event (A-31), and who asks then has an error in time and can be killed (A-29).
# $1: containers of the flood (default 6), $2: requests in each (default 70)

# shellcheck source=lib/setup.sh
. lib/setup.sh
crowd=${1:-6}
tries=${2:-70}
parameters=/sys/module/upcall_shim/parameters

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/gate
[Key user]
Handler=/usr/libexec/told
[Key dns_resolver]
Handler=dns
[Module]
Allow=net-pf-35
CONF
policy many <<'CONF'
[Match]
Name=many-*
[Key user]
Handler=/usr/libexec/told
MaxConcurrent=16
CONF
# These end in time here however slow the machine is; and nobody but us ends a daemon that hangs.
mkdir -p /run/systemd/system/upcalld.service.d
printf '[Service]\nWatchdogSec=0\n' >/run/systemd/system/upcalld.service.d/patient.conf
# PID 1's own upcall: what A-25's probe starts
printf '[Socket]\nListenNetlink=xfrm\nService=none.service\n' >/run/systemd/system/probe.socket
printf '[Service]\nExecStart=/bin/true\n' >/run/systemd/system/none.service
systemctl daemon-reload
parameter() { echo "$2" >"$parameters/$1"; }
main_pid() { systemctl show -p MainPID --value upcalld.service; }
daemon_signal() { systemctl kill --kill-whom=main -s "$1" upcalld.service; }
counted() { ./shim-client counters "$1" | sed -n "s/^$2 //p"; }
in_state() { ./shim-client list | grep -q "state=$1 class=$2 "; }
nothing_left() { [ -z "$(./shim-client list)" ]; }
result() { sed 's/ *ms=.*//'; }

# ------------------------------------------------------------ A-25: the host

audit_expect_host '*' 'the host asks: modprobe, request-key, and what the test says instead'

# Each prints a result, then how long it took.
host_key() { ./requester key user "host:$RANDOM$RANDOM$RANDOM" c; }
host_mount() {
	modprobe -q -r minix
	! grep -q '^minix ' /proc/modules || echo 'minix is there already'
	./requester mount minix none /mnt
	grep -q '^minix ' /proc/modules || echo 'minix is not there'
}
xfrm_unload() {
	systemctl stop probe.socket
	modprobe -q -r xfrm_user
}
pid1_socket() {
	local started
	xfrm_unload
	! grep -q '^xfrm_user ' /proc/modules || echo 'xfrm_user is there already'
	started=$(now_ms)
	systemctl start probe.socket
	echo "$(systemctl is-active probe.socket) ms=$(($(now_ms) - started))"
	grep -q '^xfrm_user ' /proc/modules || echo 'xfrm_user is not there'
}
# least COMMAND [ENOUGH]: its time in $least, of five, or of as many as it takes to be no more than ENOUGH; its result in $said
least() {
	local output took
	least=999999
	for _ in 1 2 3 4 5; do
		output=$("$1")
		took=$(took_ms "$output")
		[ "$took" -ge "$least" ] || least=$took
		[ "$least" -gt "${2:-0}" ] || break
	done
	said=$(result <<<"$output")
}

systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
check 'A-25: the module is not loaded at first' rmmod upcall_shim
declare -A before result_before
for what in host_key host_mount pid1_socket; do
	least $what
	before[$what]=$least
	result_before[$what]=$said
done
modprobe upcall_shim
back() { systemctl is-active --quiet upcalld-shim.socket; }
check 'A-25: it is loaded' wait_for 60 back
systemctl start upcalld.socket
container_rootfs "$containers/web/rootfs"
for program in told gate; do
	install -o "$container_uid" -g "$container_uid" "$program" "$containers/web/rootfs/usr/libexec/$program"
done
check 'A-25: web is registered' registered web
daemon=$(main_pid)
daemon_signal STOP
parameter claim_ms 600000
request web told:0:parked >parked &
parked=$!
check 'A-25: upcalld hangs, and an upcall waits for it' wait_for 20 in_state 1 key
for what in host_key host_mount pid1_socket; do
	# 20 ms: the clock's step, and two processors for everything
	enough=$((2 * ${before[$what]} + 20))
	least $what $enough
	check_equal "A-25: $what, the same result (${result_before[$what]})" "${result_before[$what]}" "$said"
	check "A-25: $what, within twice the time ($least, ${before[$what]} without the module)" test "$least" -le $enough
done
check_equal 'A-25: PID 1 opened its socket (else that proves nothing)' active "${result_before[pid1_socket]}"

# PID 1 is held in its own modprobe: what it waits in is the kernel's. The hook itself is on the way there.
cat >slow-modprobe <<SH
#!/bin/sh
while [ ! -e $PWD/modprobe-go ]; do sleep 0.05; done
exec /sbin/modprobe "\$@"
SH
chmod 755 slow-modprobe
xfrm_unload
modprobe=$(cat /proc/sys/kernel/modprobe)
echo "$PWD/slow-modprobe" >/proc/sys/kernel/modprobe
systemctl start --no-block probe.socket
pid1_waits() { grep -q call_usermodehelper_exec /proc/1/stack; }
check 'A-25: PID 1 waits for its own modprobe' wait_for 20 pid1_waits
cat /proc/1/stack >stack
check_equal 'A-25: nowhere in the shim but in the hook' '' "$(grep '\[upcall_shim\]' stack | grep -v ' hooked_exec+')"
check_fails 'A-25: nor does it sleep there' grep -q " $(cat /proc/1/wchan)[[:space:]].*\[upcall_shim\]" /proc/kallsyms
check_equal 'A-25: with PID 1 held so, the host has its keys' "${result_before[host_key]}" "$(host_key | result)"
parameter claim_ms 1000
output=$(nsenter -t "${leader[web]}" -U -p -m /bin/requester key user told:0:held c)
check "A-25: and a container's requester an end ($output)" grep -q ^ETIMEDOUT <<<"$output"
touch modprobe-go
is_active() { [ "$(systemctl is-active probe.socket)" = active ]; }
check 'A-25: PID 1 goes on' wait_for 20 is_active
echo "$modprobe" >/proc/sys/kernel/modprobe
check_equal 'A-25: upcalld did nothing all the time' "$daemon" "$(main_pid)"
: >"${root[web]}/gate/open"
daemon_signal CONT
wait "$parked"
check_equal 'A-25: who waited for it is served' 'payload parked' "$(head -n 1 parked)"
systemctl stop probe.socket
audit_checkpoint

# ------------------------------------------------------------ A-31: a flood, and few events arrive

raise_key_quotas
# Of so many containers 4096 may wait, each a process of its own.
sysctl -q -w kernel.threads-max=20000
ulimit -u unlimited
mkdir -p /run/systemd/system/upcalld-shim.socket.d /gate
printf '[Socket]\nReceiveBuffer=1\n' >/run/systemd/system/upcalld-shim.socket.d/small.conf
systemctl daemon-reload
systemctl restart upcalld-shim.socket
install told /usr/libexec/told
: >/gate/open
: >/tmp/ran
# Of those that wait, an emulated machine serves five in a second.
parameter claim_ms 3600000

leaders=()
for ((i = 0; i < crowd; i++)); do
	unshare -U -r -p -m -f --mount-proc --kill-child sleep 2147483647 &
	has_leader() { leaders[i]=$(pgrep -P "$1" -x sleep); }
	wait_for 20 has_leader $!
	upcallctl register "many-$i" --pid "${leaders[i]}" || not_ok "A-31: many-$i is registered"
done
status_of() { upcallctl status --json | jq ".$1"; }
check_equal 'A-31: no event was lost so far' 0 "$(status_of enobufs)"
refused_before=$(counted 1 refused)
offered_before=$(counted 1 offered)
daemon=$(main_pid)
daemon_signal STOP
floods=()
for ((i = 0; i < crowd; i++)); do
	nsenter -t "${leaders[i]}" -U -p -m "$PWD/flood" "$tries" "told:0:many-$i-" >"flood.$i" &
	floods+=($!)
done
all_asked() { [ $(($(counted 1 offered) + $(counted 1 refused) - offered_before - refused_before)) = $((crowd * tries)) ]; }
check "A-31: upcalld hangs, and $((crowd * tries)) ask" wait_for 600 all_asked
offered=$(($(counted 1 offered) - offered_before))
./shim-client containers >entries
pending=$(sed -n 's/.* many-.* pending=\([0-9]*\) .*/\1/p' entries | awk '{ n += $1 } END { print n + 0 }')
check_equal 'A-31: who was offered waits' "$offered" "$pending"
check "A-31: on the whole machine no more than 4096 ($pending)" test "$pending" -le 4096
check_fails 'A-31: and of no container more than its share' grep -qE 'pending=(6[5-9]|[7-9][0-9]|[0-9]{3,}) ' entries
check 'A-31: some were beyond it, and were refused at once' test "$offered" -lt $((crowd * tries))
# sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
awk '$2 == 16 && $9 > 0' /proc/net/netlink >netlink
check_equal 'A-31: the one socket could not take all events' 1 "$(wc -l <netlink)"
check 'A-31: and what it took is little' test "$(awk '{ print $5 }' netlink)" -lt 65536
daemon_signal CONT
wait "${floods[@]}"
check 'A-31: nothing is left' wait_for 60 nothing_left
check_equal 'A-31: upcalld stayed up' "$daemon" "$(main_pid)"
check "A-31: it knows that events were lost ($(status_of enobufs))" test "$(status_of enobufs)" -ge 1
endings() { awk -v name="$1" '$1 == name { n += $2 } END { print n + 0 }' flood.*; }
cat flood.* | sort | uniq -c >endings
check_equal 'A-31: served and refused are as many as asked' $((crowd * tries)) $(($(endings ok) + $(endings EDQUOT)))
check_equal 'A-31: each that waited was served' "$offered" "$(endings ok)"
check_equal 'A-31: by a handler that ran once' "$offered" "$(sort -u /tmp/ran | wc -l)"
check_equal 'A-31: not one ran twice' '' "$(sort /tmp/ran | uniq -d)"
for ((i = 0; i < crowd; i++)); do kill -KILL "${leaders[i]}"; done
audit_checkpoint

# ------------------------------------------------------------ A-29: upcalld is no more

audit_expect_host /sbin/modprobe 'kafs asks for what it is made of'
modprobe kafs
check 'A-29: fs is registered' registered fs "$(container_privileged)"
policy fs <<'CONF'
[Match]
Name=fs
[Key dns_resolver]
Handler=dns
CONF
container_exec fs /bin/requester mount afs none /mnt dyn >/dev/null
check 'A-29: it was here' grep -q '^payload' <<<"$(request web told:0:last)"
audit_checkpoint
systemctl mask --runtime -q upcalld.service
systemctl kill -s KILL upcalld.service
gone() { ! pgrep -x upcalld >/dev/null; }
check 'A-29: upcalld is masked, and has gone' wait_for 20 gone

# What only the kernel's own look-up does: it cannot be killed, and is older than what the kernel takes for hung.
parameter claim_ms 30000
echo 20 >/proc/sys/kernel/hung_task_timeout_secs
echo 2 >/proc/sys/kernel/hung_task_check_interval_secs
started=$(now_ms)
# Since it lists its dynamic root, from 6.12 on, kafs has a workqueue ask, and the key is the host's (docs/architecture.md).
hung=''
if grep -q '\<afs_dynroot_readdir\>' /proc/kallsyms; then
	skip "A-29: a mount's look-up" "this kernel's kafs does not ask in the task"
else
	container_exec fs /bin/ls -d "/mnt/hung.example" >/dev/null 2>&1 &
	hung=$!
	check 'A-29: a mount of a container waits for a name' wait_for 20 in_state 1 key
fi

# The class' error, at its time: a module request's while claim_ms, which is not its, is longer than that may take.
output=$(container_exec web /bin/requester socket 35)
check "A-29: module: as if modprobe had found nothing ($output)" grep -q ^EAFNOSUPPORT <<<"$output"
check 'A-29: module: at module_claim_ms' test "$(took_ms "$output")" -ge 900 -a "$(took_ms "$output")" -lt 8000
parameter claim_ms 2000
output=$(request web told:0:nobody)
check "A-29: key: ETIMEDOUT ($output)" grep -q ^ETIMEDOUT <<<"$output"
check 'A-29: key: at claim_ms' test "$(took_ms "$output")" -ge 1900 -a "$(took_ms "$output")" -lt 10000
crashed=$(now_ms)
container_exec web /bin/requester crash >/dev/null 2>&1
crashed=$(($(now_ms) - crashed))
check "A-29: core: the process ends without one, at claim_ms ($crashed)" test "$crashed" -ge 1900 -a "$crashed" -lt 15000
for class in 0 1 2; do
	check "A-29: class $class: counted as overdue" test "$(counted $class overdue)" -ge 1
done

# SIGKILL, in a second; the least of three, because a machine that is busy delays one.
parameter claim_ms 600000
parameter module_claim_ms 600000
waiting() { ./shim-client list | grep -c "state=1 class=$1 " || true; }
has_waiting() { [ "$(waiting "$1")" = "$2" ]; }
has_ended() { [ ! -e "/proc/$1/ns" ] || grep -q '^State:.Z' "/proc/$1/status"; }
# kill_one CLASS REQUESTER-ARG...: hundredths of a second that a killed requester stays, in $took
kill_one() {
	local class=$1 others pid asking since
	shift
	others=$(waiting "$class")
	container_exec web /bin/requester "$@" >/dev/null 2>&1 &
	asking=$!
	took=9999 # if it does not end
	wait_for 20 has_waiting "$class" $((others + 1)) || return
	pid=$(pgrep -n -x requester) # those of before may have stayed
	kill -KILL "$pid"
	since=$(guest_clock)
	wait_for 20 has_ended "$pid" || return
	took=$(($(guest_clock) - since))
	wait "$asking"
	wait_for 20 has_waiting "$class" "$others"
}
class_number() {
	case $1 in
	core) echo 0 ;;
	key) echo 1 ;;
	module) echo 2 ;;
	esac
}
# killed CLASS REQUESTER-ARG...
killed() {
	local least=9999
	for _ in 1 2 3; do
		kill_one "$@" || not_ok "A-29: $1: the requester is killed, and its upcall has ended"
		[ "$took" -ge "$least" ] || least=$took
	done
	check "A-29: $1: a killed requester ends at once (${least}0 ms)" test "$least" -lt 100
	check_equal "A-29: $1: that is counted" 3 "$(counted "$(class_number "$1")" killed)"
}
killed key key user told:0:killed c
killed core crash
killed module socket 35

if [ -n "$hung" ]; then
	# ls has no such name, when it has an answer.
	status=0
	wait "$hung" || status=$?
	check_equal "A-29: the mount's look-up has an end, and no answer" 1 "$status"
	check 'A-29: and not before its time, in which it would have been taken for hung' \
		test $(($(now_ms) - started)) -ge 29000
fi
check_equal 'A-29: nobody was' '' "$(dmesg | grep 'blocked for more than')"
check_equal "A-29: no class' upcall went to the host" '' "$(audit_host_upcalls)"
check_equal 'no upcall is left' '' "$(./shim-client list)"
summary
