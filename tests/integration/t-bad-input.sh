#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak: 10000 100
#
# A-47: whoever sends the control socket half messages, fds without end, fds of the wrong kind or thousands of connections
# loses that connection and nothing else: the daemon stays, serves the next upcall and closes what it was sent, also with
# 32 descriptors in all. Bad input: what cannot be registered is refused with a text and an exit status each.
# A-45: a configuration that is wrong is refused with file, line and reason, the old one stays, upcalls under way too;
# unregistering answers what waits within a second.
# $1: connections (default 1000), $2: connections with endless fds (default 10)

# shellcheck source=lib/setup.sh
. lib/setup.sh
many=${1:-1000}
floods=${2:-10}

# The daemon is not to end for idleness while its descriptors are counted, nor to begin anew.
mkdir -p /run/systemd/system/upcalld.service.d
drop_in() {
	printf '[Service]\nExecStart=\nExecStart=/usr/sbin/upcalld --idle-seconds 0\nRestart=no\n%s\n' "$*" \
		>/run/systemd/system/upcalld.service.d/test.conf
	systemctl daemon-reload
	systemctl restart upcalld.service
}
drop_in
policy web <<'CONF'
[Match]
Name=web
[Key user]
Handler=/usr/libexec/told
RuntimeMaxSec=600
MaxConcurrent=2
CONF
container_rootfs "$containers/web/rootfs"
install -o "$container_uid" -g "$container_uid" told "$containers/web/rootfs/usr/libexec/told"
check 'web is registered' registered web
: >"${root[web]}/gate/open"
# Quicker than container_exec, and the container's all the same.
inside=(nsenter -t "${leader[web]}" -U -p -m -n)

main_pid() { systemctl show -p MainPID --value upcalld.service; }
serial=0
served() {
	serial=$((serial + 1))
	grep -qx "payload s$serial" <<<"$("${inside[@]}" /bin/requester key user "told:0:s$serial" c 2>&1)"
}
fds() { find "/proc/$daemon/fd" -mindepth 1 -printf '%l\n' | sed 's/[0-9]*\]$//' | sort; }
settled() { [ "$(fds | wc -l)" -le "$1" ] && [ -z "$(./shim-client list)" ]; }
# survived WHAT: the same process, which serves, and has closed what it was sent
survived() {
	check_equal "$1: the daemon is the same" "$daemon" "$(main_pid)"
	check "$1: it serves the next upcall" served
	check "$1: it has closed what it was sent" wait_for 60 settled "$before" || fds
}
hostile() { python3 lib/hostile.py "$@"; }
as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
# status_of COMMAND…: its exit status, its words in ./said
status_of() {
	local status=0
	"$@" >said 2>&1 || status=$?
	echo "$status"
}
# refused WHAT STATUS TEXT COMMAND…
refused() {
	local what=$1 status=$2 text=$3
	shift 3
	check_equal "$what: its exit status" "$status" "$(status_of "$@")"
	check "$what: '$text'" grep -qF -- "$text" said
}

check 'it serves' served
daemon=$(main_pid)
check 'there is a daemon (else the test proves nothing)' test "$daemon" -gt 1
before=$(fds | wc -l)

# --- what cannot be registered
listed() { upcallctl list --json | jq -c '[.containers[] | [.name, .leader]]'; }
was=$(listed)
sleep 1000 &
host_process=$!
sleep 0 &
dead=$!
wait "$dead"
refused 'a dead process' 3 "pid $dead: No such process" upcallctl register x --pid "$dead"
refused 'a kernel thread' 10 'process 2 is a kernel thread, which is in no container' upcallctl register x --pid 2
refused 'a process of the host' 9 "process $host_process is in no container: all its namespaces are the host's" \
	upcallctl register x --pid "$host_process"
refused 'a taken name' 8 "a container is registered as 'web' already" upcallctl register web --pid "${leader[web]}"
refused 'a leader twice' 8 "process ${leader[web]} is the leader of container 'web' already" \
	upcallctl register x --pid "${leader[web]}"
for name in '' A 'a b' -- a/b 'a%b' $'a\nb' "$(printf 'a%.0s' {1..64})" @host; do
	refused "the name '${name:0:9}'" 2 'is no name for a container: 1 to 63 of a-z, 0-9' upcallctl register --pid "${leader[web]}" -- "$name"
done
refused 'without permission' 4 "permission denied: /run/upcalld/control is root's" as_user upcallctl register x --pid "${leader[web]}"
refused 'a pid that is none' 2 '--pid 0' upcallctl register x --pid 0
refused 'a cgroup that is none' 3 "'/no/such' is no cgroup below /sys/fs/cgroup" upcallctl register x --pid "${leader[web]}" --cgroup /no/such
kill "$host_process"
check_equal 'nothing is registered by all that' "$was" "$(listed)"
check_equal 'not in the kernel either' 1 "$(./shim-client containers | wc -l)"
check_equal 'and no state is left' web "$(ls /run/upcalld/containers)"
survived 'bad registrations'

# --- the socket
unset UPCALLD_SOCKET
output=$(hostile wrong-fds "${leader[web]}")
check_equal 'wrong fds: each is refused as no pidfd' '' \
	"$(grep -vE '^([a-z-]+ BadArgument|(none|index) (InconsistentMessage|closed|ConnectionResetError))$' <<<"$output")"
check "wrong fds: all were tried" test "$(wc -l <<<"$output")" -ge 20
survived 'wrong fds'

# Bytes that are never whole: also of a user who was given the socket, and of a container's root.
chmod 666 /run/upcalld/control
for method in List Reload ListPending Monitor; do
	check_equal "a user's $method is refused" Denied "$(as_user python3 lib/hostile.py call "$method")"
done
check_equal "a user's Status is answered" answered "$(as_user python3 lib/hostile.py call Status)"
check_equal "so is root's List (else the test proves nothing)" answered "$(hostile call List)"
check_equal "that of root in another user namespace is refused" Denied "$(unshare -Ur python3 lib/hostile.py call List)"
check_equal "that of root in another pid namespace is refused" Denied "$(unshare -pf python3 lib/hostile.py call List)"
for who in '' as_user; do
	mkfifo hold
	$who python3 lib/hostile.py half 16 <hold >held &
	half=$!
	exec 7>hold
	rm hold
	wait_for 60 test -s held
	check "half messages${who:+ of a user}: meanwhile an upcall is served" served
	[ -z "$who" ] || check 'half messages of a user: root is answered' upcallctl status
	exec 7>&-
	wait "$half"
	survived "half messages${who:+ of a user}"
	$who python3 lib/hostile.py flood "$floods" >flooded
	check_equal "fds without end${who:+ of a user}: each connection is closed" "$floods" \
		"$(grep -cE '^(BrokenPipeError|ConnectionResetError)$' flooded)" || cat flooded
	survived "fds without end${who:+ of a user}"
	$who python3 lib/hostile.py many "$many" >closed
	most=64
	[ -z "$who" ] || most=16
	check "$many connections${who:+ of a user}: all but $most at most are closed at once ($(cat closed))" \
		test "$(sed 's/.*: //' closed)" -le "$most"
	survived "$many connections${who:+ of a user}"
done
chmod 600 /run/upcalld/control

# --- configuration
config() { upcallctl show web --json | jq -c .outlook; }
rule=$(config)
# reload_refused WHAT TEXT
reload_refused() {
	refused "$1" 1 "$2" upcallctl reload
	check_equal "$1: the old policy stays active" "$rule" "$(config)"
	check "$1: what is under way stays" under_way
}
file=/etc/upcalld.d/web.conf
good=$(cat "$file")
# Two run, one waits: none may be lost, whatever is reloaded, however long all that takes.
echo 600000 >/sys/module/upcall_shim/parameters/claim_ms
rm "${root[web]}/gate/open"
pids=()
for i in 1 2 3; do
	request web "told:0:flight$i" >"flight$i" &
	pids+=($!)
done
in_flight() { [ "$(upcallctl pending --json | jq -c '[.upcalls[].state] | sort')" = '["offered","running","running"]' ]; }
check 'two upcalls run, one waits' wait_for 60 in_flight
pending() { upcallctl pending --json | jq -c '[.upcalls[] | .id, .pid]'; }
flight=$(pending)
under_way() { [ "$(pending)" = "$flight" ]; }
printf '%s\nHandlr=/bin/true\n' "$good" >"$file"
reload_refused 'an unknown key' "$file:7: unknown setting Handlr="
printf '%s\n[Cores]\nHandler=/bin/true\n' "$good" >"$file"
reload_refused 'an unknown section' "$file:7: "
printf '%s\n[Core]\nMaxConcurrent=0\n' "$good" >"$file"
reload_refused 'a bad value' "$file:8: MaxConcurrent=0: no number from 1 to 64"
printf '%s\nHandler=/bin/false\n' "$good" >"$file"
reload_refused 'a setting twice' "$file:7: Handler= is there twice"
printf '%s\n[Key user]\nHandler=/bin/false\n' "$good" >"$file"
reload_refused 'a section twice' "$file:7: "
printf '%s' "$good" >"$file"
chmod 666 "$file"
reload_refused 'a file that anybody may write' "$file"
chmod 644 "$file"
mkdir /etc/upcalld.d/dir.conf
reload_refused 'a directory in its place' /etc/upcalld.d/dir.conf
rmdir /etc/upcalld.d/dir.conf
ln -s /etc/upcalld.d/loop.conf /etc/upcalld.d/loop.conf
reload_refused 'a file that cannot be opened' /etc/upcalld.d/loop.conf
rm /etc/upcalld.d/loop.conf
mkdir "$file.d"
printf '[Key user]\nRunIn=nowhere\n' >"$file.d/10.conf"
reload_refused 'a refinement that conflicts' "$file.d/10.conf:2: RunIn=nowhere: neither container nor host"
rm -r "$file.d"
check 'a good one is taken' upcallctl reload
systemctl reload upcalld.service
check_equal 'a SIGHUP changes nothing that was right' "$rule" "$(config)"
check 'what was under way still is' under_way
: >"${root[web]}/gate/open"
wait "${pids[@]}"
for i in 1 2 3; do check_equal "upcall $i, under way meanwhile, is answered" "payload flight$i" "$(head -1 "flight$i")"; done
echo 30000 >/sys/module/upcall_shim/parameters/claim_ms

# --- unregistering answers what waits, within a second
rm "${root[web]}/gate/open"
for i in 1 2 3; do request web "told:0:gone$i" >"gone$i" & done
check 'two run again, one waits' wait_for 60 in_flight
refused_now() { [ "$(cat gone[123] | wc -l)" -ge 1 ]; }
upcallctl unregister web
# It is refused before the verb returns; what is measured is the requester's way out.
began=$(now_ms)
wait_for 20 refused_now
took=$(($(now_ms) - began))
check "what waited is refused within a second ($took ms)" test "$took" -lt 1000
check 'with EKEYREJECTED' grep -q '^EKEYREJECTED' gone[123]
: >"${root[web]}/gate/open"
wait
check_equal 'the others were answered, too' 3 "$(cat gone[123] | grep -cE '^(ok|E[A-Z]+) .*ms=')"
check 'web is registered again' upcallctl register web --pid "${leader[web]}"

# --- too few descriptors
drop_in $'LimitNOFILE=32\nWatchdogSec=5'
check '32 descriptors: it serves' served
daemon=$(main_pid)
check_equal '32 descriptors: that is its limit' 32 "$(awk '/^Max open files/ { print $5 }' "/proc/$daemon/limits")"
before=$(fds | wc -l)
chmod 666 /run/upcalld/control
full() { [ "$(fds | wc -l)" -ge 31 ]; }
# Who somebody is cannot be told without two more for a moment, so who would leave one is not let in: one who is there sends it.
nearly() { [ "$(fds | wc -l)" -ge 30 ]; }
# Whoever has not said who he is after some time loses his connection: on a busy machine some may before all are there.
fill() {
	rm -f hold
	mkfifo hold
	hostile half 16 <hold >held &
	half=$!
	as_user python3 lib/hostile.py half 16 <hold >held.user &
	half_user=$!
	exec 7>hold
	wait_for 15 nearly && echo one more >&7
	wait_for 15 full
}
empty() {
	exec 7>&-
	wait "$half" "$half_user"
}
# Connections that the daemon had no descriptor for come to it dead, after that, and count as their user's until it has looked:
# who is answered has come after them.
emptied() {
	empty
	upcallctl status >/dev/null && wait_for 20 settled "$before"
}
for _ in 1 2 3; do
	fill && break
	emptied
done
check '32 descriptors: they are used up' full || fds
request web told:0:short >short &
short=$!
# Two turns of the watchdog, which is told by a socket.
sleep 11
empty
wait "$short"
# Where not even a worker can be reached for want of one, it is refused.
check "32 descriptors: the upcall that came meanwhile is served or refused ($(head -1 short))" \
	grep -qE '^(payload short$|ENOKEY )' short
chmod 600 /run/upcalld/control
hostile flood 3 >/dev/null
hostile many 200 >/dev/null
survived '32 descriptors'
check '32 descriptors: it answers' upcallctl status
check_equal 'no upcall is left' '' "$(./shim-client list)"
summary
