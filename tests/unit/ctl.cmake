# SPDX-License-Identifier: GPL-2.0-or-later
#
# Verbs of upcallctl that need no daemon, as programs, in a directory of the test's own.
foreach(verb check config)
	upcall_unit_test(NAME test-ctl-${verb} SOURCES test-ctl-${verb}.c ctl-run.c
		DEFINES UPCALLCTL="$<TARGET_FILE:upcallctl>")
	add_dependencies(test-ctl-${verb} upcallctl)
endforeach()
