# SPDX-License-Identifier: GPL-2.0-or-later
#
# upcalld. fake-shim.c stands for the kernel's half: linked before the archive,
# it replaces shim.c and common/shim-fd.c.
upcall_unit_test(NAME test-text SOURCES test-text.c LIBS upcalld-core)
upcall_unit_test(NAME test-config SOURCES test-config.c LIBS upcalld-core)
upcall_unit_test(NAME test-daemon-config SOURCES test-daemon-config.c LIBS upcalld-config)
upcall_unit_test(NAME test-policy SOURCES test-policy.c LIBS upcalld-core)
upcall_unit_test(NAME test-policy-select SOURCES test-policy-select.c LIBS upcalld-core)
upcall_unit_test(NAME test-state SOURCES test-state.c LIBS upcalld-core)
upcall_unit_test(NAME test-record SOURCES test-record.c LIBS upcalld-core)
upcall_unit_test(NAME test-events SOURCES test-events.c LIBS upcalld-core)
upcall_unit_test(NAME test-memory SOURCES test-memory.c LIBS upcalld-core)
upcall_unit_test(NAME test-outlook SOURCES test-outlook.c LIBS upcalld-core)
upcall_unit_test(NAME test-process SOURCES test-process.c LIBS upcalld-core)
foreach(module adoption owner source)
	upcall_unit_test(NAME test-${module} SOURCES test-${module}.c fake-shim.c LIBS upcalld-core)
endforeach()
# no-watches.c: libev finds no room for what it is to watch
foreach(module launcher-fork watch)
	upcall_unit_test(NAME test-${module} SOURCES test-${module}.c fake-shim.c no-watches.c
		LIBS upcalld-core)
endforeach()
upcall_unit_test(NAME test-launcher-systemd SOURCES test-launcher-systemd.c LIBS upcalld-core)
target_link_options(test-launcher-systemd PRIVATE -Wl,--wrap=lstat)
foreach(module registry registry-find registry-restart registry-wait)
	upcall_unit_test(NAME test-${module} SOURCES test-${module}.c registry-fixture.c fake-shim.c no-watches.c
		LIBS upcalld-core)
endforeach()
foreach(module queue queue-cancel queue-container queue-quota queue-time queue-visit queue-worker)
	upcall_unit_test(NAME test-${module}
		SOURCES test-${module}.c queue-fixture.c fake-launcher.c fake-shim.c LIBS upcalld-core)
endforeach()
target_sources(test-queue-visit PRIVATE send-error.c)
target_sources(test-queue-worker PRIVATE no-watches.c send-error.c)
foreach(module control control-upcalls control-user)
	upcall_unit_test(NAME test-${module} SOURCES test-${module}.c control-fixture.c fake-shim.c
		LIBS upcalld-core)
endforeach()
# every parser of numbers, the worker's and the client's too, with files that the test writes
upcall_unit_test(NAME test-numbers SOURCES test-numbers.c LIBS upcalld-core upcall-worker-core)
target_link_options(test-numbers PRIVATE -Wl,--wrap=open)

upcall_unit_test(NAME test-users
	SOURCES test-users.c ${PROJECT_SOURCE_DIR}/daemon/users/carry.c ${PROJECT_SOURCE_DIR}/daemon/users/linger.c
	LIBS upcalld-core)
target_include_directories(test-users PRIVATE ${PROJECT_SOURCE_DIR}/daemon/users)
