#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak: 40
#
# A-49: names of programs, hosts, keys and cgroups with blanks, quotes, newlines, %, $, ;, control codes, bytes that are no
# UTF-8, and long ones: the handler gets them byte for byte, unit names are made of the container's name alone, a record
# cannot be split nor get a field of somebody else's, PID 1 does not grow.
# $1: rounds (default 1)

# shellcheck source=lib/setup.sh
. lib/setup.sh
rounds=${1:-1}

texts=(
	'a b'
	"q\"u'o\`t\\e"
	$'new\nline'
	$'x\nUPCALL_A=1'
	'%n%s%d%P%e'
	'$HOME;id|sh&'
	$'\e[31m\a\b\t'
	$'\xff\xfe\xc3('
	'../../etc'
	'*?[a]{b}'
	'-rf'
)
long=$(printf 'long%.0s' {1..1000})

policy web <<'CONF'
[Match]
Name=*
[Core]
Handler=/usr/libexec/witness
[Key user]
Handler=/usr/libexec/witness
CONF
install witness /usr/libexec/witness
container_rootfs "$containers/web/rootfs"
install -o "$container_uid" -g "$container_uid" witness "$containers/web/rootfs/usr/libexec/witness"
check 'web is registered' registered web
seen=${root[web]}/tmp/seen
inside=(nsenter -t "${leader[web]}" -U -p -m -n -u)

# The core's argv: what of it is anybody's text.
core_pattern=$(cat /proc/sys/kernel/core_pattern)
echo '|/bin/false %h %e %E' >/proc/sys/kernel/core_pattern

asked=0
started=$(date +%s)
forget() {
	rm -rf "$seen"
	mkdir -m 1777 "$seen"
}
# same WHAT FILE TEXT…: the file holds the texts, each with its NUL
same() {
	local what=$1 file=$2
	shift 2
	check "$what" cmp <(printf '%s\0' "$@") "$seen/$file"
}
# The same of one text without a NUL.
same_bytes() { check "$1" cmp <(printf %s "$3") "$seen/$2"; }
# try NUMBER TEXT
try() {
	local what="text $1" text=$2 program comm
	forget
	asked=$((asked + 2))
	check "$what: the key is answered" grep -qx 'payload seen' \
		<<<"$("${inside[@]}" /bin/requester key user "$serial:$text" "$text" 2>&1)"
	same_bytes "$what: the key's description is the requester's, byte for byte" description "$serial:$text"
	same_bytes "$what: so is the callout" callout "$text"
	check_equal "$what: no other argument than the kernel's seven and the handler" 8 "$(tr -cd '\0' <"$seen/argv" | wc -c)"

	# A file's name has no slash, the kernel's helper sees none either.
	forget
	program=${text//\//!}
	# The audit of these tests reads lines: a newline is the host name's and the key's only.
	program=${program//$'\n'/$'\v'}
	program=${program:0:200}
	cp "${root[web]}/bin/requester" "${root[web]}/tmp/$program"
	"${inside[@]}" hostname -- "${text:0:60}"
	# nsenter dies of the signal that its child died of: a second core
	"${inside[@]}" /bin/sh -c '"$1" crash; true' sh "/tmp/$program" >/dev/null 2>&1
	rm "${root[web]}/tmp/$program"
	comm=$(printf %s "$program" | head -c 15)
	wait_for 20 test -s "$seen/argv"
	same "$what: a core's handler has host name, comm and path, byte for byte" argv /usr/libexec/witness \
		"$(printf %s "${text:0:60}" | tr / '!')" "$comm" "!tmp!$program"
	serial=$((serial + 1))
	printf '%s\0' "$comm" >>comms
}

upcallctl monitor --json >events &
monitor=$!
watched() { [ "$(find /proc/$monitor/fd -lname 'socket:*' | wc -l)" -ge 1 ]; }
wait_for 20 watched
serial=1
: >comms
pid1_rss() { awk '/^VmRSS/ { print $2 }' /proc/1/status; }
before=''
for ((round = 0; round < rounds; round++)); do
	for i in "${!texts[@]}"; do
		try "$i" "${texts[i]}"
		# The first has PID 1 start everything.
		before=${before:-$(pid1_rss)}
	done
	try long "$long"
done
after=$(pid1_rss)
check "PID 1 has not grown ($before to $after KiB)" test $((after - before)) -lt 512

# --- a container whose cgroup is called so, deep below others of that kind
# in_cgroup PATH: one without a root of its own; sets $inner to its leader, $launcher to its parent
in_cgroup() {
	mkdir -p "$1"
	# shellcheck disable=SC2016 # for the inner shell
	bash -c 'echo $$ >"$1/cgroup.procs"; exec unshare -Cpmnf --kill-child sleep 1000' x "$1" &
	launcher=$!
	find_inner() { inner=$(pgrep -P "$launcher" -x sleep); }
	wait_for 20 find_inner
}
deep=$'/sys/fs/cgroup/c \'"%n$x;\xff'
for _ in 1 2 3; do deep=$deep/${long:0:200}; done
in_cgroup "$deep"
check 'a container in a strange cgroup is registered' upcallctl register strange --pid "$inner"
mkdir -m 1777 /tmp/seen
asked=$((asked + 1))
check 'it is served' grep -qx 'payload seen' \
	<<<"$(nsenter -t "$inner" -p -m -n "$PWD/requester" key user strange:1 c 2>&1)"
check 'list shows it as JSON' test "$(upcallctl list --json | jq -r '.containers[] | select(.name == "strange") | .cgroup' | wc -l)" = 1
none_left() { [ -z "$(find "$deep" -name 'upcall-*')" ]; }
check 'its leaf is gone' wait_for 20 none_left
check 'it is unregistered' upcallctl unregister strange
kill "$launcher"
in_cgroup $'/sys/fs/cgroup/c\ed'
check_fails 'one with a control code in its path is not registered' upcallctl register strange --pid "$inner"
check 'and that is said in one line' grep -qE "^upcallctl: register strange: the cgroup of process $inner cannot be found[ -~]*$" \
	<<<"$(upcallctl register strange --pid "$inner" 2>&1)"
check 'explain shows it, and does not give it to the terminal' grep -qE '^cgroup: +/c\\x1bd: [ -~]*$' \
	<<<"$(upcallctl explain --pid "$inner" 2>&1)"
kill "$launcher"

# --- what became of all that text
# What DESIGN.md says of unit names, and our own few.
units() { systemctl list-units --all --plain --no-legend 'upcall*' | awk '$1 !~ /^upcall-vm/ { print $1 }'; }
check 'there are units (else the test proves nothing)' grep -q '^upcall-worker@web.service$' <<<"$(units)"
check_equal 'each is named as it should be' '' \
	"$(units | grep -vE '^(upcall-[a-z]+@[a-z0-9][a-z0-9_.-]{0,62}|upcalld|upcalld-shim|upcalld-attach)\.(service|socket)$')"
journal() { journalctl --since "@$started" --no-pager -q -o json _COMM=upcalld; }
all_recorded() { [ "$(journal | jq -s '[.[] | select(.UPCALL_ID)] | length')" -ge "$asked" ]; }
wait_for 30 all_recorded
check_equal 'each upcall has one record' "$asked" "$(journal | jq -r 'select(.UPCALL_ID) | .UPCALL_ID' | sort -u | wc -l)"
check_equal 'and not two' "$asked" "$(journal | jq -s '[.[] | select(.UPCALL_ID)] | length')"
check_equal 'no record has a field of somebody else'\''s' '' "$(journal | jq -r 'select(.UPCALL_A) | .MESSAGE')"
check_equal 'nor a field twice' '' \
	"$(journal | jq -r 'to_entries[] | select(.key | startswith("UPCALL_")) | select(.key != "UPCALL_COMM") | select(.value | type != "string") | .key')"
check_equal 'each message is one line of printable ASCII' '' "$(journal | jq -r '.MESSAGE | select(type != "string" or (test("^[ -~]+$") | not))')"
# The journal gives what is no text as numbers.
recorded_comms() { journal | jq -c 'select(.UPCALL_CLASS == "core") | .UPCALL_COMM' | sort -u; }
check_equal "as many programs' names are recorded as there were" "$(sort -zu comms | tr -cd '\0' | wc -c)" "$(recorded_comms | wc -l)"

# --- long names in messages are cut, and say so
output=$(upcallctl register "$long" --pid "${leader[web]}" 2>&1 >/dev/null)
check 'a long name is cut with a mark' grep -q "lon\.\.\.' is no name for a container" <<<"$output"
output=$(upcallctl register x --cgroup "/$long" --pid "${leader[web]}" 2>&1 >/dev/null)
check 'so is a long path' grep -q "longlo.*\.\.\.' is no cgroup below /sys/fs/cgroup: " <<<"$output"

both_told() { [ "$(jq -r .event events | grep -c .)" -ge $((2 * asked)) ]; }
check 'a monitor has two lines of JSON for each' wait_for 20 both_told
kill "$monitor"
echo "$core_pattern" >/proc/sys/kernel/core_pattern
summary
