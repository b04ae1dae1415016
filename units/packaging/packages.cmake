# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two Debian packages: `upcalld`, and `upcall-shim-dkms` with the module's
# sources. The maintainer scripts are in upcalld/ and upcall-shim-dkms/.

set(packaging ${CMAKE_CURRENT_LIST_DIR})
set(shim_src src/upcall-shim-${PROJECT_VERSION})
set(shim_component upcall-shim-dkms)

file(GLOB shim_sources CONFIGURE_DEPENDS
	${PROJECT_SOURCE_DIR}/kernel-shim/*.c ${PROJECT_SOURCE_DIR}/kernel-shim/*.h)
list(FILTER shim_sources EXCLUDE REGEX "\\.mod\\.c$")
configure_file(${packaging}/upcall-shim-dkms/dkms.conf.in dkms/dkms.conf @ONLY)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/dkms/VERSION CONTENT "@PROJECT_VERSION@\n" @ONLY)
install(FILES ${shim_sources} ${PROJECT_SOURCE_DIR}/kernel-shim/Kbuild
	${PROJECT_BINARY_DIR}/dkms/VERSION
	DESTINATION ${shim_src}/kernel-shim COMPONENT ${shim_component})
install(FILES ${PROJECT_SOURCE_DIR}/proto/upcall.h
	DESTINATION ${shim_src}/proto COMPONENT ${shim_component})
install(FILES ${PROJECT_BINARY_DIR}/dkms/dkms.conf
	DESTINATION ${shim_src} COMPONENT ${shim_component})
install(FILES ${packaging}/copyright
	DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${shim_component} COMPONENT ${shim_component})

install(FILES ${packaging}/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/upcalld)
# What is linked statically holds others' code, whose terms come with it as the machine that builds it has them.
foreach(package libc6-dev libc-ares-dev libcap-dev libjson-c-dev libkeyutils-dev libnl-3-dev libseccomp-dev)
	install(FILES /usr/share/doc/${package}/copyright OPTIONAL
		DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/upcalld/static RENAME ${package}.copyright)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/README.md
	DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/upcalld OPTIONAL)
install(FILES ${PROJECT_SOURCE_DIR}/docs/architecture.md ${PROJECT_SOURCE_DIR}/docs/doctor.md
	${PROJECT_SOURCE_DIR}/docs/protocol.md ${PROJECT_SOURCE_DIR}/docs/security.md
	DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/upcalld)
install(FILES ${PROJECT_SOURCE_DIR}/proto/org.upcalld.Manager1.xml
	DESTINATION ${CMAKE_INSTALL_DATADIR}/dbus-1/interfaces)
install(DIRECTORY DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/upcalld.d)
install(DIRECTORY DESTINATION lib/upcalld.d)

# configure_scripts(COMPONENT RESULT SCRIPT…): maintainer scripts with the version filled in
function(configure_scripts component result)
	set(scripts) # a function sees its caller's variables
	foreach(script ${ARGN})
		configure_file(${packaging}/${component}/${script}
			${PROJECT_BINARY_DIR}/packaging/${component}/${script} @ONLY
			FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
			GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
		list(APPEND scripts ${PROJECT_BINARY_DIR}/packaging/${component}/${script})
	endforeach()
	set(${result} ${scripts} PARENT_SCOPE)
endfunction()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME upcalld)
set(CPACK_PACKAGE_CONTACT "upcalld developers <upcalld@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # the descriptions below begin with theirs
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL upcalld ${shim_component})
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
	OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

configure_scripts(upcalld scripts postinst prerm postrm)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/packaging/upcalld/triggers
	CONTENT "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_UPCALLD_PACKAGE_NAME upcalld)
set(CPACK_DEBIAN_UPCALLD_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/client)
set(CPACK_DEBIAN_UPCALLD_PACKAGE_DEPENDS "init-system-helpers (>= 1.54~)")
set(CPACK_DEBIAN_UPCALLD_PACKAGE_RECOMMENDS
	"upcall-shim-dkms (>= ${PROJECT_VERSION}), systemd, systemd-coredump")
set(CPACK_DEBIAN_UPCALLD_PACKAGE_SUGGESTS "keyutils")
set(CPACK_DEBIAN_UPCALLD_PACKAGE_CONTROL_EXTRA ${scripts}
	${PROJECT_BINARY_DIR}/packaging/upcalld/triggers)
string(JOIN "\n" CPACK_COMPONENT_UPCALLD_DESCRIPTION
	"broker of the kernel's upcalls for containers"
	"The kernel asks user space for help: core dumps, key requests, modules. When"
	"a container is the cause, upcalld runs the handler inside that container, as"
	"its administrator says, and what no file names stays as it was."
	"This package holds the daemon, its units, upcallctl and libupcall.")

configure_scripts(${shim_component} scripts postinst prerm)
set(CPACK_DEBIAN_UPCALL-SHIM-DKMS_PACKAGE_NAME ${shim_component})
set(CPACK_DEBIAN_UPCALL-SHIM-DKMS_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_UPCALL-SHIM-DKMS_PACKAGE_SECTION kernel)
set(CPACK_DEBIAN_UPCALL-SHIM-DKMS_PACKAGE_DEPENDS "dkms (>= 3.0.10)")
set(CPACK_DEBIAN_UPCALL-SHIM-DKMS_PACKAGE_RECOMMENDS
	"upcalld, linux-headers-amd64 | linux-headers-generic | linux-headers")
set(CPACK_DEBIAN_UPCALL-SHIM-DKMS_PACKAGE_CONTROL_EXTRA ${scripts})
string(JOIN "\n" CPACK_COMPONENT_UPCALL-SHIM-DKMS_DESCRIPTION
	"kernel module upcall_shim for upcalld (DKMS source)"
	"Turns the kernel's calls of user mode helpers into events that name the"
	"namespaces of their cause, and lets upcalld answer them.")

include(CPack)
