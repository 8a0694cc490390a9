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
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  # Sanitizers cost up to ten times the time.
  set(timeout 120)
  if(MUSTER_SANITIZE)
    set(timeout 900)
  endif()
  set(filter)
  if(arg_TOGETHER)
    set(filter TEST_FILTER "-*${arg_TOGETHER}.*")
    add_test(NAME ${arg_TOGETHER} COMMAND ${name} "--gtest_filter=*${arg_TOGETHER}.*")
    set_tests_properties(${arg_TOGETHER} PROPERTIES TIMEOUT ${timeout})
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 ${filter} PROPERTIES TIMEOUT ${timeout})
endfunction()
