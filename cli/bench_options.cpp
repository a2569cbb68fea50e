#include "cli/bench_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/bench_request.hpp"
#include "cli/duration.hpp"
#include "cli/params.hpp"
#include "proto/utf8.hpp"

namespace sluice::client {
namespace {

constexpr const char* kHelp =
    "Without --rate it is a closed loop: every connection keeps --depth requests in flight, or all\n"
    "together keep --in-flight, alternating.\n"
    "With --rate, request k is due at k/RATE, whatever the server does. Its latency counts from then. A\n"
    "request waits while all connections are at --depth; its latency still counts from its due time. A\n"
    "request without a reply at the end counts with the time that it has waited. One thread drives all;\n"
    "with --rate it spins and takes a whole core.\n"
    "Every reply must be one line, with an id that is in flight on its connection.\n"
    "A run takes --warmup, --duration and at most 2 s more for the last replies.\n"
    "Exit code: 0 measured, 1 replies with wrong ids or nothing but errors, 2 usage, 3 could not connect, "
    "the\n"
    "server closed every connection, or nothing was answered.";

std::string default_params(std::size_t size) {
  std::string params = "[\"";
  for (std::size_t i = BenchOptions::kSizeMin; i < size; ++i) params += static_cast<char>('a' + i % 26);
  return params + "\"]";
}

int default_depth(const BenchOptions& options) {
  if (options.open_loop()) return BenchOptions::kOpenLoopDepth;
  // Room for all calls in flight, rounded up.
  return std::max(1, (options.in_flight + options.connections - 1) / options.connections);
}

Result<std::chrono::nanoseconds> read_duration(const char* option, const std::string& text) {
  const auto duration = parse_duration(text);
  if (!duration) return usage_error(std::string(option) + ": " + duration.error().message);
  return duration.value();
}

Result<void> check_times(BenchOptions& options) {
  const auto duration = read_duration("--duration", options.duration_text);
  if (!duration) return duration.error();
  options.duration = duration.value();
  if (options.warmup_text == "0" || options.warmup_text == "0s") return success();
  const auto warmup = read_duration("--warmup", options.warmup_text);
  if (!warmup) return warmup.error();
  options.warmup = warmup.value();
  return success();
}

}  // namespace

void add_bench_options(CLI::App& command, BenchOptions& options) {
  command.footer(kHelp);
  command.add_option("-c,--connections", options.connections, "Connections (1)")
      ->check(CLI::Range(1, BenchOptions::kConnectionsMax));
  command.add_option("-d,--depth", options.depth, "Requests in flight per connection (1; with --rate 1024)")
      ->check(CLI::Range(1, BenchOptions::kDepthMax));
  command
      .add_option("--in-flight", options.in_flight,
                  "Requests in flight on all connections together, alternating")
      ->check(CLI::Range(1, BenchOptions::kDepthMax))
      ->excludes("--depth");
  command.add_option("--rate", options.rate, "Open loop: requests per second")
      ->check(CLI::Range(0.001, 1e8))
      ->excludes("--in-flight");
  command.add_option("--duration", options.duration_text, "Measured time (5s)")->type_name("TIME");
  command.add_option("--warmup", options.warmup_text, "Time before it that does not count (500ms)")
      ->type_name("TIME");
  command.add_option("--method", options.method, "Method to call (demo.echo)")->type_name("NAME");
  command.add_option("--params", options.params, "Params as JSON (an array of one string)")
      ->type_name("JSON");
  command.add_option("--size", options.size, "Bytes of the default params (100)")
      ->check(CLI::Range(BenchOptions::kSizeMin, BenchOptions::kSizeMax))
      ->excludes("--params");
  command.add_flag("--json", options.json, "Print the report as JSON");
}

Result<void> check_bench_options(BenchOptions& options) {
  if (auto checked = check_times(options); !checked) return checked;
  if (options.depth == 0) options.depth = default_depth(options);
  if (std::size_t(options.connections) * std::size_t(options.depth) > RequestId::kSlotsMax) {
    return usage_error("-c times -d may be " + std::to_string(RequestId::kSlotsMax) + " at most");
  }
  if (!proto::is_utf8(options.method)) return usage_error("--method: not UTF-8");
  const Result<std::string> params =
      options.params.empty() ? default_params(options.size) : check_params(options.params);
  if (!params) return usage_error("--params: " + params.error().message);
  options.params = params.value();
  return success();
}

}  // namespace sluice::client
