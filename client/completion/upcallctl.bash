# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion of upcallctl for bash. tests/unit/test-completion compares it with what --help says.

_upcallctl_verbs='register unregister list status reload drain pending cancel show explain monitor check config doctor exec test run'

declare -gA _upcallctl_options=(
	[register]='--pid --ns --cgroup --label --runtime --seccomp-filter --json'
	[list]='--json --raw --noheadings --output'
	[drain]='--timeout --undo --json'
	[pending]='--json --raw --noheadings --output'
	[explain]='--pid --class --id --json'
	[monitor]='--native --namespaces --json'
	[check]='--config-dir --json'
	[config]='--config-dir --json --runtime --user'
	[exec]='--timeout --json'
	[run]='--name --new-fs --new-cgroup --new-uts --new-ipc --new-pid --new-net --new-user --map --json'
)

# What there is right now. Nothing, if upcalld cannot be asked.
_upcallctl_containers() { upcallctl list --raw --noheadings --output NAME 2>/dev/null; }
_upcallctl_upcalls() { upcallctl pending --raw --noheadings --output ID 2>/dev/null; }

_upcallctl_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2"); }

_upcallctl_directories() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -d -- "$1")
}

_upcallctl_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_upcallctl_policies() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(
		compgen -d -- "$1"
		compgen -f -X '!*.conf' -- "$1"
	)
}

# _upcallctl_value OPTION VERB WORD: true if OPTION takes a value, which is completed
_upcallctl_value() {
	case $1 in
	--pid) _upcallctl_words "$(cd /proc && echo [0-9]*)" "$3" ;;
	--id) _upcallctl_words "$(_upcallctl_upcalls)" "$3" ;;
	--class) _upcallctl_words 'core key key/ module release-agent other' "$3" ;;
	--output)
		if [[ $2 = list ]]; then
			_upcallctl_words 'NAME STATE LEADER POLICY PENDING SERVED FAILED' "$3"
		else
			_upcallctl_words 'ID CLASS CONTAINER STATE HANDLER PID AGE LEFT' "$3"
		fi
		;;
	--cgroup | --config-dir) _upcallctl_directories "$3" ;;
	--seccomp-filter) _upcallctl_files "$3" ;;
	--user) mapfile -t COMPREPLY < <(compgen -u -- "$3") ;;
	--ns) _upcallctl_words 'cgroup= ipc= mnt= net= pid= time= user= uts=' "$3" ;;
	--label | --runtime | --timeout | --name | --map) COMPREPLY=() ;;
	*) return 1 ;;
	esac
}

# How many words before this one are neither options nor their values, after the verb.
_upcallctl_arguments() {
	local i count=0
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--pid | --ns | --cgroup | --label | --runtime | --seccomp-filter | --output | --timeout | --class | --id | --config-dir | --name | --map | --user) ((i++)) ;;
		--) ;;
		-*) ;;
		*) ((count++)) ;;
		esac
	done
	echo "$count"
}

_upcallctl_argument() {
	case $1,$2 in
	unregister,0 | show,0 | config,0 | exec,0) _upcallctl_words "$(_upcallctl_containers)" "$3" ;;
	test,0) _upcallctl_words "$(_upcallctl_containers)" "$3" ;;
	test,1) _upcallctl_words 'core key key/ module' "$3" ;;
	cancel,0) _upcallctl_words "$(_upcallctl_upcalls)" "$3" ;;
	check,*) _upcallctl_policies "$3" ;;
	*) COMPREPLY=() ;;
	esac
}

_upcallctl() {
	local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		_upcallctl_words "$_upcallctl_verbs --help --version" "$word"
		return
	fi
	! _upcallctl_value "${COMP_WORDS[COMP_CWORD - 1]}" "$verb" "$word" || return 0
	if [[ $word = -* ]]; then
		# what follows a container's name, or is the program, has options of its own
		[[ $verb = @(exec|run) && $(_upcallctl_arguments) -gt 0 ]] ||
			_upcallctl_words "${_upcallctl_options[$verb]---json} --help" "$word"
		return
	fi
	_upcallctl_argument "$verb" "$(_upcallctl_arguments)" "$word"
}

complete -F _upcallctl upcallctl
