# fuzz/NAME.c defines LLVMFuzzerTestOneInput. With OUTCRY_FUZZ it becomes the program fuzz_NAME of
# libFuzzer or, when the compiler is afl-clang-fast, of AFL++ (whose driver takes the same harness);
# otherwise the same file, with fuzz/replay_main.c, replays fuzz/corpus/NAME as a test. Harnesses
# share fuzz/support/*.c and what tests/model/support offers.
get_property(rooms GLOBAL PROPERTY OUTCRY_ROOMS)
oc_room_libraries(fuzz_libraries ${rooms})
file(GLOB harnesses CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/fuzz/*.c")
list(FILTER harnesses EXCLUDE REGEX "/replay_main\\.c$")
file(GLOB fuzz_support CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/fuzz/support/*.c")

add_custom_target(fuzzers)
foreach(harness IN LISTS harnesses)
  cmake_path(GET harness STEM name)
  add_executable(fuzz_${name} "${harness}" ${fuzz_support})
  target_include_directories(fuzz_${name} PRIVATE "${CMAKE_SOURCE_DIR}/fuzz")
  target_link_libraries(fuzz_${name} PRIVATE outcry_base outcry_flags ${fuzz_libraries}
    test_support_model)
  target_link_options(fuzz_${name} PRIVATE ${OUTCRY_LINK_TEST})
  # libFuzzer's entry point has no header to be declared in.
  target_compile_options(fuzz_${name} PRIVATE -Wno-missing-prototypes)
  add_dependencies(fuzz_${name} outcry_version)
  add_dependencies(fuzzers fuzz_${name})
  if(OUTCRY_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE "${CMAKE_SOURCE_DIR}/fuzz/replay_main.c")
    add_test(NAME fuzz.${name} COMMAND fuzz_${name} "${CMAKE_SOURCE_DIR}/fuzz/corpus/${name}")
    set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 60
      ENVIRONMENT "${OUTCRY_TEST_ENVIRONMENT}")
  endif()
endforeach()
