#include "cli/bench.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "cli/bench_loop.hpp"
#include "cli/bench_report.hpp"
#include "cli/exchange.hpp"
#include "cli/output.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {
namespace {

constexpr auto kConnectLimit = std::chrono::seconds(10);  // for all connections together
constexpr rlim_t kOtherDescriptors = 64;

// Raises the limit as far as the system allows; with too few descriptors connecting fails with a message.
void raise_descriptor_limit(int connections) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = static_cast<rlim_t>(connections) + kOtherDescriptors;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
}

Result<std::vector<BenchConnection>> connect_all(const CommandLine& line, const RequestPattern& pattern) {
  const BenchOptions& options = line.bench;
  const TimePoint deadline = Clock::now() + kConnectLimit;
  const auto depth = static_cast<std::uint32_t>(options.depth);
  raise_descriptor_limit(options.connections);
  std::vector<BenchConnection> connections;
  connections.reserve(static_cast<std::size_t>(options.connections));
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(options.connections); ++i) {
    Result<core::Descriptor> opened = open_raw_socket(line, deadline);
    if (!opened) return opened.error();
    connections.emplace_back(std::move(opened).value(), pattern, i * depth, depth);
  }
  return connections;
}

// The exit code of the run, beside its figures.
Outcome outcome_of(const BenchTally& tally, bool connected) {
  if (!tally.first_bad_line.empty()) {
    print_error("first wrong reply: " + proto::quoted(tally.first_bad_line));
  }
  if (!connected) return unreachable("the server closed every connection");
  if (tally.bad_ids + tally.bad_replies > 0) return ExitCode::rpc_error;
  if (tally.answered == 0) return unreachable("nothing was answered");
  if (tally.results == 0 && !tally.errors.empty()) return ExitCode::rpc_error;
  return ExitCode::ok;
}

}  // namespace

Outcome run_bench(const CommandLine& line) {
  if (!line.address.is_raw_stream()) {
    return usage_error("bench measures over tcp:// and unix:// only, not " + line.address.text);
  }
  const BenchOptions& options = line.bench;
  const RequestPattern pattern(options.method, options.params);
  Result<std::vector<BenchConnection>> connections = connect_all(line, pattern);
  if (!connections) return connections.error();

  const TimePoint start = Clock::now();
  BenchLoop loop(options, std::move(connections).value(), start);
  loop.run();
  const BenchReport report{line.address,        options,         loop.tally(),
                           pattern.text.size(), loop.measured(), loop.cpu_share()};
  print_line(options.json ? report_json(report) : report_text(report));
  return outcome_of(loop.tally(), loop.has_connections());
}

}  // namespace sluice::client
