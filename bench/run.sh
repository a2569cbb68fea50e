#!/usr/bin/env bash
# Builds and measures sluiced: bench/run.sh [--quick] [--rounds N] [--rows NAME,NAME] [--no-peers] [--binaries DIR]
# `--help` shows more; bench/README.md says what the rows mean.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 exec python3 -m measure "$@"
