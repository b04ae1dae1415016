#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-nosys
#
# A-09 to A-12: who may decide over upcalls. Two wait, one at a gate and one for its quota, while those who have no authority
# resolve, join, register, ask, reply, forge, and use what was opened by who has it. Nothing is decided, nothing is heard.

# Not below /run, where no node of a device can be opened.
# shellcheck disable=SC2034 # for lib/container.sh
containers=/srv/upcall-containers
# shellcheck source=lib/setup.sh
. lib/setup.sh
mark=authority:secret
parameters=/sys/module/upcall_shim/parameters
for parameter in claim_ms run_ms key_run_ms; do echo 600000 >"$parameters/$parameter"; done
install -m 755 intruder eavesdropper /usr/local/bin/
install -m 4755 intruder /usr/local/bin/set-uid

policy web <<'CONF'
[Match]
Name=web
[Key user]
Handler=/usr/libexec/told
RuntimeMaxSec=600
MaxConcurrent=1
[Key logon]
Handler=deny
CONF
container_rootfs "$containers/web/rootfs"
install -o "$container_uid" -g "$container_uid" told "$containers/web/rootfs/usr/libexec/told"
check 'web is registered' registered web
gate=${root[web]}/gate/open

# --- who has no authority: a user, one with CAP_NET_ADMIN only, and the roots of three containers
any_device='.linux.resources.devices = [{allow: true, access: "rwm"}]'
only_net_admin=".linux.namespaces |= map(select(.type != \"user\" and .type != \"network\"))
	| del(.linux.uidMappings, .linux.gidMappings) | .process.capabilities |= map_values([\"CAP_NET_ADMIN\"]) | $any_device"
host_net=".linux.namespaces |= map(select(.type != \"network\"))
	| .process.capabilities |= map_values(. + [\"CAP_SYS_ADMIN\", \"CAP_NET_ADMIN\"] | unique) | $any_device"
own_net=".process.capabilities |= map_values(. + [\"CAP_SYS_ADMIN\", \"CAP_NET_ADMIN\"] | unique) | $any_device"
IFS=: read -r major minor </sys/class/misc/upcall/dev
node() {
	mknod "$1" c "$major" "$minor"
	chmod 666 "$1"
}
node /dev/upcall-node
for name in ownnet netadmin childns; do
	container_rootfs "$containers/$name/rootfs"
	cp eavesdropper intruder "$containers/$name/rootfs/bin/"
	node "$containers/$name/rootfs/mnt/upcall"
done
check "ownnet: its own network, CAP_SYS_ADMIN in its user namespace" container_start ownnet "$own_net"
check "netadmin: the host's network, CAP_NET_ADMIN only" container_start netadmin "$only_net_admin"
check "childns: the host's network, CAP_SYS_ADMIN in a child user namespace" container_start childns "$host_net"
people=(user bare ownnet netadmin childns)
# by WHO PROGRAM ARG…
by() {
	local who=$1 program=$2
	shift 2
	case $who in
	user) setpriv --reuid=1000 --regid=1000 --clear-groups "/usr/local/bin/$program" "$@" ;;
	bare) setpriv --bounding-set=-all,+net_admin --inh-caps=-all "/usr/local/bin/$program" "$@" ;;
	*) container_exec "$who" "/bin/$program" "$@" ;;
	esac
}
# Where the file FILE of the host is for WHO; for a container below /gate.
there() {
	case $1 in
	user | bare) echo "/run/$2" ;;
	*) echo "/gate/$2" ;;
	esac
}
host_file() {
	case $1 in
	user | bare) echo "/run/$2" ;;
	*) echo "$containers/$1/rootfs/gate/$2" ;;
	esac
}
check_equal 'bare has CAP_NET_ADMIN and no other' 0000000000001000 \
	"$(setpriv --bounding-set=-all,+net_admin --inh-caps=-all sed -n 's/^CapEff:\t//p' /proc/self/status)"

# --- two that wait
ask() {
	request web "told:0:$1" >"answer.$1" &
	asking+=($!)
}
waiting() { ./shim-client list; }
in_states() { [ "$(waiting | sed 's/.*state=\([0-9]*\) .*/\1/' | sort -n | paste -sd' ')" = "$1" ]; }
asking=()
ask one
check 'one runs, at its gate' wait_for 60 in_states 4
ask two
check 'two is offered, and waits for its quota' wait_for 60 in_states '1 4'
before=$(waiting)
id=$(sed -n 's/ .*state=1 .*//p' <<<"$before")
generation=$(sed -n 's/.*generation=\([0-9]*\) state=1 .*/\1/p' <<<"$before")
check_equal 'two is known by' "$id 0" "$id $generation"
undecided() {
	check_equal "$1: both wait as before" "$before" "$(waiting)"
	check_equal "$1: nothing is recorded" '' "$(records UPCALL_RESULT UPCALL_CONTAINER=web)"
}

# --- A-09: resolve, join, register, dump, reply, while events flow
for who in "${people[@]}"; do
	by "$who" eavesdropper groups $mark "$(there "$who" stop)" >"heard.$who" &
	check "A-09 $who: listens" wait_for 60 grep -q ^joined "heard.$who"
done
ask $mark
check 'an event is sent that has the mark' wait_for 60 in_states '1 1 4'
before=$(waiting)
family=$(./intruder family)
check "A-09: the family is there for root ($family)" grep -q '^family [0-9]' <<<"$family"
for who in "${people[@]}"; do
	expected=$family refusal=EOPNOTSUPP
	[ "$who" != ownnet ] || expected='family ENOENT' refusal=ENOENT
	check_equal "A-09 $who: the family exists in the initial network namespace only" "$expected" "$(by "$who" intruder family)"
	check_equal "A-09 $who: it takes no command and no dump" "command $refusal dump $refusal" \
		"$(by "$who" intruder commands "${family#family }" | paste -sd' ')"
	node=/dev/upcall-node
	case $who in user | bare) ;; *) node=/mnt/upcall ;; esac
	check_equal "A-09 $who: has a node of the device, and may not open it" 'open EPERM' \
		"$(by "$who" intruder device $node "$id" "$generation")"
done
check_equal 'A-09: nor may who is root of a user namespace of his own' 'open EPERM' \
	"$(by user intruder family >/dev/null; setpriv --reuid=1000 --regid=1000 --clear-groups unshare -U -r \
		/usr/local/bin/intruder device /dev/upcall-node "$id" "$generation")"
check_equal 'A-09: nor root in another pid namespace' 'open EPERM' \
	"$(unshare -p -f ./intruder device /dev/upcall-node "$id" "$generation")"
for who in "${people[@]}"; do touch "$(host_file "$who" stop)"; done
for who in "${people[@]}"; do
	check "A-09 $who: has listened" wait_for 60 grep -q ^bytes "heard.$who"
	check_equal "A-09 $who: and heard nothing" 'bytes 0' "$(grep ^bytes "heard.$who")"
done
# What has heard nothing hears what it is told: the same program as root, of an upcall that is refused, by the device.
./eavesdropper device $mark /run/stop-root >heard.root &
listener=$!
check 'A-09 root: monitors' wait_for 60 grep -q ^monitors heard.root
check 'A-09 root: an upcall that has the mark is refused' grep -q '^EKEYREJECTED ' \
	<<<"$(container_exec web /bin/requester key logon $mark c)"
touch /run/stop-root
check 'A-09 root: has listened' wait "$listener"
check "A-09 root: and heard it (else the others' silence proves nothing)" grep -q '^bytes [1-9]' heard.root
undecided A-09

# --- A-10: events of others than the kernel
# port_of PID: of its generic netlink socket
port_of() {
	local inodes
	inodes=$(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n')
	awk 'NR == FNR { ours[$1]; next } $2 == 16 && $10 in ours { print $3 }' - /proc/net/netlink <<<"$inodes"
}
main_pid() { systemctl show -p MainPID --value upcalld.service; }
foreign() { upcallctl status --json | jq '."bad-sender"'; }
foreign_are() { [ "$(foreign)" = "$1" ]; }
port=$(port_of "$(main_pid)")
check "A-10: upcalld's port is known ($port)" test "$port" -gt 0
check 'A-10: an event, as the kernel sends it' ./intruder event "$id" "$generation" /run/event
place_event() { [ "$(host_file "$1" event)" = /run/event ] || cp /run/event "$(host_file "$1" event)"; }
count=$(foreign)
for who in bare netadmin; do
	place_event "$who"
	check_equal "A-10 $who: sends 1000 well-formed events" 'sent 1000 success' \
		"$(by "$who" intruder forge "$port" 1000 "$(there "$who" event)")"
	count=$((count + 1000))
	check "A-10 $who: all are counted (bad-sender)" wait_for 60 foreign_are "$count"
done
check_equal 'A-10 root: sends 1000' 'sent 1000 success' "$(./intruder forge "$port" 1000 /run/event)"
check 'A-10 root: all are counted' wait_for 60 foreign_are $((count + 1000))
check_equal 'A-10: status says so' "foreign events   $((count + 1000))" "$(upcallctl status | grep '^foreign events')"
for who in user childns; do
	place_event "$who"
	check_equal "A-10 $who: may not even send" 'sent 0 EPERM' \
		"$(by "$who" intruder forge "$port" 1000 "$(there "$who" event)")"
done
check_equal 'A-10: no more are counted' $((count + 1000)) "$(foreign)"
undecided A-10

# --- A-11: what was opened with authority, in the hands of who has none; and the other way round
as_user=(setpriv --reuid=1000 --regid=1000 --clear-groups)
check_equal 'A-11: the device, opened by root and passed on, obeys nobody without CAP_SYS_ADMIN' 'ioctl EPERM open EACCES' \
	"$(./intruder give "$port" "${as_user[@]}" /usr/local/bin/intruder fd 8 "$id" "$generation" | paste -sd' ')"
undecided 'A-11, by the device'
check_equal 'A-11: nor somebody with CAP_SYS_ADMIN in a user namespace of his own' 'ioctl EPERM open EACCES' \
	"$(./intruder give "$port" "${as_user[@]}" unshare -U -r /usr/local/bin/intruder fd 8 "$id" "$generation" | paste -sd' ')"
check_equal 'A-11: nor root in another pid namespace' 'ioctl EPERM open EPERM' \
	"$(./intruder give "$port" unshare -p -f ./intruder fd 8 "$id" "$generation" | paste -sd' ')"
undecided 'A-11, by the device from elsewhere'
check_equal "A-11: a netlink socket, opened by root and passed on, sends nothing to upcalld's port" 'sent 0 EPERM' \
	"$(./intruder give "$port" "${as_user[@]}" /usr/local/bin/intruder forge "$port" 1000 /run/event 9)"
check_equal 'A-11: a user opens both, for a set-uid program: not the device' 'device EACCES connect EPERM' \
	"$("${as_user[@]}" /usr/local/bin/intruder give "$port" true | paste -sd' ')"
chmod 666 /dev/upcall
check_equal 'A-11: nor where its mode would let him' 'device EPERM connect EPERM' \
	"$("${as_user[@]}" /usr/local/bin/intruder give "$port" true | paste -sd' ')"
chmod 600 /dev/upcall
# shellcheck disable=SC2016 # for the inner shell
check_equal 'A-11: the set-uid program writes an event to the socket that is its standard output' 'said success' \
	"$("${as_user[@]}" /usr/local/bin/intruder give "$port" sh -c '/usr/local/bin/set-uid say "$1" /run/event 2>&3 >&9' \
		sh "${family#family }" 3>&1 | grep said)"
check_equal 'A-11: which is not connected to upcalld: nothing is counted' $((count + 1000)) "$(foreign)"
undecided 'A-11, by the socket'
check 'A-11: the same calls of root are obeyed (else the test proves nothing)' grep -qx 'ioctl success' \
	<<<"$(./intruder give "$port" ./intruder fd 8 999999 0)"

# --- A-12: the daemon is killed, and others want to take its place
# want_port ROUND: they bind its port, one after the other, and listen until somebody else has been announced
want_port() {
	local who listener
	for who in user bare; do
		rm -f "/run/stop.$who"
		by $who intruder port "$port" "/run/stop.$who" >"port.$who" &
		listener=$!
		check "A-12 $1, $who: tries to bind the port" wait_for 60 grep -q . "port.$who"
		check_equal "A-12 $1, $who" "$2" "$(head -n 1 "port.$who")"
		ask "$1-$who"
		check "A-12 $1, $who: one more is asked for, and offered" wait_for 60 is_asked $((${#asking[@]}))
		check_equal "A-12 $1, $who: the device is not for it" 'open EPERM' \
			"$(by $who intruder device /dev/upcall-node "$id" "$generation")"
		touch "/run/stop.$who"
		check "A-12 $1, $who: it ends" wait_for 60 test ! -e "/proc/$listener"
		[ "$2" != bound ] || check "A-12 $1, $who: has listened" wait_for 60 grep -q ^bytes "port.$who"
		check_fails "A-12 $1, $who: and heard nothing" grep -q '^bytes [1-9]' "port.$who"
	done
}
is_asked() { [ "$(waiting | wc -l)" = "$1" ]; }
# all_served WHEN: each that has been asked for, in the order of asking, is answered with its own
all_served() {
	local answer
	: >"$gate"
	wait "${asking[@]}"
	for answer in "${answers[@]}"; do
		check_equal "A-12 $1: $answer is served" "payload $answer" "$(head -n 1 "answer.$answer")"
	done
	check_equal "A-12 $1: nothing is left" '' "$(waiting)"
	rm "$gate"
	asking=()
}
is_killed() { [ ! -e "/proc/$daemon" ]; }

daemon=$(main_pid)
kill -STOP "$daemon"
ask last
check 'A-12 systemd: one more is offered' wait_for 60 is_asked 4
kill -KILL "$daemon"
want_port systemd EADDRINUSE
daemon_again() { [ "$(main_pid)" != 0 ] && [ "$(main_pid)" != "$daemon" ]; }
check 'A-12 systemd: the daemon is started again' wait_for 60 daemon_again
answers=(one two "$mark" last systemd-user systemd-bare)
all_served systemd

# Nobody holds the socket for a daemon that has opened it by itself.
systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
standalone() {
	upcalld --standalone --state-dir /run/upcalld >>standalone.log 2>&1 &
	daemon=$!
	check "A-12 standalone: $1" wait_for 60 upcallctl status
}
standalone 'a daemon is started'
port=$(port_of "$daemon")
ask three
check 'A-12 standalone: three runs' wait_for 60 in_states 4
ask four
check 'A-12 standalone: four is offered' wait_for 60 in_states '1 4'
kill -KILL "$daemon"
check 'A-12 standalone: it is killed' wait_for 60 is_killed
want_port standalone bound
standalone 'it is started again'
answers=(three four standalone-user standalone-bare)
all_served standalone
kill -TERM "$daemon"
wait "$daemon"
systemctl start upcalld.socket upcalld-shim.socket
summary
