# SPDX-License-Identifier: GPL-2.0-or-later
#
# A-56: the brain, with calls that fail. The names are those that failing.c defines.
upcall_unit_test(NAME test-failing SOURCES test-failing.c failing.c fake-shim.c LIBS upcalld-core)
foreach(name accept4 calloc fchmod fcntl fopen fork fstat fsync malloc mkdir mkdirat open openat pipe2 poll
	read realloc reallocarray recvmsg renameat sendmsg socket socketpair strdup strndup syscall
	unlinkat write)
	target_link_options(test-failing PRIVATE -Wl,--wrap=${name})
endforeach()
set_tests_properties(test-failing PROPERTIES TIMEOUT 300)
