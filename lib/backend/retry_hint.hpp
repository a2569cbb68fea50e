// Retry hint: when a client is to try again.
#pragma once

#include <chrono>

namespace sluice::core {

// Where nothing is known about when a backend serves again.
inline constexpr auto kUnknownRetry = std::chrono::milliseconds(100);

// `known`: until something may have changed; none where it may have by now, which says nothing.
inline std::chrono::milliseconds retry_hint(std::chrono::milliseconds known) {
  return known > std::chrono::milliseconds(0) ? known : kUnknownRetry;
}

}  // namespace sluice::core
