# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tests/lint and tests/run share: packages, scratch directories, counting.

TESTS_DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
PROJECT_DIR=$(dirname "$TESTS_DIR")
# One scratch directory for each place that the project lies in: cmake's caches name it.
SCRATCH=${UPCALL_CACHE:-/var/cache/upcalld-tests}/host-$(sha256sum <<<"$PROJECT_DIR" | cut -c1-12)
PASSED=0
FAILED=0

say() { printf '%s\n' "$*" >&2; }

die() {
	say "${0##*/}: $*"
	exit 1
}

# install_deps: the packages of tests/deps that are missing, by apt-get
install_deps() {
	local -a missing
	mapfile -t missing < <(missing_deps)
	((${#missing[@]})) || return 0
	[[ $(id -u) = 0 ]] || die "these packages are missing, and installing them needs root: ${missing[*]}"
	say "installing ${missing[*]}"
	apt-get update -qq >&2 || die "apt-get update failed; its message is above"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
		die "apt-get install failed; its message is above"
}

missing_deps() {
	local package
	grep -v '^#' "$TESTS_DIR/deps" | while read -r package; do
		[[ $(dpkg-query -Wf '${db:Status-Abbrev}' "$package" 2>/dev/null) = ii* ]] || echo "$package"
	done
}

# project_files GLOB...: what belongs to the project and matches, committed or not; NUL-separated
project_files() {
	local file
	git -c safe.directory="$PROJECT_DIR" -C "$PROJECT_DIR" ls-files -z -co --exclude-standard -- "$@" | sort -zu |
		while IFS= read -rd '' file; do
			[[ ! -f $PROJECT_DIR/$file || -L $PROJECT_DIR/$file ]] || printf '%s\0' "$file"
		done
}

# lock_scratch: one run at a time in the scratch directory; steps do not inherit the lock, or what one of them leaves
# behind would keep it for ever
lock_scratch() {
	mkdir -p "$SCRATCH"
	exec 9>"$SCRATCH/lock"
	flock -n 9 && return
	say "waiting for another run in $SCRATCH"
	flock 9
}

# count_step 'NAME: WHAT' COMMAND...: runs it; the output is kept, and shown when it fails
count_step() {
	local what=$1 start=$SECONDS
	shift
	mkdir -p "$SCRATCH/log"
	"$@" >"$(step_log "$what")" 2>&1 </dev/null 9>&-
	count_result $? "$what" $((SECONDS - start))
}

# begin_step 'NAME: WHAT' COMMAND...: like count_step, as many at once as STEPS_AT_ONCE says, in the background; end_steps waits for all
STEPS_AT_ONCE=2
declare -A STEP_WHAT STEP_START
PREPARING='' LINTING='' # what else is in the background

# begin_group COMMAND...: in the background, a group of its own, so that what ends us can end all of it: the keyboard's
# interrupt does not reach the background
begin_group() {
	trap end_by_force EXIT
	set -m
	"$@" </dev/null 9>&- &
	set +m
}

begin_step() {
	local what=$1
	shift
	mkdir -p "$SCRATCH/log"
	while ((${#STEP_WHAT[@]} >= STEPS_AT_ONCE)); do end_one_step; done
	begin_group "$@" >"$(step_log "$what")" 2>&1
	STEP_WHAT[$!]=$what
	STEP_START[$!]=$SECONDS
}

end_steps() {
	while ((${#STEP_WHAT[@]})); do end_one_step; done
}

end_one_step() {
	local pid='' status=0
	wait -n -p pid "${!STEP_WHAT[@]}" || status=$?
	# One that a signal has killed may be forgotten already: bash names none then, and it has to be looked for.
	if [[ -z $pid ]]; then
		for pid in "${!STEP_WHAT[@]}"; do kill -0 "$pid" 2>/dev/null || break; done
	fi
	count_result "$status" "${STEP_WHAT[$pid]}" $((SECONDS - STEP_START[$pid]))
	unset "STEP_WHAT[$pid]" "STEP_START[$pid]"
}

end_by_force() {
	local pid
	for pid in "${!STEP_WHAT[@]}" $PREPARING $LINTING; do kill -- "-$pid" 2>/dev/null; done
	wait
}

step_log() { echo "$SCRATCH/log/${1%%:*}.log"; }

# count_result STATUS 'NAME: WHAT' SECONDS
count_result() {
	if [[ $1 = 0 ]]; then
		PASSED=$((PASSED + 1))
		echo "ok      $2 ($3 s)"
	else
		FAILED=$((FAILED + 1))
		sed 's/^/        /' "$(step_log "$2")"
		echo "FAILED  $2 ($3 s)"
	fi
}

# summary: the last line; returns 1 if anything failed
summary() {
	echo "$PASSED passed, $FAILED failed"
	[[ $FAILED = 0 ]]
}

# configure DIR OPTION...: a build directory that is configured anew when the options change
configure() {
	local dir=$1
	shift
	if [[ ! -e $dir/build.ninja || "$*" != "$(cat "$dir/options" 2>/dev/null)" ]]; then
		rm -rf "$dir"
		mkdir -p "$dir"
		cmake -S "$PROJECT_DIR" -B "$dir" -G Ninja "$@" || return 1
		echo "$*" >"$dir/options"
	fi
}

# build DIR OPTION...
build() {
	configure "$@" && cmake --build "$1"
}

# unit_tests DIR: of a directory that is built
unit_tests() {
	ctest --test-dir "$1" --output-on-failure --no-tests=error -j2
}
