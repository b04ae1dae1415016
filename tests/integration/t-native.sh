#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-nosys
#
# upcallctl monitor --native: what nobody redirects is seen as it happens, with the right tags; nobody but root sees it
# (A-09, V-32), whoever looks delays nobody, and what is lost is said.

# Not below /run, where no node of a device can be opened.
# shellcheck disable=SC2034 # for lib/container.sh
containers=/srv/upcall-containers
# shellcheck source=lib/setup.sh
. lib/setup.sh
cp eavesdropper /usr/local/bin/
mark=native:secret

# status_of COMMAND…: its exit status, its words in ./said
status_of() {
	local status=0
	"$@" >said 2>&1 || status=$?
	echo "$status"
}

# --- whoever has joined every group before the module has its family, or after, hears nothing
any_device='.linux.resources.devices = [{allow: true, access: "rwm"}]'
only_net_admin='.linux.namespaces |= map(select(.type != "user" and .type != "network"))
	| del(.linux.uidMappings, .linux.gidMappings) | .process.capabilities |= map_values(["CAP_NET_ADMIN"])'
for name in spy net priv; do
	container_rootfs "$containers/$name/rootfs"
	cp eavesdropper "$containers/$name/rootfs/bin/"
done
check 'a container with its own network is there' container_start spy "$any_device"
check 'one with the network of the host, and CAP_NET_ADMIN only' container_start net "$only_net_admin | $any_device"
check 'one with CAP_SYS_ADMIN of the host' container_start priv "$(container_privileged) | $any_device"

# spies_start ROUND: each writes to NAME.ROUND
spies_start() {
	setpriv --reuid=1000 --regid=1000 --clear-groups /usr/local/bin/eavesdropper groups $mark "/run/stop.$1" >"user.$1" &
	container_exec spy /bin/eavesdropper groups $mark "/gate/stop.$1" >"spy.$1" &
	container_exec net /bin/eavesdropper groups $mark "/gate/stop.$1" >"net.$1" &
	for name in user spy net; do
		check "$1: $name listens" wait_for 20 grep -q ^joined "$name.$1"
	done
}
spies_end() {
	touch "/run/stop.$1" "$containers"/{spy,net}/rootfs/gate/"stop.$1"
	for name in user spy net; do
		check "$1: $name has ended" wait_for 20 grep -q ^bytes "$name.$1"
		check_equal "$1: $name heard nothing" 'bytes 0' "$(grep ^bytes "$name.$1")"
	done
}

systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
check 'the module unloads' wait_for 10 rmmod upcall_shim
check_equal 'without the module: status 6' 6 "$(status_of upcallctl monitor --native)"
spies_start before
check 'the module loads' modprobe upcall_shim
check 'upcalld is there again' systemctl start upcalld.socket upcalld-shim.socket
check 'and answers' wait_for 60 upcallctl status
spies_start after
./eavesdropper device $mark /run/stop.root >root.heard &
check 'root monitors' wait_for 10 grep -q ^monitors root.heard
audit_expect_host /sbin/request-key 'the host asks'
./requester key user "$mark" c >/dev/null
touch /run/stop.root
check 'root has ended' wait_for 20 grep -q ^bytes root.heard
check 'root heard it' test "$(sed -n 's/^bytes //p' root.heard)" -gt 100
spies_end before
spies_end after

# --- nor has anybody else the device
IFS=: read -r major minor </sys/class/misc/upcall/dev
for name in spy net priv; do
	mknod -m 666 "$containers/$name/rootfs/mnt/upcall" c "$major" "$minor"
	touch "$containers/$name/rootfs/gate/stop"
	container_exec "$name" /bin/busybox ln -s /mnt/upcall /dev/upcall
	check "$name: has its node" container_exec "$name" /bin/busybox test -c /dev/upcall
	check_equal "$name: the device is not for it" EPERM "$(container_exec "$name" /bin/eavesdropper device $mark /gate/stop 2>&1)"
done
check_equal 'not for others than root' 4 "$(status_of setpriv --reuid=1000 --clear-groups upcallctl monitor --native)"
check_equal 'not from another network namespace' 1 "$(status_of unshare -n upcallctl monitor --native)"
check 'and it says so' grep -q 'not in the initial network namespace' said
check_equal '--namespaces alone is wrong usage' 2 "$(status_of upcallctl monitor --namespaces)"

# --- what is seen
policy web <<'CONF'
[Match]
Name=web
[Key user]
Handler=/usr/libexec/handler
[Module]
CONF
container_rootfs "$containers/web/rootfs"
handler_script web /usr/libexec/handler <<'SH'
#!/bin/sh
exec /sbin/request-key "$@"
SH
handler_script web /bin/answer <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" text "$2"
SH
echo 'create user * * /bin/answer %k %S' >"$containers/web/rootfs/etc/request-key.conf"
check 'web is registered, with a policy' registered web
check 'bare is registered, without one' registered bare
check 'other is started' container_start other

audit_checkpoint
audit_expect_host /sbin/request-key 'upcalls that nobody redirects'
audit_expect_host /sbin/modprobe 'the same'
audit_expect_host '*/systemd-coredump' 'the same'

upcallctl monitor --native --json >events &
monitor=$!
upcallctl monitor --native --namespaces >events.txt &
monitor_text=$!
check 'the table has its heading' wait_for 10 grep -q '^TIME .* COMMAND$' events.txt
begun() {
	./requester key user "native:begin:$RANDOM" c >/dev/null
	grep -q native:begin events
}
check 'the host is seen asking' wait_for 20 begun

found() { jq -c "select($1)" events 2>/dev/null | grep -q .; }
# seen WHAT FILTER: such an event is there
seen() { check "$1 is seen" wait_for 20 found "$2"; }
fields() { jq -r "select($1) | $2" events 2>/dev/null; }
numbers='[.namespaces | .pid, .mnt, .net, .user, .uts, .ipc, .cgroup, .time] | join(" ")'
namespaces_of() {
	for ns in pid mnt net user uts ipc cgroup time; do stat -Lc %i "/proc/$1/ns/$ns"; done | paste -sd' '
}

./requester socket 18 >/dev/null &
requester=$!
wait "$requester"
host='.class == "module" and .scope == "host"'
seen "the host's modprobe" "$host"
check_equal 'its tags' "native  0 task exit requester $requester 0 /sbin/modprobe /sbin/modprobe -q -- net-pf-18" \
	"$(fields "$host" '[.event, .container, ."container-id", .context, ."waits-for", .comm, .requester, .uid, .path, .arguments[]] | join(" ")')"
check_equal 'its namespaces' "$(namespaces_of $$)" "$(fields "$host" "$numbers")"
check 'its environment' grep -q 'HOME=/' <<<"$(fields "$host" '.environment[]')"

request other native:other >/dev/null
other='.key.description == "native:other"'
seen "an unregistered container's key request" "$other"
check_equal 'its tags' 'native key user unregistered  task syscall user 100000' \
	"$(fields "$other" '[.event, .class, ."key-type", .scope, .container, .context, .key.origin, .key.type, .uid] | join(" ")')"
check_equal 'its namespaces' "$(namespaces_of "$(container_pid other)")" "$(fields "$other" "$numbers")"
check_equal 'its cgroup' "$(stat -c %i "$(container_cgroup other)")" "$(fields "$other" '."cgroup-id"')"

request bare native:bare >/dev/null
bare='.key.description == "native:bare"'
seen 'a registered container without a policy' "$bare"
check_equal 'its tags' 'native key container bare' "$(fields "$bare" '[.event, .class, .scope, .container] | join(" ")')"
check_equal 'its entry' "$(upcallctl list --json | jq '.containers[] | select(.name == "bare") | .id')" \
	"$(fields "$bare" '."container-id"')"

check_equal "web's key request is served inside" 'payload text' "$(request web native:web | head -1)"
container_exec web /bin/requester crash >/dev/null 2>&1
core='.class == "core" and .container == "web"'
seen 'of web, the class that its policy does not name' "$core"
check_equal 'its tags' 'native container 11 exec' "$(fields "$core" '[.event, .scope, .core.signal, ."waits-for"] | join(" ")')"
container_exec web /bin/requester socket 18 >/dev/null
refused='.class == "module" and .container == "web"'
seen 'of web, what its policy refuses' "$refused"
check_equal 'as refused' refused "$(fields "$refused" .event)"
check_equal 'of web, nothing else' '' "$(fields ".container == \"web\" and ($core or $refused | not)" .class)"

cp requester $'bad\e[31m'
$'./bad\e[31m' key user native:bad c >/dev/null
check 'for people' wait_for 20 grep -q 'bad\\x1b\[31m\[[0-9]*\]' events.txt
check_fails 'what it calls itself does not reach the terminal' grep -q $'\e' events.txt
check 'for people: the host' grep -qE \
	"^[0-9:.]+ native  module +host +- +requester\[$requester\] +0 pid:[0-9]+ mnt:[0-9]+ .* time:[0-9]+ /sbin/modprobe -q -- net-pf-18\$" events.txt
check 'for people: refused' grep -qE '^[0-9:.]+ refused module +container +web +requester' events.txt

# --- monitors that die, and too many
kill -9 "$monitor" "$monitor_text"
wait "$monitor" "$monitor_text" 2>/dev/null
check_equal 'monitors killed: upcalls go on' ENOKEY "$(./requester key user native:gone c | cut -d' ' -f1)"
holders=()
for _ in 1 2 3 4 5 6 7 8; do
	./eavesdropper hold 600 >"held.${#holders[@]}" &
	holders+=($!)
done
all_hold() { [ "$(cat held.* | grep -c ^monitors)" = 8 ]; }
check 'eight monitors' wait_for 20 all_hold
check_equal 'a ninth is refused' 1 "$(status_of upcallctl monitor --native)"
check 'and it says so' grep -q 'as many as the module allows' said
kill "${holders[@]}"
wait "${holders[@]}" 2>/dev/null

# --- a flood, and a reader that has stopped
lost_so_far() { cat /sys/module/upcall_shim/parameters/monitor_lost; }
upcallctl monitor --native --json >events &
monitor=$!
check 'their places are free again' wait_for 20 begun
before=$(lost_so_far)
kill -STOP "$monitor"
flood=20000
check_equal 'a flood: each is answered' $flood "$(nsenter -t "${leader[web]}" -U -p --preserve-credentials python3 -c "
import errno, socket
refused = 0
for _ in range($flood):
    try:
        socket.socket(18, socket.SOCK_STREAM)
    except OSError as error:
        refused += error.errno == errno.EAFNOSUPPORT
print(refused)")"
check_equal 'and so is who is redirected' 'payload text' "$(request web native:flooded | head -1)"
lost=$(($(lost_so_far) - before))
check "some were lost ($lost)" test "$lost" -gt 0
kill -CONT "$monitor"
said_lost() { found '.event == "lost" and .count == null'; }
all_seen() { [ "$(fields "$refused" .event | wc -l)" = $((flood - lost)) ]; }
# Each is said with the next event that comes; until the buffer is empty, that may be lost, too.
all_lost_said() {
	begun
	[ "$(fields '.event == "lost" and .count' .count | awk '{ n += $1 } END { print n }')" = $(($(lost_so_far) - before)) ]
}
check 'it says that some were' wait_for 60 said_lost
check 'each that was not lost is seen' wait_for 60 all_seen
check 'and it says how many were' wait_for 60 all_lost_said
kill "$monitor"
wait "$monitor" 2>/dev/null

check_equal 'no upcall is left' '' "$(./shim-client list)"
summary
