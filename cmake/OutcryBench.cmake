# Each bench/NAME.c is the program bench_NAME, linked with every room but cli, as the program
# itself is linked. Built in Release only: numbers of other builds would mislead.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release" OR OUTCRY_SANITIZE OR OUTCRY_COVERAGE)
  return()
endif()

# The libuv echo, an outside check of our epoll: `outcry verify` looks for it beside the program.
pkg_check_modules(LIBUV IMPORTED_TARGET GLOBAL libuv)
if(LIBUV_FOUND)
  add_executable(outcry-libuv-echo "${CMAKE_SOURCE_DIR}/bench/libuv/echo.c")
  target_link_libraries(outcry-libuv-echo PRIVATE outcry_flags PkgConfig::LIBUV)
endif()

get_property(rooms GLOBAL PROPERTY OUTCRY_ROOMS)
oc_room_libraries(bench_libraries ${rooms})
file(GLOB benches CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/bench/*.c")
add_custom_target(bench)
foreach(source IN LISTS benches)
  cmake_path(GET source STEM name)
  add_executable(bench_${name} "${source}")
  target_link_libraries(bench_${name} PRIVATE outcry_base outcry_flags ${bench_libraries})
  target_link_options(bench_${name} PRIVATE ${OUTCRY_LINK_PROGRAM})
  set_target_properties(bench_${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
  add_dependencies(bench_${name} outcry_version)
  add_dependencies(bench bench_${name})
endforeach()
