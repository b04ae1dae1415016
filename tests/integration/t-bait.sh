#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: bookworm-nosys
# soak: 100
#
# A-02: nothing of the container's is loaded, parsed or executed while a host credential is held. The container's root is
# full of bait: a preload file, NSS configuration and modules, locale files, programs with the names of all tools. Each
# opener of bait is held and looked at; only tasks in the container's own namespaces may be among them.
# $1: how many rounds (default 20)

# shellcheck source=lib/setup.sh
. lib/setup.sh
rounds=${1:-20}

policy bait <<'CONF'
[Match]
Name=bait
[Core]
Handler=/usr/libexec/handler
[Key user]
Handler=/usr/libexec/handler
[Key dns_resolver]
Handler=dns
[Module]
CONF
container_rootfs "$containers/bait/rootfs"
r=$containers/bait/rootfs
cp gate "$r/usr/libexec/handler"
: >"$r/gate/open"
files=(etc/nsswitch.conf etc/ld.so.cache etc/locale.alias etc/gai.conf etc/host.conf etc/services etc/localtime
	etc/login.defs etc/group usr/lib/locale/locale-archive usr/lib/x86_64-linux-gnu/gconv/gconv-modules
	usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache lib/x86_64-linux-gnu/libnss_files.so.2
	lib/x86_64-linux-gnu/libnss_dns.so.2 etc/modprobe.d/bait.conf sbin/modprobe)
for tool in upcall-worker upcall-dns upcalld modprobe systemd-coredump nsenter sh; do
	for directory in usr/bin usr/sbin usr/local/bin usr/local/sbin; do files+=("$directory/$tool"); done
done
for file in "${files[@]}"; do
	mkdir -p "$r/$(dirname "$file")"
	[ -e "$r/$file" ] || { echo '#!/bin/sh' >"$r/$file" && chmod 755 "$r/$file"; }
done
chown -R "$container_uid:$container_uid" "$r"
echo 'nameserver 127.0.0.1' >"$r/etc/resolv.conf"
# A type that the kernel does not know is nobody's key.
check 'the kernel has dns_resolver keys' modprobe dns_resolver
check 'bait is registered' registered bait

chmod +x bait-watch
(cd "$r" && exec "$OLDPWD/bait-watch" "$OLDPWD/bait.log" "${files[@]}" etc/passwd etc/resolv.conf usr/libexec/handler) &
watcher=$!
check 'the watch is set' wait_for 10 test -e bait.log
for ((i = 0; i < rounds; i++)); do
	echo "key user b:$i c"
	echo "socket 35"
	echo "key dns_resolver n$i.example x"
	[ $((i % 5)) != 0 ] || echo crash
done | container_exec bait /bin/sh -c 'while read -r a b c d; do /bin/requester $a $b $c $d >/dev/null 2>&1; done'
kill "$watcher"
wait "$watcher" 2>/dev/null
check_equal "in $rounds rounds, nobody of the host's opened the bait" '' "$(grep '^host' bait.log | sort -u)"
check "the handlers are seen, so the watch works" grep -q '^own .*usr/libexec/handler' bait.log
check "so is the dns builtin, reading as the container" grep -q '^own .*etc/resolv.conf' bait.log
summary
