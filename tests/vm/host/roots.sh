# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The two root file systems of a suite, as plain directories in the cache:
#   build  compiles the project with the suite's own compiler, libraries and kernel headers
#   guest  is what a test's virtual machine runs, before our packages are installed

BUILD_PACKAGES=(
	build-essential cmake pkg-config gcc make file dpkg-dev debhelper dh-dkms dkms patch scdoc
	libnl-3-dev libnl-genl-3-dev libnl-route-3-dev libsystemd-dev libkeyutils-dev libev-dev libcmocka-dev libkmod-dev
	libsmartcols-dev libcap-dev libseccomp-dev libc-ares-dev libelf-dev libdw-dev libzstd-dev libjson-c-dev linux-libc-dev libc6-dev
	systemd-dev:later-suites python3 udev
)

GUEST_PACKAGES=(
	systemd systemd-sysv systemd-coredump systemd-container udev kmod dbus libpam-systemd dbus-user-session
	dkms gcc make libc6-dev patch dpkg-dev
	keyutils libkeyutils1 crun runc podman catatonit lxc uidmap iproute2 procps psmisc elfutils strace jq python3 busybox-static
	nfs-common nfs-kernel-server ksmbd-tools:later-suites
	initramfs-tools:later-suites
	apparmor apparmor-utils dnsmasq-base util-linux util-linux-extra:later-suites libcap2-bin attr
	libnl-3-200 libnl-genl-3-200 libev4 libsystemd0 libkmod2 libsmartcols1 libseccomp2 libc-ares2 libelf1 libdw1
	libzstd1 libcap2 libjson-c5
)

# Parts of the kernel's modules for hardware that no guest has: a third of the size.
KERNEL_EXCLUDES=(
	sound drivers/gpu drivers/media drivers/infiniband drivers/staging drivers/iio drivers/net/wireless
	drivers/net/ethernet drivers/isdn drivers/scsi drivers/hwmon drivers/mfd drivers/input drivers/usb
	drivers/leds drivers/mtd drivers/power drivers/regulator drivers/comedi drivers/platform drivers/ata
)

# t64 and other renames between suites: NAME:later-suites is left out of bookworm; a name that a suite lacks under that
# spelling is replaced here.
packages_for_suite() {
	local suite=$1 name
	shift
	for name in "$@"; do
		if [[ $name = *:later-suites ]]; then
			[[ $(suite_release "$suite") = bookworm ]] && continue
			name=${name%:*}
		fi
		if [[ $(suite_release "$suite") != bookworm ]]; then
			case $name in
			libelf1 | libdw1) name=${name}t64 ;;
			esac
		fi
		echo "$name"
	done
}

# root_packages SUITE KIND
root_packages() {
	local -a list
	case $2 in
	build) mapfile -t list < <(packages_for_suite "$1" "${BUILD_PACKAGES[@]}") ;;
	guest) mapfile -t list < <(packages_for_suite "$1" "${GUEST_PACKAGES[@]}") ;;
	esac
	case $2 in
	build) printf '%s\n' "${list[@]}" "$(suite_kernel_packages "$1" | tr ' ' '\n' | grep headers)" ;;
	guest) printf '%s\n' "${list[@]}" && suite_kernel_packages "$1" | tr ' ' '\n' ;;
	esac
}

root_key() {
	{
		echo "$CACHE_EPOCH $1 $2"
		root_packages "$1" "$2"
		suite_sources "$1"
		[[ $2 = build ]] || printf '%s\n' "${KERNEL_EXCLUDES[@]}" "$(declare -f settle_root)"
	} | hash_text
}

# root_dir SUITE KIND: where it is, or will be; root/ is the file system, apt-lists/ its package lists, kept outside so
# that no image carries them.
root_dir() { echo "$CACHE/roots/$1-$2-$(root_key "$1" "$2")"; }

# ensure_root SUITE KIND
ensure_root() {
	local dir kernel
	! kernel=$(debug_kernel_of "$1") || ensure_debug_kernel "$kernel"
	dir=$(root_dir "$1" "$2")
	if [[ -d $dir ]]; then
		touch "$dir"
		return 0
	fi
	with_lock "root-$1-$2" build_root "$1" "$2" "$dir"
}

build_root() {
	local suite=$1 kind=$2 dir=$3 tmp start=$SECONDS
	[[ -d $dir ]] && return 0
	require_root
	new_tmp tmp
	say "making the $kind root of $suite with mmdebstrap (log: $tmp.log on failure)"
	write_root_inputs "$suite" "$kind" "$tmp"
	run_mmdebstrap "$suite" "$kind" "$tmp"
	settle_root "$tmp/root" "$kind"
	mkdir "$tmp/result" "$CACHE/roots" 2>/dev/null || true
	mv "$tmp/root" "$tmp/result/root"
	mv "$tmp/apt-lists" "$tmp/result/apt-lists"
	mv "$tmp/result" "$dir"
	# Older keys of the same root, unless another checkout uses them: their date is that of the last use.
	find "$CACHE/roots" -mindepth 1 -maxdepth 1 -name "$suite-$kind-????????????????" -mtime +0 -exec rm -rf {} +
	say "$kind root of $suite made in $((SECONDS - start)) s: $dir"
}

write_root_inputs() {
	local suite=$1 kind=$2 tmp=$3 path
	suite_sources "$suite" >"$tmp/sources.list"
	{
		echo 'path-exclude=/usr/share/doc/*'
		echo 'path-exclude=/usr/share/man/*'
		echo 'path-exclude=/usr/share/locale/*'
		echo 'path-exclude=/usr/share/info/*'
		echo 'path-exclude=/usr/share/lintian/*'
		# The harness boots with an initrd of its own; making Debian's would only take time.
		echo 'path-exclude=/etc/kernel/postinst.d/initramfs-tools'
		if [[ $kind = guest ]]; then
			for path in "${KERNEL_EXCLUDES[@]}"; do
				echo "path-exclude=/lib/modules/*/kernel/$path/*"
				echo "path-exclude=/usr/lib/modules/*/kernel/$path/*"
			done
		fi
	} >"$tmp/dpkg.cfg"
	# Nothing is started by a maintainer script in a chroot.
	printf '#!/bin/sh\nexit 101\n' >"$tmp/policy-rc.d"
	chmod 755 "$tmp/policy-rc.d"
}

run_mmdebstrap() {
	local suite=$1 kind=$2 tmp=$3 line
	# shellcheck disable=SC2054  # the commas are mmdebstrap's
	local -a args=(--mode=root --variant=minbase --format=directory --skip=cleanup/apt/lists,cleanup/reproducible)
	while read -r line; do args+=(--aptopt="$line"); done < <(apt_options)
	while read -r line; do args+=(--include="$line"); done < <(root_packages "$suite" "$kind")
	# shellcheck disable=SC2016  # $1 is the hook's own: the root being made
	args+=(
		--aptopt='APT::Install-Recommends "false"'
		--setup-hook='mkdir -p "$1/etc/dpkg/dpkg.cfg.d" "$1/usr/sbin"'
		--setup-hook="cp $(printf %q "$tmp")/dpkg.cfg \"\$1/etc/dpkg/dpkg.cfg.d/upcall-vm\""
		--essential-hook="cp $(printf %q "$tmp")/policy-rc.d \"\$1/usr/sbin/policy-rc.d\""
		"$(suite_release "$suite")" "$tmp/root" "$tmp/sources.list"
	)
	if ! mmdebstrap "${args[@]}" >"$tmp.log" 2>&1 </dev/null; then
		tail -n 30 "$tmp.log" >&2
		die "mmdebstrap failed for the $kind root of $suite; the whole log: $tmp.log"
	fi
	rm -f "$tmp.log"
}

# settle_root ROOT KIND: what a first boot would otherwise decide.
settle_root() {
	local root=$1
	mv "$root/var/lib/apt/lists" "${root%/root}/apt-lists"
	mkdir -p "$root/var/lib/apt/lists/partial"
	rm -rf "$root/var/cache/apt/archives/"*.deb "$root/var/cache/apt/"*.bin
	rm -f "$root"/boot/initrd.img-*
	[[ $2 = guest ]] || return 0
	# It would have a name server, and tests have theirs.
	ln -s /dev/null "$root/etc/systemd/system/lxc-net.service"
	# An "uninitialized" machine-id makes systemd apply all presets at the first boot, which is not the package state.
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	echo upcall-vm >"$root/etc/hostname"
	printf '127.0.0.1 localhost upcall-vm\n::1 localhost\n' >"$root/etc/hosts"
	echo '/dev/vda / ext4 defaults 0 0' >"$root/etc/fstab"
	: >"$root/etc/resolv.conf"
}
