# The two commands of the README, and the few that a developer repeats.
# CMake does the work; this file only names it.
BUILD := build
JOBS ?= $(shell nproc)

.PHONY: demo test gpu-bundle configure build docs check-format format asan tsan runtime-only bench fuzz soak clean

demo: build-demo
	@tools/demo/demo.sh $(BUILD)

test: build
	@cmake --build $(BUILD) --target check-kvc -j $(JOBS)

build: configure
	@cmake --build $(BUILD) -j $(JOBS)

.PHONY: build-demo
build-demo: configure
	@cmake --build $(BUILD) -j $(JOBS) --target kvc-compile kvc-run kvc-weights

configure: $(BUILD)/build.ninja

$(BUILD)/build.ninja: tools/setup.sh CMakePresets.json
	@tools/setup.sh
	@cmake --preset dev -B $(BUILD) >$(BUILD)-configure.log 2>&1 || { cat $(BUILD)-configure.log; exit 1; }
	@mv $(BUILD)-configure.log $(BUILD)/configure.log
	@touch $@

# What checks and measures kvc on any machine with an NVIDIA driver, below
# build/gpu-bundle. E.g. make gpu-bundle CHIPS="sm_90a".
gpu-bundle: configure
	@cmake --build $(BUILD) -j $(JOBS) --target kvc-compile kvc-gpu-conformance
	@JOBS=$(JOBS) $(if $(CHIPS),CHIPS="$(CHIPS)") tools/gpu-bundle/build.sh $(CURDIR)/$(BUILD)

docs: configure
	@cmake --build $(BUILD) --target mlir-doc
	@echo "pages below $(BUILD)/docs"

asan:
	@tools/setup.sh
	@cmake --preset asan
	@cmake --build --preset asan -j $(JOBS) --target check-kvc

# What threads share in the runtime. Without the simulator, whose threads run in
# oneTBB's loops, which are not instrumented: each would be a race.
tsan:
	@tools/setup.sh
	@cmake --preset tsan
	@cmake --build --preset tsan -j $(JOBS) --target kvcrt-tests
	@build-tsan/bin/kvcrt-tests --gtest_brief=1 --gtest_filter='*:-*Sim*:*sim*:Findings*:Intrinsics*:Matrix*'

# Mutants of the raise tests, and of GRAPHS, before and after raise; those whose
# numbers change lie reduced in build/soak. E.g. make soak SECONDS=3600.
soak: configure
	@cmake --build $(BUILD) -j $(JOBS) --target kvc-raise-check
	@$(BUILD)/bin/kvc-raise-check test/Conversion/LinalgToKVC/*.mlir $(GRAPHS) --seconds $(SECONDS) --progress --keep $(BUILD)/soak

# libFuzzer over parse, raise and what follows, e.g. make fuzz SECONDS=3600.
SECONDS ?= 600
fuzz:
	@tools/setup.sh
	@cmake --preset fuzz
	@cmake --build build-fuzz -j $(JOBS) --target kvc-raise-fuzz
	@tools/kvc-raise-check/fuzz.py build-fuzz/bin/kvc-raise-fuzz $(SECONDS) build-fuzz/fuzz

runtime-only:
	@tools/setup.sh
	@cmake --preset runtime-only
	@cmake --build --preset runtime-only -j $(JOBS)
	@ctest --test-dir build-runtime --output-on-failure -j $(JOBS)

check-format:
	@tools/check-format.sh

format:
	@tools/check-format.sh --fix

clean:
	@rm -rf $(BUILD) build-release build-asan build-tsan build-runtime
