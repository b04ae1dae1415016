#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: quick
#
# The demonstration, in the guest: two real OCI containers, four kinds of upcall, each handled inside its container or
# refused by its policy; then the same with the module unloaded. Where a handler runs is read from the host's /proc
# while it runs: each waits at a gate that only this script opens. tests/demo runs it and says what it is doing.
#
#   web         user, mount, pid, net, ipc, uts and cgroup namespaces of its own: core, key, module
#   fileserver  privileged (a kernel file system is mounted in it), everything but a user namespace: dns

# shellcheck source=../vm/lib/guest.sh
. "$UPCALL_VM_LIB/guest.sh"
ln tools/* .
# shellcheck source=lib/container.sh
. lib/container.sh
# shellcheck source=lib/where.sh
. lib/where.sh

nonce=$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-16)
cell=n$nonce.example
can=29    # AF_CAN: the request net-pf-29, the module can; on web's list
phonet=35 # AF_PHONET: the request net-pf-35, the module phonet; not on it

declare -a rows

say() { printf '\n== %s\n' "$*"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# row UPCALL NATIVE HERE RESULT MS
row() { rows+=("$(printf '%-8s| %-46s| %-50s| %-19s| %6s' "$@")"); }

gate_open() { : >"$containers/$1/rootfs/gate/$2"; }

# ------------------------------------------------------------------ containers

write_policies() {
	cat >/etc/upcalld.d/web.conf <<-CONF
		[Match]
		Name=web
		[Core]
		Handler=/usr/libexec/save-core
		RuntimeMaxSec=60
		[Key user]
		RuntimeMaxSec=35
		[Module]
		Allow=can
	CONF
	cat >/etc/upcalld.d/fileserver.conf <<-CONF
		[Match]
		Name=fileserver
		[Key dns_resolver]
		Handler=dns
	CONF
}

# The container's own handlers: files in its root, nothing of the host's.
write_handlers() {
	local root=$containers/web/rootfs
	cat >"$root/usr/libexec/save-core" <<-'SH'
		#!/bin/sh
		cat >/cores/core
		while [ ! -e /gate/core ]; do sleep 0.05; done
	SH
	cat >"$root/bin/answer" <<-'SH'
		#!/bin/sh
		while [ ! -e /gate/key ]; do sleep 0.05; done
		exec /bin/keyctl instantiate "$1" "$(cat /etc/nonce)" "$2"
	SH
	chmod 755 "$root/usr/libexec/save-core" "$root/bin/answer"
	echo 'create user nonce:* * /bin/answer %k %S' >"$root/etc/request-key.conf"
	echo "$nonce" >"$root/etc/nonce"
	echo 'nameserver 127.0.0.1' >"$containers/fileserver/rootfs/etc/resolv.conf"
}

# The host's resolver is a server of ours that writes down who asks.
start_host_resolver() {
	rm -f /etc/resolv.conf
	echo 'nameserver 127.0.0.1' >/etc/resolv.conf
	./dns-server 53 host.invalid 192.0.2.1 host-dns.log &
	check "dns: the host's resolver listens" wait_for 10 test -e host-dns.log
}

start_containers() {
	container_rootfs "$containers/web/rootfs"
	container_rootfs "$containers/fileserver/rootfs"
	write_handlers
	container_start web
	container_start fileserver "$(container_privileged)"
	web=$(container_pid web)
	fileserver=$(container_pid fileserver)
	container_exec fileserver /bin/dns-server 53 "$cell" 10.0.0.7 /tmp/dns.log /gate/dns &
}

# -------------------------------------------------------------------- upcalls

demo_core() {
	local started
	say 'core: a program in the container crashes'
	started=$(now_ms)
	container_exec web /bin/requester crash >crash.log 2>&1 &
	local crash=$!
	check 'core: a handler started in the container' handler_wait "$(container_cgroup web)"
	check "core: it is in the container's seven namespaces" handler_inside "$handler" "$web"
	check "core: it has the container's uid map and root" handler_idmap "$handler" "$web"
	check "core: its parent is web's worker" handler_parent_is_worker "$handler" web
	row core 'host: systemd-coredump, root, init namespaces' "$(handler_describe "$handler")" 'core written inside' \
		$(($(now_ms) - started))
	gate_open web core
	wait "$crash"
	check 'core: it is in the container and names the program' core_names "$containers/web/rootfs/cores/core" requester
	check 'core: nothing landed on the host' host_has_no_core
}

demo_key() {
	local started
	say "key: a program in the container asks for a key"
	started=$(now_ms)
	container_exec web /bin/requester key user "nonce:$nonce" callout >key.log 2>&1 &
	local request=$!
	check 'key: a handler started in the container' handler_wait "$(container_cgroup web)"
	check "key: it is in the container's seven namespaces" handler_inside "$handler" "$web"
	check "key: it has the container's uid map and root" handler_idmap "$handler" "$web"
	check "key: its parent is web's worker" handler_parent_is_worker "$handler" web
	row key 'host: /sbin/request-key, root, init namespaces' "$(handler_describe "$handler")" 'nonce received' \
		$(($(now_ms) - started))
	gate_open web key
	wait "$request"
	check "key: the payload is this boot's nonce" grep -qx "payload $nonce" key.log
}

demo_dns() {
	local started
	say "dns: a kernel file system (AFS) in the container needs a server's name"
	container_exec fileserver /bin/requester mount afs none /mnt dyn >mount.log || cat mount.log
	started=$(now_ms)
	container_exec fileserver /bin/ls -d "/mnt/$cell" >dns.log 2>&1 &
	local lookup=$!
	check 'dns: a handler started in the container' handler_wait "$(container_cgroup fileserver)"
	check "dns: it is in the container's seven namespaces" handler_inside "$handler" "$fileserver"
	check "dns: its parent is fileserver's worker" handler_parent_is_worker "$handler" fileserver
	row dns 'host: /sbin/request-key, root, init namespaces' "$(handler_describe "$handler")" "resolved inside" \
		$(($(now_ms) - started))
	gate_open fileserver dns
	check 'dns: the look-up succeeds' wait "$lookup"
	check "dns: the container's server was asked" grep -q "$cell" "$containers/fileserver/rootfs/tmp/dns.log"
	check 'dns: its answer is in no cache, where others would find it' wait_for 20 dns_key_is_gone
	check "dns: the host's resolver saw no packet" test ! -s host-dns.log
}

dns_key_is_gone() { ! grep -q "dns_resol.*$cell" /proc/keys; }

demo_module() {
	local started took
	say 'module: one autoload on the list, one that is not'
	audit_expect_host /sbin/modprobe "net-pf-$can is on web's list"
	started=$(now_ms)
	container_exec web /bin/requester socket $can >module.log 2>&1
	took=$(($(now_ms) - started))
	check 'module: the one on the list is loaded' grep -q '^can ' /proc/modules
	check 'module: the kernel itself ran modprobe for it, once' test "$(audit_host_upcalls | grep -c modprobe)" -ge 1
	row 'module+' 'host: /sbin/modprobe, root, init namespaces' "host: the kernel's own modprobe, allowed" 'loaded' "$took"
	check 'module: so far the audit is clean' audit_checkpoint
	started=$(now_ms)
	container_exec web /bin/requester socket $phonet >refused.log 2>&1
	took=$(($(now_ms) - started))
	check 'module: the other is refused' grep -q EAFNOSUPPORT refused.log
	check 'module: at once' test "$(sed -n 's/.*ms=//p' refused.log)" -lt 250
	check_fails 'module: and not loaded' grep -q '^phonet ' /proc/modules
	check_equal 'module: no modprobe ran for it' '' "$(audit_host_upcalls)"
	row 'module-' 'host: /sbin/modprobe, root, init namespaces' 'nowhere' 'refused' "$took"
}

# ----------------------------------------------------------------- the contrast

unload() {
	systemctl stop upcalld-shim.socket upcalld.socket upcalld.service 2>/dev/null
	modprobe -r upcall_shim
}

# What the kernel started since the last look, as one word for the table.
kernel_ran() {
	audit_execs | awk '$3 == "kernel" { print $6 " (" $4 ")" }' | sort -u | paste -sd' '
}

contrast() {
	say 'the contrast: the same with the module unloaded'
	check 'contrast: the module unloads' unload
	audit_expect_host '*' 'nothing redirects upcalls now'
	container_exec web /bin/requester key user "plain:$nonce" callout >/dev/null 2>&1
	check 'contrast: the kernel ran request-key on the host' grep -q /sbin/request-key <<<"$(kernel_ran)"
	container_exec web /bin/requester socket $phonet >/dev/null 2>&1
	check 'contrast: the refused module is loaded' grep -q '^phonet ' /proc/modules
	container_exec web /bin/requester crash >/dev/null 2>&1
	check 'contrast: the kernel ran the core handler on the host' grep -q systemd-coredump <<<"$(kernel_ran)"
	container_exec fileserver /bin/ls -d "/mnt/x$cell" >/dev/null 2>&1
	echo "the kernel ran, as root in the initial namespaces: $(kernel_ran)"
}

# ------------------------------------------------------------------------ all

say 'two containers, made by crun'
write_policies
start_host_resolver
audit_expect_host /sbin/modprobe 'kafs and crun ask for what they are made of'
modprobe kafs
start_containers
audit_checkpoint
say 'upcallctl register'
check 'web is registered' upcallctl register web --pid "$web"
check 'fileserver is registered' upcallctl register fileserver --pid "$fileserver"
upcallctl list
demo_core
demo_key
demo_dns
demo_module
check "the audit: for the containers' upcalls nothing ran on the host's side but what is ours" audit_checkpoint
contrast

printf '\n%-8s| %-46s| %-50s| %-19s| %6s\n' upcall 'the kernel would have run it' 'it ran' result ms
printf -- '--------|-----------------------------------------------|---------------------------------------------------|--------------------|-------\n'
printf '%s\n' "${rows[@]}"
echo
summary
