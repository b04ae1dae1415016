#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak: 10000
#
# A-27: after many mixed upcalls the daemon's descriptors, limits, credentials and session keyring are what they were.
# $1: how many (default 200)

# shellcheck source=lib/setup.sh
. lib/setup.sh
upcalls=${1:-200}

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/bin/true
[Key user]
Handler=/bin/true
[Key dns_resolver]
Handler=dns
[Module]
CONF
container_rootfs "$containers/web/rootfs"
check 'web is registered' registered web

daemon_pid() { systemctl show -p MainPID --value upcalld.service; }

# The daemon must stay the same process for the comparison to mean anything: it is busy or just was.
picture() {
	local pid=$1
	for fd in /proc/"$pid"/fd/*; do echo "${fd##*/} $(readlink "$fd" | sed 's/:.*//')"; done | sort -n
	cat "/proc/$pid/limits"
	grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Sig[BI])' "/proc/$pid/status"
	grep -c . "/proc/$pid/maps"
}
# Which of them is the daemon's, nobody tells from outside: none may vanish, which is what happens to one that is replaced,
# or hold other than it held.
session_keyrings() { awk '$6 == 0 && $8 == "keyring" && $9 ~ /^_ses/ { print $1, $9, $10 }' /proc/keys | sort; }

# Warm: the worker's connection exists.
request web warm:1 >/dev/null
settled() { [ -z "$(./shim-client list)" ]; }
wait_for 10 settled
pid=$(daemon_pid)
check "there is a daemon (else the test proves nothing)" test "$pid" -gt 1
keyrings=$(session_keyrings)
check 'there are session keyrings (else the test proves nothing)' test -n "$keyrings"
before=$(picture "$pid" | grep -v '^[0-9]*$')
rss_before=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
{
	for ((i = 0; i < upcalls; i++)); do
		case $((i % 4)) in
		0 | 1) echo "key user mixed:$i c" ;;
		2) echo "socket 35" ;;
		3) echo crash ;;
		esac
	done
} | container_exec web /bin/sh -c 'while read -r a b c d; do /bin/requester $a $b $c $d >/dev/null 2>&1; done'
wait_for 30 settled
check_equal 'it is the same process' "$pid" "$(daemon_pid)"
check_equal "after $upcalls upcalls it is as it was" "$before" "$(picture "$pid" | grep -v '^[0-9]*$')"
check_equal 'no session keyring is replaced or filled' '' "$(comm -23 <(echo "$keyrings") <(session_keyrings))"
rss_after=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
check "its memory did not grow by more than 1 MiB ($rss_before to $rss_after KiB)" test $((rss_after - rss_before)) -lt 1024
check_equal 'no upcall is left' '' "$(./shim-client list)"
check 'no leaf is left' wait_for 10 no_leaves web
wait_recorded() { [ "$(records UPCALL_ID UPCALL_CONTAINER=web UPCALL_CLASS=core | sort -u | wc -l)" = $((upcalls / 4)) ]; }
check 'each crash has one record' wait_for 20 wait_recorded
summary
