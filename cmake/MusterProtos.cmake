# muster_protos(TARGET [ROOT DIR] FILE.proto...)
#
# Generates C++ from .proto files of commands and adds it to the target. The header is included by
# its path under ROOT (default: the current folder), which is also where imports are looked up.
# MUSTER_PROTO_DIR holds muster/options.proto.
function(muster_protos target)
  cmake_parse_arguments(arg "" "ROOT" "" ${ARGN})
  if(NOT arg_ROOT)
    set(arg_ROOT "${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${target}-protos")
  foreach(file IN LISTS arg_UNPARSED_ARGUMENTS)
    get_filename_component(path "${file}" ABSOLUTE)
    file(RELATIVE_PATH stem "${arg_ROOT}" "${path}")
    string(REGEX REPLACE "\\.proto$" "" stem "${stem}")
    get_filename_component(folder "${out}/${stem}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    add_custom_command(
      OUTPUT "${out}/${stem}.pb.cc" "${out}/${stem}.pb.h"
      COMMAND protobuf::protoc "-I${MUSTER_PROTO_DIR}" "-I${arg_ROOT}" "--cpp_out=${out}" "${path}"
      DEPENDS "${path}" "${MUSTER_PROTO_DIR}/muster/options.proto"
      VERBATIM)
    target_sources(${target} PRIVATE "${out}/${stem}.pb.cc" "${out}/${stem}.pb.h")
    # Generated code is not its user's to warn about.
    set_source_files_properties("${out}/${stem}.pb.cc" PROPERTIES COMPILE_OPTIONS
                                                                  -Wno-unused-parameter)
  endforeach()
  target_include_directories(${target} SYSTEM PRIVATE "${out}")
endfunction()
