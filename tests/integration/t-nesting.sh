#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# A-68: handlers that make upcalls themselves: a key's asks for a key, whose handler asks for one, and so on to the depth
# limit; a core's asks for a key; a key's crashes, and asks for a module. None waits for himself, even where MaxConcurrent= is
# 1. The same in a container in a container.

# shellcheck source=lib/setup.sh
. lib/setup.sh

policy nest <<'CONF'
[Match]
Name=nest inner
[Core]
Handler=/usr/libexec/core
MaxConcurrent=1
[Key user]
MaxConcurrent=1
[Module]
Allow=net-pf-35
CONF

# "nest:NAME:N" is answered with N and then with what N+1 is answered with, or with the name of its error.
container_rootfs "$containers/nest/rootfs"
handler_script nest /bin/answer <<'SH'
#!/bin/sh
set -f
name=${2#nest:}
number=${name#*:}
name=${name%:*}
echo "$name:$number" >>/tmp/ran
case $name in
crash) answer=$(/bin/requester crash; echo crashed) ;;
module) answer=$(/bin/requester socket 35) ;;
*) answer=$(/bin/requester key user "nest:$name:$((number + 1))" c) ;;
esac
text=$number
for word in $answer; do
	case $word in
	payload | ok | ms=*) ;;
	*) text="$text $word" ;;
	esac
	case $word in E*) break ;; esac
done
exec keyctl instantiate "$1" "$text" 0
SH
echo 'create user nest:* * /bin/answer %k %d' >"$containers/nest/rootfs/etc/request-key.conf"
handler_script nest /usr/libexec/core <<'SH'
#!/bin/sh
cat >/dev/null
/bin/requester key user "nest:core:1" c >/tmp/core.new
exec /bin/busybox mv /tmp/core.new /tmp/core
SH
check 'nest is registered' registered nest

nothing_left() { [ -z "$(./shim-client list)" ]; }
# told WHAT EXPECTED OUTPUT: the requester's; nobody has waited for his own end
told() {
	check_equal "A-68: $1" "$2" "$(sed -n 's/^payload //p' <<<"$3")"
	check "A-68: $1: nobody waited for himself ($(took_ms "$3") ms)" test "$(took_ms "$3")" -lt 20000
}
ask() { container_exec nest /bin/requester key user "nest:$1:0" c 2>&1; }

# Four upcalls deep is allowed, the first one being none deep.
told 'one at a time, and each asks for the next' '0 1 2 3 4 ELOOP' "$(ask deep)"
check_equal 'A-68: each handler ran once' $'deep:0\ndeep:1\ndeep:2\ndeep:3\ndeep:4' "$(cat "${root[nest]}/tmp/ran")"
check_equal 'A-68: the one too deep was refused in the kernel' 1 "$(./shim-client counters 1 | sed -n 's/^refused //p')"

for i in 1 2 3; do ask "at-once-$i" >"at-once.$i" & done
wait
for i in 1 2 3; do told "three at once: $i" '0 1 2 3 4 ELOOP' "$(cat at-once.$i)"; done

told 'a handler that crashes' '0 crashed' "$(ask crash)"
audit_expect_host /sbin/modprobe 'an allowed module'
told 'a handler that needs a module' '0 EPERM' "$(ask module)"
check 'A-68: and has it' grep -q '^phonet ' /proc/modules
audit_checkpoint

container_exec nest /bin/requester crash >/dev/null 2>&1
check "A-68: a core's handler that asks for a key has an end" wait_for 60 test -s "${root[nest]}/tmp/core"
told "a core's handler that asks for a key" '1 2 3 4 ELOOP' "$(cat "${root[nest]}/tmp/core")"
check 'A-68: nothing is left' wait_for 20 nothing_left

# ------------------------------------------------------------ a container in it

container_exec nest /bin/requester unshare wait /gate/end >/dev/null 2>&1 &
outer=$!
# The one that is in two pid namespaces below the host's.
find_inner() {
	local pid
	for pid in $(pgrep -x requester); do
		if [ "$(awk '/^NSpid:/ { print NF }' "/proc/$pid/status")" = 4 ]; then
			inner=$pid
			return 0
		fi
	done
	return 1
}
check 'a container in it' wait_for 20 find_inner
# Whose root needs CAP_SETFCAP for that, which the container lacks.
check 'and has a root' nsenter -t "${leader[nest]}" -U /bin/sh -c "echo 0 0 1 >/proc/$inner/uid_map"
check 'inner is registered' upcallctl register inner --pid "$inner"
before=$(wc -l <"${root[nest]}/tmp/ran")
told 'a container in a container' '0 1 2 3 4 ELOOP' \
	"$(nsenter -t "$inner" -U -p -m -n -i -u /bin/requester key user nest:inner:0 c 2>&1)"
check_equal 'A-68: five handlers ran' $((before + 5)) "$(wc -l <"${root[nest]}/tmp/ran")"
five() { [ "$(records UPCALL_ID UPCALL_CONTAINER=inner UPCALL_RESULT=served | wc -l)" = 5 ]; }
check "A-68: all of them the inner one's" wait_for 20 five
told 'and the outer one is as it was' '0 1 2 3 4 ELOOP' "$(ask after)"
: >"${root[nest]}/gate/end"
wait "$outer"
check_equal 'no upcall is left' '' "$(./shim-client list)"
summary
