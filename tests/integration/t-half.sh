#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# A leader whose main thread has ended, while another one of it lives, has not moved: nobody can enter by it, so what is to
# run is refused, but it is no tombstone. Once it has a main thread again, its container's upcalls are served again.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy half <<'CONF'
[Match]
Name=half
[Key user]
Handler=/bin/true
CONF
container_rootfs "$containers/half/rootfs"
install -o "$container_uid" -g "$container_uid" half "$containers/half/rootfs/bin/half"
# It is inside from the beginning: nobody can join later.
handler_script half /bin/asks <<'SH'
#!/bin/sh
for i in 1 2 3; do
	while [ ! -e /gate/ask$i ]; do sleep 0.05; done
	/bin/requester key user ask:$i c
	: >/gate/asked$i
done
SH
check 'half is registered' registered half '.process.args = ["/bin/half"]'
container_exec half /bin/asks >/dev/null 2>&1 &

ask() {
	: >"${root[half]}/gate/ask$1"
	wait_for 60 test -e "${root[half]}/gate/asked$1"
}
state() { upcallctl list --json | jq -r '(.containers // .)[] | select(.name == "half") | .state'; }
# The last one's; the record comes after the answer.
says() { [ "$(records UPCALL_ID UPCALL_CONTAINER=half | wc -l)" = "$1" ] && [ "$(records "$2" UPCALL_CONTAINER=half | tail -n 1)" = "$3" ]; }
recorded() { wait_for 20 says "$@"; }
main_thread_ended() { grep -q '^State:.Z' "/proc/${leader[half]}/status"; }
executes_sleep() { [ "$(cat "/proc/${leader[half]}/comm")" = sleep ]; }

check 'a whole leader: asked' ask 1
check 'a whole leader: served' recorded 1 UPCALL_RESULT served

: >"${root[half]}/gate/half"
check 'its main thread has ended' wait_for 20 main_thread_ended
check 'half a leader: asked' ask 2
check 'half a leader: refused' recorded 2 UPCALL_RESULT refused
check 'half a leader: and why' recorded 2 UPCALL_REASON "the container's leader could not be checked"
check_equal 'half a leader: no tombstone' live "$(state)"
check 'half a leader: nor for the kernel' grep -q ' half state=0 ' <<<"$(./shim-client containers)"
systemctl stop upcalld.service
check_equal 'half a leader: nor for a daemon that has just started' live "$(state)"

: >"${root[half]}/gate/exec"
check 'another thread of it executes' wait_for 20 executes_sleep
check 'whole again: asked' ask 3
check 'whole again: served' recorded 3 UPCALL_RESULT served
container_stop half
summary
