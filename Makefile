# The front door. Everything here calls CMake presets or a script in tools/; nothing is configured here.
#
#   make          release build: build/release/outcry
#   make demo     build, then see it trade            make bench    build and run the benchmarks
#   make test     all tests of the release build      make fuzz     fuzz each harness FUZZ_SECONDS (60)
#   make check    test + asan + clang + format + tidy make format   lay out the C files
#   make deps     install the packages (Debian 12)    make clean    remove build/
MAKEFLAGS += --no-print-directory
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc)
# A stranger's newer compiler may warn of what ours does not: errors only in CI and in `make check`.
WERROR := $(if $(CI),ON,OFF)

# $(call build,PRESET[,CMake options]): configure and build build/PRESET. Errors go to stderr.
build = cmake --preset $(1) $(2) >/dev/null && cmake --build --preset $(1) -j $(JOBS)

.PHONY: release deps deps-all demo test check asan tsan clang epoll-only valgrind clang-tidy \
	bench fuzz cov format format-check clean
.NOTPARALLEL:

release: deps
	$(call build,release,-DOUTCRY_WERROR=$(WERROR))

deps:
	@tools/deps.sh build

deps-all:
	@tools/deps.sh all

demo: release
	tools/demo.sh

test: release
	ctest --preset release -j $(JOBS)

check: WERROR := ON
check: test deps-all format-check asan clang epoll-only clang-tidy valgrind
	@echo "make check: all passed"

asan tsan clang epoll-only valgrind cov: deps-all
	$(call build,$@)
	ctest --preset $@ -j $(JOBS)

clang-tidy: deps-all
	$(call build,clang)
	tools/clang-tidy.sh build/clang

bench: release
	cmake --build --preset release -j $(JOBS) --target bench
	@set -e; for b in build/release/bench/*; do echo "== $$b"; $$b; done

fuzz: deps-all
	$(call build,fuzz)
	tools/fuzz.sh build/fuzz $(FUZZ_SECONDS)

format format-check: deps-all
	tools/format.sh $@

clean:
	rm -rf build
