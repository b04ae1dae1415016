#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The guest's side of tests/bench: makes the upcalls, prints every round, judges nothing about time.
#
#   guest.sh ROUNDS [CASE…]
#
# A round is a line of four words, tab-separated, that tests/bench collects: round CASE SIDE MICROSECONDS.
# Everything else is for people. The sides of a case:
#   native  the kernel's own helper, for a task of `plain`, a container like the other that nobody registered
#   ours    a task of `box`, which is registered and has a policy
#   answered  the same, in rounds of their own: only up to the answer, as the shim's tracepoint tells. What comes after
#             is work that one processor does before it lets the requester run
# and where the host's own upcalls are measured, native is without the module and ours with it and nothing registered.
# What ran where is told by the exec audit: between two checkpoints only one side runs, and only for the native one may
# the kernel start a program.

# On the disk, as the host's programs are.
containers=/var/tmp/bench
mkdir -p $containers

# shellcheck source=../integration/lib/setup.sh
. lib/setup.sh

rounds=${1:?usage: guest.sh ROUNDS [CASE…]}
shift
wanted=("$@")
cold_rounds=$(((rounds + 4) / 5))
unknown=27 # AF_IB: the request net-pf-27, which no module answers
key=(key user 'bench:%' c)

is_wanted() {
	local name
	((${#wanted[@]})) || return 0
	for name in "${wanted[@]}"; do [ "$name" = "$1" ] && return 0; done
	return 1
}

# ------------------------------------------------------------------- rounds

# rounds_of CASE SIDE OUTCOME COMMAND…: bench-client's lines become rounds; each must have ended with OUTCOME
rounds_of() {
	local of=$1 side=$2 outcome=$3 log
	shift 3
	log=$("$@" 2>&1)
	if [ -n "$log" ] && ! grep -qv " $outcome " <<<"$log"; then
		awk -v of="$of" -v side="$side" '{ printf "round\t%s\t%s\t%s\n", of, side, $1 }' <<<"$log"
	else
		not_ok "$of, $side: every round ends with $outcome" "$log"
	fi
}

trace=/sys/kernel/tracing/instances/bench

trace_begin() {
	[ -d $trace ] || mkdir $trace
	echo mono >$trace/trace_clock
	echo 1 >$trace/events/upcall/upcall_state/enable
}

# answered CASE COMMAND…: COMMAND is bench-client, one upcall at a time; each ends with its move to DONE (5)
answered() {
	local of=$1
	shift
	trace_begin
	"$@" | cut -d' ' -f3 >begun
	echo 0 >$trace/events/upcall/upcall_state/enable
	# "COMM-PID [CPU] FLAGS SECONDS: upcall_state: … to=5"
	sed -n 's/.* \([0-9]*\)\.\([0-9]*\): upcall_state: .* to=5$/\1\2/p' $trace/trace |
		awk -v of="$of" '
			NR == FNR { begun[n++] = $1; next }
			{ while (at < n && begun[at + 1] && begun[at + 1] <= $1) at++ }
			begun[at] <= $1 && !seen[at]++ { printf "round\t%s\tanswered\t%d\n", of, $1 - begun[at] }' begun -
	: >$trace/trace
}

# crowd SIDE CONTAINER NUMBER: so many requesters at once; together they raise as many upcalls as fewer do
crowd() {
	local side=$1 name=$2 number=$3
	rounds_of "crowd-$number" "$side" ok in_container "$name" -n $(((rounds * 8 + number - 1) / number)) -w 1 -p 0 \
		-j "$number" "${key[@]}"
}

in_container() {
	local name=$1
	shift
	container_exec "$name" /bin/bench-client "$@"
}

# native CASE OUTCOME ARG…: ARGs are bench-client's; the kernel may run what it wants
native() {
	local of=$1 outcome=$2
	shift 2
	audit_expect_host '*' "$of: the native side"
	rounds_of "$of" native "$outcome" in_container plain -n "$rounds" "$@"
	check "$of, native: the kernel ran a program" [ -n "$(audit_host_upcalls)" ]
	check "$of, native: audited" audit_checkpoint
}

# ours CASE OUTCOME ARG…
ours() {
	local of=$1 outcome=$2
	shift 2
	rounds_of "$of" ours "$outcome" in_container box -n "$rounds" "$@"
	check_equal "$of, ours: the kernel ran nothing on the host" '' "$(audit_host_upcalls)"
	check "$of, ours: audited" audit_checkpoint
}

# ------------------------------------------------------------------ helpers

# Where the kernel looks for it, also through the links of a merged /usr.
host_helper=$(readlink -f /sbin/request-key)

host_static() { cp bench-helper $containers/ && mount --bind $containers/bench-helper "$host_helper"; }
host_stock() { umount "$host_helper"; }
box_static() { cp bench-helper "$containers/box/rootfs/sbin/request-key"; }
box_stock() { cp "$host_helper" "$containers/box/rootfs/sbin/request-key"; }

write_request_key_conf() {
	local line='create user bench:* * /bin/keyctl instantiate %k bench %S' root
	# The same file for both; the second line is Debian's own.
	printf '%s\n' "$line" 'create dns_resolver * * /sbin/key.dns_resolver %k' >/etc/request-key.conf
	rm -f /etc/request-key.d/*
	for root in "$containers"/*/rootfs; do cp /etc/request-key.conf "$root/etc/"; done
}

start_containers() {
	local name
	for name in box plain; do
		container_rootfs "$containers/$name/rootfs"
		cp "$PWD/bench-client" "$containers/$name/rootfs/bin/"
		# Without it the loader tries every directory for every library, which the host's programs need not.
		ldconfig -r "$containers/$name/rootfs" -C /etc/ld.so.cache
	done
	write_request_key_conf
	audit_expect_host /sbin/modprobe 'crun asks for what it is made of'
	check 'two containers of the same shape' start_both
	check 'so far the audit is clean' audit_checkpoint
}

start_both() { container_start plain && container_start box; }

box_policy() { policy box < <(printf '%s\n' '[Match]' Name=box "$@"); }

register_box() {
	box_policy '[Key user]' '[Key dns_resolver]' Handler=dns '[Module]'
	check 'box is registered' upcallctl register box --pid "$(container_pid box)"
}

# ------------------------------------------------------------------- module

unload() {
	systemctl stop upcalld-shim.socket upcalld.socket upcalld.service && modprobe -r upcall_shim
}

shim_is_held() { systemctl is-active --quiet upcalld-shim.socket; }

load() {
	modprobe upcall_shim && wait_for 20 shim_is_held && systemctl start upcalld.socket
}

# -------------------------------------------------------------------- cases

# unaffected SIDE: who did not ask for anything, with the module and without
unaffected() {
	audit_expect_host '*' 'nothing is registered'
	rounds_of host "$1" ok ./bench-client -n "$rounds" "${key[@]}"
	rounds_of unregistered "$1" ok in_container plain -n "$rounds" "${key[@]}"
	check 'unaffected: audited' audit_checkpoint
}

# Twice, in turns: what changes with the machine's age is on both sides then.
case_host() {
	host_static
	for _ in 1 2; do
		unaffected ours
		check 'the module unloads' unload
		unaffected native
		check 'the module loads, and is connected' load
	done
	host_stock
}

case_key_stock() {
	native key-stock ok "${key[@]}"
	ours key-stock ok "${key[@]}"
	answered key-stock in_container box -n 10 "${key[@]}"
}

case_key_static() {
	host_static
	box_static
	native key-static ok "${key[@]}"
	ours key-static ok "${key[@]}"
	answered key-static in_container box -n 10 "${key[@]}"
	host_stock
	box_stock
}

# The same server and the same name on both sides, each on its own loopback.
case_dns() {
	local name=bench.example server
	modprobe dns_resolver # a type that is not there is no upcall
	rm -f /etc/resolv.conf
	echo 'nameserver 127.0.0.1' >/etc/resolv.conf
	cp /etc/resolv.conf "$containers/box/rootfs/etc/"
	./dns-server 53 $name 192.0.2.1 dns.log &
	server=$!
	container_exec box /bin/dns-server 53 $name 192.0.2.1 /tmp/dns.log &
	native dns ok key dns_resolver $name ipv4
	ours dns ok key dns_resolver $name ipv4
	answered dns in_container box -n 10 key dns_resolver $name ipv4
	kill "$server"
}

case_module_refused() {
	native module-refused EAFNOSUPPORT socket "$unknown"
	ours module-refused EAFNOSUPPORT socket "$unknown"
}

case_key_refused() {
	box_policy '[Key user]' Handler=deny
	ours key-refused EKEYREJECTED "${key[@]}"
	box_policy '[Key user]' '[Key dns_resolver]' Handler=dns '[Module]'
}

# A round each, after what idle exit leaves: the sockets in PID 1 and nothing else of ours.
case_key_cold() {
	local round
	for ((round = -1; round < cold_rounds; round++)); do
		systemctl stop upcalld.service upcall-worker@box.service 2>/dev/null # says that the sockets stay
		sleep 1
		[ "$round" -ge 0 ] || { in_container box -n 1 -w 0 "${key[@]}" >/dev/null && continue; }
		rounds_of key-cold ours ok in_container box -n 1 -w 0 "${key[@]}"
	done
	check 'key-cold: audited' audit_checkpoint
}

# A container each: its first upcall starts its worker, too.
case_key_adopted() {
	local round name
	mkdir -p /sys/fs/cgroup/adopted.slice
	policy adopted <<-'CONF'
		[Match]
		Cgroup=/adopted.slice/*
		[Key user]
	CONF
	for ((round = 0; round < cold_rounds; round++)); do
		name=adopted-$round
		mkdir -p "$containers/$name"
		mount --bind -m "$containers/box/rootfs" "$containers/$name/rootfs"
		container_start "$name" ".linux.cgroupsPath = \"/adopted.slice/$name\""
		rounds_of key-adopted ours ok container_exec "$name" /bin/bench-client -n 1 -w 0 "${key[@]}"
		container_stop "$name"
	done
	check 'key-adopted: audited' audit_checkpoint
}

# run_rounds CASE SIDE JQ-FILTER: all of `crun run`, with a container that ends at once
run_rounds() {
	local of=$1 side=$2 round from
	container_config "$containers/box" run ".process.args = [\"/bin/true\"] | $3"
	for ((round = -2; round < rounds; round++)); do
		from=${EPOCHREALTIME/./}
		crun --cgroup-manager=cgroupfs run --bundle "$containers/box" run </dev/null || return
		[ "$round" -lt 0 ] || printf 'round\t%s\t%s\t%s\n' "$of" "$side" $((${EPOCHREALTIME/./} - from))
	done
}

# with_hook PROGRAM
with_hook() { echo ".hooks = {createRuntime: [{path: \"$1\", args: [\"upcall-oci-hook\", \"createRuntime\"]}]}"; }

# In turns; a container that nobody has a policy for, and upcalld runs.
case_hook() {
	local before
	upcallctl status >/dev/null
	before=$(journalctl -b -q -u upcalld.service -o cat | grep -c '^Container oci-run is registered')
	for _ in 1 2; do
		run_rounds hook native .
		run_rounds hook ours "$(with_hook /usr/libexec/oci/hooks.d/upcall-oci-hook)"
		run_rounds hook-nothing ours "$(with_hook "$PWD/nothing")"
	done
	check_equal 'hook: each container with it was registered' $((before + 2 * (rounds + 2))) \
		"$(journalctl -b -q -u upcalld.service -o cat | grep -c '^Container oci-run is registered')"
	check 'hook: audited' audit_checkpoint
}

# Wall-clock time is measured, so the machine is not one that counts. In turns: whatever else the machine does is on both
# sides.
case_crowd() {
	local number
	host_static
	box_static
	audit_expect_host '*' 'crowd: the native side'
	for _ in 1 2 3; do
		for number in 1 8 64; do
			crowd native plain "$number"
			crowd ours box "$number"
		done
	done
	check 'crowd: audited' audit_checkpoint
	host_stock
	box_stock
}

raise_key_quotas
start_containers
if is_wanted host || is_wanted unregistered; then case_host; fi
register_box
for name in key-stock key-static dns module-refused key-refused key-cold key-adopted hook; do
	if is_wanted "$name"; then "case_${name//-/_}"; fi
done
# Only if asked by name: another kind of machine.
case " ${wanted[*]} " in *' crowd '*) case_crowd ;; esac
summary
