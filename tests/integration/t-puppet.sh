#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak: 2000
#
# The resolver runs without the container's seccomp filter, so it has one of its own; programs of the container run under
# the container's, that it was registered with. Without a user namespace and with CAP_SYS_PTRACE the container's root can take
# either, before or after its exec: then it does nothing for him that his own filter forbids. And he can have it signal no
# process but itself: the worker, whose child it is or was, lives.
# $1: how many upcalls (default 80)

# shellcheck source=lib/setup.sh
. lib/setup.sh
upcalls=${1:-80} handler=""

# He may trace, and not make a namespace.
filtered() {
	container_privileged
	cat <<-'JQ'
		| (.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"] - ["CAP_SYS_ADMIN"]))
		| .linux.seccomp = {
			defaultAction: "SCMP_ACT_ALLOW",
			syscalls: [{names: ["unshare"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]
		}
	JQ
}

worker_pid() { systemctl show -P MainPID "upcall-worker@$1.service" | grep -vx 0; }

policy puppet <<'CONF'
[Match]
Name=puppet
[Key dns_resolver]
Handler=dns
CONF
check 'the kernel has dns_resolver keys' modprobe dns_resolver
container_rootfs "$containers/puppet/rootfs"
cp puppeteer "$containers/puppet/rootfs/bin/puppeteer"
echo 'nameserver 127.0.0.1' >"$containers/puppet/rootfs/etc/resolv.conf"
check 'puppet is registered' registered puppet "$(filtered)"
container_exec puppet /bin/dns-server 53 a.example 10.0.0.7 /tmp/dns.log /gate/dns &
wait_for 10 test -e "${root[puppet]}/tmp/dns.log"
container_exec puppet /bin/requester key dns_resolver before.example x >/dev/null 2>&1
worker=$(worker_pid puppet)
check 'there is a worker' test -n "$worker"
container_exec puppet /bin/puppeteer "$upcalls" dns_resolver '' >puppet.log

sort puppet.log | uniq -c
check "the container's filter forbids it to its own root" grep -qx 'own 1' puppet.log
check 'he does catch what comes from outside (else the test proves nothing)' grep -q '^caught' puppet.log
check_equal "in $upcalls upcalls, nobody did for him what his filter forbids" '' "$(grep '^caught .* 0$' puppet.log)"
check 'some of whom he caught had to kill all of their process group' grep -q '^killed' puppet.log
check_equal 'the worker was not among them' "$worker" "$(worker_pid puppet)"

# Whoever has a socket can be told which process made its other end; newer kernels tell it by a pidfd, which would be a way
# to all that this process has.
maker_of() {
	python3 -c '
import ctypes, os, socket, struct, sys
pidfd = os.pidfd_open(int(sys.argv[1]))
fd = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, 1, 0)  # pidfd_getfd: its standard output
print(struct.unpack("3i", socket.socket(fileno=fd).getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])' "$1"
}
container_exec puppet /bin/requester key dns_resolver a.example x >answer 2>&1 &
requester=$!
check 'the resolver waits for its server' handler_wait "${cgroup[puppet]}"
maker=$(maker_of "$handler")
check "who made the socket that it answers by ($maker) has ended" test "${maker:-1}" -gt 1 -a ! -e "/proc/$maker"
: >"${root[puppet]}/gate/dns"
wait "$requester"
check "the resolver still answers" grep -q '^payload 10.0.0.7' answer
container_stop puppet

# ---------------------------------------------------------------- its own handlers

policy own <<'CONF'
[Match]
Name=oci-own-*
[Key user]
Handler=/usr/libexec/told
CONF
for privileges in true false; do
	name=own-$privileges
	container_rootfs "$containers/$name/rootfs"
	cp puppeteer "$containers/$name/rootfs/bin/puppeteer"
	install -o "$container_uid" -g "$container_uid" told "$containers/$name/rootfs/usr/libexec/told"
	mkdir -p "$containers/$name/rootfs/gate"
	: >"$containers/$name/rootfs/gate/open"
	check "$name is registered, with its filter" container_start "$name" \
		"$(filtered) | .process.noNewPrivileges = $privileges | $(hooked --timeout-ms 60000 --required)"
	container_exec "$name" /bin/requester key user told:0:before x >/dev/null 2>&1
	worker=$(worker_pid "oci-$name")
	check "$name: there is a worker" test -n "$worker"
	container_exec "$name" /bin/puppeteer "$upcalls" user told:0: >own.log
	sort own.log | uniq -c
	check "$name: its filter forbids it to its own root" grep -qx 'own 1' own.log
	check "$name: he does catch what comes from outside (else the test proves nothing)" grep -q '^caught' own.log
	check_equal "$name: in $upcalls upcalls, nobody did for him what his filter forbids" '' "$(grep '^caught .* 0$' own.log)"
	check "$name: some of whom he caught had to kill all of their process group" grep -q '^killed' own.log
	check_equal "$name: the worker was not among them" "$worker" "$(worker_pid "oci-$name")"
	container_stop "$name"
done
summary
