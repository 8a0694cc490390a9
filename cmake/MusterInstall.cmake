# What `cmake --install` puts where, and the CMake package: find_package(muster), muster::control.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# One archive of all layers. Whatever of the generated messages a program can ask for is referred to
# by the code that answers, so nobody has to link the archive whole.
set(objects "")
foreach(layer proto base config fence election service metrics rules records archive adhoc log catalogue convert store xmpp commands
              node)
  list(APPEND objects "$<TARGET_OBJECTS:muster_${layer}>")
endforeach()
add_library(muster_control_merged STATIC ${objects})
set_target_properties(muster_control_merged PROPERTIES OUTPUT_NAME muster_control EXPORT_NAME control)
target_compile_features(muster_control_merged INTERFACE cxx_std_20)
target_include_directories(muster_control_merged
                           INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_link_libraries(
  muster_control_merged
  PUBLIC Threads::Threads protobuf::libprotobuf spdlog::spdlog SQLite::SQLite3
         tomlplusplus::tomlplusplus PkgConfig::re2 PkgConfig::zstd PkgConfig::prometheus civetweb-cpp Qt${QT_VERSION_MAJOR}::Core Qt${QT_VERSION_MAJOR}::Network
         Qt${QT_VERSION_MAJOR}::Xml QXmpp::QXmpp)

install(TARGETS muster muster-coordinator muster-agent muster-keeper
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS muster_control_merged EXPORT muster ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY libcontrol/include/muster DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
# For applications with commands of their own: what their generated code includes, and what their
# .proto imports.
set(generated "${PROJECT_BINARY_DIR}/proto/gen/muster")
install(FILES "${generated}/options.pb.h" "${generated}/common.pb.h"
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/muster)
install(DIRECTORY proto/muster DESTINATION ${CMAKE_INSTALL_DATADIR}/muster/proto
        FILES_MATCHING PATTERN "*.proto")

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/muster)
set(MUSTER_INSTALLED_PROTO_DIR ${CMAKE_INSTALL_DATADIR}/muster/proto)
configure_package_config_file(cmake/musterConfig.cmake.in "${PROJECT_BINARY_DIR}/musterConfig.cmake"
                              INSTALL_DESTINATION ${package_dir}
                              PATH_VARS MUSTER_INSTALLED_PROTO_DIR)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/musterConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/musterConfig.cmake"
              "${PROJECT_BINARY_DIR}/musterConfigVersion.cmake" cmake/MusterProtos.cmake
        DESTINATION ${package_dir})
install(EXPORT muster NAMESPACE muster:: FILE musterTargets.cmake DESTINATION ${package_dir})

install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md"
        PATTERN "grafana-dashboard.json")
install(DIRECTORY docs/systemd/ DESTINATION lib/systemd/system OPTIONAL
        FILES_MATCHING PATTERN "*.service")
foreach(folder "${PROJECT_SOURCE_DIR}/docs/man/" "${PROJECT_BINARY_DIR}/man/")
  foreach(section 1 5 7 8)
    install(DIRECTORY "${folder}" DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} OPTIONAL
            FILES_MATCHING PATTERN "*.${section}")
  endforeach()
endforeach()
