# Language, warnings, build types, sanitizers, link-time optimisation: everything said to the
# compiler.
set(OUTCRY_LIBURING AUTO CACHE STRING "io_uring backend: AUTO, ON or OFF")
set_property(CACHE OUTCRY_LIBURING PROPERTY STRINGS AUTO ON OFF)
option(OUTCRY_WERROR "Warnings are errors" OFF)
option(OUTCRY_LTO "Link-time optimisation of the executables people run" OFF)
option(OUTCRY_COVERAGE "Count executed lines with gcov" OFF)
option(OUTCRY_FUZZ "Build fuzz/*.c with libFuzzer (clang only)" OFF)
option(BUILD_TESTING "Build the tests" ON)
set(OUTCRY_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")
set(OUTCRY_TEST_LAUNCHER "" CACHE STRING "Command list put before the unit tests")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

# Asserts are always on: no build type defines NDEBUG.
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_MINSIZEREL "-Os -g")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()

# Compile and link options of every target of ours.
add_library(outcry_flags INTERFACE)
target_compile_options(outcry_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
  -Wimplicit-fallthrough -Wpointer-arith -Wcast-qual
  # Not -fPIC, which would forbid the compiler to inline whatever another library could replace.
  -fPIE
  -fno-omit-frame-pointer    # profilers and the reports of an assert can walk the stack
  $<$<BOOL:${OUTCRY_WERROR}>:-Werror>)
target_link_options(outcry_flags INTERFACE -pie -Wl,-z,relro,-z,now -Wl,--as-needed)

if(OUTCRY_SANITIZE)
  string(REPLACE ";" "," sanitizers "${OUTCRY_SANITIZE}")
  target_compile_options(outcry_flags INTERFACE
    -fsanitize=${sanitizers} -fno-sanitize-recover=all)
  target_link_options(outcry_flags INTERFACE -fsanitize=${sanitizers})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT OUTCRY_COVERAGE)
  # The program reads bytes from strangers: keep the cheap fences of the distribution's own
  # packages.
  target_compile_options(outcry_flags INTERFACE -fstack-protector-strong -U_FORTIFY_SOURCE
    -D_FORTIFY_SOURCE=2)
endif()

if(OUTCRY_COVERAGE)
  target_compile_options(outcry_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(outcry_flags INTERFACE --coverage)
endif()

if(OUTCRY_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "OUTCRY_FUZZ needs clang (libFuzzer): configure with --preset fuzz")
  endif()
  target_compile_options(outcry_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Rooms are compiled once into objects that carry both machine code and intermediate code. The
# program and the benchmarks are linked with link-time optimisation; tests link the machine code,
# which is quicker, and the purity check reads it.
if(OUTCRY_LTO)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
    message(FATAL_ERROR "OUTCRY_LTO is set up for gcc (fat objects); leave it OFF for others")
  endif()
  target_compile_options(outcry_flags INTERFACE -flto=auto -ffat-lto-objects)
endif()
set(OUTCRY_LINK_TEST $<$<BOOL:${OUTCRY_LTO}>:-fno-lto>)
set(OUTCRY_LINK_PROGRAM "")
if(OUTCRY_LTO)
  set(OUTCRY_LINK_PROGRAM -flto=auto -O2 -g)
endif()
