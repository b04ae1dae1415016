#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# begins: first
#
# upcallctl doctor: a healthy machine is called healthy; each planted fault is found by its id, alone, and is gone after
# the command that doctor printed for it. And check and config, which need neither daemon nor module.

# shellcheck source=lib/setup.sh
. lib/setup.sh

faults() { upcallctl doctor --json | jq -r '.findings[] | select(.severity == "fault") | .id'; }
healthy() { upcallctl doctor >/dev/null; }

# planted WHAT 'ID...': after something was broken. The ids, in their order, are all that is found; then the commands
# are run as printed, in that order.
planted() {
	local what=$1 ids=$2 command status=0
	local -a found
	upcallctl doctor --json >report || status=$?
	mapfile -t found < <(jq -r '[.findings[] | select(.severity == "fault")] | (map(.id) | join(" ")), .[].mend' report)
	check_equal "$what: doctor finds it and nothing else" "$ids" "${found[0]}"
	check_equal "$what: and says so with its status" 1 "$status"
	for command in "${found[@]:1}"; do check "$what: '$command' runs" bash -c "$command"; done
	if ! check "$what: and mends it" wait_for 20 healthy; then upcallctl doctor; fi
}

# --- healthy, without a policy, with one
check 'a machine as installed is healthy' wait_for 20 healthy
check_equal 'and doctor has nothing to note' '' "$(upcallctl doctor --json | jq -r '.findings[].id')"

check 'a user is told first that he is told a part' \
	grep -q '^not asked by root' <<<"$(setpriv --reuid=65534 --clear-groups upcallctl doctor | head -n 1)"

policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/save
CONF
check 'a policy without a container is no fault' healthy
check_equal 'but noted' 'note policy-unused /etc/upcalld.d/web.conf' \
	"$(upcallctl doctor --json | jq -r '.findings[] | "\(.severity) \(.id) \(.subject)"')"

# --- the kernel's half
unload() { systemctl stop upcalld-shim.socket upcalld.service && modprobe -r upcall_shim; }

check 'the module unloads' unload
planted 'no module' 'module-not-loaded'
check 'the module unloads again' unload
sysctl -q kernel.ftrace_enabled=0
planted 'ftrace off' 'ftrace-disabled module-not-loaded'
check 'the daemon has the module again' wait_for 20 upcallctl status
chmod 666 /dev/upcall
planted 'an open device' 'device-mode'
rm /dev/upcall
planted 'no device' 'device-missing'
check 'the module unloads a third time' unload
: >/dev/upcall
planted 'a file in its place' 'device-stale module-not-loaded'

check 'the module is drained' upcallctl drain
planted 'a drain that was forgotten' 'module-drained'
check 'it is drained again' upcallctl drain
check 'and unloads' unload
planted 'no module after a drain' 'module-not-loaded'

# --- settings of the machine
sysctl -q kernel.core_pattern=core
planted 'cores in files' 'core-pattern-file'
sysctl -q kernel.core_pipe_limit=0
planted 'no pipe limit' 'core-pipe-limit'
sysctl -q fs.suid_dumpable=1
planted 'suid_dumpable' 'suid-dumpable'
sysctl -q kernel.modprobe=/tmp/modprobe
planted 'another modprobe' 'modprobe-path'
sysctl -q kernel.modprobe=/sbin/modprobe

# --- units and what they hold
systemctl -q mask --runtime --now upcalld.socket
planted 'a masked socket' 'unit-masked'
systemctl -q disable upcalld.socket
planted 'a disabled socket' 'unit-disabled'
systemctl stop upcalld-shim.socket # and upcalld.service, whose next start brings it back
planted 'a stopped socket' 'unit-inactive'
chmod 777 /run/upcalld
planted 'state that others may write' 'state-directory'

# --- policies
chmod 666 /etc/upcalld.d/web.conf
planted 'a policy that others may write' 'policy-mode'
chmod 777 /etc/upcalld.d
planted 'a directory that others may write' 'policy-directory-mode'

cat >/usr/local/bin/editor <<'SH'
#!/bin/sh
exec sed -i /Nope/d "$1"
SH
chmod 755 /usr/local/bin/editor
printf '[Match]\nName=db\n[Nope]\n[Core]\nNope=1\nHandler=/x\n' >/etc/upcalld.d/db.conf
check_equal 'each error is found, with its line' $'/etc/upcalld.d/db.conf:3\n/etc/upcalld.d/db.conf:5' \
	"$(upcallctl doctor --json | jq -r '.findings[] | select(.id == "policy-bad") | .subject')"
check_equal 'check says the same' \
	$'/etc/upcalld.d/db.conf:3: unknown section [Nope]\n/etc/upcalld.d/db.conf:5: unknown setting Nope=' \
	"$(upcallctl check)"
planted 'a bad policy' 'policy-bad policy-bad'
check 'check says nothing of good ones' upcallctl check
rm /etc/upcalld.d/db.conf
upcallctl reload

# --- containers
check 'a container is registered' registered web
check_equal 'and its policy is no longer unused' '' "$(upcallctl doctor --json | jq -r '.findings[].id')"
mkdir /etc/upcalld.d/web.conf.d
printf '[Key user]\nHandler=deny\n' >/etc/upcalld.d/web.conf.d/10-more.conf
upcallctl reload
touch /etc/upcalld.d/web.conf
check_equal 'a policy that was changed, and no reload' 'note policy-unread /etc/upcalld.d/web.conf' \
	"$(upcallctl doctor --json | jq -r '.findings[] | "\(.severity) \(.id) \(.subject)"')"
upcallctl reload
rm /etc/upcalld.d/web.conf.d/10-more.conf
check_equal 'one that was removed' 'note policy-unread /etc/upcalld.d/web.conf.d' \
	"$(upcallctl doctor --json | jq -r '.findings[] | "\(.severity) \(.id) \(.subject)"')"
upcallctl reload
check_equal 'and after a reload there is nothing to note' '' "$(upcallctl doctor --json | jq -r '.findings[].id')"
mv /etc/upcalld.d/web.conf /etc/upcalld.d/20-web.conf
planted 'a file that was renamed, and no reload' 'config-stale'
check 'config names the file that is in effect' grep -q '/etc/upcalld.d/20-web.conf:4$' <<<"$(upcallctl config web)"

# A leader that is no init of a pid namespace, with a second task in its cgroup.
mkdir /sys/fs/cgroup/grave
in_grave() { bash -c 'echo $$ >/sys/fs/cgroup/grave/cgroup.procs; exec "$@"' bash "$@" >/dev/null 2>&1 & }
in_grave unshare --uts --mount sleep 2147483647
grave=$!
in_grave sleep 2147483647
has_uts() { [ "$(readlink "/proc/$grave/ns/uts")" != "$(readlink /proc/1/ns/uts)" ]; }
check 'a process of its own' wait_for 20 has_uts
check 'is registered' upcallctl register grave --pid "$grave" --cgroup /grave
kill -KILL "$grave"
is_tombstone() { upcallctl list --json | jq -e '.containers[] | select(.name == "grave" and .state == "tombstone")'; }
check 'and dies' wait_for 20 is_tombstone
planted 'a tombstone' 'tombstone'

# --- neither daemon nor module
container_stop web
systemctl stop upcalld.socket
check 'the module unloads at the end' unload
check 'check needs neither' upcallctl check
check 'nor does config' grep -q 'Handler=/usr/libexec/save' <<<"$(upcallctl config)"
check_equal 'doctor names both' 'module-not-loaded unit-inactive' "$(faults | xargs)"
summary
