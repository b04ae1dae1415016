#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
# soak: 1000
#
# A-35: a container dies with an upcall of it queued, accepted, joining, running or finishing: its init is killed; its
# cgroup is, with all that is in it, and is removed; or its init is killed and its network namespace stays, because a process
# of the host is in it and it is mounted, until both let go. Who asked from outside, by its namespaces, has an error within a
# second, or the answer where there is one already; within five seconds no process, no other namespace, no entry in either
# table, no leaf is left, and not the one that was kept, either, after that is let go.
# Containers are "own", with a user namespace of their own, or "rooted", without: host's root in the other namespaces. Who asks
# from outside is in its cgroup when he does, which is named for that: else he would stand around it, and his key would not be for
# it. Keys are instantiated by the handler inside, or, where it is "answered", by the host-side answerer with what the handler
# prints.
# $1: deaths (default 5: one in each stage; 60 are each death of each kind in each); joining, each is at another system
# call of who joins, or of the answerer

# shellcheck source=lib/setup.sh
. lib/setup.sh

# What is stopped must not end by a deadline.
for parameter in claim_ms attach_ms run_ms key_run_ms; do
	echo 600000 >"/sys/module/upcall_shim/parameters/$parameter"
done
# A stage stops the worker that has just served: it must not leave for want of work before, as where all takes long.
mkdir -p /run/systemd/system/upcall-worker@.service.d
printf '[Service]\nExecStart=\nExecStart=%s --idle-seconds=600\n' \
	"$(systemctl cat upcall-worker@.service | sed -n 's/^ExecStart=//p')" >/run/systemd/system/upcall-worker@.service.d/idle.conf
systemctl daemon-reload
# policy_told NAME SETTING…
policy_told() {
	printf '%s\n' '[Match]' "Name=$1.*" '[Key user]' Handler=/usr/libexec/told "${@:2}" | policy "$1"
}
# As long as each may be: a death is over by then. One that has a queue waits while another runs.
policy_told handled RuntimeMaxSec=600
policy_told handled-queue RuntimeMaxSec=600 MaxConcurrent=1
policy_told answered RuntimeMaxSec=20 Answer=yes
policy_told answered-queue RuntimeMaxSec=20 Answer=yes MaxConcurrent=1
audit_expect_host /sbin/modprobe 'crun asks for what it is made of'

# Of each list round and round: but for that of kinds, whose every pair with a half is in the list of halves, their lengths
# have no common factor, so every combination comes.
kinds=(own rooted)
halves=(handled handled answered answered)
deaths=(init cgroup kept)
stages=(queued accepted joining running finishing)
count=${1:-5}

# Every namespace's number, when the kernel has it back because the namespace is gone.
trace=/sys/kernel/tracing/instances/dying
mkdir -p "$trace"
echo 'p:dying/freed proc_free_inum number=%di:u32' >>/sys/kernel/tracing/kprobe_events
echo 1 >"$trace/events/dying/freed/enable"
echo 1 >"$trace/events/upcall/upcall_answered/enable"
is_freed() { grep -qE " number=$1\$" "$trace/trace"; }
are_freed() { # NUMBER…
	local number
	for number; do is_freed "$number" || return; done
}
not_freed() { # NUMBER…
	local number
	for number; do is_freed "$number" || lsns -n -o NS,TYPE,PID,COMMAND "$number" 2>/dev/null || echo "$number"; done
	return 1
}

in_state() { [ "$(./shim-client list | grep -c "state=$1 ")" -ge "$2" ]; }
nothing_pending() { [ -z "$(./shim-client list)" ]; }
no_entry() { [ -z "$(./shim-client containers)" ]; }
not_listed() { [ "$(upcallctl list --json | jq '.containers | length')" = 0 ]; }
no_state() { [ -z "$(ls /run/upcalld/containers)" ]; }
no_leaf() { [ -z "$(find /sys/fs/cgroup -name 'upcall-[0-9]*')" ]; }
# Of an answered key the handler runs before anything is attached.
told_runs() { pgrep -f '^/usr/libexec/told( |$)' >/dev/null; }
running() { # WHO…
	local who
	for who; do grep -qx "$who-$serial" "$containers/$name/rootfs/tmp/ran" || return; done
}
none_running() {
	case $half in
	handled) nothing_pending ;;
	answered) ! told_runs ;;
	esac
}
is_stopped() { grep -q '^State:.T' "/proc/$1/status"; }

# ms_since BEGIN END: both of $EPOCHREALTIME
ms_since() { echo $(((${2/./} - ${1/./}) / 1000)); }

# By all of the container's namespaces but the pid namespace, so that its init's death does not end it.
declare -A user=([own]=-U [rooted]='')
enter() {
	echo "$BASHPID" >"${cgroup[$name]}/cgroup.procs"
	exec nsenter -t "${leader[$name]}" ${user[$kind]:+"${user[$kind]}"} -m -n -i -u "$@"
}
# Nor does that of its cgroup: once it has asked, it is moved. The list is read first: it changes with each.
come_out() {
	local pid pids
	mapfile -t pids <"${cgroup[$name]}/cgroup.procs"
	for pid in "${pids[@]}"; do
		[ "$(readlink "/proc/$pid/ns/pid")" != "$(readlink /proc/self/ns/pid)" ] || echo "$pid" >/sys/fs/cgroup/cgroup.procs
	done
}
declare -A asks
ask() { # TAG
	{
		(enter /bin/requester key user "told:0:$1" c) >"answer.$1" 2>&1
		echo "$EPOCHREALTIME" >"ended.$1"
	} &
	asks[$1]=$!
}
ask_inside() {
	container_exec "$name" /bin/requester key user "told:0:inside-$serial" c >"inside.$serial" 2>&1 &
	inside=$!
}
worker_find() {
	worker=$(systemctl show -p MainPID --value "upcall-worker@$name.service")
	[ "$worker" != 0 ] && [ -e "/proc/$worker/exe" ]
}
# The worker has served: it is there, and warm. If not, there is nobody for a stage to stop, and 0 is ourselves.
warm() {
	: >"$gate"
	ask "warm-$serial"
	wait "${asks[warm-$serial]}"
	# A second; on a machine that is as slow as that, what four take that are served.
	limit=$((4 * $(took_ms "$(tail -n 1 "answer.warm-$serial")")))
	[ "$limit" -ge 1000 ] || limit=1000
	check_equal "$what: before, it is served" "payload warm-$serial" "$(head -n 1 "answer.warm-$serial")"
	check "$what: and nothing is left of that" wait_for 20 nothing_pending
	rm -f "$gate"
	check "$what: there is a worker" wait_for 20 worker_find
}

# --- the stages: each leaves an upcall of outside-$serial and, but for joining, one of a task inside in it; $held is
# whom to let go on, once the container has died
stage_queued() {
	ask "first-$serial"
	check "$what: one runs" wait_for 60 running first
	ask "outside-$serial"
	ask_inside
	check "$what: two wait" wait_for 60 in_state 1 2
}
stage_accepted() {
	kill -STOP "$worker"
	held=$worker
	ask "outside-$serial"
	ask_inside
	check "$what: two are claimed" wait_for 60 in_state 2 2
}
met_claimed=0 met_attached=0
stage_joining() {
	local said calls=$((serial * 7 % 60 + 1))
	# The answerer, who has not so many until he waits for what the handler prints, and more than who is forked before him
	# for a pair of sockets.
	[ "$half" = handled ] || calls=$((serial / ${#stages[@]} % 13 + 3))
	timeout 60 ./halt "$worker" "$calls" >halt.out 2>&1 &
	local halt=$!
	check "$what: somebody waits for who joins" wait_for 20 grep -q ready halt.out
	ask "outside-$serial"
	wait "$halt"
	said=$(tail -n 1 halt.out)
	case $said in
	stopped*)
		read -r _ held call <<<"$said"
		check "$what: it is stopped after system call $call" wait_for 20 is_stopped "$held"
		;;
	*) not_ok "$what: it can be stopped" "$(cat halt.out)" ;;
	esac
	if in_state 2 1; then met_claimed=$((met_claimed + 1)); else met_attached=$((met_attached + 1)); fi
}
stage_running() {
	ask "outside-$serial"
	ask_inside
	check "$what: two run" wait_for 60 running outside inside
}
# They have answered and ended, and their worker, which stands, has not seen it.
stage_finishing() {
	stage_running
	kill -STOP "$worker"
	held=$worker
	: >"$gate"
	check "$what: they end" wait_for 60 none_running
}

# --- the deaths
die_init() { kill -KILL "${leader[$name]}"; }
die_kept() { die_init; }
keep() {
	nsenter -t "${leader[$name]}" -n sleep 2147483647 &
	keeper=$!
	: >kept
	mount --bind "/proc/${leader[$name]}/ns/net" kept
}
is_kept() { [ "$(stat -Lc %i "/proc/$keeper/ns/net")" = "${number[net]}" ] && [ "$(stat -c %i kept)" = "${number[net]}" ]; }
let_go() {
	umount kept
	kill -KILL "$keeper"
	wait "$keeper" 2>/dev/null
}
# Removed, too, as soon as it lets itself be.
die_cgroup() { echo 1 >"${cgroup[$name]}/cgroup.kill"; }
cgroup_remove() {
	find "${cgroup[$name]}" -depth -type d -exec rmdir {} + 2>/dev/null
	[ ! -d "${cgroup[$name]}" ]
}

has_error() { grep -qE '^(ENOKEY|EKEYREJECTED|EIO) ' "$1"; }
has_answer() { [ "$(head -n 1 "$1")" = "payload ${1#answer.}" ]; }
has_either() { has_answer "$1" || has_error "$1"; }
judge() { # TAG
	local file=answer.$1
	case $half/$stage in
	handled/finishing) check "$what: $1 has its answer" has_answer "$file" ;;
	# What was printed is not the answer yet: whether it becomes one is a race with the death.
	answered/finishing) check "$what: $1 has its answer or an error ($(head -n 1 "$file"))" has_either "$file" ;;
	*) check "$what: $1 has an error ($(head -n 1 "$file"))" has_error "$file" ;;
	esac
}

declare -A number
numbers_find() {
	local type
	number=()
	for type in user pid mnt net uts ipc cgroup; do
		number[$type]=$(stat -Lc %i "/proc/${leader[$name]}/ns/$type")
		[ "${number[$type]}" != "$(stat -Lc %i "/proc/1/ns/$type")" ] || unset "number[$type]"
	done
}
declare -A filters=([own]=. [rooted]=$(container_privileged))
rootfs_make() {
	local bundle=$containers/$name/rootfs
	[ ! -e "$bundle" ] || return 0
	container_rootfs "$bundle"
	install -m 755 told "$bundle/usr/libexec/told"
}

# All but those that somebody is to keep
check_freed() { # SINCE
	local type took gone=()
	for type in "${!number[@]}"; do
		case " ${stay[*]} " in *" $type "*) ;; *) gone+=("${number[$type]}") ;; esac
	done
	check "$what: its namespaces are gone: ${gone[*]}" wait_for 20 are_freed "${gone[@]}" || not_freed "${gone[@]}"
	took=$(ms_since "$1" "$EPOCHREALTIME")
	check "$what: within five seconds ($took ms)" test "$took" -le $((limit + $(patient 4000)))
}

one_death() {
	local tag begun took inside='' held=''
	name=$half.$kind
	[ "$stage" != queued ] || name=$half-queue.$kind
	rootfs_make
	gate=$containers/$name/rootfs/gate/open
	rm -f "$containers/$name/rootfs/tmp/ran"
	asks=()
	check "$what: registered" registered "$name" "${filters[$kind]}" --cgroup "/$name"
	numbers_find
	warm || return
	"stage_$stage"
	come_out
	# A network namespace keeps the user namespace that it belongs to.
	stay=()
	if [ "$way" = kept ]; then
		keep
		stay=(net user)
	fi
	: >"$trace/trace"
	begun=$EPOCHREALTIME
	"die_$way"
	[ -z "$held" ] || kill -CONT "$held" 2>/dev/null
	for tag in "${!asks[@]}"; do
		case $tag in warm-*) continue ;; esac
		wait_for 60 test -s "ended.$tag" || echo "$EPOCHREALTIME" >"ended.$tag"
		took=$(ms_since "$begun" "$(cat "ended.$tag")")
		check "$what: $tag: within a second ($took ms)" test "$took" -le "$limit"
		judge "$tag"
	done
	# Its requester has gone with it, or it has what the other one has.
	[ -z "$inside" ] || wait "$inside"
	[ "$way" != cgroup ] || check "$what: its cgroup goes" wait_for 20 cgroup_remove
	check "$what: no upcall is left" wait_for 20 nothing_pending
	check_freed "$begun"
	check "$what: no leaf is left" wait_for 20 no_leaf
	check "$what: the kernel has no entry" wait_for 20 no_entry
	check "$what: upcalld has none" wait_for 20 not_listed
	check "$what: nor its state" no_state
	if [ "$way" = kept ]; then
		check "$what: and all the time its network is kept (else the test proves nothing)" is_kept
		stay=()
		begun=$EPOCHREALTIME
		let_go
		check_freed "$begun"
	fi
	crun --cgroup-manager=cgroupfs delete --force "$name" 2>/dev/null
	[ ! -d "/sys/fs/cgroup/$name" ] || rmdir "/sys/fs/cgroup/$name"
	audit_checkpoint
	audit_expect_host /sbin/modprobe 'crun asks for what it is made of'
}

for ((serial = 0; serial < count; serial++)); do
	kind=${kinds[serial % ${#kinds[@]}]} way=${deaths[serial % ${#deaths[@]}]} stage=${stages[serial % ${#stages[@]}]}
	half=${halves[serial % ${#halves[@]}]}
	what="A-35 $serial $kind/$half/$way/$stage"
	one_death
done
echo "who joins was stopped $met_claimed times before ATTACH, $met_attached times after it"
summary
