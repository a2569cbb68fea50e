// Benchmark report, as text or as JSON.
#pragma once

#include <string>

#include "cli/address.hpp"
#include "cli/bench_options.hpp"
#include "cli/bench_tally.hpp"

namespace sluice::client {

// Figures of a report.
struct BenchReport {
  const Address& address;
  const BenchOptions& options;
  const BenchTally& tally;
  std::size_t request_bytes;          // on the wire, framing included
  std::chrono::nanoseconds measured;  // rates are over this: the duration, unless the run ended early
  double cpu_share;                   // of one core; negative: the run did not last that long
};

// The report as a few lines of text, without a newline at the end.
std::string report_text(const BenchReport& report);

// One JSON object in one line. Latencies in microseconds, rates per second.
std::string report_json(const BenchReport& report);

}  // namespace sluice::client
