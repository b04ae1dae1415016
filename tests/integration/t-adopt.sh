#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# [Match] Cgroup=: containers that nobody registers are registered at their first upcall, where the path of their cgroup, as
# far as only root makes it, is one that a policy names. Nobody else is, and who cannot be is refused: a host's process that
# sits there, a cgroup beside which a user makes others, a pid namespace whose init is elsewhere.

# shellcheck source=lib/setup.sh
. lib/setup.sh
# shellcheck source=lib/served.sh
. lib/served.sh

handlers() {
	container_rootfs "$containers/$1/rootfs"
	handler_script "$1" /usr/libexec/save-core <<-'SH'
		#!/bin/sh
		exec cat >/cores/core
	SH
	handler_script "$1" /bin/answer <<-'SH'
		#!/bin/sh
		exec keyctl instantiate "$1" "served by $(cat /etc/name)" "$2"
	SH
	echo 'create user * * /bin/answer %k %S' >"$containers/$1/rootfs/etc/request-key.conf"
	echo "$1" >"$containers/$1/rootfs/etc/name"
}
# in_cgroup PATH: a JQ-FILTER
in_cgroup() { echo ".linux.cgroupsPath = \"$1\""; }
how_many() { upcallctl list --json | jq '.containers | length'; }
is_served() { grep -q 'payload served' <<<"$1"; }
by() { sed -n 's/^payload served by //p' <<<"$1"; }
# refused NAME REASON: the last upcall of a user key is, of nobody, and says why
refused() { [[ $(records 'UPCALL_RESULT + " " + .UPCALL_REASON' UPCALL_CLASS=key | tail -n 1) = refused\ *"$1"* ]]; }
again() { upcallctl status --json | jq '[.upcalls[].again] | add'; }

mkdir -p /sys/fs/cgroup/adopted.slice
policy adopted <<'CONF'
[Match]
Cgroup=/adopted.slice/box-*.scope
[Core]
Handler=/usr/libexec/save-core
[Key user]
[Module]
Allow=net-pf-34
CONF
check 'nobody is registered' test "$(how_many)" = 0

# --------------------------------------------------------- the first upcall

handlers web
check 'a container runs, and nobody registers it' container_start web "$(in_cgroup /adopted.slice/box-web.scope)"
check 'before its first upcall it is not' test "$(how_many)" = 0
check_equal 'what its first upcall will be can be asked' adopted.conf \
	"$(upcallctl explain --pid "$(container_pid web)" --json | jq -r '.policy | sub(".*/"; "")')"
# outlook_of PID CLASS
outlook_of() { upcallctl explain --pid "$1" --json | jq -r --arg class "$2" '.outlook[] | select(.class == $class) | .verdict + ": " + .why'; }
check_equal 'what has no section is the kernel'"'"'s own' 'native: its policy file has no section for it' "$(outlook_of "$(container_pid web)" other)"
echo 1 >/sys/module/upcall_shim/parameters/strict
check_equal 'strict: it is refused' 'deny: nobody registered it, and the module is strict' "$(outlook_of "$(container_pid web)" other)"
echo 0 >/sys/module/upcall_shim/parameters/strict
before=$(again)
check 'its first upcall, a key, is served inside' is_served "$(request web first)"
check_equal 'it is registered: by its first process, its cgroup and the policy that names it' \
	"$(container_pid web) live  adopted adopted.conf" \
	"$(entry box-web '"\(.leader) \(.state) \(.cgroup) \(.runtime) \(.policy | sub(".*/"; ""))"')"
check_equal 'the table decided once more, once' $((before + 1)) "$(again)"
check 'its second upcall is, too' is_served "$(request web second)"
check_equal 'and was the container'"'"'s at once' $((before + 1)) "$(again)"
check_equal 'both are its in the journal' 'box-web box-web' "$(records UPCALL_CONTAINER UPCALL_CLASS=key | tail -n 2 | xargs)"
container_exec web /bin/requester crash >/dev/null 2>&1
check 'its own handler has its core' core_names "$containers/web/rootfs/cores/core" requester
check 'the host has none' host_has_no_core
check 'audited' audit_checkpoint
check 'it ends' container_stop web
check 'and it is forgotten' wait_for 20 is_gone box-web

systemctl stop upcalld.service
handlers many
check 'another one runs' container_start many "$(in_cgroup /adopted.slice/box-many.scope)"
for ((i = 0; i < 20; i++)); do
	container_exec many /bin/requester key user "many:$i" c >"many.$i" 2>&1 &
done
wait
check_equal 'all of twenty first upcalls at once are served, while upcalld has to be started' 20 \
	"$(cat many.* | grep -c 'payload served')"
check_equal 'it is registered once' 1 "$(how_many)"
check 'audited' audit_checkpoint

handlers entered
check 'another one runs, and is entered from outside, by its namespaces alone' \
	container_start entered "$(in_cgroup /adopted.slice/box-entered.scope)"
inside=(nsenter -t "$(container_pid entered)" -a --preserve-credentials)
check 'who has entered is served inside' is_served "$("${inside[@]}" /bin/requester key user entered c 2>&1)"
check_equal 'and the container is registered' "$(container_pid entered)" "$(entry box-entered .leader)"
container_stop entered

handlers core
check 'one whose first upcall is a core runs' container_start core "$(in_cgroup /adopted.slice/box-core.scope/inner)"
container_exec core /bin/requester crash >/dev/null 2>&1
check 'its own handler has it' core_names "$containers/core/rootfs/cores/core" requester
check_equal 'it is called by what the pattern fits' "$(container_pid core)" "$(entry box-core .leader)"

# Two whose cgroups are called nearly alike.
for name in Core core_; do
	handlers "x$name"
	container_start "x$name" "$(in_cgroup "/adopted.slice/box-$name.scope")"
	check "one beside it, in box-$name.scope, is served" is_served "$(request "x$name" "beside:$name")"
done
check_equal 'each has a name of its own' 3 "$(upcallctl list --json | jq '[.containers[] | select(.name | startswith("box-core"))] | length')"
container_stop xCore
container_stop xcore_

# ------------------------------------------------- whom no policy is for

the_host_asks() {
	audit_expect_host /sbin/request-key 'keys of whom no policy is for'
	audit_expect_host /bin/keyctl 'what it becomes'
	audit_expect_host /usr/share/keyutils/request-key-debug.sh 'the same'
}
the_host_asks
known=$(how_many)
handlers aside
check 'a container runs beside the folder' container_start aside "$(in_cgroup /aside.slice/box-aside.scope)"
check_fails 'its key is not served inside' is_served "$(request aside aside)"
handlers deeper
check 'and one in a folder that fits only deeper' container_start deeper "$(in_cgroup /adopted.slice/else/box-deeper.scope)"
check_fails 'its key is not, either' is_served "$(request deeper deeper)"
check_equal 'the host answers, as without upcalld' 2 "$(audit_host_upcalls | grep -cx /sbin/request-key)"
mkdir -p /sys/fs/cgroup/adopted.slice/box-host.scope
audit_checkpoint
the_host_asks
in_scope() { (echo "$BASHPID" >/sys/fs/cgroup/adopted.slice/box-host.scope/cgroup.procs && exec "$@") 2>&1; }
in_scope ./requester key user host:sits c >/dev/null
check_equal 'a process of the host that sits in such a cgroup is the host'"'"'s' 1 "$(audit_host_upcalls | grep -cx /sbin/request-key)"
check_equal 'none of them is registered' "$known" "$(how_many)"
container_stop aside
container_stop deeper
audit_checkpoint

# -------------------------------------------- who cannot be is refused

output=$(in_scope unshare -U -r ./requester key user nobody:userns c)
check 'one with a user namespace and no pid namespace is refused' grep -q EKEYREJECTED <<<"$output"
in_scope unshare -U -r sleep 2147483647 &
wait_for 10 pgrep -P $! -x sleep >/dev/null || true
check 'and why can be asked' grep -q 'it cannot be adopted' \
	<<<"$(upcallctl explain --pid "$(tail -n 1 /sys/fs/cgroup/adopted.slice/box-host.scope/cgroup.procs)" --json)"
kill "$(tail -n 1 /sys/fs/cgroup/adopted.slice/box-host.scope/cgroup.procs)"
unshare -p -m -f --mount-proc --kill-child sleep 2147483647 &
outside=$!
wait_for 10 pgrep -P "$outside" -x sleep >/dev/null
output=$(in_scope nsenter -t "$(pgrep -P "$outside" -x sleep)" -p -m unshare -i "$PWD/requester" key user nobody:elsewhere c)
check 'so is one whose namespace'"'"'s init is not in the cgroup' grep -q EKEYREJECTED <<<"$output"
kill "$outside"
check_equal 'none of them is registered' "$known" "$(how_many)"

policy users <<'CONF'
[Match]
Cgroup=/adopted.slice/users/box-*.scope
[Key user]
CONF
mkdir -p /sys/fs/cgroup/adopted.slice/users
chown 1000 /sys/fs/cgroup/adopted.slice/users
handlers taken
check 'a container runs where a user makes cgroups' container_start taken "$(in_cgroup /adopted.slice/users/box-taken.scope)"
check 'its key is refused' grep -q EKEYREJECTED <<<"$(request taken taken)"
check 'and it is said why' wait_for 20 refused 'others than root may make cgroups'
check 'also to who asks by its number' grep -q 'others than root may make cgroups' \
	<<<"$(upcallctl explain --id "$(records UPCALL_ID UPCALL_CLASS=key | tail -n 1)")"
check_equal 'it is not registered' "$known" "$(how_many)"
check 'by hand it may be' upcallctl register taken --pid "$(container_pid taken)" --cgroup /adopted.slice/users/box-taken.scope
check_equal 'but its cgroup chooses no policy' '' "$(entry taken .policy)"
container_stop taken
chown 0 /sys/fs/cgroup/adopted.slice/users
check 'the kernel ran nothing on the host' audit_checkpoint

# ---------------------------------------- several in what a pattern means

policy wide <<'CONF'
[Match]
Cgroup=/wide.slice
[Key user]
CONF
mkdir -p /sys/fs/cgroup/wide.slice
container_uid=0
for name in wide-a wide-b; do
	handlers $name
	check "$name runs there, without a user namespace" container_start $name \
		"$(container_privileged) | $(in_cgroup "/wide.slice/$name") | .linux.namespaces |= map(select(.type != \"cgroup\"))"
done
container_uid=100000
check_equal 'the first is served inside' wide-a "$(by "$(request wide-a wide:a)")"
check_equal 'and the second by itself, not by the first' wide-b "$(by "$(request wide-b wide:b)")"
check_equal 'both are registered' 'wide.wide.conf' "$(entry wide .name).$(entry wide '.policy | sub(".*/"; "")')"
check_equal 'the second has a name of its own' "$(container_pid wide-b)" "$(entry "wide-$(container_pid wide-b)" .leader)"
check 'whoever registers one after all is believed' upcallctl register named --pid "$(container_pid wide-b)"
check_equal 'it is called so, and by no other name' "named $(container_pid wide-b)" \
	"$(upcallctl list --json | jq -r --argjson pid "$(container_pid wide-b)" '.containers[] | select(.leader == $pid) | "\(.name) \(.leader)"')"
check_equal 'and has the policy of where it is' wide.conf "$(entry named '.policy | sub(".*/"; "")')"
check_equal 'and is served as before' wide-b "$(by "$(request wide-b wide:c)")"
for name in wide-a wide-b; do container_stop $name; done
check 'both are forgotten, though the slice stays' wait_for 20 is_gone wide
rm /etc/upcalld.d/wide.conf
upcallctl reload

# -------------------------------------------------------------- a bad file

handlers typo
check 'one runs' container_start typo "$(in_cgroup /adopted.slice/box-typo.scope)"
printf '[Match]\nCgroup=relative\n[Key]\n' >/etc/upcalld.d/zz.conf
systemctl stop upcalld.service
check_equal 'a file that is bad when upcalld starts takes the others nothing' typo "$(by "$(request typo typo)")"
rm /etc/upcalld.d/zz.conf
check 'it is mended' upcallctl reload
container_stop typo
check 'audited' audit_checkpoint

# ------------------------------------------------- when it is not at home

handlers late
check 'one runs, and upcalld is not to be had' container_start late "$(in_cgroup /adopted.slice/box-late.scope)"
systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
echo 1000 >/sys/module/upcall_shim/parameters/claim_ms
output=$(request late late)
check 'its key is refused, in time, and not the host'"'"'s' grep -q ETIMEDOUT <<<"$output"
echo 30000 >/sys/module/upcall_shim/parameters/claim_ms

# ATTACK: as many containers as there are cgroups that a pattern fits have but half of the machine's places together, and
# with those of ordinary users three quarters. Nothing ends of itself meanwhile.
echo 600000 >/sys/module/upcall_shim/parameters/module_claim_ms
# asks_for_module FAMILY: a container of its own does
asks_for_module() {
	mkdir -p "/sys/fs/cgroup/adopted.slice/box-m$1.scope"
	(
		echo 0 >"/sys/fs/cgroup/adopted.slice/box-m$1.scope/cgroup.procs"
		exec unshare -p -m -f --mount-proc --kill-child "$PWD/requester" socket "$1"
	) >"module.$1" 2>&1 &
}
# users_ask NAME FAMILY FAMILY
users_ask() {
	local family
	setpriv --reuid=1000 --regid=1000 --clear-groups unshare -U -r -p -f --kill-child sleep 2147483640 &
	check "a user's container: $1" wait_for 20 twin_is_there "$1" $!
	check "it is registered as his" ./shim-client add "$1" "${leader[$1]}" module=offer owner=1000
	for family in "$2" "$3"; do
		nsenter -t "${leader[$1]}" -U -p --preserve-credentials "$PWD/requester" socket "$family" >"module.$family" 2>&1 &
	done
}
waiting_refused() { [ "$(./shim-client list | grep -c class=module) $(cat module.* | grep -c EAFNOSUPPORT)" = "$1 $2" ]; }
for family in 35 36 37 39 41 43; do asks_for_module "$family"; done
check 'of six containers that nobody has registered four wait for a module, two are refused' wait_for 60 waiting_refused 4 2
users_ask user-a 9 24
users_ask user-b 29 30
check "of four module requests of a user's containers two wait, two are refused" wait_for 60 waiting_refused 6 4
container_exec core /bin/requester socket 34 >module.34 2>&1 &
check 'who is registered by root has his place' wait_for 60 waiting_refused 7 4
check 'all are refused' ./shim-client drain 1
check 'and have ended' wait_for 60 waiting_refused 0 11
kill -KILL "${leader[user-a]}" "${leader[user-b]}"

check 'the module can be loaded anew' modprobe -r upcall_shim
for name in many core; do container_stop "$name"; done
rm -rf /run/upcalld/containers/*
check 'and is' modprobe upcall_shim
systemctl start upcalld.socket
socket_is_there() { systemctl --quiet is-active upcalld-shim.socket; }
check 'its device starts what listens to it' wait_for 60 socket_is_there
attached() { [ "$(systemctl show -P Result -P ActiveState upcalld-attach.service | xargs)" = 'success inactive' ]; }
check 'that is done' wait_for 60 attached
check_equal 'and nobody is registered' 0 "$(how_many)"
late=''
is_served_late() {
	late=$(request late "late:$RANDOM")
	is_served "$late"
}
check 'its key is served inside: upcalld has told the new module' is_served_late || echo "$late"
container_stop late

# ------------------------------------------------- podman, as it comes

policy podman <<'CONF'
[Match]
Cgroup=/machine.slice/libpod-*.scope
Cgroup=/machine.slice/machine-libpod_pod_*.slice/libpod-*.scope
[Core]
Handler=/usr/libexec/save-core
[Key user]
CONF
check 'audited' audit_checkpoint
audit_expect_host '*' 'runtimes make what they need'
container_uid=0
handlers pod
podman_runs() {
	podman run -d --name pod --network none --security-opt seccomp="$(podman_filter)" --rootfs "$containers/pod/rootfs" \
		/bin/sleep 2147483647
}
check 'podman: runs pod, and has no hook' podman_runs
id=$(podman inspect -f '{{.Id}}' pod)
check 'podman: so far nobody is registered' test "$(how_many)" = 0
check 'podman: so far the audit is clean' audit_checkpoint
check 'podman: a key is served inside, under its seccomp filter' is_served "$(podman exec pod /bin/requester key user podman c 2>&1)"
name=libpod-${id:0:56}
check_equal 'podman: it is registered, by its first process' "$(podman inspect -f '{{.State.Pid}}' pod) live podman.conf" \
	"$(entry "$name" '"\(.leader) \(.state) \(.policy | sub(".*/"; ""))"')"
podman exec pod /bin/requester crash >/dev/null 2>&1
check 'podman: its own handler has the core' core_names "$containers/pod/rootfs/cores/core" requester
check 'podman: audited' audit_checkpoint
audit_expect_host '*' 'runtimes make what they need'
check 'podman: it is removed' podman rm -f -t 0 pod
check 'podman: and it is forgotten' wait_for 20 is_gone "$name"

# In a pod they have a slice of their own between.
handlers member
podman_runs_member() {
	podman run -d --name member --pod herd --security-opt seccomp="$(podman_filter)" --rootfs "$containers/member/rootfs" \
		/bin/sleep 2147483647
}
check 'podman: makes a pod' podman pod create --name herd --network none
check 'podman: runs member in it' podman_runs_member
id=$(podman inspect -f '{{.Id}}' member)
check 'podman, in a pod: so far nobody is registered' test "$(how_many)" = 0
check 'podman, in a pod: so far the audit is clean' audit_checkpoint
check 'podman, in a pod: a key is served inside' is_served "$(podman exec member /bin/requester key user podman c 2>&1)"
name=libpod-${id:0:56}
check_equal 'podman, in a pod: it is registered, by its first process' "$(podman inspect -f '{{.State.Pid}}' member) live podman.conf" \
	"$(entry "$name" '"\(.leader) \(.state) \(.policy | sub(".*/"; ""))"')"
check 'podman, in a pod: audited' audit_checkpoint
audit_expect_host '*' 'runtimes make what they need'
check 'podman: the pod is removed' podman pod rm -f -t 0 herd
check 'podman: and it is forgotten' wait_for 20 is_gone "$name"
summary
