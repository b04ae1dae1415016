#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: soak
# soak-suites: trixie trixie-backports
# soak: 3600
#
# A-54: mixed load for an hour: keys, cores and modules of a container, keys of the host, containers that are registered and
# unregistered, or die with upcalls in flight. Afterwards there is nothing that there was not before: descriptors, memory,
# keys, namespaces, cgroups, zombies, units, mounts, entries of the module; and every upcall that was offered has ended.
# $1: seconds (default 60)

# shellcheck source=lib/setup.sh
. lib/setup.sh
seconds=${1:-60}

raise_key_quotas
printf '[Daemon]\nIdleExitSec=0\n' >/etc/upcalld.conf
policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/core
[Key user]
Handler=/usr/libexec/answer
[Module]
CONF
policy churn <<CONF
[Match]
Name=churn-*
[Key user]
Handler=$PWD/bench-helper
CONF
systemctl restart upcalld.service
container_rootfs "$containers/web/rootfs"
install -m 755 bench-helper "$containers/web/rootfs/usr/libexec/answer"
install -m 755 flood "$containers/web/rootfs/bin/flood"
handler_script web /usr/libexec/core <<'SH'
#!/bin/sh
exec cat >/dev/null
SH
# while_running NAME COMMAND: in the container, again and again
while_running() {
	handler_script web "/bin/$1" <<-SH
		#!/bin/sh
		n=0
		while test -e /gate/running; do
			n=\$((n + 1))
			$2
		done
	SH
}
# What the handler makes is linked into the requester's session keyring, so that has to go with him.
# shellcheck disable=SC2016 # the container's shell's
while_running keys '/bin/keyctl session - /bin/flood 4 "keys:$n:" 2>/dev/null; sleep 0.3'
while_running cores '/bin/requester crash; echo crash; sleep 0.3'
while_running modules '/bin/requester socket 35; sleep 0.1'
check 'web is registered' registered web
running=${root[web]}/gate/running

# --- on the host's side
host_keys() {
	local n=0
	while [ -e "$running" ]; do
		n=$((n + 1))
		./flood 2 "host:$n:"
		sleep 0.2
	done
}

# Half of them are unregistered and then end, the others die while they ask.
churn_one() {
	local n=$1 launcher init name='' asking
	unshare -U -r -p -m -n -i -f --mount-proc --kill-child sleep 2147483647 &
	launcher=$!
	# Not pgrep, which would cost more than all else here.
	until init=$(<"/proc/$launcher/task/$launcher/children") && init=${init% } &&
		read -r name <"/proc/$init/comm" && [ "$name" = sleep ]; do
		sleep 0.05
	done 2>/dev/null
	mkdir "/sys/fs/cgroup/churn-$n"
	echo "$init" >"/sys/fs/cgroup/churn-$n/cgroup.procs"
	upcallctl register "churn-$n" --pid "$init" >/dev/null || echo "$n: not registered"
	nsenter -t "$init" -U -p -m -n -i --preserve-credentials keyctl session - "$PWD/flood" 3 "churn:$n:" 2>/dev/null &
	asking=$!
	if [ $((n % 2)) = 0 ]; then
		wait "$asking"
		upcallctl unregister "churn-$n" >/dev/null || echo "$n: not unregistered"
	fi
	kill -KILL "$launcher" "$init"
	wait "$launcher" "$asking"
	until rmdir "/sys/fs/cgroup/churn-$n"; do sleep 0.1; done
}
# Fifty-one in a minute by the clock, however long each lives, and twenty at a time
churn() {
	local n=$churned begun=$SECONDS
	while [ -e "$running" ]; do
		# shellcheck disable=SC2046 # numbers
		set -- $(jobs -rp)
		if [ $# -lt 20 ] && [ $((n - churned)) -le $(((SECONDS - begun) * 17 / 20)) ]; then
			n=$((n + 1))
			churn_one "$n" 2>>churn.err &
		else
			sleep 0.2
		fi
	done
	wait
	echo "$n" >churned
}
churned=0

gives_way() { renice -n 10 -p "$BASHPID" >/dev/null; }
# Where there is a weight, it counts for all of the container, and a nice value in it only.
echo 10 2>/dev/null >"${cgroup[web]}/cpu.weight"

load_for() {
	local name left end
	: >"$running"
	# The containers come and go by the clock, the others as fast as a slow machine lets them beside these.
	for name in keys cores modules; do (gives_way && container_exec web "/bin/$name") >>"$name.out" 2>&1 & done
	(gives_way && host_keys) >>host.out 2>&1 &
	churn >>churn.out 2>&1 &
	# What was executed is judged before its record is full, which takes its time, too.
	end=$((SECONDS + $1))
	while left=$((end - SECONDS)) && [ "$left" -gt 0 ]; do
		sleep $((left < 20 ? left : 20))
		audit_checkpoint
		audit_expect_host '*' 'the host asks, too'
	done
	rm -f "$running"
	wait
	churned=$(cat churned)
}

# --- what is looked at
nothing_pending() { [ -z "$(./shim-client list)" ]; }
one_container() { [ "$(./shim-client containers | wc -l)" = 1 ] && [ "$(upcallctl list --json | jq '.containers | length')" = 1 ]; }
no_worker() { ! pgrep -x upcall-worker >/dev/null; }
# Keys that were negated live for a minute.
no_old_keys() { ! grep -qE ' (keys|host|churn):[0-9]+:[0-9]+' /proc/keys; }
no_dying() { [ "$(sed -n 's/^nr_dying_descendants //p' /sys/fs/cgroup/cgroup.stat)" -le "${dying:-1000000}" ]; }
settled() {
	check "$1: nobody waits" wait_for 60 nothing_pending
	check "$1: only web is registered" wait_for 60 one_container
	check "$1: no worker is left" wait_for 120 no_worker
	check "$1: no key is left" wait_for 180 no_old_keys
	# Pages of those that have gone are what keeps dead cgroups.
	sync
	echo 3 >/proc/sys/vm/drop_caches
	check "$1: no more dead cgroups than before" wait_for 60 no_dying
	# What the allocator keeps for the next time is as much as there ever was at once, and no leak.
	echo 1 | tee /sys/kernel/slab/*/shrink >/dev/null
}
# Counted, and to be the same
counted() {
	echo "descriptors of upcalld: $(find "/proc/$daemon/fd" -mindepth 1 | wc -l)"
	# Not /proc/keys: root may not view others'.
	echo "keys: $(awk '{ split($3, n, "/"); keys += n[1] } END { print keys }' /proc/key-users)"
	echo "namespaces: $(lsns -n | wc -l)"
	echo "cgroups: $(find /sys/fs/cgroup -type d | wc -l)"
	echo "zombies: $(pgrep -cr Z)"
	echo "units: $(systemctl list-units --all --plain --no-legend | wc -l)"
	echo "failed units: $(systemctl list-units --failed --plain --no-legend | wc -l)"
	echo "mounts: $(wc -l </proc/mounts)"
	echo "state files: $(find /run/upcalld | wc -l)"
	echo "users of the module: $(cat /sys/module/upcall_shim/refcnt)"
}
of_daemon() { sed -n "s/^$1:[ \t]*\([0-9]*\) kB/\1/p" "/proc/$daemon/status"; }
of_machine() { sed -n "s/^$1:[ \t]*\([0-9]*\) kB/\1/p" /proc/meminfo; }
# Bytes of each kind of object of the kernel's that is in use.
slabs() { awk 'NR > 2 { print $1, $2 * $4 }' /proc/slabinfo | sort; }
# about NAME BEFORE AFTER PERCENT: in KiB
about() { check "A-54: $1: $2 KiB before, $3 KiB after" test "$3" -le $(($2 * (100 + $4) / 100)); }

audit_expect_host '*' 'the host asks, too'
daemon=$(systemctl show -p MainPID --value upcalld.service)
load_for $((seconds / 6 > 20 ? seconds / 6 : 20))
settled 'before'
dying=$(sed -n 's/^nr_dying_descendants //p' /sys/fs/cgroup/cgroup.stat)
counted >before
slabs >slabs.before
memory=$(of_daemon VmRSS) slab=$(of_machine SUnreclaim)
: | tee keys.out cores.out modules.out host.out churn.out churn.err >/dev/null
first=$churned

load_for "$seconds"
settled 'after'
counted >after
cat after
check 'A-54: as much as before of everything that can be counted' diff before after
about "upcalld's memory" "$memory" "$(of_daemon VmRSS)" 5
about "the kernel's" "$slab" "$(of_machine SUnreclaim)" 10
slabs | join slabs.before - | awk '{ print int(($3 - $2) / 1024) " KiB more of", $1 }' | sort -rn | sed -n 1,8p
check_equal 'A-54: upcalld ran all the time' "$daemon" "$(systemctl show -p MainPID --value upcalld.service)"
for class in 0 1 2; do
	counters=$(./shim-client counters "$class")
	check "A-54: class $class: what was offered has ended ($(tr '\n' ' ' <<<"$counters"))" awk '{ n[$1] = $2 } END {
		exit n["offered"] != n["done"] + n["failed"] + n["overdue"] + n["given-back"] + n["killed"] + n["again"] }' <<<"$counters"
done
sum() { awk -v of="$1" '$1 == of { n += $2 } END { print n + 0 }' "$2"; }
answered=$(sum ok keys.out)
check "A-54: $answered of web's keys were made" test "$answered" -ge $((seconds / 10))
check_equal 'A-54: and none was not' '' "$(grep -v '^ok ' keys.out)"
check_equal 'A-54: each of the others was registered, and half of them unregistered' '' "$(grep 'registered' churn.out)"
served=$(grep -c '^ok 3$' churn.out)
check "A-54: those that were not killed were served ($served of $((churned - first)))" \
	test "$served" -ge $(((churned - first) / 2 - 1)) -a "$served" -ge 1
check "A-54: no module was let in ($(wc -l <modules.out) asked)" test "$(grep -cv '^EAFNOSUPPORT ' modules.out)" = 0
check_fails 'A-54: nor loaded' grep -q '^phonet ' /proc/modules
check "A-54: containers came and went, fifty in a minute ($((churned - first)))" \
	test $((churned - first)) -ge $((seconds * 50 / 60))
for what in keys cores modules host; do
	check "A-54: of $what there were enough ($(wc -l <"$what.out"))" test "$(wc -l <"$what.out")" -ge $((seconds / 10))
done
echo "in $seconds s: $answered keys, $(grep -c '^crash' cores.out) crashes, $(wc -l <modules.out) modules, $(sum ENOKEY host.out) keys of the host," \
	"$((churned - first)) containers with 3 keys each"
summary
