# SPDX-License-Identifier: GPL-2.0-or-later
upcall_unit_test(NAME test-client-number
	SOURCES test-client-number.c ${PROJECT_SOURCE_DIR}/client/ctl/number.c)
target_include_directories(test-client-number PRIVATE ${PROJECT_SOURCE_DIR}/client/ctl)

upcall_unit_test(NAME test-client-kin
	SOURCES test-client-kin.c ${PROJECT_SOURCE_DIR}/client/ctl/kin.c LIBS upcalld-config)
target_include_directories(test-client-kin PRIVATE ${PROJECT_SOURCE_DIR}/client/ctl
	${PROJECT_SOURCE_DIR}/client ${PROJECT_SOURCE_DIR}/daemon/common)

pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
upcall_unit_test(NAME test-client
	SOURCES test-client.c fake-daemon.c fake-worker.c
	LIBS libupcall PkgConfig::SYSTEMD
	DEFINES UPCALLCTL="$<TARGET_FILE:upcallctl>")
add_dependencies(test-client upcallctl)

# With the keeper of the build: the library's is where packages put it.
function(upcall_container_test name)
	upcall_unit_test(NAME ${name}
		SOURCES ${name}.c container-fixture.c ${UPCALL_CONTAINER_SOURCES} ${ARGN}
		DEFINES UPCALL_KEEPER="$<TARGET_FILE:upcall-keeper>")
	target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/client
		${PROJECT_SOURCE_DIR}/client/common ${PROJECT_SOURCE_DIR}/client/lib)
	add_dependencies(${name} upcall-keeper)
endfunction()
foreach(part IN ITEMS "" -build -namespaces -rights -limits -stuck)
	upcall_container_test(test-container${part})
	# They wait for what takes its time to be given up, on machines that are busy.
	set_tests_properties(test-container${part} PROPERTIES TIMEOUT 180)
endforeach()
