# SPDX-License-Identifier: GPL-2.0-or-later
#
# The OCI hook: what it takes from the runtime, and the program against a daemon that only speaks.
set(hook ${PROJECT_SOURCE_DIR}/client/hook)
pkg_check_modules(JSONC REQUIRED IMPORTED_TARGET json-c)
upcall_unit_test(NAME test-oci-state SOURCES test-oci-state.c ${hook}/oci-json.c ${hook}/oci-state.c
	LIBS PkgConfig::JSONC)
target_include_directories(test-oci-state PRIVATE ${hook})

pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
upcall_unit_test(NAME test-oci-seccomp SOURCES test-oci-seccomp.c ${hook}/oci-json.c
	${hook}/oci-seccomp.c LIBS PkgConfig::JSONC PkgConfig::SECCOMP)
target_include_directories(test-oci-seccomp PRIVATE ${hook})

upcall_unit_test(NAME test-oci-hook SOURCES test-oci-hook.c fake-daemon.c fake-worker.c hook-run.c
	LIBS PkgConfig::SYSTEMD DEFINES UPCALL_OCI_HOOK="$<TARGET_FILE:upcall-oci-register>")
add_dependencies(test-oci-hook upcall-oci-register)

# What a runtime executes, which leaves to the other one what it does not know.
add_executable(hook-front ${hook}/front.c)
target_compile_definitions(hook-front PRIVATE
	UPCALL_OCI_REGISTER="${CMAKE_CURRENT_SOURCE_DIR}/hook-register")
target_link_libraries(hook-front PRIVATE upcall-oci-front)
upcall_unit_test(NAME test-oci-front SOURCES test-oci-front.c fake-daemon.c fake-worker.c hook-run.c
	LIBS PkgConfig::SYSTEMD DEFINES UPCALL_OCI_HOOK="$<TARGET_FILE:hook-front>")
add_dependencies(test-oci-front hook-front)
