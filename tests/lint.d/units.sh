# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Units, before anything is installed: the programs that they name are replaced
# by one that exists.

step_units() {
	local dir unit
	dir=$SCRATCH/units
	rm -rf "$dir"
	mkdir -p "$dir"
	for unit in units/systemd/*; do
		sed -E 's,=/usr/(sbin|libexec)/[^ ]*,=/bin/true,' "$unit" >"$dir/${unit##*/}"
	done
	verify_units "$dir" || return 1
	systemd-analyze security --offline=true --threshold=40 --no-pager "$dir/upcalld.service"
}

# Any message is a failure: verify's exit status does not tell of all.
verify_units() {
	local messages
	messages=$(systemd-analyze verify --man=no "$1"/* 2>&1) || { echo "$messages" && return 1; }
	[[ -z $messages ]] || { echo "$messages" && return 1; }
}
