#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# cmake: -DUPCALL_FAULT_INJECTION=ON
#
# A-19: a failure in each single step of entering a container ends in "nothing ran": the handler is not executed, no
# process is left, the requester has its error within a second, the record names the step. The packages of this test
# are a build of their own: in the released ones the worker has no such switch.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/handler
[Key user]
Handler=/usr/libexec/handler
CONF
container_rootfs "$containers/web/rootfs"
handler_script web /usr/libexec/handler <<'SH'
#!/bin/sh
echo ran >>/tmp/ran
SH
check 'web is registered' registered web

# enum worker_step of proto/worker.h, in its order, up to the exec
steps=(none request info leader root status seccomp cgroup fork groups setns verify chroot label ids caps nnp limits fds pidns
	attach exec)

worker_gone() { ! pgrep -x upcall-worker >/dev/null; }

fail_at() {
	mkdir -p /run/systemd/system/upcall-worker@.service.d
	printf '[Service]\nExecStart=\nExecStart=/usr/libexec/upcalld/upcall-worker --fail-step %s\n' "$1" \
		>/run/systemd/system/upcall-worker@.service.d/fail.conf
	systemctl daemon-reload
	# It warns that the socket would start it again, which is what is meant.
	systemctl stop upcall-worker@web.service 2>/dev/null
	check "${steps[$1]}: the worker begins anew" wait_for 10 worker_gone
}

# Quicker than container_exec and than asking the journal anew, which here is most of the time.
inside=(nsenter -t "${leader[web]}" -U -p -m -n)
ask() { "${inside[@]}" /bin/requester key user "$1" callout 2>&1; }
journalctl -b -q -f -n all -o json -u upcalld.service >journal 2>/dev/null &
follower=$!
recorded_of() { jq -r "select(.UPCALL_ID and .UPCALL_CONTAINER == \"web\") | $1" journal 2>/dev/null; }
serial=0
recorded() { [ "$(recorded_of .UPCALL_ID | wc -l)" -ge "$serial" ]; }
# last_step CLASS
last_step() { recorded_of "select(.UPCALL_CLASS == \"$1\") | .UPCALL_STEP" | tail -n 1; }

# Warm: what a first upcall needs beside is not this test's.
ask fault:warm >/dev/null
serial=1
wait_for 10 recorded
check 'without a fault the handler runs (else the test proves nothing)' test -s "$containers/web/rootfs/tmp/ran"
rm -f "$containers/web/rootfs/tmp/ran"

for ((step = 1; step < ${#steps[@]}; step++)); do
	name=${steps[step]}
	fail_at "$step"
	# The worker's own start is not what is timed: something harmless starts it.
	output=$(ask "fault:$name:start")
	serial=$((serial + 1))
	wait_for 10 recorded
	output=$(ask "fault:$name")
	serial=$((serial + 1))
	check "$name: the key's requester has an error" grep -q '^E' <<<"$output"
	check "$name: within 1000 ms ($(took_ms "$output"))" test "$(took_ms "$output")" -lt 1000
	wait_for 10 recorded
	check_equal "$name: the key's record names the step" "$name" "$(last_step key)"
	("${inside[@]}" /bin/requester crash) >/dev/null 2>&1
	serial=$((serial + 1))
	wait_for 10 recorded
	check_equal "$name: the core's record names the step" "$name" "$(last_step core)"
	check "$name: nothing is left" wait_for 5 no_leaves web
done
kill "$follower"
check 'no handler ever ran' test ! -e "$containers/web/rootfs/tmp/ran"
check_equal 'no upcall is left in the kernel' '' "$(./shim-client list)"
summary
