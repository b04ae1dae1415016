# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unit tests of daemon/worker and daemon/common.
foreach(test tags parse payload packet filter time)
	upcall_unit_test(NAME test-worker-${test} SOURCES test-worker-${test}.c
		LIBS upcall-worker-core)
endforeach()

upcall_unit_test(NAME test-pairs SOURCES test-pairs.c LIBS upcall-worker-core)
upcall_unit_test(NAME test-seccomp-code SOURCES test-seccomp-code.c LIBS upcall-worker-core)
upcall_unit_test(NAME test-needs SOURCES test-needs.c LIBS upcall-worker-core)

# The entry, with a shim that the test plays and steps that it lets fail. Its own
# copy of the code: what is installed has no such switch. Skipped unless run as root.
get_target_property(core_sources upcall-worker-core SOURCES)
get_target_property(core_directory upcall-worker-core SOURCE_DIR)
list(TRANSFORM core_sources PREPEND ${core_directory}/)
list(FILTER core_sources EXCLUDE REGEX "/shim-fd\\.c$")
add_library(enter-fixture OBJECT enter-fixture.c enter-container.c fake-entry.c ${core_sources})
target_compile_definitions(enter-fixture PUBLIC UPCALL_FAULT_INJECTION=1
	PRIVATE UPCALL_DNS_PATH="$<TARGET_FILE:upcall-dns>"
		UPCALL_PROBE_PATH="$<TARGET_FILE:upcall-probe>")
target_include_directories(enter-fixture PUBLIC ${CMAKE_CURRENT_SOURCE_DIR} ${core_directory}
	$<TARGET_PROPERTY:upcall-worker-core,INTERFACE_INCLUDE_DIRECTORIES>)
target_link_libraries(enter-fixture PUBLIC nl-3 cap keyutils seccomp PkgConfig::CMOCKA)
add_dependencies(enter-fixture upcall-dns upcall-probe)
# in a chroot one of them mounts the cgroups, and unmounts them at its end
foreach(test enter place failing refused answer visit profile traced ending)
	upcall_unit_test(NAME test-worker-${test} SOURCES test-worker-${test}.c LIBS enter-fixture)
	set_tests_properties(test-worker-${test} PROPERTIES TIMEOUT 180 RESOURCE_LOCK cgroups)
endforeach()
upcall_failing(test-worker-failing)

# What must not be in a binary that runs inside a container.
if(NOT UPCALL_SANITIZE)
	foreach(program upcall-worker upcall-dns upcall-probe)
		add_test(NAME ${program}-has-no-nss COMMAND sh -c
			"test -n \"$(nm $<TARGET_FILE:${program}>)\" && ! nm $<TARGET_FILE:${program}> | grep -E '_nss_|getpw|getgr(nam|gid)'")
	endforeach()
endif()
