#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# Containers of crun, runc, podman and LXC that register by themselves, by the OCI hook of the package and as README.md says:
# a core, a key and a name are handled inside without a step by hand, under the seccomp filter that the runtime gave it.
# Nothing that an image says, and no id, chooses a policy of somebody else's, or none. Without upcalld, or with one that hangs,
# containers start all the same, and in time.

# shellcheck source=lib/setup.sh
. lib/setup.sh
# shellcheck source=lib/served.sh
. lib/served.sh

hook_said() { journalctl -b --no-pager -q -t upcall-oci-hook -o cat | grep -q -- "$1"; }
# of a bundle: nothing but this is refused
filtered='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
	syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 122}]}'

runc_start() {
	local bundle=$containers/$1
	container_config "$bundle" "$1" "$2" || return
	runc run --bundle "$bundle" --pid-file "$bundle/pid" --detach "$1" </dev/null >"$bundle/log" 2>&1 || {
		cat "$bundle/log"
		return 1
	}
}

# Idle, the daemon ends. On an emulated machine it may take longer to start it than the hook has, so the test does that before;
# that the hook starts it is shown once, with more time.
awake() { upcallctl status >/dev/null; }

policy oci <<-'CONF'
	[Match]
	Name=oci-*
	[Core]
	Handler=/usr/libexec/save-core
	[Key user]
	[Key dns_resolver]
	Handler=dns
CONF
# what others registered by hand is to have
policy trusted <<-'CONF'
	[Match]
	Name=trusted*
	[Module]
	Allow=*
CONF
audit_expect_host '*' 'runtimes make what they need'

# ------------------------------------------------------------------------ crun

with_handlers "$containers/web/rootfs"
awake
check 'crun: runs web, whose bundle has the hook' container_start web "$(hooked)"
check_equal 'crun: it is registered, by its first process' "$(container_pid web) live" \
	"$(entry oci-web '"\(.leader) \(.state)"')"
check_equal 'crun: with its policy' oci.conf "$(policy_of oci-web)"
check 'crun: so far the audit is clean' audit_checkpoint
served crun "$containers/web/rootfs" container_exec web
audit_expect_host '*' 'runtimes make what they need'
awake
# shellcheck disable=SC2154 # lib/container.sh's
check 'crun: another one ended, of that id' "$hook" --required poststop <<<'{"id":"nobody"}'
check_fails 'crun: and one that lives is not forgotten for it' "$hook" --required poststop <<<'{"id":"web"}'
check_equal 'crun: and is registered as before' live "$(entry oci-web .state)"
check_equal 'crun: without a filter, as it was made' 'Seccomp:	0' "$(grep '^Seccomp:' "$containers/web/rootfs/cores/state")"
check 'crun: it is deleted' container_stop web
check 'crun: and runs again at once, under that name' container_start web "$(hooked)"
check_equal 'crun: it is registered, by another first process' "$(container_pid web) live" "$(entry oci-web '"\(.leader) \(.state)"')"
check 'crun: it is deleted, too' container_stop web
check 'crun: and it is unregistered' wait_for 20 is_gone oci-web

systemctl stop upcalld.service
check 'crun: runs cold, while upcalld does not' container_start cold "$(hooked --timeout-ms 60000)"
check_equal 'crun: it is registered: the hook has started upcalld' "$(container_pid cold) live" \
	"$(entry oci-cold '"\(.leader) \(.state)"')"
container_stop cold

# Of the hook's two programs the first does alone what nothing is special about.
register=${hook%/*}/upcall-oci-register
mv "$register" "$register.away"
awake
check 'crun: runs alone, whose hook has no second program' container_start alone "$(hooked)"
check_equal 'crun: it is registered, by its first process' "$(container_pid alone) live" "$(entry oci-alone '"\(.leader) \(.state)"')"
container_stop alone
check 'crun: one with a filter runs, too' container_start bare "$(hooked) | $filtered"
check 'crun: unregistered' is_gone oci-bare
check 'crun: the hook has said why' hook_said "cannot execute $register: No such file or directory; the container is not registered"
container_stop bare
check_fails 'crun: required, it does not run' container_start bare "$(hooked --required)"
check_fails 'crun: a state that is none is a failure all the same' "$hook" createRuntime <<<'{"id":'
mv "$register.away" "$register"

for privileges in true false; do
	name=filtered-$privileges
	with_handlers "$containers/$name/rootfs"
	awake
	check "crun: runs $name, whose bundle has a seccomp filter" \
		container_start "$name" "$(hooked) | $filtered | .process.noNewPrivileges = $privileges"
	check "crun: $name is registered with it" test "$(entry "oci-$name" '."seccomp-filter"')" -gt 3
	check_equal "crun: $name: nobody is warned" '[]' "$(entry "oci-$name" '.warnings | map(select(contains("seccomp"))) | tojson')"
	served "crun, $name" "$containers/$name/rootfs" container_exec "$name"
	audit_expect_host '*' 'runtimes make what they need'
	same_state "crun, $name" "$containers/$name/rootfs" "$(container_pid "$name")"
	check "crun: $name: its handler is refused what the filter refuses" \
		grep -q 'Disk quota exceeded' "$containers/$name/rootfs/cores/refused"
	check "crun: $name: so is a command of the administrator's" \
		grep -q 'Disk quota exceeded' <<<"$(upcallctl exec "oci-$name" /bin/mkdir /cores/made 2>&1)"
	container_stop "$name"
done
# ------------------------------------------------------------------------ runc

if [ -n "$(command -v runc)" ]; then
	with_handlers "$containers/shop/rootfs"
	awake
	check 'runc: runs shop, whose bundle has the hook and a seccomp filter' \
		runc_start shop "$(hooked --runtime runc) | $filtered"
	check_equal 'runc: it is registered, by its first process' "$(container_pid shop) live runc" \
		"$(entry oci-shop '"\(.leader) \(.state) \(.runtime)"')"
	check 'runc: so far the audit is clean' audit_checkpoint
	served runc "$containers/shop/rootfs" runc exec shop
	audit_expect_host '*' 'runtimes make what they need'
	same_state runc "$containers/shop/rootfs" "$(container_pid shop)"
	check 'runc: its handler is refused what the filter refuses' \
		grep -q 'Disk quota exceeded' "$containers/shop/rootfs/cores/refused"
	awake
	check 'runc: it is deleted' runc delete --force shop
	check 'runc: and it is unregistered' wait_for 20 is_gone oci-shop
else
	skip 'runc' 'is not installed'
fi

# ---------------------------------------------------------------- who chooses

annotated='.annotations = {id: "trusted", name: "trusted", "org.upcalld.name": "trusted", "org.upcalld.policy": "trusted.conf",
	"run.oci.hooks.upcall.prefix": "", "io.container.manager": "trusted"}'
awake
check 'an image says that it is trusted' container_start liar "$(hooked) | $annotated"
check_equal 'it is who it is' "$(container_pid liar)" "$(entry oci-liar .leader)"
check 'and nobody else' is_gone trusted
check_equal 'its policy is that of its name' oci.conf "$(policy_of oci-liar)"
check_equal 'it has no label' '[]' "$(entry oci-liar '.labels | tojson')"
container_stop liar
awake
check 'a container has an id as trusted ones have' container_start trusted-1 "$(hooked)"
check_equal 'its policy is not theirs' oci.conf "$(policy_of oci-trusted-1)"
check 'nor its name' is_gone trusted-1
container_stop trusted-1
awake
# As old engines hand on to the runtime what an image says: more of it than anything else, and a file of the host for what
# hooks say, to which nobody writes.
annotated=".annotations = {\"run.oci.hooks.stderr\": \"$PWD/victim\"}"
awake
check 'an image is mostly an annotation' container_start long \
	"$(hooked --timeout-ms 60000) | .annotations.x = \"a\" * 4000000"
check_equal 'it is registered all the same' oci.conf "$(policy_of oci-long)"
container_stop long
awake
check 'an image names a file of the host for what hooks say' container_start writer "$(hooked --prefix -) | $annotated"
check 'the hook has said something' hook_said "createRuntime writer: "
if [ -e victim ]; then
	check_equal 'and not into that file, which crun has made' 0 "$(stat -c %s victim)"
else
	skip 'and not into that file' 'this crun has made none'
fi
container_stop writer
policy 0-special <<-'CONF'
	[Match]
	Runtime=special-*
	[Key user]
CONF
awake
check 'the bundle, which is root'"'"'s, names a runtime' container_start made "$(hooked --runtime special-1)"
check_equal 'so its policy is that of the runtime' 0-special.conf "$(policy_of oci-made)"
container_stop made
check 'the bundle, which is root'"'"'s, names another prefix' container_start plain "$(hooked --prefix plain-)"
check_equal 'so it is registered without a policy, and nothing changes for it' 'live ""' \
	"$(entry plain-plain '"\(.state) \(.policy | tojson)"')"
container_stop plain

# ---------------------------------------------------------------------- podman

container_uid=0
mkdir -p /etc/containers/containers.conf.d
cat >/etc/containers/containers.conf.d/upcalld.conf <<'END'
[engine]
hooks_dir = ["/usr/share/containers/oci/hooks.d", "/usr/share/upcalld/oci/hooks.d"]
END
with_handlers "$containers/pod/rootfs"
podman_runs() {
	podman run -d --name pod --network none --annotation name=trusted --label name=trusted \
		--security-opt seccomp="$(podman_filter)" --rootfs "$containers/pod/rootfs" /bin/sleep 2147483647
}
awake
check 'podman: runs pod, told of the directory of hooks' podman_runs
name=oci-$(podman ps --quiet --filter name=pod)
check_equal 'podman: it is registered, by its first process' "$(podman inspect -f '{{.State.Pid}}' pod) live" \
	"$(entry "$name" '"\(.leader) \(.state)"')"
check_equal 'podman: with its policy' oci.conf "$(policy_of "$name")"
check 'podman: so far the audit is clean' audit_checkpoint
check 'podman: with its seccomp filter' test "$(entry "$name" '."seccomp-filter"')" -gt 100
served podman "$containers/pod/rootfs" podman exec pod
same_state podman "$containers/pod/rootfs" "$(podman inspect -f '{{.State.Pid}}' pod)"
check 'podman: and that is a filter' grep -q '^Seccomp:	2' "$containers/pod/rootfs/cores/state"
audit_expect_host '*' 'runtimes make what they need'
awake
check 'podman: it is removed' podman rm -f -t 0 pod
check 'podman: and it is unregistered' wait_for 20 is_gone "$name"

awake
check 'podman: makes a pod' podman pod create --name pair --network none
# in_pair NAME
in_pair() {
	podman run -d --name "$1" --pod pair --security-opt seccomp="$(podman_filter)" --rootfs "$containers/$1/rootfs" /bin/sleep 2147483647
}
for member in left right; do
	with_handlers "$containers/$member/rootfs"
	awake
	check "podman: runs $member in it" in_pair "$member"
	name=oci-$(podman ps --quiet --filter "name=^$member\$")
	check_equal "podman: $member is registered" "$(podman inspect -f '{{.State.Pid}}' "$member") live" \
		"$(entry "$name" '"\(.leader) \(.state)"')"
done
net_of() { readlink "/proc/$(podman inspect -f '{{.State.Pid}}' "$1")/ns/net"; }
check_equal 'podman: both have one network' "$(net_of left)" "$(net_of right)"
check 'podman: so far the audit is clean' audit_checkpoint
for member in left right; do
	audit_expect_host '*' 'what podman needs for exec'
	served "podman, $member of a pod" "$containers/$member/rootfs" podman exec "$member"
	podman exec "$member" /bin/busybox killall dns-server
done
audit_expect_host '*' 'runtimes make what they need'
awake
check 'podman: the pod is removed' podman pod rm -f -t 0 pair
none_of_podman() { [ "$(upcallctl list --json | jq '[.containers[] | select(.name | startswith("oci-"))] | length')" = 0 ]; }
check 'podman: and nothing of it is registered' wait_for 30 none_of_podman

# ------------------------------------------------------------------------- LXC

policy lxc <<-'CONF'
	[Match]
	Name=lxc-*
	[Core]
	Handler=/usr/libexec/save-core
	[Key user]
	[Key dns_resolver]
	Handler=dns
CONF
container_uid=100000
with_handlers "$containers/box/rootfs"
# newuidmap, which LXC takes for root, too, wants to be told
for file in /etc/subuid /etc/subgid; do echo "root:$container_uid:65536" >>"$file"; done
cat >"$containers/box/config" <<END
lxc.uts.name = box
lxc.rootfs.path = dir:$containers/box/rootfs
lxc.idmap = u 0 $container_uid 65536
lxc.idmap = g 0 $container_uid 65536
lxc.net.0.type = empty
lxc.net.0.flags = up
lxc.mount.auto = proc:mixed sys:ro
lxc.init.cmd = /bin/sleep 2147483647
lxc.include = /usr/share/upcalld/lxc.conf
lxc.seccomp.profile = /usr/share/lxc/config/common.seccomp
END
awake
check 'LXC: runs box, whose configuration includes ours' lxc-start -n box -f "$containers/box/config" -o box.log -l info || cat box.log
check_equal 'LXC: it is registered, by its first process' "$(lxc-info -n box -pH) live lxc" \
	"$(entry lxc-box '"\(.leader) \(.state) \(.runtime)"')"
check_equal 'LXC: with its policy' lxc.conf "$(policy_of lxc-box)"
check 'LXC: so far the audit is clean' audit_checkpoint
served LXC "$containers/box/rootfs" lxc-attach -n box --clear-env --
audit_expect_host '*' 'runtimes make what they need'
same_state LXC "$containers/box/rootfs" "$(lxc-info -n box -pH)"
check "LXC: and its first process has LXC's filter" grep -q '^Seccomp:	2' "$containers/box/rootfs/cores/state"
awake
check 'LXC: it is stopped' lxc-stop -n box -k
check 'LXC: and it is unregistered' wait_for 20 is_gone lxc-box

# ------------------------------------------------------------ without upcalld

# started WHAT: starts slow, whose hook is in its bundle; sets took
started() {
	local from
	from=$(now_ms)
	check "$1: the container starts all the same" container_start slow "$(hooked)"
	took=$(($(now_ms) - from))
	check "$1: it runs" test "$(crun --cgroup-manager=cgroupfs state slow | jq -r .status)" = running
	container_stop slow
}

# hook_by_hand: what a runtime waits for; sets took
hook_by_hand() {
	local from
	from=$(now_ms)
	"$hook" createRuntime <<<"{\"id\":\"hand\",\"pid\":$$}" 2>/dev/null
	took=$(($(now_ms) - from))
}

container_uid=100000
awake
started 'upcalld answers'
usual=$took
check 'it said nothing of it' test -z "$(journalctl -b --no-pager -q -t upcall-oci-hook -o cat | grep slow)"

systemctl stop upcalld.service
hook_by_hand # the sockets are there
echo "the hook, for whom upcalld has to be started: $took ms"

systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
started 'upcalld is stopped'
echo "a start: $usual ms, without upcalld $took ms"
check 'upcalld is stopped: the hook has said so' hook_said 'createRuntime slow: cannot connect to /run/upcalld/control'
check_fails 'upcalld is stopped, and required: no container' container_start slow "$(hooked --required)"
container_stop slow 2>/dev/null

systemctl start upcalld.socket upcalld-shim.socket
awake
daemon=$(systemctl show -P MainPID upcalld.service)
kill -STOP "$daemon"
hook_by_hand
echo "the hook, while upcalld hangs: $took ms"
check 'upcalld hangs: the hook waits its three seconds' test "$took" -ge 3000
check_within 'upcalld hangs: and ends soon after them' "$took" 4000
started 'upcalld hangs'
echo "a start: $usual ms, while upcalld hangs $took ms"
check_within 'upcalld hangs: a start takes no longer by it than the hook may wait' "$took" $((usual + 4000))
check 'upcalld hangs: the hook has said so' hook_said 'createRuntime slow: upcalld has not answered within 3000 ms'
kill -CONT "$daemon"
check 'upcalld goes on' wait_for 20 awake
check 'what could not register is not registered' is_gone oci-slow
check 'whoever is no root is told nothing' \
	test -z "$(setpriv --reuid 65534 --clear-groups "$hook" createRuntime <<<'{"id":"user","pid":1}' 2>&1)"
check 'and nothing of his is registered' is_gone oci-user
summary
