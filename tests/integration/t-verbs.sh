#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
#
# upcallctl's verbs about upcalls, on real ones: a handler stands at a gate, and pending must show it; cancel makes its
# requester return; show and explain say what the kernel and the policy say; monitor sees each begin and end.

# shellcheck source=lib/setup.sh
. lib/setup.sh
handler=""

# What stands at the gate while the test looks at it must not end for being slow, however slow the machine is.
for parameter in claim_ms run_ms key_run_ms core_run_ms; do
	echo 600000 >"/sys/module/upcall_shim/parameters/$parameter"
done
policy web <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/handler
RuntimeMaxSec=600
[Key user]
Handler=/usr/libexec/handler
RuntimeMaxSec=300
MaxConcurrent=1
CONF
container_rootfs "$containers/web/rootfs"
handler_script web /usr/libexec/handler <<'SH'
#!/bin/sh
while [ ! -e /gate/open ]; do sleep 0.05; done
[ "$1" = create ] && exec /sbin/request-key "$@"
exec cat >/dev/null
SH
handler_script web /bin/answer <<'SH'
#!/bin/sh
exec keyctl instantiate "$1" text "$2"
SH
echo 'create user * * /bin/answer %k %S' >"$containers/web/rootfs/etc/request-key.conf"
check 'web is registered' registered web

# ask NAME DESCRIPTION: a request in the background; $asked is its pid, its output in NAME
ask() {
	request web "$2" >"$1" &
	asked=$!
}
pending() { upcallctl pending --json | jq -r ".upcalls[] | $1"; }
pending_count() { [ "$(pending .id | wc -l)" = "$1" ]; }
# status_of COMMAND…: its exit status, its words in ./said
status_of() {
	local status=0
	"$@" >said 2>&1 || status=$?
	echo "$status"
}

upcallctl monitor --json >events &
monitor=$!
upcallctl monitor >events.txt &
monitor_text=$!

# --- pending
check_equal 'pending: nothing at first' '' "$(pending .id)"
ask first verbs:1
check 'a handler stands at the gate' handler_wait "${cgroup[web]}"
first=$asked
ask second verbs:2
second=$asked
check 'pending: both are there' wait_for 60 pending_count 2
check_equal 'pending: the first runs, and that is its pid' "key/user web running /usr/libexec/handler container $handler" \
	"$(pending '"\(.class) \(.container) \(.state) \(.handler) \(."run-in") \(.pid)"' | head -1)"
check_equal 'pending: the second waits for its quota' 'offered quota 0' "$(pending '"\(.state) \(."waits-for") \(.pid)"' | tail -1)"
left=$(pending .deadline)
check "pending: the first has its section's time" test "$(head -1 <<<"$left")" -gt 1000000 -a "$(head -1 <<<"$left")" -le 300000000
check "pending: the second has the kernel's to be claimed" test "$(tail -1 <<<"$left")" -gt 300000000 -a "$(tail -1 <<<"$left")" -le 600000000
check 'pending: it has an age' test "$(pending .age | head -1)" -gt 0
check 'pending: the table has both' test "$(upcallctl pending --noheadings | wc -l)" = 2
check_equal 'pending: not for others than root' 4 "$(status_of setpriv --reuid=65534 --clear-groups upcallctl pending)"

# --- show, while something is pending
show() { upcallctl show web --json | jq -r "$1"; }
check_equal 'show: no such container' 3 "$(status_of upcallctl show nobody)"
check_equal 'show: not for others than root' 4 "$(status_of setpriv --reuid=65534 --clear-groups upcallctl show web)"
check_equal 'show: what would happen to each class' \
	'core offer [Core], key native , module native , release-agent native , other native , key/user offer [Key user]' \
	"$(show '[.outlook[] | "\(.class) \(.verdict) \(.section)"] | join(", ")')"
check_equal 'show: what is pending' "$(pending .id)" "$(show '.upcalls[].id')"
check_equal 'show: its worker' 'upcall-worker@web.service: active (running) connected' "$(show '"\(.unit) \(.worker)"')"
check_equal 'show: its leader' "${leader[web]}" "$(show .leader)"
check 'show: for people' grep -q '^policy: *[/]etc/upcalld.d/web.conf$' <<<"$(upcallctl show web)"
explain() { upcallctl explain --id "$1" --json | jq -r "$2"; }
check_equal 'explain: one that runs' "pending running requester /etc/upcalld.d/web.conf [Key user] $handler" \
	"$(explain "$(pending .id | head -1)" '"\(.result) \(.reason) \(.rule) \(.policy) \(.section) \(.pid)"')"

# --- cancel
ids=$(pending .id)
one=$(head -1 <<<"$ids") two=$(tail -1 <<<"$ids")
check_equal 'cancel: not for others than root' 4 "$(status_of setpriv --reuid=65534 --clear-groups upcallctl cancel "$one")"
check_equal 'cancel: no such upcall' 3 "$(status_of upcallctl cancel 999999)"
check 'cancel: and it says so' grep -q 'no upcall 999999' said
check 'cancel: what waits' upcallctl cancel "$two"
wait "$second"
check 'cancel: its requester is refused' grep -q '^EKEYREJECTED' second
check 'cancel: what runs' upcallctl cancel "$one"
wait "$first"
check 'cancel: its requester is refused, too' grep -q '^EKEYREJECTED' first
check_fails 'cancel: its handler is gone' wait_for 1 test -d "/proc/$handler"
check_equal 'cancel: once only' 7 "$(status_of upcallctl cancel "$one")"
check 'cancel: and it says so, too' grep -q "upcall $one has ended" said
container_exec web /bin/requester crash >/dev/null 2>&1 &
crashed=$!
check 'a core is held' handler_wait "${cgroup[web]}"
check 'cancel: a core' upcallctl cancel "$(pending .id)"
wait "$crashed"
check 'cancel: nothing is left' wait_for 10 no_leaves web
check 'pending: nothing is left' wait_for 10 pending_count 0
refused() { [ "$(records UPCALL_REASON UPCALL_CONTAINER=web UPCALL_RESULT=refused | grep -c cancelled)" = "$1" ]; }
check 'cancel: each is recorded as refused' wait_for 10 refused 3
: >"${root[web]}/gate/open"
check_equal 'and the next one is served' 'payload text' "$(request web verbs:3 | head -1)"

# --- explain
check_equal 'explain: one that was cancelled' 'refused cancelled web [Key user] /usr/libexec/handler' \
	"$(explain "$one" '"\(.result) \(.reason) \(.container) \(.section) \(.handler)"')"
last_served() { [ "$(show .last.result)" = served ]; }
check 'show: the last one was served' wait_for 10 last_served
check_equal 'explain: and so was that one' 'served key user' \
	"$(explain "$(show .last.id)" '"\(.result) \(.class) \(."key-type")"')"
mkdir users.d
printf '%s\n' '[Match]' 'User=*' '[Key]' >users.d/users.conf
check 'config: what a user gets' grep -q '^/.*/users.d/users.conf$' \
	<(upcallctl config 1000-web --user 1000 --config-dir "$PWD/users.d")
check 'config: and root does not' grep -q '^1000-web: no policy names it' \
	<(upcallctl config 1000-web --config-dir "$PWD/users.d")
check_equal 'explain: one that never was' 3 "$(status_of upcallctl explain --id 999999)"
check 'explain: names the command that finds older ones' grep -q 'journalctl -b _SYSTEMD_UNIT=upcalld.service UPCALL_ID=999999' said
check_equal 'explain: not for others than root' 4 \
	"$(status_of setpriv --reuid=65534 --clear-groups upcallctl explain --pid $$)"

# explained PID FILTER [ARG…]
explained() {
	local pid=$1 filter=$2
	shift 2
	upcallctl explain --pid "$pid" "$@" --json | jq -r "$filter"
}
steps='[.steps[] | "\(.by) \(.hits) \(.counts)"] | join(", ")'
check_equal "explain: the leader is the container's" 'container web /etc/upcalld.d/web.conf' \
	"$(explained "${leader[web]}" '"\(.scope) \(.container) \(.policy)"')"
check_equal 'explain: by these' 'cgroup web true, pid web true, user web true, mnt web false, net web false' \
	"$(explained "${leader[web]}" "$steps")"
check_equal 'explain: what would happen to a key' 'key/user offer /usr/libexec/handler container' \
	"$(explained "${leader[web]}" '.outlook[] | "\(.class) \(.verdict) \(.handler) \(."run-in")"' --class key/user)"
check_equal 'explain: to a key of another type' 'key native its policy file has no section for it' \
	"$(explained "${leader[web]}" '.outlook[] | "\(.class) \(.verdict) \(.why)"' --class key/dns_resolver)"
stands='"\(."stands-for") " + ([.outlook[] | ."stands-for"] | join(","))'
check_equal 'explain: a key of its own stands for the process' 'process process' \
	"$(explained "${leader[web]}" "$stands" --class key/user)"
check_equal 'explain: a name for the network' 'network process' \
	"$(explained "${leader[web]}" "$stands" --class key/dns_resolver)"
check_equal 'explain: what the kernel asks for itself for nobody' 'nobody process' \
	"$(explained "${leader[web]}" "$stands" --class key/cifs.spnego)"
check 'explain: and says so in words' \
	grep -q '^such a key stands for: *nobody, where the kernel asks for itself: .* request_key(2)$' <(upcallctl explain --pid "${leader[web]}" --class key/cifs.spnego)
container_exec web /bin/requester unshare wait /tmp/go &
waiting=$!
unshared=''
find_unshared() {
	local pid
	for pid in $(pgrep -x requester); do
		[ "$(readlink "/proc/$pid/ns/user")" = "$(readlink "/proc/${leader[web]}/ns/user")" ] || unshared=$pid
	done
	[ -n "$unshared" ]
}
check 'somebody unshares everything in it' wait_for 10 find_unshared
check_equal 'explain: who unshares everything is still its' 'container web' \
	"$(explained "$unshared" '"\(.scope) \(.container)"')"
check_equal 'explain: by ancestors' 'cgroup web true, pid web true, user web true, mnt  false, net  false' \
	"$(explained "$unshared" "$steps")"
: >"${root[web]}/tmp/go"
wait "$waiting"

container_start other
other=$(container_pid other)
check_equal 'explain: a container that nobody registered' 'unregistered  native nobody registered it' \
	"$(explained "$other" '"\(.scope) \(.container) \(.outlook[0].verdict) \(.outlook[0].why)"' --class core)"
check_equal 'explain: by none of these' ',,,,' "$(explained "$other" '[.steps[].hits] | join(",")')"
check_equal 'explain: the host' 'host  native' "$(explained $$ '"\(.scope) \(.container) \(.outlook[0].verdict)"')"
sleep 1000 &
supervisor=$!
echo "$supervisor" >"${cgroup[web]}/cgroup.procs"
check_equal 'explain: a host task in its cgroup is the host'\''s' 'host' "$(explained "$supervisor" .scope)"
check_equal 'explain: and that is why' "in a container's cgroup, but in none of its namespaces: of the host, or of another there" \
	"$(explained "$supervisor" '.steps[0].why')"
kill "$supervisor"
check 'explain: for people' grep -q '^the kernel says: *container web, and that is what counts$' \
	<<<"$(upcallctl explain --pid "${leader[web]}")"
check_equal 'explain: a process that is none' 3 "$(status_of upcallctl explain --pid 2147483646)"

# --- monitor
ids_of() { jq -r "select(.event == \"$1\") | .id" events | sort -n | paste -sd ' '; }
check_equal 'monitor: not for others than root' 4 "$(status_of setpriv --reuid=65534 --clear-groups upcallctl monitor)"
check_equal 'monitor: each that was offered has ended' "$(ids_of offered)" "$(ids_of ended)"
check_equal 'monitor: as the records say' "$(records UPCALL_RESULT UPCALL_CONTAINER=web | paste -sd ' ')" \
	"$(jq -r 'select(.event == "ended") | .result' events | paste -sd ' ')"
check 'monitor: for people' grep -qE '^[0-9:.]+ ended   [0-9]+ key/user web served after [0-9.]+ ms by /usr/libexec/handler$' events.txt
check 'monitor: is still there' kill -0 "$monitor"

kill "$monitor" "$monitor_text"
wait "$monitor" "$monitor_text"

check_equal 'no upcall is left' '' "$(./shim-client list)"
summary
