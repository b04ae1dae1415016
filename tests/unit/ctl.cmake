# SPDX-License-Identifier: GPL-2.0-or-later
#
# Verbs of upcallctl that need no daemon, as programs, in a directory of the test's own.
foreach(verb check config)
	upcall_unit_test(NAME test-ctl-${verb} SOURCES test-ctl-${verb}.c ctl-run.c
		DEFINES UPCALLCTL="$<TARGET_FILE:upcallctl>")
	add_dependencies(test-ctl-${verb} upcallctl)
endforeach()

# exec, with a worker that the test plays; relay.c for the part that no pipe shows, visit.c for
# what does not begin.
set(ctl ${PROJECT_SOURCE_DIR}/client/ctl)
upcall_unit_test(NAME test-ctl-exec
	SOURCES test-ctl-exec.c ctl-run.c fake-daemon.c fake-worker.c
		${ctl}/capabilities.c ${ctl}/carrier.c ${ctl}/failure.c ${ctl}/relay.c ${ctl}/signals.c ${ctl}/visit.c
		${PROJECT_SOURCE_DIR}/daemon/common/pairs.c
	LIBS libupcall PkgConfig::SYSTEMD DEFINES UPCALLCTL="$<TARGET_FILE:upcallctl>")
target_include_directories(test-ctl-exec BEFORE PRIVATE ${ctl}) # there is a visit.h of the daemon's
target_link_options(test-ctl-exec PRIVATE -Wl,--wrap=fork -Wl,--wrap=clock_gettime)
add_dependencies(test-ctl-exec upcallctl)

upcall_unit_test(NAME test-ctl-test
	SOURCES test-ctl-test.c ctl-run.c fake-daemon.c fake-worker.c
	LIBS PkgConfig::SYSTEMD
	DEFINES UPCALLCTL="$<TARGET_FILE:upcallctl>" UPCALL_PROBE="$<TARGET_FILE:upcall-probe>")
add_dependencies(test-ctl-test upcallctl upcall-probe)

# The signals of a program that it becomes, and those of children that it waits for.
upcall_unit_test(NAME test-ctl-signals
	SOURCES test-ctl-signals.c ctl-run.c ${ctl}/capture.c ${ctl}/signals.c
	DEFINES UPCALLCTL="$<TARGET_FILE:upcallctl>")
add_dependencies(test-ctl-signals upcallctl)
target_include_directories(test-ctl-signals PRIVATE ${ctl})

# Columns, in a language whose letters have other capitals.
upcall_unit_test(NAME test-ctl-locale
	SOURCES test-ctl-locale.c ctl-run.c fake-daemon.c fake-worker.c
	LIBS PkgConfig::SYSTEMD DEFINES UPCALLCTL="$<TARGET_FILE:upcallctl>")
add_dependencies(test-ctl-locale upcallctl)

# What the completions offer is what --help says.
add_test(NAME test-completion
	COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/test-completion $<TARGET_FILE:upcallctl>)

# The checks of doctor, on a machine that the test makes up.
set(doctor ${PROJECT_SOURCE_DIR}/client/ctl/doctor)
upcall_unit_test(NAME test-ctl-doctor
	SOURCES test-ctl-doctor.c fake-daemon.c fake-worker.c ${doctor}-find.c ${doctor}-host.c ${doctor}-module.c
		${doctor}-policy.c ${doctor}-table.c ${doctor}-units.c
	LIBS libupcall upcalld-config PkgConfig::SYSTEMD)
target_include_directories(test-ctl-doctor PRIVATE ${PROJECT_SOURCE_DIR}/client/ctl)

# docs/doctor.md names what doctor can find, and nothing else.
add_test(NAME test-doctor-docs COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/test-doctor-docs
	WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})

# What monitor --native prints of an event.
upcall_unit_test(NAME test-ctl-native
	SOURCES test-ctl-native.c ${PROJECT_SOURCE_DIR}/client/ctl/native-print.c
		${PROJECT_SOURCE_DIR}/client/ctl/describe.c ${PROJECT_SOURCE_DIR}/client/ctl/json.c
	LIBS upcalld-config)
target_include_directories(test-ctl-native PRIVATE ${PROJECT_SOURCE_DIR}/client/ctl
	${PROJECT_SOURCE_DIR}/client)

# Whose holder unregister ends, with directories for cgroups.
upcall_unit_test(NAME test-ctl-holder
	SOURCES test-ctl-holder.c ctl-run.c fake-daemon.c fake-worker.c
		${ctl}/capabilities.c ${ctl}/failure.c ${ctl}/holder.c ${ctl}/joins.c ${ctl}/json.c
		${ctl}/simple.c ${ctl}/unregister.c ${PROJECT_SOURCE_DIR}/client/common/cgroup-events.c
	LIBS libupcall upcalld-config PkgConfig::SYSTEMD DEFINES UPCALLCTL="$<TARGET_FILE:upcallctl>")
target_include_directories(test-ctl-holder PRIVATE ${ctl} ${PROJECT_SOURCE_DIR}/client/common)
target_link_options(test-ctl-holder PRIVATE -Wl,--wrap=cgroup_open -Wl,--wrap=cgroup_event_wait
	-Wl,--wrap=process_cgroup)
