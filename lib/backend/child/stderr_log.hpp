// Backend log: lines that children write to stderr, and invalid replies.
#pragma once

#include <cstddef>
#include <string_view>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// A bounded number of lines a second for one backend; the rest is counted, and reported with the next
// second's first line. Backends' thread only.
class StderrLog {
 public:
  static constexpr std::size_t kLinesMax = 100;  // a second

  // A line of its stderr.
  void stderr_line(std::string_view label, std::string_view line, TimePoint now);
  // Something that is not as agreed; `what` says what, `text` is how it begins.
  void misbehaved(std::string_view label, std::string_view what, std::string_view text, TimePoint now);
  // No more is to come for the time being: says how many lines were not logged.
  void finish(std::string_view label);

 private:
  bool may_log(std::string_view label, TimePoint now);

  TimePoint second_{};
  std::size_t lines_ = 0;
  std::size_t left_out_ = 0;
};

}  // namespace sluice::core
