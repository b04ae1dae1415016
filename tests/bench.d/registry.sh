#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The guest's side of tests/bench --registry: what is done for one container while there are few others, and while there
# are many. Prints rounds as guest.sh does; "native" is with few, "ours" with many.
#
#   registry.sh ROUNDS FEW MANY

containers=/var/tmp/bench
mkdir -p $containers

# shellcheck source=../integration/lib/setup.sh
. lib/setup.sh

rounds=${1:?usage: registry.sh ROUNDS FEW MANY} few=$2 many=$3
expiries=3 ends=100

# round CASE SIDE: each line of standard input is one
round() { sed "s/^/round\t$1\t$2\t/"; }

# Each of the test's words about a container is in the journal, and no limit of it makes the later ones cheaper.
no_rate_limit() {
	mkdir -p /run/systemd/system/upcalld.service.d
	printf '[Service]\nLogRateLimitIntervalSec=0\n' >/run/systemd/system/upcalld.service.d/bench.conf
	systemctl daemon-reload && systemctl restart upcalld.service
}

# start COUNT FILE: small containers, their pids in FILE
start() {
	./crowd "$1" "$2" &
	crowds+=($!)
	wait_for 1200 test -s "$2"
}

daemon_kib() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB$/\1/p' "/proc/$(systemctl show -P MainPID upcalld)/status"; }
daemon_fds() { find "/proc/$(systemctl show -P MainPID upcalld)/fd" -mindepth 1 | wc -l; }

# live PATTERN: how many containers of such names are, tombstones not counted
live() {
	upcallctl list --json | jq --arg name "$1" '[.containers[] | select(.state == "live" and (.name | test($name)))] | length'
}

# measure SIDE: one after the other, beside all that are there already
measure() {
	local side=$1 i
	check "$side: $((rounds + expiries * ends)) containers more" start $((rounds + expiries * ends)) "$side.pids"
	head -n "$rounds" "$side.pids" | ./registry register "$side" >took
	check_equal "$side: each of them is registered" "$rounds" "$(wc -l <took)"
	round register "$side" <took
	for ((i = 0; i < expiries; i++)); do
		tail -n +$((rounds + i * ends + 1)) "$side.pids" | head -n "$ends" >ends.pids
		check "$side: $ends more are registered" ./registry fill "$side-end" <ends.pids
		check_equal "$side: and live" "$ends" "$(live "^$side-end-")"
		./registry expire "$(systemctl show -P MainPID systemd-journald)" <ends.pids | round expiry "$side"
	done
	check_equal "$side: those that were killed are gone" 0 "$(live "^$side-end-")"
	container_exec box /bin/bench-client -n "$rounds" key user 'bench:%' c | cut -d' ' -f1 | round look-up "$side"
}

# Many registrations use up what one uid may have of these.
sysctl -q user.max_user_namespaces=60000 user.max_pid_namespaces=60000 user.max_mnt_namespaces=60000 kernel.pid_max=65536
ulimit -u unlimited
crowds=()
raise_key_quotas
check 'it compiles' gcc -Wall -Wextra -Werror registry.c -lupcall -o registry
no_rate_limit
container_rootfs "$containers/box/rootfs"
cp bench-client "$containers/box/rootfs/bin/"
cp bench-helper "$containers/box/rootfs/sbin/request-key"
audit_expect_host /sbin/modprobe 'crun asks for what it is made of'
check 'a container starts' container_start box
policy box <<-'CONF'
	[Match]
	Name=box
	[Key user]
CONF
check 'it is registered' upcallctl register box --pid "$(container_pid box)"
container_exec box /bin/bench-client -n 5 key user 'bench:%' c >/dev/null

check "$few containers" start "$few" few.pids
check "$few are registered" ./registry fill few <few.pids
measure native
kib=$(daemon_kib) fds=$(daemon_fds)
check "$many containers" start "$many" many.pids
check "$many are registered" ./registry fill many <many.pids
each=$((($(daemon_kib) - kib) * 1024 / many))
echo "upcalld: $each bytes for each of $many, $((($(daemon_fds) - fds) * 1000 / many)) descriptors for a thousand"
check 'upcalld: at most 2 KiB for each' [ "$each" -le 2048 ]
check 'upcalld: at most one descriptor for each' [ $(($(daemon_fds) - fds)) -le "$many" ]
measure ours
all=$((1 + few + many + 2 * rounds))
check_equal 'all are listed, and live' $all "$(live .)"

begun=$(date +%s%N)
check 'upcalld is started again' systemctl restart upcalld.service
check_equal 'all are there, and live' $all "$(live .)"
echo "restart: $((($(date +%s%N) - begun) / 1000000)) ms with the list of all"
kill "${crowds[@]}"
check 'audited' audit_checkpoint
summary
