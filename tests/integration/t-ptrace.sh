#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: bookworm-nosys
# soak: 10000
#
# A-15: the container's root hunts for new processes: attach, open mem, fd, exe, cwd, root. Whatever it gets hold of is
# already the container's own program; nothing of the host's was reachable before.
# $1: how many (default 150)

# shellcheck source=lib/setup.sh
. lib/setup.sh
upcalls=${1:-150}

policy hunt <<'CONF'
[Match]
Name=hunt
[Key user]
Handler=/usr/libexec/handler
CONF
container_rootfs "$containers/hunt/rootfs"
cp gate "$containers/hunt/rootfs/usr/libexec/handler"
cp hunter "$containers/hunt/rootfs/bin/hunter"
check 'hunt is registered' registered hunt '.process.capabilities as $c | (["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SYS_ADMIN"]) as $more
	| .process.capabilities = ($c | map_values(. + $more | unique))'
container_exec hunt /bin/hunter /tmp/prey /usr/libexec/handler /bin/requester /bin/hunter /bin/busybox &
hunter=$!
wait_for 10 test -e "${root[hunt]}/tmp/prey"
# The first handler waits until it is caught: so it can be.
container_exec hunt /bin/requester key user hunt:first c >/dev/null &
first=$!
check "the hunter does catch a handler (else the test proves nothing)" \
	wait_for 20 grep -q '^own /usr/libexec/handler' "${root[hunt]}/tmp/prey"
: >"${root[hunt]}/gate/open"
wait "$first"
for ((i = 0; i < upcalls; i++)); do echo "key user hunt:$i c"; done |
	container_exec hunt /bin/sh -c 'while read -r a b c d; do /bin/requester $a $b $c $d >/dev/null; done'
echo stop >"${root[hunt]}/gate/stop"
wait "$hunter"
check_equal "of $upcalls upcalls, none showed anything of the host's" '' "$(grep '^host' "${root[hunt]}/tmp/prey")"
grep -c '^own' "${root[hunt]}/tmp/prey" | sed 's/^/caught, already the container'\''s own: /'
summary
