#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# What the host itself put into a container's cgroup and user namespace, but not into its pid namespace, runs nothing on
# the host either after it has unshared everything: with the leader alive, and after its death.

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
check 'web is registered' registered web
sh -c "echo \$\$ >${cgroup[web]}/cgroup.procs; exec nsenter -t ${leader[web]} -U -m -n --preserve-credentials /bin/requester wait /gate/go" &
straggler=$!
wait_for 10 test "$(readlink /proc/$straggler/ns/user)" != "$(readlink /proc/1/ns/user)"
# As the container's root: an id that its user namespace does not map could unshare nothing.
in_straggler=(nsenter -t "$straggler" -U -m -n)
orphan() { sh -c "echo \$\$ >${cgroup[web]}/cgroup.procs; exec \"\$@\"" sh "${in_straggler[@]}" /bin/requester "$@"; }
everything 'leader alive, everything unshared' orphan unshare
kill -9 "${leader[web]}"
wait_for 10 test ! -e "/proc/${leader[web]}"
everything 'leader killed, everything unshared' orphan unshare
kill "$straggler"
summary
