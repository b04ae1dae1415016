#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# NFS for real. The machine's file server refers a container to a host by a name that only the container's resolver knows;
# the container follows it and reads the file there. One that is not registered asks the host's resolver, which does not know
# it, and does not get the other one's answer, either.

# shellcheck source=lib/setup.sh
. lib/setup.sh
nonce=$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-12)
name=files-$nonce.example

audit_expect_host '*' 'the file server is the host'
# The host's resolver knows nothing, at once.
echo 'create dns_resolver * * /bin/keyctl negate %k 1 %S' >/etc/request-key.d/dns_resolver.conf

# ------------------------------------------------------------------ the server

for module in nfsd nfsv4 veth dns_resolver; do check "the kernel has $module" modprobe "$module"; done
mkdir -p /srv/nfs/away /srv/nfs/late /srv/nfs/target /etc/exports.d
echo "of $nonce" >/srv/nfs/target/file
mount --bind /srv/nfs/away /srv/nfs/away
mount --bind /srv/nfs/late /srv/nfs/late
cat >/etc/exports.d/test.exports <<END
/srv/nfs *(ro,fsid=0,no_subtree_check,insecure,crossmnt)
/srv/nfs/target *(ro,fsid=1,no_subtree_check,insecure)
/srv/nfs/away *(ro,fsid=2,no_subtree_check,insecure,refer=/target@$name)
/srv/nfs/late *(ro,fsid=3,no_subtree_check,insecure,refer=/target@late-$name)
END
mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
echo 10 >/proc/fs/nfsd/nfsv4leasetime
echo 10 >/proc/fs/nfsd/nfsv4gracetime
check 'it exports' exportfs -ra
check 'it answers mounts' rpc.mountd --no-nfs-version 3
check 'it serves' rpc.nfsd --no-nfs-version 3 2

# -------------------------------------------------------------- the containers

policy box <<'CONF'
[Match]
Name=box
[Key dns_resolver]
Handler=dns
CONF
# with_network NAME NUMBER: its own, between it and the host; and a resolver of its own, which knows the name
with_network() {
	local pid inside
	pid=$(container_pid "$1")
	inside=(nsenter -t "$pid" -n ip)
	ip link add "nfs$2" type veth peer name eth0 netns "$pid" && ip address add "10.9.$2.1/24" dev "nfs$2" &&
		ip address add "10.9.$2.3/24" dev "nfs$2" && ip link set "nfs$2" up &&
		"${inside[@]}" address add "10.9.$2.2/24" dev eth0 && "${inside[@]}" link set eth0 up &&
		"${inside[@]}" link set lo up
}
prepare() {
	container_rootfs "$containers/$1/rootfs"
	echo 'nameserver 127.0.0.1' >"$containers/$1/rootfs/etc/resolv.conf"
}
named_and_mounted() {
	with_network "$1" "$2" || return
	container_exec "$1" /bin/dns-server 53 "$name" "10.9.$2.3" /tmp/dns.log &
	wait_for 20 test -e "$containers/$1/rootfs/tmp/dns.log" || return
	container_exec "$1" /bin/requester mount nfs4 "10.9.$2.1:/" /mnt \
		"vers=4.2,addr=10.9.$2.1,clientaddr=10.9.$2.2,ro,soft,timeo=100,retrans=1"
}
for container in box bare; do prepare "$container"; done
check 'box is registered' registered box "$(container_privileged)"
check 'box mounts what the server has' named_and_mounted box 1
check 'bare runs' container_start bare "$(container_privileged)"
check 'bare mounts it, too' named_and_mounted bare 2
check_equal 'both see the referral' 'away away' \
	"$(for container in box bare; do container_exec "$container" /bin/ls /mnt | grep away; done | xargs)"
check 'so far the audit is clean' audit_checkpoint

# Of all networks: the kernel finds there what it looks for by the name alone.
is_in_no_cache() { ! grep -q "dns_resol.*$name" /proc/keys; }
check_equal 'box follows the referral and reads the file there' "of $nonce" "$(container_exec box /bin/cat /mnt/away/file 2>&1)"
check 'its own resolver was asked' grep -q "$name" "$containers/box/rootfs/tmp/dns.log"
check_equal "the kernel's request was box's" 'box served' \
	"$(records 'UPCALL_CONTAINER + " " + .UPCALL_RESULT' UPCALL_KEY_TYPE=dns_resolver | tail -n 1)"
check "and its answer is in no cache of the machine's" wait_for 20 is_in_no_cache
check 'audited: nothing ran on the host for it' audit_checkpoint

# A container decides how long its own answer takes: whoever asks for that name meanwhile does not get it, nor wait for it.
resolver=$(pgrep -x dns-server | head -n 1)
check_equal 'the first resolver is that of box' "$(readlink "/proc/$(container_pid box)/ns/net")" "$(readlink "/proc/$resolver/ns/net")"
kill -STOP "$resolver"
container_exec box /bin/cat /mnt/late/file >late.log 2>&1 &
late=$!
is_asked() { [ "$(upcallctl pending --json | jq -r '.upcalls[] | .class + " " + .container')" = 'key/dns_resolver box' ]; }
check 'box asks for a name, and its resolver takes its time' wait_for 20 is_asked
audit_expect_host /sbin/request-key 'bare asks for the same'
audit_expect_host /bin/keyctl 'what that becomes'
check_fails 'bare has its answer' container_exec bare /bin/cat /mnt/late/file
check 'while box waits' is_asked
check 'it was the host that was asked' grep -qx /sbin/request-key <<<"$(audit_host_upcalls)"
check 'audited' audit_checkpoint
kill -CONT "$resolver"
wait "$late"
check_fails 'box has none either' grep -q "$nonce" late.log

audit_expect_host /sbin/request-key 'whoever is not registered asks the host'
audit_expect_host /bin/keyctl 'what that becomes'
check_fails 'bare does not get there' container_exec bare /bin/cat /mnt/away/file
check 'bare: it was the host that was asked' grep -qx /sbin/request-key <<<"$(audit_host_upcalls)"
check_fails "bare: its own resolver was not" grep -q "$name" "$containers/bare/rootfs/tmp/dns.log"
check 'audited' audit_checkpoint
audit_expect_host '*' 'what there was is taken down'
container_stop box
container_stop bare
rpc.nfsd 0
summary
