#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: soak
# soak-suites: trixie trixie-backports
# soak: all
#
# A-71: system calls younger than Linux 5.0, and the older ones that entering a container is made of, are taken away from
# upcalld, from the worker and what it starts, one by one, by a filter as a unit's drop-in makes it. Either upcalls are served
# inside as ever, or the program does not start, nothing runs for the upcall, its requester has an error, and the journal
# names the call. Given back, upcalls are served again, without a hand. That each call is found missing where it is needed
# is also said by tests/unit/test-needs.c.
# $1: "all": each of them; else some, and those that are not needed all at once

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/core
[Key user]
Handler=/usr/libexec/key
[Module]
CONF
container_rootfs "$containers/web/rootfs"
for class in core key; do
	handler_script web /usr/libexec/$class <<-SH
		#!/bin/sh
		{
			for ns in user pid mnt net uts ipc; do /bin/busybox readlink /proc/self/ns/\$ns; done
			id -u
		} >/tmp/where.$class.new
		/bin/busybox mv /tmp/where.$class.new /tmp/where.$class
		[ $class = core ] || exec /sbin/request-key "\$@"
		exec cat >/dev/null
	SH
done
handler_script web /bin/answer <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" served "$2"
SH
echo 'create user * * /bin/answer %k %S' >"$containers/web/rootfs/etc/request-key.conf"
check 'web is registered' registered web
inside=$(for ns in user pid mnt net uts ipc; do readlink "/proc/${leader[web]}/ns/$ns"; done && echo 0)
# As long as a new daemon takes, however slow the machine; who refuses to start is waited for no longer.
claim_ms=/sys/module/upcall_shim/parameters/claim_ms
echo 60000 >$claim_ms

serial=0
ask() {
	serial=$((serial + 1))
	reply=$(request web "features:$serial")
}
forget() { rm -f "${root[web]}"/tmp/where.*; }
nothing_ran() { [ -z "$(ls "${root[web]}"/tmp/where.* 2>/dev/null)" ]; }
served() { ask && grep -q '^payload served' <<<"$reply"; }
module_refused() { container_exec web /bin/requester socket 35 2>&1 | grep -q EAFNOSUPPORT; }
is_served() { # WHAT
	forget
	check "$1: a key is served" served
	check_equal "$1: inside, as the container's root" "$inside" "$(cat "${root[web]}/tmp/where.key")"
	container_exec web /bin/requester crash >/dev/null 2>&1
	check "$1: a core, too" wait_for 20 test -s "${root[web]}/tmp/where.core"
	check_equal "$1: inside, as the container's root" "$inside" "$(cat "${root[web]}/tmp/where.core")"
	check "$1: a module is refused" module_refused
}

# The next upcall starts both.
anew() {
	systemctl stop upcall-worker@web.service upcalld.service 2>/dev/null
	wait_for 20 test -z "$(pgrep -x upcall-worker)"
}
without_anew() {
	without "$@"
	anew
}
given_back_anew() {
	given_back "$1"
	anew
	echo 60000 >$claim_ms
}
# names_it UNIT CALL CURSOR
names_it() { journalctl -b --no-pager -q -o cat -u "$1" --after-cursor="$3" | grep -qF "$2() is missing, in this kernel or by a filter of system calls"; }
cursor() { journalctl -b --no-pager -q -n 1 -o json | jq -r .__CURSOR; }
no_such_process() { ! pgrep -x "$1" >/dev/null; }

# refuses UNIT INSTANCE PROCESS ERROR CALL
refuses() {
	local unit=$1 instance=$2 process=$3 error=$4 call=$5 what="A-71 ${3#upcall-} without $5 ($4)" from
	from=$(cursor)
	without_anew "$unit" "$error" "$call"
	echo 4000 >$claim_ms
	forget
	ask
	check "$what: who asks has an error ($reply)" grep -qE '^(ENOKEY|EKEYREJECTED|EIO|ETIMEDOUT) ' <<<"$reply"
	check "$what: in time" test "$(took_ms "$reply")" -lt 60000
	check "$what: nothing ran for it" nothing_ran
	check "$what: the journal names it" wait_for 20 names_it "$instance" "$call" "$from"
	check "$what: no $process stays" wait_for 20 no_such_process "$process"
	given_back_anew "$unit"
	check "$what: given back, the next is served" wait_for 60 served
}

is_served 'with all of them'

# --- what neither can do without
of_upcalld=(pidfd_open openat2)
of_worker=(pidfd_open openat2 pidfd_send_signal setns clone3 close_range fsopen fsconfig fsmount memfd_create execveat)
if [ "${1:-}" != all ]; then
	of_upcalld=(pidfd_open)
	of_worker=(setns clone3)
fi
for call in "${of_upcalld[@]}"; do
	refuses upcalld.service upcalld.service upcalld ENOSYS "$call"
done
refuses upcalld.service upcalld.service upcalld EPERM openat2
for call in "${of_worker[@]}"; do
	refuses upcall-worker@.service upcall-worker@web.service upcall-worker ENOSYS "$call"
done
refuses upcall-worker@.service upcall-worker@web.service upcall-worker EPERM openat2

# --- what they, or libraries of theirs, do without
# shellcheck disable=SC2154 # lib/nosys.sh
without_anew upcalld.service ENOSYS "${upcalld_spares[@]}"
is_served 'A-71 upcalld without all the others'
given_back_anew upcalld.service
# shellcheck disable=SC2154
without_anew upcall-worker@.service ENOSYS "${worker_spares[@]}"
is_served 'A-71 upcall-worker without all the others'
given_back_anew upcall-worker@.service
if [ "${1:-}" = all ]; then
	for call in "${worker_spares[@]}"; do
		without_anew upcall-worker@.service ENOSYS "$call"
		is_served "A-71 upcall-worker without $call"
		given_back_anew upcall-worker@.service
	done
fi

# --- upcalld that starts workers itself
systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
alone() { # CALL
	systemd-run -q --pipe --wait -p "SystemCallFilter=~$1" -p SystemCallErrorNumber=ENOSYS \
		timeout 60 upcalld --standalone --state-dir /run/other >said 2>&1
}
for call in pidfd_open openat2 pidfd_send_signal; do
	status=0
	alone "$call" || status=$?
	check_equal "A-71 upcalld --standalone without $call: does not start" 1 "$status"
	check "A-71 upcalld --standalone without $call: it says so ($(cat said))" grep -qF "$call() is missing" said
done
summary
