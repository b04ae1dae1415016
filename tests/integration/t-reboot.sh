#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
# module: kmod
# timeout: 600
# reboots: 4
#
# The machine reboots while a container's upcalls are under way and nobody will end them: upcalld and who has claimed one are
# stopped, the deadlines are far away. Helpers are disabled then, and Linux waits five seconds for those that run; for nobody of
# ours. A core is with its handler, a key is claimed, another only offered, and so is what one asks for who cannot be killed. PID 1
# ends nobody before: reboot(2) itself is called. That it took less than those five seconds tests/vm/exec reads off the console.

# shellcheck source=lib/setup.sh
. lib/setup.sh
parameters=/sys/module/upcall_shim/parameters
for parameter in claim_ms attach_ms run_ms; do echo 600000 >"$parameters/$parameter"; done

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/gate
RuntimeMaxSec=600
[Key user]
Handler=/usr/libexec/told
[Other]
Handler=/bin/true
CONF
container_rootfs "$containers/web/rootfs"
for program in told gate; do
	install -o "$container_uid" -g "$container_uid" "$program" "$containers/web/rootfs/usr/libexec/$program"
done
check 'web is registered' registered web
check 'the raiser loads' insmod ./upcall_raiser.ko
wait_for 10 test -c /dev/upcall-raiser
# Nobody is to start another daemon for one that hangs.
mkdir -p /run/systemd/system/upcalld.service.d
printf '[Service]\nWatchdogSec=0\n' >/run/systemd/system/upcalld.service.d/patient.conf
systemctl daemon-reload
systemctl restart upcalld.service

in_state() { [ "$(./shim-client list | grep -c "state=$1 class=$2 ")" = "$3" ]; }
daemon_signal() { systemctl kill --kill-whom=main -s "$1" upcalld.service; }
daemon_signal STOP
request web told:0:claimed >/dev/null &
./shim-client stall &
claimer=$!
check 'a key is claimed' wait_for 60 in_state 2 key 1
kill -STOP $claimer
daemon_signal CONT
container_exec web /bin/requester crash >/dev/null 2>&1 &
check 'a core is with its handler' wait_for 60 in_state 4 core 1
daemon_signal STOP
request web told:0:offered >/dev/null &
check 'another key is offered' wait_for 60 in_state 1 key 1
# The container's cgroup may open none of the host's devices.
(
	exec 9>/dev/upcall-raiser
	echo "$BASHPID" >"${cgroup[web]}/cgroup.procs"
	exec nsenter -t "${leader[web]}" -U -p -m -n -i -u /bin/sh -c "echo 'proc process 1 /bin/true' >&9"
) &
entering=$!
check 'so is what cannot be killed' wait_for 60 in_state 1 other 1
asking=$(pgrep -P $entering)
kill -KILL "$asking"
waits_killed() { grep -q '^State:.[DI]' "/proc/$asking/status" && grep -q '^SigPnd:.*1' "/proc/$asking/status"; }
check 'who asks for that is killed, and waits on' waits_killed
check 'audited' audit_checkpoint
summary || exit
# before, because it takes the disk's time
sync
echo '<1>upcall-vm: reboot' >/dev/kmsg
exec systemctl reboot --force --force
