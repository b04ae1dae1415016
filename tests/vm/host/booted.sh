# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A machine that has booted, kept in the image's directory: its memory, and what it has written to its disk. A boot is
# the same every time; from there to the script's first word it is 5 s instead of 17.
# Tests that are about the boot ask for one of their own (--boot, or anything on the kernel's command line).

# is_usual: whether the machine that is wanted is one that others have booted
is_usual() { [[ -z $BOOT$COUNT$INITRD${UPCALL_VM_CMDLINE:-} && ${UPCALL_VM_ACCEL:-tcg} = tcg ]]; }

# ensure_booted VARIABLE IMAGE: the directory with "memory" and "disk.qcow2"; empty if the boot was not what it should be:
# whoever then boots by himself sees why
ensure_booted() {
	local kept
	kept=$2/booted-$SMP-$MEMORY-$(machine_key)
	[[ -d $kept ]] || with_lock "booted-$SUITE" boot_once "$2" "$kept"
	[[ -d $kept ]] || kept=''
	printf -v "$1" %s "$kept"
}

# What the memory of one QEMU means to another.
machine_key() {
	{
		qemu-system-x86_64 --version
		declare -f qemu_arguments suite_cmdline boot_once
		declare -p PATIENCE INPUT_SIZE
	} | hash_text
}

# with_kept_disk KEPT [OPTION]: the machine of QEMU has the disk that is kept there
with_kept_disk() {
	QEMU=("${QEMU[@]/#file=*\/disk.ext4,*/"file=$1/disk.qcow2,if=none,id=root,format=qcow2,cache=unsafe${2:+,$2}"}")
}

# resume_from KEPT: and goes on from there, and writes elsewhere
resume_from() {
	with_kept_disk "$1" snapshot=on
	QEMU+=(-incoming "exec:cat $1/memory")
}

boot_once() {
	local image=$1 kept=$2 run start=$SECONDS monitor
	[[ -d $kept ]] && return 0
	new_tmp run
	say "booting $SUITE once for all who will use this image"
	mkdir "$run/kept"
	qemu-img create -q -f qcow2 -b "$image/disk.ext4" -F raw "$run/kept/disk.qcow2" || die "cannot make $run/kept/disk.qcow2"
	truncate -s "$INPUT_SIZE" "$run/input.tar" # empty: the runner in the guest waits for its being another
	qemu_arguments "$image" "$run"
	with_kept_disk "$run/kept"
	# Who resumes is not to be stopped, as this one is when it is kept.
	QEMU+=(-monitor stdio -global migration.store-global-state=off)
	mkfifo "$run/monitor"
	exec {monitor}<>"$run/monitor"
	start_qemu "$run" "$run/monitor"
	if boot_ended_well "$run"; then
		# RACE: while processors run, QEMU's tcg may lose a write to a page that it copies.
		printf '%s\n' stop 'migrate_set_parameter max-bandwidth 100G' "migrate \"exec:cat >$run/kept/memory\"" 'info migrate' quit >&"$monitor"
		wait_for_exit
		if grep -q 'Migration status: completed' "$run/qemu.log" && ! splat_excerpt "$run"; then
			mv "$run/kept" "$kept"
		fi
	fi
	if [[ -d $kept ]]; then
		say "booted in $((SECONDS - start)) s"
	else
		say "this boot is not kept, after $((SECONDS - start)) s: $(head -n 1 "$run/kmsg")"
		tail -n 20 "$run/qemu.log" >&2
	fi
	exec {monitor}>&-
	stop_qemu
	remove_tree "$run"
}

# boot_ended_well RUN: waits until the runner says how it was
boot_ended_well() {
	local deadline=$((SECONDS + BOOT_TIMEOUT * PATIENCE))
	until grep -q '^booted' "$1/kmsg"; do
		((SECONDS < deadline)) && kill -0 "$QEMU_PID" 2>/dev/null || return
		pause 0.1
	done
	grep -q '^booted running' "$1/kmsg"
}
BOOT_TIMEOUT=300

wait_for_exit() {
	local deadline=$((SECONDS + 120))
	while kill -0 "$QEMU_PID" 2>/dev/null && ((SECONDS < deadline)); do pause 0.1; done
}
