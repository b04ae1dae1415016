#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# What the kernel's table refuses or offers for a container, it goes on refusing: when the leader leaves a namespace that
# no task is told apart by, when the daemon starts again and finds the container's state file damaged or gone, and when
# another daemon starts beside it or in its place. Only unregistering ends it. A-46: a state that is cut, damaged, huge or forged
# costs that entry and says so; in another order it is the same.

# shellcheck source=lib/setup.sh
. lib/setup.sh

# Denied in the kernel, so that only the table's entry counts: the daemon hears of nothing.
policy web <<'CONF'
[Match]
Name=web plain
[Core]
Handler=deny
[Key]
Handler=deny
[Module]
CONF
# Offered, so that the daemon looks at the leader.
policy leaving <<'CONF'
[Match]
Name=leave-*
[Core]
Handler=deny
[Key user]
Handler=/bin/true
[Module]
CONF

# shellcheck source=lib/everything.sh
. lib/everything.sh

field() { upcallctl list --json | jq -r --arg name "$1" "(.containers // .)[] | select(.name == \$name) | .$2"; }
restart() {
	systemctl stop upcalld.service
	"${@:-true}"
	upcallctl status >/dev/null
}
in_web() { container_exec web /bin/requester "$@"; }

# --- the leader leaves
leaver='.process.args = ["/bin/requester", "leave", "KIND", "/gate/go"]
	| reduce ("bounding", "effective", "permitted") as $set (.; .process.capabilities[$set] += ["CAP_SYS_ADMIN"])'
for kind in uts ipc cgroup; do
	name=leave-$kind
	in_it() { container_exec "$name" /bin/requester "$@"; }
	container_rootfs "$containers/$name/rootfs"
	check "$kind: registered" registered "$name" "${leaver/KIND/$kind}"
	check "$kind: its handler runs (else the test proves nothing)" refused ENOKEY "$(in_it key user "before:$kind" c 2>&1)"
	touch "$containers/$name/rootfs/gate/go"
	check "$kind: the leader has left it" wait_for 10 test -e "$containers/$name/rootfs/gate/go.left"
	check "$kind: the kernel sees it by itself" grep -q " $name state=1 " <<<"$(./shim-client containers)"
	everything "$kind left" in_it
	restart
	restart
	everything "$kind left, daemon started twice" in_it
	check_equal "$kind: it is listed" tombstone "$(field "$name" state)"
	check "$kind: with the command that ends it" grep -q "upcallctl unregister $name" <<<"$(field "$name" warnings)"
	check "$kind: status has it too" grep -q 'upcallctl unregister' <<<"$(upcallctl status)"
	check "$kind: that command works" upcallctl unregister "$name"
	check_equal "$kind: and the kernel has no entry" '' "$(./shim-client containers)"
	container_stop "$name"
done

# --- nothing but mounts tells its tasks apart, and its cgroup is left, too
mkdir /sys/fs/cgroup/plain
sh -c 'echo $$ >/sys/fs/cgroup/plain/cgroup.procs; exec unshare -m -u ./requester leave uts /run/plain' &
plain=$!
by_mounts() { nsenter -t "$plain" -m "$PWD/requester" "$@"; }
wait_for 10 test "$(readlink /proc/$plain/ns/uts)" != "$(readlink /proc/1/ns/uts)"
check 'plain is registered' upcallctl register plain --pid "$plain" --cgroup /plain
everything 'plain' by_mounts
touch /run/plain
check 'plain: the leader has left its uts namespace' wait_for 10 test -e /run/plain.left
everything 'plain left' by_mounts
echo "$plain" >/sys/fs/cgroup/cgroup.procs
check 'plain: its cgroup is empty' grep -q 'populated 0' /sys/fs/cgroup/plain/cgroup.events
sleep 7 # the shim looks every five seconds
everything 'plain left, also its cgroup' by_mounts
kill -9 "$plain"
plain_gone() { [ -z "$(./shim-client containers)" ]; }
check 'plain: with the leader and all tasks dead, its entry goes' wait_for 15 plain_gone

# --- the state file
container_rootfs "$containers/web/rootfs"
check 'web is registered' registered web
everything 'registered' in_web
state=/run/upcalld/containers/web
damage() { echo 'VERSION=1' >"$state"; }
strange() { sed -i 's/^END=1/NOVELTY=1\nEND=1/' "$state"; }
forge() { sed -i 's/^NS_UTS=.*/NS_UTS=1/; s/^LEADER=.*/LEADER=1/' "$state"; }
vanish() { rm "$state"; }
truncated() { truncate -s -20 "$state"; }
# no line of it ever ends
huge() { tr '\n' ' ' <"$state" >"$state.new" && truncate -s 1G "$state.new" && mv "$state.new" "$state"; }
reordered() {
	local lines
	lines=$(head -n 1 "$state" && sed '1d; $d' "$state" | tac && tail -n 1 "$state")
	echo "$lines" >"$state"
}
check "web's state is where it is damaged (else the test proves nothing)" test -s "$state"
for how in damage strange forge vanish truncated huge; do
	restart "$how"
	restart
	check_equal "$how: it is listed" tombstone "$(field web state)"
	check "$how: with the command that ends it" grep -q 'upcallctl unregister web' <<<"$(field web warnings)"
	check_fails "$how: its name stays taken" upcallctl register web --pid "${leader[web]}"
	everything "$how" in_web
	check "$how: that command works" upcallctl unregister web
	check "$how: and it can be registered again" upcallctl register web --pid "${leader[web]}"
done
check_equal 'web is live again' live "$(field web state)"
before=$(sort "$state")
restart reordered
check_equal 'reordered: web is what it was' live "$(field web state)"
check_equal 'reordered: nothing of it is lost' "$before" "$(sort "$state")"
everything 'reordered' in_web

# --- another daemon
other=/run/upcalld-other
second() {
	upcalld --standalone --state-dir "$other" >second.log 2>&1 &
	daemon=$!
	wait_for 20 env UPCALLD_SOCKET="$other/control" upcallctl list
}
before=$(./shim-client containers)
check 'a second daemon starts' second
check_equal 'second daemon: it says who else is subscribed' 1 "$(grep -c 'somebody else' second.log)"
everything 'second daemon' in_web
check_equal "second daemon: the kernel's table is as it was" "$before" "$(./shim-client containers)"
check_equal 'second daemon: web is live' live "$(field web state)"
kill -TERM "$daemon"
wait "$daemon"
everything 'second daemon has ended' in_web

systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
check 'another daemon takes its place' second
everything 'other daemon' in_web
check 'other daemon: it shows web' grep -q 'upcallctl unregister web' \
	<<<"$(UPCALLD_SOCKET=$other/control upcallctl list --json)"
kill -TERM "$daemon"
wait "$daemon"
everything 'other daemon has ended' in_web
systemctl start upcalld.socket upcalld-shim.socket
check_equal 'the first one is back: web is live' live "$(field web state)"
everything 'the first one is back' in_web
check 'web is unregistered' upcallctl unregister web
check_equal 'the kernel has no entry' '' "$(./shim-client containers)"
summary
