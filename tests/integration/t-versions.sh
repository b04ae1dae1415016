#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# soak-suites: trixie trixie-backports
# needs: other-shims
#
# Half an upgrade: the module that is loaded speaks an older version of the protocol than upcalld, or a newer one. upcalld
# serves nobody by it, and each way in which one can ask says what both are. What the module has in its table from a broker
# of its own version goes on by that: who waits has his answer from such a one, or an error in time; the host's upcalls are
# the kernel's own. With the module that belongs to it, upcalld serves again.

# shellcheck source=lib/setup.sh
. lib/setup.sh

answering web
container_start web
pid=$(container_pid web)

installed=$(upcalld --version | cut -d' ' -f2)
abi=$(upcallctl status --json | jq -r '."shim-version"')
check_equal 'first: the loaded module is the installed one' "$installed" "$abi"

stop_all() { systemctl stop upcalld-shim.socket upcalld.socket upcalld.service; }
is_loaded() { grep -q '^upcall_shim ' /proc/modules; }
state_is() { [ "$(upcallctl list --json | jq -r '.containers[] | select(.name == "web").state')" = "$1" ]; }
named() { grep -q "upcall_shim $1 speaks version"; }
parameter() { echo "$2" >"/sys/module/upcall_shim/parameters/$1"; }
key_waits() { ./shim-client list | grep -q 'state=1 class=key '; }

# with_other KIND VERSION
with_other() {
	local kind=$1 version=$2 what="$1 module" status=0 message id
	stop_all
	! is_loaded || check "$what: ours is unloaded" rmmod upcall_shim
	check "$what: it is loaded" insmod "other-shims/$kind.ko"
	check "$what: it has the device" wait_for 20 test -c /dev/upcall
	parameter claim_ms 4000
	check "$what: upcalld runs" systemctl start upcalld-shim.socket upcalld.socket upcalld.service

	message=$(upcallctl status 2>&1) || status=$?
	check_equal "$what: status exits with 6" 6 "$status"
	check "$what: it names both" named "$version" <<<"$message"
	message=$(upcallctl status --json)
	check_equal "$what: its JSON, too" "$version $installed" "$(jq -r '"\(."shim-version") \(.version)"' <<<"$message")"
	check "$what: the journal, too" named "$version" <<<"$(journalctl -b -q -p warning -o cat -u upcalld.service)"
	check "$what: doctor, too" grep -q 'module-version' <<<"$(upcallctl doctor)"
	status=0
	message=$(upcallctl register web --pid "$pid" 2>&1) || status=$?
	check_equal "$what: nobody is registered by it" 6 "$status"
	check "$what: for that reason" named "$version" <<<"$message"
	check_equal "$what: and the module has nobody" '' "$(./shim-client containers)"

	audit_checkpoint
	audit_expect_host '*' 'the host asks'
	./requester key user "$kind:host" c >/dev/null
	check "$what: a host upcall is native" grep -q request-key <<<"$(audit_host_upcalls)"
	audit_checkpoint

	# As the broker left it that the module belongs to.
	id=$(./shim-client add web "$pid" key=offer,module=offer | cut -d' ' -f1)
	message=$(request web "$kind:1")
	check "$what: who is registered has an error ($message)" grep -q '^ETIMEDOUT ' <<<"$message"
	check "$what: when his time is over" test "$(took_ms "$message")" -ge 3900
	message=$(container_exec web /bin/requester socket 35 2>&1)
	check "$what: so has who wants a module ($message)" grep -q '^EAFNOSUPPORT ' <<<"$message"
	check_fails "$what: it was not loaded" grep -q '^phonet ' /proc/modules
	parameter claim_ms 60000
	request web "$kind:2" >waiting &
	check "$what: one waits" wait_for 20 key_waits
	stop_all
	check "$what: its own broker takes it" ./shim-client serve 1 deny=126
	check "$what: who waited has that answer" wait_for 20 grep -q '^ENOKEY \|^EKEYREJECTED ' waiting
	check "$what: the container is deregistered" ./shim-client del "$id"
	check "$what: it unloads" rmmod upcall_shim
}

printf '[Daemon]\nRequireShim=yes\n' >/etc/upcalld.conf
with_other older 0.0.9
with_other newer 9.9.9

# --- nor does one wait for a module where there is one, whose table upcalld does not know
printf '[Daemon]\nRequireShim=no\n' >/etc/upcalld.conf
check 'RequireShim=no: the older is loaded' insmod other-shims/older.ko
check 'RequireShim=no: upcalld runs' systemctl start upcalld-shim.socket upcalld.socket upcalld.service
check_fails 'RequireShim=no: nobody is registered' upcallctl register web --pid "$pid"
stop_all
rmmod upcall_shim
check_fails 'it has gone' is_loaded

# --- the one that belongs to it
check 'ours is loaded' modprobe upcall_shim
check 'it brings upcalld' wait_for 60 systemctl is-active --quiet upcalld-shim.socket
check 'upcalld is there' systemctl start upcalld.socket
check 'web is registered' upcallctl register web --pid "$pid"
check 'web is live' state_is live
check 'and served' grep -q '^payload served' <<<"$(request web ours:1)"
check 'status has nothing to say' upcallctl status
summary
