// Rare line: a log line for an event that may repeat often.
#pragma once

#include <chrono>
#include <new>
#include <string>

#include "lib/observe/log.hpp"
#include "lib/observe/log_limit.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

inline constexpr auto kRareInterval = std::chrono::seconds(10);

// Logs the first event, then one per interval with the number of events since. Thread-safe.
class RareLine {
 public:
  explicit RareLine(std::chrono::nanoseconds interval = kRareInterval) : limit_(interval) {}

  // `make` composes the text, only if it is logged.
  template <typename Make>
  void log(spdlog::level::level_enum level, TimePoint now, const Make& make) {
    const auto left_out = limit_.admit(now);
    if (!left_out) return;
    try {
      std::string text = make();
      if (*left_out > 0) text += " (" + std::to_string(*left_out) + " more since the last such line)";
      spdlog::log(level, "{}", text);
    } catch (const std::bad_alloc&) {
      // The line may be about this very shortage of memory: only the line is lost.
    }
  }

 private:
  LogLimit limit_;
};

}  // namespace sluice::core
