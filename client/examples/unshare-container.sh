#!/bin/sh -e
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Runs PROGRAM in a container made by unshare(1), which upcalld knows before PROGRAM's first instruction; as root.
# usage: unshare-container.sh NAME PROGRAM [ARG...]

name=$1 cgroup=/sys/fs/cgroup/$1 word=$(mktemp -u) running=
shift
mkdir "$cgroup"
trap '[ -z "$running" ] || kill -KILL "$running" || :; wait; rm -f "$word"; rmdir "$cgroup"' EXIT
trap 'exit 1' HUP INT TERM
mkfifo -m 600 "$word"
unshare --mount --pid --fork --kill-child --mount-proc sh -c 'read -r _ <"$0" && exec "$@"' "$word" "$@" &
running=$!
until first=$(pgrep -P $!); do
	kill -0 $! 2>/dev/null || { running='' && echo "$0: unshare has made no container" >&2 && exit 1; }
	sleep 0.1
done
running=$first
echo "$first" >"$cgroup/cgroup.procs"
if upcallctl register "$name" --pid "$first"; then echo go >"$word"; else kill -KILL "$first"; fi
wait $! && status=0 || status=$?
running=''
exit "$status"
