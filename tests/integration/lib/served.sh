# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Containers of real runtimes that are served; sourced in the guest after setup.sh.
#
#   entry NAME JQ-FILTER           of what upcalld has registered under that name; nothing if it has not
#   is_gone NAME                   it has not
#   policy_of NAME                 the file that decides
#   with_handlers ROOT             a container's root, with programs of its own for cores and keys
#   served WHAT ROOT COMMAND…      checks that a core, a key and a name are handled inside; COMMAND runs a program in the
#                                  container, where ROOT is "/". The policy wants all three
#   podman_filter                  a file: podman's own seccomp filter, but that it lets everybody ask for keys
#   same_state WHAT ROOT PID       checks that its last handler for cores ran with the filters and powers that PID has

# shellcheck disable=SC2154 # container_uid and containers are container.sh's

entry() { upcallctl list --json | jq -r --arg name "$1" ".containers[] | select(.name == \$name) | $2"; }
is_gone() { [ -z "$(entry "$1" .name)" ]; }
policy_of() { basename "$(entry "$1" .policy)"; }

with_handlers() {
	container_rootfs "$1"
	# which tells what it runs under: modes, and how a system call ends that filters of tests refuse
	cat >"$1/usr/libexec/save-core" <<-'SH'
		#!/bin/sh
		cat >/cores/core
		grep -E '^(Seccomp|Seccomp_filters|NoNewPrivs|CapBnd|CapEff):' /proc/self/status >/cores/state
		mkdir /cores/made 2>/cores/refused
	SH
	cat >"$1/bin/answer" <<-'SH'
		#!/bin/sh
		exec keyctl instantiate "$1" served "$2"
	SH
	chmod 755 "$1/usr/libexec/save-core" "$1/bin/answer"
	echo 'create user * * /bin/answer %k %S' >"$1/etc/request-key.conf"
	echo 'nameserver 127.0.0.1' >"$1/etc/resolv.conf"
	chown -R "$container_uid:$container_uid" "$1"
}

served() {
	local what=$1 root=$2 name=h$RANDOM.example
	shift 2
	check "$what: a key is served inside" grep -q 'payload served' <<<"$("$@" /bin/requester key user "$RANDOM:$what" c 2>&1)"
	modprobe dns_resolver
	"$@" /bin/dns-server 53 "$name" 203.0.113.66 /cores/dns.log >/dev/null 2>&1 &
	check "$what: it has a name server of its own" wait_for 20 test -e "$root/cores/dns.log"
	check "$what: a name is resolved inside" grep -q 'payload 203.0.113.66' <<<"$("$@" /bin/requester key dns_resolver "$name" c 2>&1)"
	check "$what: its name server was asked" grep -q "$name" "$root/cores/dns.log"
	"$@" /bin/requester crash >/dev/null 2>&1
	check "$what: its own handler has the core" core_names "$root/cores/core" requester
	check "$what: the host has none" host_has_no_core
	check "$what: audited" audit_checkpoint
}

podman_filter() {
	jq '["add_key", "keyctl", "request_key"] as $calls | .syscalls |= map(.names -= $calls | select(.names != []))
		| .syscalls += [{names: $calls, action: "SCMP_ACT_ALLOW", args: [], includes: {}, excludes: {}}]' \
		/usr/share/containers/seccomp.json >"$containers/seccomp.json"
	echo "$containers/seccomp.json"
}

same_state() {
	check_equal "$1: its handler has the first process' filters and powers" \
		"$(sed -n '/^\(Seccomp\|Seccomp_filters\|NoNewPrivs\|CapBnd\|CapEff\):/p' "/proc/$3/status" | sort)" "$(sort "$2/cores/state")"
}
