# The front door. Everything here calls CMake presets or a script in tools/; nothing is configured here.
#
#   make          release build: build/release/outcry
#   make demo     build, then see it trade            make bench    build and run the benchmarks
#   make test     all tests of the release build      make fuzz     libFuzzer, TIME=N s a harness (60)
#   make sim      the simulated server: SEED=N shows one seed, SEEDS=N plays so many (4000)
#   make check    test + sanitizers + clang + tidy    make format   lay out the C files
#   make fuzz-afl the same harnesses with AFL++, TIME=N s each (60)
#   make deps     install the packages (Debian 12)    make clean    remove build/
#   make baseline-tokio  build bench/baseline-tokio (Rust) from Debian's crates, without a network
#   make test-kernels   boot Debian's kernels in QEMU and try the program in each (KERNELS="6.1")
#   make help     this list
MAKEFLAGS += --no-print-directory
# Not ?=, because GNU time's format may be in the environment under this name.
TIME := 60
JOBS ?= $(shell nproc)
# A stranger's newer compiler may warn of what ours does not: errors only in CI and in `make check`.
WERROR := $(if $(CI),ON,OFF)

# $(call build,PRESET[,CMake options]): configure and build build/PRESET. Errors go to stderr.
build = cmake --preset $(1) $(2) >/dev/null && cmake --build --preset $(1) -j $(JOBS)

.PHONY: release help deps deps-all demo sim test test-kernels check asan tsan clang epoll-only valgrind \
	clang-tidy bench baseline-tokio check-baseline fuzz fuzz-afl cov format format-check clean
.NOTPARALLEL:

release: deps
	$(call build,release,-DOUTCRY_WERROR=$(WERROR))

help:
	@sed -n '3,/^MAKEFLAGS/{s/^# \{0,1\}//p}' Makefile

deps:
	@tools/deps.sh build

deps-all:
	@tools/deps.sh all

demo: release
	tools/demo.sh

sim: release
	SEED=$(SEED) SEEDS=$(SEEDS) build/release/tests/sim.server_sim

test: release
	ctest --preset release -j $(JOBS)

test-kernels: release
	@tools/deps.sh kernels
	tools/test-kernels.sh build/release

check: WERROR := ON
check: test check-baseline deps-all format-check asan tsan clang epoll-only clang-tidy valgrind
	@echo "make check: all passed"

# Under ThreadSanitizer: what has threads (the server on both backends, ring, event log); the rest has
# one thread each and would only take its time.
# Not under valgrind: io_uring, because valgrind 3.19 lets no other thread run while one waits in
# io_uring_enter; server.allocations, which counts the very calls that valgrind replaces; and
# server.deep_sweep_serial, whose readers must run while the server waits for them: valgrind runs one
# thread at a time, so they stand still for longer than the 20 ms that are granted.
asan tsan clang epoll-only valgrind cov: deps-all
	$(call build,$@)
	ctest --preset $@ -j $(JOBS)

clang-tidy: deps-all
	$(call build,clang)
	tools/clang-tidy.sh build/clang

bench: release
	cmake --build --preset release -j $(JOBS) --target bench
	@set -e; for b in $(filter-out %/bench_floor %/bench_raw,$(wildcard build/release/bench/bench_*)); do \
		echo "== $$b"; $$b; done

# What cannot be installed, the script names in one line (status 77).
baseline-tokio:
	@tools/deps.sh tokio || true
	@tools/baseline-tokio.sh

# The same, and its test; where it cannot be built (status 77), that is said and no failure.
check-baseline: release
	@tools/deps.sh tokio || true
	@tools/baseline-tokio.sh || test $$? -eq 77
	ctest --preset release -R '^system\.baseline$$'

fuzz: deps-all
	$(call build,fuzz)
	tools/fuzz.sh libfuzzer build/fuzz $(TIME)

fuzz-afl:
	@tools/deps.sh fuzz
	$(call build,fuzz-afl)
	tools/fuzz.sh afl build/fuzz-afl $(TIME)

format format-check: deps-all
	tools/format.sh $@

clean:
	rm -rf build
