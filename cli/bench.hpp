// The `bench` command.
#pragma once

#include "cli/command_line.hpp"

namespace sluice::client {

// Connects, loads the server as line.bench says, and prints the report.
// Takes warm-up and duration, and at most BenchLoop::kGrace more for the last replies; shorter
// if the server closes every connection, which ends it as unreachable.
Outcome run_bench(const CommandLine& line);

}  // namespace sluice::client
