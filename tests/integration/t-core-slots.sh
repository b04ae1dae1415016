#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# A-32, for core dumps: the machine has kernel.core_pipe_limit slots for them. A container whose handlers are slow, and
# whose processes crash by the dozen, takes its share of them and no more; what is over a limit is refused at once.

# shellcheck source=lib/setup.sh
. lib/setup.sh
parameters=/sys/module/upcall_shim/parameters

policy cores <<'CONF'
[Match]
Name=hog one
[Core]
Handler=/usr/libexec/gate
MaxConcurrent=64
CONF
policy afew <<'CONF'
[Match]
Name=few
[Core]
Handler=/usr/libexec/gate
MaxConcurrent=1
CONF
many_registered() {
	container_rootfs "$containers/$1/rootfs"
	install -o "$container_uid" -g "$container_uid" gate "$containers/$1/rootfs/usr/libexec/gate"
	handler_script "$1" /bin/many <<-'SH'
		#!/bin/sh
		i=0
		while [ $i -lt "$1" ]; do /bin/requester crash & i=$((i + 1)); done
		wait
	SH
	registered "$1"
}
crash() { container_exec "$1" /bin/many "$2" >/dev/null 2>&1; }
running() { ./shim-client list | grep -c 'state=4 ' || true; }
is_running() { [ "$(running)" = "$1" ]; }
# Nobody but those whose handlers run is left, so whoever was refused has given its slot back.
is_settled() { [ "$(pgrep -c -x requester)" = "$1" ] && is_running "$1"; }
skipped() { dmesg | grep -c 'Skipping core dump' || true; }
host_dumped() { journalctl -b -q --no-pager MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1 | grep -q requester; }

# Every namespace's number, when the kernel has it back because the namespace is gone.
trace=/sys/kernel/tracing/instances/slots
mkdir -p "$trace"
echo 'p:slots/freed proc_free_inum number=%di:u32' >>/sys/kernel/tracing/kprobe_events
echo 1 >"$trace/events/slots/freed/enable"
is_freed() { grep -qE " number=$1\$" "$trace/trace"; }

check_equal 'the machine has 16 slots (else the test proves nothing)' 16 "$(cat /proc/sys/kernel/core_pipe_limit)"
check 'hog is registered' many_registered hog
crash hog 24 &
check "24 crashes, and handlers that wait: 4 run, the others' slots are free" wait_for 60 is_settled 4
before=$(skipped)
audit_expect_host '*systemd-coredump' 'the host crashes'
./requester crash
check_equal "the host's own dump is not skipped" "$before" "$(skipped)"
check 'and is saved' wait_for 60 host_dumped
audit_checkpoint
check_equal 'hog has no more than that' 4 "$(running)"

# Everybody together.
echo 5 >$parameters/cores_max
check 'one is registered' many_registered one
crash one 3 &
check 'all containers together have cores_max' wait_for 60 is_settled 5
echo 12 >$parameters/cores_max
for name in hog one; do : >"${root[$name]}/gate/open"; done
check 'they end' wait_for 60 is_settled 0
container_stop hog
numbers=$(stat -Lc %i "/proc/${leader[one]}"/ns/{pid,user,mnt})
container_stop one
# A slot is looked at when the next one crashes, and that may be never.
for number in $numbers; do check "of who has dumped core nothing is left: namespace $number" wait_for 20 is_freed "$number"; done

# ATTACK: the handler ends, and leaves the pipe open in another process of the container: the kernel goes on waiting for its
# reader, in the machine's slot.
policy thief <<'CONF'
[Match]
Name=thief
[Core]
Handler=/usr/libexec/leave
MaxConcurrent=64
CONF
check 'thief is registered' many_registered thief
handler_script thief /usr/libexec/leave <<'SH'
#!/bin/sh
echo $$ >/gate/handlers/$$
until [ -e /gate/held/$$ ]; do /bin/busybox usleep 50000; done
SH
handler_script thief /bin/keep <<'SH'
#!/bin/sh
mkdir -m 777 /gate/handlers /gate/held
while :; do
	for pid in $(ls /gate/handlers); do
		sh -c "echo >/gate/held/$pid; while [ -e /gate/keep ]; do /bin/busybox usleep 100000; done" </proc/$pid/fd/0 &
		rm /gate/handlers/$pid
	done
	/bin/busybox usleep 50000
done
SH
: >"${root[thief]}/gate/keep"
container_exec thief /bin/keep &
check 'it is at work' wait_for 20 test -d "${root[thief]}/gate/held"
crash thief 4 &
are_served() { [ "$(records UPCALL_ID UPCALL_CONTAINER=thief UPCALL_RESULT=served | wc -l)" = "$1" ]; }
check 'four handlers have ended' wait_for 60 are_served 4
check_equal 'and those who crashed have not (else the test proves nothing)' 4 "$(pgrep -c -x requester)"
refused() { ./shim-client counters 0 | sed -n 's/^refused //p'; }
before=$(refused)
crash thief 8 &
have_been_refused() { [ "$(refused)" = "$1" ]; }
check 'the next ones are refused at once' wait_for 60 have_been_refused $((before + 8))
are_there() { [ "$(pgrep -c -x requester)" = "$1" ]; }
check 'four it is still' wait_for 20 are_there 4
check_equal 'served as well' 4 "$(records UPCALL_ID UPCALL_CONTAINER=thief UPCALL_RESULT=served | wc -l)"
rm "${root[thief]}/gate/keep"
check 'when the pipe is closed they end' wait_for 60 is_settled 0
check 'and the next is served' crash thief 1
check 'as the record says' wait_for 20 are_served 5
container_stop thief

# A section's own limit: no waiting either.
check 'few is registered' many_registered few
crash few 1 &
check 'one of few runs' wait_for 60 is_running 1
check 'the next one goes on at once, and is recorded' crash few 1
says() { [ "$(records "$1" UPCALL_CONTAINER=few)" = "$2" ]; }
check 'refused' wait_for 20 says UPCALL_RESULT refused
check 'and why' says UPCALL_REASON 'over MaxConcurrent=, and core dumps do not wait'
: >"${root[few]}/gate/open"
check 'it ends' wait_for 60 is_settled 0
container_stop few

# Two that only their mount and network namespaces tell apart: whose is a task that has others? Those who ask that share what
# one container has, however slow upcalld is to refuse them. (One of the two has a policy for it: else nobody would be asked.)
policy twins <<'CONF'
[Match]
Name=twin-a
[Core]
Handler=/usr/libexec/gate
CONF
twins_registered
offered() { ./shim-client list | grep -c 'state=1 ' || true; }
are_offered() { [ "$(pgrep -c -x requester)" = "$1" ] && [ "$(offered)" = "$1" ]; }
systemctl kill -s STOP upcalld.service
# The shell, because nsenter, which is nobody's, would die of the same signal as its child.
# shellcheck disable=SC2016
for _ in 1 2 3 4 5 6 7 8; do "${in_twin[@]}" sh -c '"$@"; exit $?' sh "$PWD/requester" crash & done
check '8 of nobody crash, and upcalld does nothing: 4 wait, the others have ended' wait_for 60 are_offered 4
systemctl kill -s CONT upcalld.service
check 'it refuses these' wait_for 60 are_offered 0
check 'and says why' grep -q '^several containers match' <<<"$(records UPCALL_REASON UPCALL_CLASS=core | tail -n 1)"
kill "$outer"

# Of those that nobody has registered yet, in however many cgroups, half of the places may be taken, as of those of users.
policy adopted <<'CONF'
[Match]
Cgroup=/adopted.slice/box-*.scope
[Core]
Handler=/usr/libexec/gate
CONF
systemctl kill -s STOP upcalld.service
echo 4 >$parameters/cores_max
# The shell, because who is the first of a pid namespace does not die of his own signal.
# shellcheck disable=SC2016
for box in a b c; do
	mkdir -p "/sys/fs/cgroup/adopted.slice/box-$box.scope"
	(
		echo 0 >"/sys/fs/cgroup/adopted.slice/box-$box.scope/cgroup.procs"
		exec unshare -p -m -f --mount-proc --kill-child sh -c '"$@"; exit $?' sh "$PWD/requester" crash
	) &
done
check '3 that may be adopted crash, and upcalld does nothing: 2 wait, the other has ended' wait_for 60 are_offered 2
check 'they are refused' ./shim-client drain 1
check 'and end' wait_for 60 are_offered 0
./shim-client drain 0
echo 12 >$parameters/cores_max
systemctl kill -s CONT upcalld.service
summary
