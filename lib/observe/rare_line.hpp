// A line that may be due again and again.
#pragma once

#include <chrono>
#include <new>
#include <string>

#include "lib/observe/log.hpp"
#include "lib/observe/log_limit.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

inline constexpr auto kRareInterval = std::chrono::seconds(10);

// Logs the first one, then one per interval with how many there were since. Thread-safe.
class RareLine {
 public:
  explicit RareLine(std::chrono::nanoseconds interval = kRareInterval) : limit_(interval) {}

  // `make` composes the text, where it is logged.
  template <typename Make>
  void log(spdlog::level::level_enum level, TimePoint now, const Make& make) {
    const auto left_out = limit_.admit(now);
    if (!left_out) return;
    try {
      std::string text = make();
      if (*left_out > 0) text += " (" + std::to_string(*left_out) + " more since the last such line)";
      spdlog::log(level, "{}", text);
    } catch (const std::bad_alloc&) {
      // What the line is about may be just that: it is lost rather than everything else.
    }
  }

 private:
  LogLimit limit_;
};

}  // namespace sluice::core
