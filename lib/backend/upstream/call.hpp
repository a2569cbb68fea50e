// Upstream call: a call while an upstream backend has it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/backend/upstream/endpoint.hpp"

namespace sluice::core {

// A call from its arrival to its end. Where it waits for a connection, its BackendCall is in one of the
// backend's lists; where it waits for a time, that is its BackendCall's deadline.
struct UpstreamCall {
  enum class Timer : std::uint8_t { none, retry, hedge };

  explicit UpstreamCall(BackendCall& of) : call(of) {}
  bool under_way() const { return attempts[0].under_way() || attempts[1].under_way(); }

  BackendCall& call;
  std::array<UpstreamAttempt, 2> attempts;   // the second: a hedge
  std::size_t tries = 0;                     // the first, and its repetitions
  std::size_t unread = 0;                    // attempts that their server did not read
  const UpstreamEndpoint* failed = nullptr;  // where the last one failed
  Timer timer = Timer::none;                 // what its deadline is for
};

}  // namespace sluice::core
