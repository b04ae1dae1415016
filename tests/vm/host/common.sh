# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What every host-side tool of the virtual machine harness shares: messages, exit statuses, the cache, temporary
# directories and mounts that do not outlive us. Sourced, never run.
#
# shellcheck disable=SC2034  # for the whole file: used by those who source it

set -euo pipefail
umask 022

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PROJECT_DIR=$(cd "$VM_DIR/../.." && pwd)
CACHE=${UPCALL_CACHE:-/var/cache/upcalld-tests}
TOOL=${0##*/}

# Bump when the meaning of what lies in the cache changes in a way that no hash sees.
CACHE_EPOCH=1

# Exit statuses of our own. A script may of course exit with the same numbers; ours come with a message on stderr.
readonly EXIT_USAGE=2
# 90 is the guest runner's: something ran on the host's side that no test declared.
readonly EXIT_SPLAT=91        # the guest kernel complained
readonly EXIT_HARNESS=123     # the harness could not do its own work (no image, no disk space, …)
readonly EXIT_TIMEOUT=124     # no status within --timeout
readonly EXIT_NO_BOOT=125     # the guest ended, or panicked, before the script gave a status

say() { printf '%s: %s\n' "$TOOL" "$*" >&2; }
die() { say "error: $*"; exit "$EXIT_HARNESS"; }
usage_error() { say "$*"; say "try '$TOOL --help'"; exit "$EXIT_USAGE"; }

# Everything that must not outlive us is undone in reverse order, whatever ends us.
CLEANUPS=()
# Called by the trap only; kills, unmounts, then removes.
run_cleanups() {
	local status=$? i
	trap - EXIT
	trap '' INT TERM HUP
	for ((i = ${#CLEANUPS[@]} - 1; i >= 0; i--)); do
		eval "${CLEANUPS[i]}" || say "could not clean up: ${CLEANUPS[i]}"
	done
	exit "$status"
}
trap run_cleanups EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# on_exit COMMAND ARG…: arguments are quoted here, so that paths may hold anything.
on_exit() { CLEANUPS+=("$(printf '%q ' "$@")"); }

# remove_tree DIR: never follows a mount left inside; a bind mount of the host's /dev must not be emptied.
remove_tree() {
	[[ -e $1 ]] || return 0
	unmount_below "$1"
	rm -rf --one-file-system -- "$1"
}

unmount_below() {
	local top mount
	[[ -e $1 ]] || return 0
	top=$(realpath -- "$1")
	# /proc/mounts escapes blanks as octal; ours never hold any. Deepest first.
	while read -r mount; do
		umount -- "$mount" 2>/dev/null || umount -l -- "$mount"
	done < <(awk -v top="$top" '$2 == top || index($2, top "/") == 1 { print $2 }' /proc/mounts | tac)
}

# A temporary directory inside the cache, hence on the same file system: results are renamed into place.
# new_tmp VARIABLE
new_tmp() {
	mkdir -p "$CACHE/tmp"
	local dir
	dir=$(mktemp -d "$CACHE/tmp/$$.$TOOL.XXXXXX")
	chmod 755 "$dir"
	on_exit remove_tree "$dir"
	printf -v "$1" %s "$dir"
}

# What a tool that was killed with SIGKILL left behind: its directory's name begins with its pid.
clean_stale() {
	local dir pid
	for dir in "$CACHE"/tmp/*; do
		pid=${dir##*/}
		pid=${pid%%.*}
		[[ -e $dir && $pid =~ ^[0-9]+$ ]] || continue
		kill -0 "$pid" 2>/dev/null || remove_tree "$dir"
	done
}

# with_lock NAME COMMAND ARG…: one builder at a time; the others wait and then find the work done.
# The command is a plain one (not in an || list), so that errexit keeps working inside it; exiting frees the lock.
with_lock() {
	local name=$1 fd
	shift
	mkdir -p "$CACHE/locks"
	exec {fd}>"$CACHE/locks/$name"
	if ! flock -n "$fd"; then
		say "waiting for another builder of $name"
		flock "$fd"
	fi
	"$@"
	exec {fd}>&-
}

# A process for each. Bash can pause by itself (read -t from a pipe to which nobody writes), but 5.2 does not bear it: after
# some ten thousand of them, or when a child ends just then, it crashed (a garbled name, "stack smashing detected"), or
# waited for ever.
pause() { sleep "$1"; }

hash_text() { sha256sum | cut -c1-16; }

require_root() { [[ $(id -u) = 0 ]] || die "must run as root: making root file systems needs chroot and mount"; }

# layered_copy LOWER TMP: TMP/root shows LOWER; writes go elsewhere. Overlayfs takes no time; where it is not to be had
# (a chroot on an overlay), a copy.
layered_copy() {
	local lower=$1 tmp=$2
	mkdir "$tmp/upper" "$tmp/overlay-work"
	if ! mount -t overlay overlay -o "lowerdir=$lower,upperdir=$tmp/upper,workdir=$tmp/overlay-work" "$tmp/root" \
		2>/dev/null; then
		cp -a --reflink=auto "$lower/." "$tmp/root/"
	fi
}

# in_root ROOT COMMAND…: a chroot with a clean environment, without the host's locale or PATH.
in_root() {
	local root=$1
	shift
	chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive "$@"
}

# mount_system_dirs ROOT: what compilers (7.x objtool reads /proc/self/limits) and maintainer scripts expect.
mount_system_dirs() {
	local root=$1
	on_exit unmount_below "$root"
	mount -t proc proc "$root/proc"
	mount --bind /dev "$root/dev"
	mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
}
