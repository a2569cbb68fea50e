// Upstream log: the failures of one URL.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Each cause is logged when it comes up, and then once a minute at most, with the number of times that were
// left out: what is new about a server that stays broken is seen at once. Backends' thread only.
class UpstreamLog {
 public:
  static constexpr auto kPause = std::chrono::minutes(1);  // between two lines of one cause
  static constexpr std::size_t kCausesMax = 64;            // kept apart; past it all are forgotten

  explicit UpstreamLog(std::string label) : label_(std::move(label)) {}

  // `cause` is one of a bounded number of texts; `detail` goes on from it and may be anything. Whether there
  // is a line now.
  bool warn(const std::string& cause, std::string_view detail, TimePoint now);
  // Logs an event that is not a fault.
  bool note(const std::string& cause, TimePoint now);

 private:
  struct Cause {
    TimePoint logged;
    std::uint64_t left_out = 0;
  };

  // How often it was left out since the last line, where there is to be one now.
  std::optional<std::uint64_t> admit(const std::string& cause, TimePoint now);

  const std::string label_;
  std::map<std::string, Cause> causes_;
};

}  // namespace sluice::core
