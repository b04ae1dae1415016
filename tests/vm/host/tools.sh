# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Programs that the harness needs on the host, installed by apt where missing.

# program:package
HOST_TOOLS=(
	mmdebstrap:mmdebstrap
	qemu-system-x86_64:qemu-system-x86
	qemu-img:qemu-utils
	mke2fs:e2fsprogs
	cpio:cpio
	flock:util-linux
	tar:tar
	git:git
	xz:xz-utils
	zstd:zstd
	gzip:gzip
)
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

missing_packages() {
	local entry
	for entry in "${HOST_TOOLS[@]}"; do
		[[ -n $(PATH=$PATH:/usr/sbin:/sbin command -v "${entry%%:*}") ]] || echo "${entry#*:}"
	done
	[[ -e $DEBIAN_KEYRING ]] || echo debian-archive-keyring
}

install_host_tools() {
	local missing
	missing=$(missing_packages)
	[[ -z $missing ]] || with_lock host-tools apt_install_on_host
	remember_host_sources
}

apt_install_on_host() {
	local -a missing
	mapfile -t missing < <(missing_packages) # again: another one may have installed them while we waited
	((${#missing[@]})) || return 0
	say "installing on this machine: ${missing[*]}"
	if [[ -z $(apt-get indextargets 'Created-By: Packages') ]] || ! apt-cache show mmdebstrap >/dev/null 2>&1; then
		apt-get update >&2 || die "apt-get update failed; apt's message is above"
	fi
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >&2 ||
		die "apt-get install ${missing[*]} failed; apt's message is above"
}
