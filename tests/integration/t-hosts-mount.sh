#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
#
# A-40: a name that the kernel needs for a mount is looked up by whom the mount is of. Its answer is in the kernel's cache for
# everybody in that network namespace: a container that shares the host's network does not answer for the host's mounts, and
# one of a pod not for the others.

# shellcheck source=lib/setup.sh
. lib/setup.sh
nonce=$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-12)

audit_expect_host /sbin/modprobe 'kafs asks for what it is made of'
modprobe kafs
# The host's resolver knows nothing, at once.
echo 'create dns_resolver * * /bin/keyctl negate %k 1 %S' >/etc/request-key.d/dns_resolver.conf
mkdir -p /hostafs
./requester mount afs none /hostafs dyn
audit_checkpoint

# request-key becomes keyctl.
expect_host() {
	audit_expect_host /sbin/request-key "$1"
	audit_expect_host /bin/keyctl "$1"
}
walk() { container_exec "$1" /bin/ls -d "$2" >/dev/null 2>&1; }
answered() { grep "dns_resol.*$1" /proc/keys | grep -v ' I[A-Z-]*N' | grep -q ': [1-9]'; }
# The last look-up's; the record comes after the answer.
says() { [ "$(records "$1" UPCALL_KEY_TYPE=dns_resolver UPCALL_ORIGIN=kernel | tail -n 1)" = "$2" ]; }
recorded() { wait_for 20 says "$@"; }
asked_the_host() { audit_host_upcalls | grep -qx /sbin/request-key; }
how_many() { records UPCALL_ID UPCALL_KEY_TYPE=dns_resolver UPCALL_ORIGIN=kernel | wc -l; }
ambiguous='several containers match and none is nearer'
server() { container_exec "$1" /bin/dns-server 53 "$2" 203.0.113.66 /tmp/dns.log; }

# ------------------------------------------------------------ the host's network

on_host_net() {
	cat <<-'JQ'
		.linux.namespaces |= map(select(.type != "network"))
		| .mounts |= map(select(.destination | startswith("/sys") | not))
		| .mounts += [{destination: "/afs", type: "none", source: "/hostafs", options: ["bind", "ro"]}]
	JQ
}
policy guest <<'CONF'
[Match]
Name=guest
[Key dns_resolver]
Handler=dns
CONF
container_rootfs "$containers/guest/rootfs"
mkdir -p "$containers/guest/rootfs/afs"
echo 'nameserver 127.0.0.1' >"$containers/guest/rootfs/etc/resolv.conf"
check 'guest is registered: no power on the host, but its network' registered guest "$(on_host_net)"
cell=h$nonce.example
./dns-server 53 "$cell" 203.0.113.66 guest-dns.log &
dns=$!

expect_host 'the mount is the host'\''s'
check_fails "the host's mount: guest's look-up has no answer" walk guest "/afs/$cell"
check "the host's mount: the kernel's own helper was asked" asked_the_host
check 'the audit agrees' audit_checkpoint
check_fails "the host's mount: guest's answer is not in the kernel's cache" answered "$cell"
check_equal "the host's mount: nothing was guest's" '' "$(records UPCALL_ID UPCALL_CONTAINER=guest)"
expect_host 'the host asks'
check_fails "the host's own look-up does not get guest's answer" ls -d "/hostafs/$cell"
audit_checkpoint

# What guest asks for itself goes into its own keyrings, and stays its own.
check 'a request of its own is answered inside' \
	grep -q '203.0.113.66' <<<"$(container_exec guest /bin/requester key dns_resolver "$cell" '')"
served() { [ "$(records UPCALL_RESULT UPCALL_CONTAINER=guest)" = served ]; }
check 'and recorded as served' wait_for 20 served

# ATTACK: guest has a user namespace of its own, and so has who enters that and makes another network there, but nobody has
# registered him: his network is not guest's because guest's user namespace owns it.
nsenter -t "${leader[guest]}" -U unshare -p -n -m --fork --kill-child sleep 2147483640 &
check 'another in its user namespace, with a network of his own' wait_for 10 twin_is_there other $!
expect_host 'nobody has registered him'
check_fails 'what he asks for himself is not answered by guest' grep -q '203.0.113.66' \
	<<<"$(nsenter -t "${leader[other]}" -U -p -n -m "$PWD/requester" key dns_resolver "$cell" '' 2>&1)"
check "but by the kernel's own helper" asked_the_host
check 'the audit agrees' audit_checkpoint
kill -KILL "${leader[other]}"
nsenter -t "${leader[guest]}" -U -p unshare -n -m sleep 2147483640 &
check 'one of guest, with a network that guest has made' wait_for 10 twin_is_there inner $!
check 'is answered inside' grep -q '203.0.113.66' \
	<<<"$(nsenter -t "${leader[inner]}" -U -p -n -m "$PWD/requester" key dns_resolver "$cell" '' 2>&1)"
check 'the audit agrees' audit_checkpoint
kill -KILL "${leader[inner]}"
kill "$dns"
container_stop guest

# ------------------------------------------------------------ a pod

in_pod_of() { echo "$(container_privileged) | .linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/$1/ns/net\" else . end)"; }
pod=p$nonce.example
alone=a$nonce.example
policy pod <<'CONF'
[Match]
Name=pod-*
[Key dns_resolver]
Handler=dns
CONF
for name in pod-a pod-b; do
	container_rootfs "$containers/$name/rootfs"
	echo 'nameserver 127.0.0.1' >"$containers/$name/rootfs/etc/resolv.conf"
done
check 'pod-a is registered' registered pod-a "$(container_privileged)"
container_exec pod-a /bin/requester mount afs none /mnt dyn >/dev/null
server pod-a "$alone" &
expect_host 'AFS updates its cell from a work of the kernel, which stands for nobody'
check 'alone, it answers for its mount' walk pod-a "/mnt/$alone"
check 'and that is recorded' recorded UPCALL_RESULT served
check 'pod-b is registered, in the same network' registered pod-b "$(in_pod_of "${leader[pod-a]}")"
check_fails 'two in it: neither answers for a mount' walk pod-a "/mnt/$pod"
check 'two in it: refused, and recorded' recorded UPCALL_REASON "$ambiguous"
audit_checkpoint
before=$(how_many)

# Who registers and says nothing of keys changes nothing.
rm /etc/upcalld.d/pod.conf
upcallctl reload
expect_host 'no policy names it'
check_fails 'no policy: the look-up ends' walk pod-a "/mnt/n$nonce.example"
check "no policy: by the kernel's own helper" asked_the_host
check_equal 'no policy: the broker was not asked' "$before" "$(how_many)"
summary
