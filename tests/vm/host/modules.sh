# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Kernel modules that only tests need, built in the suite's build root as DKMS builds the shim in the guest's.

# module_sources DIR: what it is made of, NUL-separated; not what a build by hand has left there
module_sources() {
	find "$1" -type f \( -name '*.[chS]' -o -name Kbuild -o -name Makefile \) -printf '%P\0' | sort -z
}

# ensure_module VARIABLE SUITE DIR: the one .ko that DIR/Kbuild makes, for the kernel of the suite's guest
ensure_module() {
	local suite=$2 source=$3 kernel key made
	ensure_root "$suite" build
	ensure_root "$suite" guest
	kernel=$(guest_kernel "$(root_dir "$suite" guest)/root")
	key=$({
		root_key "$suite" build
		echo "$kernel"
		cat "$VM_DIR/host/modules.sh"
		cd "$source" && module_sources . | xargs -0 sha256sum
	} | hash_text)
	made=$CACHE/modules/$suite/$key
	if [[ ! -d $made ]]; then
		with_lock "module-$key" build_module "$suite" "$source" "$kernel" "$made"
	fi
	touch "$made"
	printf -v "$1" %s "$(echo "$made"/*.ko)"
}

build_module() {
	local suite=$1 source=$2 kernel=$3 made=$4 tmp
	local -a built
	[[ -d $made ]] && return 0
	require_root
	# Both roots are made of the same sources, but maybe at different times.
	[[ -d $(root_dir "$suite" build)/root/lib/modules/$kernel ]] ||
		die "the build root of $suite has no headers of the guest's kernel $kernel: run 'tests/vm/setup --renew $suite'"
	new_tmp tmp
	mkdir -p "$tmp/work/src" "$tmp/work/build" "$tmp/made"
	(cd "$source" && module_sources . | xargs -0 cp --parents -t "$tmp/work/src")
	enter_build_root "$suite" "$tmp/work" "$tmp/root"
	say "building the module of $source for $kernel"
	in_root "$tmp/root" make -s -C "/lib/modules/$kernel/build" M=/project/src -j2 modules >&2 </dev/null ||
		die "cannot build the module of $source; the compiler's words are above"
	unmount_below "$tmp/root"
	mapfile -t built < <(find "$tmp/work/src" -name '*.ko')
	[[ ${#built[@]} = 1 ]] || die "$source makes ${#built[@]} modules, not one"
	mv "${built[0]}" "$tmp/made/"
	mkdir -p "${made%/*}"
	mv "$tmp/made" "$made"
	find "$CACHE/modules" -mindepth 2 -maxdepth 2 -mtime +14 -exec rm -rf {} +
}
