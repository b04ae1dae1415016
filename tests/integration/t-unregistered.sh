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
policy db <<'CONF'
[Match]
Name=db
[Key user]
Handler=/bin/answer
Answer=yes
CONF
container_rootfs "$containers/db/rootfs"
handler_script db /bin/answer <<'SH'
#!/bin/sh
echo here >/tmp/here
exec sleep 1000
SH
check 'web is registered' registered web
check 'db is registered' registered db
no_leaf() { [ -d "${cgroup[$1]}" ] && no_leaves "$1"; }
no_worker() { ! pgrep -x upcall-worker >/dev/null; }

# NAME WHAT COMMAND...: unregistered while its handler runs; COMMAND is run before
busy() {
	local name=$1 what=$2
	rm -f "$containers/$name/rootfs/tmp/here"
	request "$name" "$what:1" >asked &
	local asking=$!
	check "$what: a handler runs" wait_for 60 test -e "$containers/$name/rootfs/tmp/here"
	check_fails "$what: in a leaf" no_leaf "$name"
	"${@:3}"
	check "$what: $name is unregistered" upcallctl unregister "$name"
	wait "$asking"
	check "$what: who asked has an error ($(cat asked))" grep -q '^E[A-Z]* ' asked
	check "$what: in time" test "$(took_ms "$(cat asked)")" -lt 60000
	check "$what: no leaf is left" wait_for 20 no_leaf "$name"
	check "$what: no worker, either" wait_for 20 no_worker
}
# SIGTERM's bit of SigCgt
takes_term() { [ $((16#$(sed -n 's/^SigCgt:\t//p' "/proc/$1/status") & 16#4000)) -ne 0 ]; }
# A child of the worker's that took the signal as it does would end it, and all of the container's with it.
only_worker_takes_term() {
	local worker child children
	worker=$(pgrep -o -x upcall-worker)
	children=$(pgrep -P "$worker")
	check "the worker takes SIGTERM" takes_term "$worker"
	check "who answers and who prints are its children ($children)" test "$(wc -w <<<"$children")" -eq 2
	for child in $children; do
		check_fails "$child ($(cat "/proc/$child/comm")) takes no SIGTERM" takes_term "$child"
	done
}
# A tracer that does not wait keeps the worker from seeing the end of its handler.
held() {
	./unruly hold "$(pgrep -x -f 'sleep 1000')" >holds &
	holder=$!
	check 'its handler is held' wait_for 20 grep -q holds holds
}
let_go() {
	kill -KILL "$holder"
	wait "$holder"
}

touch "$containers/web/rootfs/tmp/slow"
busy web running true
busy db answering only_worker_takes_term
check 'web is registered again' upcallctl register web --pid "$(container_pid web)"
busy web held held
let_go

# What is left to do after an answer waits a little.
rm "$containers/web/rootfs/tmp/slow"
for ((round = 1; round <= ${1:-5}; round++)); do
	upcallctl register web --pid "$(container_pid web)" >/dev/null
	reply=$(request web "quick$round:1")
	upcallctl unregister web
	grep -q '^payload served' <<<"$reply" || check "$round: served ($reply)" false
	wait_for 20 no_leaf web || check "$round: no leaf is left" false
done
check "unregistered right after $((round - 1)) answers: no leaf is left" no_leaf web
check 'and nobody runs' wait_for 20 no_worker

# Without systemd upcalld is who tells the worker, and who kills it after a while.
touch "$containers/web/rootfs/tmp/slow"
systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
upcalld --standalone >standalone.log 2>&1 &
daemon=$!
reachable() { upcallctl status >/dev/null 2>&1; }
check 'standalone: it answers' wait_for 20 reachable
check 'standalone: web is registered again' upcallctl register web --pid "$(container_pid web)"
busy web standalone held
let_go
check_fails 'standalone: nobody was killed for that' grep -q 'does not end' standalone.log
kill -TERM "$daemon"
check 'standalone: it ends when told' wait "$daemon"
summary
