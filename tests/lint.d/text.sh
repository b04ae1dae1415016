# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Steps that only read text.

step_format() {
	project_files 'daemon/*.[ch]' 'client/*.[ch]' 'proto/*.h' 'tests/*.[ch]' |
		xargs -0r clang-format-14 --dry-run -Werror --style=file
}

# Names of the files that shellcheck understands: by ending or by first line.
shell_scripts() {
	local file first
	project_files | while IFS= read -rd '' file; do
		IFS= read -r first <"$file" 2>/dev/null || first=''
		case $first in
		'#!/bin/sh'* | '#!/bin/bash'* | '# shellcheck shell='*) printf '%s\0' "$file" ;;
		*) [[ $file != *.sh ]] || printf '%s\0' "$file" ;;
		esac
	done
}

step_shell() {
	shell_scripts | xargs -0r shellcheck
}

# Prose, licence texts and data of tests need none.
step_spdx() {
	local file bad=0
	while IFS= read -rd '' file; do
		case $file in
		LICENSE | *.md | .gitignore | .editorconfig | tests/deps | units/packaging/copyright | tests/fuzz/corpus/* | *.dict) continue ;;
		esac
		head -n 6 "$file" | grep -aq 'SPDX-License-Identifier: ' || {
			echo "$file: no SPDX-License-Identifier in the first lines"
			bad=1
		}
	done < <(project_files)
	return $bad
}

# Classes in brackets, so that the patterns do not find themselves.
MACHINE_NAMES='(^|[^[:alnum:]_}$.-])/(wor[k]|hom[e]/[a-z]+|roo[t]/[a-z])/|(deb|ftp|security|snapshot)[.]debia[n][.]org|pyp[i][.]org|prox[y][.]golang|crate[s][.]io|registr[y][.]npmjs'

step_names() {
	! project_files ':!LICENSE' | xargs -0r grep -nIHE "$MACHINE_NAMES" -- || {
		echo 'a name of a machine, which another one does not have'
		return 1
	}
}

# Blocking look-ups through NSS, unbounded copies, a shell, numbers that become 0 by accident.
BANNED='system|popen|dup|pipe|accept|creat|epoll_create|inotify_init|strcpy|strcat|sprintf|vsprintf|gets|alloca|access|tmpnam|mktemp|tempnam|atoi|atol|atoll|strtok|ato[f]|getpw(nam|uid|ent)[a-z_]*|getgr(nam|gid|ent|ouplist)[a-z_]*|gethostby[a-z_]+|getaddrinfo|getlogin|daemon|wordexp|putenv'

# Whatever opens a descriptor says that no program inherits it: printed are the calls that do not. A variable "flags"
# is believed.
inherited_descriptors() {
	perl -0777 -ne '
		s{("(?:\\.|[^"\\\n])*")|/\*.*?\*/|//[^\n]*}{ $1 // $& =~ s/[^\n]//gr }gse;
		my $text = $_;
		while ($text =~ /(?<![\w.>])((?:open|openat|socket|socketpair|accept4|pipe2|memfd_create|epoll_create1|timerfd_create|signalfd|eventfd|dup3|fopen)(\((?:[^()]++|(?2))*\)))/g) {
			my $call = $1;
			next if $call =~ /CLOEXEC|\bflags\b/ or $call =~ /^fopen.*"[rwa+]*e[^"]*"/s;
			print 1 + substr($text, 0, pos($text) - length($call)) =~ tr/\n//, ": ", $call =~ s/\s+/ /gr, "\n";
		}' "$1"
}

step_banned() {
	local file bad=0
	while IFS= read -rd '' file; do
		# comments and strings are no calls; line numbers stay
		strip_comments "$file" | grep -nE "(^|[^[:alnum:]_.>])($BANNED)[[:space:]]*\(" | sed "s|^|$file:|" | grep . &&
			bad=1
		[[ $file = kernel-shim/* ]] || ! inherited_descriptors "$file" | sed "s|^|$file:|" | grep . || bad=1
		# no-nss.c defines look-ups that fail, so that no static program does any
	done < <(project_files 'daemon/*.[ch]' 'client/*.[ch]' 'kernel-shim/*.[ch]' ':!daemon/worker/no-nss.c')
	return $bad
}

strip_comments() {
	perl -0777 -pe 's{("(?:\\.|[^"\\\n])*")|(/\*.*?\*/)|(//[^\n]*)}{ my $x = $2 // ""; defined $1 ? q("") : $x =~ s/[^\n]//gr }gse' "$1"
}
