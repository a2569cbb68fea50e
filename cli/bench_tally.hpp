// Benchmark tally: counts and latencies of one run.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "cli/histogram.hpp"
#include "cli/socket.hpp"

namespace sluice::client {

// When a run starts to count, and when it stops.
struct BenchWindow {
  TimePoint begin;
  TimePoint end;
  bool by_due_time;  // latencies count by due time (open loop), else by completion time

  bool contains(TimePoint time) const { return time >= begin && time < end; }
};

// Counts and latencies of one run. Rates count what completes within the window. The latencies of an open
// loop are those of the requests due in the window, whenever they are answered: so responses that a slow
// server gives after the window count too.
class BenchTally {
 public:
  explicit BenchTally(const BenchWindow& window) : window_(window) {}

  void add_result(TimePoint due, TimePoint now) {
    ++answered;
    if (window_.contains(now)) ++results;
    if (is_timed(due, now)) latency.add((now - due).count());
  }
  void add_error(std::string_view error, TimePoint due, TimePoint now);

  // An answer that never came; it has taken until `now` at least.
  void add_unanswered(TimePoint due, TimePoint now);

  // A line that is not a reply, or whose id is not in flight. The first one is kept for the report.
  void add_bad_reply(std::string_view line);
  void add_bad_id(std::string_view line);

  // Over the window.
  std::uint64_t results = 0;
  std::map<long, std::uint64_t> errors;  // by code
  Histogram latency;                     // of results
  Histogram error_latency;

  // Over the whole run.
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;    // with a result or an error
  std::uint64_t unanswered = 0;  // sent, no answer
  std::uint64_t unsent = 0;      // open loop: due, but there was never room to send it
  std::uint64_t bad_ids = 0;
  std::uint64_t bad_replies = 0;
  int connections_lost = 0;
  std::string first_bad_line;

 private:
  bool is_timed(TimePoint due, TimePoint now) const {
    return window_.contains(window_.by_due_time ? due : now);
  }
  void keep_line(std::string_view line);

  BenchWindow window_;
};

}  // namespace sluice::client
