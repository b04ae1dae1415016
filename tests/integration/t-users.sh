#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
# module: kmod
#
# Ordinary users register containers of their own, once the administrator has opened the way and written a policy for them.
# They see their own only, and by no name, process, namespace, cgroup or descriptor do they get at others', at root's, or at a
# policy that is not for them; nor do they keep upcalld, or each other, from working.

# shellcheck source=lib/setup.sh
. lib/setup.sh
container_uid=100000

useradd -u 1000 alice
useradd -u 1001 bob
as() {
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --init-groups env -i HOME=/tmp PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin "$@"
}
# a copy that others may run
install -m 755 requester /usr/local/bin/requester
modprobe -a tun dummy 2>/dev/null

# made USER NAME COMMAND…: the command makes a container of his, whose first process then sleeps; that is ${leader[NAME]}
asleep=1000000000
made() {
	local user=$1 name=$2
	shift 2
	asleep=$((asleep + 1))
	as "$user" "$@" sleep "$asleep" &
	wait_for 20 sleeps "$name"
}
# the only one whose words are exactly these
sleeps() { leader[$1]=$(pgrep -f -x "sleep $asleep"); }
unshared=(unshare -Urpmni -f --mount-proc --kill-child)
names() { as "$1" upcallctl list --json | jq -r '.containers[].name' | xargs; }
# says STATUS PATTERN USER COMMAND…: how a command ends that he is refused, and what it says
says() {
	local status=$1 pattern=$2 output
	shift 2
	output=$(as "$@" 2>&1)
	[ "$?-$(grep -c -- "$pattern" <<<"$output")" = "$status-1" ] || { echo "$output" && return 1; }
}

# -------------------------------------------------------------- the way, and a policy

policy all <<'CONF'
[Match]
Name=*
[Key user]
Handler=/usr/local/bin/stolen
CONF
check 'alice makes a container' made alice web "${unshared[@]}"
check 'nobody has opened the way' says 4 'nobody listens on /run/upcalld/users (upcalld-users.socket)' alice upcallctl list
check 'it is opened' systemctl enable --now upcalld-users.socket
check_equal 'she sees nothing' '' "$(names alice)"
check 'no policy is for her, whatever name she takes' \
	says 4 "no policy is for container '1000-web' of user 1000" alice upcallctl register web --pid "${leader[web]}"
check_equal 'and nothing is registered' '[]' "$(upcallctl list --json | jq -c .containers)"

cat >/usr/local/bin/answer <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" "$(id -u)-$(sed -n 's/^ *0 *\([0-9]*\) .*/\1/p' /proc/self/uid_map)" "$2"
SH
cat >/usr/local/bin/stolen <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" stolen "$2"
SH
cat >/usr/local/bin/save-core <<'SH'
#!/bin/sh
cat >/tmp/cores/core
SH
chmod 755 /usr/local/bin/{answer,stolen,save-core}
install -d -o alice /tmp/cores
cp /etc/request-key.conf /tmp/request-key.conf
echo 'create user * * /usr/local/bin/answer %k %S' >/etc/request-key.conf
policy users <<'CONF'
[Match]
User=alice bob
[Core]
Handler=/usr/local/bin/save-core
[Key user]
CONF
check 'with one, she registers it' as alice upcallctl register web --pid "${leader[web]}"
check_equal 'its name says whose it is, and the policy is hers' '1000-web 1000 /etc/upcalld.d/users.conf' \
	"$(upcallctl list --json | jq -r '.containers[] | "\(.name) \(.uid) \(.policy)"')"
check_equal 'she sees it' 1000-web "$(names alice)"
check_equal 'bob does not' '' "$(names bob)"
check 'she can have it shown' as alice upcallctl show web
check 'so far the audit is clean' audit_checkpoint

in_web() { as alice nsenter -t "${leader[web]}" -U -p -m -n -i --preserve-credentials "$@"; }
check_equal 'a key is answered inside, by who is root there and alice here' 'payload 0-1000' \
	"$(in_web requester key user users:1 c 2>&1 | grep -o 'payload .*' | cut -d' ' -f1,2)"
# nsenter(1) would die of the same signal
in_web sh -c 'requester crash; true' >/dev/null 2>&1
check 'so is a core' core_names /tmp/cores/core requester
check_equal 'which is hers' alice "$(stat -c %U /tmp/cores/core)"
check 'the host has none' host_has_no_core
check 'audited' audit_checkpoint

systemctl stop upcalld.service
check_equal 'another upcalld knows it, too' 1000-web "$(names alice)"
check_equal 'and whose it is' '' "$(names bob)"
check 'it serves' grep -q 'payload 0-1000' <<<"$(in_web requester key user users:2 c 2>&1)"

# ----------------------------------------------------------------------- others' things

check 'bob cannot register hers' says 4 'is in a container that user 1001 has not registered' bob upcallctl register web --pid "${leader[web]}"
check 'nor forget it' says 3 "no container is registered as '1001-1000-web'" bob upcallctl unregister 1000-web
check 'nor by his own name for it' says 3 "no container is registered as '1001-web'" bob upcallctl unregister web
check 'nor have it shown' says 3 "no container is registered as '1001-1000-web'" bob upcallctl show 1000-web
check 'nor run anything in it' says 125 'only root may do that' bob upcallctl exec 1000-web /bin/true
check 'nor does she, in this way' says 125 'only root may do that' alice upcallctl exec web /bin/true
check 'a process of the host is no container of his' says 9 'all its namespaces are the host' bob upcallctl register pid1 --pid 1

container_rootfs "$containers/roots/rootfs"
check "root's container runs, and is registered" registered roots
check 'alice cannot register that' says 4 'is in a container that user 1000 has not registered' alice upcallctl register mine --pid "${leader[roots]}"
check 'nor forget it' says 3 "no container is registered as '1000-roots'" alice upcallctl unregister roots
check "and does not see it" grep -qx 1000-web <<<"$(names alice)"

check 'alice sits in a pid namespace of root' \
	made root inside unshare -p -f --kill-child setpriv --reuid 1000 --clear-groups unshare -Urmn
check 'what she makes there is not hers alone' says 4 'are not all of user namespaces that he made' \
	alice upcallctl register inside --pid "${leader[inside]}"
ip netns add roots
check 'alice sits in a network of root' \
	made root in-net ip netns exec roots setpriv --reuid 1000 --clear-groups unshare -Urpm -f --kill-child
check 'nor is that' says 4 'are not all of user namespaces that he made' alice upcallctl register in-net --pid "${leader[in-net]}"
check 'alice sits below a cgroup that root has made the top' \
	made root in-cgroup unshare -C setpriv --reuid 1000 --clear-groups unshare -Urpm -f --kill-child
check 'nor is that' says 4 'are not all of user namespaces that he made' alice upcallctl register in-cgroup --pid "${leader[in-cgroup]}"

# ATTACK: hers is listed before root's, and is called web by her
ip netns add roots-web
mkdir /sys/fs/cgroup/roots-web
check 'root has a web of namespaces' upcallctl register web --ns net=/run/netns/roots-web --cgroup /roots-web
holder=$(upcallctl list --json | jq '.containers[] | select(.name == "web") | .leader')
check 'whose leader is there for that' grep -qx upcall-holder "/proc/$holder/comm"
check 'he forgets it' upcallctl unregister web
holder_is_gone() { ! [ -e "/proc/$holder" ] && ! [ -e /sys/fs/cgroup/roots-web/upcall-holder-web ]; }
check 'that was his: its leader has gone, and what it lived in' wait_for 20 holder_is_gone
check_equal 'hers is there' 1000-web "$(names alice)"
check 'and its first process' test -e "/proc/${leader[web]}"

container_rootfs "$containers/privileged/rootfs"
check 'a container of root without a user namespace runs, and is registered' registered privileged "$(container_privileged)"
check 'in it alice sits, with all that she needs of her own' made root nested nsenter -t "${leader[privileged]}" -p \
	setpriv --reuid 1000 --clear-groups unshare -Urpmn -f --kill-child
check 'she is in that container' says 4 'is in a container that user 1000 has not registered' \
	alice upcallctl register nested --pid "${leader[nested]}"
check 'it is unregistered' upcallctl unregister privileged
check 'and is not hers for that' says 4 'are not all of user namespaces that he made' \
	alice upcallctl register nested --pid "${leader[nested]}"
mkdir /sys/fs/cgroup/taken
policy taken <<'CONF'
[Match]
Cgroup=/taken
[Core]
Handler=deny
CONF
check 'alice sits in a cgroup whose containers are taken' made alice taken "${unshared[@]}"
echo "${leader[taken]}" >/sys/fs/cgroup/taken/cgroup.procs
check 'and does not take hers out of that' says 4 'a policy takes by Cgroup=' alice upcallctl register taken --pid "${leader[taken]}"
rm /etc/upcalld.d/taken.conf
upcallctl reload
check 'nobody is adopted because he says so' says 2 "is not 'adopted'" \
	alice upcallctl register other --pid "${leader[taken]}" --runtime adopted

# denied [CLASS]: by the table, or by upcalld, which finds that nobody can be given it
denied() { upcallctl status --json | jq ".upcalls.${1:-module} | .denied + .refused + .failed"; }
before=$(denied)
audit_expect_host '*' "modprobe, for who has no policy for modules"
in_web requester socket 21 >/dev/null 2>&1
check_equal 'what her policy says nothing of is the kernel'"'"'s own' "$before" "$(denied)"
echo 1 >/sys/module/upcall_shim/parameters/strict
in_web requester socket 22 >/dev/null 2>&1
check 'but not where who is not registered is refused it' test "$(denied)" -gt "$before"

# ATTACK: to be two containers, or to ask for what has no network, is no way around that
mkdir -p /sys/fs/cgroup/{roots-own,alices/c}
chown -R alice /sys/fs/cgroup/alices
check "the kernel's own key can be asked for" insmod ./upcall_raiser.ko
wait_for 10 test -c /dev/upcall-raiser
# kernels_key DESCRIPTION: the kernel asks for it, as for a ticket of Kerberos that a mount of CIFS needs
kernels_key() { in_web sh -c "echo 'key $1' >/dev/upcall-raiser" 2>&1; }
audit_checkpoint >/dev/null
before=$(denied key)
check_fails "a key that the kernel asks for itself is not the kernel's own there, either" kernels_key users:strict
check 'it is refused' test "$(denied key)" -gt "$before"
check 'alice registers what she has once more' made alice twin nsenter -t "${leader[web]}" -U -p -m -n -i --preserve-credentials
echo "${leader[twin]}" >/sys/fs/cgroup/alices/c/cgroup.procs
check 'by another process, with a cgroup of hers' as alice upcallctl register twin --pid "${leader[twin]}" --cgroup /alices/c
check 'and something else is there' made alice third nsenter -t "${leader[web]}" -U -p -m -n -i --preserve-credentials
check_equal 'which could be of both' 'scope=4 container=0' "$(./shim-client tags "${leader[third]}")"
before=$(denied)
in_web requester socket 23 >/dev/null 2>&1
check 'what could be of both is refused as what is of one' test "$(denied)" -gt "$before"
check 'she forgets it' as alice upcallctl unregister twin
check 'nothing of it ran on the host' audit_checkpoint
audit_expect_host '*' 'without strict it is'
echo 0 >/sys/module/upcall_shim/parameters/strict
check "without that the kernel's key is the kernel's own" kernels_key users:native

check 'alice makes another' made alice other "${unshared[@]}"
echo "${leader[other]}" >/sys/fs/cgroup/alices/c/cgroup.procs
check "its boundary is no cgroup of root's" says 4 "belongs to user 0, not to user 1000" \
	alice upcallctl register other --pid "${leader[other]}" --cgroup /roots-own
check 'but one of hers' as alice upcallctl register 1001-other --pid "${leader[other]}" --cgroup /alices/c
check_equal "it is called hers, whatever she says" '1000-1001-other 1000-web' "$(names alice | tr ' ' '\n' | sort | xargs)"
check 'she forgets it' as alice upcallctl unregister 1001-other

check 'bob makes one' made bob db "${unshared[@]}"
check 'bob registers it under the same name' as bob upcallctl register web --pid "${leader[db]}"
check_equal 'both are there' '1000-web 1001-web roots' "$(upcallctl list --json | jq -r '.containers[].name' | sort | xargs)"

# who is in a pid namespace of a container is nobody that he says
check_equal 'a container with that socket is hung up on' 5 \
	"$(unshare -p -f --mount-proc setpriv --reuid 1000 --clear-groups upcallctl list >/dev/null 2>&1; echo $?)"

# ------------------------------------------------------------------------------- bounds

cat >lingering.py <<'PY'
import array, os, socket, sys, threading, time

def lingering():
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    peer = server.accept()[0]
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, array.array("i", [1, 600]).tobytes())
    client.setblocking(False)
    try:
        while True:
            client.send(b"x" * 65536)
    except BlockingIOError:
        return client, peer

peers = []
count = 0
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    users = socket.socket(socket.AF_UNIX)
    users.settimeout(1)
    for i in range(3):
        client, peer = lingering()
        peers.append(peer)
        try:
            if i == 0:
                users.connect("/run/upcalld/users")
            users.sendmsg([b"\0AUTH "], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [client.fileno()]))])
            count += 1
        except OSError:
            pass
        # whoever is the last waits: not who counts
        threading.Thread(target=client.close, daemon=True).start()
    users.close()
    for peer in peers[:-50]:
        peer.close()
    peers = peers[-50:]
print(count, flush=True)
os._exit(0)
PY
install -m 644 lingering.py /tmp/lingering.py
as alice python3 /tmp/lingering.py 20 >lingering.log 2>&1 &
attack=$!
sleep 2
begun=$(now_ms)
check 'while alice sends sockets that close slowly, root is answered' upcallctl list
check "in time ($(($(now_ms) - begun)) ms)" test $(($(now_ms) - begun)) -lt 5000
begun=$(now_ms)
check 'a key is answered' grep -q 'payload 0-1000' <<<"$(in_web requester key user users:3 c 2>&1)"
check "in time ($(($(now_ms) - begun)) ms)" test $(($(now_ms) - begun)) -lt 8000
check_equal 'and bob is, too' 1001-web "$(timeout 20 setpriv --reuid bob --regid bob --clear-groups upcallctl list --json | jq -r '.containers[].name')"
wait "$attack"
check "she has sent $(cat lingering.log)" test "$(cat lingering.log)" -gt 10

cat >crowd.py <<'PY'
import socket, time
held = []
closed = 0
for i in range(40):
    users = socket.socket(socket.AF_UNIX)
    users.connect("/run/upcalld/users")
    users.settimeout(2)
    held.append(users)
time.sleep(1)
for users in held:
    try:
        closed += users.recv(1) == b""
    except OSError:
        pass
print(len(held) - closed, flush=True)
time.sleep(20)
PY
install -m 644 crowd.py /tmp/crowd.py
as alice python3 /tmp/crowd.py >crowd.log &
wait_for 120 test -s crowd.log
check "of alice's connections, some stay ($(cat crowd.log))" test "$(cat crowd.log)" -le 16
check_equal 'and bob has his' 1001-web "$(names bob)"
kill $!

for i in {1..32}; do
	made bob "many-$i" unshare -Urpm -f --kill-child || break
	as bob upcallctl register "many-$i" --pid "${leader[many-$i]}" || break
done >many.log 2>&1
check_equal 'a user has so many containers and no more' 32 "$(names bob | wc -w)"
check 'and is told' grep -q 'user 1001 has 32 registered containers, which is the limit for one' many.log
check 'alice has room' as alice upcallctl register other --pid "${leader[other]}"

# --------------------------------------------------------------------------------- end

policy users <<'CONF'
[Match]
User=1001
[Key user]
CONF
check_equal 'without a policy it is over' '' "$(names alice)"
check_equal 'but not for bob' 32 "$(names bob | wc -w)"
check 'the way is closed' systemctl disable --now upcalld-users.socket
check 'nobody comes by any more' says 4 'nobody listens' alice upcallctl list
check 'the service has ended' wait_for 20 sh -c '! systemctl -q is-active upcalld-users.service'
cp /tmp/request-key.conf /etc/request-key.conf
pkill -f -x 'sleep 10000000[0-9]*'
summary
