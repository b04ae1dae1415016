#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# A container that uses up its uid's quota of keys keeps no other one from being served: neither where that uid is root's,
# which workers have, nor where it is the container's own, which containers of one range of ids share.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy victim <<'CONF'
[Match]
Name=victim
[Key user]
Handler=/usr/libexec/key-hog
Answer=yes
CONF
container_rootfs "$containers/victim/rootfs"
cp key-hog "$containers/victim/rootfs/usr/libexec/key-hog"
check 'victim is registered' registered victim
container_rootfs "$containers/rich/rootfs"
cp key-hog "$containers/rich/rootfs/bin/key-hog"
container_start rich "$(container_privileged)"
container_rootfs "$containers/twin/rootfs"
cp key-hog "$containers/twin/rootfs/bin/key-hog"
container_start twin

# served NAME: what the handler had for a session keyring. Not the container's root asks: the key is charged to who does.
served() {
	crun --cgroup-manager=cgroupfs exec --user 1000:1000 victim /bin/requester key user "$1" callout |
		tee /dev/stderr | sed -n 's/^payload //p'
}

# hogs NAME: a key-hog in that container, until it is killed.
hogs() {
	container_exec "$1" /bin/key-hog /tmp/full &
	hog=$!
	wait_for 120 test -e "$containers/$1/rootfs/tmp/full"
}

before=$(served before:1)
check 'a handler that answers has a session keyring' grep -qx '[0-9]*' <<<"$before"
check_fails 'and the next one has another' test "$before" = "$(served before:2)"

check "a container of uid 0 uses up root's keys" hogs rich
upcallctl reload
systemctl stop 'upcall-worker@victim.service'
check "with root's quota used up a worker starts, and its handler has a session keyring" \
	grep -qx '[0-9]*' <<<"$(served root:1)"
container_stop rich
wait "$hog"

check "a container of victim's range of ids uses up its keys" hogs twin
during=$(served twin:1)
check_equal "with that quota used up the answer is given, and nobody's session keyring was left to the handler" \
	none:EKEYREVOKED "$during"
container_stop twin
wait "$hog"
summary
