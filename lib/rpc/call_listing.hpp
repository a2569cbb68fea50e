// Call listing: a copy of one call for operators (rpc.calls).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/call/active_call.hpp"
#include "lib/time/deadline_wheel.hpp"
#include "lib/worker/io_thread.hpp"

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

// Copies the kListedCallsMax oldest calls of a thread, without those that ask, and returns how many there are
// in all. On that thread. Throws std::bad_alloc.
std::size_t list_calls(IoThread& io, std::span<ActiveCall* const> asking, std::vector<CallListing>& to);

}  // namespace sluice::core
