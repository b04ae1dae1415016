#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: bookworm-nosys
#
# What a container's root may try on those who enter, beyond A-15: stop them at their birth, spoil what they were given,
# leave the limits of its cgroup through a handler, keep a handler's end from the worker, take over a program of ours.

# shellcheck source=lib/setup.sh
. lib/setup.sh
secret=/run/host-secret
echo secret >$secret
chmod 600 $secret

policy all <<'CONF'
[Match]
Name=*
[Key user]
Handler=/usr/libexec/handler
RuntimeMaxSec=5
[Key dns_resolver]
Handler=dns
CONF
policy 00-outside <<'CONF'
[Match]
Name=outside
[Key user]
Handler=/run/outside
RunIn=host
[Key dns_resolver]
Handler=/run/outside
RunIn=host
Answer=yes
CONF

prepare() {
	container_rootfs "$containers/$1/rootfs"
	cp attacker "$containers/$1/rootfs/bin/"
	handler_script "$1" /usr/libexec/handler
}

more_capabilities() {
	echo ".process.capabilities |= map_values(map(select(. != \"CAP_SYS_ADMIN\")) + [\"CAP_SYS_PTRACE\", \"CAP_KILL\"] | unique)"
}

# The requester's pid is the attacker's child's, so who enters next gets the pid after it.
stopped() {
	local out
	out=$(container_exec "$1" /bin/attacker stop "$2" "$secret")
	echo "     $(sort <<<"$out" | uniq -c | tr '\n' ' ')"
	check_fails "$1: stopped at its birth, nobody shows the host's root" grep -q REACHED <<<"$out"
	check "$1: somebody was stopped (else the test proves nothing)" grep -q stopped <<<"$out"
}
prepare priv <<<'#!/bin/true'
check 'priv is registered' registered priv "$(container_privileged) | $(more_capabilities)"
stopped priv 10
prepare user <<<'#!/bin/true'
check 'user is registered' registered user "$(more_capabilities)"
out=$(container_exec user /bin/attacker stop 5 "$secret")
check_fails "user: stopped at its birth, nobody shows the host's root" grep -q REACHED <<<"$out"

prepare spoil <<-'SH'
	#!/bin/attacker spoil
SH
check 'spoil is registered' registered spoil "$(container_privileged)"
request spoil s:1 >/dev/null
check_equal "the host's null device is what it was" '666 0' "$(stat -c '%a %u' /dev/null)"

# Without a cgroup namespace nobody named a boundary; its filter of devices holds all the same.
disk=$(findmnt -no SOURCE /)
read -r major minor < <(stat -Lc '0x%t 0x%T' "$disk")
for name in nocgroupns cgroupns; do
	prepare $name <<-SH
		#!/bin/sh
		busybox mknod /dev/disk b $((major)) $((minor)) && echo made >/tmp/out
		busybox dd if=/dev/disk bs=1024 count=1 of=/dev/null 2>/dev/null && echo read >>/tmp/out
		cat /proc/self/cgroup >/tmp/cgroup
	SH
done
devices='.linux.resources.devices = [{allow: false, access: "rwm"}]'
check 'nocgroupns is registered' registered nocgroupns \
	"$(container_privileged) | .linux.namespaces |= map(select(.type != \"cgroup\")) | $devices"
check 'cgroupns is registered' registered cgroupns "$(container_privileged) | $devices"
for name in nocgroupns cgroupns; do
	request $name d:1 >/dev/null
	check "$name: its handler ran" test -s "${root[$name]}/tmp/cgroup"
	check_equal "$name: its handler reads no disk" made "$(cat "${root[$name]}/tmp/out")"
done
check "nocgroupns: its handler is charged to it" grep -q '/nocgroupns/upcall-[0-9]*$' "${root[nocgroupns]}/tmp/cgroup"

# A boundary that holds others is none.
check 'elsewhere is started' container_start elsewhere
check 'a boundary that its leader is not in is refused' grep -q "is not in cgroup '/system.slice'" \
	<<<"$(upcallctl register elsewhere --pid "$(container_pid elsewhere)" --cgroup /system.slice 2>&1)"

# A zombie that somebody else traces has no status for its parent.
prepare hold <<-'SH'
	#!/bin/attacker hold
SH
check 'hold is registered' registered hold
worker_of() { systemctl show -p MainPID --value "upcall-worker@$1.service"; }
output=$(request hold h:1)
check "a handler that its fork traces: the requester has its answer ($output)" test "$(took_ms "$output")" -lt 3000
worker=$(worker_of hold)
echo '#!/bin/sh' | handler_script hold /usr/libexec/handler
output=$(request hold h:2)
check "the next upcall is served at once ($output)" test "$(took_ms "$output")" -lt 3000
check_equal 'by the same worker' "$worker" "$(worker_of hold)"
check 'nothing is left of it' wait_for 10 no_leaves hold
two_records() { [ "$(records UPCALL_ID UPCALL_CONTAINER=hold | wc -l)" = 2 ]; }
check 'both are recorded' wait_for 10 two_records

# A program of ours runs without the container's filter: nobody there may take it over.
check 'the kernel has dns_resolver keys' modprobe dns_resolver
prepare filtered <<<'#!/bin/true'
mkfifo "$containers/filtered/rootfs/etc/resolv.conf"
chown "$container_uid:$container_uid" "$containers/filtered/rootfs/etc/resolv.conf"
check 'filtered is registered' registered filtered '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
	architectures: ["SCMP_ARCH_X86_64"], syscalls: [{names: ["unshare"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]}'
seized=$(container_exec filtered /bin/sh -c '/bin/requester key dns_resolver n.example x >/dev/null & exec /bin/attacker seize upcall-dns')
check_equal 'our resolver in a filtered container is not to be traced' EPERM "$seized"

# What runs on the host for a container has no more power than it needs, and text is no option.
cat >/run/outside <<'SH'
#!/bin/sh
{ echo "$#"; sed -n 's/^\(CapEff\|NoNewPrivs\):\t//p' /proc/self/status; } >"/run/outside.$UPCALL_KEY_TYPE"
SH
chmod 755 /run/outside
audit_expect_host /run/outside "its policy says RunIn=host"
audit_expect_host /usr/bin/sed "what it runs"
prepare outside <<<'#!/bin/true'
check 'outside is registered' registered outside
container_exec outside /bin/requester key dns_resolver --option=x c >/dev/null
check_equal 'RunIn=host, Answer=yes: no argument, no capability, no new privileges' '0 0000000000000000 1' \
	"$(paste -sd' ' /run/outside.dns_resolver)"
summary
