#include "cli/bench_tally.hpp"

#include "cli/reply_scan.hpp"

namespace sluice::client {

void BenchTally::add_error(std::string_view error, TimePoint due, TimePoint now) {
  ++answered;
  if (window_.contains(now)) ++errors[error_code(error)];
  if (is_timed(due, now)) error_latency.add((now - due).count());
}

void BenchTally::add_unanswered(TimePoint due, TimePoint now) {
  if (window_.by_due_time && window_.contains(due)) latency.add((now - due).count());
}

void BenchTally::add_bad_reply(std::string_view line) {
  ++bad_replies;
  keep_line(line);
}

void BenchTally::add_bad_id(std::string_view line) {
  ++bad_ids;
  keep_line(line);
}

void BenchTally::keep_line(std::string_view line) {
  constexpr std::size_t kShownBytes = 200;
  if (first_bad_line.empty()) first_bad_line = line.substr(0, kShownBytes);
}

}  // namespace sluice::client
