#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# A task of a registered container that unshares everything, or whose leader has been killed, runs nothing on the host:
# with a cgroup that is known, and without one. Nor does what somebody else unshares go to the container.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy all <<'CONF'
[Match]
Name=*
[Core]
Handler=deny
[Key]
Handler=deny
[Module]
CONF

# shellcheck source=lib/everything.sh
. lib/everything.sh

container_rootfs "$containers/web/rootfs"
# An id can be mapped again, so unshared again, by who has CAP_SETFCAP; runtimes give it.
check 'web is registered' registered web '.process.capabilities |= map_values(. + ["CAP_SETFCAP"])'
everything 'inside' container_exec web /bin/requester
everything 'inside, everything unshared' container_exec web /bin/requester unshare
everything 'inside, everything unshared twice' container_exec web /bin/requester unshare unshare

# Without a cgroup: made by unshare in the test's own cgroup, which it shares with host tasks.
unshare -U -r -p -m -n -i -u -f --mount-proc --kill-child sleep 2147483647 &
unshared=$!
bare_leader() { bare=$(pgrep -P "$unshared" -x sleep); }
wait_for 10 bare_leader
check 'bare (pid namespace, no cgroup) is registered' upcallctl register bare --pid "$bare"
in_bare=(nsenter -t "$bare" -U -p -m -n -i -u --preserve-credentials "$PWD/requester")
everything 'without a cgroup' "${in_bare[@]}"
everything 'without a cgroup, everything unshared' "${in_bare[@]}" unshare

# The container has only a mount namespace: its cgroup must tell, and unsharing must not help.
check 'mnt (mount namespace only) needs a cgroup' \
	grep -q -i cgroup <<<"$(unshare -m sh -c 'upcallctl register mnt --pid $$' 2>&1)"
mkdir -p /sys/fs/cgroup/mnt
sh -c 'echo $$ >/sys/fs/cgroup/mnt/cgroup.procs; exec unshare -m sleep 2147483647' &
only_mnt=$!
wait_for 10 test "$(readlink /proc/$only_mnt/ns/mnt)" != "$(readlink /proc/1/ns/mnt)"
check 'mnt is registered with its cgroup' upcallctl register mnt --pid "$only_mnt" --cgroup /mnt
in_mnt() { sh -c 'echo $$ >/sys/fs/cgroup/mnt/cgroup.procs; exec nsenter -t '"$only_mnt"' -m "$@"' sh "$PWD/requester" "$@"; }
everything 'mount namespace only' in_mnt
everything 'mount namespace only, everything unshared' in_mnt unshare

# A host task that sits in a container's cgroup is a host task.
audit_checkpoint
audit_expect_host /sbin/request-key 'a host task asks for a key'
sh -c "echo \$\$ >${cgroup[web]}/cgroup.procs; exec ./requester key user host:$RANDOM c" >/dev/null
check "a supervisor in the container's cgroup is a host task" test -n "$(audit_host_upcalls)"

# Nor is one with a mount namespace of its own, as a service has for PrivateTmp=, where the container has no user namespace.
container_rootfs "$containers/rooted/rootfs"
check 'rooted is registered' registered rooted "$(container_privileged)"
audit_checkpoint
audit_expect_host /sbin/request-key 'a host task asks for a key'
sh -c "echo \$\$ >${cgroup[rooted]}/cgroup.procs; exec unshare -m ./requester key user host:$RANDOM c" >/dev/null
check 'a supervisor with a mount namespace of its own is a host task' test -n "$(audit_host_upcalls)"
check_equal 'and who enters the container by its mount namespace first is not' EKEYREJECTED \
	"$(sh -c "echo \$\$ >${cgroup[rooted]}/cgroup.procs; exec nsenter -t ${leader[rooted]} -m /bin/requester key user host:$RANDOM c" | cut -d' ' -f1)"
container_stop rooted

# What the host put into the container's cgroup and user namespace, but not into its pid namespace: with the leader alive,
# and after its death.
sh -c "echo \$\$ >${cgroup[web]}/cgroup.procs; exec nsenter -t ${leader[web]} -U -m -n --preserve-credentials /bin/requester wait /gate/go" &
straggler=$!
wait_for 10 test "$(readlink /proc/$straggler/ns/user)" != "$(readlink /proc/1/ns/user)"
# As the container's root: an id that its user namespace does not map could unshare nothing.
in_straggler=(nsenter -t "$straggler" -U -m -n)
orphan() { sh -c "echo \$\$ >${cgroup[web]}/cgroup.procs; exec \"\$@\"" sh "${in_straggler[@]}" /bin/requester "$@"; }
everything 'leader alive, everything unshared' orphan unshare
kill -9 "${leader[web]}"
wait_for 10 test ! -e "/proc/${leader[web]}"
everything 'leader killed' orphan
everything 'leader killed, everything unshared' orphan unshare
kill "$straggler"
summary
