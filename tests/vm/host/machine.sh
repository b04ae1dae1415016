# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One run of a virtual machine: QEMU, what it prints, how it ended.
#
# Three virtio-serial ports, each a file in $RUN on our side: "out" is the script's output, passed on as it grows;
# "status" has its length and the exit status, written when both are final; "kmsg" gets the kernel's whole log at the
# end. "console" is the emulated serial port: slow, so only warnings and worse go there, but it works in a panic.

# What a healthy kernel does not say. User space's own crashes ("traps: prog[1] general protection") are no kernel bug.
SPLATS='\bBUG:|\bOops\b|WARNING:|KASAN|UBSAN|KCSAN|general protection|hung task|blocked for more than|Call Trace'
SPLATS+='|Kernel panic|soft lockup|self-detected stall|detected stalls|scheduling while atomic'
SPLATS+='|possible (recursive|circular) locking|unregister_netdevice: waiting|refcount_t:'
NO_SPLATS='traps: '

# pack_input RUN: a tar of the script, the files beside it, the guest's library and the command line, as a disk
pack_input() {
	local run=$1 file name dir=$1/input
	mkdir -p "$dir/work" "$dir/lib"
	cp -a "$VM_DIR/lib/." "$dir/lib/"
	for file in "$SCRIPT" "${COPIES[@]}"; do
		name=$(basename -- "$file")
		[[ ! -e $dir/work/$name ]] || usage_error "two files would be named '$name' in the guest: the second is '$file'"
		cp -aL -- "$file" "$dir/work/$name"
	done
	chmod 755 "$dir/work/$(basename -- "$SCRIPT")"
	printf '%s\0' "$(basename -- "$SCRIPT")" "${ARGS[@]}" >"$dir/command"
	date +%s >"$dir/clock"
	tar -C "$dir" --owner=0 --group=0 -cf "$run/input.tar" .
	(($(stat -c %s "$run/input.tar") <= INPUT_SIZE)) || die "script and copies are more than $INPUT_SIZE bytes"
	truncate -s "$INPUT_SIZE" "$run/input.tar"
}
# A disk's size is a part of the machine, which may have booted before the input was there. Sparse.
INPUT_SIZE=$((1 << 30))

# qemu_arguments IMAGE RUN: into the array QEMU
qemu_arguments() {
	local image=$1 run=$2 cmdline port
	# no_timer_check: on a machine whose processors have too much to do, the emulated timer is late, and the kernel
	# panics at boot because "IO-APIC + timer doesn't work".
	cmdline="console=ttyS0 loglevel=5 panic=-1 systemd.show_status=0 printk.time=1 random.trust_cpu=on no_timer_check"
	cmdline+=" $(suite_cmdline "$SUITE")"
	# for lib/guest.sh
	cmdline+=" upcall_vm.patience=$PATIENCE"
	# for an initrd of --initrd
	cmdline+=" root=/dev/vda rw"
	QEMU=(qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -machine "q35,usb=off"
		-m "$MEMORY" -smp "$SMP")
	if [[ -n $COUNT ]]; then
		QEMU+=(-accel "tcg,thread=single" -icount "shift=0,sleep=off")
		# While the guest waits for a disk of ours its clock runs as fast as it can: that is no hung task.
		cmdline+=" sysctl.kernel.hung_task_timeout_secs=0"
	elif [[ ${UPCALL_VM_ACCEL:-tcg} = kvm ]]; then
		QEMU+=(-accel kvm)
	else
		QEMU+=(-accel "tcg,thread=multi")
	fi
	if [[ -z $COUNT && ${UPCALL_VM_ACCEL:-tcg} = kvm ]]; then
		QEMU+=(-cpu host)
	else
		# Without what only costs time: kvm's modules in the guest, a fifth level of page tables, and the ciphers whose
		# modules udev would load because the processor could run them.
		QEMU+=(-cpu "max,svm=off,la57=off,aes=off,pclmulqdq=off,sha-ni=off,avx=off,avx2=off")
		cmdline+=" tsc=reliable"
	fi
	QEMU+=(-kernel "$image/vmlinux" -initrd "$image/initrd" -append "$cmdline ${UPCALL_VM_CMDLINE:-}"
		-drive "file=$image/disk.ext4,if=none,id=root,format=raw,cache=unsafe,snapshot=on"
		-device "virtio-blk-pci,drive=root"
		-drive "file=$run/input.tar,if=none,id=input,format=raw,readonly=on"
		-device "virtio-blk-pci,drive=input"
		-chardev "file,id=console,path=$run/console" -serial chardev:console
		-device virtio-serial-pci)
	for port in out status kmsg; do
		QEMU+=(-chardev "file,id=$port,path=$run/$port" -device "virtserialport,chardev=$port,name=upcall.$port")
	done
}

# start_qemu RUN [MONITOR]
start_qemu() {
	local run=$1 name
	for name in out status kmsg console; do : >"$run/$name"; done
	# snapshot=on puts its file into TMPDIR
	TMPDIR=$run "${QEMU[@]}" <"${2:-/dev/null}" >"$run/qemu.log" 2>&1 &
	QEMU_PID=$!
	on_exit stop_qemu
}

run_machine() {
	start_qemu "$1"
	wait_for_end "$1"
	stop_qemu
}

# RACE: QEMU's tcg lets a processor of the guest execute the int3 of a patch that the kernel has ended on another: seen in
# 7.3 at 1.5 s of a boot. No module of anybody's is there by then, and so it is none of ours.
died_without_modules() {
	[[ $OUTCOME = died ]] && grep -q 'Modules linked in:' "$1/console" &&
		! tr -d '\r' <"$1/console" | grep -q 'Modules linked in: *[^ ]'
}

stop_qemu() {
	[[ -n ${QEMU_PID:-} ]] || return 0
	kill -KILL "$QEMU_PID" 2>/dev/null || true
	wait "$QEMU_PID" 2>/dev/null || true
	QEMU_PID=
}

# pass_on RUN: prints what the script wrote since the last call
PASSED=0
pass_on() {
	local size
	size=$(stat -c %s "$1/out")
	((size > PASSED)) || return 0
	((PASSED > 0)) || step_time "boot to the script's first output"
	dd if="$1/out" iflag=skip_bytes,count_bytes skip="$PASSED" count=$((size - PASSED)) bs=64K status=none
	PASSED=$size
}

status_field() { sed -n "s/^$2 //p" "$1/status"; }

# wait_for_end RUN: until the status is here or cannot come; sets OUTCOME to ended, timeout or died
wait_for_end() {
	local run=$1 deadline=$((SECONDS + TIMEOUT * PATIENCE)) bytes
	OUTCOME=
	while [[ -z $OUTCOME ]]; do
		pass_on "$run"
		if [[ -n $(status_field "$run" exit) ]]; then
			bytes=$(status_field "$run" bytes)
			((PASSED >= bytes)) && grep -qs "^end of the kernel's log" "$run/kmsg" && OUTCOME=ended
		fi
		if [[ -z $OUTCOME ]] && ! kill -0 "$QEMU_PID" 2>/dev/null; then
			OUTCOME=died
		elif [[ -z $OUTCOME ]] && ((SECONDS >= deadline)); then
			OUTCOME=timeout
		elif [[ -z $OUTCOME ]]; then
			pause 0.1
		fi
	done
	pass_on "$run"
}

# A fragment of the log around the first complaint; 1 if there is none
splat_excerpt() {
	local run=$1 log excerpt
	for log in console kmsg; do
		excerpt=$(splats_of "$run/$log")
		[[ -n $excerpt ]] || continue
		say "the guest's kernel complained ($log):"
		printf '%s\n' "$excerpt" >&2
		return 0
	done
	return 1
}

# The report of a cgroup that is out of memory has a call trace too, of a healthy kernel.
splats_of() {
	awk -v bad="$SPLATS_AWK" -v good="$NO_SPLATS" '
		{ sub(/\r$/, "") }
		/invoked oom-killer: / { oom = 1 }
		/ out of memory: Killed process / { oom = 0 }
		oom && /Call Trace/ { next }
		!left && $0 ~ bad && $0 !~ good && excerpts < 3 { left = 40; excerpts++ }
		left { print "  | " $0; left-- }' "$1"
}
# mawk has no \b
SPLATS_AWK=${SPLATS//\\b/}

console_tail() {
	say "the end of the guest's console:"
	tail -n 25 "$1/console" | tr -d '\r' | sed 's/^/  | /' >&2
	[[ ! -s $1/qemu.log ]] || sed 's/^/  qemu: /' "$1/qemu.log" >&2
}

keep_console() {
	[[ -n $KEEP_CONSOLE ]] || return 0
	{
		echo "== console (warnings and worse, as they came)"
		tr -d '\r' <"$1/console"
		echo "== the kernel's whole log at the end of the script"
		cat "$1/kmsg"
	} >"$KEEP_CONSOLE" || say "cannot write $KEEP_CONSOLE"
}

# console_us RUN TEXT: the kernel's clock at the last line of the console with it, in microseconds
console_us() { sed -n "s/^\[ *\([0-9]*\)\.\([0-9]\{6\}\)\].*$2.*/\1\2/p" "$1/console" | tail -n 1; }

# reboot_verdict RUN: our exit status, where the script is to reboot the machine: it has none of its own
reboot_verdict() {
	local run=$1 called restarted
	[[ -n $ALLOW_SPLAT ]] || ! splat_excerpt "$run" || return "$EXIT_SPLAT"
	called=$(console_us "$run" 'upcall-vm: reboot')
	restarted=$(console_us "$run" 'reboot: Restarting system')
	if [[ $OUTCOME = ended || -z $called || -z $restarted ]]; then
		say "the script was to reboot the machine, and has not"
	elif ((restarted - called > REBOOTS * PATIENCE * 1000000)); then
		say "the machine has rebooted after $(((restarted - called) / 1000)) ms, which is more than $((REBOOTS * PATIENCE)) s"
	else
		say "the machine has rebooted after $(((restarted - called) / 1000)) ms"
		return 0
	fi
	console_tail "$run"
	return "$EXIT_NO_BOOT"
}

# verdict RUN: our exit status
verdict() {
	local run=$1 status
	status=$(status_field "$run" exit)
	case $OUTCOME in
	timeout)
		say "no exit status within $((TIMEOUT * PATIENCE)) s"
		splat_excerpt "$run" || console_tail "$run"
		return "$EXIT_TIMEOUT"
		;;
	died)
		if [[ -n $REBOOTS ]]; then
			reboot_verdict "$run"
			return
		fi
		say "the virtual machine ended before the script gave an exit status"
		splat_excerpt "$run" || console_tail "$run"
		return "$EXIT_NO_BOOT"
		;;
	esac
	if [[ -z $ALLOW_SPLAT ]] && splat_excerpt "$run"; then
		say "the script's own status was $status"
		return "$EXIT_SPLAT"
	fi
	if [[ -n $REBOOTS && $status = 0 ]]; then
		reboot_verdict "$run"
		return
	fi
	return "$status"
}
