# What nearly every file includes is parsed once for the whole build, not once a file. Sources include
# all that they use all the same: with the option OFF everything compiles too.
option(MUSTER_PRECOMPILED_HEADERS "Precompile the headers of the library and of the tests" ON)
set(MUSTER_STANDARD_HEADERS
    <algorithm> <chrono> <deque> <filesystem> <functional> <map> <memory> <mutex> <optional> <set>
    <string> <string_view> <utility> <variant> <vector>)
set(MUSTER_PROTOBUF_HEADERS <google/protobuf/descriptor.h> <google/protobuf/message.h>)
set(MUSTER_DAEMON_HEADERS <QObject> <QTimer> <spdlog/spdlog.h> <muster/cluster.pb.h>
                          <muster/wire.pb.h>)

# A precompiled header serves only compilations with the very same code generation options, and Qt
# asks for -fPIC.
if(MUSTER_PRECOMPILED_HEADERS)
  add_compile_options(-fPIC)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 takes its own std::string for too small (GCC bug 105651). That is silent inside system
    # headers, and what comes out of a precompiled header doesn't count as one. A build without
    # precompiled headers has these warnings on.
    add_compile_options(-Wno-array-bounds -Wno-restrict -Wno-stringop-overflow
                        -Wno-stringop-overread)
  endif()
  if(CCACHE AND CMAKE_CXX_COMPILER_LAUNCHER STREQUAL "${CCACHE}")
    # Without these a compiler cache misses whatever uses a precompiled header.
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
                                    CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE}")
  endif()
endif()

# The headers of OWNER for another target of the same optimisation.
function(muster_precompiled target owner)
  if(MUSTER_PRECOMPILED_HEADERS AND NOT target STREQUAL owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

# One static library a layer. Sources are globbed within the layer's own folder: adding a file to a
# room needs no second edit.
function(muster_layer name)
  cmake_parse_arguments(arg "" "" "PUBLIC" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  add_library(muster_${name} STATIC ${sources})
  target_include_directories(muster_${name} PUBLIC "${PROJECT_SOURCE_DIR}"
                             "${PROJECT_SOURCE_DIR}/libcontrol/include")
  target_link_libraries(muster_${name} PUBLIC ${arg_PUBLIC})
  # Applications may put the library into shared objects of their own.
  set_target_properties(muster_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  # Layers under the catalogue know no Protobuf, precompiled or not.
  if("muster_commands" IN_LIST arg_PUBLIC)
    set(owner muster_node)
  elseif("muster_catalogue" IN_LIST arg_PUBLIC OR "muster_proto_whole" IN_LIST arg_PUBLIC)
    set(owner muster_catalogue)
  else()
    set(owner muster_base)
  endif()
  muster_precompiled(muster_${name} ${owner})
endfunction()

# A GoogleTest binary of all *_test.cc in the current folder; ctest sees each test by itself, but for
# those of the suite TOGETHER, which share what is expensive to make and so one process.
function(muster_test name)
  cmake_parse_arguments(arg "" "TOGETHER" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${arg_LINK} GTest::gmock GTest::gtest GTest::gtest_main)
  # What is tested is optimised as it is shipped; the tests themselves run once.
  target_compile_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O0>)
  muster_precompiled(${name} muster_test_headers)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  if(MUSTER_SANITIZE)
    # GCC says that its sanitizers make this warning see things, and it does in std::regex.
    target_compile_options(${name} PRIVATE -Wno-maybe-uninitialized)
  endif()
  # Sanitizers cost up to ten times the time.
  set(timeout 120)
  if(MUSTER_SANITIZE)
    set(timeout 900)
  endif()
  set(filter)
  if(arg_TOGETHER)
    set(filter TEST_FILTER "-*${arg_TOGETHER}.*")
    add_test(NAME ${arg_TOGETHER} COMMAND ${name} "--gtest_filter=*${arg_TOGETHER}.*")
    # A whole suite, and what it shares is a server, which a busy machine is slow to start.
    math(EXPR timeout_together "5 * ${timeout}")
    set_tests_properties(${arg_TOGETHER} PROPERTIES TIMEOUT ${timeout_together})
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 ${filter} PROPERTIES TIMEOUT ${timeout})
endfunction()
