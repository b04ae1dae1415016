# SPDX-License-Identifier: GPL-2.0-or-later
#
# Language, warnings and hardening, the same for everything that is built.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckPIESupported)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
# Without -DNDEBUG: a privileged program stops where it finds itself wrong.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON) # for clang-tidy

# Empty, as in `#define _GNU_SOURCE`: a source that says so itself is no redefinition.
add_compile_options(-D_GNU_SOURCE=)
add_compile_definitions(UPCALL_VERSION="${PROJECT_VERSION}")
if(UPCALL_FAULT_INJECTION)
	add_compile_definitions(UPCALL_FAULT_INJECTION=1)
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
	-Wwrite-strings -Wformat=2 -Wno-unused-parameter -Wno-missing-field-initializers
	-fno-common -fno-strict-aliasing)
if(UPCALL_WERROR)
	add_compile_options(-Werror)
endif()

# No path of the machine that built it in a binary. (llvm-cov has to find the sources.)
if(NOT UPCALL_COVERAGE)
	add_compile_options(-ffile-prefix-map=${PROJECT_BINARY_DIR}=build
		-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
endif()

if(UPCALL_SANITIZE)
	add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
		-fno-omit-frame-pointer)
	add_link_options(-fsanitize=address,undefined)
	add_compile_definitions(UPCALL_SANITIZE=1)
else()
	set(hardening -fstack-protector-strong -fstack-clash-protection -fcf-protection)
	foreach(flag ${hardening})
		string(MAKE_C_IDENTIFIER HAVE${flag} have)
		check_c_compiler_flag(${flag} ${have})
		if(${have})
			add_compile_options(${flag})
		endif()
	endforeach()
	# features.h warns of a level that compiler and C library do not have.
	set(CMAKE_REQUIRED_FLAGS "-Werror -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
	check_c_source_compiles("#include <stdio.h>\nint main(void) { return 0; }" HAVE_FORTIFY_3)
	unset(CMAKE_REQUIRED_FLAGS)
	set(fortify 2)
	if(HAVE_FORTIFY_3)
		set(fortify 3)
	endif()
	# Only where the compiler optimises: elsewhere the macro is an error.
	add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>"
		"$<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=${fortify}>")
endif()

if(UPCALL_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(UPCALL_COVERAGE)
	add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
	add_link_options(-fprofile-instr-generate)
endif()

add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)

check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# upcall_static(TARGET…): static executables that are position-independent all
# the same. With sanitizers they stay dynamic; there is no static ASan.
function(upcall_static)
	if(UPCALL_SANITIZE)
		return()
	endif()
	foreach(target ${ARGN})
		# CMake's own -pie or -no-pie would win over -static-pie: neither ON nor OFF.
		set_property(TARGET ${target} PROPERTY POSITION_INDEPENDENT_CODE)
		set_property(TARGET ${target} PROPERTY LINK_SEARCH_START_STATIC ON)
		target_compile_options(${target} PRIVATE -fPIE)
		target_link_options(${target} PRIVATE -static-pie)
	endforeach()
endfunction()
