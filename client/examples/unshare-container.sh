#!/bin/sh -e
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Runs PROGRAM in a container made by unshare(1), which upcalld knows before PROGRAM's first instruction; as root.
# usage: unshare-container.sh NAME PROGRAM [ARG...]

name=$1 cgroup=/sys/fs/cgroup/$1 word=$(mktemp -u) first='' && shift
mkdir "$cgroup"
trap '[ -z "$first" ] || kill -KILL "$first" || :; wait; rm -f "$word"; rmdir "$cgroup"' EXIT && trap 'exit 1' HUP INT TERM
mkfifo -m 600 "$word"
unshare --mount --pid --fork --kill-child --mount-proc sh -c 'read -r _ <"$0" && exec "$@"' "$word" "$@" &
until first=$(pgrep -P $!); do kill -0 $! && sleep 0.1 || exit; done
echo "$first" >"$cgroup/cgroup.procs"
if upcallctl register "$name" --pid "$first"; then echo go >"$word"; else kill -KILL "$first"; fi
wait $! && status=0 || status=$?
first='' && exit "$status"
