# SPDX-License-Identifier: GPL-2.0-or-later
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME test-proto-yaml
	COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/test-proto-yaml
	${PROJECT_SOURCE_DIR}/proto/upcall.h ${PROJECT_SOURCE_DIR}/proto/upcall.yaml)
