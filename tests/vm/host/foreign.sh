# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Test suites that others wrote for what we must not change: those of keyutils and of the kernel. Sources are Debian's; what
# is made of them is kept under the hash of what asks for it. The kernel's are of the series that the guest has; keyutils'
# are always those of bookworm, because they are scripts, the version is the same, and mirrors lack sources here and there.

FOREIGN_SELFTESTS=(pidfd kmod coredump) # coredump: not in every series
FOREIGN_MODULES=(test_kmod test_module) # no kernel of Debian's has them, and kmod.sh needs both

# foreign_series SUITE: the name that linux-source has
foreign_series() {
	local kernel
	kernel=$(guest_kernel "$(root_dir "$1" guest)/root")
	grep -o '^[0-9]*\.[0-9]*' <<<"$kernel"
}

# ensure_foreign VARIABLE SUITE: a directory named foreign, with keyutils/tests, selftests/NAME and modules
ensure_foreign() {
	local suite=$2 key made
	ensure_root "$suite" build
	ensure_root "$suite" guest
	key=$({
		root_key "$suite" build
		guest_kernel "$(root_dir "$suite" guest)/root"
		cat "$VM_DIR/host/foreign.sh"
	} | hash_text)
	made=$CACHE/foreign/$suite/$key
	[[ -d $made ]] || with_lock "foreign-$key" build_foreign "$suite" "$made"
	touch "$made"
	printf -v "$1" %s "$made/foreign"
}

build_foreign() {
	local suite=$1 made=$2 tmp kernel root start=$SECONDS
	[[ -d $made ]] && return 0
	require_root
	kernel=$(guest_kernel "$(root_dir "$suite" guest)/root")
	[[ -d $(root_dir "$suite" build)/root/lib/modules/$kernel ]] ||
		die "the build root of $suite has no headers of the guest's kernel $kernel: run 'tests/vm/setup --renew $suite'"
	new_tmp tmp
	mkdir "$tmp/root"
	layered_copy "$(root_dir "$suite" build)/root" "$tmp"
	root=$tmp/root
	mount_system_dirs "$root"
	mkdir -p "$root/foreign"
	suite_sources bookworm | sed 's/^deb /deb-src /' >"$root/etc/apt/sources.list.d/foreign.list"
	say "making the foreign test suites of $suite, with the sources of Linux $(foreign_series "$suite"): some minutes"
	# shellcheck disable=SC2016  # expanded in the chroot
	in_root "$root" bash -euo pipefail -c "$(declare -f foreign_make foreign_keyutils foreign_selftests foreign_modules)"'
		foreign_make "$@"' bash "$(foreign_series "$suite")" "$kernel" "${FOREIGN_SELFTESTS[*]}" "${FOREIGN_MODULES[*]}" \
		>"$tmp.log" 2>&1 </dev/null || {
		tail -n 30 "$tmp.log" >&2
		die "the foreign test suites of $suite were not made; the whole log: $tmp.log"
	}
	rm -f "$tmp.log"
	unmount_below "$root/proc"
	mkdir -p "$tmp/made"
	mv "$root/foreign/made" "$tmp/made/foreign"
	mkdir -p "${made%/*}"
	mv "$tmp/made" "$made"
	find "$CACHE/foreign" -mindepth 2 -maxdepth 2 -mtime +14 -exec rm -rf {} +
	say "made in $((SECONDS - start)) s: $made"
}

# All of this in the chroot: foreign_make SERIES KERNEL SELFTESTS MODULES
foreign_make() {
	cd /foreign || return
	mkdir -p made/selftests made/modules
	apt-get update
	apt-get -o APT::Sandbox::User=root source keyutils/bookworm
	apt-get -o APT::Sandbox::User=root download "linux-source-$1"
	foreign_keyutils
	mkdir linux
	# What headers, self-tests and the two modules are made of; all of it would be 1.5 GB.
	dpkg-deb --fsys-tarfile linux-source-*.deb | tar -xO "./usr/src/linux-source-$1.tar.xz" | tar -C linux -xJ \
		--strip-components=1 --wildcards --no-wildcards-match-slash "linux-source-$1/Makefile" "linux-source-$1/Kbuild" \
		"linux-source-$1/scripts" "linux-source-$1/include" "linux-source-$1/usr/include" "linux-source-$1/tools" \
		"linux-source-$1/arch/x86" "linux-source-$1/lib/test_*.c"
	foreign_selftests "$3"
	foreign_modules "$2" "$4"
}

foreign_keyutils() {
	mkdir made/keyutils
	cp -a keyutils-*/tests made/keyutils/
}

foreign_selftests() {
	local name
	make -s -C linux headers
	for name in $1; do
		[ -d "linux/tools/testing/selftests/$name" ] || continue
		make -s -C "linux/tools/testing/selftests/$name" -j2
		mkdir "made/selftests/$name"
		find "linux/tools/testing/selftests/$name" -type f -perm /111 -exec cp -t "made/selftests/$name" {} +
	done
}

foreign_modules() {
	local name
	mkdir modules
	for name in $2; do
		cp "linux/lib/$name.c" modules/
		echo "obj-m += $name.o" >>modules/Kbuild
	done
	make -s -C "/lib/modules/$1/build" M=/foreign/modules -j2 modules
	for name in $2; do cp "modules/$name.ko" made/modules/; done
}
