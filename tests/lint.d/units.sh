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
	exposure_within "$dir/upcalld.service" 30 && exposure_within "$dir/upcall-worker@.service" 98 || return 1
	exposure_documented "$dir"
}

# exposure_within UNIT TENTHS
exposure_within() {
	systemd-analyze security --offline=true --threshold="$2" --no-pager "$1"
}

# What counts against a unit has its reason in units/exposure, and nothing has one there that does not.
exposure_documented() {
	local unit pattern reason file found bad=0
	local -A used=()
	while read -r unit found; do
		reason=''
		while read -r file pattern reason; do
			# shellcheck disable=SC2053  # a pattern
			[[ $file = "$unit" && $found = $pattern ]] && used["$file $pattern"]=yes && break
			reason=''
		done < <(exposure_lines)
		[[ -n $reason ]] || { echo "$unit: units/exposure has no reason for $found" && bad=1; }
	done < <(exposure_findings "$1")
	while read -r file pattern reason; do
		[[ -n ${used["$file $pattern"]:-} ]] || { echo "units/exposure: $file is not exposed by $pattern" && bad=1; }
	done < <(exposure_lines)
	((${#used[@]})) || { echo 'systemd-analyze found nothing at all' && bad=1; }
	return $bad
}

exposure_lines() { grep -v '^#' units/exposure | grep .; }

exposure_findings() {
	local unit
	for unit in upcalld.service upcall-worker@.service; do
		systemd-analyze security --offline=true --json=short --no-pager "$1/$unit" |
			jq -r --arg unit "$unit" '.[] | select(.set == false) | "\($unit) \(.name)"'
	done
}

# Any message is a failure: verify's exit status does not tell of all.
verify_units() {
	local messages
	messages=$(systemd-analyze verify --man=no "$1"/* 2>&1) || { echo "$messages" && return 1; }
	[[ -z $messages ]] || { echo "$messages" && return 1; }
}
