# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A bootable image: the suite's guest root, our packages installed in it by apt in a chroot (so their maintainer scripts
# and DKMS ran as they do at a user's), the harness's own few files, and a kernel and initrd that boot fast.

# Units that only cost boot time, or start things at a moment of their own choosing.
MASKED_UNITS=(
	getty@tty1.service serial-getty@ttyS0.service getty.target systemd-vconsole-setup.service
	apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service dpkg-db-backup.timer
	e2scrub_all.timer e2scrub_reap.service fstrim.timer logrotate.timer man-db.timer systemd-tmpfiles-clean.timer
	nfs-server.service nfs-blkmap.service nfs-idmapd.service nfs-mountd.service nfsdcld.service rpcbind.service
	rpcbind.socket rpc-statd.service rpc-statd-notify.service rpc-gssd.service rpc-svcgssd.service nfs-client.target
	fsidd.service run-rpc_pipefs.mount ksmbd.service
	systemd-timesyncd.service systemd-networkd.service systemd-resolved.service networking.service
	systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-pstore.service
	systemd-random-seed.service keyboard-setup.service console-setup.service
)

# Modules of the initrd; their dependencies are looked up.
INITRD_MODULES=(virtio_pci virtio_blk virtio_console ext4)

# image_key SUITE PACKAGE_DIR|""
image_key() {
	local suite=$1 packages=$2
	{
		root_key "$suite" guest
		cat "$VM_DIR"/guest/* "$VM_DIR/host/image.sh"
		[[ -z $packages ]] || (cd "$packages" && sha256sum ./*.deb)
		[[ -z ${INITRD:-} ]] || tar -C "$INITRD" --sort=name --mtime=@0 --owner=0 --group=0 -cf - .
	} | hash_text
}

# ensure_image VARIABLE SUITE PACKAGE_DIR|"": the directory with disk.ext4, vmlinux, initrd
ensure_image() {
	local found suite=$2 packages=$3
	found=$CACHE/images/$suite-$(image_key "$suite" "$packages")
	if [[ ! -d $found ]]; then
		ensure_root "$suite" guest
		with_lock "image-$suite" build_image "$suite" "$packages" "$found"
	fi
	touch "$found"
	printf -v "$1" %s "$found"
}

build_image() {
	local suite=$1 packages=$2 image=$3 root tmp kver start=$SECONDS
	[[ -d $image ]] && return 0
	require_root
	new_tmp tmp
	say "making the image of $suite with ${packages:-no packages}"
	mkdir "$tmp/image" "$tmp/root"
	layered_copy "$(root_dir "$suite" guest)/root" "$tmp"
	root=$tmp/root
	[[ -z $packages ]] || install_packages "$suite" "$root" "$packages" "$tmp/install.log"
	install_harness "$root"
	kver=$(guest_kernel "$root")
	if [[ -n ${INITRD:-} ]]; then
		make_debian_initrd "$root" "$kver" "$tmp/image/initrd"
	else
		make_initrd "$root" "$kver" "$tmp/image/initrd"
	fi
	extract_vmlinux "$root/boot/vmlinuz-$kver" "$tmp/image/vmlinux"
	in_root "$root" python3 -c "$(cat "$VM_DIR/guest/exec-probe.py")" <"$tmp/image/vmlinux" \
		>"$root/usr/lib/upcall-vm/exec-probe" || die "cannot make the exec audit's probe for $kver"
	# One with KASAN dies where QEMU would enter it: that early there is no shadow yet. It unpacks itself, then.
	! grep -q '^CONFIG_KASAN=y' "$root/boot/config-$kver" || cp "$root/boot/vmlinuz-$kver" "$tmp/image/vmlinux"
	unmount_below "$root/proc"
	unmount_below "$root/dev"
	make_disk "$root" "$tmp/image/disk.ext4"
	mkdir -p "$CACHE/images"
	mv "$tmp/image" "$image"
	clean_images "$suite"
	remove_tree "$tmp"
	say "image made in $((SECONDS - start)) s"
}

# guest_kernel ROOT: the one kernel of a guest root
guest_kernel() {
	local -a found=("$1"/boot/vmlinuz-*)
	[[ ${#found[@]} = 1 && -e ${found[0]} ]] || die "expected one kernel in $1/boot, found: ${found[*]##*/}"
	echo "${found[0]##*/vmlinuz-}"
}

install_packages() {
	local suite=$1 root=$2 packages=$3 log=$4
	local -a debs=("$packages"/*.deb)
	[[ -e ${debs[0]} ]] || die "no .deb in $packages"
	mount_system_dirs "$root"
	mount --bind "$(root_dir "$suite" guest)/apt-lists" "$root/var/lib/apt/lists"
	cp "${debs[@]}" "$root/tmp/"
	say "installing ${debs[*]##*/} with apt"
	# shellcheck disable=SC2016  # expanded in the chroot
	if ! in_root "$root" sh -c 'cd /tmp && apt-get install -y --no-install-recommends ./*.deb' >"$log" 2>&1 </dev/null; then
		if grep -q '^E: Failed to fetch\|404 ' "$log"; then
			say "the package lists are old: fetching them again"
			in_root "$root" apt-get update >>"$log" 2>&1 || true
			# shellcheck disable=SC2016
			in_root "$root" sh -c 'cd /tmp && apt-get install -y --no-install-recommends ./*.deb' \
				>"$log" 2>&1 </dev/null && return 0
		fi
		cat "$log" >&2
		find "$root/var/lib/dkms" -name make.log -exec tail -n 40 {} + >&2 2>/dev/null || true
		die "installing the packages in the guest root of $suite failed; apt's words are above"
	fi
	find "$root/var/cache/apt/archives" -name '*.deb' -delete
	umount "$root/var/lib/apt/lists"
	umount "$root/tmp"
}

install_harness() {
	local root=$1 unit
	mkdir -p "$root/usr/lib/upcall-vm"
	in_root "$root" gcc -x c -O1 -Wall -Wextra -o /usr/lib/upcall-vm/relay - <"$VM_DIR/guest/relay.c" ||
		die "cannot compile $VM_DIR/guest/relay.c"
	install -m 755 "$VM_DIR/guest/runner" "$root/usr/lib/upcall-vm/runner"
	install -m 644 "$VM_DIR/guest/upcall-vm.target" "$VM_DIR/guest/upcall-vm-test.service" "$root/etc/systemd/system/"
	ln -sfn upcall-vm.target "$root/etc/systemd/system/default.target"
	for unit in "${MASKED_UNITS[@]}"; do
		ln -sfn /dev/null "$root/etc/systemd/system/$unit"
	done
	rm -f "$root/usr/sbin/policy-rc.d"
	mkdir -p "$root/etc/systemd/journald.conf.d"
	# In memory, without limits: a test reads it, and under emulation a disk's journal costs seconds.
	printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' >"$root/etc/systemd/journald.conf.d/upcall-vm.conf"
}

make_initrd() {
	local root=$1 kver=$2 out=$3 dir module path
	dir=$(dirname "$out")/../initrd
	mkdir -p "$dir"/{bin,dev,proc,sys,root,modules}
	cp "$root/bin/busybox" "$dir/bin/"
	cp "$VM_DIR/guest/init" "$dir/init"
	while read -r path; do
		module=${path##*/}
		cp "$root$path" "$dir/modules/$module"
		case $module in
		*.xz) xz -d "$dir/modules/$module" && module=${module%.xz} ;;
		*.zst) zstd -q -d --rm "$dir/modules/$module" && module=${module%.zst} ;;
		esac
		echo "$module" >>"$dir/modules/order"
	done < <(in_root "$root" modprobe -S "$kver" -a --show-depends "${INITRD_MODULES[@]}" |
		awk '$1 == "insmod" && !seen[$2]++ { print $2 }')
	[[ -s $dir/modules/order ]] || die "no modules found for the initrd in $root/lib/modules/$kver"
	(cd "$dir" && find . | cpio -o -H newc --quiet) >"$out"
}

# As a user's: by initramfs-tools, to whose configuration --initrd adds.
make_debian_initrd() {
	local root=$1 kver=$2 out=$3
	[[ -x $root/usr/sbin/mkinitramfs ]] || die "--initrd: the guest root has no initramfs-tools"
	cp -a "$INITRD/." "$root/etc/initramfs-tools/"
	printf '%s\n' "${INITRD_MODULES[@]}" >>"$root/etc/initramfs-tools/modules"
	in_root "$root" mkinitramfs -o /boot/initrd "$kver" >&2 </dev/null || die "mkinitramfs failed; its words are above"
	mv "$root/boot/initrd" "$out"
}

# extract_vmlinux BZIMAGE OUT: unpacking the kernel under emulation takes seconds at every boot; QEMU can start the
# unpacked ELF file (PVH). The place of the payload is in the boot protocol's header.
extract_vmlinux() {
	local image=$1 out=$2 sects offset length magic
	sects=$(od -An -tu1 -j $((0x1f1)) -N1 "$image")
	offset=$(od -An -tu4 -j $((0x248)) -N4 "$image")
	length=$(od -An -tu4 -j $((0x24c)) -N4 "$image")
	offset=$(((sects + 1) * 512 + offset))
	magic=$(od -An -tx1 -j "$offset" -N4 "$image" | tr -d ' \n')
	# The last four bytes are the size: no part of the compressed stream, but for gzip, which has it itself.
	[[ $magic = 1f8b* ]] || length=$((length - 4))
	dd if="$image" iflag=skip_bytes,count_bytes skip="$offset" count="$length" bs=1M status=none |
		case $magic in
		fd377a58) xz -dc ;;
		28b52ffd) zstd -dcq ;;
		1f8b*) gzip -dc ;;
		*) die "$image: unknown compression, magic $magic" ;;
		esac >"$out"
}

# make_disk ROOT OUT: a sparse file; a quarter of a gigabyte more than what it holds.
make_disk() {
	local root=$1 out=$2 mib
	mib=$(du -xsm --apparent-size "$root" | cut -f1)
	truncate -s $((mib * 13 / 10 + 384))M "$out"
	mke2fs -q -t ext4 -O ^has_journal,^metadata_csum -E lazy_itable_init=0,nodiscard -m 0 -L upcall-vm -d "$root" "$out" ||
		die "mke2fs could not make $out from $root"
}

# The newest few stay: a developer goes back and forth. Running machines keep what they have open.
clean_images() {
	local old
	# shellcheck disable=SC2012  # names are ours
	ls -1dt "$CACHE/images/$1"-???????????????? | tail -n +4 | while read -r old; do
		[[ -n $(find "$old" -maxdepth 0 -mmin +10) ]] && rm -rf "$old"
	done || true
}
