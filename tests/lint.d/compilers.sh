# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds, each in a directory of its own that stays, and what reads the code with a compiler's eyes.

step_gcc() {
	build "$SCRATCH/gcc" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo && unit_tests "$SCRATCH/gcc"
}

step_clang() {
	build "$SCRATCH/clang" -DCMAKE_C_COMPILER=clang-14 -DCMAKE_BUILD_TYPE=RelWithDebInfo
}

step_sanitize() {
	build "$SCRATCH/sanitize" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DUPCALL_SANITIZE=ON &&
		UBSAN_OPTIONS=print_stacktrace=1 unit_tests "$SCRATCH/sanitize"
}

# The programs as they are packaged: installed, so that no build path of the linker's is left.
step_binaries() {
	local root=$SCRATCH/root file bad=0
	build "$SCRATCH/gcc" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo || return 1
	rm -rf "$root"
	DESTDIR=$root cmake --install "$SCRATCH/gcc" --component upcalld --strip || return 1
	while IFS= read -rd '' file; do
		check_installed "$file" || bad=1
	done < <(find "$root" -type f \( -perm -u+x -o -name '*.so.*' \) -print0)
	hardened_sources "$SCRATCH/gcc/compile_commands.json" || bad=1
	for file in "$root"/usr/libexec/upcalld/* "$root"/usr/libexec/oci/hooks.d/upcall-oci-hook; do
		! readelf -l "$file" | grep INTERP || { echo "$file: not static" && bad=1; }
	done
	static_terms "$SCRATCH/gcc" "$root/usr/share/doc/upcalld/static" || bad=1
	return $bad
}

# static_terms BUILD DIRECTORY: are the terms there of all that is linked statically?
static_terms() {
	local library package bad=0 count=0
	while IFS= read -r library; do
		package=$(dpkg -S "*/$(gcc -print-multiarch)/lib$library.a" | cut -d: -f1)
		[[ -s $2/${package:-?}.copyright ]] || { echo "lib$library.a of ${package:-no package}: no copyright in $2" && bad=1; }
		count=$((count + 1))
	done < <(ninja -C "$1" -t commands | grep -e ' -static-pie ' | grep -oE -e ' -l[^ ]+' | sed 's/^ -l//' | sort -u && echo c)
	[[ $count -ge 8 ]] || { echo "$1: $count libraries are linked statically" && bad=1; }
	return $bad
}

# every source of the product is compiled with these, as no binary tells afterwards.
hardened_sources() {
	local flag bad=0
	for flag in -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=3; do
		! jq -r --arg flag " $flag" '.[] | select(.file | test("/(daemon|client)/")) | select(.command | contains($flag) | not)
			| "\(.file): compiled without\($flag)"' "$1" | grep . || bad=1
	done
	jq -e '[.[] | select(.file | test("/daemon/worker/"))] | length > 10' "$1" >/dev/null || { echo "$1: too few sources" && bad=1; }
	return $bad
}

# Who is installed to be run is a binary, or a script, which says so in its first line.
check_installed() {
	local bad=0
	if [[ $(head -c 2 "$1") != '#!' ]]; then
		check_binary "$1" || bad=1
	fi
	! grep -aqF -e "$PROJECT_DIR" -e "$SCRATCH" "$1" || { echo "$1: holds a path of this machine" && bad=1; }
	return $bad
}

check_binary() {
	local bad=0
	[[ $(readelf -h "$1" | awk '$1 == "Type:" { print $2 }') = DYN ]] || { echo "$1: not position-independent" && bad=1; }
	readelf -lW "$1" | grep -q GNU_RELRO || { echo "$1: no RELRO" && bad=1; }
	readelf -dW "$1" | grep -qE 'BIND_NOW|NOW' || { echo "$1: lazy binding: RELRO is not full" && bad=1; }
	readelf -lW "$1" | grep GNU_STACK | grep -q E && { echo "$1: executable stack" && bad=1; }
	return $bad
}

step_cppcheck() {
	configure "$SCRATCH/gcc" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo || return 1
	mkdir -p "$SCRATCH/cppcheck"
	cppcheck --quiet -j2 --enable=warning,performance,portability --std=c11 --inline-suppr --error-exitcode=1 \
		--cppcheck-build-dir="$SCRATCH/cppcheck" --library=posix --library=gnu \
		--suppressions-list="$TESTS_DIR/lint.d/cppcheck.txt" --project="$SCRATCH/gcc/compile_commands.json"
}

step_tidy() {
	configure "$SCRATCH/clang" -DCMAKE_C_COMPILER=clang-14 -DCMAKE_BUILD_TYPE=RelWithDebInfo || return 1
	project_files 'daemon/*.c' 'client/*.c' | xargs -0r -P2 -n 8 clang-tidy-14 --quiet -p "$SCRATCH/clang" 2>/dev/null
}
