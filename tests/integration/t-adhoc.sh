#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
# needs: examples
#
# Containers made for one program: `upcallctl run`, and the recipe with unshare(1). What the program raises, from its first
# instruction on, is handled inside; when it ends, or who made it does, nothing is left. Two that somebody makes in one session
# have its cgroup, and who registers one of them, without naming a cgroup, registers that one.

# shellcheck source=lib/setup.sh
. lib/setup.sh
# shellcheck source=lib/served.sh
. lib/served.sh
# the host's own, but for who is in a container: these have the host's files
mkdir -p /run/adhoc/cores
cat >/run/adhoc/save-core <<'SH'
#!/bin/sh
cat >/run/adhoc/cores/core
readlink /proc/self/ns/pid >/run/adhoc/cores/where
SH
cat >/run/adhoc/answer <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" "served in $(readlink /proc/self/ns/pid) $(readlink /proc/self/ns/user)" "$2"
SH
chmod 755 /run/adhoc/*
echo 'create user adhoc:* * /run/adhoc/answer %k %S' >/etc/request-key.d/adhoc.conf
policy adhoc <<'CONF'
[Match]
Name=adhoc*
[Core]
Handler=/run/adhoc/save-core
[Key user]
[Module]
CONF
status_of() {
	"$@" >said 2>&1
	echo $?
}
says() { grep -F -- "$1" said || ! cat said; }
nothing_left() { ! pgrep -x upcall-keeper >/dev/null && [ -z "$(find /sys/fs/cgroup -type d -name 'container-*')" ]; }
cat >program <<SH
#!/bin/bash
echo "pid \$\$ of \$(readlink /proc/self/ns/pid), processes \$(echo /proc/[0-9]* | wc -w)"
$PWD/requester key user "adhoc:\$RANDOM" c
$PWD/requester socket 35
$PWD/requester crash
exit 7
SH
chmod 755 program

# each_is_inside WHAT COMMAND…: COMMAND runs what follows it in a container called adhoc…
each_is_inside() {
	local what=$1 inside
	shift
	rm -f /run/adhoc/cores/*
	check_equal "$what: the exit status is the program's" 7 "$(status_of "$@" "$PWD/program")"
	check "$what: it is process 1, and sees its own" grep -qE '^pid 1 of pid:\[[0-9]+\], processes [1-4]$' said
	inside=$(sed -n 's/^pid 1 of \([^,]*\),.*/\1/p' said)
	check "$what: its key was made inside" says "payload served in $inside"
	check "$what: its module is refused" says 'EAFNOSUPPORT '
	check "$what: its core is saved" core_names /run/adhoc/cores/core requester
	check_equal "$what: by who was inside" "$inside" "$(cat /run/adhoc/cores/where)"
	check "$what: the host has none" host_has_no_core
	check "$what: it is registered no longer" wait_for 20 is_gone adhoc
	check "$what: nothing is left" wait_for 20 nothing_left
	check "$what: audited" audit_checkpoint
}

# ------------------------------------------------------------------------- run

each_is_inside 'run' upcallctl run --name adhoc --
check_equal 'run: it ends of a signal' 143 "$(status_of upcallctl run --name adhoc --new-fs --new-cgroup -- /bin/sh -c 'kill -TERM $$')"
check_equal 'run: another network, and no pid namespace' "1 $(readlink /proc/self/ns/pid)" \
	"$(upcallctl run --name adhoc --new-net --new-cgroup --new-fs -- /bin/sh -c 'echo "$(ip -o link | wc -l) $(readlink /proc/self/ns/pid)"' 2>&1)"
check_equal 'run: other ids' '0 100000 65536' "$(upcallctl run --name adhoc --new-user --new-pid --new-fs --map 100000 -- /bin/cat /proc/self/uid_map | xargs)"
check_equal 'run --json: how it ended' 'adhoc exited 3 0' \
	"$(upcallctl run --json --name adhoc -- /bin/sh -c 'echo to stderr; exit 3' 2>err | jq -r '"\(.container) \(.outcome) \(."exit-status") \(.signal)"')"
check_equal 'run --json: and what it printed' 'to stderr' "$(cat err)"
# signals IGNORED COMMAND…: what a program of the command's ignores, where who starts it ignores that
signals() { env --ignore-signal="$1" "${@:2}" grep SigIgn /proc/self/status; }
for ignored in USR1 PIPE CHLD; do
	check_equal "run: it ignores what we do: SIG$ignored" "$(signals "$ignored")" \
		"$(signals "$ignored" upcallctl run --name adhoc --)"
done
check_equal 'run: its exit status is known where who starts it ignores SIGCHLD' 7 \
	"$(status_of env --ignore-signal=CHLD upcallctl run --name adhoc -- /bin/sh -c 'exit 7')"
check_equal 'run: no such program: 127' 127 "$(status_of upcallctl run --name adhoc -- /nonexistent)"
check 'run: and it says so' says 'upcallctl: run adhoc: /nonexistent: No such file or directory'
check_equal 'run: no program: 126' 126 "$(status_of upcallctl run --name adhoc -- /etc/passwd)"

upcallctl run --name adhoc -- /bin/sleep 2147483641 &
running=$!
runs() { [ "$(entry adhoc .state)" = live ]; }
check 'run: one that stays is registered' wait_for 20 runs
check_equal 'run: a second of that name is refused: 125' 125 "$(status_of upcallctl run --name adhoc -- /bin/touch made)"
check 'run: and it says why' says "a container is registered as 'adhoc' already"
check_equal 'run: so it is with standard streams closed' 125 \
	"$(upcallctl run --name adhoc -- /bin/touch made <&- >&- 2>&-; echo $?)"
check_fails 'run: and nothing of it ran' test -e made
kill -KILL "$running"
check 'run: who made it is killed: it is registered no longer' wait_for 20 is_gone adhoc
check 'run: nothing is left' wait_for 20 nothing_left
check_fails 'run: nor its program' pgrep -f 'sleep 2147483641'

systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
check_equal 'run: without upcalld: 125' 125 "$(status_of upcallctl run --name adhoc -- /bin/touch made)"
check_fails 'run: and it is not run' test -e made
check 'run: nothing is left' wait_for 20 nothing_left
systemctl start upcalld.socket upcalld-shim.socket

# ------------------------------------------------------------------ the recipe

each_is_inside 'the recipe' examples/unshare-container.sh adhoc
check_fails 'the recipe: a name that is none' examples/unshare-container.sh Adhoc /bin/touch made
check_fails 'the recipe: and it is not run' test -e made
check_fails 'the recipe: nor is its cgroup left' test -e /sys/fs/cgroup/Adhoc

# ------------------------------------------------------------- two in one session

# in_session NAME OPTION…: unshare(1) with these makes a container; its first process sleeps, and is ${leader[NAME]}
in_session() {
	local name=$1
	shift
	unshare "$@" --fork --kill-child sleep 2147483640 &
	wait_for 10 twin_is_there "$name" $!
}
owner_of() { ./shim-client tags "${leader[$1]}"; }
id_of() { ./shim-client containers | sed -n "s/ $1 .*//p"; }
# served_in WHOSE: who answers a key of that one's; the host has the same files
served_in() {
	nsenter -t "${leader[$1]}" -p -m -C "$PWD/requester" key user "adhoc:$RANDOM" c 2>&1 | sed -n 's/^payload served in \([^ ]*\) .*/\1/p'
}
each_is_its_own() {
	local what=$1
	check_equal "$what: the one is who is registered" "scope=1 container=$(id_of adhoc)" "$(owner_of one)"
	check_equal "$what: the other is nobody" 'scope=2 container=0' "$(owner_of other)"
	check_equal "$what: the key of the one is made inside" "$(readlink "/proc/${leader[one]}/ns/pid")" "$(served_in one)"
	check "$what: audited" audit_checkpoint
	audit_expect_host '*' 'nobody has registered the other'
	check_equal "$what: that of the other is the host's" "$(readlink /proc/self/ns/pid)" "$(served_in other)"
	check "$what: audited" audit_checkpoint
}
check 'a session: one of two' in_session one -p -m -C
check 'a session: and the other' in_session other -p -m -C
check_equal 'a session: both have its cgroup' "$(cat /proc/self/cgroup)" "$(sort -u "/proc/${leader[one]}/cgroup" "/proc/${leader[other]}/cgroup")"
check 'a session: one is registered' upcallctl register adhoc --pid "${leader[one]}"
each_is_its_own 'a session'
systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
check 'a session: the module is loaded anew' eval 'rmmod upcall_shim && modprobe upcall_shim'
systemctl start upcalld.socket upcalld-shim.socket
check 'a session: it is registered as before' wait_for 20 runs
each_is_its_own 'a session, loaded anew'
# who has but its mounts is maybe about to enter, and maybe not: he is neither the host, nor gives it his keys
check_equal 'a session: who has joined its mounts is refused' EKEYREJECTED \
	"$(nsenter -t "${leader[one]}" -m "$PWD/requester" key user "adhoc:$RANDOM" c | cut -d' ' -f1)"
check 'a session: audited' audit_checkpoint
kill -KILL "${leader[one]}"
check 'a session: the one has ended, and is registered no longer' wait_for 20 is_gone adhoc
check 'a session: the other has not' test -d "/proc/${leader[other]}"

# ATTACK: who has made a user namespace, and a container in it, has with it all that nobody has named. It answers what he
# raises, and gets none of his keys, which are his session's.
# maker WHAT HIS ITS [REGISTER-OPTION…]: he unshares HIS, and the container that he makes ITS
maker() {
	local what=$1 in_engine
	unshare -U -r ${2:+"$2"} --kill-child sleep 2147483640 &
	check "$what: who has made it" wait_for 10 twin_is_there engine $!
	in_engine=(nsenter -t "${leader[engine]}" -U ${2:+-m} --preserve-credentials)
	"${in_engine[@]}" unshare -p -C ${3:+"$3"} --fork --kill-child sleep 2147483640 &
	check "$what: and what he has made in it" wait_for 10 twin_is_there one $!
	[ $# -lt 4 ] || { mkdir "/sys/fs/cgroup$5" && echo "${leader[one]}" >"/sys/fs/cgroup$5/cgroup.procs"; }
	check "$what: that is registered" upcallctl register adhoc --pid "${leader[one]}" "${@:4}"
	check_equal "$what: whoever is in it is of that" "scope=1 container=$(id_of adhoc)" "$(owner_of engine)"
	check_equal "$what: his key is not for it" EKEYREJECTED "$("${in_engine[@]}" "$PWD/requester" key user "adhoc:$RANDOM" c | cut -d' ' -f1)"
	check_equal "$what: its own is" "$(readlink "/proc/${leader[one]}/ns/pid")" "$(nsenter -t "${leader[one]}" -U -p -m -C \
		--preserve-credentials "$PWD/requester" key user "adhoc:$RANDOM" c 2>&1 | sed -n 's/^payload served in \([^ ]*\) .*/\1/p')"
	check "$what: audited" audit_checkpoint
	check "$what: it is registered no longer" upcallctl unregister adhoc
	kill -KILL "${leader[one]}" "${leader[engine]}"
}
maker 'a user namespace' '' -m
maker 'a user namespace and mounts' -m ''
maker 'a user namespace, mounts, and a cgroup that is its own' -m '' --cgroup /adhoc-own
check "its cgroup is left empty" wait_for 10 rmdir /sys/fs/cgroup/adhoc-own

# ATTACK: nothing but its cgroup tells a container that has no pid namespace of its own from who has made its user namespace,
# and from others there that nobody has registered. Their keys are not for it. Nor are they for the host's helper: the cgroup can
# be left from inside, and whoever does would have left what its policy refuses.
what='a user namespace, no pid namespace, and a cgroup that is its own'
# key_in WHOSE OPTION…: in which user namespace a key of who is in these namespaces of that one is answered
key_in() {
	nsenter -t "${leader[$1]}" --preserve-credentials "${@:2}" "$PWD/requester" key user "adhoc:$RANDOM" c 2>&1 |
		sed -n -e 's/^payload served in [^ ]* //p' -e 's/^\(EKEYREJECTED\) .*/\1/p'
}
user_ns_of() { readlink "/proc/$1/ns/user"; }
mkdir /sys/fs/cgroup/adhoc-own
(
	echo 0 >/sys/fs/cgroup/adhoc-own/cgroup.procs
	exec unshare -U -r -m --kill-child sleep 2147483640
) &
check "$what: one" wait_for 10 twin_is_there one $!
nsenter -t "${leader[one]}" -U --preserve-credentials unshare -p -m -C --fork --kill-child sleep 2147483640 &
check "$what: another in its user namespace" wait_for 10 twin_is_there beside $!
nsenter -t "${leader[one]}" -U --preserve-credentials unshare -n --kill-child sleep 2147483640 &
check "$what: and who may have made it" wait_for 10 twin_is_there engine $!
check "$what: the one is registered" upcallctl register adhoc --pid "${leader[one]}" --cgroup /adhoc-own
check_equal "$what: it is who is registered" "scope=1 container=$(id_of adhoc)" "$(owner_of one)"
for one in beside engine; do
	check_equal "$what: so is who is $one" "scope=1 container=$(id_of adhoc)" "$(owner_of $one)"
done
check_equal "$what: the key of another is refused" EKEYREJECTED "$(key_in beside -U -p -m -C)"
check_equal "$what: and of who may have made it" EKEYREJECTED "$(key_in engine -U -n)"
check_equal "$what: who is about to enter has none for it" EKEYREJECTED "$(key_in one -U -m)"
check_equal "$what: its own is made inside" "$(user_ns_of "${leader[one]}")" \
	"$(echo 0 >/sys/fs/cgroup/adhoc-own/cgroup.procs && key_in one -U -m)"
check_equal "$what: who has left its cgroup, and all else that he can, is none of the host" EKEYREJECTED \
	"$(key_in one -U -m unshare -m -n -i -C)"
check "$what: audited" audit_checkpoint
check "$what: it is registered no longer" upcallctl unregister adhoc
kill -KILL "${leader[one]}" "${leader[beside]}" "${leader[engine]}"
check "$what: its cgroup is left empty" wait_for 10 rmdir /sys/fs/cgroup/adhoc-own

# And where nobody has named it, nothing does.
what='a user namespace, no pid namespace, and no cgroup that is named'
unshare -U -r --kill-child sleep 2147483640 &
check "$what: who has made it" wait_for 10 twin_is_there engine $!
nsenter -t "${leader[engine]}" -U --preserve-credentials unshare -m -C --fork --kill-child sleep 2147483640 &
check "$what: one" wait_for 10 twin_is_there one $!
check "$what: is registered" upcallctl register adhoc --pid "${leader[one]}"
check_equal "$what: the key of who has made it is refused" EKEYREJECTED "$(key_in engine -U)"
check_equal "$what: its own, too" EKEYREJECTED "$(key_in one -U -m -C)"
check "$what: audited" audit_checkpoint
check "$what: it is registered no longer" upcallctl unregister adhoc
kill -KILL "${leader[one]}" "${leader[engine]}"

check 'a session: one that has mounts only' in_session mounts -m -C
check_equal 'a session: is not told from others by that' 1 "$(status_of upcallctl register adhoc --pid "${leader[mounts]}")"
check 'a session: and that is said' says 'its cgroup holds tasks of others: name a cgroup'

# The root of all is nobody's boundary.
(
	echo 0 >/sys/fs/cgroup/cgroup.procs
	exec unshare -p -m -C --fork --kill-child sleep 2147483640
) &
check 'at the root: one' wait_for 10 twin_is_there one $!
check 'at the root: it is registered' upcallctl register adhoc --pid "${leader[one]}"
check_equal 'at the root: without a boundary' '' "$(entry adhoc .cgroup)"
each_is_its_own 'at the root'
summary
