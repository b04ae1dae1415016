#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lane: soak
# suites: bookworm trixie trixie-backports
# needs: foreign
# timeout: 14400
# memory: 4096
# soak: all
#
# The memory: a test of core dumps keeps one of a gigabyte in /tmp, and fails where that is full.
#
# A-26: keyutils' own tests and the kernel's self-tests of pidfd, kmod and, where they exist, coredump have the same results
# with the module loaded, upcalld running or not, as without it.
# $1: "all" is also features/limits of keyutils, a million of add_key(2), and kmod's tests as often as they want to be;
# "selftests": those of pidfd and coredump only, and of these what $2 says, as in grep -E

# shellcheck source=lib/setup.sh
. lib/setup.sh
repeat=${1:-once} only=${2:-.*}
foreign=$PWD/foreign
declare -A keys modules cores # of each suite, in the state that was the last

# keyutils' tests want to know the byte order and the distribution's name, of programs that not every guest has.
mkdir stubs
# shellcheck disable=SC2016 # expanded by the stub
printf '#!/bin/sh\necho "$2: ELF 64-bit LSB pie executable, x86-64"\n' >stubs/file
printf '#!/bin/sh\necho Debian\n' >stubs/lsb_release
chmod 755 stubs/*

mkdir -p "/lib/modules/$(uname -r)/extra"
cp foreign/modules/*.ko "/lib/modules/$(uname -r)/extra/"
check 'the modules of kmod.sh can be found' depmod

# ------------------------------------------------------------ the suites; each prints a line for each result

# Of each test how it ended, how many parts it had, and which of these failed.
keyutils_results() {
	local test status
	cd "$foreign/keyutils/tests" || return
	while read -r test; do
		[ "$repeat" = all ] || [ "$test" != features/limits ] || continue
		status=pass
		(cd "$test" && PATH=$foreign/../stubs:$PATH TEST=$test bash ./runtest.sh) >out 2>&1 </dev/null || status="status $?"
		# The name of a session keyring has a pid in it, and keys have serial numbers: neither is a result.
		awk -v name="keyutils $test" -v status="$status" '
			/^\+\+\+ / { part = $0; parts++ }
			/SKIP/ { skipped = " skipped" }
			/^=== FAILED ===/ && !(part in seen) { seen[part] = 1; failed = failed "; " part }
			END { print name ": " status skipped ", " parts + 0 " parts" (failed ? ", failed:" failed : "") }' "$test/test.out"
	done < <(find . -mindepth 2 -name runtest.sh -printf '%h\n' | sed 's|^\./||' | sort)
}

# selftest_results NAME: the lines that kselftest's programs print for each test, and how each program ended. Some of their
# tests race with themselves on an emulated machine, with and without the module: what has passed once, passes.
selftest_results() {
	local program status try begun
	cd "$foreign/selftests/$1" || return
	for program in *; do
		case $program in kmod.sh | stackdump | *_helper) continue ;; esac
		grep -qxE "$only" <<<"$program" || continue
		: >out
		begun=$SECONDS
		for ((try = 0; try < 5 && SECONDS - begun < 600; try++)); do
			status=0
			timeout 1200 "./$program" >>out 2>&1 </dev/null || status=$?
			case $status in 0 | 124) break ;; esac
		done
		# What a child had inherited in its buffer is there twice, too.
		sed -nE "s/^(not )?ok (.*)/\\2\t\\1ok/p" out |
			awk -F '\t' -v name="$1 $program:" '
				$2 == "ok" || !($1 in result) { result[$1] = $2 }
				END { for (test in result) print name, result[test], test }' | sort
		echo "$1 $program: status $status"
	done
	rm -f out
}

# 0009 asks for more modules at once than the kernel serves, and the kernel lets nobody wait for more than five seconds:
# without the module, too, a slow machine fails it now and then.
kmod_results() {
	local id times status try tries
	cd "$foreign/selftests/kmod" || return
	for id in $(bash kmod.sh -l | sed -n 's/^\([0-9]\{4\}\) x .*/\1/p'); do
		times=(-c "$id" 1)
		[ "$repeat" = once ] || times=(-t "$id")
		status=1 tries=1
		[ "$id" != 0009 ] || tries=10
		for ((try = 0; status && try < tries; try++)); do
			status=0
			bash kmod.sh "${times[@]}" >out 2>&1 </dev/null || status=$?
		done
		sed -nE "s/.*(OK!|FAIL).*/kmod $id: &/p" out | sed -E 's/0x[0-9a-f]+/0x/g'
		echo "kmod $id: status $status"
	done
	rm -f out
}

# ------------------------------------------------------------ each in each state

# kernel_ran GLOB: how often the kernel has started such a program since the checkpoint
kernel_ran() {
	local path count=0
	while read -r path; do
		# shellcheck disable=SC2254 # a pattern on purpose
		case $path in $1) count=$((count + 1)) ;; esac
	done < <(audit_host_upcalls)
	echo "$count"
}

# run_suite STATE SUITE COMMAND…: its results are in results.STATE.SUITE, and shown as they come: it takes long
run_suite() {
	local state=$1 suite=$2
	shift 2
	audit_checkpoint
	audit_expect_host /sbin/request-key 'keys that the suites ask for'
	audit_expect_host /bin/keyctl 'what request-key executes'
	audit_expect_host /usr/share/keyutils/request-key-debug.sh 'the same'
	audit_expect_host /bin/cat 'the same'
	audit_expect_host /sbin/modprobe 'modules that the suites ask for'
	audit_expect_host '*/selftests/coredump/stackdump' 'a handler of core dumps'
	audit_expect_host /usr/lib/systemd/systemd-coredump 'the host'\''s, of tests that crash'
	("$@") | tee "results.$state.$suite"
	keys[$suite]=$(kernel_ran /sbin/request-key)
	modules[$suite]=$(kernel_ran /sbin/modprobe)
	cores[$suite]=$(kernel_ran '*/stackdump')
}

# How many lines say that something passed. What every state fails alike is no result of ours.
passes() { grep -E '(: pass,|: ok|OK!)' "$1" | grep -vc '# SKIP'; }

run_all() {
	local state=$1 suite least
	if [ "$repeat" != selftests ]; then
		run_suite "$state" keyutils keyutils_results
		check "$state: keyutils' tests had keys asked for (${keys[keyutils]})" test "${keys[keyutils]}" -ge 6
		run_suite "$state" kmod kmod_results
		check "$state: kmod's tests had modules asked for (${modules[kmod]})" test "${modules[kmod]}" -ge 20
	fi
	run_suite "$state" pidfd selftest_results pidfd
	if [ -d foreign/selftests/coredump ]; then
		run_suite "$state" coredump selftest_results coredump
		check "$state: coredump's tests had a core handled (${cores[coredump]})" test "${cores[coredump]}" -ge 1
	fi
	[ "$only" = '.*' ] || return 0
	for suite in keyutils:60 kmod:15 pidfd:15 coredump:1; do
		least=${suite#*:} suite=${suite%:*}
		[ -e "results.$state.$suite" ] || continue
		check "$state: of $suite, $(passes "results.$state.$suite") have passed" \
			test "$(passes "results.$state.$suite")" -ge "$least"
	done
}

# The programs that were cut short without the module: how far they came is no result.
cut_short() { sed -n 's/: status 124$//p' results.without.*; }
# comparable STATE SUITE: the results of all other programs
comparable() { grep -vFf <(cut_short | sed 's/$/:/') "results.$1.$2"; }

same_as_without() {
	local suite
	for suite in keyutils kmod pidfd coredump; do
		[ -e "results.without.$suite" ] || continue
		check "$1: the results of $suite are the same ($(comparable "$1" "$suite" | wc -l))" \
			diff <(comparable without "$suite") <(comparable "$1" "$suite")
	done
}

say_cut_short() {
	local program
	while read -r program; do
		skip "$program" 'it took more than 1200 s without the module'
	done < <(cut_short)
}

# counted CLASS [RESULT]: what the module has counted
counted() { ./shim-client counters "$1" | sed -n "s/^${2:-native} //p"; }
# The hook has seen what the suites raised: else being alike says nothing.
seen_by_module() {
	if [ -e "results.$1.keyutils" ]; then
		check "$1: the module has let keys pass ($(($(counted 1) - keys_before)))" \
			test "$(($(counted 1) - keys_before))" -ge "${keys[keyutils]}"
		check "$1: and modules ($(($(counted 2) - modules_before)))" \
			test "$(($(counted 2) - modules_before))" -ge "${modules[kmod]}"
	fi
	[ -e "results.$1.coredump" ] || return 0
	check "$1: and cores ($(($(counted 0) - cores_before)))" \
		test "$(($(counted 0) - cores_before))" -ge "${cores[coredump]}"
}
count_before() {
	cores_before=$(counted 0)
	keys_before=$(counted 1)
	modules_before=$(counted 2)
}

case $(uname -r) in
6.1.* | 6.12.*) skip 'the self-tests of coredump' "Linux $(uname -r | cut -d. -f1,2) has none" ;;
*) check 'there are self-tests of coredump' test -d foreign/selftests/coredump ;;
esac

systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
check 'the module is not loaded at first' rmmod upcall_shim
run_all without
say_cut_short

# With a container whose upcalls are not the host's: while there is none, the module lets everything pass unread.
printf '[Daemon]\nIdleExitSec=0\n' >/etc/upcalld.conf
cat >/etc/upcalld.d/web.conf <<'CONF'
[Match]
Name=web
[Core]
Handler=/usr/libexec/handler
[Key user]
[Module]
CONF
check 'the module is loaded' modprobe upcall_shim
check 'upcalld is started' systemctl start upcalld.socket upcalld-shim.socket upcalld.service
check 'a container is registered' registered web
offered=$(counted 1 offered)
request web foreign:probe >probe
check_equal "its keys are not the host's ($(cat probe))" $((offered + 1)) "$(counted 1 offered)"
daemon=$(systemctl show -p MainPID --value upcalld.service)
count_before
run_all running
check_equal 'upcalld ran all the time' "$daemon" "$(systemctl show -p MainPID --value upcalld.service)"
seen_by_module running
same_as_without running

systemctl stop upcalld-shim.socket upcalld.socket upcalld.service
check_equal 'upcalld is stopped' inactive "$(systemctl is-active upcalld.service)"
check 'the container is still known to the module' grep -q web <<<"$(./shim-client containers)"
count_before
run_all stopped
check_equal 'upcalld is still stopped' inactive "$(systemctl is-active upcalld.service)"
seen_by_module stopped
same_as_without stopped

audit_checkpoint
check_equal 'no upcall is left' '' "$(./shim-client list)"
summary
