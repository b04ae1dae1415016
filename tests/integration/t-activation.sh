#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: default
# needs: packages
#
# After idle exit, SIGKILL, a restart of the socket, a reinstalled package and a reloaded module, the next upcall is
# served, without a hand.

# shellcheck source=lib/setup.sh
. lib/setup.sh

answering web
check 'web is registered' registered web

serial=0
served() {
	serial=$((serial + 1))
	check "$1: the next upcall is served" grep -q '^payload served' <<<"$(request web "again:$serial")"
}

inactive() { [ "$(systemctl is-active "$1")" = inactive ]; }
# idle_exit UNIT: what runs now ends by itself
idle_exit() {
	local pid
	pid=$(systemctl show -p MainPID --value "$1")
	[ "$pid" != 0 ] && wait_for 40 inactive "$1" && [ ! -e "/proc/$pid" ] &&
		[ "$(systemctl show -p Result --value "$1")" = success ]
}

served 'from the start'

mkdir -p /run/systemd/system/upcalld.service.d
printf '[Service]\nExecStart=\nExecStart=/usr/sbin/upcalld --idle-seconds 1\n' >/run/systemd/system/upcalld.service.d/idle.conf
systemctl daemon-reload
systemctl restart upcalld.service
check 'the daemon exits when idle' idle_exit upcalld.service
served 'after idle exit'
check 'the worker exits when idle' idle_exit upcall-worker@web.service
served "after the worker's idle exit"

pkill -KILL -x upcalld
served 'after SIGKILL'
pkill -KILL -x upcall-worker
served "after the worker's SIGKILL"

systemctl restart upcalld-shim.socket
served 'after a restart of the shim socket'
systemctl restart upcalld.socket
served 'after a restart of the control socket'
check 'list still knows web' grep -q web <<<"$(upcallctl list)"

systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
check 'with the sockets stopped the module unloads' modprobe -r upcall_shim
modprobe upcall_shim
back() { systemctl is-active --quiet upcalld-shim.socket; }
check 'loading the module brings the socket back' wait_for 20 back
systemctl start upcalld.socket
check 'the daemon knows web again' wait_for 20 grep -q live <<<"$(upcallctl list)"
served 'after a reloaded module'

served 'before the upgrade'
check 'the package is reinstalled' dpkg -i packages/upcalld_*.deb
served 'after a reinstalled package'
summary
