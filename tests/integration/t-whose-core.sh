#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak: 10000
# soak-suites: trixie trixie-backports bookworm-nosys
#
# Whose core is whose.
#   A-07  a set-user-id program of the host crashes, again and again, while a container makes processes as fast as it can,
#         of which one may have its pid: no core of it is ever the container's
#   A-08  programs of two containers crash, sixteen at a time, with what is theirs in their memory: each container has
#         cores of its own and of nobody else, and the host has nothing of either
# $1: crashes of the host's (default 150)

# shellcheck source=lib/setup.sh
. lib/setup.sh
crashes=${1:-150}

policy both <<'CONF'
[Match]
Name=mine-*
[Core]
Handler=/usr/libexec/save-core
CONF
for name in mine-a mine-b; do
	container_rootfs "$containers/$name/rootfs"
	handler_script "$name" /usr/libexec/save-core <<-'SH'
		#!/bin/sh
		cat >/cores/new.$$ && busybox mv /cores/new.$$ /cores/core.$$
	SH
	# sixteen that crash until there are sixteen cores: of a container only some may dump at a time
	handler_script "$name" /bin/many <<-'SH'
		#!/bin/sh
		export MARK="$1"
		have() { busybox ls /cores | busybox grep -c '^core'; }
		i=0
		while [ $i -lt 16 ]; do
			while [ "$(have)" -lt 16 ]; do /bin/requester crash; done &
			i=$((i + 1))
		done
		wait
	SH
	handler_script "$name" /bin/races <<-'SH'
		#!/bin/sh
		while test -e /gate/racing; do /bin/true & done
		wait
	SH
	check "$name is registered" registered "$name"
done

# ------------------------------------------------------------------------ A-08

declare -A mark
for name in mine-a mine-b; do
	# made here, so that the whole of it is in no file of this test's
	mark[$name]=$name-$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
	container_exec "$name" /bin/many "${mark[$name]}" >/dev/null 2>&1 &
done
wait
holds() { grep -qaF -- "$1" "$2"; }
# how many cores of container $1 hold the mark of container $2
how_many() {
	local file n=0
	for file in "${root[$1]}"/cores/core.*; do
		if holds "${mark[$2]}" "$file"; then n=$((n + 1)); fi
	done
	echo "$n"
}
for name in mine-a mine-b; do
	other=mine-b
	[ "$name" = mine-a ] || other=mine-a
	have=$(find "${root[$name]}/cores" -name 'core.*' | wc -l)
	check "A-08: $name has its cores ($have)" test "$have" -ge 16
	check_equal "A-08: $name: each holds what is its own" "$have" "$(how_many "$name" "$name")"
	check_equal "A-08: $name: and nothing of the other's" 0 "$(how_many "$name" "$other")"
	for directory in /var/lib/systemd /var/log /var/crash /var/tmp /tmp /run/upcalld; do
		check_equal "A-08: $name: nothing of it is in $directory" '' "$(grep -rlaF -- "${mark[$name]}" "$directory" 2>/dev/null)"
	done
	check_fails "A-08: $name: nor in the journal" grep -qaF -- "${mark[$name]}" <(journalctl -b --no-pager -o export)
done
check 'A-08: the host has no core' host_has_no_core
check 'A-08: audited' audit_checkpoint

# ------------------------------------------------------------------------ A-07

rm -f "${root[mine-a]}"/cores/* "${root[mine-b]}"/cores/*
# what the host does with its cores, quicker than systemd does it
pattern=$(cat /proc/sys/kernel/core_pattern)
cat >/run/host-core <<'SH'
#!/bin/sh
cat >/dev/null
echo "$1" >>/run/host-cores
SH
chmod 755 /run/host-core
: >/run/host-cores
echo '|/run/host-core %s' >/proc/sys/kernel/core_pattern
install -m 4755 requester /usr/local/bin/suid-requester
check_equal 'A-07: who changes its user has a core (else the test proves nothing)' 2 "$(cat /proc/sys/fs/suid_dumpable)"
for name in mine-a mine-b; do
	: >"${root[$name]}/gate/racing"
	container_exec "$name" /bin/races &
done
raced() { [ "$(records UPCALL_ID UPCALL_CLASS=core | wc -l)" = "$1" ]; }
before=$(records UPCALL_ID UPCALL_CLASS=core | wc -l)
for ((i = 0; i < crashes; i++)); do
	audit_expect_host /run/host-core 'the host crashes'
	setpriv --reuid 65534 --regid 65534 --clear-groups /usr/local/bin/suid-requester crash
	[ $((i % 500)) != 499 ] || audit_checkpoint
done >/dev/null 2>&1
rm -f "${root[mine-a]}/gate/racing" "${root[mine-b]}/gate/racing"
wait
echo "$pattern" >/proc/sys/kernel/core_pattern
check_equal "A-07: the host's handler had each of its cores" "$crashes" "$(wc -l </run/host-cores)"
for name in mine-a mine-b; do
	check_equal "A-07: $name has none of them" '' "$(ls "${root[$name]}/cores")"
done
check 'A-07: nor was one recorded as a container'"'"'s' raced "$before"
check 'A-07: audited' audit_checkpoint
summary
