# SPDX-License-Identifier: LGPL-2.1-or-later
#
# find_package(upcall), target_link_libraries(PROGRAM upcall::libupcall)
include(${CMAKE_CURRENT_LIST_DIR}/upcallTargets.cmake)
