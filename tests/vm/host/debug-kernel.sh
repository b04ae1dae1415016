# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernels of bookworm-debug, bookworm-kasan and bookworm-kcsan: Debian's source, our configuration, packages that apt takes like any
# other's. What is built stays in a work directory of the cache until the packages are made, so that a build that is
# interrupted is not begun anew. KIND is debug, kasan or kcsan: the second half of the suite's name.

DEBUG_KERNEL_SERIES=6.1
DEBUG_KERNEL_CONFIGS=$VM_DIR/host/debug-kernel
# The kinds, and what their make is told beside the configuration.
declare -A DEBUG_KERNEL_MAKE=([debug]='' [kasan]='' [kcsan]='KCSAN_SANITIZE=n')
DEBUG_KERNEL_TOOLS=("linux-source-$DEBUG_KERNEL_SERIES" bc bison flex libelf-dev libssl-dev rsync kmod cpio dwarves xz-utils debhelper)

# Not of the build root: a newer kernel in the archive is no reason to build for half an hour. Removing what is in the cache
# is what makes it anew.
debug_kernel_key() {
	{
		echo "$DEBUG_KERNEL_SERIES $1 ${DEBUG_KERNEL_MAKE[$1]}"
		debug_kernel_fragment "$1"
	} | hash_text
}

debug_kernel_fragment() { cat "$DEBUG_KERNEL_CONFIGS/common.config" "$DEBUG_KERNEL_CONFIGS/$1.config"; }

# A directory that apt takes packages from.
debug_kernel_dir() { echo "$CACHE/debug-kernel/$(debug_kernel_key "$1")"; }

# debug_kernel_packages KIND: the names of its packages, of which the version is a part; before it is built, what they will be
debug_kernel_packages() {
	local dir
	dir=$(debug_kernel_dir "$1")
	[[ -e $dir/release ]] || return 0
	echo "linux-image-$(<"$dir/release") linux-headers-$(<"$dir/release")"
}

ensure_debug_kernel() {
	[[ -d $(debug_kernel_dir "$1") ]] && return 0
	ensure_root bookworm build
	with_lock "debug-kernel-$1" build_debug_kernel "$1"
}

build_debug_kernel() {
	local kind=$1 dir tmp root work start=$SECONDS
	dir=$(debug_kernel_dir "$kind")
	[[ -d $dir ]] && return 0
	work=$CACHE/work/debug-kernel-$(debug_kernel_key "$kind")
	new_tmp tmp
	mkdir -p "$work" "$tmp/root"
	layered_copy "$(root_dir bookworm build)/root" "$tmp"
	root=$tmp/root
	say "building the $kind kernel: half an hour on two processors (log: $work/log)"
	install_debug_kernel_tools "$root" "$work/log"
	mkdir -p "$root/kernel"
	mount --bind "$work" "$root/kernel"
	debug_kernel_fragment "$kind" >"$work/fragment"
	# shellcheck disable=SC2016  # expanded in the chroot
	in_root "$root" bash -euo pipefail -c "$(declare -f debug_kernel_make); debug_kernel_make \"\$@\"" \
		sh "$DEBUG_KERNEL_SERIES" "-upcall-$kind" ${DEBUG_KERNEL_MAKE[$kind]:+"${DEBUG_KERNEL_MAKE[$kind]}"} >>"$work/log" 2>&1 </dev/null || {
		tail -n 30 "$work/log" >&2
		die "the $kind kernel was not built; the whole log: $work/log"
	}
	umount "$root/kernel"
	mkdir -p "$CACHE/debug-kernel"
	mv "$work/result" "$dir"
	remove_tree "$work"
	say "$kind kernel built in $((SECONDS - start)) s: $dir"
}

install_debug_kernel_tools() {
	local root=$1 log=$2
	mount_system_dirs "$root"
	mount --bind "$(root_dir bookworm build)/apt-lists" "$root/var/lib/apt/lists"
	in_root "$root" sh -c 'apt-get update && apt-get install -y --no-install-recommends "$@"' sh "${DEBUG_KERNEL_TOOLS[@]}" \
		>>"$log" 2>&1 </dev/null || die "the tools for building a kernel cannot be installed; the log: $log"
	umount "$root/var/lib/apt/lists"
}

# debug_kernel_make SERIES SUFFIX VARIABLE=VALUE…: in the chroot, with the work directory at /kernel
debug_kernel_make() {
	local series=$1 suffix=$2 tree=/kernel/tree
	shift 2
	if [[ ! -e $tree/Makefile ]]; then
		mkdir -p "$tree"
		tar -C "$tree" --strip-components=1 -xf "/usr/src/linux-source-$series.tar.xz"
	fi
	cd "$tree" || return
	make -s x86_64_defconfig kvm_guest.config
	scripts/kconfig/merge_config.sh -m .config /kernel/fragment
	make -s olddefconfig
	# What the kernel's own configuration has dropped silently would be a debug kernel that finds nothing.
	local line missing=''
	while read -r line; do
		case $line in
		CONFIG_*=[ym]) grep -q "^${line%=*}=[ym]$" .config || missing+=" $line" ;;
		esac
	done </kernel/fragment
	[[ -z $missing ]] || { echo "not taken by kconfig:$missing" && return 1; }
	make -s -j"$(nproc)" LOCALVERSION="$suffix" "$@" bzImage modules
	rm -f ../*.deb
	make -s LOCALVERSION="$suffix" "$@" KDEB_PKGVERSION=1 KDEB_COMPRESS=gzip bindeb-pkg
	rm -f ../*-dbg_*.deb ../linux-libc-dev_*.deb
	rm -rf /kernel/result
	mkdir /kernel/result
	mv ../linux-*.deb /kernel/result/
	make -s LOCALVERSION="$suffix" kernelrelease >/kernel/result/release
	cp .config /kernel/result/config
	cd /kernel/result || return
	dpkg-scanpackages -m . >Packages
}
