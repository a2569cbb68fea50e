# What `cmake --install` puts where: programs, units, and the library with its CMake package.
include(CMakePackageConfigHelpers)

set(SLUICE_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)

install(TARGETS sluice_lib sluice_module sluice_proto EXPORT sluiceTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY lib/include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT sluiceTargets NAMESPACE sluice:: DESTINATION ${SLUICE_PACKAGE_DIR})

configure_package_config_file(cmake/sluiceConfig.cmake.in ${PROJECT_BINARY_DIR}/sluiceConfig.cmake
  INSTALL_DESTINATION ${SLUICE_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sluiceConfig.cmake ${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake
  DESTINATION ${SLUICE_PACKAGE_DIR})

# The SDKs for handlers, a folder for each language.
install(FILES sdk/node/package.json sdk/node/sluice.d.mts sdk/node/sluice.d.ts sdk/node/sluice.mjs
  DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice/node)
install(FILES sdk/python/sluice.py DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice/python)

# The unit names the program and the configuration where this installation puts them; the prefix is known
# only when it is installed. A configuration that is there already is the operator's.
install(FILES systemd/sluiced.socket DESTINATION lib/systemd/system)
install(FILES systemd/sluice.sysusers DESTINATION lib/sysusers.d RENAME sluice.conf)
install(CODE "
  set(prefix \"\${CMAKE_INSTALL_PREFIX}\")
  if(prefix STREQUAL \"/usr\")
    set(etc /etc)
  else()
    set(etc \"\${prefix}/etc\")
  endif()
  file(READ \"${PROJECT_SOURCE_DIR}/systemd/sluiced.service\" unit)
  string(REPLACE \"/usr/bin/sluiced\" \"\${prefix}/bin/sluiced\" unit \"\${unit}\")
  string(REPLACE \"/etc/sluice/\" \"\${etc}/sluice/\" unit \"\${unit}\")
  file(WRITE \"\$ENV{DESTDIR}\${prefix}/lib/systemd/system/sluiced.service\" \"\${unit}\")
  if(NOT EXISTS \"\$ENV{DESTDIR}\${etc}/sluice/sluiced.toml\")
    file(INSTALL DESTINATION \"\${etc}/sluice\" TYPE FILE FILES \"${PROJECT_SOURCE_DIR}/deploy/sluiced.toml\")
  endif()")
