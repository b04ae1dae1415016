# SPDX-License-Identifier: GPL-2.0-or-later
#
# A-56: calls that fail. upcall_failing(TEST): each call of these functions may; failing.c defines them.
function(upcall_failing test)
	target_sources(${test} PRIVATE failing.c)
	foreach(name accept4 calloc dup2 fchmod fcntl fopen fork fstat fsync malloc mkdir mkdirat open openat
		pipe2 poll read realloc reallocarray recvmsg renameat sendmsg socket socketpair strdup
		strndup syscall unlinkat write)
		target_link_options(${test} PRIVATE -Wl,--wrap=${name})
	endforeach()
endfunction()

upcall_unit_test(NAME test-failing
	SOURCES test-failing.c queue-fixture.c fake-launcher.c fake-shim.c LIBS upcalld-core)
upcall_failing(test-failing)
set_tests_properties(test-failing PROPERTIES TIMEOUT 300)
