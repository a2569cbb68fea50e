// Limiter of invalid input from a backend.
#pragma once

#include <chrono>
#include <cstddef>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Bytes within a second that begins with the first of them. Not thread-safe; the time is passed in.
class InvalidInputLimiter {
 public:
  static constexpr std::size_t kPieceBytes = 64;  // what each piece costs at least: looking at it takes time
  static constexpr std::size_t kBytesMax = 1024 * 1024;  // a second

  explicit InvalidInputLimiter(TimePoint now) : since_(now) {}

  // Counts bytes. Whether there are too many by now.
  bool count(std::size_t bytes, TimePoint now) {
    if (now >= until()) {
      since_ = now;
      bytes_ = 0;
    }
    bytes_ += bytes;
    return bytes_ > kBytesMax;
  }
  // The end of its second.
  TimePoint until() const { return since_ + std::chrono::seconds(1); }

 private:
  TimePoint since_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::core
