# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The module, and that of the tests: style by checkpatch, types by sparse.

# No package has the kernel's checkers by themselves: they are taken once out of its source package.
ensure_kernel_scripts() {
	local dir=${SCRATCH%/*}/kernel-scripts tmp
	KERNEL_SCRIPTS=$dir
	[[ ! -d $dir ]] || return 0
	tmp=$(mktemp -d) || return 1
	(
		cd "$tmp" || exit 1
		apt-get download -qq -o APT::Sandbox::User=root linux-source-6.1 || exit 1
		dpkg-deb --fsys-tarfile linux-source-*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz |
			tar -xJ --strip-components=2 linux-source-6.1/scripts/checkpatch.pl linux-source-6.1/scripts/spelling.txt \
				linux-source-6.1/scripts/const_structs.checkpatch linux-source-6.1/scripts/coccinelle || exit 1
		rm -f linux-source-*.deb
	) && mv "$tmp" "$dir"
	rm -rf "$tmp"
	[[ -d $dir ]] || { echo "the kernel's checkers could not be had from the package linux-source-6.1" && return 1; }
}

# One source for several kernels: what checkpatch says of version checks is about the kernel's own tree. Its advice on
# brackets does not know how trace headers are written.
step_checkpatch() {
	local ignore=LINUX_VERSION_CODE,CONSTANT_COMPARISON traces=OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
	ensure_kernel_scripts || return 1
	project_files 'kernel-shim/*.[ch]' 'tests/kmod/*.[ch]' ':!kernel-shim/trace.h' |
		xargs -0r "$KERNEL_SCRIPTS/checkpatch.pl" --no-tree --strict --terse --quiet --no-summary --max-line-length=100 --ignore "$ignore" -f ||
		return 1
	"$KERNEL_SCRIPTS/checkpatch.pl" --no-tree --strict --terse --quiet --no-summary --max-line-length=100 --ignore "$ignore,$traces" \
		-f kernel-shim/trace.h
}

# Not among tests/deps: of all that run a test only this step has use for OCaml.
install_coccinelle() {
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends coccinelle
}

# Beside the compiler's own warnings: half of them are about what the kernel's functions want of their callers.
step_coccinelle() {
	local script log=$SCRATCH/coccinelle.log options ran=0
	ensure_kernel_scripts || return 1
	command -v spatch >/dev/null || install_coccinelle >"$log" 2>&1 || { cat "$log" && return 1; }
	# What a script cannot parse it has nothing to say of: one defect that is to be found, first.
	mkdir -p "$SCRATCH/coccinelle"
	printf 'void f(void *p)\n{\n\tif (p)\n\t\tkfree(p);\n}\n' >"$SCRATCH/coccinelle/seed.c"
	spatch -D report --very-quiet --cocci-file "$KERNEL_SCRIPTS/coccinelle/free/ifnullfree.cocci" --dir "$SCRATCH/coccinelle" 2>&1 |
		grep -q 'seed.c:4' || { echo 'spatch does not find what is there' && return 1; }
	: >"$log"
	while read -r script; do
		# Written in OCaml, which would need its compiler; of the others, those that report.
		! grep -q '^@.*\(script\|initialize\):ocaml' "$script" || continue
		grep -q '^virtual .*report' "$script" || continue
		read -ra options <<<"$(sed -n 's|^// Options: *||p' "$script")"
		spatch -D report --very-quiet "${options[@]}" --cocci-file "$script" --dir kernel-shim 2>"$SCRATCH/coccinelle.err" >>"$log" ||
			{ cat "$SCRATCH/coccinelle.err" && return 1; }
		ran=$((ran + 1))
	done < <(find "$KERNEL_SCRIPTS/coccinelle" -name '*.cocci' | sort)
	cat "$log"
	echo "$ran of the kernel's scripts ran"
	[[ ! -s $log ]] && ((ran >= 50))
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
