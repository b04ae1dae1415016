#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-nosys
# module: kmod
#
# Whose is an upcall? A-03: of who unshares everything inside a container, that container's; of a user of the host who does
# so, nobody's, and with strict refused. A-04: a namespace's number that is used again says nothing of who had it before.
# A-10b: what can be given to nobody is refused, and counted for each class.

# shellcheck source=lib/setup.sh
. lib/setup.sh
# shellcheck source=lib/everything.sh
. lib/everything.sh
parameters=/sys/module/upcall_shim/parameters
install -m 755 requester /usr/local/bin/
check 'what raises upcalls of the class other is there' insmod ./upcall_raiser.ko
wait_for 10 test -c /dev/upcall-raiser

policy all <<'CONF'
[Match]
Name=web old stay twin-*
[Core]
Handler=/usr/libexec/core
[Key user]
Handler=/usr/libexec/key
[Module]
[Other]
Handler=/usr/libexec/other
CONF
prepare() {
	local class
	container_rootfs "$containers/$1/rootfs"
	for class in core key; do
		handler_script "$1" /usr/libexec/$class <<-SH
			#!/bin/sh
			{
				for ns in user pid mnt net; do /bin/busybox readlink /proc/self/ns/\$ns; done
				id -u
			} >/tmp/where.$class.new
			/bin/busybox mv /tmp/where.$class.new /tmp/where.$class
			[ $class = core ] || exec /sbin/request-key "\$@"
			exec cat >/dev/null
		SH
	done
	handler_script "$1" /bin/answer <<-'SH'
		#!/bin/sh
		exec keyctl instantiate "$1" mine "$2"
	SH
	echo 'create user * * /bin/answer %k %S' >"$containers/$1/rootfs/etc/request-key.conf"
}

# counted: how many were refused, by the table, the module or the daemon, of each class that a test raises
counted() {
	upcallctl status --json | jq -r '[.upcalls | (.core, .key, .module, .other) | .denied + .refused + .failed | tostring] | join(" ")'
}
# each_once BEFORE AFTER: one more of each
each_once() {
	local before after i
	read -ra before <<<"$1"
	read -ra after <<<"$2"
	for i in 0 1 2 3; do [ "${after[i]}" = $((before[i] + 1)) ] || return; done
}
# other_refused WHAT COMMAND…: one of the class other, which no call of the system raises
other_refused() {
	local what=$1
	shift
	"$@" raise "proc process 1 $PWD/outcome exit 0" >/dev/null
	check_equal "$what: other refused, nobody ran anything for it" 'ret=256 retval=256 returns=1 inits=0 cleanups=1 by=nobody' \
		"$(grep -o 'ret=.* by=[a-z]*' /dev/upcall-raiser)"
	echo reset >/dev/upcall-raiser
}
# refused_and_counted WHAT COMMAND…: as everything(), and other
refused_and_counted() {
	local before
	before=$(counted)
	everything "$@"
	other_refused "$@"
	check "A-10b $1: each class is counted once ($before, then $(counted))" each_once "$before" "$(counted)"
}

# --- A-03
prepare web
# An id can be mapped again, so unshared again, by who has CAP_SETFCAP; runtimes give it.
check 'web is registered' registered web '.process.capabilities |= map_values(. + ["CAP_SETFCAP"])'
inside=$(for ns in user pid mnt net; do readlink "/proc/${leader[web]}/ns/$ns"; done && echo 0)
as_user=(setpriv --reuid=1000 --regid=1000 --clear-groups /usr/local/bin/requester)
echo 1 >$parameters/strict
refused_and_counted 'A-03 strict: a user of the host has unshared everything' "${as_user[@]}" unshare
refused_and_counted 'A-03 strict: and once more' "${as_user[@]}" unshare unshare
check_equal 'A-03 strict: and no handler ran for him' '' "$(records UPCALL_ID)"

# served_inside WHAT COMMAND…: each class that has a handler, by web's
served_inside() {
	local what=$1
	shift
	rm -f "${root[web]}"/tmp/where.*
	audit_checkpoint
	check_equal "A-03 $what: the key is web's handler's" 'payload mine' "$("$@" key user "identity:$RANDOM" c 2>&1 | head -n 1)"
	check_equal "A-03 $what: who ran in web's namespaces, as web's root" "$inside" "$(cat "${root[web]}/tmp/where.key")"
	"$@" crash >/dev/null 2>&1
	check "A-03 $what: the core is, too" wait_for 20 test -s "${root[web]}/tmp/where.core"
	check_equal "A-03 $what: who ran there" "$inside" "$(cat "${root[web]}/tmp/where.core")"
	check "A-03 $what: its policy refuses the module" refused EAFNOSUPPORT "$("$@" socket 35 2>&1)"
	check_equal "A-03 $what: the kernel ran nothing on the host" '' "$(audit_host_upcalls)"
}
served_inside 'inside' container_exec web /bin/requester
served_inside 'inside, everything unshared' container_exec web /bin/requester unshare
served_inside 'inside, everything unshared twice' container_exec web /bin/requester unshare unshare
audit_checkpoint
audit_expect_host /sbin/request-key "the host's own"
"${as_user[@]}" key user identity:host c >/dev/null
check "A-03 strict: what the host's user asks for as such is the kernel's own" test -n "$(audit_host_upcalls)"
audit_checkpoint
echo 0 >$parameters/strict

# --- A-04
number() { stat -Lc %i "/proc/$1/ns/$2" 2>/dev/null; }
fillers=()
# $process has become a sleeper, or a descendant of it has: that is $reuser.
has_slept() {
	reuser=$process
	while [ -n "$reuser" ] && [ "$(cat "/proc/$reuser/comm")" != sleep ]; do reuser=$(pgrep -P "$reuser"); done
	[ -n "$reuser" ]
}
# reuse KIND NUMBER COMMAND…: starts sleepers, each with one namespace more, until one has the number; it is $reuser. Numbers
# that are free are given lowest first, and those that are taken stay taken.
reuse() {
	local kind=$1 wanted=$2 tries process
	shift 2
	for ((tries = 0; tries < 200; tries++)); do
		"$@" sleep 2147483640 &
		fillers+=($!)
		process=$!
		wait_for 20 has_slept || return
		[ "$(number "$reuser" "$kind")" != "$wanted" ] || return 0
	done
	return 1
}
known() { grep -q " $1 " <<<"$(./shim-client containers)"; }
gone() { ! known "$1"; }

# Another container, which nobody registers.
unshare -U -r -p -f --kill-child sleep 2147483641 &
nobody=$!
find_nobody() { other=$(pgrep -P "$nobody" -x sleep); }
wait_for 10 find_nobody
in_other=(nsenter -t "$other" -U -p --preserve-credentials)

prepare old
check 'old is registered' registered old
check_equal 'its tasks are its own' "scope=1 container=$(./shim-client containers | sed -n 's/ old .*//p')" \
	"$(./shim-client tags "${leader[old]}")"
# Not of the network: its files in /proc take their numbers from the same place, a hundred at a time, and what is compared is
# its cookie.
numbers=$(for kind in mnt user pid; do echo "$(number "${leader[old]}" $kind) $kind"; done | sort -n)
./shim-client gone old "${leader[old]}" >gone.ms &
watcher=$!
wait_for 20 grep -q ready gone.ms
kill -9 "${leader[old]}"
check 'A-04: old has died, its entry goes' wait_for 20 test ! -e "/proc/$watcher"
check "A-04: within a second ($(tail -n 1 gone.ms) ms)" test "$(tail -n 1 gone.ms)" -le 1000
crun --cgroup-manager=cgroupfs delete --force old 2>/dev/null
not_listed() { ! upcallctl list --json | jq -r '.containers[].name' | grep -qx old; }
check 'A-04: and upcalld has none either' wait_for 1 not_listed
# Lower ones first: those above them are still free then.
while read -r wanted kind; do
	case $kind in
	mnt) how=("${in_other[@]}" unshare -m) ;;
	user) how=(unshare -U -r) ;;
	pid) how=("${in_other[@]}" unshare -p -f --kill-child) ;;
	esac
	check "A-04: old's $kind number is used again (else the test proves nothing)" reuse "$kind" "$wanted" "${how[@]}"
	check_equal "A-04 $kind: whose number was old's is nobody's" 'scope=2 container=0' "$(./shim-client tags "$reuser")"
	echo 1 >$parameters/strict
	# The shell, because nsenter would die of the same signal as its child, and be one more.
	# shellcheck disable=SC2016 # for the inner shell
	refused_and_counted "A-04 $kind: strict" \
		nsenter -t "$reuser" -U -p -m -n --preserve-credentials sh -c '"$@"; exit $?' sh "$PWD/requester"
	echo 0 >$parameters/strict
done <<<"$numbers"
kill "${fillers[@]}"
fillers=()

# A dead leader whose cgroup somebody holds: its entry stays and refuses, and its number is another's.
mkdir /sys/fs/cgroup/stay
sh -c 'echo $$ >/sys/fs/cgroup/stay/cgroup.procs; exec sleep 2147483642' &
straggler=$!
sh -c 'echo $$ >/sys/fs/cgroup/stay/cgroup.procs; exec unshare -m sleep 2147483643' &
stay=$!
is_unshared() { [ "$(cat "/proc/$stay/comm")" = sleep ]; }
wait_for 10 is_unshared
check 'stay is registered, with a cgroup' upcallctl register stay --pid "$stay" --cgroup /stay
mnt=$(number "$stay" mnt)
kill -9 "$stay"
wait "$stay" 2>/dev/null
is_tombstone() { grep -q ' stay state=1 ' <<<"$(./shim-client containers)"; }
check 'A-04: stay has died, its cgroup has not: a tombstone' wait_for 5 is_tombstone
check "A-04: stay's mnt number is used again" reuse mnt "$mnt" unshare -m
check_equal "A-04: a task of the host that has it now is the host's" 'scope=0 container=0' "$(./shim-client tags "$reuser")"
audit_checkpoint
audit_expect_host /sbin/request-key "the host's own"
nsenter -t "$reuser" -m "$PWD/requester" key user identity:stay c >/dev/null
check "A-04: its upcalls are the kernel's own" test -n "$(audit_host_upcalls)"
audit_checkpoint
kill "${fillers[@]}" "$straggler"
check 'A-04: with its cgroup empty the tombstone goes' wait_for 10 gone stay

# --- A-10b: two that only their mount and network namespaces tell apart, and a task that has others
twins_registered
# shellcheck disable=SC2016 # for the inner shell
refused_and_counted 'whose of two' "${in_twin[@]}" sh -c '"$@"; exit $?' sh "$PWD/requester"
check 'A-10b: and the record says why' grep -q '^several containers match' <<<"$(records UPCALL_REASON UPCALL_CLASS=key | tail -n 1)"
check 'A-10b: of class other, too' grep -q '^several containers match' <<<"$(records UPCALL_REASON UPCALL_CLASS=other | tail -n 1)"
for class in core key module other; do
	check_equal "A-10b: of class $class, for people" "$(upcallctl status --json | jq ".upcalls.$class.denied") denied" \
		"$(upcallctl status | sed -n "s/^$class .*\<\([0-9]* denied\).*/\1/p")"
done
# One of the two has a policy for it: that is enough.
cat >/etc/upcalld.d/all.conf <<'CONF'
[Match]
Name=twin-a
[Key]
Handler=deny
CONF
upcallctl reload
check 'A-10b: whose of two, where one has a policy: refused' grep -q '^EKEYREJECTED ' \
	<<<"$("${in_twin[@]}" "$PWD/requester" key user identity:one c)"
# Registering changes nothing: where neither has one, neither is asked.
rm /etc/upcalld.d/all.conf
upcallctl reload
audit_checkpoint
audit_expect_host /sbin/request-key "the kernel's own"
"${in_twin[@]}" "$PWD/requester" key user identity:twins c >/dev/null
check "A-10b: whose of two is the kernel's own where neither has a policy" test -n "$(audit_host_upcalls)"
audit_checkpoint
kill "$outer" "$nobody"
check_equal 'no upcall is left' '' "$(./shim-client list)"
summary
