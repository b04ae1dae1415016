#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# suites: bookworm trixie trixie-backports
# soak-suites: bookworm-debug bookworm-kcsan
#
# The module by itself, driven by shim-client instead of the daemon: every transition, every deadline, each ending once.
# A-13: an answer to nobody, to another generation, before the claim, malformed, twice or too late changes nothing.

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
parameters=/sys/module/upcall_shim/parameters

systemctl stop upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null
[ -d "$parameters" ] || modprobe upcall_shim
wait_for 10 test -c /dev/upcall

parameter() { echo "$2" >"$parameters/$1"; }

# A container in one line; its leader is the init of its pid namespace.
unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 &
launcher=$!
find_leader() { leader=$(pgrep -P "$launcher" -x sleep); }
wait_for 10 find_leader
check 'a container is added' ./shim-client add web "$leader" key=offer,core=offer,module=offer,other=offer
check_fails 'its name is taken' ./shim-client add web "$$" key=offer
check_fails 'a process of the host is no container' ./shim-client add host "$$" key=offer
check_fails 'a kernel thread is no container' ./shim-client add kernel 2 key=offer
check_fails 'nobody is no container' ./shim-client add nobody 4194303 key=offer
# A cgroup that nobody has named, so that others may be in it, tells only together with a pid or user namespace.
cgroup=$(stat -c %i "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)")
unshare -m --kill-child sleep 2147483647 &
has_own_mounts() { [ ! "/proc/$!/ns/mnt" -ef /proc/self/ns/mnt ]; }
wait_for 10 has_own_mounts
shared() { ./shim-client add shared "$1" key=offer "$2" shared 2>&1; }
check_equal 'shared cgroup: needs more' 'shim-client: add: Name not unique on network' "$(shared $! "$cgroup")"
check_equal 'and has it in a user namespace' 'shim-client: add: File exists' "$(shared "$leader" "$cgroup")"
check_equal 'none is not shared' 'shim-client: add: Invalid argument' "$(shared "$leader" 0)"
kill $!
check_equal 'a task in it belongs to it' 'scope=1 container=16' "$(./shim-client tags "$leader")"
check_equal 'the host does not' 'scope=0 container=0' "$(./shim-client tags 1)"
check 'a witness tells tags and can do nothing else' ./fd-rights witness "$leader"

inside=(nsenter -t "$leader" -U -p -m -n --preserve-credentials "$PWD/requester")
serial=0
key() {
	serial=$((serial + 1))
	"${inside[@]}" key user "shim:$serial" c
}
nothing_left() { [ -z "$(./shim-client list)" ]; }

# answered WHAT ACTION COUNT EXPECTED: the broker does ACTION with COUNT offers
answered() {
	local what=$1 action=$2 count=$3 expected=$4 output
	./shim-client serve "$count" "$action" >served.log &
	local broker=$!
	output=$(key)
	check "$what: the requester gets $expected" grep -q "^$expected" <<<"$output"
	wait "$broker"
	check "$what: offered $count times" test "$(wc -l <served.log)" = "$count"
	check "$what: it has ended" wait_for 5 nothing_left
}

answered 'refused with EKEYREJECTED' deny=129 1 EKEYREJECTED
answered 'completed with ETIMEDOUT' complete=110 1 ETIMEDOUT
answered 'completed with an error that has side effects (ENOENT)' complete=2 1 ENOKEY
answered 'dropped, four times' drop 4 EIO
answered 'attached, and it ends' run 1 ENOKEY
audit_expect_host '*' 'given back to the kernel; shim-client runs handlers on the host'
answered 'given back to the kernel' native 1 ENOKEY
audit_checkpoint
audit_expect_host '*' 'shim-client runs handlers on the host'
check_equal 'each is counted by how it ended' \
	'native 0 denied 0 refused 0 offered 6 done 1 failed 4 overdue 0 given-back 1 killed 0 requeued 3 again 0' \
	"$(./shim-client counters 1 | paste -sd ' ')"

say_class() { sed -n 's/.*class=\([a-z-]*\).*/\1/p' served.log; }
./shim-client serve 1 run >served.log &
broker=$!
nsenter -t "$leader" -U -p -m -n --preserve-credentials sh -c "'$PWD/requester' crash; true" >/dev/null 2>&1
wait "$broker"
check_equal 'a crash is offered as a core' core "$(say_class)"

./shim-client serve 1 deny=129 >served.log &
broker=$!
"${inside[@]}" socket 35 >/dev/null
wait "$broker"
check_equal 'a socket is offered as a module' module "$(say_class)"

parameter claim_ms 300
output=$(key)
check 'nobody claims: ETIMEDOUT' grep -q ^ETIMEDOUT <<<"$output"
check_within "nobody claims: in time ($output)" "${output##*ms=}" 1500
check_fails 'a module nobody claims is refused' "${inside[@]}" socket 35
parameter claim_ms 30000

state_is() { ./shim-client list | grep -q "state=$1"; }

# claimed and stalled: revoked and offered again, to another
parameter attach_ms 300
./shim-client stall >/dev/null &
stalled=$!
key >key.log &
requester=$!
offered_again() { ./shim-client list | grep -q 'generation=[1-9]'; }
check 'a stalled claim is revoked and queued again' wait_for 20 offered_again
timeout 60 ./shim-client serve 1 deny=129 >/dev/null
wait "$requester"
check 'its requester is served by the next' grep -q ^EKEYREJECTED key.log
kill "$stalled" 2>/dev/null
parameter attach_ms 25000

# a handler that hangs is killed and the requester answered
parameter run_ms 500
answered 'a handler that hangs' hang 1 ENOKEY
hang_for() {
	./shim-client serve 1 hang "$1" >/dev/null &
	key
}
output=$(hang_for 60000)
check_within "one claimed for longer than the module allows is bounded ($output)" "${output##*ms=}" 20000
parameter run_ms 3610000
output=$(hang_for 500)
check_within "one claimed for half a second is killed then ($output)" "${output##*ms=}" 20000
check 'and the upcall has ended' wait_for 5 nothing_left

# a claim that fails takes nothing from the one that stands
./fd-rights double >double.log 2>&1 &
double=$!
output=$(key)
check 'a second claim does not revoke the first' wait "$double"
check "and its requester is answered ($output)" grep -q ^EKEYREJECTED <<<"$output"

# whatever is wrong is refused, and each requester still gets its one answer
trace=/sys/kernel/tracing/instances/shim
mkdir -p "$trace"
echo 1 >"$trace/events/upcall/upcall_answered/enable"
parameter module_claim_ms 30000
for class in key core module; do
	./fd-rights wrong >wrong.log &
	wrong=$!
	case $class in
	key) key >key.log ;;
	core) nsenter -t "$leader" -U -p -m -n --preserve-credentials sh -c "'$PWD/requester' crash; true" >/dev/null 2>&1 ;;
	module) check_fails 'wrong answers: a module is refused' "${inside[@]}" socket 35 ;;
	esac
	wait "$wrong"
	check_equal "wrong answers to a $class: each is refused as it should be" '' "$(cat wrong.log)"
done
check 'wrong answers: the key has the right one' grep -q ^EKEYREJECTED key.log
answers() { sed -n 's/.*upcall_answered: //p' "$trace/trace"; }
check_equal 'wrong answers: each requester has exactly one answer' '0 1 2' \
	"$(answers | sed 's/.*class=\([0-9]*\) .*/\1/' | sort -n | paste -sd ' ')"
ids=$(answers | sed 's/id=\([0-9]*\) .*/\1/')
check_equal 'ids grow' "$(sort -nu <<<"$ids")" "$ids"
rmdir "$trace"
parameter module_claim_ms 1000

# tags are asked for while upcalls are in the making
./fd-rights peek 4 &
peek=$!
./shim-client serve 40 deny=129 >/dev/null &
broker=$!
for _ in $(seq 40); do key >/dev/null; done
wait "$broker"
check 'asking for the tags of what is in the making harms nothing' wait "$peek"

# a core dump's requester goes on at ATTACH; its handler alone must keep the module
audit_expect_host '*' 'shim-client runs handlers on the host'
./shim-client serve 1 hang >/dev/null &
broker=$!
nsenter -t "$leader" -U -p -m -n --preserve-credentials sh -c "'$PWD/requester' crash; true" >/dev/null 2>&1 &
crash=$!
wait_for 5 state_is 4
wait "$broker"
check_fails "with only a core dump's handler left the module does not unload" rmmod upcall_shim
hung=$(./shim-client list | sed 's/.*handler=//')
kill -9 "$hung"
check 'its end ends the upcall' wait_for 5 nothing_left
wait "$crash"

# containers that share: in another pid namespace than the registered one is another container
nsenter -t "$leader" -U --preserve-credentials unshare -p -m -n -f --mount-proc --kill-child sleep 2147483646 &
sibling_launcher=$!
find_sibling() { sibling=$(pgrep -f 'sleep 2147483646$' | tail -1) && [ "$(cat "/proc/$sibling/comm")" = sleep ]; }
wait_for 10 find_sibling
check_equal "a sibling in the same user namespace is not the registered one's" 'scope=2 container=0' "$(./shim-client tags "$sibling")"
nsenter -t "$leader" -n --preserve-credentials sleep 2147483645 &
joined=$!
wait_for 5 test "$(readlink /proc/$joined/ns/net)" = "$(readlink "/proc/$leader/ns/net")"
check_equal 'a process of the host that joined its network is the host'\''s' 'scope=0 container=0' "$(./shim-client tags "$joined")"
kill "$joined" "$sibling_launcher"
# Who stands around it: a rootless engine has the user namespace of its containers, and is none of them; nor is who has entered
# all but that. Who is in its mounts is about to enter.
is_asleep() { [ "$(cat "/proc/$1/comm")" = sleep ]; }
# tags_of NAMESPACES: of a task that is in these of the container's, and in no other
tags_of() {
	nsenter -t "$leader" "$@" --preserve-credentials sleep 2147483644 &
	local task=$!
	wait_for 10 is_asleep "$task"
	./shim-client tags "$task"
	kill "$task"
}
check_equal 'a process that has but its user namespace is not its' 'scope=2 container=0' "$(tags_of -U)"
check_equal 'nor one that has its network, too' 'scope=2 container=0' "$(tags_of -U -n)"
check_equal 'nor one of the host that has its mounts' 'scope=0 container=0' "$(tags_of -m)"
check_equal 'one that is about to enter is' 'scope=1 container=16' "$(tags_of -U -m)"

# the requester is killed: while offered, and while its handler runs
key >/dev/null &
wait_for 5 state_is 1
check_fails 'with an upcall in flight the module does not unload' rmmod upcall_shim
pkill -KILL -x requester
check 'offered: a killed requester takes its upcall along' wait_for 2 nothing_left
./shim-client serve 1 hang >/dev/null &
key >/dev/null &
wait_for 5 state_is 4
hung=$(./shim-client list | sed 's/.*handler=//')
pkill -KILL -x requester
check 'running: a killed requester takes its upcall along' wait_for 2 nothing_left
handler_gone() { [ ! -e "/proc/$hung/ns" ] || grep -q '^State:.Z' "/proc/$hung/status"; }
check 'running: and its handler' wait_for 2 handler_gone

# killed when its handler has instantiated the key already: that key is a good one, and its owner's
user_keyring=-4 # stays when the requester has gone, which its session keyring does not
./shim-client serve 1 instantiate >/dev/null &
"${inside[@]}" key user shim:whole c "$user_keyring" >/dev/null &
requester=$!
check 'its handler instantiates the key and hangs' wait_for 10 grep -q ' I[^U]* .*user *shim:whole:' /proc/keys
check 'and is waited for' state_is 4
pkill -KILL -x requester
wait "$requester"
check 'instantiated: a killed requester takes its upcall along' wait_for 2 nothing_left
in_container() { "${inside[@]::${#inside[@]} - 1}" "$@"; }
in_keyring() { in_container keyctl "$@"; }
whole=$(in_keyring search @u user shim:whole)
check 'instantiated: it is there' test -n "$whole"
check 'instantiated: it can be revoked' in_keyring revoke "$whole"

# refused, and then filled by who asked: its own as well, when it would not be refused any more. It is kept refused for five
# seconds from then, so a round that took longer says nothing.
# refilled N: "serial, revoked or kept, milliseconds since the refusal"
refilled() {
	./shim-client serve 1 deny=129 >/dev/null &
	# shellcheck disable=SC2016 # the inner shell's
	in_container sh -c '
		'"$PWD"'/requester key user "$1" c '$user_keyring' | grep -q ^EKEYREJECTED || exit
		read -r refused _ </proc/uptime
		id=$(keyctl add user "$1" content @u) || exit
		keyctl revoke "$id" 2>/dev/null && is=revoked || is=kept
		read -r now _ </proc/uptime
		echo "$id $is $((${now%.*}${now#*.}0 - ${refused%.*}${refused#*.}0))"' sh "shim:filled-$1"
}
for ((i = 0; i < 10; i++)); do
	read -r filled is took < <(refilled $i)
	if [ "$is" = kept ] || [ "$took" -lt 4000 ]; then break; fi
done
check 'a key is refused, and then made by who asked' test -n "$filled"
check_equal "it cannot be revoked at first, else nothing has kept it refused ($took ms)" kept "$is"
check 'later it can' wait_for 20 in_keyring revoke "$filled"

# a container's share
parameter pending_max 3
requesters=()
for _ in 1 2 3; do
	serial=$((serial + 1))
	key >/dev/null &
	requesters+=($!)
done
three() { [ "$(./shim-client list | wc -l)" = 3 ]; }
wait_for 5 three
check 'beyond its share: EDQUOT at once' grep -q ^EDQUOT <<<"$(key)"
parameter pending_max 64
check 'drain ends what waits' ./shim-client drain 1
check 'drain: nothing waits' wait_for 5 nothing_left
check 'drained: refused, not parked' grep -q ^EKEYREJECTED <<<"$(key)"
./shim-client drain 0
wait "${requesters[@]}"

# --- modules: two of a container wait, eight of all, because the kernel has fifty places for everybody
module_of() { nsenter -t "$1" -U -p -m -n --preserve-credentials "$PWD/requester" socket 35 2>&1; }
refused_at_once() { grep -q EAFNOSUPPORT <<<"$(timeout 10 nsenter -t "$1" -U -p -m -n --preserve-credentials "$PWD/requester" socket 35 2>&1)"; }
waiting() { [ "$(./shim-client list | wc -l)" = "$1" ]; }
parameter module_claim_ms 600000
leaders=("$leader") outers=()
for i in 1 2 3 4; do
	unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 &
	outers+=($!)
	another() { leaders[i]=$(pgrep -P "${outers[-1]}" -x sleep); }
	wait_for 10 another
	./shim-client add "modules-$i" "${leaders[i]}" module=offer >/dev/null
done
requesters=()
for i in 0 1 2 3; do
	for _ in 1 2; do
		module_of "${leaders[i]}" >/dev/null &
		requesters+=($!)
	done
	check "modules: two of container $i wait" wait_for 10 waiting $((2 * i + 2))
	check "modules: its third is refused at once" refused_at_once "${leaders[i]}"
	check "modules: and does not wait" waiting $((2 * i + 2))
done
check 'modules: eight wait, and the first one of another container is refused at once' refused_at_once "${leaders[4]}"
check 'modules: there are eight' waiting 8
./shim-client drain 1
check 'modules: drained, nothing waits' wait_for 5 nothing_left
./shim-client drain 0
wait "${requesters[@]}"
parameter module_claim_ms 1000
kill "${outers[@]}"

# --- adoption: containers that nobody registered, by their cgroup
mkdir -p /sys/fs/cgroup/pods.slice/pod-a.scope/inner /sys/fs/cgroup/pods.slice/aside
unshare -U -r -p -m -n -f --mount-proc --kill-child sleep 2147483647 &
stranger_launcher=$!
find_stranger() { stranger=$(pgrep -P "$stranger_launcher" -x sleep); }
wait_for 10 find_stranger
echo "$stranger" >/sys/fs/cgroup/pods.slice/pod-a.scope/inner/cgroup.procs
# stranger CGROUP: its key
stranger() {
	serial=$((serial + 1))
	(echo "$BASHPID" >"/sys/fs/cgroup/pods.slice/$1/cgroup.procs"
		exec nsenter -t "$stranger" -U -p -m -n --preserve-credentials "$PWD/requester" key user "shim:$serial" c)
}
is_meant() { [ "$(./shim-client tags "$stranger")" = 'scope=2 container=0 adoption' ]; }
check_fails 'adoption: without a rule nobody is meant' is_meant
# PATTERN yes|no: the stranger is in /pods.slice/pod-a.scope/inner
while read -r pattern meant; do
	./shim-client adopt "$pattern" key=offer
	if [ "$meant" = yes ]; then
		check "adoption: $pattern means it" is_meant
	else
		check_fails "adoption: $pattern does not mean it" is_meant
	fi
done <<'END'
/pods.slice/pod-*.scope yes
/pods.slice/pod-?.scope yes
/pods.slice/pod-a.scope/inner yes
/pods.slice yes
/*/* yes
/* yes
/*/*/*/* no
/pods.slice/pod-b* no
/pods.slice/pod-a no
/pods.slice/*inner no
/*inner no
/pods* yes
/pods.slice*inner no
/ods.slice no
/Pods.slice no
END
for pattern in pods.slice / /a/ //a /a//b '' '/[a]' '/a\\b'; do
	check_fails "adoption: '$pattern' is no pattern" ./shim-client adopt "$pattern" key=offer
done
check_fails 'adoption: nor is one without an end' ./shim-client adopt "/$(printf '%0255d' 0)" key=offer
mapfile -t many < <(for ((i = 0; i < 257; i++)); do printf '/a%s\nkey=offer\n' "$i"; done)
check_fails 'adoption: 257 rules are too many' ./shim-client adopt "${many[@]}"
check 'adoption: 256 are not' ./shim-client adopt "${many[@]::512}"

./shim-client adopt /pods.slice/pod-x* key=deny /pods.slice/pod-* key=offer,module=deny
audit_checkpoint
./shim-client serve 1 again >served.log &
broker=$!
check 'adoption: who is not registered after all is refused' grep -q ^EKEYREJECTED <<<"$(stranger pod-a.scope)"
wait "$broker"
check 'adoption: a module is refused at once, without a broker' grep -q EAFNOSUPPORT <<<"$(
	echo "$BASHPID" >/sys/fs/cgroup/pods.slice/pod-a.scope/cgroup.procs
	nsenter -t "$stranger" -U -p -m -n --preserve-credentials "$PWD/requester" socket 35 2>&1)"
./shim-client serve 1 again >/dev/null &
broker=$!
check 'adoption: nor is he let go who is in another cgroup than his init' grep -q ^EKEYREJECTED <<<"$(stranger aside)"
wait "$broker"
check_equal 'adoption: the kernel ran nothing on the host' '' "$(audit_host_upcalls)"
echo "$stranger" >/sys/fs/cgroup/pods.slice/aside/cgroup.procs
./shim-client adopt /pods.slice/pod-x* key=deny /pods.slice/pod-* key=offer
check 'adoption: whose init is elsewhere is refused at once' grep -q ^EKEYREJECTED <<<"$(stranger pod-a.scope)"
audit_expect_host /sbin/request-key 'who is in no cgroup that is meant'
audit_expect_host /bin/keyctl 'the same'
audit_expect_host /usr/share/keyutils/request-key-debug.sh 'the same'
check 'adoption: beside it, it is as without a rule' grep -q ^ENOKEY <<<"$(stranger aside)"
check_equal 'adoption: the host is asked' 1 "$(audit_host_upcalls | grep -cx /sbin/request-key)"
echo "$stranger" >/sys/fs/cgroup/pods.slice/pod-a.scope/inner/cgroup.procs
audit_checkpoint

key >/dev/null &
requester=$!
one() { [ "$(./shim-client list | wc -l)" = 1 ]; }
wait_for 5 one
check_fails 'adoption: a container'"'"'s own upcall is not decided again' ./shim-client serve 1 again
./shim-client serve 1 deny=126 >/dev/null
wait "$requester"

# Nor has who is offered again the time of two.
parameter claim_ms "$(patient 8)000"
parameter attach_ms "$(patient 1)000"
stranger pod-a.scope >late.log &
requester=$!
check 'adoption: one waits' wait_for 5 one
sleep "$(patient 6)"
check 'adoption: it is registered late' timeout 60 ./shim-client serve 1 adopt=late
check 'adoption: and offered as the container'"'"'s' wait_for 2 one
wait "$requester"
# without, it is six, and eight
check_within "adoption: which has the time that is left ($(cat late.log))" "$(sed 's/.*ms=//' late.log)" 12000
check 'adoption: it is forgotten' ./shim-client del "$(./shim-client containers | awk '$2 == "late" { print $1 }')"
parameter claim_ms 30000
parameter attach_ms 25000

./shim-client serve 1 adopt=pod-a >served.log && ./shim-client serve 1 deny=127 >>served.log &
broker=$!
check 'adoption: registered, it is the container'"'"'s' grep -q ^EKEYEXPIRED <<<"$(stranger pod-a.scope)"
wait "$broker"
check 'adoption: in the table' grep -q ' pod-a ' <<<"$(./shim-client containers)"
check_equal 'adoption: it was offered twice: of nobody, and of the container' \
	"container=0 container=$(./shim-client containers | awk '$2 == "pod-a" { print $1 }')" \
	"$(sed 's/.*container=/container=/' served.log | xargs)"
check_fails 'adoption: it is no stranger any more' is_meant
check_equal 'adoption: decided once more, four times' 4 "$(./shim-client counters 1 | sed -n 's/^again //p')"
kill "$stranger_launcher"
./shim-client adopt

# --- read, as PID 1 does before it stops a socket unit: silent until the next one is offered
key >/dev/null &
requesters=($!)
./fd-rights silent >silent.out &
silent=$!
check 'read: it makes the device unreadable' wait_for 20 grep -q silent silent.out
key >/dev/null &
requesters+=($!)
check 'read: and the next upcall makes it readable' wait "$silent"
check 'read: both are there' ./shim-client serve 2 deny=126
wait "${requesters[@]}"

# --- one open file is told of offers, until it is closed or its process killed; nobody takes that from it
# listening NUMBER EVENTS: in the background, $listener; sets $found, which waited when it began to listen
listening() {
	./shim-client listen "$2" >"listener.$1" 2>&1 &
	listener=$!
	wait_for 20 grep -q ^listening "listener.$1" || { cat "listener.$1" && return 1; }
	found=$(sed -n 's/^listening *//p' "listener.$1")
}
ids() { ./shim-client list | sed 's/ .*//' | xargs; }
check 'listen: the first may' listening 1 1
first=$listener
check_equal 'listen: nothing waits yet' '' "$found"
check_equal 'listen: while it does, another open file may not' 'shim-client: subscribe: Device or resource busy' \
	"$(timeout 20 ./shim-client listen 1 2>&1)"
key >/dev/null &
requesters=($!)
check 'listen: the first is still told, and closes its device' wait_for 20 grep -q ^closed listener.1
check_equal 'listen: of the upcall that waits' "event $(ids)" "$(grep ^event listener.1)"
check 'listen: then the second may, though the process of the first lives' listening 2 2
check 'listen: it does' test -e "/proc/$first/exe"
check_equal 'listen: and finds what waits' "$(ids)" "$found"
key >/dev/null &
requesters+=($!)
check 'listen: the second is told of the next' wait_for 20 grep -q ^event listener.2
check_equal 'listen: and while it is there a third may not' 'shim-client: subscribe: Device or resource busy' \
	"$(timeout 20 ./shim-client listen 1 2>&1)"
kill -KILL "$listener"
wait "$listener" 2>/dev/null
check 'listen: when it is killed, another may' listening 3 1
check 'listen: two wait' waiting 2
check_equal 'listen: and it finds both' "$(ids)" "$found"
kill "$first" "$listener"
wait "$first" "$listener" 2>/dev/null
check 'listen: both are served' ./shim-client serve 2 deny=126
wait "${requesters[@]}"

# counted CLASS NAME
counted() { ./shim-client counters "$1" | sed -n "s/^$2 //p"; }
for class in 0 1 2 3 4; do
	./shim-client counters "$class" >counted
	check "class $class: what was offered has ended, and is counted once ($(paste -sd " " counted))" \
		awk '{ n[$1] = $2 } END { exit n["offered"] != n["done"] + n["failed"] + n["overdue"] + n["given-back"] + n["killed"] + n["again"] }' counted
done
check_equal 'killed requesters are counted' 3 "$(counted 1 killed)"
check_equal 'so is what was refused, beyond a share and after drain' 2 "$(counted 1 refused)"
check 'and what a deadline has ended' test "$(counted 1 overdue)" -ge 3
check_fails 'there is no class 5' ./shim-client counters 5

# PID 1 and the host, with a broker that does nothing
audit_checkpoint
audit_expect_host /sbin/request-key 'the host asks'
started=$(date +%s%N)
./requester key user host:1 c >/dev/null
check_within 'the host is not asked about' $((($(date +%s%N) - started) / 1000000)) 3000

kill -9 "$leader"
gone() { ! ./shim-client containers | grep -q web; }
check "the leader's end ends the entry" wait_for 5 gone
check 'the module unloads' rmmod upcall_shim
check 'and loads again' modprobe upcall_shim
summary
