#!/usr/bin/env bash
# installed_copy.sh BUILD_DIR: installs that build, builds the calculator against the copy as a project of its
# own, and calls it.
set -euo pipefail

build=$(realpath "${1:?usage: installed_copy.sh BUILD_DIR}")
root=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The sources are copied, so that nothing outside the installed copy can be found by a relative path.
cp -r "$root/examples/calculator" "$work/source"
cmake --install "$build" --prefix "$work/prefix" > "$work/install.log" || { cat "$work/install.log"; exit 1; }
cmake -S "$work/source" -B "$work/build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$work/prefix" \
  > "$work/configure.log" 2>&1 || { cat "$work/configure.log"; exit 1; }
cmake --build "$work/build" > "$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }

EXAMPLES_DIR="$work/build" python3 "$root/tests/examples/test_examples.py" CalculatorTest
