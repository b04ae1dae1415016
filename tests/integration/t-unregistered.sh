#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# A container is unregistered while its handlers run, or have just ended: who asked has his answer, and nothing is left of them,
# not the leaf cgroups either, which would keep its cgroup from being removed and have no next worker to do that.
# $1: how many are unregistered at the moment of an answer

# shellcheck source=lib/setup.sh
. lib/setup.sh

answering web
handler_script web /bin/answer <<'SH'
#!/bin/sh
test -e /tmp/slow && echo here >/tmp/here && exec sleep 1000
exec keyctl instantiate "$1" served "$2"
SH
check 'web is registered' registered web
no_leaf() { [ -z "$(find "/sys/fs/cgroup${cgroup[web]#/sys/fs/cgroup}" -mindepth 1 -name 'upcall-*')" ]; }
no_worker() { ! pgrep -x upcall-worker >/dev/null; }

touch "$containers/web/rootfs/tmp/slow"
request web slow:1 >asked &
asking=$!
check 'a handler runs' wait_for 20 test -e "$containers/web/rootfs/tmp/here"
check 'in a leaf' eval '! no_leaf'
check 'web is unregistered' upcallctl unregister web
wait "$asking"
check "who asked has an error ($(cat asked))" grep -q '^E[A-Z]* ' asked
check 'in time' test "$(took_ms "$(cat asked)")" -lt 60000
check 'no leaf is left' wait_for 20 no_leaf
check 'no worker, either' wait_for 20 no_worker

# What is left to do after an answer waits a little.
rm "$containers/web/rootfs/tmp/slow"
for ((round = 1; round <= ${1:-5}; round++)); do
	upcallctl register web --pid "$(container_pid web)" >/dev/null
	reply=$(request web "quick$round:1")
	upcallctl unregister web
	grep -q '^payload served' <<<"$reply" || check "$round: served ($reply)" false
	wait_for 20 no_leaf || check "$round: no leaf is left" false
done
check "unregistered right after $((round - 1)) answers: no leaf is left" no_leaf
check 'and nobody runs' wait_for 20 no_worker
summary
