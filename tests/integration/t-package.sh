#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# needs: packages
#
# The package is upgraded while upcalls wait, are claimed and run: each is answered, once and with its own answer. And it
# is removed: what waits is ended first, and of two packages no file, unit, device, cgroup, key or setting is left.

# shellcheck source=lib/setup.sh
. lib/setup.sh

# Settings that an upcall goes by, or that somebody might have thought ours to change.
settings() { sysctl -a 2>/dev/null | grep -E '^kernel\.(core_|modprobe|keys|usermodehelper|ftrace|hotplug)|^fs\.suid_dumpable'; }
settings >settings.before

# What is stopped must not end for being slow, however long dpkg takes.
for parameter in claim_ms attach_ms run_ms key_run_ms; do echo 600000 >"/sys/module/upcall_shim/parameters/$parameter"; done

container_rootfs "$containers/web/rootfs"
install -o "$container_uid" -g "$container_uid" told "$containers/web/rootfs/usr/libexec/told"
check 'web runs' container_start web
# A user's own keyrings are made for whoever is the first to ask for a key, and stay.
for who in '' 'container_exec web'; do $who keyctl describe @us >/dev/null; done
# Each user and how many keys are his. Not /proc/keys: root may not view others'.
keys() { awk '{ split($3, n, "/"); if (n[1]) print $1, n[1] }' /proc/key-users; }
# The kernel collects those of who has ended when it has time.
keys_rest() { keys >keys.before && sleep 1 && cmp -s keys.before <(keys); }
check 'nobody makes keys or loses them' wait_for 60 keys_rest

policy web <<'CONF'
[Match]
Name=web
[Key user]
Handler=/usr/libexec/told
RuntimeMaxSec=600
CONF
root[web]=$containers/web/rootfs
check 'web is registered' upcallctl register web --pid "$(container_pid web)"
: >"${root[web]}/gate/open"
: >"${root[web]}/tmp/ran"
chown "$container_uid:$container_uid" "${root[web]}/tmp/ran"

ask() { container_exec web /bin/requester key user "told:0:$1" c >"answer.$1" 2>&1 & }
answered() { wait_for 60 grep -q "^payload $1\$" "answer.$1" || { cat "answer.$1" && return 1; }; }
in_state() { [ "$(./shim-client list | grep -c "state=$1 ")" = "$2" ]; }
main_pid() { systemctl show -p MainPID --value "$1"; }

# --- upgraded
ask warm
check 'an upcall is served' answered warm
rm -f "${root[web]}/gate/open"
ask running
check 'one runs' wait_for 60 in_state 4 1
worker=$(main_pid upcall-worker@web.service)
kill -STOP "$worker"
ask claimed
check 'one is claimed' wait_for 60 in_state 2 1
daemon=$(main_pid upcalld.service)
kill -STOP "$daemon"
ask offered
check 'one waits' wait_for 60 in_state 1 1
check 'the package is installed again' dpkg -i packages/upcalld_*.deb
check 'the one that runs still does' in_state 4 1
kill -CONT "$worker" 2>/dev/null
: >"${root[web]}/gate/open"
for one in running claimed offered; do check "upgraded: $one is answered" answered "$one"; done
check_equal 'upgraded: no handler ran twice' '' "$(sort "${root[web]}/tmp/ran" | uniq -d)"
check_equal 'upgraded: web is registered' live "$(upcallctl list --json | jq -r '(.containers // .)[] | select(.name == "web") | .state')"

# --- removed in a chroot that has the machine's /run and /dev, and everything else
in_chroot() {
	# shellcheck disable=SC2016  # expanded there
	unshare --mount sh -ec 'mount -t tmpfs tmpfs /mnt
		for one in dev etc proc run sys usr var; do mkdir "/mnt/$one" && mount --rbind "/$one" "/mnt/$one"; done
		ln -s usr/bin usr/lib usr/lib64 usr/sbin /mnt
		exec chroot /mnt "$@"' sh "$@"
}
machine() {
	stat -c '%n %i' /run/upcalld /dev/upcall /sys/module/upcall_shim
	find /run/upcalld -type s -o -name drained | sort
	systemctl show -p Id,ActiveState,InvocationID upcalld.socket upcalld-shim.socket
}
machine >machine.before
check 'in a chroot: removed, and installed again' in_chroot sh -ec 'cd /var/lib/dpkg/info
	./upcalld.prerm remove && ./upcalld.postrm remove && ./upcalld.postinst configure'
machine >machine.after
check 'in a chroot: the machine has all that it had' diff machine.before machine.after

# --- removed
dpkg -L upcalld upcall-shim-dkms | sort -u | while read -r path; do [ -d "$path" ] || echo "$path"; done >files
check 'the packages have files' test "$(wc -l <files)" -gt 30
systemctl kill -s STOP upcalld.service
ask waiting
check 'one waits when the package is removed' wait_for 60 in_state 1 1
systemctl kill -s CONT upcalld.service
container_exec web /bin/requester key user told:0:late c >answer.late 2>&1
audit_checkpoint
audit_expect_host '*' 'what removing packages runs, and from now on all upcalls are the kernel'\''s own'
check 'both packages are purged' dpkg --purge upcalld upcall-shim-dkms
check 'removed: what waited has an answer' wait_for 20 test -s answer.waiting
check_equal 'removed: the module is gone' '' "$(grep upcall_shim /proc/modules)"
check 'removed: and its device' test ! -e /dev/upcall
check_equal 'removed: no file of the packages is left' '' "$(while read -r path; do [ ! -e "$path" ] || echo "$path"; done <files)"
check_equal 'removed: nothing below /run, /var/lib and /lib/modules' '' \
	"$(find /run /var/lib /lib/modules \( -name 'upcall*' -o -name 'upcall-shim*' \) -not -path '/run/upcall-*' \
		-not -path '/var/lib/dpkg/*' -not -path '/run/systemd/transient/*' 2>/dev/null)"
check_equal 'removed: no unit is known' '' "$(systemctl list-units --all --plain --no-legend 'upcalld*' 'upcall-worker*' 'system-upcall*')"
check_equal 'removed: no cgroup' '' "$(find /sys/fs/cgroup -name 'upcall-[0-9]*' -o -name 'upcalld*' -o -name 'upcall-worker*')"
same_keys() { keys >keys.after && cmp -s keys.before keys.after; }
wait_for 60 same_keys
check 'removed: no key' diff keys.before keys.after
check_equal 'removed: no process' '' "$(pgrep -l '^upcall' | grep -v upcall-vm)"
settings >settings.after
check 'removed: no setting is another' diff settings.before settings.after
check 'removed: the policy, which is the administrator'\''s, stays' test -e /etc/upcalld.d/web.conf
check_equal 'removed: nothing is hooked' '' "$(grep call_usermodehelper_exec /sys/kernel/tracing/enabled_functions)"
check "removed: a container's upcall is the kernel's own" grep -q ENOKEY <<<"$(request web after:1)"
check 'removed: it was the host that ran it' grep -q request-key <<<"$(audit_host_upcalls)"
summary
