# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The suites, and the package sources of each. No host name is written here: the mirror is whatever the host's apt uses.

SUITES=(bookworm trixie trixie-backports bookworm-debug bookworm-kasan bookworm-kcsan)

is_suite() {
	local s
	for s in "${SUITES[@]}"; do [[ $s = "$1" ]] && return 0; done
	return 1
}

check_suite() { is_suite "$1" || usage_error "unknown suite '$1': one of ${SUITES[*]}"; }

suite_release() { echo "${1%%-*}"; }

# debug_kernel_of SUITE: which of the kernels that are built here (debug-kernel.sh) it has; fails if it has Debian's
debug_kernel_of() {
	case $1 in
	*-debug | *-kasan | *-kcsan) echo "${1##*-}" ;;
	*) return 1 ;;
	esac
}

# The kernel of a -backports suite comes from there, everything else from the release itself.
suite_kernel_packages() {
	local kind
	if kind=$(debug_kernel_of "$1"); then
		debug_kernel_packages "$kind"
		return
	fi
	case $1 in
	*-backports) echo "linux-image-amd64/$1 linux-headers-amd64/$1" ;;
	*) echo "linux-image-amd64 linux-headers-amd64" ;;
	esac
}

# What a machine of the suite needs if nobody says otherwise, in MiB, and how many times longer than others one may take: a
# kernel that watches itself is slow.
suite_memory() { if [[ $1 = *-debug || $1 = *-kasan ]]; then echo 2048; else echo 1024; fi; }
# More of the kernel's command line. kmemleak makes that kernel twice as slow again: UPCALL_VM_CMDLINE=kmemleak=on for who wants it.
suite_cmdline() { if [[ $1 = *-debug ]]; then echo kmemleak=off; fi; }
suite_patience() {
	case $1 in
	*-debug) echo 5 ;;
	*-kasan | *-kcsan) echo 3 ;;
	*) echo 1 ;;
	esac
}

# host_sources: "URI RELEASE COMPONENT" of the host's Debian archives. Every key is made of them, and asking apt takes a second
# on a busy machine.
host_sources() { printf '%s\n' "${HOST_SOURCES:-$(ask_apt_sources)}"; }
remember_host_sources() { HOST_SOURCES=$(ask_apt_sources) || HOST_SOURCES=''; }
ask_apt_sources() {
	# shellcheck disable=SC2016  # $(…) is apt's own syntax
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' | sort -u
}

# suite_sources SUITE: lines of a sources.list, the host's with the release's name replaced.
suite_sources() {
	local suite=$1 release kind host uri rel comp found='' keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	release=$(suite_release "$suite")
	# shellcheck disable=SC1091  # the host's own
	host=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[[ -n $host ]] || die "/etc/os-release names no VERSION_CODENAME: cannot tell which of apt's sources are Debian's"
	while read -r uri rel comp; do
		case $rel in
		"$host" | "$host-updates" | "$host-security") ;;
		*) continue ;;
		esac
		[[ $comp = main ]] || continue
		found=yes
		echo "deb [signed-by=$keyring] $uri $release${rel#"$host"} $comp"
		if [[ $suite = *-backports && $rel = "$host" ]]; then
			echo "deb [signed-by=$keyring] $uri $suite $comp"
		fi
	done < <(host_sources)
	! kind=$(debug_kernel_of "$suite") || echo "deb [trusted=yes] copy:$(debug_kernel_dir "$kind") ./"
	[[ -n $found ]] || die "apt on this host has no source for Debian $host: see /etc/apt/sources.list*, and run 'apt-get update'"
}

# Options of the host's apt that decide whether the mirror is usable (a frozen mirror has old dates).
apt_options() {
	apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|Retries|https?::Proxy) ' || true
}
