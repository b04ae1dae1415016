#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
# soak: 250
#
# A-59: many tasks of the host and of a container ask for the same thing at once. Who shares the keyring that a key goes into shares
# its request, as without us: one handler answers all of them. Nobody else does, so that no answer is another's: who has a
# keyring of his own has a handler of his own, and each socket its own modprobe, or its own refusal. All have the same result.
# $1: how many on each side (default 100)

# shellcheck source=lib/setup.sh
. lib/setup.sh
crowd=${1:-100}
# who asks for himself is one of those whom upcalld lets wait
few=60

raise_key_quotas
policy web <<'CONF'
[Match]
Name=web
[Key user]
MaxConcurrent=16
[Module]
Allow=net-pf-21
CONF
container_rootfs "$containers/web/rootfs"
handler_script web /bin/answer <<'SH'
#!/bin/sh
echo "$3" >>/tmp/ran
exec keyctl instantiate "$1" served "$2"
SH
echo 'create user * * /bin/answer %k %S %d' >"$containers/web/rootfs/etc/request-key.conf"
install -m 755 flood "$containers/web/rootfs/bin/flood"
cat >/usr/local/bin/answer <<'SH'
#!/bin/sh
echo "$3" >>/tmp/host-ran
exec keyctl instantiate "$1" served "$2"
SH
chmod 755 /usr/local/bin/answer
cp /etc/request-key.conf request-key.conf
echo 'create user same:* * /usr/local/bin/answer %k %S %d' >/etc/request-key.conf
check 'web is registered' registered web

# both_sides COUNT WHAT ARGUMENT: at once; what became of those on the host, and of the container's
both_sides() {
	rm -f "$containers/web/rootfs/tmp/ran" /tmp/host-ran host.log web.log
	audit_expect_host '*' "the host's own requests"
	keyctl session - ./flood "$1" "$3" "$2" >host.log 2>/dev/null &
	container_exec web /bin/keyctl session - /bin/flood "$1" "$3" "$2" >web.log 2>/dev/null
	wait "$!"
}
ran() { wc -l <"$1" 2>/dev/null || echo 0; }

both_sides "$crowd" same same:1
check_equal 'all of the host have the key that they share' "ok $crowd" "$(cat host.log)"
check_equal "all of the container have theirs" "ok $crowd" "$(cat web.log)"
check_equal "the host's handler has run once" 1 "$(ran /tmp/host-ran)"
check_equal "and the container's once" 1 "$(ran "$containers/web/rootfs/tmp/ran")"

both_sides "$few" each same:2
check_equal 'each of the host has a key of its own' "ok $few" "$(cat host.log)"
check_equal 'so has each of the container' "ok $few" "$(cat web.log)"
check_equal "for each of the host a handler has run" "$few" "$(ran /tmp/host-ran)"
check_equal 'so has one for each of the container' "$few" "$(ran "$containers/web/rootfs/tmp/ran")"

both_sides "$crowd" socket 21
check_equal 'there is no such module, for all of the host' "EAFNOSUPPORT $crowd" "$(cat host.log)"
check_equal 'nor for the container, which may have it' "EAFNOSUPPORT $crowd" "$(cat web.log)"
both_sides "$crowd" socket 25
check_equal 'nor this one, for the host' "EAFNOSUPPORT $crowd" "$(cat host.log)"
check_equal 'and the container, which may not' "EAFNOSUPPORT $crowd" "$(cat web.log)"
check_equal "nobody found the kernel's own limit of modprobes in the way" '' "$(dmesg | grep -i 'kmod.*busy\|throttle' || true)"
cp request-key.conf /etc/request-key.conf
summary
