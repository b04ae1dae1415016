#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: bookworm-nosys
# needs: failing-worker
#
# A-19: a failure in each single step of entering a container ends in "nothing ran": the handler is not executed, no
# process is left, the requester has its error within a second, the record names the step. The worker of this test is a
# build of its own, in the place of the installed one: the released one has no such switch.

# shellcheck source=lib/setup.sh
. lib/setup.sh

install -m 755 failing-worker/upcall-worker /usr/libexec/upcalld/upcall-worker
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

# The step is read at each start: reloading all units for each takes eight seconds.
fails_at() { printf 'FAIL_STEP=%s\n' "$1" >/run/fail-step; }
fails_at 0
mkdir -p /run/systemd/system/upcall-worker@.service.d
cat >/run/systemd/system/upcall-worker@.service.d/fail.conf <<'UNIT'
[Service]
EnvironmentFile=/run/fail-step
ExecStart=
ExecStart=/usr/libexec/upcalld/upcall-worker --fail-step ${FAIL_STEP}
UNIT
systemctl daemon-reload

fail_at() {
	fails_at "$1"
	# It warns that the socket would start it again, which is what is meant.
	systemctl stop upcall-worker@web.service 2>/dev/null
	check "${steps[$1]}: the worker begins anew" wait_for 10 worker_gone
}

# Quicker than container_exec and than asking the journal anew, which here is most of the time.
inside=(nsenter -t "${leader[web]}" -U -p -m -n)
ask() { "${inside[@]}" /bin/requester key user "$1" callout 2>&1; }
journalctl -b -q -f -n all -o json _SYSTEMD_UNIT=upcalld.service UPCALL_CONTAINER=web 2>/dev/null | grep --line-buffered '"UPCALL_RESULT"' >journal &
follower=$!
# recorded CLASS COUNT: as many of that class failed in this step
recorded() { [ "$(grep "\"UPCALL_CLASS\":\"$1\"" journal | grep -c "\"UPCALL_STEP\":\"$name\"")" = "$2" ]; }

# Warm: what a first upcall needs beside is not this test's.
ask fault:warm >/dev/null
check 'without a fault the handler runs (else the test proves nothing)' test -s "$containers/web/rootfs/tmp/ran"
rm -f "$containers/web/rootfs/tmp/ran"

for ((step = 1; step < ${#steps[@]}; step++)); do
	name=${steps[step]}
	fail_at "$step"
	# The worker's own start is not what is timed: something harmless starts it.
	ask "fault:$name:start" >/dev/null
	wait_for 10 recorded key 1
	output=$(ask "fault:$name")
	check "$name: the key's requester has an error" grep -q '^E' <<<"$output"
	check "$name: within 1000 ms ($(took_ms "$output"))" test "$(took_ms "$output")" -lt 1000
	check "$name: the key's record names the step" wait_for 10 recorded key 2
	("${inside[@]}" /bin/requester crash) >/dev/null 2>&1
	# nsenter ends itself as its child has ended: two
	check "$name: both cores' records name the step" wait_for 10 recorded core 2
	check "$name: nothing is left" wait_for 5 no_leaves web
done
pkill -x journalctl
wait "$follower"
check_equal 'each is recorded once' $(((${#steps[@]} - 1) * 4 + 1)) "$(wc -l <journal)"
check 'no handler ever ran' test ! -e "$containers/web/rootfs/tmp/ran"
check_equal 'no upcall is left in the kernel' '' "$(./shim-client list)"
summary
