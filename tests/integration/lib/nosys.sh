# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A-71: a kernel without the system calls that upcalld and the worker can do without, played by filters of their units'.
# Sourced in the guest by setup.sh; where there is a file `nosys` (suite bookworm-nosys of tests/run), all that follows runs so.
#
#   upcalld_spares, worker_spares   system calls, of upcalld and of the worker with what it starts
#   without UNIT ERROR CALL…        a drop-in: these calls of the unit's fail with ERROR; for what is started from now on
#   given_back UNIT                 no drop-in

worker_spares=(pidfd_getfd statx name_to_handle_at faccessat2 epoll_pwait2 io_uring_setup rseq open_tree move_mount mount_setattr)
# shellcheck disable=SC2034 # t-features.sh
upcalld_spares=(pidfd_send_signal setns clone3 close_range fsopen fsconfig fsmount execveat "${worker_spares[@]}")

nosys_drop_in() { echo "/run/systemd/system/$1.d/without.conf"; }

without() {
	local unit=$1 error=$2 file
	shift 2
	file=$(nosys_drop_in "$unit")
	mkdir -p "${file%/*}"
	# The unit's own list, where it has one, is of what it may; then this takes some of it out.
	printf '[Service]\nSystemCallFilter=~%s\nSystemCallErrorNumber=%s\n' "$*" "$error" >"$file"
	systemctl daemon-reload
}

given_back() {
	rm -f "$(nosys_drop_in "$1")"
	systemctl daemon-reload
}

is_filtered() { [ "$(systemctl show -p DropInPaths --value "$1" | grep -c without.conf)" = 1 ]; }

if [ -e nosys ]; then
	without upcalld.service ENOSYS "${upcalld_spares[@]}"
	without upcall-worker@.service ENOSYS "${worker_spares[@]}"
	check_fails 'neither upcalld nor a worker runs with all system calls' pgrep -x 'upcalld|upcall-worker'
	check 'upcalld will have a few calls less' is_filtered upcalld.service
	check 'so will workers' is_filtered upcall-worker@any.service
fi
