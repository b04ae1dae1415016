#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# suites: bookworm
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kcsan
# module: kmod
#
# More containers at one place than the module looks at: a task is the one's that is told by something else, whatever was
# registered before or after it, and where nothing tells, nobody's. By itself, with shim-client instead of the daemon.

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
# Masked: the module's device would start them again.
systemctl mask --runtime --now upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null
[ -d /sys/module/upcall_shim ] || modprobe upcall_shim
wait_for 10 test -c /dev/upcall
crowd=16 # MATCH_MAX of kernel-shim/match.h

root=/sys/fs/cgroup/crowd
mkdir -p $root/one $root/other

is_asleep() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = sleep ]; }
find_leader() { leader=$(pgrep -P "$launcher" -x sleep); }

# user_namespace COMMAND…: $leader is the first in one that COMMAND makes
user_namespace() {
	"$@" unshare -U -r --kill-child sleep 2147483640 &
	launcher=$!
	wait_for 10 find_leader
}
user_namespace
entered=(nsenter -t "$leader" -U --preserve-credentials)
user_namespace "${entered[@]}"
deeper=(nsenter -t "$leader" -U --preserve-credentials)
sleepers=()

# sleeper CGROUP [ENTER…]: $! is in that cgroup and in their user namespace, or where ENTER enters, with mounts of its own
sleeper() {
	local cgroup=$root/$1
	shift
	[ $# -gt 0 ] || set -- "${entered[@]}"
	(
		echo "$BASHPID" >"$cgroup/cgroup.procs"
		exec "$@" unshare -m sleep 2147483641
	) &
	sleepers+=("$!")
	wait_for 10 is_asleep "$!"
}
# first_of CGROUP: $leader is the first of a pid namespace there
first_of() {
	(
		echo "$BASHPID" >"$root/$1/cgroup.procs"
		exec "${entered[@]}" unshare -m -p --fork --kill-child sleep 2147483642
	) &
	launcher=$!
	sleepers+=("$launcher")
	wait_for 10 find_leader
}
# added NAME PID CGROUP: its id; in that cgroup, which nobody has named
added() { ./shim-client add "$1" "$2" key=offer "$(stat -c %i "$root/$3")" shared | cut -d' ' -f1; }
owner_of() { ./shim-client tags "$1"; }
there_are() { check_equal "$1: there are as many" "$2" "$(./shim-client containers | wc -l)"; }
end_all() {
	local id
	for id in $(./shim-client containers | cut -d' ' -f1); do ./shim-client del "$id"; done
	# unshare that has forked waits for its child, whatever it is told
	kill -KILL "${sleepers[@]}"
	wait "${sleepers[@]}" 2>/dev/null
	sleepers=()
}

# --------------------------------------------------- beside a crowd of their user

sleeper one
first=$!
expected="scope=1 container=$(added first "$first" one)"
for ((i = 1; i < crowd; i++)); do
	sleeper other
	added "crowd-$i" "$!" other >/dev/null
done
sleeper one
last=$!
last_id=$(added last "$last" one)
there_are 'beside a crowd' $((crowd + 1))
check_equal 'with a crowd of their user, who was registered before it is himself' "$expected" "$(owner_of "$first")"
check_equal 'and who after it' "scope=1 container=$last_id" "$(owner_of "$last")"
end_all

# ---------------------------------------------------------------- part of a crowd

# each_is_itself WHAT: of all that are registered
each_is_itself() {
	local id pid mistaken=''
	while read -r id pid; do
		[ "$(owner_of "$pid")" = "scope=1 container=$id" ] || mistaken+=" $id"
	done <listed
	check_equal "$1" '' "$mistaken"
}
for ((i = 0; i <= crowd; i++)); do
	first_of one
	echo "$(added "crowd-$i" "$leader" one) $leader"
done >listed
there_are 'told by pid namespaces' $((crowd + 1))
each_is_itself 'told by their pid namespaces, each of a crowd is itself, whoever was registered first'
sleeper one
check_equal 'who is told by nothing is of one of them, and nobody knows which' 'scope=4 container=0' "$(owner_of "$!")"
end_all
for ((i = 0; i <= crowd; i++)); do
	sleeper one
	echo "$(added "crowd-$i" "$!" one) $!"
done >listed
there_are 'told by mounts' $((crowd + 1))
each_is_itself 'so is each, told by its mounts'
# one that needs no boundary, nearer than each of them
first_of one
nearer="scope=1 container=$(./shim-client add nearer "$leader" key=offer | cut -d' ' -f1)"
check_equal 'within a crowd, who is nearer is himself' "$nearer" "$(owner_of "$leader")"
end_all

# ------------------------------------------------------------------ two of them

sleeper one "${deeper[@]}"
expected="scope=1 container=$(added both "$!" one)"
for ((i = 0; i < crowd; i++)); do
	sleeper one
	added "cgroup-$i" "$!" one >/dev/null
	sleeper other "${deeper[@]}"
	added "user-$i" "$!" other >/dev/null
done
sleeper one "${deeper[@]}"
there_are 'two crowds' $((2 * crowd + 1))
check_equal 'told by two crowds, it is who is part of both' "$expected" "$(owner_of "$!")"
end_all

# ------------------------------------------------------------------ inside another

sleeper one
added around "$!" one >/dev/null
for ((i = 0; i <= crowd; i++)); do
	sleeper other "${deeper[@]}"
	member=$!
	expected="scope=1 container=$(added "user-$i" "$member" other)"
done
there_are 'inside another' $((crowd + 2))
sleeper one "${deeper[@]}"
check_equal 'a crowd is nearer than who is around it' 'scope=4 container=0' "$(owner_of "$!")"
# about to enter the last one
(
	echo "$BASHPID" >$root/one/cgroup.procs
	exec nsenter -t "$member" -U -m --preserve-credentials sleep 2147483641
) &
sleepers+=("$!")
wait_for 10 is_asleep "$!"
check_equal 'and one of it is, if its mounts tell' "$expected" "$(owner_of "$!")"
end_all

# ------------------------------------------------- what none of them has a policy for

in_one() { (
	echo "$BASHPID" >$root/one/cgroup.procs
	"$@"
); }
# the_hosts WHAT COMMAND…: the kernel asks the host
the_hosts() {
	local what=$1
	shift
	audit_expect_host '*' 'it is the host that is asked'
	check "$what: it is made" in_one "$@"
	check_equal "$what: by the host" 1 "$(audit_host_upcalls | grep -cx /sbin/request-key)"
	check "$what: audited" audit_checkpoint
}
cat >/etc/request-key.d/crowd.conf <<'CONF'
create user crowd:* * /bin/keyctl instantiate %k given %S
CONF
check 'so far the audit is clean' audit_checkpoint
echo 1000 >/sys/module/upcall_shim/parameters/claim_ms
asked() { "${entered[@]}" "$PWD/requester" key user "crowd:$RANDOM" c 2>&1 | grep -q '^payload given'; }
declining() {
	sleeper one
	./shim-client add "$1" "$!" core=offer "$(stat -c %i $root/one)" shared >/dev/null
}
for ((i = 0; i < crowd; i++)); do declining "declines-$i"; done
there_are 'declined' "$crowd"
the_hosts 'as many as can be listed' asked
declining one-more
there_are 'declined' $((crowd + 1))
check_fails 'more than that: refused' in_one asked
check_equal 'the host is not asked' '' "$(audit_host_upcalls)"
check 'audited' audit_checkpoint
end_all

# ------------------------------------------------- a key that the kernel asks for

# kernels_key: without a network, so that it can be given to nobody
kernels_key() { "${entered[@]}" sh -c "echo 'key crowd:$RANDOM' >/dev/upcall-raiser" 2>&1; }
check "the kernel's own key can be asked for" insmod ./upcall_raiser.ko
wait_for 10 test -c /dev/upcall-raiser
sleeper one
check 'one wants keys' test -n "$(added one "$!" one)"
(
	echo "$BASHPID" >$root/one/cgroup.procs
	exec "${entered[@]}" sleep 2147483643
) &
there=$!
sleepers+=("$there")
wait_for 10 is_asleep "$there"
check_equal 'who asks is of a container that wants keys' 1 "$(owner_of "$there" | grep -c '^scope=1 ')"
the_hosts 'of one' kernels_key
sleeper one
check 'so does another' test -n "$(added other "$!" one)"
check_equal 'who asks is of one of two' 'scope=4 container=0' "$(owner_of "$there")"
the_hosts 'of one of two' kernels_key
end_all
summary
