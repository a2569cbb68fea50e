// Options of the `bench` command.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "cli/result.hpp"

namespace CLI {
class App;
}

namespace sluice::client {

// Options of `bench`: the calls to send, their duration, and the form of the report.
struct BenchOptions {
  static constexpr int kConnectionsMax = 60'000;
  static constexpr int kDepthMax = 100'000;
  static constexpr int kOpenLoopDepth = 1024;  // default depth with a rate
  static constexpr std::size_t kSizeMin = 4;   // [""]
  static constexpr std::size_t kSizeMax = 64u << 20;

  int connections = 1;
  int depth = 0;  // requests in flight per connection; 0: 1, or kOpenLoopDepth with a rate
  int in_flight =
      0;            // closed loop: requests in flight in all, dealt to the connections in turn; 0: depth each
  double rate = 0;  // requests per second of an open loop; 0: closed loop
  std::string duration_text = "5s";
  std::string warmup_text = "500ms";
  std::chrono::nanoseconds duration{};  // both set by check_bench_options()
  std::chrono::nanoseconds warmup{};
  std::string method = "demo.echo";
  std::string params;      // JSON text; empty: an array of one string, `size` bytes in all
  std::size_t size = 100;  // bytes
  bool json = false;       // print the report as one JSON object

  bool open_loop() const { return rate > 0; }
};

// Declares bench's options on its command; they are read into `options`.
void add_bench_options(CLI::App& command, BenchOptions& options);

// Checks what was read and fills in what was left out. Errors: usage.
Result<void> check_bench_options(BenchOptions& options);

}  // namespace sluice::client
