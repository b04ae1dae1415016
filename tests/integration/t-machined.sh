#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# Machines of systemd-nspawn, as machined puts them into /machine.slice: nobody registers them, a policy says where their
# cgroups are. A core, a key and a name are handled inside, under nspawn's own seccomp filters, of which it has several;
# also of a machine that runs as a service, and of one that shares the host's network.

# shellcheck source=lib/setup.sh
. lib/setup.sh
# shellcheck source=lib/served.sh
. lib/served.sh

declare -A machine
leader_of() { machinectl show "$1" -p Leader --value 2>/dev/null; }
is_running() { [ -n "$(leader_of "$1")" ]; }

# machine_starts NAME OPTION…: a machine whose program executes, one after the other, what inside() tells it
machine_starts() {
	local name=$1 files=$containers/$1/rootfs
	shift
	with_handlers "$files"
	mkdir -p "$files/usr/bin" "$files/dev" "$files/var"
	handler_script "$name" /bin/agent <<-'SH'
		#!/bin/sh
		exec 3<>/gate/command
		: >/gate/open
		while read -r command <&3; do
			sh -c "$command" >/gate/said 2>&1 3<&-
			: >/gate/done
		done
	SH
	mkfifo "$files/gate/command"
	chown -R "$container_uid:$container_uid" "$files"
	systemd-nspawn --quiet --machine="$name" --directory="$files" --private-users="$container_uid:65536" \
		--private-users-ownership=off --console=pipe --as-pid2 "$@" /bin/agent >"$name.log" 2>&1 </dev/null &
	machine[$name]=$!
	wait_for 60 is_running "$name" || { cat "$name.log" && return 1; }
	wait_for 60 test -e "$files/gate/open"
}

# inside NAME COMMAND…: prints what it printed; one at a time. RACE: each side opens the pipe for both directions, or whoever
# writes has it still open when the program reads again, which finds its end; and whoever writes to nobody waits for ever.
inside() (
	files=$containers/$1/rootfs
	exec 9>"$1.lock" && flock 9 || exit
	shift
	rm -f "$files/gate/done"
	echo "$*" 1<>"$files/gate/command"
	wait_for 60 test -e "$files/gate/done" && cat "$files/gate/said"
)
# in the background of the program
inside_beside() {
	local name=$1
	shift
	inside "$name" "$* >/dev/null 2>&1 &"
}
in_machine() {
	case $2 in
	/bin/dns-server) inside_beside "$@" ;;
	*) inside "$@" ;;
	esac
}
filters_of() { sed -n 's/^Seccomp_filters:\t//p' "/proc/$(leader_of "$1")/status"; }

policy machine <<'CONF'
[Match]
Cgroup=/machine.slice/machine-*.scope
[Core]
Handler=/usr/libexec/save-core
[Key user]
[Key dns_resolver]
Handler=dns
CONF
check 'machined runs' systemctl start systemd-machined.service
audit_expect_host '*' 'nspawn makes what it needs'
# without that, nspawn lets nobody ask for a key
check 'nspawn: runs hall' machine_starts hall --private-network --system-call-filter=@keyring
check 'so far nobody is registered' is_gone machine-hall
check "it has nspawn's filters, more than one" test "$(filters_of hall)" -gt 1
check 'so far the audit is clean' audit_checkpoint
served nspawn "$containers/hall/rootfs" in_machine hall
check_equal 'it is registered, by its first process' "$(leader_of hall) live machine.conf" \
	"$(entry machine-hall '"\(.leader) \(.state) \(.policy | sub(".*/"; ""))"')"
same_state nspawn "$containers/hall/rootfs" "$(leader_of hall)"

audit_expect_host '*' 'nspawn makes what it needs'
check 'nspawn: runs shed as it comes, with the network of the host' machine_starts shed
check 'so far the audit is clean' audit_checkpoint
inside shed /bin/requester crash >/dev/null
check 'its own handler has the core' core_names "$containers/shed/rootfs/cores/core" requester
check 'the host has none' host_has_no_core
same_state shed "$containers/shed/rootfs" "$(leader_of shed)"
check 'audited' audit_checkpoint

audit_expect_host '*' 'machined takes down what there was'
for name in hall shed; do
	check "$name is terminated" machinectl terminate "$name"
	wait "${machine[$name]}"
	check "$name is forgotten" wait_for 20 is_gone "machine-$name"
done
summary
