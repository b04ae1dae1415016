# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The exec audit: "for a container's upcalls nothing runs in the initial namespaces but the worker, the host-side answerer
# and the kernel's own modprobe for an allowed module".
#
# Every exec of the whole machine is recorded in a tracefs instance of our own, with its parent's task flags and its
# namespaces (see guest/exec-probe.py), and every fork, for descent. Two things are violations unless a test declared
# them:
#   - a program that the kernel itself started: its parent is a kernel thread. That is what a usermode helper is.
#   - a program that descends from upcalld or a worker, is none of ours, and was executed in the initial mount namespace.
# All of this is read from numbers that the kernel wrote; a process's name, which it can choose, decides nothing.
#
# For tests:
#   audit_expect_host GLOB [REASON]   from here to the next checkpoint, such a program on the host's side is meant
#   audit_checkpoint                  judge what ran since the last checkpoint, forget the declarations; 1 if violated
#   audit_host_upcalls                print what the kernel started since the last checkpoint, one path a line
#   audit_execs                       print every exec since then: pid ppid by ns cgroup path
# The run as a whole fails if any checkpoint did, whatever the test makes of the result; the end of the script is one.

: "${UPCALL_VM_AUDIT_DIR:=/run/upcall-vm/audit}"
audit_instance=/sys/kernel/tracing/instances/upcall-audit
audit_reads=256 # before it is looked whether that is enough

audit_expect_host() {
	printf '%s\t%s\n' "$1" "${2:-no reason given}" >>"$UPCALL_VM_AUDIT_DIR/expected"
}

# Called by the runner, once, before the script.
audit_begin() {
	local events=/sys/kernel/tracing/dynamic_events
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing || return
	mkdir -p "$UPCALL_VM_AUDIT_DIR" "$audit_instance" || return
	cat /usr/lib/upcall-vm/exec-probe >>"$events" || return
	# shellcheck disable=SC2016  # the event's own fields
	echo 'e:upcall_audit/fork sched.sched_process_fork parent=$parent_pid:s32 child=$child_pid:s32' >>"$events" || return
	echo "${UPCALL_VM_AUDIT_KB:-8192}" >"$audit_instance/buffer_size_kb" || return
	# Full means full, counted as overrun of the new, rather than the old silently written over.
	echo 0 >"$audit_instance/options/overwrite" || return
	: >"$UPCALL_VM_AUDIT_DIR/expected"
	: >"$UPCALL_VM_AUDIT_DIR/violations"
	: >"$UPCALL_VM_AUDIT_DIR/log"
	stat -L -c %i /proc/1/ns/mnt >"$UPCALL_VM_AUDIT_DIR/init-mnt" || return
	audit_running_own >"$UPCALL_VM_AUDIT_DIR/state"
	echo 1 >"$audit_instance/events/sched/sched_process_exec/enable" || return
	echo 1 >"$audit_instance/events/upcall_audit/enable"
}

# Pids of what runs already and is ours. One process for all: kernel threads have no program, of which find complains.
audit_running_own() {
	find /proc/[0-9]*/exe -maxdepth 0 \( -lname '*/upcalld' -o -lname '*/upcall-*' \) -printf '%h\n' 2>/dev/null |
		sed 's,^/proc/,own\t,'
}

# Sums over the processors, a line: events read, events to be read, and those that were lost in one way or another. Without
# another process: each look at the audit asks some times.
audit_counters() {
	local stats name value read=0 left=0 overrun=0 commit=0 dropped=0
	for stats in "$audit_instance"/per_cpu/cpu*/stats; do
		while IFS=: read -r name value; do
			case $name in
			'read events') read=$((read + value)) ;;
			'entries') left=$((left + value)) ;;
			'overrun') overrun=$((overrun + value)) ;;
			'commit overrun') commit=$((commit + value)) ;;
			'dropped events') dropped=$((dropped + value)) ;;
			esac
		done <"$stats"
	done
	echo "$read $left $overrun $commit $dropped"
}

# Moves what was recorded into the log: one line per exec, tab-separated:
#   exec PID PPID kernel|own|- host|other CGROUP PATH
# Recording goes on meanwhile; what is added then is for the next time.
audit_flush() {
	local taken overrun commit dropped error
	audit_take >"$UPCALL_VM_AUDIT_DIR/record"
	read -r taken _ overrun commit dropped < <(audit_counters)
	audit_parse "$taken" <"$UPCALL_VM_AUDIT_DIR/record" >>"$UPCALL_VM_AUDIT_DIR/log"
	[ "$overrun $commit $dropped" = '0 0 0' ] ||
		audit_violation "the record has holes (overrun: $overrun, commit overrun: $commit, dropped events: $dropped):" \
			"call audit_checkpoint more often, or raise UPCALL_VM_AUDIT_KB"
	while IFS= read -r error; do audit_violation "$error"; done <"$UPCALL_VM_AUDIT_DIR/parse-errors"
}

# Prints what is recorded so far. Not up to the record's end: under load more may be added than is read, and it never
# comes. Reads are of whole events, but that the last one's newline can come with the next read of the same open file; one
# ends with EAGAIN when there is no more.
audit_take() {
	local taken left upto pipe
	read -r taken left _ < <(audit_counters)
	upto=$((taken + left))
	exec {pipe}<"$audit_instance/trace_pipe" || return
	while dd iflag=nonblock bs=64K count="$audit_reads" <&"$pipe" 2>/dev/null &&
		read -r taken _ < <(audit_counters) && [ "$taken" -lt "$upto" ]; do :; done
	exec {pipe}<&-
}

# audit_parse EVENTS: the trace on stdin. A path may hold anything, also a newline: a line that does not begin like an
# event belongs to the one before. The number of events so far must come out as the ring buffer counted those it gave.
audit_parse() {
	: >"$UPCALL_VM_AUDIT_DIR/parse-errors"
	LC_ALL=C awk -v expected="$1" -v init_mnt="$(cat "$UPCALL_VM_AUDIT_DIR/init-mnt")" \
		-v state="$UPCALL_VM_AUDIT_DIR/state" -v errors="$UPCALL_VM_AUDIT_DIR/parse-errors" '
	function field(text, name,    at, rest) {
		at = index(text, " " name "=")
		if (!at) return ""
		rest = substr(text, at + length(name) + 2)
		sub(/ .*/, "", rest)
		return rest
	}
	# The hexadecimal flags of the parent: PF_KTHREAD is 0x00200000, in the sixth digit from the right.
	function is_kthread(hex) {
		hex = "00000000" substr(hex, 3)
		return index("2367abef", substr(hex, length(hex) - 5, 1)) > 0
	}
	function finish(    text, by, path, pid) {
		if (event == "") return
		text = event
		event = ""
		count++
		if (match(text, /: fork: \(/)) {
			forks++
			text = substr(text, RSTART)
			if (field(text, "parent") in own) own[field(text, "child")] = 1
		} else if (match(text, /: sched_process_exec: filename=/)) {
			path = substr(text, RSTART + RLENGTH)
			if (!match(path, / pid=[0-9]+ old_pid=[0-9]+$/)) { bad = bad " " path; return }
			text = substr(path, RSTART)
			path = substr(path, 1, RSTART - 1)
			gsub(/[\t\n]/, "?", path)
			files++
			paths[field(text, "pid")] = path
		} else if (match(text, /: exec: \(/)) {
			text = substr(text, RSTART)
			execs++
			pid = field(text, "pid")
			if (!(pid in paths)) alone = alone " " pid
			path = pid in paths ? paths[pid] : "(unknown)"
			delete paths[pid]
			by = is_kthread(field(text, "pflags")) ? "kernel" : pid in own ? "own" : "-"
			# What upcalld or a worker starts keeps the mark; other programs never get it by their name alone unless
			# they are one of the two.
			if (path ~ /\/(upcalld|upcall-worker)$/) own[pid] = 1
			# The worker seals itself: one exec of its own memory, as the first thing after its own start. Anything
			# later by that name is a program of somebody else.
			if (path ~ /\/upcall-worker$/) sealing[pid] = 1
			else if (pid in sealing) {
				if (path ~ /^\/dev\/fd\/[0-9]+$/) path = path "/upcall-worker"
				delete sealing[pid]
			}
			printf "exec\t%s\t%s\t%s\t%s\t%s\t%s\n", pid, field(text, "ppid"), by,
				field(text, "mnt") == init_mnt && field(text, "pidlevel") == 0 ? "host" : "other",
				field(text, "cgroup"), path
		} else {
			bad = bad " " text
		}
	}
	# Kept from one time to the next: the number of events, whose descendants are ours, half-seen execs.
	BEGIN {
		FS = "\t"
		while ((getline <state) > 0) {
			if ($1 == "count") count = $2
			else if ($1 == "own") own[$2] = 1
			else if ($1 == "path") paths[$2] = $3
			else if ($1 == "sealing") sealing[$2] = 1
		}
		close(state)
	}
	/^#/ && event == "" { next }
	/\[[0-9][0-9][0-9]\] [^ ]+ +[0-9]+\.[0-9]+: [a-z_]+: / { finish(); event = $0; next }
	{
		if (more++ < 3) odd = odd " \"" substr($0, 1, 200) "\""
		if (event != "") event = event "\n" $0
	}
	END {
		finish()
		# once: what is missing is missed the next time, too
		print "count\t" expected + 0 >state
		for (pid in own) print "own\t" pid >state
		for (pid in sealing) print "sealing\t" pid >state
		for (pid in paths) print "path\t" pid "\t" paths[pid] >state
		if (bad != "") print "unreadable events in the record:" bad >errors
		if (count + 0 != expected + 0) print "the record has " expected " events, " count + 0 " were read; lines that begin none: " \
			more + 0 odd "; this time: " forks + 0 " forks, " files + 0 " files, " execs + 0 " execs, without a file:" alone >errors
	}'
}

audit_violation() {
	echo "AUDIT: $*" | tee -a "$UPCALL_VM_AUDIT_DIR/violations" >&2
}

# Their number, without another process.
audit_violations() {
	local -a lines
	mapfile -t lines <"$UPCALL_VM_AUDIT_DIR/violations"
	echo "${#lines[@]}"
}

# audit_is_expected PATH
audit_is_expected() {
	local glob
	while IFS=$'\t' read -r glob _; do
		# shellcheck disable=SC2254  # a pattern on purpose
		case $1 in $glob) return 0 ;; esac
	done <"$UPCALL_VM_AUDIT_DIR/expected"
	return 1
}

audit_checkpoint() {
	local before kind pid ppid by path
	before=$(audit_violations)
	audit_flush
	# Few lines are candidates; only they are looked at one by one.
	while IFS=$'\t' read -r kind pid ppid by _ _ path; do
		case $by:$path in own:*/upcalld | own:*/upcall-*) continue ;; esac
		audit_is_expected "$path" && continue
		case $by in
		kernel) audit_violation "the kernel ran $path (pid $pid, child of kernel thread $ppid) and no test declared it" ;;
		own) audit_violation "a descendant of upcalld or a worker ran $path (pid $pid) in the initial namespaces" ;;
		*) audit_violation "unreadable line '$kind'" ;;
		esac
	done < <(awk -F'\t' '$4 == "kernel" || ($4 == "own" && $5 == "host")' "$UPCALL_VM_AUDIT_DIR/log")
	: >"$UPCALL_VM_AUDIT_DIR/log"
	: >"$UPCALL_VM_AUDIT_DIR/expected"
	[ "$(audit_violations)" = "$before" ]
}

audit_host_upcalls() {
	audit_flush
	awk -F'\t' '$4 == "kernel" { print $7 }' "$UPCALL_VM_AUDIT_DIR/log"
}

audit_execs() {
	audit_flush
	awk -F'\t' '{ print $2, $3, $4, $5, $6, $7 }' "$UPCALL_VM_AUDIT_DIR/log"
}

# Called by the runner, once, after the script; 1 if anything was violated in the whole run.
audit_end() {
	audit_checkpoint
	[ ! -s "$UPCALL_VM_AUDIT_DIR/violations" ]
}
