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
# the kernel's own. With the module that belongs to it, upcalld serves again. What is loaded and what is installed need not be
# the same, nor be there: status says both, also where upcalld serves by it.

# shellcheck source=lib/setup.sh
. lib/setup.sh

answering web
container_start web
pid=$(container_pid web)

installed=$(upcalld --version | cut -d' ' -f2)
abi=$(upcallctl status --json | jq -r '."shim-version"')
check_equal 'first: the loaded module is the installed one' "$installed" "$abi"
# module_is: what status says of it; the JSON's loaded version and installed one
module_is() { upcallctl status | sed -n 's/^module  *//p'; }
versions() { upcallctl status --json | jq -r '"\(."shim-version"),\(."shim-installed")"'; }
check_equal 'first: and has no other beside it' "$installed" "$(module_is)"
check_equal 'first: nor in the JSON' "$installed,$installed" "$(versions)"

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
	check_equal "$what: its JSON, too" "$version $installed $installed" \
		"$(jq -r '"\(."shim-version") \(.version) \(."shim-installed")"' <<<"$message")"
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

# --- the package has brought another: ours of another version, by which upcalld serves
again() { systemctl start upcalld-shim.socket upcalld.socket upcalld.service; }
unloaded() { stop_all && rmmod upcall_shim; }
check 'ours is unloaded' unloaded
check 'a sibling is loaded' insmod other-shims/sibling.ko
check 'sibling: upcalld runs' again
check_equal 'sibling: status has both' "7.7.7 (installed: $installed)" "$(module_is)"
check_equal 'sibling: its JSON, too' "7.7.7,$installed" "$(versions)"
check 'sibling: that is no error' upcallctl status
check 'sibling: it serves' grep -q '^payload served' <<<"$(request web sibling:1)"

# --- none is installed for this kernel
file=$(modinfo -n upcall_shim)
check 'its file is gone' mv "$file" "$PWD/installed.ko"
check 'and is not known any more' depmod
check_equal 'none installed: status says so' '7.7.7 (none is installed for this kernel)' "$(module_is)"
check_equal 'none installed: its JSON, too' '7.7.7,' "$(versions)"
check 'none installed: that is no error' upcallctl status
check 'none installed: it is unloaded' unloaded

# --- nor is one loaded
missing='missing: /dev/upcall: No such file or directory: load the module: modprobe upcall_shim'
status_fails() {
	local status=0
	upcallctl status >/dev/null || status=$?
	[ "$status" = 6 ]
}
check 'neither: upcalld runs' systemctl start upcalld.socket upcalld.service
check 'neither: status exits with 6' status_fails
check_equal 'neither: it says why' "$missing" "$(module_is)"
check_equal 'neither: its JSON has no version' ',' "$(versions)"
check 'it is installed again' mv "$PWD/installed.ko" "$file"
check 'and known' depmod
check 'none loaded: status exits with 6' status_fails
check_equal 'none loaded: it says why' "$missing" "$(module_is)"
check_equal 'none loaded: its JSON has what is installed' ",$installed" "$(versions)"
check 'ours is loaded again' modprobe upcall_shim
check 'it brings upcalld again' wait_for 60 systemctl is-active --quiet upcalld-shim.socket
check_equal 'and status has one' "$installed" "$(module_is)"
summary
