#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# initrd: integration/no-module
# boots: missing refused
# soak-boots: 2
#
# A boot in which the module cannot be loaded: it is not built for this kernel, or the kernel does not take it (no-module/scripts).
# The boot ends as any other and its journal says why; only where the kernel has refused it does systemd call that a failure. Whoever
# asks upcalld is told, by status 6. Containers are registered if RequireShim=no, and wait; all upcalls are the kernel's own.

# What the initrd has mounted at /run has no programs.
containers=/var/lib/upcall-containers
# shellcheck source=lib/setup.sh
. lib/setup.sh
boot=$1
device='/dev/upcall: No such file or directory: load the module: modprobe upcall_shim'
installed=$(upcalld --version | cut -d' ' -f2)
case $boot in
missing)
	why="Failed to find module 'upcall_shim'"
	finding='module-not-built: upcall_shim is not built for the kernel that runs'
	installed=''
	failed=''
	state=running
	;;
refused)
	why="Failed to insert module 'upcall_shim': Key was rejected by service"
	finding='module-not-loaded: '
	failed=systemd-modules-load.service
	state=degraded
	;;
*) not_ok "no such boot: $boot" ;;
esac

# --- the boot
check_fails 'the module is not loaded' grep -q '^upcall_shim ' /proc/modules
check 'the boot has reached its target' systemctl is-active multi-user.target
check_equal 'nothing of it is left to do' '' "$(systemctl list-jobs --no-legend)"
check_equal 'nothing has failed but what loads modules, where it was refused' "$failed" \
	"$(systemctl --failed --no-legend --plain | awk '{ print $1 }')"
check_equal 'which makes the system' "$state" "$(systemctl is-system-running)"
# By its own name: what is said before journald runs comes by way of the kernel, which knows no units.
said=$(journalctl -b -q -o cat -t systemd-modules-load)
check "the journal of the boot says why ($said)" grep -qxF "$why" <<<"$said"
check 'upcalld can be reached' systemctl is-active upcalld.socket
check_equal "the module's socket is not there, and has not failed" inactive "$(systemctl is-active upcalld-shim.socket)"
systemd-analyze

# --- who asks is told
status=0
message=$(upcallctl status 2>&1) || status=$?
check_equal 'status exits with 6' 6 "$status"
check 'status says that it is missing' grep -qx "module  *missing: $device" <<<"$message"
check_equal 'its JSON, too' "false,,$installed,$device" \
	"$(upcallctl status --json | jq -r '"\(.shim),\(."shim-version"),\(."shim-installed"),\(."shim-error")"')"
check 'the journal, too' grep -qxF "There are no upcalls to handle: $device" \
	<<<"$(journalctl -b -q -p warning -o cat _SYSTEMD_UNIT=upcalld.service)"
check 'doctor names the cause' grep -q "$finding" <<<"$(upcallctl doctor)"

# --- containers
answering web
check 'a container starts' container_start web
pid=$(container_pid web)
state_is() { [ "$(upcallctl list --json | jq -r '.containers[] | select(.name == "web").state')" = "$1" ]; }
status=0
message=$(upcallctl register web --pid "$pid" 2>&1) || status=$?
check_equal 'the default: register exits with 6' 6 "$status"
check 'the default: and says why' grep -qF "$device" <<<"$message"
check_equal 'the default: nothing is registered' '[]' "$(upcallctl list --json | jq -c .containers)"
printf '[Daemon]\nRequireShim=no\n' >/etc/upcalld.conf
check 'RequireShim=no: reload' upcallctl reload
message=$(upcallctl register web --pid "$pid" 2>&1)
check_equal 'RequireShim=no: it is registered' 0 "$?"
check 'RequireShim=no: with a warning' grep -q 'warning: the module is not loaded' <<<"$message"
check 'RequireShim=no: it waits' state_is waiting
audit_checkpoint
audit_expect_host '*/request-key' "without the module a container's upcall is the kernel's own"
check "RequireShim=no: nothing of it is answered inside" grep -q '^ENOKEY ' <<<"$(request web plain:1)"
check "RequireShim=no: a container's upcall is the kernel's own" grep -q request-key <<<"$(audit_host_upcalls)"
summary
