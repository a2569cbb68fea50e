#!/usr/bin/env bash
# The measuring suite and the micro-benchmarks work, whatever they measure. Needs the release build.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

needs release
programs_of release
suite "the measuring suite" python3 tests/bench/test_bench.py

micro_benchmarks() {
  cmake --preset release -DSLUICE_BUILD_BENCH=ON &&
    nice cmake --build --preset release --parallel "$jobs" --target micro_benchmarks &&
    build/release/bin/micro_benchmarks --benchmark_min_time=0.001 >"$scratch/micro.out" &&
    ! grep "ERROR OCCURRED" "$scratch/micro.out"
}
check "the micro-benchmarks build and run" micro_benchmarks
