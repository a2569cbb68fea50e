// Limiter of input from a backend that answers nothing.
#pragma once

#include <chrono>
#include <cstddef>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Bytes within a second that begins with the first of them. Not thread-safe; the time is passed in.
class InvalidInputLimiter {
 public:
  static constexpr std::size_t kPieceBytes = 64;  // what each piece costs at least: looking at it takes time
  static constexpr std::size_t kBytesMax = 1024 * 1024;           // a second
  static constexpr std::size_t kNoteBytesMax = 16 * 1024 * 1024;  // a second, of valid notes

  explicit InvalidInputLimiter(TimePoint now, std::size_t bytes_max = kBytesMax)
      : since_(now), bytes_max_(bytes_max) {}

  // Counts bytes. Whether there are too many by now.
  bool count(std::size_t bytes, TimePoint now) {
    if (now >= until()) {
      since_ = now;
      bytes_ = 0;
    }
    bytes_ += bytes;
    return bytes_ > bytes_max_;
  }
  // The end of its second.
  TimePoint until() const { return since_ + std::chrono::seconds(1); }

 private:
  TimePoint since_;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::core
