#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# upcallctl exec, in containers with and without a user namespace: what the command finds itself in is what a handler of
# the same container finds itself in; its exit status arrives; a visitor who dies, a command that does not end, a worker
# that is killed leave nobody behind; no terminal and no file of the host gets in; where a container cannot be entered,
# the step is named.
#
# upcallctl test: for each class, with and without a policy, what it says became of its upcall.

# shellcheck source=lib/setup.sh
. lib/setup.sh
handler=""

policy all <<'CONF'
[Match]
Name=user priv filter
[Key user]
Handler=/usr/libexec/handler
CONF

start() {
	container_rootfs "$containers/$1/rootfs"
	mkdir -p "$containers/$1/rootfs/usr/libexec"
	cp gate "$containers/$1/rootfs/usr/libexec/handler"
	check "$1 is registered" registered "$1" "$2"
}

# status_of COMMAND…: its exit status; its output in ./said, its errors in ./errors
status_of() {
	local status=0
	"$@" >said 2>errors </dev/null || status=$?
	echo "$status"
}
says() { grep -qF -- "$1" errors && return; cat errors; return 1; }

# Everything of a process that somebody outside can compare.
picture() {
	local ns
	for ns in /proc/"$1"/ns/*; do readlink "$ns"; done
	cat "/proc/$1/uid_map" "/proc/$1/gid_map" "/proc/$1/oom_score_adj" "/proc/$1/limits" "/proc/$1/setgroups"
	grep -E '^(Umask|Uid|Gid|Groups|NoNewPrivs|Seccomp|Cap[A-Z]..|SigBlk|SigIgn|NStgid)' "/proc/$1/status" |
		sed 's/^NStgid.*/& fields/; s/^NStgid:[^f]*/depth/'
	stat -Lc '%d:%i' "/proc/$1/root" "/proc/$1/cwd"
	# below which cgroup; a session of its own and no terminal
	sed -n 's/upcall-[0-9]*$/upcall-ID/; s/^0:://p' "/proc/$1/cgroup"
	sed 's/.*) //' "/proc/$1/stat" | awk -v pid="$1" '{ print "session", ($4 == pid), "terminal", $5, "nice", $17 }'
	tr '\0' '\n' <"/proc/$1/environ" | sort
	attr=$(cat "/proc/$1/attr/current" 2>/dev/null)
	echo "label $attr"
}

is_asleep() {
	local pid
	while read -r pid; do
		[ "$(readlink "/proc/$pid/exe")" != /usr/libexec/handler ] || { handler=$pid && return; }
	done < <(cat "$1"/upcall-*/cgroup.procs 2>/dev/null)
	return 1
}

same_as_a_handler() {
	local name=$1
	rm -f "${root[$name]}/gate/open"
	container_exec "$name" /bin/requester key user "exec:$name" c >/dev/null 2>&1 &
	local requester=$!
	check "$name: a handler starts" handler_wait "${cgroup[$name]}"
	picture "$handler" >of-handler
	: >"${root[$name]}/gate/open"
	wait "$requester"
	check "$name: the handler has gone" wait_for 20 no_leaves "$name"

	rm -f "${root[$name]}/gate/open"
	upcallctl exec "$name" -- /usr/libexec/handler </dev/null >out 2>&1 &
	local visitor=$!
	check "$name: a command starts" wait_for 20 is_asleep "${cgroup[$name]}"
	picture "$handler" >of-command
	check_equal "$name: exec is where a handler is, and as what" '' "$(diff of-handler of-command)"
	check "$name: in the container's namespaces" handler_inside "$handler" "${leader[$name]}"
	check_equal "$name: its descriptors are sockets, and no others" '0 1 2' \
		"$(for fd in /proc/"$handler"/fd/*; do case $(readlink "$fd") in socket:*) echo "${fd##*/}" ;; /usr/libexec/handler) ;; *) echo "$fd is $(readlink "$fd")" ;; esac; done | paste -sd' ')"
	: >"${root[$name]}/gate/open"
	wait "$visitor"
	check "$name: nothing is left" wait_for 20 no_leaves "$name"
}

statuses() {
	local name=$1
	check_equal "$name: exit status 0" 0 "$(status_of upcallctl exec "$name" -- /bin/true)"
	check_equal "$name: exit status 7" 7 "$(status_of upcallctl exec "$name" /bin/sh -c 'echo to you; echo to me >&2; exit 7')"
	check_equal "$name: its output" 'to you' "$(cat said)"
	check_equal "$name: its errors" 'to me' "$(cat errors)"
	check_equal "$name: 128 and the signal" 137 "$(status_of upcallctl exec "$name" /bin/sh -c 'kill -9 $$')"
	check_equal "$name: its input" 'words' "$(echo words | upcallctl exec "$name" /bin/cat)"
	check_equal "$name: much of it, both ways" "$(head -c 3000000 /dev/zero | tr '\0' x | md5sum)" \
		"$(head -c 3000000 /dev/zero | tr '\0' x | upcallctl exec "$name" /bin/cat | md5sum)"
	check_equal "$name: no such command: 127" 127 "$(status_of upcallctl exec "$name" /nowhere)"
	check "$name: and it says so" says '/nowhere: No such file or directory'
	check_equal "$name: no program: 126" 126 "$(status_of upcallctl exec "$name" /etc/passwd)"
	check_equal "$name: no path: 125" 125 "$(status_of upcallctl exec "$name" sh)"
	check_equal "$name: too long: 124" 124 "$(status_of upcallctl exec --timeout 1 "$name" /bin/sleep 1000)"
	check_equal "$name: too long, and it reads nothing: 124" 124 "$(status_of bash -c "yes | upcallctl exec --timeout 1 $name /bin/sleep 1000")"
	check_equal "$name: what it leaves running does not last" 0 "$(status_of upcallctl exec "$name" /bin/sh -c 'sleep 1000 & exit 0')"
	check "$name: nothing is left" wait_for 20 no_leaves "$name"
}

# Who sends the command its input, and could be asked for by it, has nothing that is worth taking.
carrier() {
	local name=$1 child status=0
	mkfifo feed
	upcallctl exec "$name" /bin/cat <feed >said 2>errors &
	local visitor=$!
	exec 7>feed
	echo first >&7
	check "$name: its input arrives" wait_for 20 grep -q first said
	child=$(xargs <"/proc/$visitor/task/$visitor/children")
	check_equal "$name: from a child with two descriptors" '0 pipe 1 socket' \
		"$(for fd in /proc/"$child"/fd/*; do echo "${fd##*/} $(readlink "$fd" | cut -d: -f1)"; done | xargs)"
	check_equal "$name: without capabilities, in a session of its own" "CapPrm: 0000000000000000 $child" \
		"$(grep CapPrm "/proc/$child/status" | xargs) $(ps -o sid= -p "$child" | xargs)"
	kill -9 "$child"
	wait "$visitor" || status=$?
	check_equal "$name: it dies, the command's input ends and no more" '0 first' "$status $(cat said)"
	check "$name: and upcallctl says so" says "exec $name: what it was to read was cut short: Broken pipe"
	exec 7>&-
	rm feed
}

# A writer that has left the leaf is not killed with it. Here the host moves it; a container may that has its cgroups.
writer_stays() {
	local name=$1 away=${cgroup[$1]}/away status=0 writer=''
	mkdir "$away"
	timeout -k 1 60 upcallctl exec --timeout 5 "$name" /bin/sh -c 'yes & exec sleep 1000' </dev/null >/dev/null 2>errors &
	local visitor=$!
	writes() {
		local pid
		while read -r pid; do
			[ "$(cat "/proc/$pid/comm")" != yes ] || { writer=$pid && return; }
		done < <(cat "${cgroup[$name]}"/upcall-*/cgroup.procs 2>/dev/null)
		return 1
	}
	check "$name: something writes" wait_for 20 writes
	check "$name: and leaves" tee "$away/cgroup.procs" <<<"$writer"
	wait "$visitor" || status=$?
	check_equal "$name: its visit ends all the same: 124" 124 "$status"
	check "$name: and says so" says 'it ran for more than 5 s'
	ended() { [ -z "$(cat "$away/cgroup.procs")" ]; }
	check "$name: and who goes on writing is stopped" wait_for 20 ended
	rmdir "$away"
}

populated() { [ -n "$(cat "${cgroup[$1]}"/upcall-*/cgroup.procs 2>/dev/null)" ]; }
# How many tasks of the container are its sleeping leader or nothing.
sleepers() { cat "${cgroup[$1]}"/cgroup.procs "${cgroup[$1]}"/*/cgroup.procs 2>/dev/null | wc -l; }

visitor_dies() {
	local name=$1 before
	before=$(sleepers "$name")
	upcallctl exec "$name" /bin/sh -c 'sleep 1000 & sleep 1000' </dev/null >out 2>&1 &
	local visitor=$!
	check "$name: a command runs" wait_for 20 populated "$name"
	kill -9 "$visitor"
	wait "$visitor" 2>/dev/null
	check "$name: its visitor is killed, nothing is left" wait_for 20 no_leaves "$name"
	check_equal "$name: and nobody" "$before" "$(sleepers "$name")"
}

worker_dies() {
	local name=$1 before
	before=$(sleepers "$name")
	upcallctl exec "$name" /bin/sleep 1000 </dev/null >out 2>errors &
	local visitor=$! status=0
	check "$name: a command runs" wait_for 20 populated "$name"
	systemctl kill --kill-whom=main -s KILL "upcall-worker@$name.service"
	wait "$visitor" || status=$?
	check_equal "$name: its worker is killed: 125" 125 "$status"
	check "$name: and it says so" says 'its worker has gone'
	alone() { [ "$(sleepers "$name")" = "$before" ]; }
	check "$name: and its command with it" wait_for 20 alone
	check_equal "$name: the next one works" 0 "$(status_of upcallctl exec "$name" /bin/true)"
}

daemon_dies() {
	local name=$1 status=0
	mkfifo hold
	upcallctl exec "$name" /bin/sh -c 'read x; echo "read $x"' <hold >said 2>errors &
	local visitor=$!
	exec 7>hold
	check "$name: a command runs" wait_for 20 populated "$name"
	systemctl kill -s KILL upcalld.service
	echo on >&7
	exec 7>&-
	wait "$visitor" || status=$?
	check_equal "$name: upcalld is killed, its command ends well" '0 read on' "$status $(cat said)"
}

start user .
start priv "$(container_privileged)"
for name in user priv; do
	same_as_a_handler "$name"
	statuses "$name"
	carrier "$name"
	writer_stays "$name"
	visitor_dies "$name"
	worker_dies "$name"
done
daemon_dies user

check_equal 'json: how it went' 'user exited 3 0' \
	"$(upcallctl exec --json user /bin/sh -c 'echo noise; exit 3' 2>errors | jq -r '"\(.container) \(.outcome) \(.["exit-status"]) \(.signal)"')"
check_equal 'json: its output is elsewhere' noise "$(cat errors)"

# A terminal of the host: script(1) makes one. The command must not have it, nor write to it what types.
terminal=$(script -qec "upcallctl exec priv /bin/sh -c 'test -t 0 && echo has; test -t 1 && echo has; echo; ls -l /proc/self/fd; printf \"\\033[6n\"'" /dev/null </dev/null)
check_fails 'no terminal gets in' grep -q has <<<"$terminal"
check_fails 'nor a device' grep -q /dev/pts <<<"$terminal"
check_fails 'no escape sequence gets out to one' grep -q $'\033' <<<"$terminal"

check_equal 'no such container: 125' 125 "$(status_of upcallctl exec nobody /bin/true)"
check 'and it says so' says nobody
sudo_nobody() { setpriv --reuid 65534 --clear-groups upcallctl exec user /bin/true; }
check_equal 'not for others than root' 125 "$(status_of sudo_nobody)"

# A filter that nobody has told us of is the leader's; one that lies to us is not applied, so no program of the container's is
# run, here as for a handler.
start known '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
	syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 122}]}'
check_equal 'a container with a seccomp filter: a program runs' 0 "$(status_of upcallctl exec known /bin/true)"
check_equal 'under it' 1 "$(status_of upcallctl exec known /bin/mkdir /tmp/made)"
check 'which refuses what it refuses' says 'Disk quota exceeded'
start filter '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
	syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO", errnoRet: 0}]}'
check_equal 'a container whose filter lies: 125' 125 "$(status_of upcallctl exec filter /bin/true)"
check 'and the step is named, and what it means' \
	says 'step seccomp (its first process has seccomp filters, see HANDLERS in upcalld.d(5)): Bad message'
check_equal 'also in JSON' 'entry-failed seccomp' "$(upcallctl exec --json filter /bin/true 2>/dev/null | jq -r '"\(.outcome) \(.step)"')"
echo 1 >"${cgroup[user]}/cgroup.freeze"
check_equal 'a frozen one: 125' 125 "$(status_of upcallctl exec user /bin/true)"
check 'and the step is named' says 'step cgroup: Device or resource busy'
echo 0 >"${cgroup[user]}/cgroup.freeze"

# ------------------------------------------------------------------------ test

policy raised <<'CONF'
[Match]
Name=raised
[Core]
Handler=/usr/libexec/save
[Key user]
[Key logon]
Handler=/bin/false
[Key]
Handler=deny
[Module]
Allow=dummy
CONF
container_rootfs "$containers/raised/rootfs"
handler_script raised /usr/libexec/save <<'SH'
#!/bin/sh
exec cat >/cores/saved
SH
handler_script raised /bin/answer <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" text "$2"
SH
echo 'create user upcallctl-test:* * /bin/answer %k %S' >"$containers/raised/rootfs/etc/request-key.conf"
check 'raised is registered' registered raised
check 'plain is registered' registered plain

# became NAME CLASS STATUS RESULT REASON-OR-STEP WHAT-THE-REQUESTER-GOT
became() {
	local got
	check_equal "test $1 $2: status" "$3" "$(status_of upcallctl test --json "$1" "$2")"
	got=$(jq -r '"\(.result)|\(.upcall.step // "")\(.upcall.reason // "")|\(.error)"' said)
	check_equal "test $1 $2: what became of it" "$4|$5|$6" "$got"
}
is_its_record() { jq -e '.upcall.requester == .requester and .requester > 1 and .upcall.container == .container' said; }

became raised key 0 served '' ''
check 'and it is its own record' is_its_record
became raised key/logon 8 failed '' 'Required key not available'
check 'and it is its own record' is_its_record
became raised key/asymmetric 9 refused '' 'Key was rejected by service'
became raised module 9 refused 'not in Allow=' 'Address family not supported by protocol'
check 'and it is its own record' is_its_record
became raised core 0 served '' ''
check 'and it is its own record' is_its_record
check_equal 'its core is one' ELF "$(dd if="${root[raised]}/cores/saved" bs=1 skip=1 count=3 2>/dev/null)"
check_equal 'in words' 0 "$(status_of upcallctl test raised key/user)"
check 'it says what was asked for' grep -q '^raised: *key user upcallctl-test:[0-9a-f]*$' said
check 'and the result' grep -q '^result: *served$' said
audit_expect_host /sbin/request-key 'nothing redirects the upcalls of plain'
audit_expect_host /sbin/modprobe 'nothing redirects the upcalls of plain'
audit_expect_host '*/systemd-coredump' 'nothing redirects the upcalls of plain'
for class in key key/logon module core; do
	error=''
	case $class in
	key*) error='Required key not available' ;;
	module) error='Address family not supported by protocol' ;;
	esac
	became plain "$class" 10 native '' "$error"
done
became filter key 8 entry-failed seccomp 'Key was rejected by service'
check_equal 'a type of keys that there is not' 1 "$(status_of upcallctl test raised key/nonsense)"
check 'and it says so' says 'no keys of type nonsense'
check_equal 'a class that cannot be raised' 2 "$(status_of upcallctl test raised release-agent)"
check_equal 'no such container: 3' 3 "$(status_of upcallctl test nobody key)"

kill -9 "${leader[user]}"
gone() { upcallctl list --json | jq -e '.containers[] | select(.name == "user") | .state == "tombstone"' || ! upcallctl show user; }
wait_for 20 gone >/dev/null 2>&1
check_equal 'its leader is dead: 125' 125 "$(status_of upcallctl exec user /bin/true)"
for name in priv raised plain filter; do
	check "$name: nobody is left behind" test -z "$(cat "${cgroup[$name]}"/upcall-*/cgroup.procs 2>/dev/null)"
done
summary
