#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: bookworm-nosys
#
# A-01: text that names others changes nothing. A task in A makes upcalls whose text names B's and the host's pids, uids,
# namespaces and paths, and the same with neutral text: placement is equal, and nobody else sees anything of it: no file of
# B's, and none of the host's that a text names or the kernel would have run, is opened by anybody.

# shellcheck source=lib/setup.sh
. lib/setup.sh
handler=""

config='[Match]
Name=a b
[Core]
Handler=/usr/libexec/handler
[Key user]
Handler=/usr/libexec/handler'

policy ab <<<"$config"
for name in a b; do
	container_rootfs "$containers/$name/rootfs"
	# Waits at the gate while the test looks at it from outside.
	handler_script "$name" /usr/libexec/handler <<-'SH'
		#!/bin/sh
		echo "$*" >>/tmp/ran
		while [ ! -e /gate/open ]; do sleep 0.05; done
		[ "$1" = create ] && keyctl instantiate "$2" text @u
		exec cat >/dev/null
	SH
	mkdir -p "$containers/$name/rootfs/tmp"
	check "$name is registered" registered "$name"
done

# Its making reads what is watched.
container_rootfs "$containers/fs/rootfs"

# Whoever opens one of these is in the log.
marker=/run/host-marker
echo secret >$marker
watched=("$marker" /etc/shadow /sbin/request-key /etc/request-key.conf /usr/lib/systemd/systemd-coredump)
watched+=("$containers"/b/rootfs/bin/{busybox,keyctl,requester} "$containers"/b/rootfs/{etc/passwd,usr/libexec/handler})
chmod +x bait-watch
./bait-watch opened.log "${watched[@]}" &
check 'the watch is set' wait_for 10 test -e opened.log

# placed DESCRIPTION REQUESTER-ARG…: raises it in A and looks where its handler is.
placed() {
	local what=$1
	shift
	rm -f "${root[a]}/gate/open"
	container_exec a /bin/requester "$@" >/dev/null 2>&1 &
	local requester=$!
	check "$what: a handler starts in A's cgroup" handler_wait "${cgroup[a]}" || return
	check "$what: it is in A's seven namespaces" handler_inside "$handler" "${leader[a]}"
	check "$what: it is A's root" handler_idmap "$handler" "${leader[a]}"
	: >"${root[a]}/gate/open"
	wait "$requester"
	check "$what: nothing ran in B" test ! -e "${root[b]}/tmp/ran"
}

placed 'key, neutral text' key user neutral:text callout
placed "key, B's pid" key user "pid:${leader[b]};uid=0x0;upcall_target=app" "pid=${leader[b]}"
placed "key, the host's pid" key user "ver=0x2;host=h;pid=0x1;uid=0x0;creduid=0x0;upcall_target=app" "pid=1;ns=/proc/1/ns/mnt"
placed 'key, a path' key user "/proc/1/root/etc/shadow;$(readlink /proc/1/ns/mnt)" '../../../../proc/1/root'
placed "key, the host's and B's files" key user "$marker" "path=$containers/b/rootfs/etc/passwd;/etc/shadow"
placed 'core' crash

check 'every key was recorded as a task'\''s own request' \
	test "$(records UPCALL_ORIGIN UPCALL_CONTAINER=a UPCALL_CLASS=key | sort | uniq -c | awk '{ print $1, $2 }')" = '5 syscall'

# What the kernel asks for itself says so, whatever name the task has chosen for it.
audit_expect_host /sbin/modprobe 'kafs asks for what it is made of'
modprobe kafs
policy fs <<'CONF'
[Match]
Name=fs
[Key dns_resolver]
Handler=dns
CONF
check 'fs is registered' registered fs "$(container_privileged)"
container_exec fs /bin/requester mount afs none /mnt dyn >/dev/null
container_exec fs /bin/ls -d "/mnt/pid=1.uid=0.$(stat -Lc %i /proc/1/ns/net)" >/dev/null 2>&1
check_equal "the kernel's own look-up is recorded as that" kernel "$(records UPCALL_ORIGIN UPCALL_CONTAINER=fs | sort -u)"

check_equal "nobody opened a file of B's or of the host's that was watched" '' "$(cat opened.log)"
cat $marker >/dev/null
check 'the watch works (else it proves nothing)' wait_for 5 grep -q "^host $marker" opened.log
check 'and the audit agrees' audit_checkpoint
summary
