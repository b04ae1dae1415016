#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kcsan
#
# A-34: a container that is frozen (cgroup.freeze). Whoever asked before it was, offered or claimed, and whoever asks by its
# namespaces from outside while it is, has an end within the bound; once it is thawed nothing starts for who has his answer,
# what ran is gone, and nobody has the authority over a key any more.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy ice <<CONF
[Match]
Name=ice
[Core]
Handler=/usr/libexec/core
RuntimeMaxSec=$(patient 3)
[Key user]
Handler=/usr/libexec/told
RuntimeMaxSec=$(patient 3)
CONF
container_rootfs "$containers/ice/rootfs"
install -o "$container_uid" -g "$container_uid" told gate "$containers/ice/rootfs/usr/libexec/"
handler_script ice /usr/libexec/core <<'SH'
#!/bin/sh
echo served-core >>/tmp/ran
exec /usr/libexec/gate
SH
check 'ice is registered' registered ice
ran=${root[ice]}/tmp/ran
gate=${root[ice]}/gate/open
answers=${root[ice]}/tmp

trace=/sys/kernel/tracing/instances/frozen
mkdir -p "$trace"
echo 1 >"$trace/events/upcall/upcall_answered/enable"

# Who waits in the kernel stands only when he comes out of it.
freeze() { echo "$1" >"${cgroup[ice]}/cgroup.freeze"; }
is_frozen() { grep -q "^frozen $1" "${cgroup[ice]}/cgroup.events"; }
# By its namespaces, from the test's own cgroup, which nobody freezes.
outside() { nsenter -t "${leader[ice]}" -U -p -m /bin/requester key user "told:0:$1" c >"$1"; }
inside() { container_exec ice /bin/sh -c "/bin/requester key user told:0:$1 c >/tmp/$1" & }
in_state() { ./shim-client list | grep -q "state=$1 "; }
nothing_left() { [ -z "$(./shim-client list)" ]; }
answered() { [ "$(grep -c 'upcall_answered: ' "$trace/trace")" = "$1" ]; }
# The authority over a key that is in the making (type ".request_key_auth", of which nine letters are shown), as the container's root sees it, which has it; R: revoked.
authorities() { setpriv --reuid="$container_uid" --clear-groups cat /proc/keys | grep '\.request_' | awk '$2 !~ /R/' || true; }
no_authority() { [ -z "$(authorities)" ]; }
# ended WHAT FILE LIMIT-MS: its requester has an error, in time
ended() {
	check "$1: its requester has an error ($(cat "$2"))" grep -qE '^(ENOKEY|ETIMEDOUT|EKEYREJECTED|EIO) ' "$2"
	check "$1: in time" test "$(took_ms "$(cat "$2")")" -lt "$3"
}

: >"$gate"
outside before
check_equal 'A-34: not frozen, it is served' 'payload before' "$(head -n 1 before)"
check_equal 'A-34: and the handler ran (else the rest proves nothing)' before "$(cat "$ran")"
check 'A-34: nothing is left of it' wait_for 20 nothing_left

# --- asked before, not yet claimed
rm "$gate"
systemctl kill --kill-whom=main -s STOP upcalld.service
inside offered
check 'A-34: asked before, and upcalld does nothing: offered' wait_for 20 in_state 1
check 'A-34: the container is frozen' freeze 1
systemctl kill --kill-whom=main -s CONT upcalld.service
check 'A-34: offered before: it has an answer while all is frozen' wait_for 60 answered 2
check 'A-34: offered before: with that its requester stands, too' wait_for 20 is_frozen 1
check 'A-34: offered before: and has ended' wait_for 20 nothing_left
check 'A-34: offered before: nobody has the authority' wait_for 20 no_authority

# --- asked from outside
outside asked
ended 'A-34: asked from outside' asked "$(patient 45000)"
check 'A-34: asked from outside: nobody has the authority' wait_for 20 no_authority

# --- and nothing comes of either
: >"$gate"
check 'A-34: thawed' freeze 0
has_answer() { grep -q 'ms=' "$answers/offered"; }
check 'A-34: offered before: its requester goes on' wait_for 20 has_answer
ended 'A-34: offered before' "$answers/offered" "$(patient 90000)"
sleep 2
check_equal 'A-34: no handler has started for them' before "$(cat "$ran")"

# --- frozen under a handler: the worker and, where that is stopped, the kernel end it all the same
for who in worker kernel; do
	rm -f "$gate"
	outside "run-$who" &
	requester=$!
	check "A-34: frozen under a handler, $who: it runs" handler_wait "${cgroup[ice]}"
	check "A-34: frozen under a handler, $who: it has the authority (else the test proves nothing)" test -n "$(authorities)"
	check "A-34: frozen under a handler, $who: frozen" freeze 1
	check "A-34: frozen under a handler, $who: it stands" wait_for 20 is_frozen 1
	[ $who = worker ] || systemctl kill --kill-whom=main -s STOP upcall-worker@ice.service
	wait "$requester"
	ended "A-34: frozen under a handler, $who" "run-$who" "$(patient 30000)"
	check "A-34: frozen under a handler, $who: nobody has the authority" wait_for 20 no_authority
	[ $who = worker ] || systemctl kill --kill-whom=main -s CONT upcall-worker@ice.service
	: >"$gate"
	check "A-34: frozen under a handler, $who: thawed" freeze 0
	check "A-34: frozen under a handler, $who: nothing is left" wait_for 20 no_leaves ice
done
check_equal 'A-34: each handler has begun once' $'before\nrun-worker\nrun-kernel' "$(cat "$ran")"

ask_key() { outside "$1"; }
# The shell, because nsenter would die of the same signal as its child, and be one more.
ask_core() {
	local started
	started=$(now_ms)
	nsenter -t "${leader[ice]}" -U -p -m /bin/sh -c '/bin/requester crash; exit 0' >/dev/null 2>&1
	echo "ended ms=$(($(now_ms) - started))" >"$1"
}
# core_ended WHAT FILE LIMIT-MS
core_ended() { check "$1: it has ended in time ($(cat "$2"))" test "$(took_ms "$(cat "$2")")" -lt "$(patient "$3")"; }

# --- a core: offered before, of who comes while all is frozen, and frozen under its handler
systemctl kill --kill-whom=main -s STOP upcalld.service
ask_core offered-core &
requester=$!
check 'A-34: offered before, core: offered' wait_for 20 in_state 1
check 'A-34: offered before, core: frozen' freeze 1
check 'A-34: offered before, core: all stands' wait_for 20 is_frozen 1
systemctl kill --kill-whom=main -s CONT upcalld.service
wait "$requester"
core_ended 'A-34: offered before, core' offered-core 45000
ask_core asked-core
core_ended 'A-34: asked from outside, core' asked-core 45000
check 'A-34: a core: thawed' freeze 0
check 'A-34: a core: all goes on' wait_for 20 is_frozen 0
sleep 2
check_equal 'A-34: a core: no handler has started for them' 0 "$(grep -c served-core "$ran")"
begun=0
for who in worker kernel; do
	rm -f "$gate"
	ask_core "core-$who" &
	requester=$!
	check "A-34: frozen under a core's handler, $who: it runs" handler_wait "${cgroup[ice]}"
	has_begun() { [ "$(grep -c served-core "$ran")" = $((begun + 1)) ]; }
	check "A-34: frozen under a core's handler, $who: it has begun" wait_for 20 has_begun
	check "A-34: frozen under a core's handler, $who: frozen" freeze 1
	check "A-34: frozen under a core's handler, $who: it stands" wait_for 20 is_frozen 1
	[ $who = worker ] || systemctl kill --kill-whom=main -s STOP upcall-worker@ice.service
	wait "$requester"
	core_ended "A-34: frozen under a core's handler, $who" "core-$who" 30000
	[ $who = worker ] || systemctl kill --kill-whom=main -s CONT upcall-worker@ice.service
	: >"$gate"
	check "A-34: frozen under a core's handler, $who: thawed" freeze 0
	check "A-34: frozen under a core's handler, $who: nothing is left" wait_for 20 no_leaves ice
	begun=$((begun + 1))
	check_equal "A-34: frozen under a core's handler, $who: it has begun once" "$begun" "$(grep -c served-core "$ran")"
done

# --- claimed before, by a worker that comes to it when all is frozen
signal_worker() { systemctl kill --kill-whom=main -s "$1" upcall-worker@ice.service; }
for class in key core; do
	"ask_$class" "served-$class"
	check_equal "A-34: claimed before, $class: not frozen, its handler runs" "served-$class" "$(tail -n 1 "$ran")"
	check "A-34: claimed before, $class: nothing is left of that" wait_for 20 nothing_left
	before=$(cat "$ran")
	# It has just served, so it is there.
	check "A-34: claimed before, $class: the worker is stopped" signal_worker STOP
	"ask_$class" "claimed-$class" &
	requester=$!
	check "A-34: claimed before, $class: it has been given to the worker" wait_for 20 in_state 2
	check "A-34: claimed before, $class: frozen" freeze 1
	check "A-34: claimed before, $class: all stands" wait_for 20 is_frozen 1
	check "A-34: claimed before, $class: still claimed" in_state 2
	signal_worker CONT
	wait "$requester"
	[ $class = core ] || check "A-34: claimed before, $class: its requester has an error ($(cat claimed-key))" \
		grep -qE '^(ENOKEY|ETIMEDOUT|EKEYREJECTED|EIO) ' claimed-key
	# The worker says so at once: it does not take the 25 s of attach_ms.
	check "A-34: claimed before, $class: it has ended in time ($(cat "claimed-$class"))" \
		test "$(took_ms "$(cat "claimed-$class")")" -lt "$(patient 20000)"
	check "A-34: claimed before, $class: nobody has the authority" wait_for 20 no_authority
	check "A-34: claimed before, $class: thawed" freeze 0
	check "A-34: claimed before, $class: all goes on" wait_for 20 is_frozen 0
	sleep 2
	check_equal "A-34: claimed before, $class: no handler has started for it" "$before" "$(cat "$ran")"
	check "A-34: claimed before, $class: nothing is left" no_leaves ice
done

# --- afterwards
outside after
check_equal 'A-34: at last it is served again' 'payload after' "$(head -n 1 after)"
check_equal 'A-34: no upcall is left' '' "$(./shim-client list)"
rmdir "$trace"
container_stop ice
summary
