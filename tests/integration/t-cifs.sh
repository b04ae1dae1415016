#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# suites: trixie
# soak-suites: trixie-backports
#
# CIFS for real: the kernel's own server, with two users, and a container that mounts what it has as one of them, for many
# (multiuser). Whose an upcall is depends on who asks. For another user's access the kernel asks with the credentials of the
# task that makes it: the password is the container's, and a program in it gives it. For Kerberos it asks for itself: that is
# nobody's, and the host's, or refused. Not on bookworm, whose tools have their shares refused by its kernel's server.

# shellcheck source=lib/setup.sh
. lib/setup.sh

audit_expect_host '*' 'the file server is the host'
for module in ksmbd cifs veth; do check "the kernel has $module" modprobe "$module"; done

# ------------------------------------------------------------------ the server

# The mount is alice's; only bob may read the file.
useradd --no-create-home --uid 4001 alice
useradd --no-create-home --uid 4002 bob
mkdir -p /srv/cifs /etc/ksmbd
echo 'of bob' >/srv/cifs/file
chown bob /srv/cifs/file
chmod 400 /srv/cifs/file
printf '[global]\n\tserver signing = disabled\n\tmap to guest = never\n[share]\n\tpath = /srv/cifs\n\tread only = yes\n' >/etc/ksmbd/ksmbd.conf
for user in alice bob; do check "the server knows $user" ksmbd.adduser -a "$user" -p "of-$user"; done
check 'it runs' ksmbd.mountd
listens() { [ -n "$(ss -Hltn "sport = :445")" ]; }

# -------------------------------------------------------------- the containers

policy box <<'CONF'
[Match]
Name=box
[Key logon]
Handler=/usr/libexec/key
[Key cifs.spnego]
Handler=deny
CONF
prepare() {
	container_rootfs "$containers/$1/rootfs"
	handler_script "$1" /usr/libexec/key <<-'SH'
		#!/bin/sh
		id -u >/tmp/key.uid
		exec /sbin/request-key "$@"
	SH
	handler_script "$1" /bin/answer <<-'SH'
		#!/bin/sh
		echo "$3" >>/tmp/asked
		exec keyctl instantiate "$1" bob:of-bob "$2"
	SH
	echo 'create logon cifs:a:* * /bin/answer %k %S %d' >"$containers/$1/rootfs/etc/request-key.conf"
}
with_network() {
	local pid
	pid=$(container_pid "$1")
	ip link add "cifs$2" type veth peer name eth0 netns "$pid" && ip address add "10.8.$2.1/24" dev "cifs$2" &&
		ip link set "cifs$2" up && nsenter -t "$pid" -n ip address add "10.8.$2.2/24" dev eth0 &&
		nsenter -t "$pid" -n ip link set eth0 up
}
mounts() { # CONTAINER NUMBER WHERE OPTIONS
	container_exec "$1" /bin/requester mount cifs "//10.8.$2.1/share" "$3" "ip=10.8.$2.1,vers=3.1.1,$4"
}
for container in box bare; do prepare "$container"; done
check 'box is registered' registered box "$(container_privileged)"
check 'bare runs' container_start bare "$(container_privileged)"
check 'box has a network' with_network box 1
check 'bare, too' with_network bare 2
check 'the server listens' wait_for 20 listens
for container in box bare; do
	number=$((1 + (${#container} - 3)))
	check "$container mounts it as alice" mounts "$container" "$number" /mnt multiuser,sec=ntlmssp,username=alice,password=of-alice
done
check_fails 'alice may not read the file' container_exec box /bin/cat /mnt/file
check 'so far the audit is clean' audit_checkpoint

# ------------------------------------------------------------------ who accesses

as_user() { crun --cgroup-manager=cgroupfs exec --user 1000:1000 "$@"; }
check_equal 'app: another user of box reads it as bob' 'of bob' "$(as_user box /bin/cat /mnt/file 2>&1)"
check_equal 'app: it was box that was asked' 'box served' \
	"$(records 'UPCALL_CONTAINER + " " + .UPCALL_RESULT' UPCALL_KEY_TYPE=logon | tail -n 1)"
check_equal 'app: for the server' 'cifs:a:10.8.1.1' "$(tail -n 1 "$containers/box/rootfs/tmp/asked")"
check 'app: audited: nothing ran on the host for it' audit_checkpoint
audit_expect_host /sbin/request-key 'whoever is not registered asks the host'
check_fails 'app: a user of bare does not' as_user bare /bin/cat /mnt/file
check 'app: it was the host that was asked' grep -qx /sbin/request-key <<<"$(audit_host_upcalls)"
check_fails 'app: bare was not' test -e "$containers/bare/rootfs/tmp/asked"
check 'app: audited' audit_checkpoint

# ------------------------------------------------------------------- who mounts

echo 'create cifs.spnego * * /bin/keyctl negate %k 1 %S' >/etc/request-key.d/cifs.spnego.conf
of_keys() { upcallctl status --json | jq ".upcalls.key.$1"; }
denied=$(of_keys denied)
check_fails 'mount: box may not ask for tickets' mounts box 1 /mnt sec=krb5,username=alice
check_equal 'mount: it was refused' $((denied + 1)) "$(of_keys denied)"
check 'mount: audited: nothing ran on the host for it' audit_checkpoint
policy box <<'CONF'
[Match]
Name=box
CONF
check 'mount: box has no word on it' upcallctl reload
audit_expect_host /sbin/request-key 'what the kernel asks for itself'
audit_expect_host /bin/keyctl 'what that becomes'
check_fails 'mount: nobody has a ticket' mounts box 1 /mnt sec=krb5,username=alice
check_equal 'mount: it is the host that is asked' 1 "$(audit_host_upcalls | grep -cx /sbin/request-key)"
check 'mount: audited' audit_checkpoint

audit_expect_host '*' 'what there was is taken down'
container_stop box
container_stop bare
ksmbd.control --shutdown
summary
