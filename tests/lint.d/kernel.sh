# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The module, and that of the tests: style by checkpatch, types by sparse.

# No package has checkpatch.pl by itself: it is taken once out of the kernel's source package.
ensure_checkpatch() {
	local dir=${SCRATCH%/*}/checkpatch tmp
	CHECKPATCH=$dir/checkpatch.pl
	[[ ! -e $CHECKPATCH ]] || return 0
	tmp=$(mktemp -d) || return 1
	(
		cd "$tmp" || exit 1
		apt-get download -qq -o APT::Sandbox::User=root linux-source-6.1 || exit 1
		# tar stops reading when it has the three files, which is no failure of dpkg-deb's
		dpkg-deb --fsys-tarfile linux-source-*.deb 2>/dev/null | tar -xO ./usr/src/linux-source-6.1.tar.xz 2>/dev/null |
			tar -xJ --strip-components=2 --occurrence=1 linux-source-6.1/scripts/checkpatch.pl \
				linux-source-6.1/scripts/spelling.txt linux-source-6.1/scripts/const_structs.checkpatch
		rm -f linux-source-*.deb
	)
	mkdir -p "$dir"
	[[ -e $tmp/checkpatch.pl ]] && mv "$tmp"/* "$dir"
	rm -rf "$tmp"
	[[ -e $CHECKPATCH ]] || { echo 'checkpatch.pl could not be had from the package linux-source-6.1' && return 1; }
}

# One source for several kernels: what checkpatch says of version checks is about the kernel's own tree. Its advice on
# brackets does not know how trace headers are written.
step_checkpatch() {
	local ignore=LINUX_VERSION_CODE,CONSTANT_COMPARISON traces=OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
	ensure_checkpatch || return 1
	project_files 'kernel-shim/*.[ch]' 'tests/kmod/*.[ch]' ':!kernel-shim/trace.h' |
		xargs -0r "$CHECKPATCH" --no-tree --strict --terse --quiet --no-summary --max-line-length=100 --ignore "$ignore" -f ||
		return 1
	"$CHECKPATCH" --no-tree --strict --terse --quiet --no-summary --max-line-length=100 --ignore "$ignore,$traces" \
		-f kernel-shim/trace.h
}

# In a copy: the build writes beside the sources.
step_module() {
	local headers module log=$SCRATCH/module.log bad=0
	headers=$(find /usr/src -maxdepth 1 -name 'linux-headers-*-amd64' | sort -V | tail -n 1)
	[[ -n $headers ]] || { echo 'no kernel headers in /usr/src' && return 1; }
	rm -rf "$SCRATCH/module"
	mkdir -p "$SCRATCH/module"
	cp -r kernel-shim proto tests/kmod "$SCRATCH/module/"
	for module in kernel-shim kmod; do
		make -C "$headers" "M=$SCRATCH/module/$module" W=1 C=2 CHECK=sparse -j2 modules >"$log" 2>&1 || {
			cat "$log"
			return 1
		}
		! grep -E 'warning:|error:|WARNING' "$log" || bad=1
	done
	return $bad
}
