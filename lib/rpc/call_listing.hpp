// What runs and waits, for operators.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// One call as it is shown: copied, so that it may be gone by then.
struct CallListing {
  std::string method;
  std::string id;            // JSON text; empty for a notification
  std::string client;        // empty where none is configured
  std::string backend;       // empty where it is not a backend's
  std::uint64_t serial = 0;  // what that one knows it by; 0: no backend has it
  std::string_view phase;    // "waiting", "running", or "abandoned": answered already, and still running
  TimePoint received;
  TimePoint deadline;
};

inline constexpr std::size_t kListedCallsMax = 1000;  // the oldest
inline constexpr std::size_t kListedTextMax = 256;    // bytes of a method's name or an id

}  // namespace sluice::core
