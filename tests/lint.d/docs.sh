# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The documents say what there is: no less, so that nothing new stays unexplained, and no more. Each check names what is
# missing and where. Words that the pages define stand in bold at the beginning of a line; see docs/testing.md.

MAN_DIR=$PROJECT_DIR/docs/man

# FILE DEFINE PAGE WORD: the number is in the definition of the word
DOCS_NUMBERS=(
	"daemon/daemon-config.h IDLE_SEC upcalld.8 --idle-seconds"
	"daemon/daemon-config.h IDLE_SEC_MAX upcalld.8 --idle-seconds"
	"daemon/daemon-config.h IDLE_SEC upcalld.conf.5 IdleExitSec="
	"daemon/daemon-config.h IDLE_SEC_MAX upcalld.conf.5 IdleExitSec="
	"daemon/worker/main.c IDLE_SECONDS upcall-worker.8 --idle-seconds"
	"daemon/worker/main.c IDLE_SECONDS_MAX upcall-worker.8 --idle-seconds"
	"daemon/config.c RUN_SEC_CORE upcalld.d.5 RuntimeMaxSec="
	"daemon/config.c RUN_SEC upcalld.d.5 RuntimeMaxSec="
	"daemon/config.c RUN_SEC_ANSWER upcalld.d.5 RuntimeMaxSec="
	"daemon/config-setting.c RUN_SEC_MAX upcalld.d.5 RuntimeMaxSec="
	"daemon/config.c CONCURRENT upcalld.d.5 MaxConcurrent="
	"daemon/config-setting.c CONCURRENT_MAX upcalld.d.5 MaxConcurrent="
	"daemon/lane.h LANE_WAITING_MAX upcalld.d.5 MaxConcurrent="
	"daemon/config.h CONFIG_PROGRAM_MAX upcalld.d.5 Handler="
	"daemon/state.h STATE_LABELS_MAX upcallctl.1 register"
	"daemon/state.h STATE_LABEL_LEN upcallctl.1 register"
	"daemon/state.h STATE_RUNTIME_LEN upcallctl.1 register"
	"daemon/memory.h MEMORY_MAX upcallctl.1 explain"
	"daemon/monitor.h MONITOR_MAX upcallctl.1 monitor"
	"client/ctl/drain.c TIMEOUT_SEC upcallctl.1 drain"
	"client/ctl/exec.c SECONDS_USUAL upcallctl.1 exec"
	"client/ctl/exec.c SECONDS_MAX upcallctl.1 exec"
	"client/hook/defaults.h TIMEOUT_MS upcall-oci-hook.8 --timeout-ms"
	"client/hook/main.c TIMEOUT_MS_MAX upcall-oci-hook.8 --timeout-ms"
	"proto/worker.h WORKER_VISITS upcallctl.1 exec"
	"proto/worker.h WORKER_FINISH_MS upcallctl.1 unregister"
	"proto/worker.h WORKER_FINISH_MS upcallctl.1 exec"
	"kernel-shim/queue.c QUEUE_MAX upcall-shim.7 pending_max"
	"kernel-shim/queue.c MODULES_MAX upcall-shim.7 pending_max"
	"kernel-shim/queue.c MODULES_SHARE upcall-shim.7 pending_max"
	"kernel-shim/upcall_object.c DEPTH_MAX upcall.4 UPCALL_A_DEPTH"
	"kernel-shim/device.c LIST_ROOM_MAX upcall.4 UPCALL_IOC_LIST"
	"kernel-shim/table.c TABLE_MAX upcall.4 UPCALL_IOC_CONTAINER_ADD"
)

step_docs() {
	local check bad=0
	configure "$SCRATCH/gcc" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
		cmake --build "$SCRATCH/gcc" --target upcallctl man || return 1
	for check in roff verbs columns statuses options settings numbers records abi structures module examples bus rules places library; do
		"docs_$check" || bad=1
	done
	return $bad
}

# page FILE: its source
page() { cat "$MAN_DIR/$1.scd"; }

# page_section FILE TITLE
page_section() { page "$1" | awk -v title="# $2" '$0 == title { on = 1; next } /^# / { on = 0 } on'; }

# page_word FILE WORD: its definition: the line that begins with it in bold, and what is indented below
page_word() {
	page "$1" | awk -v word="*$2*" 'index($0, word) == 1 { on = 1; print; next } /^[^\t]/ { on = 0 } on'
}

# page_words FILE PATTERN: words that it defines
page_words() { page "$1" | sed -nE "s/^\*($2)\*.*/\1/p"; }

bold_options() { grep -oE '\*--[a-z][a-z-]*' | tr -d '*' || true; }

strip_c_comments() { perl -0777 -pe 's{/\*.*?\*/}{}gs' "$@"; }

# docs_same PAGE WHAT THERE DOCUMENTED: two lists of lines
docs_same() {
	local there documented
	there=$(sort -u <<<"$3") documented=$(sort -u <<<"$4")
	[[ -n $there ]] || { echo "$1: no $2 found in the sources: the check has to learn where they are now" && return 1; }
	[[ $there != "$documented" ]] || return 0
	comm -23 <(echo "$there") <(echo "$documented") | sed "s|^|$1: $2 is not documented: |"
	comm -13 <(echo "$there") <(echo "$documented") | sed "/^$/d; s|^|$1: $2 is documented, and does not exist: |"
	return 1
}

# -------------------------------------------------------------------------------------------------------------- pages

# What lintian asks. Any message is a failure: the exit status does not tell.
docs_roff() {
	local file said bad=0
	for file in "$SCRATCH"/gcc/docs/man/*.gz; do
		said=$(MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$file" 2>&1 >/dev/null)
		[[ -z $said ]] || { echo "$file: $said" && bad=1; }
	done
	return $bad
}

upcallctl_built() { "$SCRATCH/gcc/client/upcallctl" "$@"; }

docs_verbs() {
	local verb bad=0 verbs
	verbs=$(upcallctl_built --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
	docs_same upcallctl.1 'verb' "$verbs" "$(page upcallctl.1 | sed -nE '/^# VERBS/,/^# EXIT/s/^\*([a-z]+)\*.*/\1/p')" || bad=1
	for verb in $verbs; do
		docs_same upcallctl.1 "$verb: option" \
			"$(upcallctl_built "$verb" --help | sed '/^example:/,$d' | grep -oE -- '--[a-z][a-z-]*')" \
			"$(page_word upcallctl.1 "$verb" | bold_options)" || bad=1
	done
	# what is in no help either
	docs_same upcallctl.1 'option' "$(getopt_names client/ctl/*.c)" "$(page upcallctl.1 | bold_options | grep -v '^--version$')" || bad=1
	return $bad
}

# getopt_names FILE...: of long options in released builds
getopt_names() {
	sed -e '/^#ifdef UPCALL_FAULT_INJECTION/,/^#endif/d' "$@" |
		grep -oE '\{ "[a-z-]+", (no|required|optional)_argument' | sed -E 's/^\{ "([a-z-]+)".*/--\1/'
}

docs_columns() {
	local verb bad=0
	for verb in list pending; do
		docs_same upcallctl.1 "$verb: column" "$(upcallctl_built "$verb" --help | sed -n '1,/^columns:/d; s/^  \([a-z-]*\) .*/\1/p')" \
			"$(page_word upcallctl.1 "$verb" | sed -n '/Columns:/,$p' | grep -oE '_[a-z-]+_' | tr -d _)" || bad=1
	done
	return $bad
}

docs_statuses() {
	docs_same upcallctl.1 'exit status' "$(sed -nE 's/^\tSTATUS_[A-Z_]+ = ([0-9]+).*/\1/p' client/ctl/verb.h)" \
		"$(page_section upcallctl.1 'EXIT STATUS' | sed -nE 's/^\*([0-9]+)\*$/\1/p')"
}

docs_options() {
	local bad=0
	docs_same upcalld.8 'option' "$(getopt_names daemon/main.c)" "$(page_section upcalld.8 OPTIONS | bold_options)" || bad=1
	docs_same upcall-worker.8 'option' "$(getopt_names daemon/worker/main.c)" \
		"$(page_section upcall-worker.8 OPTIONS | bold_options)" || bad=1
	docs_same upcall-oci-hook.8 'option' "$(getopt_names client/hook/main.c)" \
		"$(page_section upcall-oci-hook.8 OPTIONS | bold_options)" || bad=1
	return $bad
}

docs_settings() {
	local bad=0
	docs_same upcalld.d.5 'setting' "$(sed -nE 's/^\t\{ "([A-Za-z]+)", SET_.*/\1=/p' daemon/config-setting.c)" \
		"$(page_words upcalld.d.5 '[A-Za-z]+=')" || bad=1
	docs_same upcalld.d.5 'section' "$(sed -nE 's/^\t\{ "([A-Za-z-]+)", UPCALL_CLASS_.*/\1/p' daemon/config.c)" \
		"$(page upcalld.d.5 | sed -nE 's/^\*\[([A-Za-z-]+).*/\1/p')" || bad=1
	docs_same upcalld.conf.5 'setting' "$(sed -nE 's/^\t\{ "([A-Za-z]+)", parse_.*/\1=/p' daemon/daemon-config.c)" \
		"$(page_words upcalld.conf.5 '[A-Za-z]+=')" || bad=1
	docs_same upcalld.conf.5 'section' "$(sed -nE 's/.*strcmp\(title, "([A-Za-z-]+)"\).*/\1/p' daemon/daemon-config.c)" \
		"$(page upcalld.conf.5 | sed -nE 's/^\*\[([A-Za-z-]+).*/\1/p')" || bad=1
	return $bad
}

docs_numbers() {
	local line file name page word number bad=0
	for line in "${DOCS_NUMBERS[@]}"; do
		read -r file name page word <<<"$line"
		number=$(sed -nE "s/^#define ${name}[[:space:]]+([0-9]+).*/\1/p" "$file")
		[[ -n $number ]] || { echo "$file: no number $name, which $page.scd has" && bad=1 && continue; }
		page_word "$page" "$word" | grep -qw -- "$number" || {
			echo "$page.scd: $word: the number $number is not there, which is $name of $file"
			bad=1
		}
	done
	return $bad
}

docs_records() {
	local bad=0
	docs_same upcalld.8 'result' "$(sed -nE 's/^\t\[RECORD_[A-Z_]+\] = \{ "([a-z-]+)".*/\1/p' daemon/record.c)" \
		"$(page_section upcalld.8 RECORDS | sed -n '/^Results:/,$p' | grep '^\*' | grep -oE '\*[a-z-]+\*' | tr -d '*')" || bad=1
	docs_same upcalld.8 'field' \
		"$(grep -oE '"UPCALL_[A-Z_]+"' daemon/record.c | tr -d '"' | sed '/^UPCALL_NS_/d; /^UPCALL_SUPPRESSED$/d')" \
		"$(page_section upcalld.8 RECORDS | grep -oE 'UPCALL_[A-Z_]+' | sed '/^UPCALL_NS_/d')" || bad=1
	docs_same upcall-worker.8 'step' "$(grep -ohE '\[WORKER_STEP_[A-Z]+\] = "[a-z]+"' daemon/*.c | sed -E 's/.*"([a-z]+)"/\1/')" \
		"$(page upcall-worker.8 | tr '\n' ' ' | sed -nE 's/.*names it: ([a-z, ]+)\..*/\1/p' | tr -d ' ' | tr , '\n')" || bad=1
	return $bad
}

# ---------------------------------------------------------------------------------------------------------------- ABI

abi_names() { grep -oE '\bUPCALL_[A-Z0-9_]+' | grep -vE '_(COUNT|MAX|UNSPEC|PAD)$|^UPCALL_IOC_MAGIC$' || true; }

docs_abi() {
	docs_same upcall.4 'name of upcall.h' "$(strip_c_comments proto/upcall.h | abi_names)" "$(page upcall.4 | abi_names)"
}

# Structures and numbers, one a line
structures() {
	strip_c_comments "$@" | perl -0777 -ne '
		while (/^(struct \w+ \{.*?^\};)/gsm) { print $1 =~ s/\s+/ /gr, "\n" }
		while (/^#define (UPCALL_\w+(?:_LEN|_RULES|_VERSION|_FIRST))\s+(\d+)$/gm) { print "$1 $2\n" }'
}

docs_structures() { docs_same upcall.4 'structure or number' "$(structures proto/upcall.h)" "$(structures "$MAN_DIR/upcall.4.scd")"; }

docs_module() {
	local event bad=0
	docs_same upcall-shim.7 'parameter' "$(grep -hoE 'module_param(_named)?\(\w+' kernel-shim/*.c | sed 's/.*(//')" \
		"$(page_section upcall-shim.7 PARAMETERS | sed -nE 's/^\*(\w+)\* .*/\1/p')" || bad=1
	docs_same upcall-shim.7 "parameter's default" \
		"$(perl -0777 -ne 'while (/MODULE_PARM_DESC\((\w+),\s*"[^"]*\(default: (\w+)\)"/g) { print "$1 $2\n" }' kernel-shim/*.c)" \
		"$(page_section upcall-shim.7 PARAMETERS | sed -nE 's/^\*(\w+)\* \(default (\w+)\)$/\1 \2/p')" || bad=1
	docs_same upcall-shim.7 'tracepoint' "$(sed -nE 's/^TRACE_EVENT\((\w+),$/\1/p' kernel-shim/trace.h)" \
		"$(page_section upcall-shim.7 TRACEPOINTS | sed -nE 's/^\*(\w+)\*$/\1/p')" || bad=1
	for event in $(page_section upcall-shim.7 TRACEPOINTS | sed -nE 's/^\*(\w+)\*$/\1/p'); do
		docs_same upcall-shim.7 "$event: field" \
			"$(sed -n "/^TRACE_EVENT($event,/,/^)/s/.*__field(\w*, \(\w*\)).*/\1/p" kernel-shim/trace.h)" \
			"$(page_word upcall-shim.7 "$event" | grep -oE '_[a-z]+_' | tr -d _)" || bad=1
	done
	return $bad
}

# ----------------------------------------------------------------------------------------------------------- documents

# Policies and settings in the pages and in README are taken by the parsers.
docs_examples() {
	local dir=$SCRATCH/docs file bad=0
	rm -rf "$dir"
	mkdir -p "$dir"
	page upcalld.d.5 | awk -v dir="$dir" '/^```/ { on = !on; n++; next } on { print > (dir "/page-" n ".conf") }'
	sed -n "/<<'CONF'/,/CONF\$/{/CONF/d; s/^ *//; p}" README.md >"$dir/readme.conf"
	for file in "$dir"/*.conf; do
		grep -q '^\[Match\]' "$file" || { rm "$file" && continue; }
		upcallctl_built check "$file" || bad=1
	done
	page upcalld.conf.5 | sed -n '/^```/,/^```/{/^```/d; p}' >"$dir/upcalld.conf"
	[[ -s $dir/upcalld.conf ]] && upcallctl_built check "$dir/upcalld.conf" || bad=1
	[[ $(find "$dir" -name 'page-*' | wc -l) -ge 3 && -e $dir/readme.conf ]] || { echo 'examples of policies are not where they were' && bad=1; }
	return $bad
}

docs_bus() {
	local bad=0 xml=proto/org.upcalld.Manager1.xml
	docs_same docs/protocol.md 'method or signal' "$(sed -nE 's/.*<(method|signal) name="(\w+)".*/\2/p' $xml)" \
		"$(sed -nE 's/^\| `(\w+)` \|.*/\1/p' docs/protocol.md)" || bad=1
	docs_same docs/protocol.md 'error' "$(grep -oE 'ERROR_PREFIX "\w+"' client/lib/connection.c | sed -E 's/.*"(\w+)"/\1/')" \
		"$(sed -n '/^Errors: /,/^$/p' docs/protocol.md | grep -oE '`\w+`' | tr -d '`')" || bad=1
	return $bad
}

# What the header of containers declares is exported, whatever the version, and has a page of section 3, declared there as in the
# header; so have the flags.
docs_library() {
	local bad=0 pages functions
	pages=$(cat "$MAN_DIR"/*.3.scd)
	functions=$(declarations <client/libupcall-container.h | grep -oE 'upcall_\w+\(' | tr -d '(')
	docs_same libupcall.map 'function of containers' "$functions" \
		"$(sed -nE 's/^\t(upcall_[a-z_]+);$/\1/p' client/libupcall.map | grep -Fx "$functions")" || bad=1
	docs_same 'section 3' 'function' "$functions" "$(sed -nE 's/^\*(upcall_[a-z_]+)\*\(\)$/\1/p' <<<"$pages")" || bad=1
	docs_same 'section 3' 'declaration' "$(declarations <client/libupcall-container.h)" \
		"$(awk '/^```/ { on = !on; next } on' <<<"$pages" | declarations)" || bad=1
	docs_same upcall_container_create.3 'flag' \
		"$(sed -nE 's/^\t(UPCALL_CONTAINER_[A-Z_]+) = .*/\1/p' client/libupcall-container.h | grep -v ALL_FLAGS)" \
		"$(page_section upcall_container_create.3 FLAGS | grep '^\*' | grep -oE 'UPCALL_CONTAINER_[A-Z_]+')" || bad=1
	return $bad
}

# Of functions, each in a line
declarations() {
	strip_c_comments - | perl -0777 -ne 'while (/^((?:struct \w+ |\w+ )+\**upcall_\w+\([^;{]*?\));/gm) { print $1 =~ s/\s+/ /gr, "\n" }'
}

docs_rules() {
	docs_same docs/security.md 'rule' "$(printf 'R-%02d\n' {1..20})" "$(sed -nE 's/^\| (R-[0-9]+) \|.*/\1/p' docs/security.md)"
}

# Files, tests and pages that the documents name exist.
docs_places() {
	local name bad=0
	while read -r name; do
		compgen -G "$name" >/dev/null || { echo "docs: no file $name" && bad=1; }
	done < <(grep -ohE '`(proto|kernel-shim|daemon|client|units|tests|docs)/[A-Za-z0-9_./*@-]*' docs/*.md README.md | tr -d '`' | sort -u)
	while read -r name; do
		compgen -G "tests/*/$name*" >/dev/null || { echo "docs/security.md: no test $name" && bad=1; }
	done < <(grep -oE '\b(t|test|fuzz)-[a-z-]+' docs/security.md | sort -u)
	while read -r name; do
		[[ -e $MAN_DIR/$name.scd ]] || { echo "docs: no page $name" && bad=1; }
	done < <(grep -ohE '\bupcall[a-z.-]*\*?\([0-9]\)' docs/*.md docs/man/*.scd README.md units/systemd/* | sed -E 's/\*?\(([0-9])\)/.\1/' | sort -u)
	return $bad
}
