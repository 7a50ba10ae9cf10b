# oc_room(NAME DEPS rooms... SYSTEM libraries...): the static library outcry_NAME of src/NAME/*.c.
# oc_program(NAME ROOM room DEPS ... SYSTEM ...): the executable of src/ROOM/*.c.
# Sources are globbed: a new file needs no edit here. DEPS are rooms defined before.

# The generated header "core/version.h"; rewritten at build time, and only when its content changes.
set(OUTCRY_GENERATED_DIR "${CMAKE_BINARY_DIR}/generated")
set(version_command "${CMAKE_COMMAND}"
  -DSOURCE_DIR=${CMAKE_SOURCE_DIR} -DOUTPUT=${OUTCRY_GENERATED_DIR}/core/version.h
  -DOC_VERSION=${PROJECT_VERSION} -DOC_HAVE_LIBURING=${OC_HAVE_LIBURING}
  -P "${CMAKE_SOURCE_DIR}/cmake/version.cmake")
execute_process(COMMAND ${version_command} COMMAND_ERROR_IS_FATAL ANY)
add_custom_target(outcry_version COMMAND ${version_command} VERBATIM
  BYPRODUCTS "${OUTCRY_GENERATED_DIR}/core/version.h"
  COMMENT "Looking whether core/version.h is still true")

# What every room and test sees.
add_library(outcry_base INTERFACE)
target_include_directories(outcry_base INTERFACE
  "${CMAKE_SOURCE_DIR}/src" "${OUTCRY_GENERATED_DIR}")

set_property(GLOBAL PROPERTY OUTCRY_ROOMS "")

# The library targets of the named rooms. A room that is not there yet is a mistake in the table.
function(oc_room_libraries result)
  set(libraries "")
  foreach(room IN LISTS ARGN)
    if(NOT TARGET outcry_${room})
      message(FATAL_ERROR "there is no room ${room} above this line of CMakeLists.txt")
    endif()
    list(APPEND libraries outcry_${room})
  endforeach()
  set(${result} "${libraries}" PARENT_SCOPE)
endfunction()

function(oc_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPS;SYSTEM")
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.c")
  # The choice between a backend and its absence is made by linking one file or the other: callers
  # have no #ifdef.
  if(name STREQUAL "io")
    if(OC_HAVE_LIBURING)
      list(FILTER sources EXCLUDE REGEX "/uring_absent\\.c$")
    else()
      list(FILTER sources EXCLUDE REGEX "/uring(_[a-z0-9_]*)?\\.c$")
      file(GLOB absent CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/io/uring_absent.c")
      list(APPEND sources ${absent})
    endif()
  endif()
  if(NOT sources)
    message(FATAL_ERROR "room ${name} has no sources: src/${name}/*.c")
  endif()
  add_library(outcry_${name} STATIC ${sources})
  oc_room_libraries(deps ${arg_DEPS})
  target_link_libraries(outcry_${name}
    PUBLIC outcry_base ${deps} ${arg_SYSTEM} PRIVATE outcry_flags)
  add_dependencies(outcry_${name} outcry_version)
  set_property(GLOBAL APPEND PROPERTY OUTCRY_ROOMS ${name})
endfunction()

function(oc_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "ROOM" "DEPS;SYSTEM")
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${arg_ROOM}/*.c")
  if(NOT sources)
    message(FATAL_ERROR "room ${arg_ROOM} has no sources: src/${arg_ROOM}/*.c")
  endif()
  add_executable(${name} ${sources})
  oc_room_libraries(deps ${arg_DEPS})
  target_link_libraries(${name} PRIVATE outcry_base outcry_flags ${deps} ${arg_SYSTEM})
  target_link_options(${name} PRIVATE ${OUTCRY_LINK_PROGRAM})
  add_dependencies(${name} outcry_version)
endfunction()
