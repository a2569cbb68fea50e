#pragma once

#include "daemon/client/address.hpp"
#include "daemon/client/bench_options.hpp"
#include "daemon/client/result.hpp"

namespace sluice::client {

// Connects, loads the server as `options` (checked) say, and prints the report.
// Takes warm-up and duration, and at most BenchLoop::kGrace more for the last replies; shorter
// if the server closes every connection, which ends it as unreachable.
Outcome run_bench(const Address& address, const BenchOptions& options);

}  // namespace sluice::client
