#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kcsan
# soak: 6 50 100
# soak-debug: 1
#
# A-28: the daemon is killed (SIGKILL) while upcalls are offered, claimed, attaching and running: each requester gets exactly
# one answer, its own; handlers that run finish, and their own exit status arrives. Not one handler runs twice.
# $1: rounds (default 1), $2: keys in each state, of each of two containers (default 10, at most 55), $3: kills at random moments,
# and kills every two seconds (default 5)

# shellcheck source=lib/setup.sh
. lib/setup.sh
rounds=${1:-1}
crowd=${2:-10}
kills=${3:-5}
# No more than a new daemon takes, and not more than claim_ms is by default.
restart_ms=30000

# What waits because it is stopped must not end for being slow, however slow the machine is.
for parameter in claim_ms module_claim_ms attach_ms run_ms key_run_ms core_run_ms; do
	echo 3600000 >"/sys/module/upcall_shim/parameters/$parameter"
done
raise_key_quotas
# Two, because the module lets one have 64 upcalls at once (pending_max).
names=(web mail)
# policy_for KEYS: that many at once
policy_for() {
	policy both <<-CONF
		[Match]
		Name=${names[*]}
		[Core]
		Handler=/usr/libexec/gate
		RuntimeMaxSec=3600
		[Key user]
		Handler=/usr/libexec/told
		RuntimeMaxSec=3600
		MaxConcurrent=$1
		[Module]
		Allow=net-pf-18
		[Release-Agent]
		Handler=/usr/libexec/gate
		RuntimeMaxSec=3600
	CONF
}
policy_for 64
audit_expect_host /sbin/modprobe 'an allowed module, which does not exist'

hierarchy=/run/hierarchy
mkdir $hierarchy
check 'a version 1 hierarchy is there' mount -t cgroup -o none,name=upcall cgroup $hierarchy
echo /bin/false >$hierarchy/release_agent
# The leader begins in a cgroup that is the root of its cgroup namespace: what is below is the container's to release.
begin() {
	mkdir "$hierarchy/$1"
	echo $$ >"$hierarchy/$1/cgroup.procs" && registered "$1" && echo $$ >$hierarchy/cgroup.procs
}
for name in "${names[@]}"; do
	container_rootfs "$containers/$name/rootfs"
	for program in told gate; do
		install -o "$container_uid" -g "$container_uid" "$program" "$containers/$name/rootfs/usr/libexec/$program"
	done
	check "$name is registered" begin "$name"
	# By told and by gate
	install -o "$container_uid" -g "$container_uid" /dev/null "${root[$name]}/tmp/ran"
	install -o "$container_uid" -g "$container_uid" /dev/null "${root[$name]}/gate/ran"
done
gates_open() { touch "${root[web]}/gate/open" "${root[mail]}/gate/open"; }
gates_close() { rm -f "${root[web]}/gate/open" "${root[mail]}/gate/open"; }
gates_open

# Every transition and every answer, and when somebody sent upcalld a SIGKILL.
trace=/sys/kernel/tracing/instances/killed
mkdir -p "$trace"
echo 16384 >"$trace/buffer_size_kb"
echo 'sig == 9 && comm == "upcalld"' >"$trace/events/signal/signal_generate/filter"
echo 1 >"$trace/events/signal/signal_generate/enable"
echo 1 >"$trace/events/upcall/upcall_state/enable"
echo 1 >"$trace/events/upcall/upcall_answered/enable"

# Wait statuses that the requesters are to be given, one a line.
: >expected
# expect STATUS: of wait(2), that of an exit
expect() { echo $(($1 * 256)) >>expected; }
# How many of the other classes have asked.
cores=0
modules=0
releases=0
# ask TAG COUNT: that many requesters at once in each container, in the background; "${asking[@]}" is who waits for them
ask() {
	local name i
	asked_at=$(guest_clock)
	asking=()
	for name in "${names[@]}"; do
		container_exec "$name" /bin/sh -c '
			i=0
			while [ $i -lt '"$2"' ]; do
				/bin/requester key user told:$((i + 1)):'"$1-$name"'-$i c >/tmp/answer.'"$1"'-$i 2>&1 &
				i=$((i + 1))
			done
			wait' &
		asking+=($!)
		for ((i = 1; i <= $2; i++)); do expect "$i"; done
	done
}
# each_has_its_own TAG COUNT: the answers of ask()
each_has_its_own() {
	local name i
	for name in "${names[@]}"; do
		for ((i = 0; i < $2; i++)); do
			if [ "$(grep -v '^ok ' "${root[$name]}/tmp/answer.$1-$i")" != "payload $1-$name-$i" ]; then
				echo "$1-$name-$i got: $(cat "${root[$name]}/tmp/answer.$1-$i")"
				return 1
			fi
		done
	done
}

# slowest TAG COUNT: the longest that one of them took, in ms; nothing if not all say so
slowest() {
	local took
	took=$(sed -n 's/^ok ms=//p' "${root[web]}/tmp/answer.$1"-* "${root[mail]}/tmp/answer.$1"-* | sort -n)
	[ "$(wc -l <<<"$took")" != $(($2 * ${#names[@]})) ] || tail -n 1 <<<"$took"
}
# Of each container a process crashes, and waits for its handler, in the background; "${dumping[@]}" is who waits for them
dump_cores() {
	local name
	dumping=()
	for name in "${names[@]}"; do container_exec "$name" /bin/requester crash & dumping+=($!); done
	cores=$((cores + ${#names[@]}))
}
# release TAG: of each container a cgroup becomes empty
release() {
	local name
	for name in "${names[@]}"; do
		mkdir "$hierarchy/$name/$1"
		echo 1 >"$hierarchy/$name/$1/notify_on_release"
		sh -c 'echo $$ >"$1/cgroup.procs"' - "$hierarchy/$name/$1"
	done
	releases=$((releases + ${#names[@]}))
}
# How long the test has kept those of ask() waiting until now, by what it stopped, killed and closed.
held_ms() { echo $((($(guest_clock) - asked_at) * 10)); }

main_pid() { systemctl show -p MainPID --value "$1"; }
in_state() { [ "$(./shim-client list | grep -c "state=$1 ")" -ge "$2" ]; }
nothing_left() { [ -z "$(./shim-client list)" ]; }
# is_there UNIT: sets $pid; the daemon is woken by who asks it
is_there() {
	pid=$(main_pid "$1")
	[ "$pid" != 0 ] && [ -e "/proc/$pid/exe" ]
}
daemon_up() { upcallctl status >/dev/null 2>&1 && is_there upcalld.service; }
daemon_find() {
	wait_for 60 daemon_up || not_ok 'there is a daemon'
	daemon=$pid
}
# A killed process may still be in the kernel, on its way out.
daemon_kill() {
	kill -KILL "$daemon"
	gone() { [ ! -e "/proc/$daemon" ]; }
	wait_for 20 gone
}
# A worker exits when idle: one that has just served is there, and is stopped.
workers_find() {
	local name
	workers=()
	for name in "${names[@]}"; do
		container_exec "$name" /bin/requester key user "told:0:worker-$RANDOM$RANDOM" c >/dev/null
		expect 0
		is_there "upcall-worker@$name.service" || not_ok "$name: there is a worker"
		workers+=("$pid")
		kill -STOP "$pid"
	done
}

offered() {
	daemon_find
	kill -STOP "$daemon"
	ask "$1" "$crowd"
	check "$1: all are offered" wait_for 60 in_state 1 "$all"
	daemon_kill
}

claimed() {
	workers_find
	ask "$1" "$crowd"
	check "$1: all are claimed" wait_for 60 in_state 2 "$all"
	daemon_find
	daemon_kill
	kill -CONT "${workers[@]}"
}

# With the worker the last copies of the upcall fds go: they are offered again.
claimed_both() {
	workers_find
	ask "$1" "$crowd"
	check "$1: all are claimed" wait_for 60 in_state 2 "$all"
	daemon_find
	daemon_kill
	kill -KILL "${workers[@]}"
}

running() {
	gates_close
	ask "$1" "$crowd"
	dump_cores
	release "$1"
	check "$1: all run, and of each the handler of a core dump and the release agent" wait_for 60 in_state 4 $((all + 4))
	daemon_find
	daemon_kill
	sleep 0.2
	check "$1: and still run" in_state 4 $((all + 4))
	gates_open
	wait "${dumping[@]}"
}

# Half of each class has a handler, the other half has not, and another kill comes every two seconds.
half() {
	local i more name some=$(((crowd + 1) / 2))
	local -a others=()
	policy_for "$some"
	gates_close
	ask "$1" "$crowd"
	for i in 1 2; do dump_cores && others+=("${dumping[@]}") && release "$1-$i"; done
	check "$1: half of the keys run, two core dumps' handlers of each, and two release agents" \
		wait_for 60 in_state 4 $((some * 2 + 8))
	check "$1: the other half waits" wait_for 60 in_state 1 $((all - some * 2))
	for ((i = 0; i < kills; i++)); do
		daemon_find
		daemon_kill
		if [ "$i" = 0 ]; then
			for more in 3 4; do dump_cores && others+=("${dumping[@]}") && release "$1-$more"; done
			for name in "${names[@]}" "${names[@]}"; do container_exec "$name" /bin/requester socket 18 & others+=($!); done
		fi
		sleep 2
	done
	check "$1: in the end all core dumps have their handler, and all cgroups their agent" wait_for 60 in_state 4 $((some * 2 + 16))
	gates_open
	wait "${others[@]}"
	modules=$((modules + 4))
	policy_for 64
}

# Short states are not stopped in, but met: kills at random moments in a stream of upcalls.
stream() {
	local i
	ask_stream "$1"
	for ((i = 0; i < kills; i++)); do
		daemon_find
		sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
		daemon_kill
	done
	: >"${root[web]}/tmp/enough"
}
ask_stream() {
	rm -f "${root[web]}/tmp/enough"
	container_exec web /bin/sh -c '
		one() {
			i=0
			while [ ! -e /tmp/enough ]; do
				/bin/requester key user told:$((100 + i % 100)):'"$1"'-$1-$i c
				i=$((i + 1))
			done
		}
		for stream in 1 2 3 4; do one $stream >/tmp/stream.$stream 2>&1 & done
		wait' &
	asking=($!)
}
# Each answer of a stream is its own, in order.
streams_have_their_own() {
	local stream count i
	for stream in 1 2 3 4; do
		count=$(grep -c '^payload ' "${root[web]}/tmp/stream.$stream")
		for ((i = 0; i < count; i++)); do expect $((100 + i % 100)); done
		[ "$count" -gt 0 ] &&
			diff <(seq -f "payload $1-$stream-%.0f" 0 $((count - 1))) <(grep -v '^ok ' "${root[web]}/tmp/stream.$stream") || return
	done
}

# The longest answer of a stream
longest() { cat "${root[web]}"/tmp/stream.? | sed -n 's/^ok ms=//p' | sort -n | tail -n 1; }

all=$((crowd * ${#names[@]}))
for ((round = 0; round < rounds; round++)); do
	for state in offered claimed claimed_both running half; do
		"$state" "$state.$round"
		held=$(held_ms)
		wait "${asking[@]}"
		check "A-28: $state.$round: each requester has its own answer, and none the restart's error" each_has_its_own "$state.$round" "$crowd"
		took=$(slowest "$state.$round" "$crowd")
		check "A-28: $state.$round: from the last kill nobody waited longer than for a new daemon ($took ms, the first $held of them held)" \
			test "$took" -lt $((held + restart_ms))
		check "$state.$round: nothing is left in the kernel" wait_for 60 nothing_left
	done
	stream "stream.$round"
	wait "${asking[@]}"
	check "A-28: stream.$round: each requester has its own answer, and none the restart's error" \
		streams_have_their_own "stream.$round"
	check "A-28: stream.$round: nobody waited longer than for a new daemon ($(longest) ms)" test "$(longest)" -lt "$restart_ms"
	check "stream.$round: nothing is left in the kernel" wait_for 60 nothing_left
	audit_checkpoint
	audit_expect_host /sbin/modprobe 'an allowed module, which does not exist'
done

cp "$trace/trace" trace
check_equal 'the trace has no holes' 0 "$(awk '$1 == "overrun:" { n += $2 } END { print n + 0 }' "$trace"/per_cpu/cpu*/stats)"
asked=$(wc -l <expected)
keys() { sed -n 's/.*upcall_answered: id=\([0-9]*\) class=1 .*/\1/p' trace | sort -n; }
statuses() { sed -n 's/.*upcall_answered: .* class=1 .* status=//p' trace | sort -n; }
check_equal 'A-28: each upcall was answered exactly once: none twice' '' "$(keys | uniq -d)"
check_equal 'A-28: and none never: as many answers as requests' "$asked" "$(keys | wc -l)"
check_equal 'A-28: each ended exactly once' '' "$(sed -n 's/.*upcall_state: \(id=[0-9]*\) .* to=[567]$/\1/p' trace | sort | uniq -d)"
check_equal 'and as done: not dead, not native' "$((asked + cores + releases))" "$(grep -c 'upcall_state: .* to=5$' trace)"
check_equal 'the allowed modules were given back to the kernel, once each' "$modules" \
	"$(grep -c 'upcall_state: .* class=2 .* to=6$' trace)"
check_equal 'and nothing else was' "$modules" "$(grep -c 'upcall_state: .* to=[67]$' trace)"
check_equal 'no answer is an error' '' "$(grep 'upcall_answered: ' trace | grep -v ' error=0 ')"
check "the exit statuses are the handlers' own" diff <(sort -n expected) <(statuses)
cat "${root[web]}/tmp/ran" "${root[mail]}/tmp/ran" >ran
check_equal "A-28: no key's handler ran twice" '' "$(sort ran | uniq -d)"
check_equal 'each ran once' "$asked" "$(wc -l <ran)"
# A release agent's first argument is the cgroup, a core handler's is the pid of who crashed (%P in kernel.core_pattern).
dumped() { cat "${root[web]}/gate/ran" "${root[mail]}/gate/ran" | grep -v /; }
check_equal "A-28: no core dump's handler ran twice" '' "$(dumped | sort | uniq -d)"
check_equal 'each ran once' "$cores" "$(dumped | wc -l)"
for name in "${names[@]}"; do
	check_equal "A-28: $name: no release agent ran twice" '' "$(grep / "${root[$name]}/gate/ran" | sort | uniq -d)"
	check_equal "$name: each ran once" $((releases / ${#names[@]})) "$(grep -c / "${root[$name]}/gate/ran")"
	check "$name: no leaf is left" wait_for 20 no_leaves "$name"
done

# Which states the kills have met: how many upcalls were in each.
awk '/signal_generate: / { for (id in state) met[state[id]]++; kills++ }
	/upcall_state: / {
		id = $0; sub(/.* id=/, "", id); sub(/ .*/, "", id)
		to = $0; sub(/.* to=/, "", to)
		if (to >= 5) delete state[id]
		else state[id] = to
	}
	END { printf "%d kills met: %d offered, %d claimed, %d attaching, %d running\n", kills, met[1], met[2], met[3], met[4] }' trace
summary
