# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The project's packages, built in the suite's own build root. The build directory stays in the cache, so that a change
# of one file costs seconds; the packages of every state of the sources are kept under the hash of that state.

# More options for cmake, for instance -DUPCALL_FAULT_INJECTION=ON; such packages are kept apart from the others.
CMAKE_OPTIONS=${UPCALL_VM_CMAKE:-}

# One for each checkout, suite and set of options. Bound into the build root at the same places every time, because
# debug information names them.
work_dir() {
	echo "$CACHE/work/$1-$(printf '%s\n' "$PROJECT_DIR" "$CMAKE_OPTIONS" "$(root_key "$1" build)" | hash_text)"
}

# The files of the project, as the working tree has them; what git ignores is no part of it. tests/ is left out: nothing
# in a package comes from there, and a change of a test must not cost a build.
list_sources() {
	git -c safe.directory="$PROJECT_DIR" -C "$PROJECT_DIR" ls-files -z -co --exclude-standard -- . ':!tests' ':!.git*' |
		sort -zu | while IFS= read -rd '' file; do
		[[ -f $PROJECT_DIR/$file || -L $PROJECT_DIR/$file ]] && printf '%s\0' "$file"
	done || true
}

# take_sources DEST LIST: a copy of what is there now; others may be editing. Unchanged files are not touched, so that
# make sees what changed, and a changed one gets today's date, whatever its own says.
take_sources() {
	local dest=$1 list=$2 file
	mkdir -p "$dest"
	list_sources >"$list"
	[[ -s $list ]] || die "no files in $PROJECT_DIR: nothing to build"
	# Asked by every run, and nearly always there is nothing to do.
	[[ $(state_of "$PROJECT_DIR" "$list") = "$(state_of "$dest" "$list" 2>&1)" ]] || while IFS= read -rd '' file; do
		same_file "$PROJECT_DIR/$file" "$dest/$file" && continue
		mkdir -p "$(dirname -- "$dest/$file")"
		rm -rf -- "${dest:?}/$file"
		cp -P --preserve=mode -- "$PROJECT_DIR/$file" "$dest/$file" || die "$file: cannot copy it (changed under our hands?)"
	done <"$list"
	find "$dest" \( -type f -o -type l \) -printf '%P\0' | sort -z | comm -z -13 <(sort -z "$list") - |
		while IFS= read -rd '' file; do rm -f -- "$dest/$file"; done
}

# state_of DIRECTORY LIST: names, contents, and whether executable
state_of() { (cd "$1" && xargs -0 sha256sum <"$2" && xargs -0 stat -c '%n %A' <"$2"); }

# same_file A B: the same content, and executable both or neither
same_file() {
	cmp -s -- "$1" "$2" || return 1
	if [[ -x $1 ]]; then [[ -x $2 ]]; else [[ ! -x $2 ]]; fi
}

sources_key() {
	local suite=$1 src=$2 list=$3
	{
		root_key "$suite" build
		echo "$CMAKE_OPTIONS"
		cat "$VM_DIR/host/packages.sh"
		state_of "$src" "$list"
	} | hash_text
}

# ensure_packages VARIABLE SUITE: the directory with the .deb files of the tree as it is now
ensure_packages() {
	ensure_root "$2" build
	with_lock "packages-$2" build_packages "$2"
	printf -v "$1" %s "$BUILT_PACKAGES"
}

build_packages() {
	local suite=$1 work key tmp start=$SECONDS
	work=$(work_dir "$suite")
	mkdir -p "$work/src" "$work/build"
	touch "$work"
	take_sources "$work/src" "$work/list"
	key=$(sources_key "$suite" "$work/src" "$work/list")
	BUILT_PACKAGES=$CACHE/packages/$suite/$key
	if [[ -d $BUILT_PACKAGES ]]; then
		touch "$BUILT_PACKAGES"
		return 0
	fi
	require_root
	[[ -e $work/src/CMakeLists.txt ]] || die "$PROJECT_DIR has no CMakeLists.txt yet: nothing to build (--bare or --package-dir?)"
	new_tmp tmp
	enter_build_root "$suite" "$work" "$tmp/root"
	find "$work/build" -name '*.deb' -delete
	say "building the packages for $suite"
	run_build "$tmp/root"
	unmount_below "$tmp/root"
	mkdir -p "$tmp/debs" "$CACHE/packages/$suite"
	find "$work/build" -name '*.deb' -not -path '*/_CPack_Packages/*' -exec cp -t "$tmp/debs" {} +
	[[ -n $(find "$tmp/debs" -name '*.deb') ]] || die "the build's target 'package' made no .deb"
	mv "$tmp/debs" "$BUILT_PACKAGES"
	clean_packages "$suite"
	say "packages for $suite built in $((SECONDS - start)) s: $BUILT_PACKAGES"
}

# enter_build_root SUITE WORK ROOT: the build root with the work directory in it, mounted at ROOT
enter_build_root() {
	local suite=$1 work=$2 root=$3 lower
	lower=$(root_dir "$suite" build)/root
	mkdir -p "$root" "$lower/project/src" "$lower/project/build"
	on_exit unmount_below "$root"
	mount --bind "$lower" "$root"
	mount_system_dirs "$root"
	mount --bind "$work/src" "$root/project/src"
	mount --bind "$work/build" "$root/project/build"
}

run_build() {
	local root=$1
	local -a options
	read -ra options <<<"$CMAKE_OPTIONS"
	# shellcheck disable=SC2016  # expanded in the chroot
	in_root "$root" sh -euc '
		cd /project/build
		[ -e CMakeCache.txt ] || cmake -S /project/src -B . -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF "$@"
		cmake --build . -j2
		cmake --build . --target package' sh "${options[@]}" >&2 </dev/null || {
		rm -f "$root/project/build/CMakeCache.txt" # a half-made configuration is not tried again
		die "building the packages failed; the messages are above"
	}
}

clean_packages() {
	local old
	find "$CACHE/work" -mindepth 1 -maxdepth 1 -mtime +14 -exec rm -rf {} + # of checkouts that are gone
	# shellcheck disable=SC2012  # names are ours
	ls -1dt "$CACHE/packages/$1"/* | tail -n +9 | while read -r old; do
		[[ -n $(find "$old" -maxdepth 0 -mmin +60) ]] && rm -rf "$old"
	done || true
}

# ensure_program VARIABLE SUITE FILE.c: the program that a test needs in the guest, compiled in the suite's build root.
# A line "LINK: -lfoo -static" in the source's first comment is added to the command.
ensure_program() {
	local suite=$2 source=$3 link key name
	name=$(basename -- "$source" .c)
	link=$(sed -n '1,40s/^.*LINK: *\(.*[^ *\/]\).*$/\1/p' "$source" | head -n 1)
	key=$({
		root_key "$suite" build
		echo "$name $link"
		cat "$source" "$PROJECT_DIR"/proto/*.h "$(dirname -- "$source")"/*.h 2>/dev/null || true
	} | hash_text)
	local made=$CACHE/programs/$suite/$key/$name
	if [[ ! -e $made ]]; then
		ensure_root "$suite" build
		with_lock "program-$key" compile_program "$suite" "$source" "$made" "$link"
	fi
	touch "${made%/*}"
	printf -v "$1" %s "$made"
}

compile_program() {
	local suite=$1 source=$2 made=$3 tmp lower
	local -a link
	read -ra link <<<"$4"
	[[ -e $made ]] && return 0
	require_root
	new_tmp tmp
	lower=$(root_dir "$suite" build)/root
	mkdir -p "$tmp/root" "$tmp/in/proto" "$tmp/out" "$lower/project/src" "$lower/project/build"
	cp -- "$source" "$tmp/in/"
	cp -- "$(dirname -- "$source")"/*.h "$tmp/in/" 2>/dev/null || true
	cp -- "$PROJECT_DIR"/proto/*.h "$tmp/in/proto/" 2>/dev/null || true
	on_exit unmount_below "$tmp/root"
	mount --bind "$lower" "$tmp/root"
	mount_system_dirs "$tmp/root"
	mount --bind "$tmp/in" "$tmp/root/project/src"
	mount --bind "$tmp/out" "$tmp/root/project/build"
	say "compiling $(basename -- "$source") for $suite"
	in_root "$tmp/root" gcc -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -pthread -I /project/src/proto \
		-o "/project/build/${made##*/}" "/project/src/$(basename -- "$source")" "${link[@]}" >&2 </dev/null ||
		die "cannot compile $source; the compiler's words are above"
	unmount_below "$tmp/root"
	mkdir -p "${made%/*}"
	mv "$tmp/out/${made##*/}" "$made"
	find "$CACHE/programs" -mindepth 2 -maxdepth 2 -mtime +14 -exec rm -rf {} +
}
