#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports bookworm-debug bookworm-kcsan bookworm-nosys
#
# A-10b: the release agent of a version 1 hierarchy is its container's whose cgroup namespace has a root above the cgroup, and
# handled or refused there; it is the host's where that root is the hierarchy's, or the cgroup itself, or where the policy has no
# section. Who raises it waits for nobody.

# shellcheck source=lib/setup.sh
. lib/setup.sh

hierarchy=/run/hierarchy
mkdir $hierarchy
check 'a version 1 hierarchy is there' mount -t cgroup -o none,name=upcall cgroup $hierarchy
cat >/run/agent <<'SH'
#!/bin/sh
echo "$1" >>/run/released
SH
chmod 755 /run/agent
echo /run/agent >$hierarchy/release_agent
audit_expect_host /run/agent "the host's own release agent, of who did not ask"

# policy_of NAME LINE...
policy_of() { printf '%s\n' '[Match]' "Name=$1" "${@:2}" | policy "$1"; }
policy_of web '[Release-Agent]' Handler=/usr/libexec/released RuntimeMaxSec=600
policy_of refused '[Release-Agent]' Handler=deny
policy_of plain '[Key user]' Handler=deny
policy_of hosted '[Release-Agent]' Handler=/run/host-agent RunIn=host
policy_of afar '[Release-Agent]' Handler=/usr/libexec/released
# Each but afar begins in a cgroup of its own there, which is the root of its cgroup namespace.
for name in web refused plain hosted; do
	mkdir $hierarchy/$name
	# shellcheck disable=SC2317 # container_start is called by it
	begin() { echo $BASHPID >$hierarchy/$name/cgroup.procs && container_start "$name"; }
	(begin)
done
container_start afar
for name in web refused plain hosted afar; do
	leader[$name]=$(container_pid $name)
	root[$name]=$containers/$name/rootfs
	handler_script $name /usr/libexec/released <<'SH'
#!/bin/sh
echo "$# $1 $(id -u)" >>/tmp/released
test ! -e /tmp/hang || exec sleep 600
SH
	check "$name is registered" upcallctl register $name --pid "${leader[$name]}"
done
check 'web is in its own' grep -q ':name=upcall:/web$' "/proc/${leader[web]}/cgroup"

cat >/run/host-agent <<'SH'
#!/bin/sh
echo "$# $1" >>/run/hosted
SH
chmod 755 /run/host-agent
audit_expect_host /run/host-agent 'RunIn=host'
# release PATH: a cgroup that becomes empty
release() {
	mkdir "$hierarchy/$1"
	echo 1 >"$hierarchy/$1/notify_on_release"
	sh -c 'echo $$ >"$1/cgroup.procs"' - "$hierarchy/$1"
}
has_line() { grep -qxF "$2" "$1" 2>/dev/null; }
counted() { ./shim-client counters 3 | sed -n "s/^$1 //p"; }
count_is() { [ "$(counted "$1")" = "$2" ]; }
inside=${root[web]}/tmp/released

# --- handled inside
release web/below
check 'handled: inside, by its path there, as root there' wait_for 60 has_line "$inside" '1 /below 0'
check 'handled: counted' wait_for 20 count_is 'done' 1
of_records() { records "UPCALL_$1" UPCALL_CLASS=release-agent | tail -n 1; }
check_equal "handled: recorded as web's" 'web served' "$(of_records CONTAINER) $(of_records RESULT)"
release web/below/deep
check 'handled: also further below' wait_for 60 has_line "$inside" '1 /below/deep 0'
release 'web/..odd'
check 'handled: by a name that begins like what is above' wait_for 60 has_line "$inside" '1 /..odd 0'

release hosted/below
check "handled on the host: with the host's path" wait_for 60 has_line /run/hosted '1 /hosted/below'

# --- traced: whoever looks at what the hooked function returns replaces its return address, by which its caller is known
echo 'r:release/returned call_usermodehelper_exec' >>/sys/kernel/tracing/kprobe_events
traces=/sys/kernel/tracing/instances/release
mkdir -p $traces
echo 1 >$traces/events/release/returned/enable
traced_before=$(counted denied)
release web/traced
check 'traced: handled all the same' wait_for 60 has_line "$inside" '1 /traced 0'
release refused/traced
check 'traced: refused all the same' wait_for 20 count_is denied $((traced_before + 1))
check 'traced: it was' grep -q 'returned: ' $traces/trace
echo 0 >$traces/events/release/returned/enable
rmdir $hierarchy/refused/traced

# --- refused
refused_before=$(counted denied)
release refused/below
check 'refused: counted' wait_for 20 count_is denied $((refused_before + 1))

# --- the host's
on_host() { # WHAT PATH
	release "$2"
	check "$1: the host's" wait_for 60 has_line /run/released "/$2"
}
on_host 'a container without a section' plain/below
on_host 'a cgroup of the host' own
rmdir $hierarchy/refused/below
echo 1 >$hierarchy/refused/notify_on_release
echo "${leader[refused]}" >$hierarchy/cgroup.procs
check "the root of a container, from which it was moved: the host's" wait_for 60 has_line /run/released /refused
echo 0 >$hierarchy/refused/notify_on_release
# Renamed while it is looked for: by what is read twice it would be afar's, or nobody's.
long=$(printf '%0200d' 0)
mkdir $hierarchy/refused/x
: >renaming
while [ -e renaming ]; do
	mv $hierarchy/refused/x "$hierarchy/refused/$long"
	mv "$hierarchy/refused/$long" $hierarchy/refused/x
done &
(
	cd $hierarchy/refused/x || exit
	for ((round = 0; round < 60; round++)); do
		mkdir below
		echo 1 >below/notify_on_release
		sh -c 'echo $$ >below/cgroup.procs'
		rmdir below
	done
)
rm renaming
wait $!
refused_all() { [ "$(counted denied)" -ge $((refused_before + 61)) ]; }
check 'renamed meanwhile: refused each time' wait_for 20 refused_all
check_equal 'the host has had these and no other' "/plain/below /own /refused" "$(paste -sd ' ' /run/released)"
check_equal "and afar, whose root is the hierarchy's, none" '' "$(cat "${root[afar]}/tmp/released" 2>/dev/null)"

# --- nobody waits: the end of every cgroup of the machine would
: >"${root[web]}/tmp/hang"
mkdir -p /run/systemd/system/upcalld.service.d
printf '[Service]\nWatchdogSec=0\n' >/run/systemd/system/upcalld.service.d/patient.conf
systemctl daemon-reload
echo 600000 >/sys/module/upcall_shim/parameters/claim_ms
systemctl restart upcalld.service
systemctl kill --kill-whom=main -s STOP upcalld.service
release web/hanging
pending() { ./shim-client list | grep -q "state=$1 class=release-agent "; }
check 'upcalld hangs, and it is offered' wait_for 20 pending 1
check 'its cgroup can be removed' rmdir "$hierarchy/web/hanging"
in_the_module() { grep -l '\[upcall_shim\]' /proc/[0-9]*/stack 2>/dev/null; }
check_equal 'no work of the kernel waits for that' '' "$(in_the_module)"
on_host "and the host's agent runs" own/later
check 'it is offered still (else that proves nothing)' pending 1
check_equal 'and cannot be given back to the kernel' 'shim-client: native: Invalid argument' \
	"$(timeout 60 ./shim-client serve 1 native 2>&1 >/dev/null)"
check 'which changes nothing' pending 1
systemctl kill --kill-whom=main -s CONT upcalld.service
check 'upcalld goes on: it is handled' wait_for 60 has_line "$inside" '1 /hanging 0'

# --- its container dies
kill -KILL "${leader[web]}"
nothing_left() { [ -z "$(./shim-client list)" ]; }
check 'with its container it goes' wait_for 60 nothing_left
has_entry() { ./shim-client containers | grep -q " $1 "; }
no_entry() { ! has_entry "$1"; }
check 'so does its entry' wait_for 60 no_entry web
on_host "and what is left of its cgroup is the host's" web/after
# One that asked for nothing leaves no more than it was, while its tombstone is there.
sleep 2147483647 &
echo $! >"$(container_cgroup plain)/cgroup.procs"
kill -KILL "${leader[plain]}"
is_tombstone() { ./shim-client containers | grep -q " plain state=1 "; }
check 'a tombstone' wait_for 20 is_tombstone
on_host "of one without a section: the host's" plain/after
kill $!

# --- one container in another, and two that share their root
# begin_in NAME PATH COMMAND...: a leader that begins in the cgroup PATH of the hierarchy, and in one of version 2
begin_in() {
	local name=$1 path=$2
	shift 2
	mkdir -p "$hierarchy/$path" "/sys/fs/cgroup/$name"
	(
		echo $BASHPID >"$hierarchy/$path/cgroup.procs"
		echo $BASHPID >"/sys/fs/cgroup/$name/cgroup.procs"
		exec "$@" unshare --kill-child -f -p -m sleep 2147483647
	) &
	begun() { leader[$name]=$(pgrep -x sleep | grep -xFf "/sys/fs/cgroup/$name/cgroup.procs"); }
	wait_for 20 begun
	check "$name is registered" upcallctl register "$name" --pid "${leader[$name]}" --cgroup "/$name"
}
policy_of outer '[Release-Agent]' Handler=deny
begin_in outer outer unshare -U -r -C
policy_of inner '[Key user]' Handler=deny
begin_in inner outer/inner nsenter -t "${leader[outer]}" -U -p --preserve-credentials unshare -C
refused_before=$(counted denied)
on_host "the inner one's, which has no section, is not the outer one's" outer/inner/below
check_equal 'nor refused as such' "$refused_before" "$(counted denied)"
policy_of inner '[Release-Agent]' Handler=deny
policy_of outer '[Key user]' Handler=deny
release outer/inner/again
check 'with a section it is refused, whatever the outer one has' wait_for 20 count_is denied $((refused_before + 1))
policy_of outer '[Release-Agent]' Handler=deny
on_host_not() { ! has_line /run/released "/$1"; }
begin_in twin outer unshare -U -r -C
release outer/both
recorded() { [ "$(records UPCALL_REASON UPCALL_CLASS=release-agent | grep -c '^several containers match')" = "$1" ]; }
check 'of two with the same root, one without a section: refused, and recorded' wait_for 60 recorded 1
check 'twin is unregistered' upcallctl unregister twin
begin_in peer peer nsenter -t "${leader[outer]}" -U -C --preserve-credentials
release outer/whose
check 'of two that share a namespace: the same' wait_for 60 recorded 2
check 'and not run on the host' on_host_not outer/both
check 'neither' on_host_not outer/whose
check 'peer is unregistered' upcallctl unregister peer

# --- a root so deep that the way out of it has no room in a path
begin_in deep "deep/$(printf 'd/%.0s' {1..1400})" unshare -U -r -C
on_host "a cgroup of the host is the host's still" own/last
check_equal 'nothing is left' '' "$(./shim-client list)"
summary
