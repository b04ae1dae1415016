#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# A container is unregistered while its handlers run, or have just ended. One that runs goes on; who only answers has a moment,
# and who asked an error. The worker goes soon, also where somebody holds a child of its, and nothing of what has ended is left,
# not the leaf cgroups either, which would keep the container's from being removed and have no next worker to do that.
# $1: how many are unregistered at the moment of an answer

# shellcheck source=lib/setup.sh
. lib/setup.sh

answering web
handler_script web /bin/answer <<'SH'
#!/bin/sh
if test -e /tmp/slow; then
	echo here >/tmp/here
	while test -e /tmp/slow; do sleep 0.1; done
fi
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
no_worker() { ! pgrep -x upcall-worker >/dev/null; }
# run NAME WHAT: until its handler runs; who asks is $asking
run() {
	rm -f "$containers/$1/rootfs/tmp/here"
	request "$1" "$2:1" >asked &
	asking=$!
	check "$2: a handler runs" wait_for 60 test -e "$containers/$1/rootfs/tmp/here"
	check_fails "$2: in a leaf" no_leaves "$1"
}
# goes NAME WHAT
goes() {
	check "$2: $1 is unregistered" upcallctl unregister "$1"
	check "$2: the worker goes" wait_for 20 no_worker
}
is_denied() { # WHAT
	wait "$asking"
	check "$1: who asked has an error ($(cat asked))" grep -q '^E[A-Z]* ' asked
	check "$1: in time" test "$(took_ms "$(cat asked)")" -lt 60000
	check "$1: no leaf is left" wait_for 20 no_leaves db
}
is_served() { # WHAT
	rm "$containers/web/rootfs/tmp/slow"
	wait "$asking"
	check "$1: it serves ($(cat asked))" grep -q '^payload served' asked
}
register_again() { check "$1 is registered again" upcallctl register "$1" --pid "$(container_pid "$1")"; }

# --- a handler that ends soon after
touch "$containers/web/rootfs/tmp/slow"
run web soon
check 'soon: web is unregistered' upcallctl unregister web
is_served soon
check 'soon: no leaf is left' wait_for 20 no_leaves web
check 'soon: no worker, either' wait_for 20 no_worker
check_equal 'soon: it is recorded as what it was' served "$(records UPCALL_RESULT UPCALL_CONTAINER=web | tail -n 1)"

# --- one that does not: its leaf is who is in it
register_again web
touch "$containers/web/rootfs/tmp/slow"
run web long
goes web long
check_fails 'long: it goes on, in its leaf' no_leaves web
is_served long
leaf=$(find "${cgroup[web]}" -name 'upcall-*')
check "long: nobody is left in that ($leaf)" wait_for 20 rmdir "$leaf"

# --- one who prints an answer, and who waits for that
# SIGTERM's bit of SigCgt
takes_term() { [ $((16#$(sed -n 's/^SigCgt:\t//p' "/proc/$1/status") & 16#4000)) -ne 0 ]; }
run db answering
worker=$(pgrep -o -x upcall-worker)
answerer=$(pgrep -P "$worker" -x upcall-worker)
check 'answering: the worker takes SIGTERM' takes_term "$worker"
check_fails 'answering: the answerer, which is a copy of it, does not' takes_term "$answerer"
goes db answering
is_denied answering

# --- a tracer that does not wait keeps the worker from seeing the end of who prints
printer() { pgrep -x -f 'sleep 1000'; }
hold() {
	check "$1: who prints is there" wait_for 20 printer
	./unruly hold "$(printer)" >holds &
	holder=$!
	check "$1: it is held" wait_for 20 grep -q holds holds
}
let_go() {
	kill -KILL "$holder"
	wait "$holder"
}
register_again db
run db held
hold held
goes db held
is_denied held
let_go

# What is left to do after an answer waits a little.
for ((round = 1; round <= ${1:-5}; round++)); do
	upcallctl register web --pid "$(container_pid web)" >/dev/null
	reply=$(request web "quick$round:1")
	upcallctl unregister web
	grep -q '^payload served' <<<"$reply" || check "$round: served ($reply)" false
	wait_for 20 no_leaves web || check "$round: no leaf is left" false
done
check "unregistered right after $((round - 1)) answers: no leaf is left" no_leaves web
check 'and nobody runs' wait_for 20 no_worker

# --- without systemd upcalld is who tells the worker, and who kills it after a while
systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
upcalld --standalone >standalone.log 2>&1 &
daemon=$!
reachable() { upcallctl status >/dev/null 2>&1; }
check 'standalone: it answers' wait_for 20 reachable
register_again db
run db standalone
hold standalone
goes db standalone
is_denied standalone
let_go
check_fails 'standalone: nobody was killed for that' grep -q 'does not end' standalone.log
kill -TERM "$daemon"
check 'standalone: it ends when told' wait "$daemon"
summary
