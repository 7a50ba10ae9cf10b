# The libraries of the distribution. tools/deps.sh (`make deps`) installs exactly these packages.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# oc_library(XXHASH libxxhash libxxhash-dev): imported target PkgConfig::XXHASH, or an error that
# says the mend.
function(oc_library name module package)
  pkg_check_modules(${name} IMPORTED_TARGET GLOBAL ${module})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${module} is missing. Mend: make deps (installs ${package})")
  endif()
endfunction()

oc_library(XXHASH libxxhash libxxhash-dev)
oc_library(JANSSON jansson libjansson-dev)
oc_library(INIH inih libinih-dev)
if(BUILD_TESTING)
  oc_library(CMOCKA cmocka libcmocka-dev)
endif()

# Without liburing the program is built with epoll only: src/io/uring_absent.c stands in, and
# --version says so.
set(OUTCRY_LIBURING_TARGET "")
if(NOT OUTCRY_LIBURING MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "OUTCRY_LIBURING is AUTO, ON or OFF, not '${OUTCRY_LIBURING}'")
endif()
if(OUTCRY_LIBURING STREQUAL "AUTO")
  pkg_check_modules(LIBURING IMPORTED_TARGET GLOBAL liburing>=2.3)
elseif(OUTCRY_LIBURING STREQUAL "ON")
  oc_library(LIBURING "liburing>=2.3" liburing-dev)
endif()
if(NOT OUTCRY_LIBURING STREQUAL "OFF" AND LIBURING_FOUND)
  set(OUTCRY_LIBURING_TARGET PkgConfig::LIBURING)
  set(OC_HAVE_LIBURING 1)
  message(STATUS "io_uring: liburing ${LIBURING_VERSION}")
else()
  set(OC_HAVE_LIBURING 0)
  message(STATUS "io_uring: left out (OUTCRY_LIBURING=${OUTCRY_LIBURING}), epoll only")
endif()
