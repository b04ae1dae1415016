#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# Containers that are registered by their namespaces and their cgroup, without a process: a network of ip-netns(8), whose tasks are
# those that have mounts of their own, as `ip netns exec` gives them; and one with users, processes and mounts of its own, whose
# first process nobody can show. Their upcalls are handled inside. What is there for that ends with the cgroup or by `unregister`,
# and after a failure nothing is.

# shellcheck source=lib/setup.sh
. lib/setup.sh
# shellcheck source=lib/served.sh
. lib/served.sh

mkdir -p /run/blue/cores
cat >/run/blue/save-core <<'SH'
#!/bin/sh
cat >/run/blue/cores/core
readlink /proc/self/ns/net >/run/blue/cores/where
SH
cat >/run/blue/answer <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" "served in $(readlink /proc/self/ns/net)" "$2"
SH
chmod 755 /run/blue/*
echo 'create user blue:* * /run/blue/answer %k %S' >/etc/request-key.d/blue.conf
policy blue <<'CONF'
[Match]
Name=blue*
[Core]
Handler=/run/blue/save-core
[Key user]
[Module]
CONF

mkdir -p held
mount --bind held held
mount --make-private held
boundary=/sys/fs/cgroup/blue
mkdir "$boundary"
ip netns add blue
net=$(nsenter --net=/run/netns/blue readlink /proc/self/ns/net)

status_of() {
	"$@" >said 2>&1
	echo $?
}
says() { grep -F -- "$1" said || ! cat said; }
holders() { pgrep -cx upcall-holder; }
none_is_left() { [ "$(holders)" = 0 ] && [ -z "$(find "$boundary" -mindepth 1 -type d 2>/dev/null)" ]; }
register() { upcallctl register blue "$@" --cgroup /blue; }
with_net() { register --ns net=/run/netns/blue; }
# in_cgroup COMMAND…
in_cgroup() { (
	echo "$BASHPID" >"$boundary/cgroup.procs"
	exec "$@"
); }
inside() { in_cgroup ip netns exec blue "$@"; }
key() { "$@" "$PWD/requester" key user "blue:$RANDOM" c 2>&1; }

# refused_with STATUS SENTENCE OPTION…
refused_with() {
	local status=$1 sentence=$2
	shift 2
	check_equal "$*: refused" "$status" "$(status_of upcallctl register "${last:-blue}" "$@")"
	check "$*: $sentence" says "$sentence"
	check "$*: nothing is left" none_is_left
	check "$*: nor registered" is_gone blue
}

# --------------------------------------------------------------- what is refused

mkfifo pipe
ln -s /dev/null device
refused_with 2 'blue: --ns: not without --cgroup' --ns net=/run/netns/blue
refused_with 2 'blue: --pid or --ns, not both' --ns net=/run/netns/blue --cgroup /blue --pid 1
refused_with 2 '--ns net=/x: another one of that type is there' --ns net=/run/netns/blue --ns net=/x --cgroup /blue
refused_with 2 '--ns network=/x: not TYPE=PATH' --ns network=/x --cgroup /blue
refused_with 2 '--ns net=: not TYPE=PATH' --ns net= --cgroup /blue
last=Blue refused_with 2 "'Blue' is no name" --ns net=/run/netns/blue --cgroup /blue
refused_with 1 '/run/netns/green: No such file' --ns net=/run/netns/green --cgroup /blue
refused_with 1 "$PWD/pipe: no namespace" --ns "net=$PWD/pipe" --cgroup /blue
refused_with 1 "$PWD/device: no namespace" --ns "net=$PWD/device" --cgroup /blue
refused_with 1 '/run/netns/blue: no namespace of that type' --ns mnt=/run/netns/blue --cgroup /blue
refused_with 1 '/proc/self/ns/user: that is your own' --ns user=/proc/self/ns/user --cgroup /blue
refused_with 3 '/green: No such file or directory' --ns net=/run/netns/blue --cgroup /green
dumpable=$(cat /proc/sys/fs/suid_dumpable)
echo 1 >/proc/sys/fs/suid_dumpable
refused_with 1 'fs.suid_dumpable is 1: sysctl -w fs.suid_dumpable=0' --ns net=/run/netns/blue --cgroup /blue
echo "$dumpable" >/proc/sys/fs/suid_dumpable
systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
check_equal 'without upcalld' 5 "$(status_of with_net)"
check 'nothing is left' none_is_left
systemctl start upcalld.socket upcalld-shim.socket

# ------------------------------------------------------------------- its network

check_equal 'a network is registered, and nobody keeps what is printed open' 'registered blue:' \
	"$(timeout 20 bash -c 'upcallctl register blue --ns net=/run/netns/blue --cgroup /blue' | grep -o '^registered blue:')"
holder=$(entry blue .leader)
check_equal 'its leader is there for that' upcall-holder "$(cat "/proc/$holder/comm")"
check_equal 'in its network' "$net" "$(readlink "/proc/$holder/ns/net")"
check_fails 'with mounts of its own' test "/proc/$holder/ns/mnt" -ef /proc/self/ns/mnt
check_equal 'below its cgroup' "0::/blue/upcall-holder-blue" "$(cat "/proc/$holder/cgroup")"
check_equal 'without capabilities' 0000000000000000 "$(awk '/^CapPrm/ { print $2 }' "/proc/$holder/status")"
check_equal 'with no file open' 0 "$(find "/proc/$holder/fd" -mindepth 1 | wc -l)"
check_equal 'and a session of its own' "$holder" "$(awk '{ print ($6 != '"$$"') * $1 }' "/proc/$holder/stat")"
check_equal 'its key is made inside' "payload served in $net" "$(key inside | sed '/^ok/d')"
check 'its module is refused' grep -q 'EAFNOSUPPORT ' <<<"$(inside "$PWD/requester" socket 35 2>&1)"
inside "$PWD/requester" crash >/dev/null 2>&1
check 'its core is saved' core_names /run/blue/cores/core requester
check_equal 'by who was inside' "$net" "$(cat /run/blue/cores/where)"
check 'the host has none' host_has_no_core
check 'audited' audit_checkpoint
audit_expect_host /sbin/request-key 'the host asks'
audit_expect_host /run/blue/answer 'what that becomes'
audit_expect_host /bin/keyctl 'what that becomes'
for task in 'nsenter --net=/run/netns/blue' 'in_cgroup nsenter --net=/run/netns/blue'; do
	# shellcheck disable=SC2086 # a command of several words
	check_equal "who has nothing but its network is the host: $task" "payload served in $(readlink /proc/self/ns/net)" \
		"$(key $task | sed '/^ok/d')"
done
check_equal 'and who is in its cgroup and not in its network' "payload served in $(readlink /proc/self/ns/net)" \
	"$(key in_cgroup | sed '/^ok/d')"
check_equal 'nor is it anybody else who has mounts of his own' "payload served in $(readlink /proc/self/ns/net)" \
	"$(key unshare -m | sed '/^ok/d')"
check 'the host had its own upcalls' grep -qx /sbin/request-key <<<"$(audit_host_upcalls)"
check 'audited' audit_checkpoint
check_equal 'a second of that name is refused' 8 "$(status_of with_net)"
check 'the first keeps its cgroup' test -d "$boundary/upcall-holder-blue"
check 'and the first is still there' test "$(entry blue .leader) $(holders)" = "$holder 1"
systemctl kill --kill-whom=main --signal=KILL upcalld.service
check_equal 'upcalld is killed: its key is made inside' "payload served in $net" "$(key inside | sed '/^ok/d')"
check 'unregistered' upcallctl unregister blue
check 'nothing is left' none_is_left
check 'its cgroup can be removed' rmdir "$boundary"
mkdir "$boundary"

nsenter --net=/run/netns/blue sleep 2147483647 &
bare=$!
echo "$bare" >"$boundary/cgroup.procs"
is_in_it() { [ "$(readlink "/proc/$bare/ns/net")" = "$net" ]; }
check 'a process that has nothing but its network' wait_for 10 is_in_it
check_equal 'can be registered' 0 "$(status_of upcallctl register blue --pid "$bare" --cgroup /blue)"
check 'and what is wrong with it is said' says "upcallctl: register blue: warning: its leader has the host's users, processes and mounts"
check 'unregistered' upcallctl unregister blue
check 'and is not killed for that' kill "$bare"
wait "$bare" 2>/dev/null

# -------------------------------------------------------------------- its cgroup

check 'registered again' with_net
echo 1 >"$boundary/cgroup.kill"
check 'its cgroup is killed: it is registered no longer' wait_for 20 is_gone blue
check_equal 'and its leader has ended' 0 "$(holders)"
check 'what that has left is in nobody'\''s way' with_net
check 'unregistered' upcallctl unregister blue
check 'nothing is left' none_is_left

strange=$'b\xc3\xbc'
mkdir "/sys/fs/cgroup/$strange"
check 'registered in a cgroup whose name is not ASCII' upcallctl register blue --ns net=/run/netns/blue --cgroup "/$strange"
check 'unregistered' upcallctl unregister blue
check_equal 'and its leader has ended' 0 "$(holders)"
check 'its cgroup can be removed' rmdir "/sys/fs/cgroup/$strange"

# ------------------------------------------------- users, processes, mounts of its own

touch held/{user,pid,mnt,net}
unshare -U -p -m -n -f --kill-child --mount-proc sleep 2147483647 &
outer=$!
first_is_there() { first=$(pgrep -P "$outer" -x sleep); }
check 'one with users, processes, mounts and a network of its own' wait_for 10 first_is_there
for map in uid_map gid_map; do echo '0 100000 65536' >"/proc/$first/$map"; done
for type in user pid mnt net; do
	mount --bind "/proc/$first/ns/$type" "held/$type" || echo "FAIL held/$type"
done
refused_with 1 'held/mnt: not without its user namespace' --ns "mnt=$PWD/held/mnt" --ns net=/run/netns/blue --cgroup /blue
refused_with 1 'held/pid: not without its user namespace' --ns "pid=$PWD/held/pid" --cgroup /blue
unshare -U sleep 2147483647 &
other=$!
has_left() { ! [ "/proc/$other/ns/user" -ef /proc/self/ns/user ]; }
check 'one has another user namespace' wait_for 10 has_left
refused_with 1 'held/mnt: of another user namespace' --ns "mnt=$PWD/held/mnt" --ns "user=/proc/$other/ns/user" --cgroup /blue
kill "$other"
theirs=$(readlink "/proc/$first/ns/net")
all=(--ns "user=$PWD/held/user" --ns "pid=$PWD/held/pid" --ns "mnt=$PWD/held/mnt" --ns "net=$PWD/held/net")
check 'it is registered' register "${all[@]}"
holder=$(entry blue .leader)
for type in user pid mnt net; do
	check_equal "its leader has its $type" "$(readlink "/proc/$first/ns/$type")" "$(readlink "/proc/$holder/ns/$type")"
done
check_equal 'is its root, and without groups' '100000 100000 100000 100000 100000 100000 100000 100000' \
	"$(awk '/^[UG]id:/ { print $2, $3, $4, $5 } /^Groups:/ && $2 { print $2 }' "/proc/$holder/status" | xargs)"
check_equal 'its handlers have at most what containers have usually' 0000000000000000:00000000800405fb \
	"$(awk '/^CapPrm/ { printf "%s:", $2 } /^CapBnd/ { print $2 }' "/proc/$holder/status")"
its_tasks=(nsenter -t "$first" -U -p -m -n -S 0 -G 0)
check_equal 'its key is made inside' "payload served in $theirs" "$(key in_cgroup "${its_tasks[@]}" | sed '/^ok/d')"
shown=$(in_cgroup "${its_tasks[@]}" sh -c 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" = upcall-holder ] && echo ${p#/proc/}; done')
check_equal 'its command line says nothing' upcallctl "$(tr -d '\0' <"/proc/$holder/cmdline")"
check 'its root sees the leader' test -n "$shown"
for what in "cat /proc/$shown/environ" "ls /proc/$shown/fd" "readlink /proc/$shown/exe" "readlink /proc/$shown/root"; do
	check_fails "and gets at nothing of it: $what" in_cgroup "${its_tasks[@]}" sh -c "$what"
done
check 'audited' audit_checkpoint
check 'its root may kill it' in_cgroup "${its_tasks[@]}" kill -KILL "$shown"
tombstone() { [ "$(entry blue .state)" = tombstone ] || is_gone blue; }
check 'then it is the container whose leader has gone' wait_for 20 tombstone
upcallctl unregister blue 2>/dev/null
kill -KILL "$first"
wait "$outer" 2>/dev/null
check 'its processes have ended: nobody can be put there' test "$(status_of register "${all[@]}")" = 1
check 'and that is said' says 'no process in its pid namespace: Cannot allocate memory'
rmdir "$boundary"/upcall-holder-blue 2>/dev/null
check 'nothing is left' none_is_left
summary
